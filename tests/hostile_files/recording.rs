//! Parts of a short run, as a producer and a consumer record them on the embedded broker.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Two seconds of load, the first of them warm-up.
const SCENARIO: &str = "seed = 3\n[load]\nrate_per_s = 200\nduration = \"1s\"\nwarmup = \"1s\"\n\
    [population]\nusers = 50\nthink_median = \"100ms\"\n[apps]\nrun = [\"fraud\"]\n";

/// How long a consumer may take to join.
const JOIN: Duration = Duration::from_secs(20);

/// A folder with the parts.
pub(crate) struct Recording {
    folder: tempfile::TempDir,
}

impl Recording {
    pub(crate) fn made() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let records = folder.path().join("records");
        let mut broker = kbench(&["broker", "--port", "0", "--until-stdin-closes"]);
        let mut broker = broker.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(broker.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split_whitespace().last().unwrap().to_owned();
        let mut consumer =
            on(&address, &["consume", "fraud", "-q", "--format", "json", "--idle", "6s"], &records);
        let mut consumer = consumer.stdout(Stdio::null()).spawn().unwrap();
        joined(&records, &mut consumer);
        let scenario = folder.path().join("short.toml");
        std::fs::write(&scenario, SCENARIO).unwrap();
        let mut producer = on(&address, &["produce", "-q", scenario.to_str().unwrap()], &records);
        let output = producer.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(consumer.wait().unwrap().success());
        drop(broker.stdin.take());
        broker.wait().unwrap();
        Self { folder }
    }

    /// The files of the parts: the producer's and the consumer's.
    pub(crate) fn files(&self) -> [PathBuf; 2] {
        let records = self.folder.path().join("records");
        let folders: Vec<PathBuf> =
            std::fs::read_dir(records).unwrap().map(|entry| entry.unwrap().path()).collect();
        ["producer.json", "consumer.json"].map(|name| {
            folders.iter().map(|folder| folder.join(name)).find(|file| file.exists()).unwrap()
        })
    }
}

fn kbench(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kbench"));
    command.args(args).stdin(Stdio::null());
    for variable in ["KAFKA_ACTIVITIES_TOPIC", "KAFKA_FRAUD_GROUP"] {
        command.env_remove(variable);
    }
    command
}

fn on(address: &str, args: &[&str], records: &Path) -> Command {
    let mut command = kbench(args);
    command.env("KAFKA_BOOTSTRAP_SERVERS", address).arg("--record").arg(records);
    command
}

/// Waits until the consumer has begun its part, and then as long as it takes to join.
fn joined(records: &Path, consumer: &mut Child) {
    let began = Instant::now();
    let is_there = || std::fs::read_dir(records).is_ok_and(|mut entries| entries.next().is_some());
    while !is_there() {
        assert!(began.elapsed() < JOIN, "the consumer records nothing");
        assert!(consumer.try_wait().unwrap().is_none(), "the consumer has ended");
        sleep(Duration::from_millis(50));
    }
    sleep(Duration::from_secs(3));
}
