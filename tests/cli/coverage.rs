//! Bounds of a percentile from within one run: why there are none.

use std::path::Path;

use super::compare::kbench;

/// One run's bounds of a percentile hold the truth too rarely to be shown: by the very tables of
/// the page, which are made by the program.
#[test]
fn bounds_from_within_a_run_are_not_shown_because_they_do_not_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/percentiles.md")).unwrap();
    let table = |args: &[&str]| {
        let (code, table, err) = kbench(&[&["compare", "--coverage"], args].concat());
        assert_eq!(code, 0, "{err}");
        assert!(page.contains(table.trim()), "{table}");
        table
    };
    table(&[]);
    for broker in ["embedded", "kafka"] {
        let sides = ["a", "b"].map(|side| root.join("results/recorded/aa").join(broker).join(side));
        let [one, other] = sides.each_ref().map(|side| side.to_str().unwrap());
        let table = table(&[one, other]);
        let held = |method: &str| -> Vec<f64> {
            let rows = table.lines().filter(|line| line.contains(method));
            let cell = |line: &str| line.split('|').nth(5).unwrap().trim().to_owned();
            rows.map(|line| cell(line).trim_end_matches(" %").parse().unwrap()).collect()
        };
        // What claims 95 % and holds less than 90 % has no place beside a figure.
        for method in ["as if independent", "by intervals"] {
            let held = held(method);
            assert!(held.len() >= 4 && held.iter().all(|held| *held < 90.0), "{table}");
        }
        let over_runs = held("a ratio of 5 runs to 5");
        assert!(over_runs.len() >= 10 && over_runs.iter().all(|held| *held >= 90.0), "{table}");
    }
}
