//! A recorded topic as the load: the plan that it makes, and the thread that reads it.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::threads::spawn;
use crate::base::clock::Clock;
use crate::base::date;
use crate::base::error::{Error, Result};
use crate::client::target::Target;
use crate::client::topic_reader::OffsetRange;
use crate::plan::{PhasePlan, Plan, RateSegment, ReplayPlan, Shape};
use crate::result::RecordingResult;
use crate::result::run_event::RunEvent;
use crate::result::run_fault::RunFault;
use crate::workers::produce::{Merge, PrefetchState, RecordingCounts, Workload, cue_up, due_ns};

/// Longest wait for one record before the schedule starts.
const WAIT: Duration = Duration::from_millis(50);

/// How long nothing at all may come before the schedule starts.
const PATIENCE: Duration = Duration::from_secs(10);

/// Shortest schedule: a recording of one moment has a rate all the same.
const DURATION_MIN_NS: u64 = 1_000_000;

/// A recording that is ready to be read.
pub(super) struct RecordedLoad {
    plan: ReplayPlan,
    merge: Merge,
    first_us: i64,
    last_us: i64,
    /// Between the topic's starts and ends.
    records: u64,
}

impl RecordedLoad {
    /// Opens the recording that the plan names, and completes the plan by what is found: its
    /// phases. `None` for a plan without one.
    ///
    /// # Errors
    /// [`Error::Broker`] when the recording can't be read, [`Error::Invalid`] when it holds no
    /// event, [`Error::Usage`] when it is shorter than the warm-up, and whatever `go_on` says.
    pub(super) fn open(
        plan: &Plan,
        world: &dyn Target,
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<Option<(Plan, Self)>> {
        let Some(replay) = plan.load.replay.clone() else {
            return Ok(None);
        };
        let codec = plan.event.codec();
        let mut reader = world.reader(Some(&replay.topic), codec.stamp_place())?;
        let spans = reader.spans()?;
        let ranges = OffsetRange::whole(&spans);
        let records = ranges.iter().map(OffsetRange::offsets).sum();
        if records == 0 {
            let topic = &replay.topic;
            return Err(Error::Broker(format!("topic {topic} is empty: nothing can be replayed")));
        }
        let newest_us = reader.newest_us(&spans, codec, go_on)?;
        reader.read_apart(&ranges)?;
        let mut merge = Merge::new(Box::new(reader), codec, newest_us.unwrap_or(i64::MAX));
        make_ready(&mut merge, &replay.topic, go_on)?;
        let (Some(first_us), Some(last_us)) = (merge.next_us(), newest_us) else {
            return Err(Error::Invalid(format!(
                "topic {} holds no event that can be sent again: {}",
                replay.topic,
                found(merge.counts())
            )));
        };
        let last_us = last_us.max(first_us);
        let mut plan = plan.clone();
        plan.load.phases = phases(&replay, records, last_us - first_us)?;
        Ok(Some((plan, Self { plan: replay, merge, first_us, last_us, records })))
    }

    /// What will be replayed.
    pub(super) fn began(&self) -> RunEvent {
        RunEvent::ReplayBegan {
            topic: self.plan.topic.clone(),
            records: self.records,
            span_s: (self.last_us - self.first_us) as f64 / 1e6,
            speed: self.plan.speed,
        }
    }

    /// Starts the reading, and gives each shard its script.
    pub(super) fn start(
        self,
        plan: &Plan,
        clock: Arc<dyn Clock>,
    ) -> Result<(Vec<Workload>, RecordingThread)> {
        let Self { plan: replay, merge, first_us, last_us, records } = self;
        let idle_us = idle_us(plan);
        let (scripts, feed) = cue_up(merge, plan.load.producers, replay.speed, idle_us, clock);
        let ahead = feed.ahead();
        let thread = spawn("replay", move || feed.run())?;
        Ok((scripts, RecordingThread { plan: replay, ahead, thread, first_us, last_us, records }))
    }
}

/// The thread that reads a recording.
pub(super) struct RecordingThread {
    plan: ReplayPlan,
    ahead: Arc<PrefetchState>,
    thread: JoinHandle<(Merge, Option<Error>)>,
    first_us: i64,
    last_us: i64,
    records: u64,
}

/// What is left of the reading.
pub(super) struct ReadingLeft {
    pub(super) result: RecordingResult,
    /// What went wrong.
    pub(super) fault: Option<String>,
    /// Still open: closing it may hang.
    pub(super) merge: Option<Merge>,
}

impl RecordingThread {
    /// Waits for the reading's end: call it when nobody sends any more.
    pub(super) fn finish(self) -> ReadingLeft {
        let Self { plan, ahead, thread, first_us, last_us, records } = self;
        let (merge, fault) = match thread.join() {
            Ok((merge, fault)) => (
                Some(merge),
                fault.map(|error| {
                    let why = error.to_string();
                    RunFault::Failed { who: "replay".to_owned(), why }.to_string()
                }),
            ),
            Err(_) => {
                let who = "the reading of the recording".to_owned();
                (None, Some(RunFault::Panicked { who }.to_string()))
            }
        };
        let counts = merge.as_ref().map(|merge| merge.counts().clone()).unwrap_or_default();
        let (late, late_max_ns) = ahead.late();
        let result = RecordingResult {
            topic: plan.topic,
            records,
            read: counts.records,
            events: counts.events(),
            probes: counts.probes,
            skipped: counts.skipped,
            other_keys: counts.other_keys,
            disbelieved: counts.disbelieved,
            first: date::micros(first_us),
            last: date::micros(last_us),
            span_s: (last_us - first_us) as f64 / 1e6,
            late,
            late_max_ns,
        };
        ReadingLeft { result, fault, merge }
    }
}

/// Reads until the first event is known.
fn make_ready(merge: &mut Merge, topic: &str, go_on: &dyn Fn() -> Result<()>) -> Result<()> {
    let mut progress = (Instant::now(), 0);
    while !merge.ready(WAIT)? {
        go_on()?;
        let read = merge.counts().records;
        if read > progress.1 {
            progress = (Instant::now(), read);
        } else if progress.0.elapsed() > PATIENCE {
            return Err(Error::Broker(format!(
                "topic {topic}: no record came within {} s; {read} were read before",
                PATIENCE.as_secs()
            )));
        }
    }
    Ok(())
}

/// One phase at the recording's mean rate, its front cut off as the warm-up.
fn phases(replay: &ReplayPlan, records: u64, span_us: i64) -> Result<Vec<PhasePlan>> {
    // The last event is due within the schedule, not at its end.
    let duration_ns = (due_ns(span_us, replay.speed) + 1_000).max(DURATION_MIN_NS);
    let warmup_ns = replay.warmup_ns / 1_000 * 1_000;
    if warmup_ns >= duration_ns {
        return Err(Error::usage(format!(
            "the warm-up of {} s leaves nothing to measure: replaying topic {} lasts {} s",
            warmup_ns as f64 / 1e9,
            replay.topic,
            duration_ns as f64 / 1e9
        )));
    }
    let rate_per_s = records as f64 / (duration_ns as f64 / 1e9);
    let shape = Shape::Linear { from_per_s: rate_per_s, to_per_s: rate_per_s };
    let phase = |name: &str, warmup, duration_ns| PhasePlan {
        name: name.to_owned(),
        warmup,
        segments: vec![RateSegment { duration_ns, shape }],
        hot: None,
        sale: None,
    };
    let mut phases = Vec::new();
    if warmup_ns > 0 {
        phases.push(phase("warm-up", true, warmup_ns));
    }
    phases.push(phase("replay", false, duration_ns - warmup_ns));
    Ok(phases)
}

/// After how long without an event the applications begin a new session.
fn idle_us(plan: &Plan) -> i64 {
    let idle_ms = plan.apps.iter().filter_map(|app| app.options.get("session_idle_ms"));
    idle_ms.map(|idle_ms| (idle_ms * 1_000.0) as i64).min().unwrap_or(i64::MAX)
}

/// What was read, in words.
fn found(counts: &RecordingCounts) -> String {
    let mut parts = vec![format!("{} records", counts.records)];
    if counts.probes > 0 {
        parts.push(format!("kbench's own probes {}", counts.probes));
    }
    parts.extend(counts.skipped.iter().map(|(reason, count)| format!("{reason} {count}")));
    parts.join(", ")
}
