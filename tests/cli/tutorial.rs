//! `docs/fifth-application.md`, followed to the letter.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The Rust blocks of the page, in their order.
fn blocks(page: &str) -> Vec<String> {
    page.split("```rust\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_fifth_application_takes_one_file_and_one_line() {
    let page = fs::read_to_string(root().join("docs/fifth-application.md")).unwrap();
    let blocks = blocks(&page);
    let [file, line] = &blocks[..] else { panic!("{} blocks", blocks.len()) };
    let folder = tempfile::tempdir().unwrap();
    for name in ["src", "benches", "scenarios", "tests"] {
        copy(&root().join(name), &folder.path().join(name));
    }
    for name in ["Cargo.toml", "Cargo.lock", "build.rs", "README.md"] {
        fs::copy(root().join(name), folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("src/apps/carts.rs"), file).unwrap();
    let list = folder.path().join("src/apps.rs");
    let text = fs::read_to_string(&list).unwrap();
    let place = "    behavior,\n";
    let with_line = text.replacen(place, &format!("{place}{line}"), 1);
    assert_eq!(with_line.lines().count(), text.lines().count() + 1, "one line");
    fs::write(&list, with_line).unwrap();

    // The dependencies are built already, where this test was built.
    let target = Path::new(env!("CARGO_BIN_EXE_kbench")).parent().unwrap().parent().unwrap();
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--lib", "--offline", "--locked"]);
    if !cfg!(debug_assertions) {
        // Nobody times what is built here: the optimiser would take longer than the tests. A
        // profile of its own keeps it apart from what lies there: with that of build scripts
        // alone it would take the place of the checkout's, and make everything be built again.
        command.arg("--release");
        for plain in ["opt-level=0", "codegen-units=256", "debug=false"] {
            command.args(["--config", &format!("profile.release.package.kbench.{plain}")]);
        }
    }
    command.arg("--target-dir").arg(target).args(["--", "apps::"]).current_dir(folder.path());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{words}");
    assert!(text.contains("carts::tests::a_cart_is_left_behind"), "{text}");
    assert!(!words.contains("warning"), "{words}");
}
