//! A real Apache Kafka, started with `dev/kafka run`. It ends with this process, however that
//! ends: the script watches the pipe that is its stdin.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

/// A running cluster of one or three brokers, numbered from 1.
#[derive(Debug)]
pub struct Cluster {
    supervisor: Mutex<Option<Child>>,
    /// `HOST:PORT` of every broker, comma-separated.
    pub bootstrap: String,
    dir: PathBuf,
}

impl Cluster {
    /// Starts one and waits until it serves. `settings` are broker properties.
    ///
    /// # Errors
    /// In words, when it does not come up; `dev/kafka` has told why on stderr.
    pub fn start(brokers: u32, settings: &[(&str, &str)]) -> Result<Self, String> {
        let mut command = dev_kafka(["run", "--brokers"]);
        command.arg(brokers.to_string());
        for (key, value) in settings {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("dev/kafka: {error}"))?;
        let stdout = child.stdout.take().ok_or("dev/kafka has no stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
        let Some((bootstrap, dir)) = ready_line(&line) else {
            let status = child.wait().map_err(|error| error.to_string())?;
            return Err(format!("dev/kafka run did not start Kafka: {status}"));
        };
        Ok(Self {
            bootstrap: bootstrap.to_owned(),
            dir: PathBuf::from(dir),
            supervisor: Mutex::new(Some(child)),
        })
    }

    /// Runs a verb of `dev/kafka` on broker `n`: `stop`, `kill`, `restart`, `pause`, `resume`.
    ///
    /// # Panics
    /// When the verb fails.
    pub fn control(&self, verb: &str, n: u32) {
        let mut command = dev_kafka([verb]);
        command.arg(&self.dir).arg(n.to_string());
        let output = command.stdin(Stdio::null()).output().expect("dev/kafka");
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "dev/kafka {verb} {n}: {words}");
    }

    /// The process of broker `n`.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pid(&self, n: u32) -> i32 {
        let mut command = dev_kafka(["status"]);
        let output = command.arg(&self.dir).stdin(Stdio::null()).output().expect("dev/kafka");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find(|line| line.starts_with(&format!("broker={n} ")));
        let pid = line.and_then(|line| line.rsplit_once("pid=")?.1.parse().ok());
        pid.unwrap_or_else(|| panic!("no process of broker {n}: {text}"))
    }

    /// The cluster's id, as its first broker keeps it.
    ///
    /// # Panics
    /// When it has none.
    pub fn id(&self) -> String {
        let kept = std::fs::read_to_string(self.dir.join("data-1/meta.properties"));
        let text = kept.expect("a broker's data");
        let id = text.lines().find_map(|line| line.strip_prefix("cluster.id="));
        id.expect("a cluster's id").to_owned()
    }

    /// Ends all brokers and waits until they are gone.
    pub fn stop(&self) {
        let child = self.supervisor.lock().expect("no panic holds it").take();
        if let Some(mut child) = child {
            // The end of its stdin is its sign to end.
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

/// `dev/kafka` with its first arguments.
pub fn dev_kafka<'a>(args: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("dev/kafka"));
    command.args(args);
    command
}

/// The bootstrap address and the folder, from the line that tells that the cluster serves.
pub fn ready_line(line: &str) -> Option<(&str, &str)> {
    line.trim_end().strip_prefix("bootstrap=")?.split_once(" dir=")
}
