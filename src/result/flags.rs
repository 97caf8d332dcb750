//! What has to stand above a result's numbers, as it follows from them: one list, for the run's
//! verdict and for whoever checks a saved one.

use super::{RecordingResult, RunResult};
use crate::harness::keep_up;

impl RunResult {
    /// The flags that follow from the figures.
    pub(crate) fn flags(&self) -> Vec<String> {
        // Of several processes the stalls themselves are not kept.
        let hiccups = self.hiccups.as_ref().filter(|_| self.processes.is_empty());
        let unacked = self.ledger.unknown_written;
        let mut flags = self.watch.flags();
        flags.extend(hiccups.and_then(|hiccups| hiccups.flag(&self.stacks())));
        flags.extend(self.end_lag.iter().flat_map(|lag| lag.flags(unacked)));
        flags.extend(self.recording.iter().flat_map(RecordingResult::flags));
        flags.extend(keep_up::flags(self));
        flags.extend(self.broker.flags());
        flags
    }
}
