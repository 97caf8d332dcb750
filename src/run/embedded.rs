//! The embedded broker as a child process: so the client's CPU and memory figures stay clean.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::base::error::{Error, Result};
use crate::broker::BrokerStats;

/// What the child prints before its address.
pub const GREETING: &str = "listening on ";

/// Longest wait for the child's address.
const START: Duration = Duration::from_secs(10);

/// Longest wait for its statistics, and for its end once it was told to end.
const ANSWER: Duration = Duration::from_secs(2);

/// How often a child that shall end is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// A running child. It ends when its standard input closes: also when this process is killed.
#[derive(Debug)]
pub struct EmbeddedBroker {
    child: Mutex<Child>,
    stdin: Mutex<Option<ChildStdin>>,
    /// What it says, line by line: a thread waits for it, so that nobody else has to.
    lines: Mutex<Receiver<String>>,
    address: SocketAddr,
}

impl EmbeddedBroker {
    /// Starts `program broker` on a free port and waits for its address.
    ///
    /// # Errors
    /// When it can't be started, or does not come up.
    pub fn start(program: &Path, partitions: i32) -> Result<Self> {
        let mut child = Command::new(program)
            .args(["broker", "--port", "0", "--until-stdin-closes", "--partitions"])
            .arg(partitions.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A group of its own: Ctrl-C on the terminal is for the run, which still needs it.
            .process_group(0)
            .spawn()
            .map_err(|error| Error::io("starting the embedded broker", error))?;
        let stdin = child.stdin.take();
        let Some(stdout) = child.stdout.take() else {
            return Err(Error::Internal("the embedded broker has no output".to_owned()));
        };
        let (said, lines) = channel();
        thread::Builder::new()
            .name("embedded".to_owned())
            .spawn(move || {
                let mut lines = BufReader::new(stdout).lines().map_while(std::result::Result::ok);
                while lines.next().is_some_and(|line| said.send(line).is_ok()) {}
            })
            .map_err(|error| Error::io("listening to the embedded broker", error))?;
        let line = lines.recv_timeout(START).unwrap_or_default();
        match line.trim().strip_prefix(GREETING).map(str::parse) {
            Some(Ok(address)) => Ok(Self {
                child: Mutex::new(child),
                stdin: Mutex::new(stdin),
                lines: Mutex::new(lines),
                address,
            }),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                Err(Error::Broker(format!("the embedded broker did not come up: {line:?}")))
            }
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.lock().unwrap_or_else(PoisonError::into_inner).id()
    }

    /// How its process has ended, in words, if it has: nobody has told it to.
    #[must_use]
    pub fn ended(&self) -> Option<String> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let status = child.try_wait().ok()??;
        Some(format!("the embedded broker's process ended: {}", words(status)))
    }

    /// Its statistics so far.
    ///
    /// # Errors
    /// When it has ended, does not answer, or says something else.
    pub fn stats(&self) -> Result<BrokerStats> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        // An answer to somebody who did not wait for it.
        while lines.try_recv().is_ok() {}
        if let Some(stdin) = &mut *self.stdin.lock().unwrap_or_else(PoisonError::into_inner) {
            stdin
                .write_all(b"\n")
                .map_err(|error| Error::io("asking the embedded broker", error))?;
        }
        let line = lines.recv_timeout(ANSWER).unwrap_or_default();
        serde_json::from_str(&line)
            .map_err(|error| Error::Internal(format!("the embedded broker's statistics: {error}")))
    }
}

fn words(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("signal {signal}"),
        (None, code) => format!("exit code {}", code.unwrap_or(-1)),
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        // Closing its input ends it; waiting keeps no zombie behind.
        drop(self.stdin.lock().unwrap_or_else(PoisonError::into_inner).take());
        let began = Instant::now();
        while self.ended().is_none() && began.elapsed() < ANSWER {
            thread::sleep(LOOK);
        }
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        // One that was stopped hears nothing else.
        let _ = child.kill();
        let _ = child.wait();
    }
}
