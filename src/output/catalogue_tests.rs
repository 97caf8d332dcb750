//! The catalogue against what the forms really show: whatever it claims is there with its value,
//! and nothing else is.

use std::collections::BTreeMap;

use comfy_table::presets;

use super::table::{accounts, applications, rates, sender, wire};
use super::{cpu, csv, html, summary, sweep, table};
use crate::measure::latency::Throttled;
use crate::plan::metric::{CATALOGUE, Form, FormEntry, Metric, Shown};
use crate::result::compare::value;
use crate::result::metric::{bare, cell, in_interval, worst_cell};
use crate::result::sweep::manifest::SweepManifest;
use crate::result::sweep::points::summarize;
use crate::result::throttling::Throttling;
use crate::result::{RunResult, Saved, Trial};
use crate::workers::consume::GroupMember;
use crate::workers::produce::WireBytes;

fn recorded() -> Saved {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("results/recorded");
    crate::result::load_all(&folder).unwrap().swap_remove(0)
}

/// A recorded run in which no count is that of another.
fn sample() -> RunResult {
    let mut run = recorded().result;
    for (place, app) in (1..).zip(&mut run.ledger.apps) {
        (app.missing, app.duplicates, app.redeliveries) =
            (1_000 + place, 2_000 + place, 3_000 + place);
        (app.reordered, app.foreign) = (4_000 + place, 5_000 + place);
    }
    for (place, app) in (1..).zip(&mut run.apps) {
        app.garbage = 6_000 + place;
        let member = |rebalances| GroupMember { partitions: 3, rebalances };
        app.members = vec![member(8_000 + place), member(1)];
    }
    run.watch.cpu_measured_s = Some(2.5);
    let throttled = |of_time| Some(Throttled { longest_ms: 812.0, of_time });
    run.throttling = Throttling { producers: throttled(0.25), consumers: throttled(0.125) };
    run.wire = Some(WireBytes { records: 10, payload_bytes: 4_321, wire_bytes: 1_000 });
    (run.ledger.failed, run.ledger.unknown, run.ledger.unsent) = (7_001, 7_002, 7_003);
    run
}

/// Two points of a sweep of one run each.
fn swept() -> SweepManifest {
    let trial = |value: &str| {
        let mut saved = Saved { result: sample(), ..recorded() };
        let point = ["acks", "linger"].map(|key| (key.to_owned(), value.to_owned()));
        saved.result.trial = Some(Trial { point: BTreeMap::from(point), ..Trial::default() });
        saved
    };
    let axis = |key: &str| (key.to_owned(), vec!["0".to_owned(), "1".to_owned()]);
    SweepManifest {
        format_version: 1,
        sweep: String::new(),
        scenario: "s".to_owned(),
        started: String::new(),
        fingerprint: String::new(),
        repeats: 1,
        axes: ["acks", "linger"].map(axis).to_vec(),
        excluded: Vec::new(),
        trials: Vec::new(),
        broker: String::new(),
        points: summarize(&[trial("0"), trial("1")]),
        conclusions: Vec::new(),
    }
}

/// The rows of a table in Markdown, with the head first, without the line below it.
fn rows(table: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
    };
    let lines = table.lines().filter(|line| line.starts_with('|') && !line.starts_with("|-"));
    lines.map(cells).collect()
}

fn words(entries: &[FormEntry]) -> Vec<String> {
    entries.iter().map(|entry| entry.shown.words.to_owned()).collect()
}

/// What a form says of each entry; the heads beyond the entries' are those of `facts`.
fn assert_table(table: &str, form: Form, facts: &[&str], row: usize, cells: &[String]) {
    let (rows, entries) = (rows(table), FormEntry::of(form));
    let own: Vec<&String> = rows[0].iter().filter(|head| !facts.contains(&&head[..])).collect();
    assert_eq!(own, words(&entries).iter().collect::<Vec<_>>(), "{form:?}");
    assert_eq!(rows[0].len(), entries.len() + facts.len(), "{form:?}");
    for (entry, expected) in entries.iter().zip(cells) {
        let place = rows[0].iter().position(|head| head == entry.shown.words).unwrap();
        assert_eq!(&rows[row][place], expected, "{form:?}: {}", entry.shown.words);
    }
}

