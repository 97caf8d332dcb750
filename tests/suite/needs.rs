//! What must be installed for some probes, and how its absence is told.

use std::env;
use std::process::{Command, Stdio};

use crate::cluster::dev_kafka;

/// Something from outside that a probe runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Java and Apache Kafka's jars, by way of `dev/kafka`.
    Java,
    /// The `kcat` command.
    Kcat,
}

/// Why something can't run here.
#[derive(Debug, Clone)]
pub struct Lack {
    /// In words, with what to do about it.
    pub text: String,
    /// Whether the environment asks for it all the same, so that its absence is a failure.
    pub required: bool,
}

/// What is not here.
#[derive(Debug, Default)]
pub struct Missing {
    java: Option<Lack>,
    kcat: Option<Lack>,
}

impl Missing {
    /// Looks what is installed. Fetches Kafka's jars when this is the first time; a mere listing
    /// of the probes looks for nothing.
    pub fn look(listing: bool) -> Self {
        if listing {
            return Self::default();
        }
        Self {
            java: lack(&mut dev_kafka(["fetch"]), "real Kafka", "KBENCH_REQUIRE_KAFKA"),
            kcat: lack(Command::new("kcat").arg("-V"), "kcat", "KBENCH_REQUIRE_KCAT"),
        }
    }

    /// Why that can't run here, if it can't.
    pub fn reason(&self, need: Need) -> Option<Lack> {
        match need {
            Need::Java => self.java.clone(),
            Need::Kcat => self.kcat.clone(),
        }
    }

    /// Says on stderr what was skipped, in a way that is not overlooked.
    pub fn tell(&self) {
        let skipped: Vec<&Lack> =
            [&self.java, &self.kcat].into_iter().flatten().filter(|lack| !lack.required).collect();
        if skipped.is_empty() {
            return;
        }
        let rule = "=".repeat(78);
        eprintln!("{rule}\nNOT EVERYTHING WAS TESTED: these probes are listed as ignored");
        for lack in skipped {
            eprintln!("  - {}", lack.text);
        }
        eprintln!("KBENCH_REQUIRE_ALL=1 makes this a failure.\n{rule}");
    }
}

/// Runs a command that succeeds where the thing is installed.
fn lack(command: &mut Command, what: &str, variable: &str) -> Option<Lack> {
    let words = match command.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => return None,
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    let required = [variable, "KBENCH_REQUIRE_ALL"]
        .into_iter()
        .any(|name| env::var_os(name).is_some_and(|value| value != "0" && !value.is_empty()));
    Some(Lack { text: format!("{what} can't run here: {words}"), required })
}
