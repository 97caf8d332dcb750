//! One application, from what each of its processes has recorded.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::apps::{Summary, Totals};
use crate::base::error::{Error, Result};
use crate::measure::latency::window::Stage;
use crate::measure::latency::{Footing, IntervalRow, SampleCell, Series, TAIL};
use crate::result::{AppClock, AppResult, ClockBound, LatencySummary};
use crate::run::parts::part::{AppName, AppPart, Begun, ConsumerPart, ProducerPart, ROWS_MORE_MAX};
use crate::run::undelivered::never_seen;
use crate::workers::consume::GroupMember;

/// One application.
pub(super) struct Merged<'a> {
    pub(super) name: AppName,
    pub(super) parts: AppParts<'a>,
    /// By intervals of the schedule.
    pub(super) series: Series,
    /// The same, once it is complete.
    pub(super) rows: BTreeMap<u64, IntervalRow>,
    /// On what its percentiles rest.
    footings: [Option<Footing>; 3],
    pub(super) consumed_per_s: f64,
    /// The first interval since 1970 in which anything was processed.
    first: Option<u64>,
    /// Events whose stamps say that they were due outside of the schedule.
    astray: u64,
}

impl<'a> Merged<'a> {
    pub(super) fn new(
        name: &AppName,
        parts: AppParts<'a>,
        producer: &ProducerPart,
    ) -> Result<Self> {
        let start = producer.start_interval;
        let mut series = Series::new(Stage::EndToEnd, producer.intervals.div_ceil(3_600).max(1));
        let (mut first, mut astray): (Option<u64>, u64) = (None, 0);
        for (part, app) in &parts {
            let pages = app.pages.get(&producer.outcomes.run).into_iter().flatten();
            for page in pages {
                let damaged = |what: String| {
                    let file = part.file.display();
                    Error::usage(format!("{file}: is damaged, {}: {what}", name.name))
                };
                let page: SampleCell =
                    serde_json::from_str(page.get()).map_err(|error| damaged(error.to_string()))?;
                page.check(start + producer.intervals + ROWS_MORE_MAX).map_err(damaged)?;
                let earliest = page.processed.keys().next().copied();
                first = first.into_iter().chain(earliest).min();
                // A stamp that says another time than the schedule is not a figure of the schedule.
                if (start..=start + producer.intervals).contains(&page.due) {
                    page.enter(&mut series, start, start + producer.measured.start);
                } else {
                    astray += page.end_to_end.count();
                }
            }
        }
        let (name, consumed_per_s) = (name.clone(), 0.0);
        let (rows, footings) = (BTreeMap::new(), [None; 3]);
        Ok(Self { name, parts, series, rows, footings, consumed_per_s, first, astray })
    }

    /// Counts what it has never seen, by interval of the schedule; then its rows are complete.
    pub(super) fn never_seen(&mut self, missed: &[u64], producer: &ProducerPart) {
        never_seen(&mut self.series, 0, missed, producer.waited_ns);
        self.rows = self.series.rows();
        self.footings = self.series.footings(TAIL);
    }

    pub(super) fn result(&self, producer: &ProducerPart) -> AppResult {
        let total = |stage| LatencySummary::of(self.series.total(stage));
        let summary = self.summary(producer.outcomes.run);
        let end_to_end = total(Stage::EndToEnd).resting(self.footings);
        AppResult {
            name: self.name.name.clone(),
            group: self.name.group.clone(),
            workers: u16::try_from(self.parts.len()).unwrap_or(u16::MAX),
            consumed_per_s: self.consumed_per_s,
            arrival: total(Stage::Arrival),
            service: total(Stage::Service),
            clock: self.clock(producer, end_to_end.p50_ns),
            end_to_end,
            // When an event was sent is known to the producer's process only.
            end_to_end_uncorrected: LatencySummary::default(),
            stack: Vec::new(),
            garbage: self.parts.iter().map(|(_, app)| app.notes.garbage).sum(),
            members: self.members(producer),
            flags: summary.as_ref().map_or(0, |summary| summary.flags.len() as u64),
            summary,
            segments: None,
            keeping_up: None,
        }
    }

    /// Each of its processes has been one member of its group.
    fn members(&self, producer: &ProducerPart) -> Vec<GroupMember> {
        let since_1970_ns = |interval: u64| {
            let ns = (producer.start_interval + interval).saturating_mul(producer.interval_ns);
            i64::try_from(ns).unwrap_or(i64::MAX)
        };
        let Range { start, end } = producer.measured;
        let measured = since_1970_ns(start)..since_1970_ns(end);
        self.parts.iter().map(|(_, app)| app.assignments.within(&measured)).collect()
    }

