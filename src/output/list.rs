//! What a results folder holds, as a table.

use comfy_table::{CellAlignment, Table, TableStyle};

use crate::base::text::{count, duration};
use crate::result::Listed;

/// The entries as a table in one of comfy-table's styles.
#[must_use]
pub fn list_table(listed: &[Listed], style: TableStyle) -> String {
    let mut table = Table::new();
    table.load_style(style).set_header([
        "when",
        "scenario",
        "broker",
        "verdict",
        "acked/s",
        "worst p99",
        "missing",
        "folder",
    ]);
    let dash = || "-".to_owned();
    for one in listed {
        let when = one.started.split('.').next().unwrap_or("").replace('T', " ");
        // The rest of the words is for who sees one result alone.
        let broker = one.broker.split(" (").next().unwrap_or("").to_owned();
        table.add_row([
            when,
            one.scenario.clone(),
            broker,
            one.verdict.clone(),
            one.acked_per_s.map_or_else(dash, |rate| count(rate.round() as u64)),
            match (one.p99_endless_ns, one.p99_ns) {
                (Some(endless_ns), _) => format!("> {}", duration(Some(endless_ns))),
                (None, Some(p99_ns)) => duration(Some(p99_ns)),
                (None, None) => dash(),
            },
            one.missing.map_or_else(dash, count),
            one.folder.clone(),
        ]);
    }
    for column in [4, 5, 6] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
