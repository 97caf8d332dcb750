//! A comparison for a pull request: Markdown that fits into a comment, and annotations.

use comfy_table::presets;

use super::compare_text::{at, legend, paired, reasons, runs, table, tally, word, zeros};
use crate::base::visible;
use crate::result::compare::conditions::Difference;
use crate::result::compare::gate::GateState;
use crate::result::compare::stats::Call;
use crate::result::compare::{Comparison, Pair};

/// A comment holds 64 kB (GitHub's limit); this leaves room for what an action puts around it.
const BYTES_MAX: usize = 60_000;

/// Longest list of one kind within a pair: the rest is in the JSON.
const LISTED_MAX: usize = 40;

/// GitHub shows no more of a kind and step.
const ANNOTATIONS_MAX: usize = 10;

/// The comparison as Markdown, at most 60 kB; points with a change stand first.
#[must_use]
pub fn markdown(comparison: &Comparison) -> String {
    let mut out = format!("## kbench compare: {}\n\n", tally(comparison));
    for declared in comparison.declared.iter().take(LISTED_MAX) {
        out.push_str(&format!("- **{}**\n", text(declared)));
    }
    gates(comparison, &mut out);
    for left_out in comparison.left_out.iter().take(LISTED_MAX) {
        out.push_str(&format!("- left out: {}\n", text(left_out)));
    }
    let end = format!("\n<sub>{}</sub>\n", legend(comparison.min_effect));
    let mut pairs: Vec<&Pair> = comparison.pairs.iter().collect();
    let count = |pair: &Pair, call| pair.rows.iter().filter(|row| row.call == call).count();
    pairs.sort_by_key(|pair| {
        std::cmp::Reverse((count(pair, Call::Worse), count(pair, Call::Better)))
    });
    for (place, pair) in pairs.iter().enumerate() {
        let section = section(pair);
        // Room for the line that says what was left out.
        if out.len() + section.len() + end.len() + 200 > BYTES_MAX {
            let more = pairs.len() - place;
            out.push_str(&format!("\n{more} more points did not fit: see `--format json`.\n"));
            break;
        }
        out.push_str(&section);
    }
    out.push_str(&end);
    out
}

fn gates(comparison: &Comparison, out: &mut String) {
    let states = [GateState::Failed, GateState::Inconclusive, GateState::Passed];
    let all: Vec<_> = states.iter().flat_map(|state| comparison.gates(*state)).collect();
    if all.is_empty() {
        return;
    }
    out.push_str("| gate | | measured |\n|---|---|---|\n");
    for (pair, gate) in all.iter().take(LISTED_MAX) {
        // In a table a bar ends a cell of code, too.
        let code = |code: &str| plain(code).replace('|', "\\|");
        out.push_str(&format!(
            "| `{}{}` | {} | {} |\n",
            code(&at(pair)),
            code(&gate.gate),
            word(gate.state),
            text(&gate.why)
        ));
    }
    if all.len() > LISTED_MAX {
        out.push_str(&format!("\n{} more gates: see `--format json`.\n", all.len() - LISTED_MAX));
    }
    out.push('\n');
}

fn section(pair: &Pair) -> String {
    let mut out = format!("\n### {}{}\n\n", text(&at(pair)), text(&pair.scenario));
    for note in pair.notes.iter().take(LISTED_MAX) {
        out.push_str(&format!("- **{}**\n", text(note)));
    }
    for (what, group) in [("baseline", &pair.baseline), ("candidate", &pair.candidate)] {
        let (name, runs, broker) = (plain(&group.name), runs(group.runs), text(&group.broker));
        out.push_str(&format!("- {what}: `{name}`, {runs} on {broker}, from {}\n", group.first));
    }
    if let Some(line) = paired(pair) {
        out.push_str(&format!("- {line}\n"));
    }
    if let Some(hash) = &pair.plan_hash {
        out.push_str(&format!("- plan `{hash}` on both sides\n"));
    }
    for Difference { what, baseline, candidate, .. } in pair.compared.iter().take(LISTED_MAX) {
        let values = [what, baseline, candidate].map(|value| plain(value));
        let [what, baseline, candidate] = values;
        out.push_str(&format!("- compared: `{what}`: `{baseline}` → `{candidate}`\n"));
    }
    out.push('\n');
    out.push_str(&table(pair, presets::ASCII_MARKDOWN));
    out.push('\n');
    for line in reasons(&pair.rows) {
        out.push_str(&format!("- {}\n", text(&line)));
    }
    let zeros = zeros(&pair.rows);
    if !zeros.is_empty() {
        out.push_str(&format!("- zero in every run of both sides: {}\n", zeros.join(", ")));
    }
    out
}

/// A name on one line, short, that does not end the code which it stands in.
fn plain(text: &str) -> String {
    const CHARS_MAX: usize = 200;
    let line: String =
        visible::visible(text).chars().map(|c| if c == '`' { ' ' } else { c }).collect();
    if line.chars().count() <= CHARS_MAX {
        return line;
    }
    line.chars().take(CHARS_MAX).chain("…".chars()).collect()
}

/// The same where it is not a code.
fn text(text: &str) -> String {
    visible::markdown(&plain(text))
}

/// GitHub's annotations, a line each, the worst first: failed gates, then changes for the worse.
#[must_use]
pub fn annotations(comparison: &Comparison) -> Vec<String> {
    let failed = comparison
        .gates(GateState::Failed)
        .map(|(pair, gate)| command("error", &format!("{}{}: {}", at(pair), gate.gate, gate.why)));
    let mut worse: Vec<(f64, String)> = comparison
        .pairs
        .iter()
        .flat_map(|pair| pair.rows.iter().map(move |row| (pair, row)))
        .filter(|(_, row)| row.call == Call::Worse)
        .map(|(pair, row)| {
            let ratio = row.ratio.unwrap_or(f64::INFINITY);
            let other = if row.endless == (0, 0) { "from zero" } else { "without end" };
            let change =
                row.ratio.map_or_else(|| other.to_owned(), crate::result::compare::gate::change);
            let text = format!("{}{}: {change}, worse", at(pair), row.metric);
            (ratio.ln().abs(), command("warning", &text))
        })
        .collect();
    worse.sort_by(|left, right| right.0.total_cmp(&left.0));
    failed.chain(worse.into_iter().map(|(_, line)| line)).take(ANNOTATIONS_MAX).collect()
}

/// A workflow command; what would end it is escaped as GitHub wants it.
fn command(kind: &str, text: &str) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    format!("::{kind} title=kbench compare::{text}")
}

#[cfg(test)]
mod tests;
