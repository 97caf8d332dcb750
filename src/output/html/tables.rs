//! What a run's page says in tables.

use maud::{Markup, html};

use super::answers::words;
use super::facts::facts;
use crate::apps::{Section, Segment, Summary};
use crate::base::text::{count, duration};
use crate::load::generate::Persona;
use crate::measure::verify::segments::segment_of;
use crate::plan::metric::{Form, FormEntry, Statistic};
use crate::result::{LatencySummary, RunResult, clocks, metric};

/// Rows of a section that are shown at once; the rest unfolds.
const ROWS_SHOWN: usize = 12;

/// The columns of a table of latencies.
const STATISTICS: [Statistic; 6] = [
    Statistic::P50,
    Statistic::P90,
    Statistic::P99,
    Statistic::P99_9,
    Statistic::P99_99,
    Statistic::Max,
];

/// One row of latencies, in the words of `form`.
fn latencies(name: &str, latency: &LatencySummary, form: impl Fn(Option<i64>) -> String) -> Markup {
    named_latencies(name, latency, &form, |statistic| latency.shown(statistic, &form))
}

/// One row of latencies, each in the words of `shown`; a second one, of what was delivered and in
/// the words of `form`, where something was not.
fn named_latencies(
    name: &str,
    latency: &LatencySummary,
    form: impl Fn(Option<i64>) -> String,
    shown: impl Fn(Statistic) -> String,
) -> Markup {
    html! {
        tr {
            th scope="row" { (name) }
            td { (count(latency.count)) }
            @for statistic in STATISTICS {
                td { (latency.with_episodes(statistic, shown(statistic))) }
            }
        }
        @if let (Some(share), Some(delivered)) =
            (latency.never_delivered_shown(), &latency.delivered)
        {
            tr {
                th scope="row" { (name) ", of the delivered alone (" (share) ")" }
                td { (count(delivered.count)) }
                @for statistic in STATISTICS { td { (form(delivered.value_ns(statistic))) } }
            }
        }
    }
}

fn latency_head(first: &str) -> Markup {
    html! {
        tr {
            th { (first) }
            th scope="col" { "samples" }
            @for statistic in STATISTICS { th scope="col" { (statistic.name()) } }
        }
    }
}

/// End to end and its stages, per application.
pub(super) fn applications(result: &RunResult) -> Markup {
    html! {
        h2 { "Latency" }
        div.scroll tabindex="0" role="region" aria-label="latencies" {
            table {
                thead { (latency_head("from the time an event was due")) }
                tbody {
                    @for app in &result.apps {
                        (named_latencies(
                            &format!("{}, end to end", app.name),
                            &app.end_to_end,
                            |ns| app.shown_ns(ns),
                            |statistic| result.end_to_end_shown(app, statistic),
                        ))
                    }
                    (named_latencies("acknowledged", &result.ack, duration, |statistic| {
                        result.ack_shown(statistic)
                    }))
                    (latencies("send delay", &result.send_delay, duration))
                    @if let Some(hiccups) = &result.hiccups {
                        (latencies(
                            "the host: how late a sleep of 1 ms ends", &hiccups.late, duration
                        ))
                    }
                }
            }
        }
        details {
            summary { "Arrival and service of each application" }
            div.scroll tabindex="0" {
                table {
                    thead { (latency_head("stage")) }
                    tbody {
                        @for app in &result.apps {
                            (latencies(&format!("{}, arrival", app.name), &app.arrival, |ns| {
                                app.shown_ns(ns)
                            }))
                            (latencies(&format!("{}, service", app.name), &app.service, duration))
                        }
                    }
                }
            }
        }
        p.note {
            "n/a: too few samples for the percentile. Every sample counts, from its due time; \
             nothing is dropped or averaged. With episodes beside it: the samples above the \
             percentile were due in so few separate slow stretches that one run does not know it."
            @if let Some(marks) = result.marks() { " " (marks) "." }
            @if result.hiccups.is_some() {
                " ≤ host: no longer than the host lets a thread wait that only sleeps."
            }
            @if let Some(clocks) = clocks(result) {
                " Recorded by " (clocks) "; below that bound no latency between two processes is \
                 known."
            }
        }
    }
}

/// The ledger, and the books beside the applications' totals.
pub(super) fn accounts(result: &RunResult) -> Markup {
    let columns = FormEntry::of(Form::PageTable);
    html! {
        h2 { "Every event accounted for" }
        p { (metric::line(Form::Accounts, result)) }
        div.scroll tabindex="0" {
            table {
                thead {
                    tr {
                        th { "application" }
                        @for column in &columns { th scope="col" { (column.shown.words) } }
                    }
                }
                tbody {
                    @for (app, _) in result.apps.iter().zip(&result.ledger.apps) {
                        tr {
                            th scope="row" { (app.name) }
                            @for column in &columns {
                                td { (metric::cell(&column.metric(&app.name), result)) }
                            }
                        }
                    }
                }
            }
        }
        div.scroll tabindex="0" {
            table {
                caption { "The generator's books beside the applications' answers" }
                thead {
                    tr {
                        th { "total" } th scope="col" { "books" }
                        @for app in &result.apps { th scope="col" { (app.name) } }
                        th scope="col" { "" }
                    }
                }
                tbody {
                    @for check in &result.checks {
                        tr {
                            th scope="row" { (check.what) }
                            td { (count(check.books)) }
                            @for app in &check.apps {
                                td { (app.map_or_else(|| "-".to_owned(), count)) }
                            }
                            @if check.agrees() { td.good { "equal" } } @else { td.bad { "differ" } }
                        }
                    }
                }
            }
        }
    }
}

