//! Tells the program which revision it was built from, so that every result can say it.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=src");
    let [head, index] = ["HEAD", "index"].map(|name| git(&["rev-parse", "--git-path", name]));
    for path in [&head, &index] {
        // What isn't there would count as changed, at each build: in a linked worktree they lie
        // elsewhere, in an archive nowhere.
        if std::fs::exists(path).unwrap_or_default() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    // Without git, or outside a checkout, the result says "unknown". Git refreshes an index that it
    // reads; that of the checkout would then be newer than this build, and all be built once more.
    let copy = std::env::var("OUT_DIR").unwrap_or_default() + "/index";
    let copied = std::fs::copy(&index, &copy);
    let mut describe = Command::new("git");
    describe.args(["describe", "--always", "--dirty", "--abbrev=12"]);
    if copied.is_ok() {
        describe.env("GIT_INDEX_FILE", &copy);
    }
    let revision = packed().unwrap_or_else(|| said(&mut describe));
    println!("cargo::rustc-env=KBENCH_GIT={revision}");
    println!("cargo::rerun-if-changed=Cargo.lock");
    let lock = std::fs::read_to_string("Cargo.lock").unwrap_or_default();
    println!("cargo::rustc-env=KBENCH_RDKAFKA={}", locked(&lock, "rdkafka").unwrap_or_default());
}

/// The revision that a package was made from, as cargo notes it there; `None` in a checkout.
fn packed() -> Option<String> {
    let note = std::fs::read_to_string(".cargo_vcs_info.json").ok()?;
    let (_, rest) = note.split_once("\"sha1\": \"")?;
    let dirty = if note.contains("\"dirty\": true") { "-dirty" } else { "" };
    Some(format!("{}{dirty}", rest.get(..12)?))
}

/// What git says, or nothing.
fn git(arguments: &[&str]) -> String {
    said(Command::new("git").args(arguments))
}

fn said(command: &mut Command) -> String {
    let output = command.output().ok().filter(|output| output.status.success());
    let said = output.and_then(|output| String::from_utf8(output.stdout).ok());
    said.unwrap_or_default().trim().to_owned()
}

/// The version of a package that Cargo.lock names.
fn locked<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let package = lock.split(&format!("name = \"{name}\"\nversion = \"")).nth(1)?;
    package.split('"').next()
}
