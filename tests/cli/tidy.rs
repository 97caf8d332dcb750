//! The style, as a test: folders, sizes, and what only one place may do.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used)]

mod graph;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use graph::{Graph, circles};

/// The folders of `src/lib.rs`, from the lowest on: a folder may name those before it.
const FOLDERS: [&str; 13] = [
    "base", "event", "plan", "load", "apps", "measure", "workers", "client", "broker", "result",
    "output", "run", "cli",
];

const LONGEST_FILE: usize = 400;
const LONGEST_LINE: usize = 100;

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

/// `src/event/json/parse.rs` is in `event`.
fn folder_of(path: &Path) -> String {
    let below = path.strip_prefix("src").unwrap();
    below.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// Code only: no comments, and no inline tests, which may look anywhere.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    text[..end]
        .lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line.split("//").next().unwrap_or("")))
}

/// Who names whom in this crate.
fn edges() -> BTreeMap<PathBuf, BTreeSet<PathBuf>> {
    let edges = Graph::read(Path::new("src/lib.rs"), &read).edges();
    assert!(edges.len() > 200, "{} files were read", edges.len());
    edges
}

/// The imports among `edges` that point down the list of folders, or to a folder that is not in it.
fn pointing_down(edges: &BTreeMap<PathBuf, BTreeSet<PathBuf>>) -> Vec<String> {
    let place = |path: &Path| FOLDERS.iter().position(|folder| *folder == folder_of(path));
    let all = edges.iter().flat_map(|(from, to)| to.iter().map(move |to| (from, to)));
    all.filter(|(from, _)| folder_of(from) != "lib")
        .filter(|(from, to)| place(from).is_none_or(|own| place(to).is_none_or(|to| to > own)))
        .map(|(from, to)| format!("{} names {}", from.display(), to.display()))
        .collect()
}

