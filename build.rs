//! Tells the program which revision it was built from, so that every result can say it.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=src");
    for name in ["HEAD", "index"] {
        // What isn't there would count as changed, at each build: in a linked worktree they lie
        // elsewhere, in an archive nowhere.
        let path = git(&["rev-parse", "--git-path", name]);
        if std::fs::exists(&path).unwrap_or_default() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    // Without git, or outside a checkout, the result says "unknown".
    let revision = git(&["describe", "--always", "--dirty", "--abbrev=12"]);
    println!("cargo::rustc-env=KBENCH_GIT={revision}");
    println!("cargo::rerun-if-changed=Cargo.lock");
    let lock = std::fs::read_to_string("Cargo.lock").unwrap_or_default();
    println!("cargo::rustc-env=KBENCH_RDKAFKA={}", locked(&lock, "rdkafka").unwrap_or_default());
}

/// What git says, or nothing. It does not refresh its index meanwhile: that would make what is
/// built now be built once more.
fn git(arguments: &[&str]) -> String {
    let output = Command::new("git").args(arguments).env("GIT_OPTIONAL_LOCKS", "0").output().ok();
    let said = output.filter(|output| output.status.success()).map(|output| output.stdout);
    said.and_then(|said| String::from_utf8(said).ok()).unwrap_or_default().trim().to_owned()
}

/// The version of a package that Cargo.lock names.
fn locked<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let package = lock.split(&format!("name = \"{name}\"\nversion = \"")).nth(1)?;
    package.split('"').next()
}
