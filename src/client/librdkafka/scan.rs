//! Reading a part of a topic once more: by assignment, without a group.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;

use super::recording::{Quiet, assign, check, consumer};
use crate::base::error::{Error, Result};

/// Longest wait for one record.
const WAIT: Duration = Duration::from_millis(50);

/// Longest wait for where one partition ends, before it is asked for again.
const ANSWER: Duration = Duration::from_secs(1);

/// How soon a cluster that does not answer is asked again.
const AGAIN: Duration = Duration::from_millis(200);

/// How long the log must stand still before its end is believed: a broker that was away may
/// still have requests before it that their sender has given up.
const QUIET: Duration = Duration::from_secs(1);

/// How often the reading goes on where the log has grown meanwhile. Who else writes to the topic
/// must not keep it going for ever.
const ROUNDS: usize = 5;

/// How long nothing may come: a broker that is away is not waited for.
const SILENCE: Duration = Duration::from_secs(3);

/// Why the log was not read as a whole, where somebody has ended the reading.
pub const INTERRUPTED: &str = "reading the topic once more was interrupted";

/// When a reading ends before its end.
#[allow(missing_debug_implementations, reason = "holds a closure")]
pub struct ScanUntil<'a> {
    /// At this time.
    pub deadline: Instant,
    /// When this says so; it is asked several times a second.
    pub stop: &'a dyn Fn() -> bool,
}

fn no_answer() -> String {
    format!("no answer for {} s", SILENCE.as_secs())
}

impl ScanUntil<'_> {
    /// Why the reading ends now, if it does: `what` is missing, and nothing has come `since`.
    fn ends(&self, since: Instant, what: &str) -> Option<String> {
        if (self.stop)() {
            Some(INTERRUPTED.to_owned())
        } else if Instant::now() >= self.deadline {
            Some(format!("{what} in time"))
        } else {
            let silent = since.elapsed() > SILENCE;
            silent.then(|| format!("{what}: {}", no_answer()))
        }
    }
}

/// Reads what lies between `starts` (an offset by partition) and the ends, and gives each
/// record's value to `each`. Returns why something was not read, if so.
///
/// # Errors
/// [`Error::Usage`] when librdkafka refuses a property, [`Error::Broker`] when nobody answers.
pub fn scan(
    bootstrap: &str,
    properties: &BTreeMap<String, String>,
    topic: &str,
    starts: &[i64],
    until: &ScanUntil<'_>,
    each: &mut dyn FnMut(Option<&[u8]>),
) -> Result<Option<String>> {
    let consumer = consumer(bootstrap, properties, None)?;
    let mut scan = Scan { consumer, topic, until, next: starts.to_vec(), gone: None };
    match scan.read_all(each) {
        Ok(()) => Ok(scan.gone),
        Err(why) if why.ends_with(&no_answer()) => Err(Error::Broker(why)),
        Err(why) => Ok(Some(why)),
    }
}

struct Scan<'a> {
    consumer: BaseConsumer<Quiet>,
    topic: &'a str,
    until: &'a ScanUntil<'a>,
    /// The next offset by partition.
    next: Vec<i64>,
    /// What was deleted before it could be read.
    gone: Option<String>,
}

impl Scan<'_> {
    fn read_all(&mut self, each: &mut dyn FnMut(Option<&[u8]>)) -> Result<(), String> {
        for round in 0..ROUNDS {
            let ends = self.ends()?;
            let open = self.next.iter().zip(&ends).any(|(next, end)| next < end);
            if !open && round > 0 {
                return Ok(());
            }
            self.read(&ends, each)?;
            std::thread::sleep(QUIET);
        }
        Ok(())
    }

    /// Where each partition ends; notes what begins later than it should.
    fn ends(&mut self) -> Result<Vec<i64>, String> {
        let mut ends = Vec::new();
        for (partition, next) in (0..).zip(&self.next) {
            let (start, end) = self.watermarks(partition)?;
            if start > *next && self.gone.is_none() {
                self.gone = Some(format!(
                    "records {next} to {} of partition {partition} were deleted before",
                    start - 1
                ));
            }
            ends.push(end);
        }
        Ok(ends)
    }

    fn watermarks(&self, partition: i32) -> Result<(i64, i64), String> {
        let began = Instant::now();
        loop {
            match self.consumer.fetch_watermarks(self.topic, partition, ANSWER) {
                Ok(span) => return Ok(span),
                Err(error) => {
                    check(self.topic, &error).map_err(|error| error.to_string())?;
                    let what = format!("the broker did not say where it ends ({error})");
                    if let Some(why) = self.until.ends(began, &what) {
                        return Err(why);
                    }
                    std::thread::sleep(AGAIN);
                }
            }
        }
    }

    fn read(&mut self, ends: &[i64], each: &mut dyn FnMut(Option<&[u8]>)) -> Result<(), String> {
        let starts: Vec<(i32, i64)> = (0..)
            .zip(self.next.iter().zip(ends))
            .filter(|(_, (next, end))| next < end)
            .map(|(partition, (next, _))| (partition, *next))
            .collect();
        let mut open = starts.len();
        assign(&self.consumer, self.topic, starts.into_iter())
            .map_err(|error| error.to_string())?;
        let mut since = Instant::now();
        while open > 0 {
            if let Some(why) = self.until.ends(since, "records were not read") {
                let left: i64 = self.next.iter().zip(ends).map(|(next, end)| end - next).sum();
                return Err(if why == INTERRUPTED { why } else { format!("{left} {why}") });
            }
            let (partition, reached) = match self.consumer.poll(WAIT) {
                Some(Ok(message)) => {
                    let place = usize::try_from(message.partition()).unwrap_or(usize::MAX);
                    let is_new = self.next.get(place).is_some_and(|next| message.offset() >= *next);
                    if is_new {
                        each(message.payload());
                    }
                    (place, message.offset() + 1)
                }
                // What lies before the end was compacted away, or is a transaction's.
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    let place = usize::try_from(partition).unwrap_or(usize::MAX);
                    (place, ends.get(place).copied().unwrap_or(0))
                }
                Some(Err(error)) => {
                    check(self.topic, &error).map_err(|error| error.to_string())?;
                    continue;
                }
                None => continue,
            };
            if let (Some(next), Some(end)) = (self.next.get_mut(partition), ends.get(partition)) {
                since = Instant::now();
                let was_open = *next < *end;
                *next = reached.max(*next);
                open -= usize::from(was_open && *next >= *end);
            }
        }
        Ok(())
    }
}
