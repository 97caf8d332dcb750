//! One application, from what each of its processes has recorded.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::apps::{Summary, Totals};
use crate::base::error::{Error, Result};
use crate::measure::latency::window::Stage;
use crate::measure::latency::{SampleCell, Series};
use crate::result::{ClockBound, Interval, RunResult};
use crate::run::merge::{Clocks, LagAt, ReadingPart};
use crate::run::parts::part::{AppName, AppPart, Begun, ConsumerPart, ProducerPart, ROWS_MORE_MAX};
use crate::workers::consume::GroupMember;

/// What all processes of one application have read of the producer's run.
pub(super) fn reading(
    name: &AppName,
    parts: &AppParts<'_>,
    producer: &ProducerPart,
    begun: &[&Begun],
) -> Result<ReadingPart> {
    let samples = samples(name, parts, producer)?;
    let faults = faults(name, parts, &samples);
    let notices = notices(name, parts, producer, &samples);
    let series = samples.series;
    let run = producer.outcomes.run;
    Ok(ReadingPart {
        workers: u16::try_from(parts.len()).unwrap_or(u16::MAX),
        lags: lags(&producer.result.series, series.events(), producer.intervals),
        garbage: parts.iter().map(|(_, app)| app.notes.garbage).sum(),
        members: members(parts, producer),
        summary: summary(name, parts, run),
        clocks: clocks(parts, producer),
        faults,
        absent: absent(name, begun),
        notices,
        ..ReadingPart::new(&name.name, &name.group, series, 0)
    })
}

/// The latencies of one application.
struct Samples {
    /// By intervals of the schedule.
    series: Series,
    /// The first interval since 1970 in which anything was processed.
    first: Option<u64>,
    /// Events whose stamps say that they were due outside of the schedule.
    astray: u64,
}

