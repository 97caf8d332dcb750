//! What makes a run invalid beside its figures, found while it goes on.

use std::fmt;
use std::time::Duration;

use super::run_event::Outstanding;

/// A fault of a run; its text is the reason in the verdict.
#[derive(Debug, Clone, PartialEq)]
pub enum RunFault {
    /// A loop, or whoever reads a recording, has ended with an error.
    Failed {
        /// Its name.
        who: String,
        /// The error.
        why: String,
    },
    /// A loop has panicked.
    Panicked {
        /// Its name.
        who: String,
    },
    /// Not everything has come within the time of the drain.
    NotDrained {
        /// How long it was waited for.
        waited: Duration,
        /// What has not come.
        outstanding: Outstanding,
    },
    /// Nothing was acknowledged for too long.
    Unanswered {
        /// For how long.
        limit: Duration,
        /// Events sent meanwhile.
        sent: u64,
        /// Events that wait for an answer.
        waiting: u64,
    },
}

impl fmt::Display for RunFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { who, why } => write!(out, "{who}: {why}"),
            Self::Panicked { who } => write!(out, "{who} panicked"),
            Self::NotDrained { waited, outstanding } => {
                write!(out, "not drained within {:.1} s: {outstanding}", waited.as_secs_f64())
            }
            Self::Unanswered { limit, sent, waiting } => write!(
                out,
                "the run ended early: no acknowledgement for {} s (measure.ack_timeout), in which \
                 {sent} events were sent; {waiting} wait for one",
                limit.as_secs_f64()
            ),
        }
    }
}