/// Every form has a test here, or in the file that is named: a form that is new has none yet.
#[test]
fn every_form_of_the_catalogue_is_held_against_what_it_shows() {
    for Shown { form, .. } in CATALOGUE.iter().flat_map(|row| row.shown) {
        match form {
            // `result/compare/pair/tests.rs`, `plan/metric.rs`, `output/prometheus/metrics.rs`; the
            // others here.
            Form::Comparison
            | Form::Threshold
            | Form::Prometheus
            | Form::Accounts
            | Form::Rates
            | Form::Sender
            | Form::Wire
            | Form::Cost
            | Form::Disturbed
            | Form::Table
            | Form::PageTable
            | Form::Tile
            | Form::Csv
            | Form::Sweep
            | Form::SweepApps
            | Form::HeatMap
            | Form::LineChart => {}
        }
    }
}

#[test]
fn lines_say_every_metric_that_they_claim_on_the_terminal_and_in_markdown() {
    let run = sample();
    let lines = [
        (Form::Accounts, accounts(&run)),
        (Form::Rates, rates(&run)),
        (Form::Sender, sender(&run)),
        (Form::Wire, wire(&run).unwrap()),
        (Form::Cost, cpu::cpu_cost(&run).unwrap()),
    ];
    let apps = || run.apps.iter().map(|app| app.name.as_str());
    for (form, line) in lines {
        let mut rest = line.as_str();
        for entry in FormEntry::of(form) {
            for metric in entry.metrics(apps()) {
                let text = match entry.row.per_app {
                    true => format!("{} {}", metric.app.as_ref().unwrap(), cell(&metric, &run)),
                    false => entry.shown.words.replace("{}", &cell(&metric, &run)),
                };
                rest = rest.split_once(&text).unwrap_or_else(|| panic!("{text} in {line}")).1;
            }
        }
        assert!(table::terminal(&run, false).contains(&line), "{line}");
        assert!(summary::markdown(&run).contains(&line), "{line}");
    }
}

