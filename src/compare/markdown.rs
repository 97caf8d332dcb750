//! A comparison for a pull request: Markdown that fits into a comment, and annotations.

use comfy_table::presets;

use super::conditions::Difference;
use super::gate::State;
use super::stats::Call;
use super::text::{at, legend, paired, reasons, runs, table, tally, word, zeros};
use super::{Comparison, Pair};

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
        out.push_str(&format!("- **{}**\n", plain(declared)));
    }
    gates(comparison, &mut out);
    for left_out in comparison.left_out.iter().take(LISTED_MAX) {
        out.push_str(&format!("- left out: {}\n", plain(left_out)));
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
    let states = [State::Failed, State::Inconclusive, State::Passed];
    let all: Vec<_> = states.iter().flat_map(|state| comparison.gates(*state)).collect();
    if all.is_empty() {
        return;
    }
    out.push_str("| gate | | measured |\n|---|---|---|\n");
    for (pair, gate) in all.iter().take(LISTED_MAX) {
        let cell = |text: &str| plain(text).replace('|', "\\|");
        out.push_str(&format!(
            "| `{}{}` | {} | {} |\n",
            cell(&at(pair)),
            cell(&gate.gate),
            word(gate.state),
            cell(&gate.why)
        ));
    }
    if all.len() > LISTED_MAX {
        out.push_str(&format!("\n{} more gates: see `--format json`.\n", all.len() - LISTED_MAX));
    }
    out.push('\n');
}

fn section(pair: &Pair) -> String {
    let mut out = format!("\n### {}{}\n\n", plain(&at(pair)), plain(&pair.scenario));
    for note in pair.notes.iter().take(LISTED_MAX) {
        out.push_str(&format!("- **{}**\n", plain(note)));
    }
    for (what, group) in [("baseline", &pair.baseline), ("candidate", &pair.candidate)] {
        let (name, runs, broker) = (plain(&group.name), runs(group.runs), plain(&group.broker));
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
        out.push_str(&format!("- {}\n", plain(&line)));
    }
    let zeros = zeros(&pair.rows);
    if !zeros.is_empty() {
        out.push_str(&format!("- zero in every run of both sides: {}\n", zeros.join(", ")));
    }
    out
}

/// A name on one line, short, without what Markdown would take for code.
fn plain(text: &str) -> String {
    const CHARS_MAX: usize = 200;
    let line: String =
        text.chars().map(|c| if c.is_control() || c == '`' { ' ' } else { c }).collect();
    if line.chars().count() <= CHARS_MAX {
        return line;
    }
    line.chars().take(CHARS_MAX).chain("…".chars()).collect()
}

/// GitHub's annotations, a line each, the worst first: failed gates, then changes for the worse.
#[must_use]
pub fn annotations(comparison: &Comparison) -> Vec<String> {
    let failed = comparison
        .gates(State::Failed)
        .map(|(pair, gate)| command("error", &format!("{}{}: {}", at(pair), gate.gate, gate.why)));
    let mut worse: Vec<(f64, String)> = comparison
        .pairs
        .iter()
        .flat_map(|pair| pair.rows.iter().map(move |row| (pair, row)))
        .filter(|(_, row)| row.call == Call::Worse)
        .map(|(pair, row)| {
            let ratio = row.ratio.unwrap_or(f64::INFINITY);
            let other = if row.endless == (0, 0) { "from zero" } else { "without end" };
            let change = row.ratio.map_or_else(|| other.to_owned(), super::gate::change);
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
<<<<<<< HEAD
mod tests {
    use super::*;
    use crate::compare::{Gate, GateResult, Group, Row, Sense};
    use crate::plan::metric::Metric;

    fn row(metric: &Metric, ratio: f64) -> Row {
        Row {
            metric: metric.clone(),
            unit: metric.unit(),
            call: Call::Worse,
            why: None,
            baseline: vec![Some(1e6); 5],
            candidate: vec![Some(ratio * 1e6); 5],
            endless: (0, 0),
            few_episodes: (0, 0),
            baseline_mean: Some(1e6),
            candidate_mean: Some(ratio * 1e6),
            ratio: Some(ratio),
            interval: Some((ratio * 0.9, ratio * 1.1)),
            p: Some(0.001),
            p_holm: Some(0.01),
            detectable: Some(0.1),
            runs_to_call: Some(20),
            runs_for_same: Some(60),
        }
    }

    fn pair(number: usize) -> Pair {
        let group = |name: &str| Group {
            name: name.to_owned(),
            runs: 5,
            broker: "Kafka at a:1".to_owned(),
            first: "2026-11-23T10:00:00Z".to_owned(),
            last: "2026-11-23T11:00:00Z".to_owned(),
        };
        let metrics = Metric::all(["analytics"]);
        let text = "analytics.e2e.p99 > +10%";
        let gate = Gate::parse(text, Sense::FailOn, ["analytics"]).unwrap();
        Pair {
            point: [("rate".to_owned(), number.to_string())].into(),
            plan_hash: None,
            scenario: "a|b`\n## c".to_owned(),
            baseline: group("a"),
            candidate: group("b"),
            design: crate::compare::Design::Apart,
            declared: Vec::new(),
            notes: vec!["x".repeat(10_000)],
            compared: Vec::new(),
            rows: (1_u32..).zip(&metrics).map(|(n, it)| row(it, 1.0 + f64::from(n))).collect(),
            gates: vec![GateResult { gate: gate.text, state: State::Failed, why: "100 %".into() }],
        }
    }

    fn comparison(pairs: usize) -> Comparison {
        Comparison {
            baseline: "a".to_owned(),
            candidate: "b".to_owned(),
            min_effect: 0.05,
            effect_to_call: 0.1,
            declared: Vec::new(),
            left_out: Vec::new(),
            pairs: (0..pairs).map(pair).collect(),
        }
    }

    #[test]
    fn a_huge_sweep_still_fits_into_a_comment_and_says_what_did_not() {
        let text = markdown(&comparison(500));
        assert!(text.len() <= BYTES_MAX, "{}", text.len());
        assert!(text.contains("more points did not fit") && text.contains("460 more gates"));
        assert!(markdown(&comparison(1)).contains("| analytics.e2e.p50 "));
        assert!(!text.contains("\n## c"), "a name can't make a heading");
    }

    #[test]
    fn annotations_are_ten_at_most_failed_gates_first_then_the_worst() {
        let lines = annotations(&comparison(1));
        assert_eq!(lines.len(), ANNOTATIONS_MAX);
        assert!(
            lines[0]
                .starts_with("::error title=kbench compare::rate=0: analytics.e2e.p99 > +10%25")
        );
        assert!(
            lines[1].starts_with("::warning") && lines[1].contains("wire.ratio"),
            "{}",
            lines[1]
        );
    }
}
=======
mod tests;
>>>>>>> m3