    /// The widest bound of its processes.
    fn clock(&self, producer: &ProducerPart, p50_ns: Option<i64>) -> Option<AppClock> {
        let bounds: Option<Vec<u64>> = self
            .parts
            .iter()
            .map(|(part, _)| clock(producer, part).map(|clock| clock.bound_ns()))
            .collect();
        if self.parts.is_empty() {
            return None;
        }
        let bound_ns = bounds.and_then(|bounds| bounds.into_iter().max());
        let below = |bound_ns: u64| {
            p50_ns.is_none_or(|p50_ns| u64::try_from(p50_ns).is_ok_and(|p50| bound_ns <= p50))
        };
        Some(AppClock { bound_ns, usable: bound_ns.is_some_and(below) })
    }

    /// The answers, where they are about this run and nothing else: of one process as they are, of
    /// several what can be added up without their states.
    fn summary(&self, run: u32) -> Option<Summary> {
        let all: Option<Vec<&Summary>> = self
            .parts
            .iter()
            .map(|(_, app)| pure(app, run).then_some(app.summary.as_ref()?))
            .collect();
        match all?.as_slice() {
            [] => None,
            [one] => Some((*one).clone()),
            several => {
                let mut totals = Totals { sessions: None, users: None, ..Totals::default() };
                several.iter().for_each(|summary| totals.add(&summary.totals));
                Some(Summary { app: self.name.name.clone(), totals, ..Summary::default() })
            }
        }
    }

    /// What makes the run invalid, and what else a reader must know.
    pub(super) fn said(
        &self,
        producer: &ProducerPart,
        missing: bool,
        begun: &[&Begun],
    ) -> (Vec<String>, Vec<String>) {
        let name = &self.name.name;
        let (mut faults, mut notices) = (Vec::new(), Vec::new());
        if self.parts.is_empty() {
            faults.push(format!("{name}: nobody has recorded a part of it"));
        }
        if self.astray > 0 {
            faults.push(format!(
                "{name}: {} events were due outside of the schedule, and are in no figure",
                self.astray
            ));
        }
        for left in begun.iter().filter(|left| left.apps.contains(name)) {
            let line = format!(
                "{name}: the consumer process {} of {} has left no part: killed, or still reading",
                left.pid, left.since
            );
            if missing { faults.push(line) } else { notices.push(line) }
        }
        for (part, app) in &self.parts {
            if let Some(fault) = &part.fault {
                faults.push(format!("{name}: the consumer process {} ended: {fault}", part.pid));
            }
            if part.topic != producer.result.broker.topic.name {
                notices.push(format!(
                    "{name}: the consumer process {} read topic {}",
                    part.pid, part.topic
                ));
            }
            if !pure(app, producer.outcomes.run) {
                notices.push(format!(
                    "{name}: the consumer process {} read other events too: its answers are left \
                     out",
                    part.pid
                ));
            }
            if let Some(ahead) = app.read.map(|read| read.ahead).filter(|ahead| *ahead > 0) {
                notices.push(format!(
                    "{name}: the consumer process {} left out {ahead} events that lay further \
                     ahead in time than others bear out",
                    part.pid
                ));
            }
            if part.build != producer.result.build {
                notices.push(format!(
                    "{name}: the consumer process {} is another kbench than the producer",
                    part.pid
                ));
            }
        }
        if self.parts.len() > 1 {
            notices.push(format!(
                "{name}: of its {} processes only the totals are added up: sessions, tables and \
                 alerts are left out",
                self.parts.len()
            ));
        }
        let measured_from = producer.start_interval + producer.measured.start;
        if let Some(late) = self.first.and_then(|first| first.checked_sub(measured_from + 1))
            && late > 0
        {
            notices.push(format!(
                "{name}: joined late: it read its first event {} s or more after the measured part \
                 began, and its figures contain that",
                late as f64 * producer.interval_ns as f64 / 1e9
            ));
        }
        (faults, notices)
    }
}

/// Whether an application has observed events of this run only.
pub(super) fn pure(app: &AppPart, run: u32) -> bool {
    let notes = app.notes.runs.get(&run);
    let records = notes.map_or(0, |notes| notes.places.count());
    let corrupt = notes.map_or(0, |notes| notes.corrupt.count());
    app.read.is_some_and(|read| read.events == records - corrupt.min(records))
}

/// What consumers have recorded of one application.
pub(super) type AppParts<'a> = Vec<(&'a ConsumerPart, &'a AppPart)>;

pub(super) fn clock(producer: &ProducerPart, part: &ConsumerPart) -> Option<ClockBound> {
    let (ahead_ns, uncertain_ns) = part.anchor.ahead_of(&producer.anchor)?;
    Some(ClockBound { ahead_ns, uncertain_ns })
}
