//! The charts over time. Each interval is drawn in its middle and by its own length: the last ones
//! are not whole.

use serde_json::{Value, json};

use super::chart::{Area, Chart, ChartSeries};
use crate::base::text::duration;
use crate::result::{AppInterval, AppResult, Interval, IntervalSpan, RunResult};

/// A stretch shorter than this share of an interval is not a rate of anything.
const STRETCH_MIN: f64 = 0.25;

/// Latency, throughput and lag.
pub(super) fn charts(result: &RunResult) -> Vec<Chart> {
    let time = Time::of(result);
    vec![over_time(result, &time), throughput(result, &time), lag(result, &time)]
}

/// A run's intervals, and when it did what.
struct Time {
    spans: Vec<IntervalSpan>,
    warm_s: f64,
    schedule_end_s: f64,
    end_s: f64,
    interval_s: f64,
}

impl Time {
    fn of(result: &RunResult) -> Self {
        let spans = result.spans();
        let warm = result.phases.iter().filter(|phase| phase.warmup).map(|phase| phase.to_s);
        Self {
            warm_s: warm.fold(0.0, f64::max),
            schedule_end_s: result.schedule_end_s(),
            end_s: spans.last().map_or(0.0, |span| span.to_s),
            interval_s: result.interval_s(),
            spans,
        }
    }

    /// The drain as far as it is worth a place.
    fn drain_s(&self) -> f64 {
        self.end_s - self.schedule_end_s
    }

    /// Where rates are drawn to: a drain shorter than an interval has none.
    fn rates_to_s(&self) -> f64 {
        if self.drain_s() < self.interval_s { self.schedule_end_s } else { self.end_s }
    }

    /// Whether a count in this span is worth calling a rate.
    fn is_rate(&self, span: &IntervalSpan) -> bool {
        let is_long = span.to_s - span.from_s >= STRETCH_MIN * self.interval_s;
        span.from_s < self.rates_to_s() && (is_long || span.from_s <= 0.0)
    }

    fn axis(&self, to_s: f64) -> Value {
        let spans = self.spans.iter().map(|span| json!([middle(span), span.from_s, span.to_s]));
        json!({
            "name": "time from the start of the schedule, s", "unit": "s", "type": "value",
            "min": 0, "max": to_s, "spans": spans.collect::<Vec<_>>(),
        })
    }

    fn areas(&self, to_s: f64) -> Vec<Area> {
        let mut areas = Vec::new();
        if self.warm_s > 0.0 {
            areas.push(Area { from: 0.0, to: self.warm_s.min(to_s), name: "warm-up" });
        }
        // Of a drain of some milliseconds there is nothing to see.
        if to_s - self.schedule_end_s >= STRETCH_MIN * self.interval_s {
            areas.push(Area { from: self.schedule_end_s, to: to_s, name: "drain" });
        }
        areas
    }

    /// What to know of the end, in a sentence.
    fn note(&self, result: &RunResult) -> String {
        let drain = duration(Some((self.drain_s().max(0.0) * 1e9) as i64));
        let cut = result.verdict.interrupted_by.is_some();
        match () {
            () if cut => " A signal ended the schedule.".to_owned(),
            () if self.drain_s() < self.interval_s => {
                format!(" The drain took {drain}: less than an interval, and not drawn.")
            }
            () => format!(" The drain took {drain}."),
        }
    }
}

fn middle(span: &IntervalSpan) -> f64 {
    f64::midpoint(span.from_s, span.to_s)
}

/// One figure of every interval; an interval without it leaves a gap.
fn points(
    result: &RunResult,
    time: &Time,
    at: impl Fn(&IntervalSpan) -> f64,
    pick: impl Fn(&Interval, &IntervalSpan) -> Option<f64>,
) -> Vec<Value> {
    let rows = result.series.iter().zip(&time.spans);
    let mut points: Vec<Value> =
        rows.map(|(row, span)| json!([at(span), pick(row, span)])).collect();
    // Nothing at the end is not a gap.
    while points.last().is_some_and(|point| point[1].is_null()) {
        points.pop();
    }
    points
}

