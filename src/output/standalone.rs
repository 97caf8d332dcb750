//! What an application that runs by itself says, for a person: its tables side by side, as many
//! as the terminal is wide.

use unicode_width::UnicodeWidthStr;

use crate::apps::{Alert, Section, Summary};
use crate::base::date;
use crate::base::visible::{self, visible};
use crate::event::EventType;
use crate::workers::consume::ReadCounts;

/// Blanks between two tables.
const GAP: usize = 3;
/// Longest name of a row; longer ones end in dots.
const NAME_MAX: usize = 40;
/// Where nobody knows how wide the terminal is, as in a pipe: one table below the other.
const NARROW: usize = 1;

/// How a text is shown.
#[derive(Debug, Clone, Copy)]
pub struct TextStyle {
    /// Columns of the terminal; `None` for a pipe.
    pub width: Option<usize>,
    /// Whether colours are welcome.
    pub color: bool,
}

impl TextStyle {
    fn paint(self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A summary with a headline; `at` is the time of day.
#[must_use]
pub fn said(at: &str, summary: &Summary, read: &ReadCounts, look: TextStyle) -> String {
    // Names come from whoever wrote to the topic.
    let summary = &*visible::shown(summary);
    let totals = &summary.totals;
    let mut out = format!(
        "{} {}  {} events",
        look.paint("2", at),
        look.paint("1;36", &summary.app),
        look.paint("1", &read.events.to_string()),
    );
    for kind in EventType::ALL {
        out.push_str(&format!("  {} {}", kind.name(), totals.by_type[kind.index()]));
    }
    out.push_str(&format!("  revenue {}\n", crate::apps::Value::Cents(totals.revenue_cents)));
    for (count, what) in [
        (read.garbage, "records were no event"),
        (read.timeless, "events had no believable time"),
        (read.ahead, "! events lay further ahead in time than others bear out, and are left out"),
        (summary.late(), "! events came further behind others of their partition than lateness_ms"),
        (read.redelivered, "records came again and were not applied twice"),
        (summary.dropped, "entries fell out of full tables"),
    ] {
        if count > 0 {
            let (mark, what) = what.strip_prefix("! ").map_or(("", what), |what| ("! ", what));
            out.push_str(&look.paint("33", &format!("  {mark}{count} {what}")));
            out.push('\n');
        }
    }
    let tables: Vec<_> =
        summary.sections.iter().filter(|section| !section.rows.is_empty()).map(table).collect();
    let mut from = 0;
    while from < tables.len() {
        let to = from + fitting(&tables[from..], look.width.unwrap_or(NARROW));
        side_by_side(&tables[from..to], look, &mut out);
        from = to;
    }
    out
}

/// Alerts, a line each; `more` were left out.
#[must_use]
pub fn alerts(list: &[Alert], more: u64, look: TextStyle) -> String {
    let mut out = String::new();
    for alert in list {
        out.push_str(&format!(
            "{} {} {:<18} {} {}  {}\n",
            look.paint("2", &date::time_of_day(alert.at_us)),
            look.paint("1;31", "ALERT"),
            alert.rule,
            visible(&alert.user_id),
            visible(&alert.session_id),
            visible(&alert.evidence)
        ));
    }
    if more > 0 {
        out.push_str(&look.paint("33", &format!("  and {more} further alerts")));
        out.push('\n');
    }
    out
}

/// A table as lines of one width; the first is the heading.
struct TextTable {
    width: usize,
    lines: Vec<String>,
}

fn table(section: &Section) -> TextTable {
    let rows: Vec<(String, String)> =
        section.rows.iter().map(|row| (short(&row.name), row.value.to_string())).collect();
    let widest = |of: fn(&(String, String)) -> &str| {
        rows.iter().map(|row| of(row).width()).max().unwrap_or(0)
    };
    let (names, values) = (widest(|row| &row.0), widest(|row| &row.1));
    let width = section.title.width().max(names + 2 + values);
    let mut lines = vec![section.title.clone()];
    for (name, value) in &rows {
        let blanks = width - name.width() - value.width();
        lines.push(format!("{name}{:blanks$}{value}", ""));
    }
    TextTable { width, lines }
}

fn short(name: &str) -> String {
    if name.width() <= NAME_MAX {
        return name.to_owned();
    }
    let mut text: String = name.chars().take(NAME_MAX - 1).collect();
    text.push('…');
    text
}

/// How many tables stand side by side, at least one.
fn fitting(tables: &[TextTable], width: usize) -> usize {
    let mut used = 0;
    let fits = |table: &&TextTable| {
        used += GAP + table.width;
        used <= width
    };
    tables.iter().take_while(fits).count().max(1)
}

fn side_by_side(tables: &[TextTable], look: TextStyle, out: &mut String) {
    let height = tables.iter().map(|table| table.lines.len()).max().unwrap_or(0);
    for index in 0..height {
        let mut line = String::new();
        // Blanks are written only before something, so that no line ends with any.
        let mut pending = 0;
        for table in tables {
            pending += GAP;
            let Some(text) = table.lines.get(index) else {
                pending += table.width;
                continue;
            };
            line.push_str(&" ".repeat(pending));
            line.push_str(&if index == 0 { look.paint("1", text) } else { text.clone() });
            pending = table.width - text.width();
        }
        out.push_str(&line);
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apps::{Row, Totals, Value};

    fn summary() -> Summary {
        let section = |title: &str, names: &[&str]| Section {
            title: title.to_owned(),
            rows: names
                .iter()
                .map(|name| Row { name: (*name).to_owned(), value: Value::Count(1_234) })
                .collect(),
        };
        let totals = Totals { events: 2, by_type: [2, 0, 0, 0, 0], ..Totals::default() };
        let sections = vec![
            section("pages", &["/", "/products/laptop"]),
            section("none", &[]),
            section("places", &["São Paulo"]),
        ];
        Summary { app: "analytics".into(), totals, sections, ..Summary::default() }
    }

    fn lines(look: TextStyle) -> Vec<String> {
        let read = ReadCounts { events: 2, ..ReadCounts::default() };
        said("12:00:00", &summary(), &read, look).lines().map(str::to_owned).collect()
    }

    #[test]
    fn tables_stand_side_by_side_where_there_is_room() {
        assert_eq!(
            lines(TextStyle { width: Some(80), color: false })[1..],
            [
                "   pages                     places",
                "   /                 1,234   São Paulo  1,234",
                "   /products/laptop  1,234",
            ]
        );
    }

    #[test]
    fn in_a_pipe_they_stand_below_each_other_and_plain() {
        let lines = lines(TextStyle { width: None, color: false });
        assert!(lines[0].starts_with("12:00:00 analytics  2 events  page_view 2  click 0"));
        assert_eq!(lines[4..], ["   places", "   São Paulo  1,234"]);
        assert!(!lines.concat().contains('\x1b'));
    }

    #[test]
    fn events_whose_times_are_wrong_are_counted_above_the_tables() {
        let (mut summary, look) = (summary(), TextStyle { width: None, color: false });
        let row = Row { name: "late events".to_owned(), value: Value::Count(12) };
        summary.sections[0].rows.push(row);
        let read = ReadCounts { events: 2, ahead: 3, ..ReadCounts::default() };
        let text = said("12:00:00", &summary, &read, look);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[1..3],
            [
                "  ! 3 events lay further ahead in time than others bear out, and are left out",
                "  ! 12 events came further behind others of their partition than lateness_ms",
            ]
        );
    }

    #[test]
    fn colours_change_nothing_but_the_colour() {
        let plain = lines(TextStyle { width: Some(60), color: false });
        let painted = lines(TextStyle { width: Some(60), color: true }).join("\n");
        let mut stripped = String::new();
        let mut rest = painted.as_str();
        while let Some((before, after)) = rest.split_once('\x1b') {
            stripped.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        stripped.push_str(rest);
        assert_eq!(stripped, plain.join("\n"));
        assert_ne!(painted, stripped);
    }
}
