//! Ctrl-C and SIGTERM: the first ends the run in order, the second the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{Error, ExitCode, Result};

/// The signal that came, if one came.
#[derive(Debug, Clone)]
pub(super) struct Signals {
    code: Arc<AtomicUsize>,
}

impl Signals {
    /// Listens from now on.
    pub(super) fn listen() -> Result<Self> {
        let code = Arc::new(AtomicUsize::new(0));
        for (signal, exit) in [(SIGINT, ExitCode::Interrupted), (SIGTERM, ExitCode::Terminated)] {
            let seen = Arc::new(AtomicBool::new(false));
            // In this order: the shutdown looks at the flag before this signal sets it.
            let registered = flag::register_conditional_shutdown(signal, exit as i32, seen.clone())
                .and_then(|_| flag::register(signal, seen))
                .and_then(|_| flag::register_usize(signal, code.clone(), exit as usize));
            registered.map_err(|error| Error::io("listening for signals", error))?;
        }
        Ok(Self { code })
    }

    /// Has every signal end the process at once: for what leaves nothing to be saved.
    pub(super) fn end_at_once() -> Result<()> {
        for (signal, exit) in [(SIGINT, ExitCode::Interrupted), (SIGTERM, ExitCode::Terminated)] {
            flag::register_conditional_shutdown(signal, exit as i32, Arc::new(true.into()))
                .map_err(|error| Error::io("listening for signals", error))?;
        }
        Ok(())
    }

    /// What the harness looks at: not 0 once a signal came.
    pub(super) fn code(&self) -> Arc<AtomicUsize> {
        self.code.clone()
    }

    /// The exit code of a part that ends well: by itself, or because it was told to.
    pub(super) fn exit_code(&self) -> ExitCode {
        match self.code.load(Ordering::Relaxed) {
            code if code == ExitCode::Interrupted as usize => ExitCode::Interrupted,
            code if code == ExitCode::Terminated as usize => ExitCode::Terminated,
            _ => ExitCode::Ok,
        }
    }

    /// Whether one came.
    pub(super) fn came(&self) -> bool {
        self.code.load(Ordering::Relaxed) != 0
    }
}