/// Where the curve is one of rates.
fn rates(
    result: &RunResult,
    time: &Time,
    pick: impl Fn(&Interval, &IntervalSpan) -> Option<f64>,
) -> Vec<Value> {
    points(
        result,
        time,
        middle,
        |row, span| {
            if time.is_rate(span) { pick(row, span) } else { None }
        },
    )
}

fn offered(result: &RunResult, time: &Time) -> Vec<Value> {
    rates(result, time, |row, span| span.offered_per_s(row.offered))
}

/// One latency of an application in an interval, in nanoseconds.
type Pick = fn(&AppInterval) -> Option<i64>;

fn over_time(result: &RunResult, time: &Time) -> Chart {
    let mut series = Vec::new();
    let figures: [(&str, Pick, bool); 3] = [
        ("p99", |app| app.p99_ns, true),
        ("p50", |app| app.p50_ns, false),
        ("max", |app| app.max_ns, false),
    ];
    for (what, pick, shown) in figures {
        for (place, app) in result.apps.iter().enumerate() {
            let ms = |row: &Interval, _: &IntervalSpan| {
                Some(app.known_ns(pick(row.apps.get(place)?))? as f64 / 1e6)
            };
            let points = points(result, time, middle, ms);
            let mut line = ChartSeries::line(format!("{} {what}", app.name), points);
            (line.shown, line.color, line.dash) = (shown, Some(place), what != "p99");
            line.group = Some(what);
            series.push(line);
        }
    }
    let has_p99 = series.iter().any(|line| line.shown && !line.points.is_empty());
    if !has_p99 {
        // Too few events in an interval for a p99: better the medians than an empty chart.
        series.iter_mut().for_each(|line| line.shown = line.name.ends_with(" p50"));
    }
    let stall = |row: &Interval, _: &IntervalSpan| Some(row.host_stall_ns? as f64 / 1e6);
    let mut stalls = ChartSeries::line("host's longest stall", points(result, time, middle, stall));
    (stalls.color, stalls.dash, stalls.group) = (Some(5), true, Some("host"));
    series.push(stalls);
    let never = never_delivered(result, time);
    if !never.is_empty() {
        let mut line = ChartSeries::line("never delivered", never);
        (line.axis, line.area, line.color) = (Some(1), true, Some(7));
        line.group = Some("never delivered");
        series.push(line);
    }
    let mut rate = ChartSeries::line("offered rate", offered(result, time));
    (rate.axis, rate.area, rate.color) = (Some(1), true, Some(6));
    rate.group = Some("rate");
    series.push(rate);
    series.retain(|line| !line.points.is_empty());
    let few = if has_p99 { "" } else { " Its events are too few for a p99 of an interval." };
    Chart {
        id: "over-time".to_owned(),
        title: "Latency over time, under the offered rate".to_owned(),
        note: format!(
            "End to end of the events that were due in each interval, whenever they came through; \
             the grey area is what the schedule asked for. The warm-up's events are not measured. \
             The host's stalls are how much longer a thread slept than it had asked for.{few}{}{}",
            endless(result),
            clocks(result)
        ),
        wide: true,
        x: time.axis(time.end_s.max(time.schedule_end_s)),
        y: json!({ "name": "latency, ms", "unit": "ms", "type": "near" }),
        y2: Some(json!({ "name": "events/s", "unit": "events/s", "type": "value" })),
        series,
        areas: time.areas(time.end_s),
        ..Chart::default()
    }
}

/// What was due in each interval and never delivered to the application that missed most of it,
/// per second; nothing where all was delivered.
fn never_delivered(result: &RunResult, time: &Time) -> Vec<Value> {
    let most = |row: &Interval| row.apps.iter().map(|app| app.never_delivered).max().unwrap_or(0);
    if result.series.iter().all(|row| most(row) == 0) {
        return Vec::new();
    }
    rates(result, time, |row, span| span.offered_per_s(most(row)))
}

