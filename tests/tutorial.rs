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
fn a_fifth_application_takes_one_file_and_its_name_in_the_list() {
    let page = fs::read_to_string(root().join("docs/fifth-application.md")).unwrap();
    let blocks = blocks(&page);
    let [file, module, kind] = &blocks[..] else { panic!("{} blocks", blocks.len()) };
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
    let with_module = text.replacen("mod analytics;\n", &format!("mod analytics;\n{module}"), 1);
    let place = "behavior::KIND";
    let with_kind =
        with_module.replacen(place, &format!("{place}, {}", kind.trim().trim_end_matches(',')), 1);
    assert!(with_kind.len() > text.len() + module.len());
    fs::write(&list, with_kind).unwrap();

    // The dependencies are built already, where this test was built.
    let target = Path::new(env!("CARGO_BIN_EXE_kbench")).parent().unwrap().parent().unwrap();
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--lib", "--offline", "--locked"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    command.arg("--target-dir").arg(target).args(["--", "apps::"]).current_dir(folder.path());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{words}");
    assert!(text.contains("carts::tests::a_cart_is_left_behind"), "{text}");
    assert!(!words.contains("warning"), "{words}");
}