fn samples(name: &AppName, parts: &AppParts<'_>, producer: &ProducerPart) -> Result<Samples> {
    let start = producer.start_interval;
    let mut series = Series::new(Stage::EndToEnd, producer.intervals.div_ceil(3_600).max(1));
    let (mut first, mut astray): (Option<u64>, u64) = (None, 0);
    for (part, app) in parts {
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
    Ok(Samples { series, first, astray })
}

/// How many records were acknowledged and not processed at the end of each interval, from the
/// producer's rows and the events that came through by interval.
fn lags(sent: &[Interval], seen: &BTreeMap<u64, u64>, intervals: u64) -> BTreeMap<u64, LagAt> {
    let last = seen.keys().next_back().map_or(0, |at| at + 1);
    let end = last.max(sent.len() as u64).max(intervals + 1);
    let (mut acked, mut read) = (0, 0);
    let mut sent = sent.iter();
    let lag = |at| {
        acked += sent.next().map_or(0, |row| row.acked);
        read += seen.get(&at).copied().unwrap_or(0);
        (at, LagAt { records: u64::saturating_sub(acked, read), seconds: None })
    };
    (0..end).map(lag).collect()
}

/// Unread records of the slowest application when the schedule ended.
pub(super) fn lag_at_end(result: &mut RunResult, apps: &[ReadingPart], producer: &ProducerPart) {
    let at = producer.intervals.saturating_sub(1);
    let row = usize::try_from(at).ok().and_then(|at| result.series.get(at));
    let records = apps.iter().filter_map(|app| Some(app.lags.get(&at)?.records)).max().unwrap_or(0);
    let offered = row.map_or(0, |row| row.offered);
    let rate = (offered as f64 / (producer.interval_ns as f64 / 1e9)).max(1.0);
    result.watch.lag_at_end_records = records;
    result.watch.lag_at_end_s = records as f64 / rate;
}

/// Each of its processes has been one member of its group.
fn members(parts: &AppParts<'_>, producer: &ProducerPart) -> Vec<GroupMember> {
    let since_1970_ns = |interval: u64| {
        let ns = (producer.start_interval + interval).saturating_mul(producer.interval_ns);
        i64::try_from(ns).unwrap_or(i64::MAX)
    };
    let Range { start, end } = producer.measured;
    let measured = since_1970_ns(start)..since_1970_ns(end);
    parts.iter().map(|(_, app)| app.assignments.within(&measured)).collect()
}

/// The widest bound of its processes.
fn clocks(parts: &AppParts<'_>, producer: &ProducerPart) -> Clocks {
    let bound = |part: &ConsumerPart| clock(producer, part).map(|clock| clock.bound_ns());
    let bounds: Option<Vec<u64>> = parts.iter().map(|(part, _)| bound(part)).collect();
    if parts.is_empty() {
        return Clocks::One;
    }
    Clocks::Several(bounds.and_then(|bounds| bounds.into_iter().max()))
}

/// The answers, where they are about this run and nothing else: of one process as they are, of
/// several what can be added up without their states.
fn summary(name: &AppName, parts: &AppParts<'_>, run: u32) -> Option<Summary> {
    let all: Option<Vec<&Summary>> =
        parts.iter().map(|(_, app)| pure(app, run).then_some(app.summary.as_ref()?)).collect();
    match all?.as_slice() {
        [] => None,
        [one] => Some((*one).clone()),
        several => {
            let mut totals = Totals { sessions: None, users: None, ..Totals::default() };
            several.iter().for_each(|summary| totals.add(&summary.totals));
            Some(Summary { app: name.name.clone(), totals, ..Summary::default() })
        }
    }
}

/// What makes the run invalid.
fn faults(name: &AppName, parts: &AppParts<'_>, samples: &Samples) -> Vec<String> {
    let name = &name.name;
    let mut faults = Vec::new();
    if parts.is_empty() {
        faults.push(format!("{name}: nobody has recorded a part of it"));
    }
    if samples.astray > 0 {
        faults.push(format!(
            "{name}: {} events were due outside of the schedule, and are in no figure",
            samples.astray
        ));
    }
    let ended = parts.iter().filter_map(|(part, _)| {
        let fault = part.fault.as_ref()?;
        Some(format!("{name}: the consumer process {} ended: {fault}", part.pid))
    });
    faults.extend(ended);
    faults
}

/// Who has left no part.
fn absent(name: &AppName, begun: &[&Begun]) -> Vec<String> {
    let name = &name.name;
    let left = begun.iter().filter(|left| left.apps.contains(name));
    left.map(|left| {
        format!(
            "{name}: the consumer process {} of {} has left no part: killed, or still reading",
            left.pid, left.since
        )
    })
    .collect()
}

/// What else a reader must know.
fn notices(
    name: &AppName,
    parts: &AppParts<'_>,
    producer: &ProducerPart,
    samples: &Samples,
) -> Vec<String> {
    let name = &name.name;
    let mut notices = Vec::new();
    for (part, app) in parts {
        let mut say = |what: String| {
            notices.push(format!("{name}: the consumer process {} {what}", part.pid));
        };
        if part.topic != producer.result.broker.topic.name {
            say(format!("read topic {}", part.topic));
        }
        if !pure(app, producer.outcomes.run) {
            say("read other events too: its answers are left out".to_owned());
        }
        if let Some(ahead) = app.read.map(|read| read.ahead).filter(|ahead| *ahead > 0) {
            say(format!(
                "left out {ahead} events that lay further ahead in time than others bear out"
            ));
        }
        if part.build != producer.result.build {
            say("is another kbench than the producer".to_owned());
        }
    }
    if parts.len() > 1 {
        notices.push(format!(
            "{name}: of its {} processes only the totals are added up: sessions, tables and \
             alerts are left out",
            parts.len()
        ));
    }
    let measured_from = producer.start_interval + producer.measured.start;
    if let Some(late) = samples.first.and_then(|first| first.checked_sub(measured_from + 1))
        && late > 0
    {
        notices.push(format!(
            "{name}: joined late: it read its first event {} s or more after the measured part \
             began, and its figures contain that",
            late as f64 * producer.interval_ns as f64 / 1e9
        ));
    }
    notices
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
