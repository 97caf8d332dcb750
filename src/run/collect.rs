//! Takes the loops' windows in, and shows the run while it goes on.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::lag::PartitionEnds;
use super::strangers::Strangers;
use super::workers::{Channels, Workers};
use crate::base::clock::Clock;
use crate::client::target::Target;
use crate::load::schedule::Schedule;
use crate::measure::latency::Series;
use crate::measure::latency::window::{Stage, Window};
use crate::plan::Plan;
use crate::result::live::{Live, LiveApp};
use crate::result::run_event::Listener;

/// Everything that the loops have reported so far.
pub(super) struct Collector {
    sent_windows: Receiver<(Stage, Box<Window>)>,
    seen_windows: Receiver<(usize, Box<Window>)>,
    /// The producers' send delay.
    pub(super) sent: Series,
    /// The producers' acks.
    pub(super) acked: Series,
    /// Each application's stages, in the plan's order.
    pub(super) apps: Vec<Series>,
    /// How late each group was at the end of each interval of the run's clock.
    pub(super) lags: Vec<(u64, Vec<Lag>)>,
    /// How many sent events had no answer yet at the end of each interval.
    pub(super) unanswered: Vec<(u64, u64)>,
    /// Who else reads in the run's groups.
    pub(super) strangers: Strangers,
    ends: PartitionEnds,
    schedule: Schedule,
    names: Vec<String>,
    phases: Vec<String>,
    interval_ns: u64,
    before: Before,
    scenario: String,
}

/// How late a group is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Lag {
    /// Acknowledged and not processed.
    pub(super) records: u64,
    /// The age of the oldest of them.
    pub(super) seconds: f64,
}

/// The counters at the last look, for rates.
#[derive(Default)]
struct Before {
    at_ns: u64,
    sent: u64,
    acked: u64,
    positions: Vec<i64>,
}

impl Collector {
    pub(super) fn new(plan: &Plan, world: &dyn Target) -> (Self, Channels) {
        let (sent, sent_windows) = channel();
        let (seen, seen_windows) = channel();
        let log_width = log_width(plan);
        let collector = Self {
            sent_windows,
            seen_windows,
            sent: Series::new(Stage::SendDelay, log_width),
            acked: Series::new(Stage::Ack, log_width),
            apps: plan.apps.iter().map(|_| Series::new(Stage::EndToEnd, log_width)).collect(),
            lags: Vec::new(),
            unanswered: Vec::new(),
            strangers: Strangers::new(plan, world),
            ends: PartitionEnds::default(),
            schedule: Schedule::new(&plan.load, plan.seed),
            names: plan.apps.iter().map(|app| app.name.clone()).collect(),
            phases: plan.load.phases.iter().map(|phase| phase.name.clone()).collect(),
            interval_ns: plan.measure.interval_ms * 1_000_000,
            before: Before::default(),
            scenario: plan.name.clone(),
        };
        (collector, Channels { sent, seen })
    }

    /// What it has taken in, once more: for a result that is not the last one.
    pub(super) fn copy(&self) -> Self {
        // Nothing comes any more, and nobody looks at the ends.
        let ((_, sent_windows), (_, seen_windows)) = (channel(), channel());
        Self {
            sent_windows,
            seen_windows,
            sent: self.sent.clone(),
            acked: self.acked.clone(),
            apps: self.apps.clone(),
            lags: self.lags.clone(),
            unanswered: self.unanswered.clone(),
            ends: PartitionEnds::default(),
            schedule: self.schedule.clone(),
            names: self.names.clone(),
            phases: self.phases.clone(),
            interval_ns: self.interval_ns,
            before: Before::default(),
            scenario: self.scenario.clone(),
            strangers: self.strangers.copy(),
        }
    }

    /// Takes in what has come since the last look; once an interval, looks at the lag and
    /// shows the run.
    pub(super) fn tick(&mut self, crew: &Workers, clock: &dyn Clock, listener: &mut dyn Listener) {
        self.take_in();
        let now_ns = clock.now_ns();
        self.look(crew, now_ns);
        self.strangers.tick(crew.groups());
        if now_ns / self.interval_ns <= self.before.at_ns / self.interval_ns {
            return;
        }
        let late = self.lag(crew, now_ns);
        let lags: Vec<u64> = late.iter().map(|lag| lag.records).collect();
        self.lags.push((now_ns / self.interval_ns - 1, late));
        self.unanswered.push((now_ns / self.interval_ns - 1, crew.outstanding()));
        listener.look(&self.live(crew, now_ns, &lags));
    }

