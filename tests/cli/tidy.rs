//! The style, as a test: layers, sizes, and what only one place may do.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used)]

mod graph;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use graph::{Graph, circles};

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

/// How many files are in circles, and in the largest of them. They are to be cut, not added to:
/// whoever cuts one lowers this.
const IN_CIRCLES: (usize, usize) = (210, 100);

fn read(path: &Path) -> Option<String> {
    fs::read_to_string(root().join(path)).ok()
}

/// What a crate of these files makes of them: who names whom.
fn edges_of(files: &[(&str, &str)]) -> Vec<(String, Vec<String>)> {
    let text = |path: &Path| {
        files.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| (*text).to_owned())
    };
    let shown = |path: &PathBuf| path.display().to_string();
    let edges = Graph::read(Path::new("lib.rs"), &text).edges();
    edges.iter().map(|(from, to)| (shown(from), to.iter().map(shown).collect())).collect()
}

#[test]
fn no_more_files_are_in_circles_than_there_were() {
    let edges = Graph::read(Path::new("src/lib.rs"), &read).edges();
    assert!(edges.len() > 200, "{} files were read", edges.len());
    let found = circles(&edges);
    for circle in &found {
        println!("{circle:?}");
    }
    let all = found.iter().map(BTreeSet::len).sum();
    let largest = found.iter().map(BTreeSet::len).max();
    assert_eq!((all, largest.unwrap_or(0)), IN_CIRCLES);
}

/// Each form in which a file can name another one.
#[test]
fn every_form_of_a_path_is_seen() {
    let main = "mod a; pub mod b; mod c;";
    for form in [
        "use crate::b::Thing;",
        "use crate::{c::Other as _, b::{self, Thing}};",
        "use super::b::Thing as Mine;",
        "use super::{b, c};",
        "fn f() { crate::b::go(1); }",
        "fn f(it: super::b::Thing) {}",
        "use super::*; fn f() -> b::Thing { b::Thing }",
        "fn f() { println!(\"{}\", crate::b::go(1)); }",
        "use crate::c::Thing;",
        "use crate::c::d::Thing;",
        "#[derive(Debug)] struct S { it: Vec<crate::b::Thing> }",
        "impl crate::b::Does for u8 {}",
        "mod inner { use super::super::b::Thing; }",
    ] {
        let files = [
            ("lib.rs", main),
            ("a.rs", form),
            ("b.rs", "pub struct Thing; pub trait Does {} pub fn go(it: u8) -> u8 { it }"),
            ("c.rs", "pub mod d; pub use crate::b::Thing; pub trait Other {}"),
            ("c/d.rs", "pub use super::Thing;"),
        ];
        let edges = edges_of(&files);
        let (_, named) = edges.iter().find(|(from, _)| from == "a.rs").unwrap();
        assert!(named.contains(&"b.rs".to_owned()), "{form}: {named:?}");
    }
}

#[test]
fn tests_and_other_crates_are_nobody_s_circle() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use std::fmt::Debug; use crate::b::B; pub struct A; #[cfg(test)] mod tests;"),
        ("b.rs", "pub struct B; #[cfg(test)] mod tests { use crate::a::A; }"),
        ("a/tests.rs", "use crate::b::B;"),
    ];
    let edges = edges_of(&files);
    let of = |file: &str| edges.iter().find(|(from, _)| from == file).map(|(_, to)| to.clone());
    assert_eq!(of("a.rs"), Some(vec!["b.rs".to_owned()]));
    assert_eq!(of("b.rs"), Some(Vec::new()));
    assert_eq!(of("a/tests.rs"), None);
}

#[test]
fn circles_of_two_and_of_three_are_found() {
    let edges = |list: &[(u8, u8)]| {
        let mut edges = BTreeMap::<u8, BTreeSet<u8>>::new();
        for (from, to) in list {
            edges.entry(*from).or_default().insert(*to);
            edges.entry(*to).or_default();
        }
        edges
    };
    assert_eq!(circles(&edges(&[(1, 2), (2, 3), (1, 3)])), []);
    let found = circles(&edges(&[(1, 2), (2, 1), (2, 3), (3, 4), (4, 5), (5, 3)]));
    assert_eq!(found, [BTreeSet::from([1, 2]), BTreeSet::from([3, 4, 5])]);
}