/// What the applications found out.
pub(super) fn answers(result: &RunResult) -> Markup {
    html! {
        @if result.detection.iter().any(|kind| kind.planted > 0) { (detection(result)) }
        @if !result.rules.is_empty() { (rules(result)) }
        @for app in &result.apps {
            @if let Some(report) = &app.segments {
                h2 { "Segments: " (app.name) " against the planted personas" }
                div.scroll tabindex="0" {
                    table {
                        thead {
                            tr {
                                th { "users planted as" }
                                @for segment in Segment::ALL {
                                    th scope="col" { "taken for " (segment.name()) }
                                }
                            }
                        }
                        tbody {
                            @for persona in Persona::ALL {
                                tr {
                                    th scope="row" { (segment_of(persona).name()) }
                                    @for users in report.all.0[persona.index()] {
                                        td { (count(users)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        @for app in &result.apps {
            @if let Some(summary) = &app.summary { (answer(summary)) }
        }
    }
}

fn detection(result: &RunResult) -> Markup {
    let percent = |share: Option<f64>| {
        share.map_or_else(|| "n/a".to_owned(), |share| format!("{:.1} %", 100.0 * share))
    };
    html! {
        h2 { "Planted fraud against the alerts" }
        div.scroll tabindex="0" {
            table {
                thead {
                    tr {
                        th { "kind" }
                        @for name in ["sessions planted", "found", "recall", "alerts", "false",
                                      "precision"] { th scope="col" { (name) } }
                    }
                }
                tbody {
                    @for kind in &result.detection {
                        tr {
                            th scope="row" { (kind.kind.name()) }
                            td { (count(kind.planted)) } td { (count(kind.found)) }
                            td { (percent(kind.recall())) } td { (count(kind.alerts)) }
                            td { (count(kind.false_alarms)) } td { (percent(kind.precision())) }
                        }
                    }
                }
            }
        }
    }
}

/// Every rule, also those that speak for nothing planted.
fn rules(result: &RunResult) -> Markup {
    html! {
        h2 { "Rules against the sessions that were not planted" }
        div.scroll tabindex="0" {
            table {
                thead {
                    tr {
                        th { "rule" }
                        @for name in ["speaks for", "alerts", "sessions", "false",
                                      "share of those not planted"] { th scope="col" { (name) } }
                    }
                }
                tbody {
                    @for rule in &result.rules {
                        tr {
                            th scope="row" { (rule.rule) }
                            td { (rule.kind.map_or("-", |kind| kind.name())) }
                            td { (count(rule.alerts)) } td { (count(rule.sessions)) }
                            td { (count(rule.false_alarms)) }
                            td {
                                @if let Some(share) = rule.false_share() {
                                    (format!("{:.3} %", 100.0 * share))
                                } @else { "n/a" }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn answer(summary: &Summary) -> Markup {
    html! {
        h2 { "What " (summary.app) " found" }
        div.columns {
            @for section in &summary.sections { div { (section_table(section)) } }
        }
    }
}

/// A value's parts, each for a column of its own.
fn cells(value: crate::apps::Value) -> Vec<String> {
    use crate::apps::Value;
    let share = |part, whole| words(Value::Share { part, whole });
    match value {
        Value::Part { part, whole } => vec![words(Value::Count(part)), share(part, whole)],
        Value::Step { count, before, whole } => {
            vec![words(Value::Count(count)), share(count, before), share(count, whole)]
        }
        other => vec![words(other)],
    }
}

fn section_table(section: &Section) -> Markup {
    let (shown, rest) = section.rows.split_at(section.rows.len().min(ROWS_SHOWN));
    let rows = |rows: &[crate::apps::Row]| {
        html! {
            @for row in rows {
                tr { td.text { (row.name) } @for cell in cells(row.value) { td { (cell) } } }
            }
        }
    };
    html! {
        div.scroll tabindex="0" {
            table { caption { (section.title) } tbody { (rows(shown)) } }
        }
        @if !rest.is_empty() {
            details {
                summary { (rest.len()) " more" }
                div.scroll tabindex="0" { table { tbody { (rows(rest)) } } }
            }
        }
    }
}

/// Where and under what it ran.
pub(super) fn conditions(result: &RunResult) -> Markup {
    let value = serde_json::to_value(result).unwrap_or_default();
    let plan = serde_json::to_string_pretty(&result.plan).unwrap_or_default();
    html! {
        h2 { "Conditions" }
        @if result.watch.broker_on_this_host {
            p.note { "Broker and harness ran on one host, and shared its cores." }
        }
        div.columns {
            @for (title, key) in [
                ("Host", "host"), ("Program", "build"), ("Broker", "broker"),
                ("The harness of itself", "watch"), ("Wire", "wire"),
            ] {
                @if value[key].is_object() { div { (facts(title, &value[key])) } }
            }
        }
        details { summary { "The plan, resolved" } pre tabindex="0" { (plan) } }
        @if value["clients"].is_array() {
            details {
                summary { "The clients' properties as applied" }
                pre tabindex="0" {
                    (serde_json::to_string_pretty(&value["clients"]).unwrap_or_default())
                }
            }
        }
        p.note { "Called as: " code { (result.command_line.join(" ")) } }
    }
}
