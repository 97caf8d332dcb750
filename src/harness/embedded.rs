//! The embedded broker as a child process: so the client's CPU and memory figures stay clean.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::broker::BrokerStats;
use crate::error::{Error, Result};

/// What the child prints before its address.
pub const GREETING: &str = "listening on ";

/// A running child. It ends when its standard input closes: also when this process is killed.
#[derive(Debug)]
pub struct EmbeddedBroker {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
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
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        stdout
            .read_line(&mut line)
            .map_err(|error| Error::io("reading from the embedded broker", error))?;
        match line.trim().strip_prefix(GREETING).map(str::parse) {
            Some(Ok(address)) => Ok(Self { child, stdin, stdout, address }),
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

    /// Its statistics so far.
    ///
    /// # Errors
    /// When it has ended, or says something else.
    pub fn stats(&mut self) -> Result<BrokerStats> {
        let mut line = String::new();
        if let Some(stdin) = &mut self.stdin {
            stdin
                .write_all(b"\n")
                .and_then(|()| self.stdout.read_line(&mut line))
                .map_err(|error| Error::io("asking the embedded broker", error))?;
        }
        serde_json::from_str(&line)
            .map_err(|error| Error::Internal(format!("the embedded broker's statistics: {error}")))
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        // Closing its input ends it; waiting keeps no zombie behind.
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}