/// Whether something could not be drawn because it has no end.
fn endless(result: &RunResult) -> &'static str {
    let mut apps = result.series.iter().flat_map(|row| &row.apps);
    if apps.any(|app| app.never_delivered > 0) {
        " Where a curve has a gap under \"never delivered\", the percentile has no end."
    } else {
        ""
    }
}

/// Whether something could not be drawn because of the clocks.
fn clocks(result: &RunResult) -> &'static str {
    let is_hidden = |app: &AppResult, interval: &AppInterval| {
        [interval.p50_ns, interval.p99_ns, interval.max_ns]
            .into_iter()
            .any(|ns| ns.is_some() && app.known_ns(ns).is_none())
    };
    let mut rows = result.series.iter().flat_map(|row| result.apps.iter().zip(&row.apps));
    if rows.any(|(app, interval)| is_hidden(app, interval)) {
        " What lies below the bound of the processes' clocks is not drawn."
    } else {
        ""
    }
}

fn throughput(result: &RunResult, time: &Time) -> Chart {
    let sent = |pick: fn(&Interval) -> u64| {
        rates(result, time, move |row, span| span.sent_per_s(pick(row)))
    };
    let mut series = vec![
        ChartSeries::line("offered", offered(result, time)),
        ChartSeries::line("sent", sent(|row| row.sent)),
        ChartSeries::line("acknowledged", sent(|row| row.acked)),
    ];
    series[0].area = true;
    for (place, app) in result.apps.iter().enumerate() {
        let seen = |row: &Interval, span: &IntervalSpan| span.seen_per_s(row.apps.get(place)?.seen);
        let points = rates(result, time, seen);
        let mut line = ChartSeries::line(format!("consumed by {}", app.name), points);
        line.dash = true;
        series.push(line);
    }
    Chart {
        id: "throughput".to_owned(),
        title: "Throughput".to_owned(),
        note: format!(
            "Offered, sent, acknowledged and consumed are different figures; where all keep up, \
             they lie on each other.{}",
            time.note(result)
        ),
        x: time.axis(time.rates_to_s()),
        y: json!({ "name": "events/s", "unit": "events/s", "type": "value" }),
        series,
        areas: time.areas(time.rates_to_s()),
        ..Chart::default()
    }
}

fn lag(result: &RunResult, time: &Time) -> Chart {
    let mut series = Vec::new();
    let mut in_seconds = false;
    let end = |span: &IntervalSpan| span.to_s;
    for (place, app) in result.apps.iter().enumerate() {
        let records =
            |row: &Interval, _: &IntervalSpan| Some(row.apps.get(place)?.lag_records? as f64);
        let mut line =
            ChartSeries::line(format!("{} records", app.name), points(result, time, end, records));
        (line.color, line.group) = (Some(place), Some("records"));
        series.push(line);
        let seconds = |row: &Interval, _: &IntervalSpan| row.apps.get(place)?.lag_s;
        let seconds = points(result, time, end, seconds);
        in_seconds |= !seconds.is_empty();
        let mut line = ChartSeries::line(format!("{} seconds", app.name), seconds);
        (line.axis, line.dash, line.color) = (Some(1), true, Some(place));
        line.group = Some("seconds");
        series.push(line);
    }
    series.retain(|series| !series.points.is_empty());
    series.sort_by_key(|line| line.group);
    let to_s = time.end_s.max(time.schedule_end_s);
    let mut x = time.axis(to_s);
    x["spans"] = Value::Null;
    Chart {
        id: "lag".to_owned(),
        title: "Lag".to_owned(),
        note: "Acknowledged and not yet read at the end of each interval, in records (solid) and \
               in seconds (dashed). A lag that keeps growing is an overload."
            .to_owned(),
        x,
        y: json!({ "name": "records", "unit": "records", "type": "value", "whole": true }),
        y2: in_seconds.then(|| json!({ "name": "seconds", "unit": "s", "type": "value" })),
        series,
        areas: time.areas(to_s),
        ..Chart::default()
    }
}
