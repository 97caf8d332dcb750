//! What the log itself says, read once more after the end: the last word on every slot that
//! timed out, and on every acknowledged one that some application did not get.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::Ledger;
pub use super::log_report::Rescan;
use crate::event::Stamp;

impl Ledger {
    /// Whether only the log can tell what became of some slot. Call it when nothing is on its
    /// way any more.
    #[must_use]
    pub fn needs_rescan(&self) -> bool {
        let report = self.close();
        report.unknown + report.unresolved > 0 || report.apps.iter().any(|app| app.missing > 0)
    }

    /// Whether a send has timed out so far.
    #[must_use]
    pub fn has_unknown(&self) -> bool {
        self.shards.iter().any(|shard| shard.unknown.count() > 0)
    }

    /// Notes one record of the log, by its stamp if it has one.
    pub fn logged(&self, stamp: Option<&Stamp>) {
        self.log.records.fetch_add(1, Ordering::Relaxed);
        let Some(stamp) = stamp.filter(|stamp| stamp.run == self.run) else {
            return;
        };
        let shard = self.shards.get(usize::from(stamp.shard));
        let Some(shard) = shard.filter(|shard| stamp.seq < shard.offered.load(Ordering::Acquire))
        else {
            return;
        };
        let count = if shard.logged.set(stamp.seq) { &self.log.events } else { &self.log.doubled };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes the end of the reading: how long it took, and why it was cut short if it was.
    pub fn rescanned(&self, took_ms: u64, cut_short: Option<String>) {
        let rescan = Rescan {
            records: self.log.records.load(Ordering::Acquire),
            events: self.log.events.load(Ordering::Acquire),
            doubled: self.log.doubled.load(Ordering::Acquire),
            took_ms,
            cut_short,
        };
        *self.log.rescan.lock().unwrap_or_else(PoisonError::into_inner) = Some(rescan);
    }

    /// What was read, where it was.
    pub(super) fn rescan(&self) -> Option<Rescan> {
        self.log.rescan.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
