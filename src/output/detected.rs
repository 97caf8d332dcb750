//! Planted fraud beside the alerts, as tables.

use comfy_table::{CellAlignment, Table, TableStyle};

use crate::base::text::{count, percent};
use crate::result::RunResult;

const HEAD: [&str; 9] = [
    "planted fraud",
    "sessions",
    "found",
    "recall",
    "by any rule",
    "alerts",
    "other kind",
    "false",
    "precision",
];

const RULES_HEAD: [&str; 7] =
    ["rule", "speaks for", "alerts", "sessions", "false", "of not planted", "share"];

/// Every rule's alerts beside the sessions that were not planted; nothing where nobody knows these.
pub(crate) fn accused(result: &RunResult, style: TableStyle) -> Option<String> {
    if result.rules.is_empty() {
        return None;
    }
    let mut table = Table::new();
    table.load_style(style).set_header(RULES_HEAD);
    for rule in &result.rules {
        let share = rule.false_share();
        table.add_row([
            rule.rule.clone(),
            rule.kind.map_or("-", |kind| kind.name()).to_owned(),
            count(rule.alerts),
            count(rule.sessions),
            count(rule.false_alarms),
            count(rule.not_planted),
            share.map_or_else(|| "n/a".to_owned(), |share| format!("{:.3} %", 100.0 * share)),
        ]);
    }
    Some(right(table, 2))
}

/// The table in one of comfy-table's styles; nothing where nothing was planted, or nobody looked.
pub(crate) fn detected(result: &RunResult, style: TableStyle) -> Option<String> {
    if !result.detection.iter().any(|kind| kind.planted > 0) {
        return None;
    }
    let mut table = Table::new();
    table.load_style(style).set_header(HEAD);
    for kind in &result.detection {
        table.add_row([
            kind.kind.name().to_owned(),
            count(kind.planted),
            count(kind.found),
            percent(kind.recall()),
            count(kind.found_by_any),
            count(kind.alerts),
            count(kind.other_kind),
            count(kind.false_alarms),
            percent(kind.precision()),
        ]);
    }
    Some(right(table, 1))
}

/// A table's lines, with figures to the right of its first columns, which are words.
fn right(mut table: Table, words: usize) -> String {
    for column in table.column_iter_mut().skip(words) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