#[test]
fn tables_have_a_column_for_every_metric_that_they_claim_and_no_other() {
    let run = sample();
    let text = applications(&run, presets::ASCII_MARKDOWN);
    for (row, app) in (1..).zip(&run.apps) {
        let cells = |form| -> Vec<String> {
            let entries = FormEntry::of(form);
            entries.iter().map(|entry| cell(&entry.metric(&app.name), &run)).collect()
        };
        assert_table(&text, Form::Table, &["app"], row, &cells(Form::Table));
        let page = html::html(&run);
        let heads = FormEntry::of(Form::PageTable);
        let head: String =
            words(&heads).iter().map(|head| format!(r#"<th scope="col">{head}</th>"#)).collect();
        assert!(page.contains(&format!("<th>application</th>{head}</tr>")), "{head}");
        let row: String =
            cells(Form::PageTable).iter().map(|cell| format!("<td>{cell}</td>")).collect();
        let name = &app.name;
        assert!(page.contains(&format!(r#"<th scope="row">{name}</th>{row}</tr>"#)), "{row}");
    }
}

#[test]
fn the_page_has_a_tile_for_every_metric_that_claims_one_and_no_other() {
    let run = sample();
    let page = html::html(&run);
    let apps = || run.apps.iter().map(|app| app.name.as_str());
    let tile = |entry: &FormEntry| {
        let (figure, what) = (worst_cell(&entry.metrics(apps()), &run), entry.shown.words);
        format!(r#"<div class="tile"><b>{figure}</b><span>{what}</span></div>"#)
    };
    let tiles: String = FormEntry::of(Form::Tile).iter().map(tile).collect();
    assert!(page.contains(&format!(r#"<div class="tiles">{tiles}</div>"#)), "{tiles}");
}

#[test]
fn csv_has_a_column_for_every_metric_that_claims_one() {
    let run = sample();
    let text = csv::csv([&run]).unwrap();
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let heads = reader.headers().unwrap().clone();
    let entries = FormEntry::of(Form::Csv);
    assert_eq!(heads.len(), entries.len() + csv::FACTS.len(), "{heads:?}");
    let all =
        run.series.iter().flat_map(|row| row.apps.iter().zip(&run.apps).map(move |it| (row, it)));
    for (fields, (interval, (seen, app))) in reader.records().zip(all) {
        let fields = fields.unwrap();
        for entry in &entries {
            let place = heads.iter().position(|head| head == entry.shown.key).unwrap();
            let metric = entry.metric(&app.name);
            let here = in_interval(&metric, (interval, seen), app);
            let expected = here.unwrap_or_else(|| value(&metric, &run));
            let found = fields[place].parse().ok();
            assert_eq!(found, expected, "{}", entry.shown.key);
        }
    }
}

#[test]
fn a_sweep_has_a_column_and_a_chart_for_every_metric_that_claims_one_and_no_other() {
    let book = swept();
    let text = sweep::markdown(&book);
    let (points, apps) = text.split_once("## Applications").unwrap();
    let spread = |entry: &FormEntry, spread: Option<crate::result::sweep::points::Spread>| {
        spread.map_or_else(|| "n/a".to_owned(), |it| bare(entry.row.unit, it.median))
    };
    let point = &book.points[0];
    let cells: Vec<String> =
        FormEntry::of(Form::Sweep).iter().map(|it| spread(it, point.spread(it))).collect();
    let facts = ["acks", "linger", "runs", "lag", "idle", "limit"];
    assert_table(points, Form::Sweep, &facts, 1, &cells);
    let app = &point.apps[0];
    let cells: Vec<String> =
        FormEntry::of(Form::SweepApps).iter().map(|it| spread(it, app.spread(it))).collect();
    assert_table(apps, Form::SweepApps, &["point", "app", "workers", "scaling"], 1, &cells);
    let page = html::sweep_html(&book, &[]);
    for (form, kind) in [(Form::HeatMap, "heat"), (Form::LineChart, "line")] {
        let claimed = FormEntry::of(form);
        for entry in &claimed {
            let id = format!(r#"<figure id="chart-{kind}-{}""#, entry.shown.key);
            assert!(page.contains(&id), "{id}");
        }
        let all = page.matches(&format!(r#"<figure id="chart-{kind}-"#)).count();
        assert_eq!(all, claimed.len(), "{form:?}");
    }
    for column in sweep::PointColumn::all() {
        assert!(page.contains(&format!("<td>{}</td>", column.cell(point))), "{}", column.head());
    }
}

/// Of the sample every metric is known: what is compared above is no `n/a`.
#[test]
fn the_sample_has_a_value_of_every_metric() {
    let run = sample();
    let apps = || run.apps.iter().map(|app| app.name.as_str());
    // Of distributions the median: not every run has samples for the highest percentiles.
    let all = FormEntry::of(Form::Threshold).into_iter().flat_map(|entry| entry.metrics(apps()));
    let unknown: Vec<Metric> = all.filter(|metric| value(metric, &run).is_none()).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn the_table_of_metrics_names_every_one_that_users_may_name() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/compare.md");
    let text = std::fs::read_to_string(path).unwrap();
    let table = text.split("## Metrics").nth(1).unwrap().split("\n## ").next().unwrap();
    for entry in FormEntry::of(Form::Threshold) {
        let app = if entry.row.per_app { "APP." } else { "" };
        let statistic = if entry.statistic.is_some() { ".STAT" } else { "" };
        let name = format!("`{app}{}{statistic}`", entry.row.name);
        assert!(table.contains(&name), "{name} is not in the table");
    }
}
