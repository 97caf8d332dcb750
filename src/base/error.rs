//! The errors that cross a border, and the exit code that each one ends the process with.

use std::fmt;

use super::visible::visible;

/// How the process ends. The numbers are part of the command line's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// All went well.
    Ok = 0,
    /// Something that kbench did not foresee.
    Unexpected = 1,
    /// The command line or the scenario is wrong; nothing was opened.
    Usage = 2,
    /// The broker could not be reached, or refused.
    Broker = 3,
    /// The run's numbers can't be trusted: sums that don't close, or missing events.
    Invalid = 4,
    /// A threshold or a comparison failed.
    Threshold = 5,
    /// A comparison was refused: the two results can't be compared.
    Refused = 6,
    /// The terminal is gone (SIGHUP); what was measured is saved.
    Hangup = 129,
    /// Interrupted (SIGINT); what was measured is saved.
    Interrupted = 130,
    /// Ended by SIGQUIT; what was measured is saved.
    Quit = 131,
    /// Terminated (SIGTERM); what was measured is saved.
    Terminated = 143,
}

impl ExitCode {
    /// The code that stands for a signal, from its number: 128 and the signal's.
    #[must_use]
    pub const fn of_signal(code: u8) -> Option<Self> {
        match code {
            129 => Some(Self::Hangup),
            130 => Some(Self::Interrupted),
            131 => Some(Self::Quit),
            143 => Some(Self::Terminated),
            _ => None,
        }
    }
}

/// What went wrong, by what the user can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line, a scenario or an environment variable is wrong. Every fault is a line.
    #[error("{}", lines(.0))]
    Usage(Vec<String>),
    /// The broker can't be reached, refuses, or is set up differently from what the run needs.
    #[error("{0}")]
    Broker(String),
    /// The run can't give a valid result.
    #[error("{0}")]
    Invalid(String),
    /// Two results can't be compared. Every reason is a line.
    #[error("{}", lines(.0))]
    Refused(Vec<String>),
    /// A signal came before anything was measured; the exit code that belongs to it.
    #[error("interrupted before the load started: nothing was measured")]
    Signal(u8),
    /// Reading or writing a file failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, with the path.
        what: String,
        /// The system's own words.
        source: std::io::Error,
    },
    /// A fault in kbench itself.
    #[error("{0} (this is a fault in kbench)")]
    Internal(String),
}

impl Error {
    /// A usage error of one line.
    pub fn usage(line: impl Into<String>) -> Self {
        Self::Usage(vec![line.into()])
    }

    /// Wraps a system error with what was being done.
    pub fn io(what: impl fmt::Display, source: std::io::Error) -> Self {
        Self::Io { what: what.to_string(), source }
    }

    /// The code that the process ends with.
    #[must_use]
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::Usage,
            Self::Broker(_) => ExitCode::Broker,
            Self::Invalid(_) => ExitCode::Invalid,
            Self::Refused(_) => ExitCode::Refused,
            Self::Signal(code) => match ExitCode::of_signal(*code) {
                Some(signal) => signal,
                None => ExitCode::Interrupted,
            },
            Self::Io { .. } | Self::Internal(_) => ExitCode::Unexpected,
        }
    }
}

/// A result whose error knows its exit code.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Longest line of a message, in characters: a value of a megabyte would hide what is wrong.
const LINE_CHARS_MAX: usize = 600;

/// Most lines of a message: whoever has more faults than that has the wrong file.
const LINES_MAX: usize = 50;

fn lines(faults: &[String]) -> String {
    let mut lines: Vec<String> =
        faults.iter().take(LINES_MAX).map(|fault| one_line(fault)).collect();
    if let Some(more) = faults.len().checked_sub(LINES_MAX).filter(|more| *more > 0) {
        lines.push(format!("and {more} more"));
    }
    lines.join("\n")
}

/// A message as one line of bearable length, whatever the names and values in it hold. A long
/// one loses its middle: it starts with the place and ends with what was expected.
pub(crate) fn one_line(text: &str) -> String {
    let line = visible(text);
    let chars = line.chars().count();
    if chars <= LINE_CHARS_MAX {
        return line.into_owned();
    }
    let start = line.chars().take(LINE_CHARS_MAX / 3 * 2);
    let end = line.chars().skip(chars - LINE_CHARS_MAX / 3);
    start.chain("...".chars()).chain(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_one_line_whatever_it_quotes() {
        let faults = vec!["a\nb.toml: x\u{1b}[2J".to_owned(), "y".to_owned()];
        assert_eq!(Error::Usage(faults).to_string(), "a\\nb.toml: x\\u001b[2J\ny");
        let many =
            Error::Usage((0..100_000).map(|n| format!("x{n}: unknown")).collect()).to_string();
        assert_eq!((many.lines().count(), many.lines().last()), (51, Some("and 99950 more")));
        let long = format!("a.toml:1:1: {}; expected less", "ä".repeat(100_000));
        let line = Error::usage(long).to_string();
        assert_eq!(line.chars().count(), LINE_CHARS_MAX + 3);
        assert!(line.starts_with("a.toml:1:1: ää") && line.ends_with("ä; expected less"), "{line}");
    }
}