    /// Looks where the partitions end.
    fn look(&mut self, crew: &Workers, now_ns: u64) {
        self.ends.note(now_ns, &crew.receipts().ends());
        let positions = crew.groups().iter().map(|group| group.positions());
        if let Some(floors) = positions.reduce(|mut floors, positions| {
            floors.iter_mut().zip(positions).for_each(|(floor, at)| *floor = at.min(*floor));
            floors
        }) {
            self.ends.forget(&floors);
        }
    }

    /// How late each group is now.
    pub(super) fn lag(&self, crew: &Workers, now_ns: u64) -> Vec<Lag> {
        let seconds = crew.groups().iter().map(|group| self.ends.lag_s(now_ns, &group.positions()));
        let both = crew.lags().into_iter().zip(seconds);
        both.map(|(records, seconds)| Lag { records, seconds }).collect()
    }

    /// How late the latest group is now.
    pub(super) fn slowest(&self, crew: &Workers, now_ns: u64) -> Lag {
        let lags = self.lag(crew, now_ns).into_iter();
        let later = |one: &Lag, other: &Lag| {
            one.seconds.total_cmp(&other.seconds).then(one.records.cmp(&other.records))
        };
        lags.max_by(later).unwrap_or_default()
    }

    /// Takes in every window that has come.
    pub(super) fn take_in(&mut self) {
        while let Ok((stage, window)) = self.sent_windows.try_recv() {
            match stage {
                Stage::SendDelay => self.sent.add(&window),
                _ => self.acked.add(&window),
            }
        }
        while let Ok((app, window)) = self.seen_windows.try_recv() {
            if let Some(series) = self.apps.get_mut(app) {
                series.add(&window);
            }
        }
    }

    fn live(&mut self, crew: &Workers, now_ns: u64, lags: &[u64]) -> Live<'_> {
        let receipts = crew.receipts();
        let positions: Vec<i64> =
            crew.groups().iter().map(|group| group.positions().iter().sum()).collect();
        let now = Before {
            at_ns: now_ns,
            sent: receipts.accepted(),
            acked: receipts.records().iter().sum(),
            positions,
        };
        let before = std::mem::replace(&mut self.before, now);
        let now = &self.before;
        let seconds = (now_ns - before.at_ns) as f64 / 1e9;
        let since_ns = now_ns.saturating_sub(crew.start_ns());
        let app = |place: usize| LiveApp {
            name: &self.names[place],
            read: now.positions.get(place).map_or(0, |&read| read.max(0).unsigned_abs()),
            seen_per_s: (now.positions[place]
                - before.positions.get(place).copied().unwrap_or(now.positions[place]))
                as f64
                / seconds,
            p99_ns: self.apps[place].newest().and_then(|row| u64::try_from(row.p99_ns?).ok()),
            lag_records: lags[place],
            end_to_end: self.apps[place].total(Stage::EndToEnd),
        };
        let total_ns = self.schedule.duration_ns();
        let over = since_ns >= total_ns;
        Live {
            scenario: &self.scenario,
            elapsed: Duration::from_nanos(since_ns),
            total: Duration::from_nanos(total_ns),
            phase: (!over).then(|| self.phases[self.schedule.phase_at(since_ns)].as_str()),
            offered_per_s: if over { 0.0 } else { self.schedule.rate_at(since_ns) },
            sent_per_s: (now.sent - before.sent) as f64 / seconds,
            acked_per_s: (now.acked - before.acked) as f64 / seconds,
            sent: now.sent,
            acked: now.acked,
            failures: receipts.reasons(),
            send_delay: self.sent.total(Stage::SendDelay),
            ack: self.acked.total(Stage::Ack),
            apps: (0..self.names.len()).map(app).collect(),
        }
    }
}

/// Most histograms over time of one series: an hour of seconds, some 5 MB.
const LOG_ENTRIES_MAX: u64 = 3_600;

/// How many intervals share a histogram in the log.
fn log_width(plan: &Plan) -> u64 {
    let intervals = plan.load.duration_ns() / (plan.measure.interval_ms * 1_000_000).max(1);
    intervals.div_ceil(LOG_ENTRIES_MAX).max(1)
}
