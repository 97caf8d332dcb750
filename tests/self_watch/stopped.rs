//! Who stood still: kbench or the broker.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use kbench::result::{RunResult, StackedPercentile};

use super::{PROGRAM, witness::Witnesses};

/// How long somebody is stopped.
const STOP: Duration = Duration::from_millis(75);

/// From the start of the schedule on: within the measured part, wherever an interval begins.
const UNTIL_STOP: Duration = Duration::from_secs(4);

/// At most 65 events over 10 ms late, of 8,000: by itself no reason for a flag.
const SCENARIO: &str = "name = \"stopped\"\nseed = 7\n[load]\nrate_per_s = 1000\n\
    duration = \"9s\"\nwarmup = \"1s\"\n[topic]\npartitions = 2\n";

/// Whom to stop.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Who {
    Kbench,
    Broker,
}

/// Runs the program and stops somebody for a moment; its result, its exit code, and the longest
/// stall of this host that was nobody's doing.
pub(crate) fn run(who: Who) -> (RunResult, Option<i32>, Option<Duration>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stopped.toml");
    std::fs::write(&file, SCENARIO).unwrap();
    let mut child = Command::new(PROGRAM)
        .args(["run", file.to_str().unwrap(), "--format", "json", "--strict", "--out"])
        .arg(folder.path().join("results"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let started = said.by_ref().find(|line| line.as_ref().unwrap().contains("the schedule starts"));
    assert!(started.is_some(), "it never began");
    // Whatever else it says nobody needs, but the pipe must not fill up.
    let rest = std::thread::spawn(move || said.map_while(Result::ok).for_each(drop));
    // From now on: whatever the host does in the measured part counts.
    let witnesses = Witnesses::begin();
    std::thread::sleep(UNTIL_STOP);
    let pid = match who {
        Who::Kbench => i32::try_from(child.id()).unwrap(),
        Who::Broker => only_child(&child),
    };
    signal(pid, libc::SIGSTOP);
    std::thread::sleep(STOP);
    signal(pid, libc::SIGCONT);
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    let code = child.wait().unwrap().code();
    let stall = witnesses.end().iter().map(super::witness::Stall::length).max();
    rest.join().unwrap();
    (serde_json::from_str(&text).unwrap(), code, stall)
}

/// The embedded broker.
fn only_child(parent: &Child) -> i32 {
    let pid = parent.id();
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    children.trim().parse().unwrap()
}

fn signal(pid: i32, number: i32) {
    // SAFETY: a plain system call; the process is one that this test has started.
    unsafe {
        libc::kill(pid, number);
    }
}

/// Each application's p99.9, taken apart.
pub(crate) fn tails(result: &RunResult) -> Vec<&StackedPercentile> {
    let of = |name: &'static str| move |slice: &&StackedPercentile| slice.percentile == name;
    result.apps.iter().map(|app| app.stack.iter().find(of("p99.9")).unwrap()).collect()
}
