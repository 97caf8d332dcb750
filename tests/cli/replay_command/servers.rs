//! The brokers that the tests run on.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A broker of the test's own, which ends with it.
pub struct Server {
    child: Child,
    /// `HOST:PORT`.
    pub bootstrap: String,
}

impl Server {
    /// `kbench broker`.
    pub fn embedded() -> Self {
        let mut command = crate::kbench();
        command.args(["broker", "--port", "0", "--until-stdin-closes"]);
        let (child, line) = started(command);
        Self { child, bootstrap: line.split_whitespace().last().unwrap().to_owned() }
    }

    /// Apache Kafka, by way of `dev/kafka`; `None`, with a word on stderr, where it can't run.
    fn kafka() -> Option<Self> {
        let lack = match dev_kafka("fetch").stdin(Stdio::null()).output() {
            Ok(output) if output.status.success() => {
                let (child, line) = started(dev_kafka("run"));
                let bootstrap = line.strip_prefix("bootstrap=").unwrap();
                let bootstrap = bootstrap.split_once(" dir=").unwrap().0.to_owned();
                return Some(Self { child, bootstrap });
            }
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        let required = ["KBENCH_REQUIRE_KAFKA", "KBENCH_REQUIRE_ALL"]
            .into_iter()
            .any(|name| env::var_os(name).is_some_and(|value| value != "0" && !value.is_empty()));
        assert!(!required, "real Kafka can't run here: {lack}");
        eprintln!("NOT EVERYTHING WAS TESTED: real Kafka can't run here: {lack}");
        None
    }

    /// The program, with this broker in its environment.
    pub fn kbench(&self, args: &[&str]) -> Command {
        let mut command = crate::kbench();
        command.args(args).stdin(Stdio::null());
        for (name, _) in env::vars().filter(|(name, _)| name.starts_with("KAFKA_")) {
            command.env_remove(name);
        }
        command.env("KAFKA_BOOTSTRAP_SERVERS", &self.bootstrap);
        command
    }

    /// Ends it at once: nobody answers any more.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its stdin is its sign to end.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Runs a test on the embedded broker, and on a real Kafka where there is Java.
pub fn with_kafka(test: impl Fn(&Server)) {
    test(&Server::embedded());
    if let Some(kafka) = Server::kafka() {
        test(&kafka);
    }
}

fn dev_kafka(verb: &str) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("dev/kafka"));
    command.arg(verb);
    command
}

/// Starts a broker; the line that it prints once it serves.
fn started(mut command: Command) -> (Child, String) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, line.trim_end().to_owned())
}
