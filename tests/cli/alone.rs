//! `kbench produce` and `kbench consume` as a user calls them, against a broker of their own.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

#[path = "alone/group.rs"]
mod group;

/// A broker that ends with the test.
pub(crate) struct Broker {
    child: Child,
    pub(crate) address: String,
}

impl Broker {
    pub(crate) fn start() -> Self {
        let mut child = crate::kbench()
            .args(["broker", "--port", "0", "--until-stdin-closes"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split_whitespace().last().unwrap().to_owned();
        Self { child, address }
    }

    /// Fills `user-activities` with a run of some thousand events, and gives how many there are.
    pub(crate) fn fill(&self) -> u64 {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("fill.toml");
        let text = "seed = 3\n[topic]\nreuse = true\n[load]\nrate_per_s = 2000\n\
                    duration = \"2s\"\nwarmup = \"0s\"\n\
                    [population]\nusers = 500\nthink_median = \"100ms\"\n[apps]\nrun = []\n";
        std::fs::write(&file, text).unwrap();
        let out = folder.path().join("results");
        let output = self
            .kbench(&["run", file.to_str().unwrap(), "--format", "json", "-q", "--out"])
            .arg(out)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        result["books"]["events"].as_u64().unwrap()
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn kbench(&self, args: &[&str]) -> Command {
        let mut command = crate::kbench();
        command.args(args).stdin(Stdio::null()).env("KAFKA_BOOTSTRAP_SERVERS", &self.address);
        for variable in ["KAFKA_ACTIVITIES_TOPIC", "KAFKA_ANALYTICS_GROUP", "KAFKA_FRAUD_GROUP"] {
            command.env_remove(variable);
        }
        command
    }

    /// Reads to the end of the topic, or as the further arguments say; the last line of each app.
    fn consume(&self, args: &[&str]) -> Vec<Value> {
        let mut all = vec!["consume"];
        all.extend(args);
        all.extend(["--format", "json", "-q"]);
        let output = self.kbench(&all).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        last_lines(&output.stdout)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn last_lines(stdout: &[u8]) -> Vec<Value> {
    stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice::<Value>(line).unwrap())
        .filter(|line| line["last"] == true)
        .collect()
}

pub(crate) fn events(line: &Value) -> u64 {
    assert_eq!(line["read"]["redelivered"], 0, "{line}");
    line["read"]["events"].as_u64().unwrap()
}

#[test]
fn the_next_consumer_goes_on_where_the_last_one_ended() {
    let broker = Broker::start();
    let sent = broker.fill();
    let first = broker.consume(&["analytics", "--count", "700"]);
    assert_eq!(events(&first[0]), 700);
    let rest = broker.consume(&["analytics", "--idle", "4s"]);
    assert_eq!(events(&rest[0]), sent - 700);
    let nothing = broker.consume(&["analytics", "--idle", "4s"]);
    assert_eq!(events(&nothing[0]), 0);
}

#[test]
fn applications_read_side_by_side_and_each_for_itself() {
    let broker = Broker::start();
    let sent = broker.fill();
    let lines = broker.consume(&["analytics", "fraud", "dashboard", "behavior", "--idle", "4s"]);
    let mut seen: Vec<_> =
        lines.iter().map(|line| (line["app"].as_str().unwrap(), events(line))).collect();
    seen.sort_unstable();
    let all = ["analytics", "behavior", "dashboard", "fraud"];
    assert_eq!(seen, all.map(|app| (app, sent)));
}

#[test]
fn ctrl_c_commits_what_was_read_and_nothing_else() {
    let broker = Broker::start();
    let sent = broker.fill();
    let args = ["consume", "behavior", "--every", "100", "--format", "json", "-q"];
    let mut child = broker.kbench(&args).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    // It reads: at the first line it is somewhere in the middle, or at the end.
    let mut output = String::new();
    stdout.read_line(&mut output).unwrap();
    interrupt(&child);
    stdout.read_to_string(&mut output).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let read = events(&last_lines(output.as_bytes())[0]);
    assert!(read >= 100);
    let rest = broker.consume(&["behavior", "--idle", "4s"]);
    assert_eq!(read + events(&rest[0]), sent);
}

#[test]
fn several_processes_share_a_group_and_lose_and_double_nothing() {
    let broker = Broker::start();
    let args = ["consume", "fraud", "--idle", "8s", "--format", "json", "-q"];
    let spawn = || broker.kbench(&args).stdout(Stdio::piped()).spawn().unwrap();
    let members = [spawn(), spawn(), spawn()];
    std::thread::sleep(std::time::Duration::from_secs(2));
    let sent = broker.fill();
    let read: Vec<u64> = members
        .into_iter()
        .map(|member| {
            let output = member.wait_with_output().unwrap();
            assert!(output.status.success());
            events(&last_lines(&output.stdout)[0])
        })
        .collect();
    assert_eq!(read.iter().sum::<u64>(), sent, "{read:?}");
}

#[test]
fn every_says_how_often() {
    let broker = Broker::start();
    broker.fill();
    let output = broker
        .kbench(&["consume", "analytics", "--count", "50", "--format", "json", "-q"])
        .output()
        .unwrap();
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
    // After the fiftieth message, and the last word.
    assert_eq!(lines, 2);
}

#[test]
fn alerts_come_as_they_come_and_no_more_than_a_person_can_read() {
    let broker = Broker::start();
    broker.fill();
    let output = broker
        .kbench(&[
            "consume",
            "fraud",
            "--idle",
            "4s",
            "-q",
            "--set",
            "apps.fraud.velocity_per_min=2",
        ])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let alerts: Vec<_> = text.lines().filter(|line| line.contains(" ALERT ")).collect();
    // At most twenty in a second, and all of it is read within some.
    assert!((1..=80).contains(&alerts.len()), "{}", alerts.len());
    assert!(alerts[0].contains("velocity") && alerts[0].contains("user-"), "{}", alerts[0]);
    assert!(text.lines().any(|line| line.contains("further alerts")), "{text}");
    let json = ["consume", "fraud", "--idle", "4s", "-q", "--format", "json"];
    let output = broker
        .kbench(&json)
        .env("KAFKA_FRAUD_GROUP", "another")
        .args(["--set", "apps.fraud.velocity_per_min=2"])
        .output()
        .unwrap();
    let first = output.stdout.split(|byte| *byte == b'\n').next().unwrap();
    let first: Value = serde_json::from_slice(first).unwrap();
    assert!(first["alert"]["evidence"].as_str().is_some_and(|text| !text.is_empty()), "{first}");
}

/// The count before a word of the summary: `1 234 acknowledged`.
fn figure(text: &str, word: &str) -> u64 {
    let before = text.split(word).next().unwrap().trim_end();
    let digits = before.rsplit(|letter: char| !letter.is_ascii_digit() && letter != ' ');
    digits.clone().next().unwrap().replace(' ', "").parse().unwrap()
}

#[test]
fn what_a_producer_sends_is_what_consumers_read() {
    let broker = Broker::start();
    let mut sent = 0;
    for (args, least, most) in [
        (&["--count", "1000", "--rate", "2000"][..], 1_000, 1_000),
        (&["--count", "20000", "--rate", "max"], 20_000, 20_000),
        (&["--duration", "1s", "--rate", "500"], 400, 600),
        (&["--duration", "1s", "--rate", "max"], 1_000, 10_000_000),
        (&["--duration", "2s"], 70, 160),
        (&["scenarios/smoke.toml", "--duration", "1s", "--set", "load.scale=0.5"], 400, 600),
    ] {
        let output = broker.kbench(&["produce", "-q"]).args(args).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.starts_with("VALID"), "{args:?}: {text}");
        let acked = figure(&text, " acknowledged +");
        assert!((least..=most).contains(&acked), "{args:?}: {text}");
        sent += acked;
    }
    let lines = broker.consume(&["analytics", "--idle", "4s", "--every", "1h"]);
    assert_eq!(events(&lines[0]), sent);
}

#[test]
fn ctrl_c_ends_a_producer_with_its_sums() {
    let broker = Broker::start();
    let mut command = broker.kbench(&["produce"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut words = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("the schedule starts") {
        line.clear();
        assert!(words.read_line(&mut line).unwrap() > 0);
    }
    std::thread::sleep(std::time::Duration::from_secs(1));
    interrupt(&child);
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(text.starts_with("PARTIAL"), "{text}");
    let read = events(&broker.consume(&["fraud", "--idle", "4s"])[0]);
    assert_eq!(read, figure(&text, " acknowledged +"));
}

#[test]
fn wrong_words_are_told_at_once() {
    let broker = Broker::start();
    for (args, expected) in [
        (
            &["consume", "analitics"][..],
            "\"analitics\" is not an application; did you mean \"analytics\"? ",
        ),
        (&["consume", "fraud", "--every", "0"], "--every: 0 events; expected at least 1"),
        (&["consume", "fraud", "--every", "10x"], "--every: \"10x\""),
        (&["produce", "--format", "json"], "--format is for what --dry-run writes"),
        (&["consume", "fraud", "--idle", "5"], "--idle: \"5\" has no unit"),
        (&["consume", "fraud", "--set", "apps.fraud.velocty_per_min=3"], "velocity_per_min"),
    ] {
        let output = broker.kbench(args).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(expected) && text.lines().count() == 1, "{text}");
    }
    let output = broker.kbench(&["consume", "fraud", "-b", "127.0.0.1:1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
}

/// Ctrl-C.
fn interrupt(child: &Child) {
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}
