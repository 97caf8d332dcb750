//! One application of a run: what all its processes have read.

use std::collections::BTreeMap;

use super::extent::{LagAt, RunExtent, events};
use crate::apps::Summary;
use crate::base::error::Result;
use crate::measure::latency::window::Stage;
use crate::measure::latency::{Footing, IntervalRow, Series, TAIL};
use crate::measure::verify::segments::SegmentReport;
use crate::output::hlog::{LogSeries, Outside, interval_log};
use crate::output::stages::stacked;
use crate::result::{AppClock, AppResult, LatencySummary};
use crate::workers::consume::GroupMember;

/// By which clocks an application's latencies were taken.
pub(in crate::run) enum Clocks {
    /// The senders' own.
    One,
    /// Others, no latency being off by more than so many ns; `None` where nobody can tell.
    Several(Option<u64>),
}

/// What an application leaves of a run.
pub(in crate::run) struct ReadingPart {
    pub(in crate::run) name: String,
    /// Its consumer group.
    pub(in crate::run) group: String,
    pub(in crate::run) workers: u16,
    /// Its latencies; interval `first` of it is the schedule's first.
    pub(in crate::run) series: Series,
    pub(in crate::run) first: u64,
    /// How late it was at the end of each interval of the schedule.
    pub(in crate::run) lags: BTreeMap<u64, LagAt>,
    /// Records that are not an event.
    pub(in crate::run) garbage: u64,
    /// What its group's members saw of their partitions.
    pub(in crate::run) members: Vec<GroupMember>,
    pub(in crate::run) summary: Option<Summary>,
    pub(in crate::run) segments: Option<SegmentReport>,
    pub(in crate::run) clocks: Clocks,
    /// What makes the run invalid.
    pub(in crate::run) faults: Vec<String>,
    /// Who left no part: a fault where something is missing.
    pub(in crate::run) absent: Vec<String>,
    /// What else a reader must know.
    pub(in crate::run) notices: Vec<String>,
}

/// The same, once nothing more comes.
pub(in crate::run) struct CompletePart {
    pub(super) part: ReadingPart,
    /// By interval of the schedule.
    pub(super) rows: BTreeMap<u64, IntervalRow>,
    /// On what its percentiles rest.
    footings: [Option<Footing>; 3],
}

impl ReadingPart {
    /// One that has read nothing; interval `first` of the series is the schedule's first.
    pub(in crate::run) fn new(name: &str, group: &str, series: Series, first: u64) -> Self {
        Self {
            name: name.to_owned(),
            group: group.to_owned(),
            workers: 0,
            series,
            first,
            lags: BTreeMap::new(),
            garbage: 0,
            members: Vec::new(),
            summary: None,
            segments: None,
            clocks: Clocks::One,
            faults: Vec::new(),
            absent: Vec::new(),
            notices: Vec::new(),
        }
    }

    /// Counts what it has never seen, by interval of the schedule; then it is complete.
    pub(super) fn complete(mut self, missed: &[u64], waited_ns: i64) -> CompletePart {
        for (due, &events) in (self.first..).zip(missed) {
            for stage in [Stage::Arrival, Stage::EndToEnd] {
                self.series.never(stage, due, events, waited_ns);
            }
        }
        let rows = self.series.rows().into_iter().filter(|(at, _)| *at >= self.first);
        let rows = rows.map(|(at, row)| (at - self.first, row)).collect();
        let footings = self.series.footings(TAIL);
        CompletePart { part: self, rows, footings }
    }

    fn clock(&self, p50_ns: Option<i64>) -> Option<AppClock> {
        let Clocks::Several(bound_ns) = self.clocks else { return None };
        let below = |bound_ns: u64| {
            p50_ns.is_none_or(|p50_ns| u64::try_from(p50_ns).is_ok_and(|p50| bound_ns <= p50))
        };
        Some(AppClock { bound_ns, usable: bound_ns.is_some_and(below) })
    }
}

impl CompletePart {
    pub(super) fn result(&self, reached: &RunExtent, interval_ns: u64) -> AppResult {
        let ReadingPart { series, summary, .. } = &self.part;
        let total = |stage| LatencySummary::of(series.total(stage));
        let end_to_end = total(Stage::EndToEnd).resting(self.footings);
        AppResult {
            name: self.part.name.clone(),
            group: self.part.group.clone(),
            workers: self.part.workers,
            consumed_per_s: reached.per_s(interval_ns, |at| events(&self.rows, at)),
            arrival: total(Stage::Arrival),
            service: total(Stage::Service),
            clock: self.part.clock(end_to_end.p50_ns),
            end_to_end,
            // Empty where another process sent: only that one knows when.
            end_to_end_uncorrected: total(Stage::EndToEndUncorrected),
            stack: stacked(series.stack(), series.total(Stage::EndToEnd)),
            garbage: self.part.garbage,
            members: self.part.members.clone(),
            flags: summary.as_ref().map_or(0, |summary| summary.flags.len() as u64),
            summary: summary.clone(),
            segments: self.part.segments,
            keeping_up: None,
        }
    }
}

/// `latency.hlog` of the applications.
pub(super) fn log(
    apps: &mut [CompletePart],
    start_wall_us: i64,
    interval_ns: u64,
) -> Result<String> {
    let first = apps.first().map_or(0, |app| app.part.first);
    let series = apps.iter_mut().map(|CompletePart { part: app, .. }| {
        let outside = app.series.total(Stage::EndToEnd).map(Outside::of).unwrap_or_default();
        LogSeries { tag: format!("{}.end_to_end", app.name), outside, log: app.series.log() }
    });
    interval_log(series.collect(), start_wall_us, first, interval_ns)
}
