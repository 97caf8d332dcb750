//! Processes that record, and the parts that they leave.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

/// Three seconds of load, the first of them warm-up.
pub(crate) const SCENARIO: &str = "seed = 3\n[load]\nrate_per_s = 1500\nduration = \"2s\"\n\
    warmup = \"1s\"\n\
    [population]\nusers = 500\nthink_median = \"100ms\"\n";

/// A broker that ends with the test.
pub(crate) struct Broker {
    child: Child,
    address: String,
    /// After how long without an event a consumer ends.
    idle: &'static str,
}

impl Broker {
    /// kbench's own.
    pub(crate) fn start() -> Self {
        let mut command = crate::kbench();
        command.args(["broker", "--port", "0", "--until-stdin-closes"]);
        let (child, line) = started(command);
        let address = line.split_whitespace().last().unwrap().to_owned();
        Self { child, address, idle: "9s" }
    }

    /// Apache Kafka, by way of `dev/kafka`; `None`, with a word on stderr, where it can't run.
    pub(crate) fn kafka() -> Option<Self> {
        let lack = match dev_kafka("fetch").stdin(Stdio::null()).output() {
            Ok(output) if output.status.success() => {
                let (child, line) = started(dev_kafka("run"));
                let address = line.strip_prefix("bootstrap=").unwrap().split_once(" dir=").unwrap();
                // Its first group takes longer to form.
                return Some(Self { child, address: address.0.to_owned(), idle: "15s" });
            }
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        let required = ["KBENCH_REQUIRE_KAFKA", "KBENCH_REQUIRE_ALL"]
            .into_iter()
            .any(|name| env::var_os(name).is_some_and(|value| value != "0" && !value.is_empty()));
        assert!(!required, "real Kafka can't run here: {lack}");
        let rule = "=".repeat(78);
        eprintln!("{rule}\nNOT EVERYTHING WAS TESTED: real Kafka can't run here: {lack}");
        eprintln!("KBENCH_REQUIRE_ALL=1 makes this a failure.\n{rule}");
        None
    }

    pub(crate) fn kbench(&self, args: &[&str]) -> Command {
        let mut command = kbench(args);
        command.env("KAFKA_BOOTSTRAP_SERVERS", &self.address);
        command
    }

    /// A consumer that records, and ends some seconds after the last event.
    pub(crate) fn consumer(&self, records: &Path, args: &[&str]) -> Child {
        let mut command = self.kbench(&["consume", "-q", "--format", "json", "--idle", self.idle]);
        command.args(args).arg("--record").arg(records).stdout(Stdio::null());
        command.spawn().unwrap()
    }

    pub(crate) fn produce(&self, records: &Path, args: &[&str]) {
        let output = self.produced(records, args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }

    pub(crate) fn produced(&self, records: &Path, args: &[&str]) -> Output {
        let scenario = records.with_extension("toml");
        fs::write(&scenario, SCENARIO).unwrap();
        let mut command = self.kbench(&["produce", "-q"]);
        command.arg(&scenario).args(args).arg("--record").arg(records).output().unwrap()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // The end of its stdin is its sign to end.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
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

pub(crate) fn kbench(args: &[&str]) -> Command {
    let mut command = crate::kbench();
    command.args(args).stdin(Stdio::null());
    for variable in ["KAFKA_ACTIVITIES_TOPIC", "KAFKA_ANALYTICS_GROUP", "KAFKA_FRAUD_GROUP"] {
        command.env_remove(variable);
    }
    command
}

/// Consumers need a moment to join.
pub(crate) fn join() {
    sleep(Duration::from_secs(4));
}

pub(crate) fn ends_well(mut consumers: Vec<Child>) {
    for consumer in &mut consumers {
        assert!(consumer.wait().unwrap().success());
    }
}

/// The exit code and the result that `kbench report` prints.
pub(crate) fn report(records: &Path) -> (i32, Value) {
    let output = kbench(&["report", "--format", "json"]).arg(records).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let result = serde_json::from_str(&text);
    assert!(result.is_ok(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), result.unwrap())
}

/// The exit code and the words of `kbench report`, on stdout and on stderr.
pub(crate) fn told(records: &Path) -> (i32, String) {
    let output = kbench(&["report"]).arg(records).output().unwrap();
    let words = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(words).unwrap())
}

/// A folder, the parts in it, and the result of one run.
pub(crate) type Recorded = (tempfile::TempDir, PathBuf, Value);

/// All four applications in three processes, beside the result of one run of the same scenario.
pub(crate) fn recorded() -> &'static Recorded {
    static RECORDED: OnceLock<Recorded> = OnceLock::new();
    RECORDED.get_or_init(|| record_on(&Broker::start()))
}

/// The same, on that broker.
pub(crate) fn record_on(broker: &Broker) -> Recorded {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records");
    let consumers = [&["analytics", "fraud"][..], &["dashboard"], &["behavior"]]
        .map(|apps| broker.consumer(&records, apps));
    join();
    broker.produce(&records, &[]);
    ends_well(consumers.into());
    let output = broker
        .kbench(&["run", "-q", "--format", "json"])
        .arg(records.with_extension("toml"))
        .arg("--out")
        .arg(folder.path().join("results"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let run = serde_json::from_slice(&output.stdout).unwrap();
    (folder, records, run)
}

/// A copy of the parts, to be damaged; a result of theirs is left behind.
pub(crate) fn copy(name: &str) -> (tempfile::TempDir, PathBuf) {
    let (_, records, _) = recorded();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join(name);
    fs::create_dir(&copy).unwrap();
    for part in parts(records) {
        let to = copy.join(part.file_name().unwrap());
        fs::create_dir(&to).unwrap();
        for file in fs::read_dir(&part).unwrap() {
            let file = file.unwrap().path();
            fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
        }
    }
    (folder, copy)
}

pub(crate) fn parts(records: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(records).unwrap().map(|entry| entry.unwrap().path());
    let is_part = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("producer-") || name.starts_with("consumer-")
    };
    entries.filter(is_part).collect()
}

/// The file of the part that runs an application; of the producer's without any.
pub(crate) fn part_file(records: &Path, app: Option<&str>) -> PathBuf {
    let name = if app.is_some() { "consumer.json" } else { "producer.json" };
    let files = parts(records).into_iter().map(|part| part.join(name));
    let runs = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap_or_default();
        app.map_or(path.exists(), |app| text.contains(&format!("\"app\":{{\"name\":\"{app}\"")))
    };
    files.into_iter().find(runs).unwrap()
}

pub(crate) fn change(file: &Path, change: impl Fn(&mut Value)) {
    let mut part = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    change(&mut part);
    fs::write(file, part.to_string()).unwrap();
}

/// A member of a part.
pub(crate) fn field(file: &Path, pointer: &str) -> Value {
    let part: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    part.pointer(pointer).unwrap().clone()
}
