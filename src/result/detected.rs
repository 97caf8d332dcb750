//! Planted fraud beside the alerts, as a table.

use comfy_table::{CellAlignment, Table, TableStyle};

use super::RunResult;
use super::table::count;

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

/// The table in one of comfy-table's styles; nothing where nothing was planted, or nobody looked.
pub(super) fn detected(result: &RunResult, style: TableStyle) -> Option<String> {
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
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    Some(table.lines().map(|line| format!("{}\n", line.trim_end())).collect())
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "n/a".to_owned(), |share| format!("{:.1} %", 100.0 * share))
}
