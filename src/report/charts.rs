//! What a run's charts show, as data: the page's script makes the pictures.

use serde::Serialize;
use serde_json::{Value, json};

use super::spectrum::spectrum;
use crate::result::{AppInterval, Interval, RunResult};

/// One chart.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Chart {
    /// Its name in the page.
    pub(super) id: String,
    /// Its heading.
    pub(super) title: String,
    /// What one sees, in a sentence.
    pub(super) note: String,
    /// Whether it has a row of its own.
    pub(super) wide: bool,
    /// The axis to the right: name, unit, type, form.
    pub(super) x: Value,
    /// The axis upwards.
    pub(super) y: Value,
    /// A second one, on the right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) y2: Option<Value>,
    /// The lines or bars.
    pub(super) series: Vec<Series>,
    /// Or a map of cells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) heat: Option<Value>,
}

/// One line, or one colour of bars.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) kind: &'static str,
    /// Pairs; for bars one value for each name of the axis.
    pub(super) points: Vec<Value>,
    pub(super) shown: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stack: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) axis: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) color: Option<usize>,
    pub(super) dash: bool,
    pub(super) area: bool,
    pub(super) symbols: bool,
}

impl Series {
    pub(super) fn line(name: impl Into<String>, points: Vec<Value>) -> Self {
        Self { name: name.into(), kind: "line", points, shown: true, ..Self::default() }
    }

    fn bars(name: impl Into<String>, points: Vec<Value>) -> Self {
        Self { name: name.into(), kind: "bar", points, shown: true, ..Self::default() }
    }
}

/// Every chart of a run that has something to show.
pub(super) fn of_run(result: &RunResult) -> Vec<Chart> {
    // Newer parts of a result are read by their names: an older one lacks them.
    let value = serde_json::to_value(result).unwrap_or_default();
    let mut charts = vec![
        percentiles(result),
        over_time(result),
        throughput(result),
        lag(result, &value),
        partitions(result),
    ];
    charts.extend(stages(result, &value));
    charts.extend(cpu(&value));
    charts.retain(|chart| chart.series.iter().any(|series| !series.points.is_empty()));
    charts
}

fn time_axis() -> Value {
    json!({ "name": "time from the start of the schedule, s", "unit": "s", "type": "value" })
}

fn percentiles(result: &RunResult) -> Chart {
    let pairs = |latency| spectrum(latency).into_iter().map(|point| json!(point)).collect();
    let mut series: Vec<Series> = result
        .apps
        .iter()
        .map(|app| Series::line(app.name.clone(), pairs(&app.end_to_end)))
        .collect();
    let mut ack = Series::line("acknowledged", pairs(&result.ack));
    ack.dash = true;
    series.push(ack);
    let mut delay = Series::line("send delay", pairs(&result.send_delay));
    (delay.dash, delay.shown) = (true, false);
    series.push(delay);
    Chart {
        id: "percentiles".to_owned(),
        title: "End to end by percentile".to_owned(),
        note: "From the time an event was due until an application was done with it. The axis \
               stretches towards 100 %, where the slow events are."
            .to_owned(),
        wide: true,
        x: json!({ "name": "percentile", "type": "log", "form": "percentile", "min": 1 }),
        y: json!({ "name": "latency, ms", "unit": "ms", "type": "log" }),
        y2: None,
        series,
        heat: None,
    }
}

/// One figure of every interval; an interval without it leaves a gap.
fn by_interval(result: &RunResult, pick: impl Fn(&Interval) -> Option<f64>) -> Vec<Value> {
    let rows = result.series.iter();
    let points: Vec<Value> = rows.map(|row| json!([row.from_s, pick(row)])).collect();
    if points.iter().all(|point| point[1].is_null()) { Vec::new() } else { points }
}

/// How long an interval lasts, in seconds.
fn interval_s(result: &RunResult) -> f64 {
    match result.series.as_slice() {
        [first, second, ..] => second.from_s - first.from_s,
        _ => 1.0,
    }
}

/// One latency of an application in an interval, in nanoseconds.
type Pick = fn(&AppInterval) -> Option<i64>;

fn over_time(result: &RunResult) -> Chart {
    let mut series = Vec::new();
    let figures: [(&str, Pick, bool); 3] = [
        ("p99", |app| app.p99_ns, true),
        ("p50", |app| app.p50_ns, false),
        ("max", |app| app.max_ns, false),
    ];
    for (what, pick, shown) in figures {
        for (place, app) in result.apps.iter().enumerate() {
            let ms = |row: &Interval| Some(pick(row.apps.get(place)?)? as f64 / 1e6);
            let mut line = Series::line(format!("{} {what}", app.name), by_interval(result, ms));
            (line.shown, line.color, line.dash) = (shown, Some(place), what != "p99");
            series.push(line);
        }
    }
    let interval_s = interval_s(result);
    let mut offered = Series::line(
        "offered rate",
        by_interval(result, |row| Some(row.offered as f64 / interval_s)),
    );
    (offered.axis, offered.area, offered.color) = (Some(1), true, Some(6));
    series.push(offered);
    Chart {
        id: "over-time".to_owned(),
        title: "Latency over time, under the offered rate".to_owned(),
        note: "End to end of the events processed in each interval; the grey area is what the \
               schedule asked for."
            .to_owned(),
        wide: true,
        x: time_axis(),
        y: json!({ "name": "latency, ms", "unit": "ms", "type": "log" }),
        y2: Some(json!({ "name": "events/s", "unit": "events/s", "type": "value" })),
        series,
        heat: None,
    }
}

