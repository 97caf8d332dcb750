//! Every event, and what became of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use super::atomic_bitmap::AtomicBitmap;
use super::dues::Dues;
use super::rescan::Rescan;
use crate::event::{Outcome, Stamp};

/// What is known of every slot of one run. Shared by all threads; nothing in it locks.
#[derive(Debug)]
pub struct Ledger {
    pub(super) run: u32,
    pub(super) shards: Vec<LedgerShard>,
    pub(super) apps: Vec<AppTicks>,
    pub(super) second_outcomes: AtomicU64,
    pub(super) log: LogCheck,
}

/// What the log itself has said.
#[derive(Debug, Default)]
pub(super) struct LogCheck {
    pub(super) records: AtomicU64,
    pub(super) events: AtomicU64,
    pub(super) doubled: AtomicU64,
    /// Once it was read.
    pub(super) rescan: Mutex<Option<Rescan>>,
}

/// What is known of one shard's slots.
#[derive(Debug)]
pub(super) struct LedgerShard {
    pub(super) offered: AtomicU64,
    pub(super) acked: AtomicBitmap,
    pub(super) failed: AtomicBitmap,
    pub(super) unknown: AtomicBitmap,
    pub(super) unsent: AtomicBitmap,
    /// Found in the log by a re-scan.
    pub(super) logged: AtomicBitmap,
    /// By application.
    pub(super) seen: Vec<AtomicBitmap>,
    /// Once no more come due.
    pub(super) dues: OnceLock<Dues>,
}

/// What one application's lanes have counted.
#[derive(Debug, Default)]
pub(super) struct AppTicks {
    pub(super) duplicates: AtomicU64,
    pub(super) redeliveries: AtomicU64,
    pub(super) reordered: AtomicU64,
    pub(super) foreign: AtomicU64,
    pub(super) impossible: AtomicU64,
    pub(super) corrupt: AtomicU64,
}

impl Ledger {
    /// An empty ledger of a run with so many shards and applications.
    #[must_use]
    pub fn new(run: u32, shards: u16, apps: usize) -> Self {
        let shard = |_| LedgerShard {
            offered: AtomicU64::new(0),
            acked: AtomicBitmap::default(),
            failed: AtomicBitmap::default(),
            unknown: AtomicBitmap::default(),
            unsent: AtomicBitmap::default(),
            logged: AtomicBitmap::default(),
            seen: (0..apps).map(|_| AtomicBitmap::default()).collect(),
            dues: OnceLock::new(),
        };
        Self {
            run,
            shards: (0..shards).map(shard).collect(),
            apps: (0..apps).map(|_| AppTicks::default()).collect(),
            second_outcomes: AtomicU64::new(0),
            log: LogCheck::default(),
        }
    }

    /// Notes that the slots `0..count` of a shard have come due; before any of them is sent.
    pub fn offered(&self, shard: u16, count: u64) {
        if let Some(shard) = self.shards.get(usize::from(shard)) {
            shard.offered.fetch_max(count, Ordering::AcqRel);
        }
    }

    /// Notes that no client took the slot.
    pub fn unsent(&self, shard: u16, seq: u64) {
        if let Some(shard) = self.shards.get(usize::from(shard)) {
            shard.unsent.set(seq);
        }
    }

    /// Notes how a send ended.
    pub fn outcome(&self, stamp: &Stamp, outcome: Outcome) {
        let Some(shard) = self.shards.get(usize::from(stamp.shard)) else {
            return;
        };
        let bits = match outcome {
            Outcome::Acked => &shard.acked,
            Outcome::Failed => &shard.failed,
            Outcome::Unknown => &shard.unknown,
        };
        if !bits.set(stamp.seq) {
            self.second_outcomes.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes that an application got a record with a stamp of this run that is not an event.
    pub fn corrupt(&self, app: usize) {
        if let Some(app) = self.apps.get(app) {
            app.corrupt.fetch_add(1, Ordering::Relaxed);
        }
    }
}
