//! What a run's charts show, as data: the page's script makes the pictures.

use serde_json::{Value, json};

use super::chart::{Chart, ChartSeries};
use super::spectrum::spectrum;
use super::timeline;
use crate::base::text::count;
use crate::result::{LatencySummary, RunResult};

/// Every chart of what was measured in a run.
pub(super) fn of_run(result: &RunResult) -> Vec<Chart> {
    // Newer parts of a result are read by their names: an older one lacks them.
    let value = serde_json::to_value(result).unwrap_or_default();
    let mut charts = vec![percentiles(result)];
    charts.extend(timeline::charts(result));
    charts.push(partitions(result));
    charts.extend(stages(result, &value));
    charts.extend(cpu(&value));
    charts.retain(|chart| chart.series.iter().any(|series| !series.points.is_empty()));
    charts
}

fn percentiles(result: &RunResult) -> Chart {
    let pairs = |latency: &LatencySummary| spectrum(latency).into_iter();
    let mut clocks = String::new();
    let mut series = Vec::new();
    for app in &result.apps {
        let known = |point: &[f64; 2]| app.known_ns(Some((point[1] * 1e6) as i64)).is_some();
        let (kept, all) = (pairs(&app.end_to_end).filter(known), pairs(&app.end_to_end).count());
        let points: Vec<Value> = kept.map(|point| json!(point)).collect();
        // What is not above zero has no place on the axis in the first place.
        if points.len() < all || (points.is_empty() && app.end_to_end.count > 0) {
            let least = app.shown_ns(Some(i64::MIN));
            clocks
                .push_str(&format!(" {}: not drawn where the clocks only say {least}.", app.name));
        }
        series.push(ChartSeries::line(app.name.clone(), points));
    }
    let whole = |latency| pairs(latency).map(|point| json!(point)).collect();
    let mut ack = ChartSeries::line("acknowledged", whole(&result.ack));
    ack.dash = true;
    series.push(ack);
    let mut delay = ChartSeries::line("send delay", whole(&result.send_delay));
    (delay.dash, delay.shown) = (true, false);
    series.push(delay);
    Chart {
        id: "percentiles".to_owned(),
        title: "End to end by percentile".to_owned(),
        note: format!(
            "From the time an event was due until an application was done with it. The axis \
             stretches towards 100 %, where the slow events are.{}{clocks}",
            if result.apps.iter().any(|app| app.end_to_end.never_delivered > 0) {
                " A curve ends where what was never delivered begins."
            } else {
                ""
            }
        ),
        wide: true,
        x: json!({ "name": "percentile", "type": "log", "form": "percentile", "min": 1 }),
        y: json!({ "name": "latency, ms", "unit": "ms", "type": "log" }),
        series,
        ..Chart::default()
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
            count(result.ledger.acked),
            100.0 / names.len().max(1) as f64
        ),
        x: json!({ "name": "partition", "type": "category", "values": names }),
        y: json!({ "name": "share, %", "unit": "%", "type": "value" }),
        series: vec![ChartSeries::bars("share", shares)],
        ..Chart::default()
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
            let mut bars = ChartSeries::bars(name, ms(key));
            bars.stack = Some("stages");
            bars
        };
        Some(Chart {
            id: format!("stages-{name}"),
            title: format!("Where the time goes: {name}"),
            note: "Means over the events whose end-to-end latency is near the percentile, so that \
                   the parts add up."
                .to_owned(),
            x: json!({ "name": "percentile of end to end", "type": "category", "values": names }),
            y: json!({ "name": "ms", "unit": "ms", "type": "value" }),
            series: vec![
                part("send delay", "send_delay_ns"),
                part("clients and broker", "broker_ns"),
                part("application", "service_ns"),
            ],
            ..Chart::default()
        })
    };
    let names: Vec<String> = result.apps.iter().map(|app| app.name.clone()).collect();
    names.iter().enumerate().filter_map(chart).collect()
}

fn cpu(value: &Value) -> Option<Chart> {
    let kinds = value["cpu"].as_array().filter(|kinds| !kinds.is_empty())?;
    let names: Vec<&Value> = kinds.iter().map(|kind| &kind["kind"]).collect();
    let per_event = |kind: &Value| kind["cpu_us_per_event"].as_f64();
    let mut bars =
        ChartSeries::bars("CPU", kinds.iter().map(|kind| json!(per_event(kind))).collect());
    let label = |us: f64| if us < 99.95 { format!("{us:.1} µs") } else { format!("{us:.0} µs") };
    bars.labels =
        kinds.iter().map(|kind| per_event(kind).map_or_else(|| "n/a".to_owned(), label)).collect();
    bars.texts.clone_from(&bars.labels);
    Some(Chart {
        id: "cpu".to_owned(),
        title: "CPU of the harness for an event".to_owned(),
        note: "By kind of thread, in the measured part of the schedule.".to_owned(),
        flat: true,
        x: json!({ "name": "thread", "type": "category", "values": names }),
        y: json!({ "name": "µs of CPU per event", "unit": "µs", "type": "value", "min": 0 }),
        series: vec![bars],
        ..Chart::default()
    })
}
