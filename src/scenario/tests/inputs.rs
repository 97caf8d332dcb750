//! Bad inputs, each with the very lines that it gives.

use super::*;

/// A scenario of one phase.
fn phase(lines: &str) -> String {
    format!("seed = 1\n[[load.phase]]\n{lines}\n")
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest() {
    assert_eq!(
        faults_of(
            "sede = 1\nseed = 1\n[load]\nrate_per_sec = 10\nrate_per_s = 1\nduration = \"1s\"\n[xyz]\n"
        ),
        "a.toml:1:1: sede: unknown key; did you mean seed?\n\
         a.toml:4:1: load.rate_per_sec: unknown key; did you mean load.rate_per_s?\n\
         a.toml:7:2: xyz: unknown key; expected one of seed, name, description, topic, load, \
         population, apps, kafka and measure"
    );
}
