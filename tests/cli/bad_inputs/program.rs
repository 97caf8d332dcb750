//! The program under test, run in a folder of its own.

use std::ffi::OsStr;
use std::io::{ErrorKind, Write};
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The least scenario; further lines go on in its `[load]`.
pub const LEAST: &str = "seed = 1\n[load]\nrate_per_s = 100\nduration = \"1s\"\n";

/// What is refused is refused at once.
const AT_ONCE: Duration = Duration::from_secs(5);

/// A scenario in a folder of its own, and a port that must not be called.
pub struct Case {
    folder: tempfile::TempDir,
    listener: TcpListener,
}

/// How the program ended.
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    /// The lines of stderr, without the program's name.
    pub faults: Vec<String>,
}

impl Case {
    pub fn new(text: &str) -> Self {
        Self::bytes(text.as_bytes())
    }

    pub fn bytes(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("case.toml"), bytes).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { folder, listener }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Another file beside the scenario.
    pub fn file(self, name: &str, bytes: &[u8]) -> Self {
        std::fs::write(self.folder().join(name), bytes).unwrap();
        self
    }

    /// The program with these arguments, in the folder, without variables of ours.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = crate::kbench();
        command.args(args).current_dir(self.folder()).stdin(Stdio::null()).env("NO_COLOR", "1");
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("KAFKA_") || name.starts_with("KBENCH_") {
                command.env_remove(&*name);
            }
        }
        command
    }

    /// Runs the scenario towards the listener.
    pub fn output(&self, args: &[&str]) -> Ended {
        self.end(&mut self.run("case.toml", args))
    }

    fn run(&self, name: &str, args: &[&str]) -> Command {
        let mut command = self.command(&["run", name, "-b", &self.address()]);
        command.args(args);
        command
    }

    fn address(&self) -> String {
        self.listener.local_addr().unwrap().to_string()
    }

    pub fn end(&self, command: &mut Command) -> Ended {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let stdout = String::from_utf8(stdout).unwrap();
        let stderr = String::from_utf8(stderr).unwrap();
        let faults = stderr.lines().map(|line| line.trim_start_matches("kbench: ").to_owned());
        let faults = faults.collect();
        Ended { code: status.code().unwrap_or(-1), stdout, stderr, faults }
    }

    /// The scenario is refused with these faults, in this order, and before anything is opened.
    pub fn refused(&self, expected: &[&str]) {
        self.refused_as("case.toml", &[], expected);
    }

    /// The same for a scenario of another name, and with flags.
    pub fn refused_as(&self, name: &str, args: &[&str], expected: &[&str]) {
        self.refuses(&mut self.run(name, args), expected);
    }

    /// The same with a variable in the environment, which alone names servers.
    pub fn refused_in(&self, (name, value): (&str, &[u8]), expected: &str) {
        let mut command = self.command(&["run", "case.toml"]);
        let began = Instant::now();
        let ended = self.end(command.env(name, OsStr::from_bytes(value)));
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert!(ended.faults[0].starts_with(expected), "{}", ended.stderr);
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
        assert!(began.elapsed() < AT_ONCE && !self.folder().join("results").exists());
    }

    fn refuses(&self, command: &mut Command, expected: &[&str]) {
        let began = Instant::now();
        let Ended { code, stdout, stderr, faults } = self.end(command);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        assert_eq!(faults.len(), expected.len(), "{stderr}");
        for (fault, expected) in faults.iter().zip(expected) {
            assert!(fault.starts_with(expected), "got\n  {fault}\nexpected\n  {expected}");
        }
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
        self.assert_nothing_opened();
    }

    pub fn assert_nothing_opened(&self) {
        assert!(!self.called(), "it called the broker");
        assert!(!self.folder().join("results").exists(), "it made the results' folder");
    }

    /// Whether anybody called the listener.
    pub fn called(&self) -> bool {
        match self.listener.accept() {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                false
            }
        }
    }

    /// What `plan` makes of the scenario, which must be right.
    pub fn planned(&self) -> serde_json::Value {
        let ended = self.end(&mut self.command(&["plan", "case.toml", "--format", "json"]));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        serde_json::from_str(&ended.stdout).unwrap()
    }

    /// `plan -`, given the scenario.
    pub fn plan_of_stdin(&self) -> (i32, String, String) {
        let mut command = self.command(&["plan", "-"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let text = std::fs::read(self.folder().join("case.toml")).unwrap();
        child.stdin.take().unwrap().write_all(&text).unwrap();
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap_or(-1), text(stdout), text(stderr))
    }
}

/// The least scenario is refused with these flags.
pub fn faults(args: &[&str], expected: &[&str]) {
    Case::new(LEAST).refused_as("case.toml", args, expected);
}

/// Without this the silence of the listener would prove nothing.
#[test]
fn a_good_scenario_calls_the_listener() {
    let case = Case::new(LEAST);
    let ended = case.output(&[]);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(case.called());
}
