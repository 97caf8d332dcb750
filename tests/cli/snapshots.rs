//! What people read, as a whole: the terminal's summary and `summary.md` of one real run.
//!
//! `tests/cli/snapshots/smoke.json` is that run's result, without its histograms. `KBENCH_REWRITE=1
//! cargo test --release --test cli -- snapshots::` writes the texts anew; read them before you
//! commit.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use kbench::result::{self, RunResult};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/snapshots").join(name)
}

fn smoke() -> RunResult {
    serde_json::from_str(&std::fs::read_to_string(file("smoke.json")).unwrap()).unwrap()
}

fn check(name: &str, text: &str) {
    if std::env::var_os("KBENCH_REWRITE").is_some() {
        std::fs::write(file(name), text).unwrap();
    }
    let saved = std::fs::read_to_string(file(name)).unwrap_or_default();
    assert!(
        saved == text,
        "tests/cli/snapshots/{name} is stale; write it anew, and read it:\n\
         KBENCH_REWRITE=1 cargo test --release --test cli -- snapshots::\n{text}"
    );
}

#[test]
fn the_terminal_says_the_verdict_first_and_fits_100_columns() {
    let text = kbench::output::table::terminal(&smoke(), false);
    assert!(text.starts_with("VALID  smoke on the embedded"));
    check("smoke.txt", &text);
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn the_table_of_applications_fits_100_columns_with_tens_of_millions_of_events() {
    let mut result = smoke();
    for (app, ledger) in result.apps.iter_mut().zip(&mut result.ledger.apps) {
        ledger.seen = 98_765_432;
        app.consumed_per_s = 987_654.0;
    }
    for line in kbench::output::table::terminal(&result, false).lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn the_summary_has_everything_that_a_stranger_asks_for() {
    let text = kbench::output::summary::markdown(&smoke());
    check("smoke.md", &text);
    for heading in
        ["# smoke: VALID", "## Stages", "## Books", "## Phases", "## Partitions", "## Conditions"]
    {
        assert!(text.contains(heading), "no {heading}");
    }
}

#[test]
fn a_difference_from_the_books_stands_out() {
    let mut result = smoke();
    let check = &mut result.checks[0];
    *check = result::Check::new(&check.what, check.books, {
        let mut apps = check.apps.clone();
        apps[1] = Some(check.books - 3);
        apps
    });
    assert!(!check.agrees() && check.differences[1] == Some(-3));
    assert!(kbench::output::table::terminal(&result, false).contains("(-3)"));
    assert!(kbench::output::summary::markdown(&result).contains("| **3** |"));
}
