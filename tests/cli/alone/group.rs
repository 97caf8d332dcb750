//! Several processes of one group: they come and go while somebody sends, and one dies.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use serde_json::Value;

use super::{Broker, events, figure, interrupt};

/// Longest wait for something that takes a second or two.
const PATIENCE: Duration = Duration::from_secs(30);

/// A `kbench consume` that goes on, and what it has told so far.
struct Member {
    child: Child,
    read: Arc<AtomicU64>,
    last: Arc<Mutex<Option<Value>>>,
    listener: JoinHandle<()>,
}

impl Member {
    fn join(broker: &Broker, app: &str, args: &[&str]) -> Self {
        let mut command = broker.kbench(&["consume", app, "--every", "100ms", "-q"]);
        command.args(["--format", "json", "-X", "consumer.heartbeat.interval.ms=300"]).args(args);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (read, last) = (Arc::default(), Arc::default());
        let (told, end) = (Arc::clone(&read), Arc::clone(&last));
        let listener = thread::spawn(move || listen(stdout, &told, &end));
        Self { child, read, last, listener }
    }

    /// The events that it has told of.
    fn read(&self) -> u64 {
        self.read.load(Ordering::Acquire)
    }

    /// Waits for its end; the events of its last word.
    fn end(mut self, code: i32) -> u64 {
        assert_eq!(self.child.wait().unwrap().code(), Some(code));
        self.listener.join().unwrap();
        events(self.last.lock().unwrap().as_ref().unwrap())
    }

    /// Ctrl-C.
    fn leave(self) -> u64 {
        interrupt(&self.child);
        self.end(130)
    }

    /// SIGKILL: it neither commits nor says goodbye.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.listener.join().unwrap();
        assert!(self.last.lock().unwrap().is_none(), "it had a last word");
    }
}

fn listen(stdout: ChildStdout, read: &AtomicU64, last: &Mutex<Option<Value>>) {
    for line in BufReader::new(stdout).lines() {
        // Whoever is killed may be in the middle of a line.
        let Ok(line) = serde_json::from_str::<Value>(&line.unwrap()) else { return };
        if let Some(count) = line["read"]["events"].as_u64() {
            read.store(count, Ordering::Release);
        }
        if line["last"] == true {
            *last.lock().unwrap() = Some(line);
        }
    }
}

fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until the group has so many members, each with its partitions.
fn wait_for_members(broker: &Broker, group: &str, members: usize) {
    let asker: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", &broker.address).create().unwrap();
    wait(&format!("{members} members in {group}"), || {
        let list = asker.fetch_group_list(Some(group), PATIENCE).unwrap();
        let found = list.groups().iter().find(|found| found.name() == group);
        found.is_some_and(|found| found.state() == "Stable" && found.members().len() == members)
    });
}

#[test]
fn processes_that_come_and_go_lose_and_double_nothing() {
    let broker = Broker::start();
    let before = broker.fill();
    let mut command = broker.kbench(&["produce", "-q", "--rate", "500", "--duration", "20s"]);
    let mut producer = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut counts = Vec::new();
    let mut old = Member::join(&broker, "fraud", &[]);
    wait("the first reads", || old.read() > before);
    for _ in 0..3 {
        let new = Member::join(&broker, "fraud", &[]);
        wait("the new one reads as well", || new.read() > 0);
        counts.push(old.leave());
        let so_far = new.read();
        wait("the new one goes on", || new.read() > so_far + 100);
        old = new;
    }
    assert_eq!(producer.try_wait().unwrap(), None, "nothing was sent meanwhile");
    let text = String::from_utf8(producer.wait_with_output().unwrap().stdout).unwrap();
    let sent = before + figure(&text, " acknowledged +");
    let left = sent - counts.iter().sum::<u64>();
    wait("the last one has read the rest", || old.read() >= left);
    counts.push(old.leave());
    assert_eq!(counts.iter().sum::<u64>(), sent, "{counts:?}");
    // What they committed is where the next one begins.
    let rest = broker.consume(&["fraud", "--idle", "4s"]);
    assert_eq!(events(&rest[0]), 0);
}

/// One of two members dies. Gives what it had read, what the other one has read in the end, and
/// what there was to read.
fn after_a_death(commits_ms: u32) -> (u64, u64, u64) {
    let broker = Broker::start();
    let group = "fraud-detectors";
    // Somebody has been here before, so that the next begin at a known place.
    let before = broker.fill();
    let first = broker.consume(&["fraud", "--count", &before.to_string()]);
    assert_eq!(events(&first[0]), before);
    let interval = format!("consumer.auto.commit.interval.ms={commits_ms}");
    let args = ["-X", &interval, "-X", "consumer.session.timeout.ms=6000"];
    let [victim, survivor] = [(); 2].map(|()| Member::join(&broker, "fraud", &args));
    wait_for_members(&broker, group, 2);
    let mut sent = broker.fill();
    wait("both have read all", || victim.read() + survivor.read() == sent);
    // Some commits' time, where there are any.
    thread::sleep(Duration::from_secs(1));
    let dead = victim.read();
    assert!(dead > 0 && survivor.read() > 0, "both have partitions");
    victim.kill();
    sent += broker.fill();
    wait_for_members(&broker, group, 1);
    let mut seen = (0, Instant::now());
    wait("the survivor has read what comes", || {
        if survivor.read() != seen.0 {
            seen = (survivor.read(), Instant::now());
        }
        seen.1.elapsed() > Duration::from_secs(3)
    });
    (dead, survivor.leave(), sent)
}

#[test]
fn what_a_killed_process_had_not_committed_the_others_read_again() {
    let (dead, survivor, sent) = after_a_death(3_600_000);
    assert_eq!(survivor, sent, "the dead one had read {dead}");
}

#[test]
fn what_a_killed_process_had_committed_nobody_reads_again() {
    let (dead, survivor, sent) = after_a_death(100);
    assert_eq!(dead + survivor, sent, "the dead one had read {dead}");
}