fn throughput(result: &RunResult) -> Chart {
    let interval_s = interval_s(result);
    let per_s =
        |pick: fn(&Interval) -> u64| by_interval(result, |row| Some(pick(row) as f64 / interval_s));
    let mut series = vec![
        Series::line("offered", per_s(|row| row.offered)),
        Series::line("sent", per_s(|row| row.sent)),
        Series::line("acknowledged", per_s(|row| row.acked)),
    ];
    series[0].area = true;
    for (place, app) in result.apps.iter().enumerate() {
        let seen = |row: &Interval| Some(row.apps.get(place)?.seen as f64 / interval_s);
        let mut line = Series::line(format!("consumed by {}", app.name), by_interval(result, seen));
        line.dash = true;
        series.push(line);
    }
    Chart {
        id: "throughput".to_owned(),
        title: "Throughput".to_owned(),
        note: "Offered, sent, acknowledged and consumed are different figures; where all keep up, \
               they lie on each other."
            .to_owned(),
        wide: false,
        x: time_axis(),
        y: json!({ "name": "events/s", "unit": "events/s", "type": "value" }),
        y2: None,
        series,
        heat: None,
    }
}

fn lag(result: &RunResult, value: &Value) -> Chart {
    let mut series = Vec::new();
    let mut in_seconds = false;
    for (place, app) in result.apps.iter().enumerate() {
        let records = |row: &Interval| Some(row.apps.get(place)?.lag_records? as f64);
        let mut line = Series::line(format!("{} records", app.name), by_interval(result, records));
        line.color = Some(place);
        series.push(line);
        let rows = value["series"].as_array().map_or(&[][..], Vec::as_slice);
        let seconds: Vec<Value> = rows
            .iter()
            .filter_map(|row| Some(json!([row["from_s"], row["apps"][place]["lag_s"].as_f64()?])))
            .collect();
        in_seconds |= !seconds.is_empty();
        let mut line = Series::line(format!("{} seconds", app.name), seconds);
        (line.axis, line.dash, line.color) = (Some(1), true, Some(place));
        series.push(line);
    }
    series.retain(|series| !series.points.is_empty());
    Chart {
        id: "lag".to_owned(),
        title: "Lag".to_owned(),
        note: "Acknowledged and not yet read at the end of each interval, in records (solid) and \
               in seconds (dashed). A lag that keeps growing is an overload."
            .to_owned(),
        wide: false,
        x: time_axis(),
        y: json!({ "name": "records", "unit": "records", "type": "value" }),
        y2: in_seconds.then(|| json!({ "name": "seconds", "unit": "s", "type": "value" })),
        series,
        heat: None,
    }
}

fn partitions(result: &RunResult) -> Chart {
    let names: Vec<usize> = result.partitions.iter().map(|one| one.partition).collect();
    let shares = result.partitions.iter().map(|one| json!(one.share * 100.0)).collect();
    Chart {
        id: "partitions".to_owned(),
        title: "Shares of the partitions".to_owned(),
        note: format!(
            "Of {} acknowledged events; an even share is {:.1} %. Keys decide: a hot user makes a \
             hot partition.",
            result.ledger.acked,
            100.0 / names.len().max(1) as f64
        ),
        wide: false,
        x: json!({ "name": "partition", "type": "category", "values": names }),
        y: json!({ "name": "share, %", "unit": "%", "type": "value" }),
        y2: None,
        series: vec![Series::bars("share", shares)],
        heat: None,
    }
}

/// Where the time of the events near each percentile went, one chart for each application.
fn stages(result: &RunResult, value: &Value) -> Vec<Chart> {
    let chart = |(place, name): (usize, &String)| {
        let stack = value["apps"][place]["stack"].as_array()?;
        let names: Vec<&Value> = stack.iter().map(|one| &one["percentile"]).collect();
        let ms = |key: &str| {
            stack.iter().map(|one| json!(one[key].as_f64().unwrap_or(0.0) / 1e6)).collect()
        };
        let part = |name: &str, key: &str| {
            let mut bars = Series::bars(name, ms(key));
            bars.stack = Some("stages");
            bars
        };
        Some(Chart {
            id: format!("stages-{name}"),
            title: format!("Where the time goes: {name}"),
            note: "Means over the events whose end-to-end latency is near the percentile, so that \
                   the parts add up."
                .to_owned(),
            wide: false,
            x: json!({ "name": "percentile of end to end", "type": "category", "values": names }),
            y: json!({ "name": "ms", "unit": "ms", "type": "value" }),
            y2: None,
            series: vec![
                part("send delay", "send_delay_ns"),
                part("clients and broker", "broker_ns"),
                part("application", "service_ns"),
            ],
            heat: None,
        })
    };
    let names: Vec<String> = result.apps.iter().map(|app| app.name.clone()).collect();
    names.iter().enumerate().filter_map(chart).collect()
}

fn cpu(value: &Value) -> Option<Chart> {
    let kinds = value["cpu"].as_array()?;
    let names: Vec<&Value> = kinds.iter().map(|kind| &kind["kind"]).collect();
    let per_event = kinds.iter().map(|kind| kind["cpu_us_per_event"].clone()).collect();
    Some(Chart {
        id: "cpu".to_owned(),
        title: "CPU of the harness for an event".to_owned(),
        note: "By kind of thread, in the measured part of the schedule.".to_owned(),
        wide: false,
        x: json!({ "name": "thread", "type": "category", "values": names }),
        y: json!({ "name": "µs of CPU per event", "unit": "µs", "type": "value" }),
        y2: None,
        series: vec![Series::bars("CPU", per_event)],
        heat: None,
    })
}
