//! Ctrl-C, SIGTERM, SIGHUP and SIGQUIT: the first ends the run in order, the second the process at
//! once. Each is acknowledged in a line.

use super::shared;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::{fs, thread};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals as Heard;
use signal_hook::{flag, low_level};

use crate::base::error::{Error, ExitCode, Result};
use crate::output::remainder::{at_first, at_second};
use crate::run::remains::Remains;

/// What ends a run.
const ALL: [(i32, ExitCode, &str); 4] = [
    (SIGINT, ExitCode::Interrupted, "SIGINT"),
    (SIGTERM, ExitCode::Terminated, "SIGTERM"),
    (SIGHUP, ExitCode::Hangup, "SIGHUP"),
    (SIGQUIT, ExitCode::Quit, "SIGQUIT"),
];

/// The signal that came, if one came.
#[derive(Debug, Clone)]
pub(super) struct Signals {
    code: Arc<AtomicUsize>,
    remains: Arc<Remains>,
}

impl Signals {
    /// Listens from now on.
    pub(super) fn listen() -> Result<Self> {
        let fault = |error| Error::io("listening for signals", error);
        let (code, remains) = (Arc::<AtomicUsize>::default(), Arc::<Remains>::default());
        // A terminal that nobody reads may block whoever acknowledges a signal. The next one then
        // ends the process where it stands.
        let speaking = Arc::new(AtomicBool::new(false));
        let wanted: Vec<_> = ALL.into_iter().filter(|&(signal, ..)| !is_ignored(signal)).collect();
        for &(signal, exit, _) in &wanted {
            flag::register_conditional_shutdown(signal, exit as i32, speaking.clone())
                .and_then(|_| flag::register_usize(signal, code.clone(), exit as usize))
                .map_err(fault)?;
        }
        let mut heard = Heard::new(wanted.iter().map(|&(signal, ..)| signal)).map_err(fault)?;
        let signals = Self { code, remains: remains.clone() };
        let answer = move || {
            let mut is_first = true;
            for signal in heard.forever() {
                let known = ALL.into_iter().find(|&(number, ..)| number == signal);
                let Some((_, exit, name)) = known else { continue };
                speaking.store(true, Ordering::SeqCst);
                if !is_first {
                    shared::tell(&format!("{name} again: {}", at_second(&remains.now())));
                    low_level::exit(exit as i32);
                }
                shared::tell(&format!(
                    "{name}: {}; again to leave at once",
                    at_first(&remains.now())
                ));
                is_first = false;
                speaking.store(false, Ordering::SeqCst);
            }
        };
        let thread = thread::Builder::new().name("signals".to_owned()).spawn(answer);
        thread.map_err(fault)?;
        Ok(signals)
    }

    /// Has every signal end the process at once: for what leaves nothing to be saved.
    pub(super) fn end_at_once() -> Result<()> {
        for (signal, exit, _) in ALL.into_iter().filter(|&(signal, ..)| !is_ignored(signal)) {
            flag::register_conditional_shutdown(signal, exit as i32, Arc::new(true.into()))
                .map_err(|error| Error::io("listening for signals", error))?;
        }
        Ok(())
    }

    /// What the harness looks at: not 0 once a signal came.
    pub(super) fn code(&self) -> Arc<AtomicUsize> {
        self.code.clone()
    }

    /// What whoever sends a second signal is told.
    pub(super) fn remains(&self) -> Arc<Remains> {
        self.remains.clone()
    }

    /// The exit code of a part that ends well: by itself, or because it was told to.
    pub(super) fn exit_code(&self) -> ExitCode {
        let code = u8::try_from(self.code.load(Ordering::Relaxed)).ok();
        code.and_then(ExitCode::of_signal).unwrap_or(ExitCode::Ok)
    }

    /// Whether one came.
    pub(super) fn came(&self) -> bool {
        self.code.load(Ordering::Relaxed) != 0
    }
}

/// Whether whoever started this wants it to outlive a terminal, as `nohup` does.
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    signal == SIGHUP && ignores(&status, signal)
}

/// Whether a process ignores a signal, by its `/proc/PID/status`.
fn ignores(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_that_is_ignored_is_told_from_the_others() {
        let status = "Name:\tkbench\nSigBlk:\t0000000000000003\nSigIgn:\t0000000000001001\n";
        assert!(ignores(status, SIGHUP));
        assert!(!ignores(status, SIGINT) && !ignores(status, SIGTERM) && !ignores("", SIGHUP));
    }
}
