//! How a run ends when it may not end by itself: by signals, without its broker, on a full disk.
//! What was measured is saved all the same.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Five events in a hundred milliseconds; three times as long as any test waits.
const LOAD: &str = "seed = 3\n[load]\nrate_per_s = 50\nduration = \"60s\"\nwarmup = \"0s\"\n\
    [population]\nusers = 50\n[topic]\npartitions = 1\n[apps]\nrun = [\"analytics\"]\n";

/// A run of the program, and what it has said so far.
struct Run {
    folder: tempfile::TempDir,
    child: Child,
    words: BufReader<std::process::ChildStderr>,
    said: String,
}

/// How one has ended.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    /// Since it was told to, or since the last word that was waited for.
    took: Duration,
    results: Vec<PathBuf>,
}

impl Run {
    fn start(scenario: &str, wrap: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("case.toml");
        std::fs::write(&file, scenario).unwrap();
        let program = crate::kbench();
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{wrap} exec \"$0\" \"$@\"")]).arg(program.get_program());
        command.arg("run").arg(&file).arg("--out").arg(folder.path().join("results"));
        for variable in ["KAFKA_BOOTSTRAP_SERVERS", "KAFKA_ACTIVITIES_TOPIC", "KBENCH_OUT"] {
            command.env_remove(variable);
        }
        // Whoever runs the tests may have hung up on nohup.
        // SAFETY: between fork and exec it only sets what a signal does, which is allowed there.
        unsafe {
            command.pre_exec(|| {
                libc::signal(libc::SIGHUP, libc::SIG_DFL);
                Ok(())
            });
        }
        let (stdout, stderr) = (Stdio::piped(), Stdio::piped());
        let mut child = command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).spawn().unwrap();
        let words = BufReader::new(child.stderr.take().unwrap());
        Self { folder, child, words, said: String::new() }
    }

    /// Waits until it says that.
    fn until(&mut self, word: &str) {
        let mut line = String::new();
        while !line.contains(word) {
            line.clear();
            let left = self.words.read_line(&mut line).unwrap();
            assert!(left > 0, "it never said {word:?}:\n{}", self.said);
            self.said.push_str(&line);
        }
    }

    /// Waits until the load has run for a moment.
    fn under_load(mut self) -> Self {
        self.until("the schedule starts");
        std::thread::sleep(Duration::from_millis(1_500));
        self
    }

    /// The only process that it has started.
    fn broker(&self) -> String {
        let id = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        let own: Vec<&str> = children.split_whitespace().collect();
        assert_eq!(own.len(), 1, "{children}");
        own[0].to_owned()
    }

    fn signal(&self, name: &str) {
        signal(name, &self.child.id().to_string());
    }

    fn results(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path().join("results")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// The result that is on the disk now.
    fn result(&self) -> Value {
        let results = self.results();
        let [folder] = results.as_slice() else { panic!("{results:?}") };
        serde_json::from_str(&std::fs::read_to_string(folder.join("result.json")).unwrap()).unwrap()
    }

    fn end(mut self) -> (Self, Ended) {
        let began = Instant::now();
        let mut stdout = String::new();
        self.words.read_to_string(&mut self.said).unwrap();
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        let code = self.child.wait().unwrap().code();
        let (took, results) = (began.elapsed(), self.results());
        let stderr = self.said.clone();
        (self, Ended { code, stdout, stderr, took, results })
    }
}

/// Ten seconds are promised. A host on which twice as many want to run as there are cores adds time
/// of its own to each of them.
fn in_time() -> Duration {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap();
    let want: f64 = text.split(' ').next().unwrap().parse().unwrap();
    let cores = std::thread::available_parallelism().unwrap().get() as f64;
    Duration::from_secs(if want > 2.0 * cores { 30 } else { 10 })
}

fn signal(name: &str, pid: &str) {
    assert!(Command::new("kill").args([name, pid]).status().unwrap().success());
}

