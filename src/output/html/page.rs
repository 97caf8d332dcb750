//! The page around the charts: verdict, figures, and what the browser needs.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::Chart;
use crate::output::table::threshold_lines;
use crate::plan::metric::{Form, FormEntry};
use crate::result::{RunResult, Worth, keep_up, metric};

const CSS: &str = include_str!("assets/page.css");
const SCRIPT: &str = include_str!("assets/page.js");
/// Apache ECharts 6.1.0, with the parts that are used; `docs/report.md` says how it is made.
const LIBRARY: &str = include_str!("assets/echarts.min.js");

/// No network, for whatever the page may hold.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      img-src data:; base-uri 'none'; form-action 'none'";

pub(super) fn page(title: &str, body: &Markup, charts: &[Chart]) -> String {
    let data = serde_json::to_string(charts).unwrap_or_default();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content={ "kbench " (env!("CARGO_PKG_VERSION")) };
                title { (title) " - kbench" }
                style { (PreEscaped(CSS)) }
            }
            body {
                main { (body) }
                script type="application/json" id="charts" { (PreEscaped(inert(&data))) }
                script { (PreEscaped(LIBRARY)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
    .into_string()
}

/// JSON that can't end the element it stands in.
fn inert(json: &str) -> String {
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// The verdict in a word, and its class.
pub(super) fn word(result: &RunResult) -> (&'static str, &'static str) {
    let worth = result.verdict.worth();
    match worth {
        Worth::Invalid => (worth.word(), "bad"),
        Worth::Partial => (worth.word(), "warn"),
        Worth::Flagged => ("VALID, FLAGGED", "warn"),
        Worth::Valid => (worth.word(), "good"),
    }
}

pub(super) fn heading(title: &str, below: &str) -> Markup {
    html! {
        header {
            div {
                h1 { (title) }
                p.soft { (below) }
            }
            button id="theme" type="button" { "Dark page" }
        }
    }
}

/// `2026-11-23 15:30:04 UTC`, in one line; as it stands where it is not a date.
pub(super) fn date(rfc3339: &str) -> String {
    let date = chrono::DateTime::parse_from_rfc3339(rfc3339);
    // Hyphens and spaces that don't break.
    date.map_or_else(
        |_| rfc3339.to_owned(),
        |date| date.to_utc().format("%Y\u{2011}%m\u{2011}%d\u{a0}%H:%M:%S\u{a0}UTC").to_string(),
    )
}

pub(super) fn verdict(result: &RunResult) -> Markup {
    let (word, class) = word(result);
    let below = format!(
        "On {}. Started {}, {:.0} s with the drain. Run {}, kbench {}{}.",
        result.place(),
        date(&result.started),
        result.duration_s,
        result.run,
        result.build.kbench,
        result.build.git.as_ref().map(|git| format!(" ({git})")).unwrap_or_default(),
    );
    html! {
        (heading(&result.scenario, &below))
        p { span class={ "word " (class) } { (word) } }
        @if let Some(text) = result.plan["description"].as_str().filter(|text| !text.is_empty()) {
            p { (text) }
        }
        ul.said {
            @for reason in &result.verdict.reasons { li.bad { (reason) } }
            @for flag in &result.verdict.flags { li.warn { (flag) } }
            @if result.verdict.reasons.is_empty() && result.verdict.flags.is_empty() {
                li { "Every event is accounted for, the applications agree with the books, and \
                      the harness raised no flag." }
            }
            @for (line, threshold) in threshold_lines(result) {
                li class=[(!threshold.passed).then_some("bad")] { (line) }
            }
            @for line in keep_up::lines(result) { li { (line) } }
        }
    }
}

/// The figures that somebody asks for first.
pub(super) fn tiles(result: &RunResult) -> Markup {
    let apps = || result.apps.iter().map(|app| app.name.as_str());
    let tile = |entry: FormEntry| {
        let figure = metric::worst_cell(&entry.metrics(apps()), result);
        html! { div.tile { b { (figure) } span { (entry.shown.words) } } }
    };
    html! {
        div.tiles { @for entry in FormEntry::of(Form::Tile) { (tile(entry)) } }
    }
}

/// Charts under one heading; nothing where there is none.
pub(super) fn charts(title: &str, charts: &[Chart]) -> Markup {
    html! {
        @if !charts.is_empty() {
            h2 { (title) }
            div.charts { @for chart in charts { (figure(chart)) } }
        }
    }
}

fn figure(chart: &Chart) -> Markup {
    html! {
        figure id={ "chart-" (chart.id) } class=[chart.wide.then_some("wide")] {
            h3 { (chart.title) }
            figcaption { (chart.note) }
            @if chart.series.len() > 1 { div.keys role="group" aria-label="series" {} }
            div.chart role="img" aria-label={ (chart.title) ". " (chart.note) } {}
            details { summary { "Figures as a table" } div.scroll tabindex="0" {} }
        }
    }
}
