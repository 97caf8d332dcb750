//! The runs that the README quotes: they are results of this format, and valid ones.

use std::path::Path;

use kbench::result::{FORMAT_VERSION, RunResult};

#[test]
fn every_recorded_run_is_read_and_is_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let mut count = 0;
    for entry in std::fs::read_dir(root.join("results/recorded")).unwrap() {
        let folder = entry.unwrap().path();
        // A folder of runs that were taken together, such as aa, has a README of its own.
        if !folder.join("result.json").is_file() {
            continue;
        }
        let json = std::fs::read_to_string(folder.join("result.json")).unwrap();
        let result: RunResult = serde_json::from_str(&json).unwrap();
        assert_eq!(result.format_version, FORMAT_VERSION, "{}", folder.display());
        assert_eq!(result.verdict.reasons, Vec::<String>::new());
        assert!(result.verdict.valid && result.ledger.closes);
        let git = result.build.git.unwrap();
        assert!(!git.ends_with("-dirty"), "a quoted run has a revision: {git}");
        assert!(readme.contains(&result.run), "the README does not quote {}", result.run);
        count += 1;
    }
    assert!(count > 0);
}
