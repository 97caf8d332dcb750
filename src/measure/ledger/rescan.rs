//! What the log itself says, read once more after the end: the last word on every slot that
//! timed out, and on every acknowledged one that some application did not get.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use super::Ledger;
use crate::event::Stamp;

/// One reading of the run's part of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Rescan {
    /// Records that were read, of whoever.
    pub records: u64,
    /// Events of the run among them, each counted once.
    pub events: u64,
    /// Records whose event stands in the log at an earlier place too.
    pub doubled: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Why a part of the log was not read, and what was not found remains unsettled; `None` when
    /// all of it was read.
    pub cut_short: Option<String>,
}

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