#[test]
fn imports_point_up_the_folders() {
    let faults = pointing_down(&edges());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_folder_test_sees_an_import_that_points_down() {
    let path = |name: &str| PathBuf::from(name);
    let edges = BTreeMap::from([
        (
            path("src/event.rs"),
            BTreeSet::from([path("src/run/drain.rs"), path("src/base/error.rs")]),
        ),
        (path("src/run.rs"), BTreeSet::from([path("src/event.rs"), path("src/other.rs")])),
    ]);
    let expected = ["src/event.rs names src/run/drain.rs", "src/run.rs names src/other.rs"];
    assert_eq!(pointing_down(&edges), expected);
}

/// The books check the applications: a fault that both shared would agree with itself.
#[test]
fn the_books_share_no_code_with_the_applications() {
    let edges = edges();
    let of = |folder: &str| {
        let own = |path: &Path| path.starts_with(folder) || path == Path::new(folder);
        let named = edges.iter().filter(|(from, _)| own(from)).flat_map(|(_, to)| to);
        named.filter(|to| !own(to)).map(|to| to.display().to_string()).collect::<BTreeSet<_>>()
    };
    // The events' words, and what the generator meant before it became text.
    for name in of("src/measure/verify/books.rs") {
        assert!(
            name.starts_with("src/event") || name.starts_with("src/load/generate"),
            "the books name {name}"
        );
    }
    for name in of("src/apps").into_iter().chain(of("src/apps.rs")) {
        for other in ["src/measure", "src/load"] {
            assert!(!name.starts_with(other), "the applications name {name}");
        }
    }
    for name in of("src/load") {
        assert!(!name.starts_with("src/apps"), "the load names {name}");
    }
}

/// The runner tells what happens, by the trait; what is said of it is said elsewhere.
#[test]
fn a_run_names_no_form_of_progress() {
    let edges = edges();
    let is_run = |path: &Path| path.starts_with("src/run") || path == Path::new("src/run.rs");
    let named: Vec<_> = edges.iter().filter(|(from, _)| is_run(from)).collect();
    let all = || named.iter().flat_map(|(from, to)| to.iter().map(move |to| (from, to)));
    let speaks = |to: &Path| {
        ["src/output/progress", "src/output/run_lines", "src/output/prometheus"]
            .iter()
            .any(|form| to.with_extension("").starts_with(form))
    };
    let faults: Vec<_> = all().filter(|(_, to)| speaks(to)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let trait_file = Path::new("src/result/run_event.rs");
    assert!(all().filter(|(_, to)| to.as_path() == trait_file).count() > 5);
}

#[test]
fn files_and_lines_are_short() {
    let mut faults = Vec::new();
    for folder in ["src", "tests", "benches"] {
        for (path, text) in sources(folder) {
            // A file's own tests lie beside what they hold, and don't count.
            let lines = code(&text).count();
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
        ("SystemTime", &["src/base/clock"], "durations come from a clock that can't be set"),
        ("clap", &["src/cli", "src/main.rs"], "nothing below the skin knows the command line"),
        ("println!", &["src/cli", "src/main.rs"], "only the skin prints"),
        ("process::exit", &[], "exiting skips the saving of the result"),
        ("rdkafka::", &["src/client"], "whoever runs something knows a target and no client"),
        ("event::json", &["src/event"], "an event's format is for its codec to know"),
        (
            "\\\"event_type",
            &["src/event", "src/workers/produce/workload/tests"],
            "an event is written by its codec",
        ),
        (
            "\\\"user_id",
            &["src/event", "src/workers/produce/workload/tests"],
            "an event is written by its codec",
        ),
    ];
    let mut faults = Vec::new();
    for (path, text) in sources("src") {
        let file = path.display().to_string();
        for (number, line) in code(&text) {
            for (word, allowed, why) in bans {
                let is_allowed = allowed.iter().any(|place| file.starts_with(place));
                if line.contains(word) && !is_allowed {
                    faults.push(format!("{}:{number}: {word}: {why}", path.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Whether a line is the arm of a `match` over the kinds of brokers.
fn is_arm_of_a_kind(line: &str) -> bool {
    line.split_once("=>").is_some_and(|(pattern, _)| pattern.contains("BrokerKind::"))
}

#[test]
fn nobody_outside_of_the_clients_asks_what_kind_of_broker_it_is() {
    assert!(is_arm_of_a_kind("            (BrokerKind::Kafka, None) => look(),"));
    assert!(!is_arm_of_a_kind(
        "            (Some(address), _) => (BrokerKind::Embedded, address),"
    ));
    let mut faults = Vec::new();
    for (path, text) in sources("src").iter().filter(|(path, _)| folder_of(path) != "client") {
        let arms = code(text).filter(|(_, line)| is_arm_of_a_kind(line));
        faults.extend(arms.map(|(number, _)| format!("{}:{number}", path.display())));
    }
    assert!(faults.is_empty(), "an arm for a kind of broker: {}", faults.join(", "));
}

#[test]
fn every_folder_stands_in_the_table_of_the_front_page_in_order() {
    let front = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let table = front.lines().filter_map(|line| line.strip_prefix("//! | [`"));
    let named: Vec<&str> = table.filter_map(|row| row.split('`').next()).collect();
    assert_eq!(named, FOLDERS);
    let mut modules: Vec<&str> =
        front.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let mut folders = FOLDERS.to_vec();
    modules.sort_unstable();
    folders.sort_unstable();
    assert_eq!(modules, folders);
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
    assert!(quoted.len() >= 5, "the README quotes {} benches", quoted.len());
    for row in quoted {
        let found = recorded.iter().find(|recorded| recorded[1] == row[1]).unwrap();
        assert_eq!(row[3], found[2], "{}", row[1]);
    }
}

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
fn no_two_files_lead_to_each_other() {
    let found = circles(&edges());
    assert!(found.is_empty(), "{found:#?}");
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

/// Every file of the sources that a page of the documentation names is there.
#[test]
fn files_that_the_pages_name_are_there() {
    let mut pages = vec![PathBuf::from("README.md")];
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "md") {
            pages.push(path.strip_prefix(root()).unwrap().to_owned());
        }
    }
    let (mut named, mut missing) = (0, Vec::new());
    for page in pages {
        let text = read(&page).unwrap();
        for word in
            text.split(|letter: char| !(letter.is_alphanumeric() || "/._*-".contains(letter)))
        {
            let is_path =
                ["src/", "tests/", "dev/", "benches/"].iter().any(|it| word.starts_with(it));
            let path = word.trim_end_matches(['*', '.', '/']);
            if is_path && !path.contains('*') {
                named += 1;
                // The tutorial is about a file that its reader writes.
                if !root().join(path).exists() && path != "src/apps/carts.rs" {
                    missing.push(format!("{} names {word}", page.display()));
                }
            }
        }
    }
    assert!(named > 100, "{named} files are named");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// One word, one thing: a type's name says which type it is, wherever it is read.
#[test]
fn a_name_is_that_of_one_type() {
    let mut homes = BTreeMap::<String, Vec<String>>::new();
    let kinds = ["struct ", "enum ", "trait ", "type ", "union "];
    for (path, text) in sources("src").iter().filter(|(path, _)| !is_of_tests(path)) {
        for (_, line) in code(text) {
            let line = line.strip_prefix("pub ").unwrap_or(line);
            let line = match line.strip_prefix("pub(") {
                Some(rest) => rest.split_once(") ").map_or(line, |(_, rest)| rest),
                None => line,
            };
            let Some(rest) = kinds.iter().find_map(|kind| line.strip_prefix(kind)) else {
                continue;
            };
            let end = rest.find(|letter: char| !(letter.is_alphanumeric() || letter == '_'));
            let name = rest[..end.unwrap_or(rest.len())].to_owned();
            homes.entry(name).or_default().push(path.display().to_string());
        }
    }
    assert!(homes.len() > 300, "{} types were found", homes.len());
    homes.retain(|_, homes| homes.len() > 1);
    assert!(homes.is_empty(), "{homes:#?}");
}

/// Whether a file is there for tests alone.
fn is_of_tests(path: &Path) -> bool {
    let parts = || path.iter().map(|part| part.to_string_lossy());
    parts().any(|part| part.contains("tests") || part.starts_with("naive") || part == "sample.rs")
}
