//! A Kafka that goes away in the middle of a run, by the program and its process: the run ends in
//! time, in order, and says why.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::probe::Probe;
use crate::runs::PROGRAM;
use crate::world::{Kind, World, signal};

pub fn probes() -> Vec<Probe> {
    let gone = Probe::new("gone::a_broker_that_is_gone_ends_a_run_in_time_and_by_name", gone);
    vec![
        // Its runs are waited for, one after the other.
        Probe { limit: Duration::from_secs(240), ..gone }
            .only(&[Kind::Kafka])
            .natively(&[Kind::Kafka]),
    ]
}

/// Six seconds of load. What times out may have been written. The member that a killed broker still
/// has in its books holds the next run's group up for its session's time-out.
const LOAD: &str = "seed = 3\n[load]\nrate_per_s = 50\nduration = \"6s\"\nwarmup = \"0s\"\n\
    [population]\nusers = 50\n[topic]\npartitions = 2\n[apps]\nrun = [\"analytics\"]\n\
    [measure]\ndrain_timeout = \"3s\"\n[kafka.producer]\n\"enable.idempotence\" = false\n\
    message.timeout.ms = 1500\n[kafka.consumer]\nsession.timeout.ms = 6000\n\
    heartbeat.interval.ms = 1500\n";

struct Run {
    child: Child,
    words: BufReader<ChildStderr>,
    said: String,
    out: PathBuf,
}

impl Run {
    fn start(world: &World, folder: &Path, name: &str, text: &str) -> Self {
        let (file, out) = (folder.join(format!("{name}.toml")), folder.join(name));
        std::fs::write(&file, text).unwrap();
        let mut child = Command::new(PROGRAM)
            .args(["run", "-b", world.bootstrap(), "--client", world.client().name()])
            .arg(&file)
            .arg("--out")
            .arg(&out)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let words = BufReader::new(child.stderr.take().unwrap());
        let mut run = Self { child, words, said: String::new(), out };
        run.until("the schedule starts");
        run
    }

    fn until(&mut self, word: &str) {
        let mut line = String::new();
        while !line.contains(word) {
            line.clear();
            let left = self.words.read_line(&mut line).unwrap();
            assert!(left > 0, "it never said {word:?}:\n{}", self.said);
            self.said.push_str(&line);
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// Its exit code, what it said, and the result that it left.
    fn end(mut self) -> (Option<i32>, String, Value) {
        self.words.read_to_string(&mut self.said).unwrap();
        let code = self.child.wait().unwrap().code();
        let mut results = std::fs::read_dir(&self.out).unwrap();
        let folder = results.next().expect("a result").unwrap().path();
        assert!(results.next().is_none(), "one result, and nothing half-written");
        let text = std::fs::read_to_string(folder.join("result.json")).unwrap();
        (code, self.said, serde_json::from_str(&text).unwrap())
    }
}

/// At once: starting `dev/kafka` takes its time on a busy host.
fn kill(broker: i32) {
    signal(broker, libc::SIGKILL);
}

fn gone(world: &World) {
    let world = World::fresh(Kind::Kafka, 1, &[]).by(world.client());
    let folder = tempfile::tempdir().unwrap();
    // Killed for good: the schedule and the drain take their time, and then 10 s at most.
    let broker = world.cluster().pid(1);
    let run = Run::start(&world, folder.path(), "drain", LOAD);
    let began = Instant::now();
    thread::sleep(Duration::from_secs(2));
    // Frozen first, so that something is on its way when it dies: what no broker was sent is
    // certainly not written, and the doubt below is about the rest.
    signal(broker, libc::SIGSTOP);
    thread::sleep(Duration::from_millis(500));
    kill(broker);
    let (code, said, result) = run.end();
    assert_eq!(code, Some(4), "{said}");
    assert!(began.elapsed() < Duration::from_secs(6 + 3 + 10), "{:?}", began.elapsed());
    assert!(result["ledger"]["acked"].as_u64().unwrap() > 20, "{}", result["ledger"]);
    let doubt = "whether they were written is not settled: the broker does not answer any more";
    assert!(result["verdict"]["reasons"].to_string().contains(doubt), "{}", result["verdict"]);
    assert!(said.contains(" stays at 127.0.0.1:"), "the topic is named: {said}");

    // A schedule of a minute ends early: nothing is acknowledged.
    world.cluster().control("restart", 1);
    let text =
        LOAD.replace("\"6s\"", "\"60s\"").replace("[kafka.p", "ack_timeout = \"3s\"\n[kafka.p");
    let broker = world.cluster().pid(1);
    let run = Run::start(&world, folder.path(), "silence", &text);
    thread::sleep(Duration::from_secs(2));
    kill(broker);
    let began = Instant::now();
    let (code, said, result) = run.end();
    assert_eq!(code, Some(4), "{said}");
    assert!(began.elapsed() < Duration::from_secs(3 + 10), "{:?}", began.elapsed());
    let broken_off = result["verdict"]["broken_off"].as_str().unwrap_or_default();
    assert!(broken_off.contains("no acknowledgement for 3 s"), "{}", result["verdict"]);
    assert_eq!(result["verdict"]["reasons"][0], broken_off);

    // A signal while the broker is away.
    world.cluster().control("restart", 1);
    let broker = world.cluster().pid(1);
    let run = Run::start(&world, folder.path(), "signal", &text.replace("\"3s\"", "\"60s\""));
    thread::sleep(Duration::from_secs(2));
    kill(broker);
    thread::sleep(Duration::from_millis(500));
    run.signal("-INT");
    let began = Instant::now();
    let (code, said, result) = run.end();
    assert_eq!(code, Some(130), "{said}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(result["verdict"]["interrupted_by"], 130);
}
