//! A topic read again by an application: without its group, from one place to another, as fast
//! as it goes or at the times of the events. What is measured is the reading.

mod feed;
mod place;
mod speed;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::consumer::{AlertLimiter, SummaryDue, Update};
use crate::apps::{AppKind, Rhythm};
use crate::base::clock::{Clock, SystemClock, wake_on_time, wall_clock_us};
use crate::base::error::Result;
use crate::client::target::Target;
use crate::client::topic_reader::OffsetRange;
use crate::event::Arrival;
use crate::event::codec::Codec;
use crate::measure::latency::Latency;
use crate::plan::AppPlan;
use crate::result::{LatencySummary, Replayed};
use crate::run::merge::FLAGS_KEPT;
use crate::workers::consume::AppReader;

use feed::{Paced, Polled, RecordFeed};
pub use place::{ReplayEnd, ReplayPlace, ReplayRange, words_of};
pub use speed::Speed;

/// Most records between two looks at the clock and at the signal.
const BATCH_RECORDS: usize = 1_024;

/// Longest wait for a record.
const WAIT: Duration = Duration::from_millis(50);

/// How long nothing may come though there is more: a broker that restarts is back by then.
const PATIENCE: Duration = Duration::from_secs(20);

/// From so long a gap on somebody should know that it is one.
const GAP_TOLD: Duration = Duration::from_secs(10);

/// What to read, and how.
#[allow(missing_debug_implementations, reason = "holds clients")]
#[derive(Clone)]
pub struct ReplayOrder {
    /// Where the brokers are, in words.
    pub bootstrap: String,
    /// The brokers.
    pub world: Arc<dyn Target>,
    /// The topic.
    pub topic: String,
    /// What its events are read by.
    pub codec: &'static dyn Codec,
    /// What of it.
    pub stretches: Vec<OffsetRange>,
    /// Only the events of this run.
    pub run: Option<u32>,
    /// How fast.
    pub speed: Speed,
    /// When to say what was found so far; `None` for not before the end.
    pub rhythm: Option<Rhythm>,
}

/// What is counted while reading.
#[derive(Debug, Default)]
struct ReplayCounts {
    records: u64,
    other_runs: u64,
    bytes: u64,
    first_ns: Option<u64>,
    last_ns: u64,
    service: Latency,
}

/// One application that reads a topic again.
#[allow(missing_debug_implementations, reason = "holds clients")]
pub struct Replay {
    order: Arc<ReplayOrder>,
    reader: AppReader,
    name: &'static str,
    clock: Arc<SystemClock>,
    signal: Arc<AtomicUsize>,
    pace: SummaryDue,
    told: AlertLimiter,
}

impl Replay {
    /// Opens nothing yet. `signal` is not 0 once it shall stop.
    #[must_use]
    pub fn new(
        kind: &'static AppKind,
        app: &AppPlan,
        order: Arc<ReplayOrder>,
        signal: Arc<AtomicUsize>,
    ) -> Self {
        Self {
            // Without a rhythm it is silent, but for the alerts, which nobody takes.
            pace: SummaryDue::new(order.rhythm.unwrap_or(Rhythm::Alerts)),
            told: AlertLimiter::default(),
            reader: AppReader::new(kind, app.clone(), order.codec),
            order,
            name: kind.schema.name,
            clock: Arc::new(SystemClock::start()),
            signal,
        }
    }