#[test]
fn a_disk_that_takes_minutes_keeps_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("slow.c");
    let text = "#include <unistd.h>\nint fsync(int file) { (void)file; sleep(120); return 0; }\n";
    std::fs::write(&source, text).unwrap();
    let library = crate::clock_steps::library(&source, folder.path());
    let run = Run::start(LOAD, &format!("LD_PRELOAD={}", library.display())).under_load();
    run.signal("-TERM");
    let (run, ended) = run.end();
    assert_eq!(ended.code, Some(143), "{}", ended.stderr);
    assert!(ended.took < in_time(), "{:?}", ended.took);
    assert_eq!(run.result()["verdict"]["interrupted_by"], 143);
}

#[test]
fn each_signal_is_acknowledged_saves_what_was_measured_and_has_a_code_of_its_own() {
    let runs: Vec<_> = [("HUP", 129), ("QUIT", 131), ("TERM", 143), ("INT", 130)]
        .map(|(name, code)| (name, code, Run::start(LOAD, "").under_load()))
        .into();
    for (name, code, run) in runs {
        run.signal(&format!("-{name}"));
        let (run, ended) = run.end();
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        let said = format!(
            "kbench: SIG{name}: ending: the rest is drained, and the result saved, \
                            within 10 s; again to leave at once\n"
        );
        assert!(ended.stderr.contains(&said), "{}", ended.stderr);
        assert!(ended.took < in_time(), "{:?}", ended.took);
        assert!(ended.stdout.starts_with("PARTIAL"), "{}", ended.stdout);
        let result = run.result();
        assert_eq!(result["verdict"]["interrupted_by"], code);
        assert_eq!(result["verdict"]["valid"], true, "{}", result["verdict"]);
        assert!(result["ledger"]["acked"].as_u64().unwrap() > 0);
    }
}

#[test]
fn a_second_signal_leaves_at_once_and_says_what_stays_behind() {
    let run = Run::start(LOAD, "").under_load();
    // Nobody answers any more, so the first signal can't be done before the second comes.
    let mut run = run;
    let broker = run.broker();
    signal("-STOP", &broker);
    std::thread::sleep(Duration::from_millis(300));
    run.signal("-INT");
    run.until("SIGINT: ending");
    run.signal("-TERM");
    let (_, ended) = run.end();
    signal("-KILL", &broker);
    assert_eq!(ended.code, Some(143), "{}", ended.stderr);
    assert!(ended.took < Duration::from_secs(2), "{:?}", ended.took);
    let said = "kbench: SIGTERM again: left at once: nothing was saved\n";
    assert!(ended.stderr.ends_with(said), "{}", ended.stderr);
    assert!(ended.results.is_empty(), "{:?}", ended.results);
}

#[test]
fn who_hangs_up_on_nohup_is_not_heard() {
    let text = LOAD.replace("60s", "4s");
    let run = Run::start(&text, "trap '' HUP;").under_load();
    run.signal("-HUP");
    let (_, ended) = run.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("SIGHUP"), "{}", ended.stderr);
}

#[test]
fn an_embedded_broker_that_is_killed_ends_the_run_at_once_and_by_name() {
    let run = Run::start(LOAD, "").under_load();
    signal("-KILL", &run.broker());
    let (run, ended) = run.end();
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(ended.took < in_time(), "{:?}", ended.took);
    let died = "the embedded broker's process ended: signal 9";
    let result = run.result();
    assert_eq!(result["verdict"]["reasons"][0], died, "{}", result["verdict"]);
    assert_eq!(result["verdict"]["broken_off"], died);
    assert!(result["ledger"]["acked"].as_u64().unwrap() > 0);
    assert!(ended.stdout.contains(&format!("\n  - {died}\n")), "{}", ended.stdout);
}

