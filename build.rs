//! Tells the program which revision it was built from, so that every result can say it.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=.git/HEAD");
    println!("cargo::rerun-if-changed=.git/index");
    println!("cargo::rerun-if-changed=src");
    // Without git, or outside a checkout, the result says "unknown".
    let revision = Command::new("git")
        .args(["describe", "--always", "--dirty", "--abbrev=12"])
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .unwrap_or_default();
    println!("cargo::rustc-env=KBENCH_GIT={}", revision.trim());
    println!("cargo::rerun-if-changed=Cargo.lock");
    let lock = std::fs::read_to_string("Cargo.lock").unwrap_or_default();
    println!("cargo::rustc-env=KBENCH_RDKAFKA={}", locked(&lock, "rdkafka").unwrap_or_default());
}

/// The version of a package that Cargo.lock names.
fn locked<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let package = lock.split(&format!("name = \"{name}\"\nversion = \"")).nth(1)?;
    package.split('"').next()
}