    /// Reads all of it, or until the signal. `say` gets what there is to say meanwhile.
    ///
    /// # Errors
    /// [`crate::base::error::Error::Broker`] when the topic can't be read any further, and whatever
    /// `say` says. Where nothing comes for 20 s though there is more, what was found until then is
    /// the answer, with the fault in it.
    pub fn run(mut self, mut say: impl FnMut(&Update<'_>) -> Result<()>) -> Result<Replayed> {
        wake_on_time();
        let began_ns = self.clock.now_ns();
        let mut feed = self.open()?;
        let mut tally = ReplayCounts::default();
        let (mut progress, mut told_gap) = (Instant::now(), false);
        let (mut complete, mut fault) = (false, None);
        while self.signal.load(Ordering::Relaxed) == 0 {
            match self.read(&mut *feed, &mut tally, &mut say)? {
                Polled::Records(_) => told_gap = false,
                Polled::Waiting(left_ns) => {
                    let left = Duration::from_nanos(left_ns);
                    if left > GAP_TOLD && !told_gap {
                        told_gap = true;
                        say(&Update::Gap(left))?;
                    }
                }
                Polled::Nothing if progress.elapsed() > PATIENCE => {
                    fault = Some(self.silence(&*feed));
                    break;
                }
                Polled::Nothing => continue,
                Polled::End => {
                    complete = true;
                    break;
                }
            }
            progress = Instant::now();
            self.speak(&mut say)?;
        }
        let replayed = self.finish(began_ns, &tally, complete, feed.late_max_ns());
        Ok(Replayed { fault, ..replayed })
    }

    fn open(&self) -> Result<Box<dyn RecordFeed>> {
        let ReplayOrder { world, topic, codec, stretches, speed, .. } = &*self.order;
        let mut reader = world.reader(Some(topic), codec.stamp_place())?;
        Ok(match *speed {
            Speed::Max => {
                reader.read(stretches)?;
                Box::new(reader)
            }
            Speed::Times(times) => {
                reader.read_apart(stretches)?;
                let partitions: Vec<i32> = stretches.iter().map(|s| s.partition).collect();
                let clock = self.clock.clone();
                Box::new(Paced::new(Box::new(reader), &partitions, times, *codec, clock))
            }
        })
    }

    /// Reads a batch.
    fn read(
        &mut self,
        feed: &mut dyn RecordFeed,
        tally: &mut ReplayCounts,
        say: &mut impl FnMut(&Update<'_>) -> Result<()>,
    ) -> Result<Polled> {
        let Self { reader, clock, pace, order, .. } = self;
        // Once a batch: it is only held against times that lie far ahead.
        let now_us = wall_clock_us();
        let mut failed = None;
        let polled = feed.poll(BATCH_RECORDS, WAIT, &mut |partition, record| {
            let stamp = || order.codec.stamp(record.header, record.payload);
            let is_of = |run| stamp().is_some_and(|stamp| stamp.run == run);
            if order.run.is_some_and(|run| !is_of(run)) {
                tally.other_runs += 1;
                return;
            }
            let polled_ns = clock.now_ns();
            let arrival = Arrival {
                partition,
                offset: record.offset,
                key: record.key,
                header: record.header,
                payload: record.payload,
                at_us: record.at_us,
            };
            let seen = reader.observe(&arrival, now_us);
            let done_ns = clock.now_ns();
            tally.records += 1;
            tally.bytes += (len(record.key) + len(record.payload)) as u64;
            tally.first_ns.get_or_insert(polled_ns);
            tally.last_ns = done_ns;
            if seen {
                tally.service.record(i64::try_from(done_ns - polled_ns).unwrap_or(i64::MAX));
                if pace.is_due_after_event() {
                    let told = say(&Update::Summary(&reader.summary(), reader.read()));
                    failed = failed.take().or(told.err());
                }
            }
        })?;
        failed.map_or(Ok(polled), Err)
    }

    /// Says what is due by time, and the alerts, where somebody wants to hear of them.
    fn speak(&mut self, say: &mut impl FnMut(&Update<'_>) -> Result<()>) -> Result<()> {
        if self.order.rhythm.is_none() {
            return Ok(());
        }
        self.told.alerts(&mut self.reader, say)?;
        if self.pace.is_due_by_time() {
            say(&Update::Summary(&self.reader.summary(), self.reader.read()))?;
        }
        Ok(())
    }

    fn silence(&self, feed: &dyn RecordFeed) -> String {
        format!(
            "topic {}: no record came within {} s from partitions {:?}",
            self.order.topic,
            PATIENCE.as_secs(),
            feed.left()
        )
    }

    fn finish(
        mut self,
        began_ns: u64,
        tally: &ReplayCounts,
        complete: bool,
        late_max_ns: Option<u64>,
    ) -> Replayed {
        let seconds = |ns: u64| ns as f64 / 1e9;
        let first_ns = tally.first_ns.unwrap_or(began_ns);
        let last_ns = tally.last_ns.max(first_ns);
        let consume_s = seconds(last_ns - first_ns);
        // Of one record there is no rate.
        let rate = |count: u64| (tally.records > 1).then(|| count as f64 / consume_s.max(1e-9));
        self.reader.end();
        let mut summary = self.reader.summary();
        let flags = summary.flags.len() as u64;
        // As in a run's result.
        summary.flags.truncate(FLAGS_KEPT);
        let offsets: u64 = self.order.stretches.iter().map(OffsetRange::offsets).sum();
        Replayed {
            app: self.name.to_owned(),
            complete,
            fault: None,
            read: self.reader.read(),
            records: tally.records,
            bytes: tally.bytes,
            other_runs: tally.other_runs,
            left: offsets.saturating_sub(tally.records + tally.other_runs),
            ready_s: seconds(first_ns - began_ns),
            consume_s,
            drain_s: complete.then(|| seconds(last_ns - began_ns)),
            records_per_s: rate(tally.records),
            bytes_per_s: rate(tally.bytes),
            late_max_s: late_max_ns.map(seconds),
            service: LatencySummary::of(Some(&tally.service)),
            flags,
            summary,
        }
    }
}

fn len(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(0, <[u8]>::len)
}
