//! Reading a topic to its end, though that may move meanwhile.

use std::time::{Duration, Instant};

use super::{OffsetRange, TopicReader};
use crate::base::error::{Error, Result};
use crate::workers::produce::RecordRef;

/// Longest wait for one record.
const WAIT: Duration = Duration::from_millis(50);

/// Most records between two looks at the clock.
const BATCH_RECORDS: usize = 1_024;

/// Longest wait for where one partition ends, before it is asked for again.
const ANSWER: Duration = Duration::from_secs(1);

/// How soon a cluster that does not answer is asked again.
const AGAIN: Duration = Duration::from_millis(200);

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

impl TopicReader {
    /// Reads what lies between `starts` (an offset by partition) and the ends, and gives each
    /// record's value to `each`. The end is believed once it has stood still for a while: a broker
    /// that was away may still have requests before it that their sender has given up. Returns why
    /// something was not read, if so.
    ///
    /// # Errors
    /// [`Error::Broker`] when nobody answers.
    pub fn scan(
        &mut self,
        starts: &[i64],
        until: &ScanUntil<'_>,
        each: &mut dyn FnMut(&RecordRef<'_>),
    ) -> Result<Option<String>> {
        let mut scan = Scan { reader: self, until, next: starts.to_vec(), gone: Vec::new() };
        match scan.read_all(each) {
            Ok(()) if scan.gone.is_empty() => Ok(None),
            Ok(()) => Ok(Some(scan.reader.log.gone_words(&scan.gone))),
            Err(why) if why.ends_with(&no_answer()) => Err(Error::Broker(why)),
            Err(why) => Ok(Some(why)),
        }
    }
}

struct Scan<'a> {
    reader: &'a mut TopicReader,
    until: &'a ScanUntil<'a>,
    /// The next offset by partition.
    next: Vec<i64>,
    /// What was deleted before it could be read.
    gone: Vec<OffsetRange>,
}

impl Scan<'_> {
    fn read_all(&mut self, each: &mut dyn FnMut(&RecordRef<'_>)) -> Result<(), String> {
        for round in 0..ROUNDS {
            let ends = self.ends()?;
            let open = self.next.iter().zip(&ends).any(|(next, end)| next < end);
            if !open && round > 0 {
                return Ok(());
            }
            self.read(&ends, each)?;
            std::thread::sleep(self.reader.log.quiet());
        }
        Ok(())
    }

    /// Where each partition ends; notes what begins later than it should.
    fn ends(&mut self) -> Result<Vec<i64>, String> {
        let mut ends = Vec::new();
        for (partition, &next) in (0..).zip(&self.next) {
            let (start, end) = self.span(partition)?;
            if start > next {
                self.gone.push(OffsetRange { partition, from: next, until: start });
            }
            ends.push(end);
        }
        Ok(ends)
    }

    fn span(&self, partition: i32) -> Result<(i64, i64), String> {
        let began = Instant::now();
        loop {
            let answer = self.reader.log.span(partition, ANSWER);
            match answer.map_err(|error| error.to_string())? {
                Ok(span) => return Ok(span),
                Err(words) => {
                    let what = format!("the broker did not say where it ends ({words})");
                    if let Some(why) = self.until.ends(began, &what) {
                        return Err(why);
                    }
                    std::thread::sleep(AGAIN);
                }
            }
        }
    }

    fn read(&mut self, ends: &[i64], each: &mut dyn FnMut(&RecordRef<'_>)) -> Result<(), String> {
        let words = |error: Error| error.to_string();
        let spans: Vec<(i64, i64)> =
            self.next.iter().zip(ends).map(|(next, end)| (*next, *end)).collect();
        self.reader.read(&OffsetRange::whole(&spans)).map_err(words)?;
        let mut since = Instant::now();
        while self.reader.open > 0 {
            if let Some(why) = self.until.ends(since, "records were not read") {
                let left: u64 = self.reader.left().map(OffsetRange::offsets).sum();
                return Err(if why == INTERRUPTED { why } else { format!("{left} {why}") });
            }
            let before = self.reader.open;
            let mut record = |_, record: &RecordRef<'_>| each(record);
            let count = self.reader.poll(BATCH_RECORDS, WAIT, &mut record).map_err(words)?;
            if count > 0 || self.reader.open < before {
                since = Instant::now();
            }
        }
        for (next, end) in self.next.iter_mut().zip(ends) {
            *next = (*next).max(*end);
        }
        Ok(())
    }
}
