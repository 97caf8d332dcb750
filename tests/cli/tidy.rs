//! The style, as a test: layers, sizes, and what only one place may do.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// The layers of `src/lib.rs`, from words to skin. A module may name its own line and those above.
const LAYERS: &[&[&str]] = &[
    &["error", "clock", "event", "wire", "files", "visible", "cgroups", "memory"],
    &["scenario", "plan"],
    &["pace", "generate"],
    &["apps", "record", "ledger", "books"],
    &["produce", "consume"],
    &["kafka", "loopback", "broker"],
    &["harness", "result", "sweep", "race", "report", "compare", "progress", "metrics"],
    &["cli", "command", "main", "lib"],
];

const LONGEST_FILE: usize = 400;
const LONGEST_LINE: usize = 100;

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `folder`, with its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root()).unwrap().to_owned(), text));
            }
        }
    }
    found.sort();
    found
}

/// `src/wire/parse.rs` belongs to `wire`.
fn module_of(path: &Path) -> String {
    let below = path.strip_prefix("src").unwrap();
    below.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// The crate's modules that a line names: `crate::wire::parse` names `wire`.
fn named(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    for rest in line.split("crate::").skip(1) {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        let name: String =
            rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
        names.push(name);
    }
    names
}

/// Code only: no comments, and no inline tests, which may look anywhere.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    text[..end]
        .lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line.split("//").next().unwrap_or("")))
}

#[test]
fn imports_point_up_the_layers() {
    let mut faults = Vec::new();
    for (path, text) in sources("src") {
        let module = module_of(&path);
        let Some(own) = layer(&module) else {
            faults.push(format!("{}: {module} stands in no layer", path.display()));
            continue;
        };
        // Tests may look anywhere: they hold one layer against another.
        if path.components().any(|part| part.as_os_str().to_string_lossy().starts_with("tests")) {
            continue;
        }
        for (number, line) in code(&text) {
            for name in named(line) {
                if layer(&name).is_some_and(|other| other > own) {
                    faults.push(format!("{}:{number}: {module} names {name}", path.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_layer_test_sees_an_import_that_points_down() {
    assert_eq!(named("use crate::{harness::Options, event::Slot};"), ["harness"]);
    assert_eq!(named("let x = crate::wire::parse::Parser::new();"), ["wire"]);
    assert!(layer("harness") > layer("event"));
}

/// The books check the applications: a fault that both shared would agree with itself.
#[test]
fn the_books_share_no_code_with_the_applications() {
    let of = |module: &str| {
        let mut names = Vec::new();
        let own = |path: &Path| {
            module_of(path) == module && !path.iter().any(|part| part.to_string_lossy() == "tests")
        };
        for (_, text) in sources("src").iter().filter(|(path, _)| own(path)) {
            names.extend(code(text).flat_map(|(_, line)| named(line)));
        }
        names.sort();
        names.dedup();
        names
    };
    // The events' words, and what the generator meant before it became text.
    assert_eq!(of("books"), ["event", "generate"]);
    let apps = of("apps");
    for module in ["books", "generate", "record", "ledger", "pace"] {
        assert!(!apps.iter().any(|name| name == module), "the applications name {module}");
    }
    for module in ["generate", "pace"] {
        let names = of(module);
        assert!(!names.iter().any(|name| name == "apps"), "{module} names the applications");
    }
}

#[test]
fn files_and_lines_are_short() {
    let mut faults = Vec::new();
    for folder in ["src", "tests", "benches"] {
        for (path, text) in sources(folder) {
            let lines = text.lines().count();
            if lines > LONGEST_FILE {
                faults.push(format!("{}: {lines} lines", path.display()));
            }
            for (number, line) in text.lines().enumerate() {
                if line.chars().count() > LONGEST_LINE {
                    faults.push(format!("{}:{}: over 100 columns", path.display(), number + 1));
                }
            }
            if path.file_name().is_some_and(|name| name == "mod.rs") {
                faults.push(format!("{}: file modules only", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_only_one_place_may_do() {
    // (words, where they are allowed, why)
    let bans: &[(&str, &[&str], &str)] = &[
        ("SystemTime", &["clock"], "durations come from a clock that can't be set"),
        ("clap", &["cli", "command", "main"], "nothing below the skin knows the command line"),
        ("println!", &["cli", "command", "main"], "only the skin prints"),
        ("process::exit", &[], "exiting skips the saving of the result"),
    ];
    let mut faults = Vec::new();
    for (path, text) in sources("src") {
        let module = module_of(&path);
        for (number, line) in code(&text) {
            for (word, allowed, why) in bans {
                if line.contains(word) && !allowed.contains(&module.as_str()) {
                    faults.push(format!("{}:{number}: {word}: {why}", path.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_module_of_the_crate_stands_in_the_layers_table_of_its_front_page() {
    let front = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    for module in front.lines().filter_map(|line| line.strip_prefix("pub mod ")) {
        let module = module.trim_end_matches(';');
        assert!(front.contains(&format!("[`{module}`]")), "{module} is missing in src/lib.rs");
        assert!(layer(module).is_some(), "{module} is missing in this test's table");
    }
}

/// A figure in the README is one that `dev/benches --record` wrote.
#[test]
fn the_readme_quotes_the_recorded_benches() {
    let cells = |file: &str| -> Vec<Vec<String>> {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let rows = text.lines().filter(|line| line.starts_with("| "));
        rows.map(|row| row.split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
    };
    let recorded = cells("results/recorded/benches.md");
    let benches: Vec<&str> = recorded.iter().map(|row| row[1].as_str()).collect();
    let readme = cells("README.md");
    let quoted: Vec<_> = readme
        .iter()
        .filter(|row| benches.contains(&row[1].as_str()) && row[1] != "bench")
        .collect();
    assert!(quoted.len() >= 18, "the README quotes {} benches", quoted.len());
    for row in quoted {
        let found = recorded.iter().find(|recorded| recorded[1] == row[1]).unwrap();
        assert_eq!(row[3], found[2], "{}", row[1]);
    }
}