/// Two seconds without a broker: what was sent in them has timed out, and may be in the log.
#[test]
fn a_result_is_on_the_disk_before_doubts_are_settled_and_a_signal_ends_the_settling() {
    let text = LOAD.replace("60s", "5s")
        + "[kafka.producer]\nmessage.timeout.ms = 1000\n\"enable.idempotence\" = false\n";
    let mut run = Run::start(&text, "").under_load();
    let broker = run.broker();
    signal("-STOP", &broker);
    std::thread::sleep(Duration::from_millis(2_500));
    signal("-CONT", &broker);
    run.until("some events are in doubt: reading the topic once more");
    // So that it is still being read when the signal comes.
    signal("-STOP", &broker);
    let before = run.result();
    let reasons = before["verdict"]["reasons"].to_string();
    assert!(reasons.contains("not settled: some events are in doubt"), "{reasons}");
    assert!(before["ledger"]["unknown"].as_u64().unwrap() > 0, "{}", before["ledger"]);
    assert_eq!(before["ledger"]["rescan"], Value::Null);
    run.signal("-INT");
    let (run, ended) = run.end();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    assert!(ended.took < in_time(), "{:?}", ended.took);
    assert!(ended.stderr.contains("SIGINT: ending within 10 s: the result is saved"));
    let after = run.result();
    let cut_short = "reading the topic once more was interrupted";
    assert_eq!(after["ledger"]["rescan"]["cut_short"], cut_short, "{}", after["ledger"]);
    assert_eq!(after["verdict"]["interrupted_by"], 130);
    assert_eq!(after["ledger"]["acked"], before["ledger"]["acked"]);
    let verified = crate::kbench().arg("verify").arg(&ended.results[0]).output().unwrap();
    let text = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.success(), "the files fit each other: {text}");
}

/// A limit on the size of a file stands for a full disk: the page is larger than the data.
#[test]
fn a_full_disk_costs_the_page_and_not_the_data() {
    let text = LOAD.replace("60s", "1s");
    // In blocks of 512 bytes; without the trap the signal would end the program.
    let (run, ended) = Run::start(&text, "trap '' XFSZ; ulimit -f 700;").end();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let [folder] = ended.results.as_slice() else { panic!("{:?}", ended.results) };
    let said =
        format!("the data is in {0}: kbench report {0} draws the page again", folder.display());
    assert!(
        ended.stderr.contains("report.html: ") && ended.stderr.contains(&said),
        "{}",
        ended.stderr
    );
    assert!(run.result()["ledger"]["acked"].as_u64().unwrap() > 20);
    assert!(folder.join("latency.hlog").is_file() && !folder.join("report.html").exists());
    let drawn = crate::kbench().arg("report").arg(folder).output().unwrap();
    assert!(drawn.status.success() && folder.join("report.html").is_file());
}

/// Each trial has a broker of its own: one that dies takes its trial along, and no other.
#[test]
fn a_trial_whose_broker_dies_counts_for_nothing_and_runs_again_on_resuming() {
    let text = LOAD.replace("60s", "3s").replace("[topic]\npartitions = 1\n", "")
        + "[sweep.axes]\npartitions = [1, 2]\n";
    let run = Run::start(&text, "").under_load();
    signal("-KILL", &run.broker());
    let (run, ended) = run.end();
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    let died = "-partial: the embedded broker's process ended: signal 9";
    assert!(ended.stderr.contains(died), "{}", ended.stderr);
    assert!(ended.stderr.contains("to go on: --resume"), "{}", ended.stderr);
    let [folder] = ended.results.as_slice() else { panic!("{:?}", ended.results) };
    let names = || {
        let entries = std::fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.starts_with("00")).collect();
        names.sort();
        names
    };
    let before = names();
    assert!(before.len() == 2 && before[0].ends_with("-partial"), "{before:?}");
    let aside = folder.join(&before[0]).join("partial-result.json");
    assert!(aside.is_file(), "what was measured is kept");
    let mut resumed = crate::kbench();
    resumed.arg("run").arg(run.folder.path().join("case.toml")).arg("--resume").arg(folder);
    resumed.env_remove("KAFKA_BOOTSTRAP_SERVERS").env_remove("KAFKA_ACTIVITIES_TOPIC");
    let resumed = resumed.output().unwrap();
    assert_eq!(resumed.status.code(), Some(0), "{}", String::from_utf8_lossy(&resumed.stderr));
    assert_eq!(names().len(), 3, "{:?}", names());
}
