//! The ledger: every slot ends in exactly one outcome, and every acknowledged event is seen by
//! every application once and in order, or named.
//!
//! A slot is `(shard, seq)`; what is known of it is a bit in a bitmap by fact: one bit for the
//! acknowledgement and one for each application, so 10⁸ slots of four applications take 63 MB.

mod bits;
mod dues;
mod lane;
mod notes;
mod order;
mod places;
mod plane;
mod report;
mod rescan;
mod stored;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use crate::event::{Outcome, Stamp};

use bits::Bits;

pub use dues::{Dues, Undelivered};
pub use lane::{Lane, Tick};
pub use notes::{Noted, Notes, RunNotes};
pub use order::{Behind, Stretch, Trail};
pub use places::Places;
pub use plane::{Plane, PlaneFault};
pub use report::{AppLedger, LedgerReport, Slots};
pub use rescan::Rescan;
pub use stored::{Outcomes, SeenBy, ShardOutcomes};

/// What is known of every slot of one run. Shared by all threads; nothing in it locks.
#[derive(Debug)]
pub struct Ledger {
    run: u32,
    shards: Vec<Shard>,
    apps: Vec<AppTicks>,
    second_outcomes: AtomicU64,
    log: Log,
}

/// What the log itself has said.
#[derive(Debug, Default)]
struct Log {
    records: AtomicU64,
    events: AtomicU64,
    doubled: AtomicU64,
    /// Once it was read.
    rescan: Mutex<Option<Rescan>>,
}

/// What is known of one shard's slots.
#[derive(Debug)]
struct Shard {
    offered: AtomicU64,
    acked: Bits,
    failed: Bits,
    unknown: Bits,
    unsent: Bits,
    /// Found in the log by a re-scan.
    logged: Bits,
    /// By application.
    seen: Vec<Bits>,
    /// Once no more come due.
    dues: OnceLock<Dues>,
}

/// What one application's lanes have counted.
#[derive(Debug, Default)]
struct AppTicks {
    duplicates: AtomicU64,
    redeliveries: AtomicU64,
    reordered: AtomicU64,
    foreign: AtomicU64,
    impossible: AtomicU64,
    corrupt: AtomicU64,
}

impl Ledger {
    /// An empty ledger of a run with so many shards and applications.
    #[must_use]
    pub fn new(run: u32, shards: u16, apps: usize) -> Self {
        let shard = |_| Shard {
            offered: AtomicU64::new(0),
            acked: Bits::default(),
            failed: Bits::default(),
            unknown: Bits::default(),
            unsent: Bits::default(),
            logged: Bits::default(),
            seen: (0..apps).map(|_| Bits::default()).collect(),
            dues: OnceLock::new(),
        };
        Self {
            run,
            shards: (0..shards).map(shard).collect(),
            apps: (0..apps).map(|_| AppTicks::default()).collect(),
            second_outcomes: AtomicU64::new(0),
            log: Log::default(),
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

    /// Notes that an application got a record with a stamp of this run that is no event.
    pub fn corrupt(&self, app: usize) {
        if let Some(app) = self.apps.get(app) {
            app.corrupt.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The sums, and all that is wrong with them. Call it when nothing is on its way any more.
    #[must_use]
    pub fn close(&self) -> LedgerReport {
        report::close(self)
    }
}

#[cfg(test)]
mod tests;
