//! Personas beside segments, as a table.

use comfy_table::{CellAlignment, Table, TableStyle};

use crate::apps::Segment;
use crate::base::text::{count, percent};
use crate::load::generate::Persona;
use crate::measure::verify::segments::{SegmentMatrix, segment_of};
use crate::result::RunResult;

/// For each application that has segments: all its users in one of comfy-table's styles, and a
/// line with the share of those who were taken for what they are.
pub(crate) fn segmented(result: &RunResult, style: TableStyle) -> Vec<(String, String)> {
    let reports = result.apps.iter().filter_map(|app| Some((&app.name, app.segments?)));
    reports
        .map(|(name, report)| {
            let mut line = format!(
                "{name}: {} of {} users taken right, {} of the {} with {} events or more",
                percent(report.all.accuracy()),
                count(report.all.users()),
                percent(report.active.accuracy()),
                count(report.active.users()),
                report.events_min
            );
            if report.planted > 0 {
                let users = count(report.planted);
                line.push_str(&format!("; {users} with planted fraud left out"));
            }
            if report.strangers > 0 {
                line.push_str(&format!("; {} strangers", count(report.strangers)));
            }
            (table(&report.all, style), line)
        })
        .collect()
}

fn table(matrix: &SegmentMatrix, style: TableStyle) -> String {
    let mut table = Table::new();
    let mut head = vec!["users planted as".to_owned()];
    head.extend(Segment::ALL.map(|segment| format!("taken for {}", segment.name())));
    table.load_style(style).set_header(head);
    for persona in Persona::ALL {
        let mut row = vec![segment_of(persona).name().to_owned()];
        row.extend(matrix.0[persona.index()].map(count));
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
