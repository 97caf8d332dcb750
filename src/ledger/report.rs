//! The sums at the end of a run, and what is wrong with them.

use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use super::Ledger;

/// How many slots of a kind are named one by one.
const NAMED: usize = 10;

/// One slot, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Slots {
    /// The shard of the schedule.
    pub shard: u16,
    /// The number within the shard.
    pub seq: u64,
}

/// The sums of one application.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AppLedger {
    /// Events seen once at least.
    pub seen: u64,
    /// Of these, such as were never acknowledged.
    pub seen_unacked: u64,
    /// Acknowledged and not seen.
    pub missing: u64,
    /// The first of the missing.
    pub missing_named: Vec<Slots>,
    /// Records whose event was seen before at another offset.
    pub duplicates: u64,
    /// Records at an offset that was read before: counted, not applied.
    pub redeliveries: u64,
    /// Events that came after a later one of their shard and partition.
    pub reordered: u64,
    /// Records that are not of this run.
    pub foreign: u64,
    /// Records with a stamp of this run that was never sent.
    pub impossible: u64,
    /// Records with a stamp of this run that are no event.
    pub corrupt: u64,
}

/// The sums of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LedgerReport {
    /// Slots that came due.
    pub offered: u64,
    /// Slots that a client took, or refused for good.
    pub sent: u64,
    /// Slots that the client's full queue refused.
    pub unsent: u64,
    /// Sends that the broker acknowledged.
    pub acked: u64,
    /// Sends that were certainly not written.
    pub failed: u64,
    /// Sends that timed out, perhaps written.
    pub unknown: u64,
    /// Of these, such as some application saw: they were written.
    pub unknown_written: u64,
    /// Sends without any outcome: a fault in the harness, or a run cut short.
    pub unresolved: u64,
    /// Slots that got a second receipt of the same kind.
    pub second_outcomes: u64,
    /// By application, in the plan's order.
    pub apps: Vec<AppLedger>,
    /// Whether offered = sent + unsent and sent = acked + failed + unknown.
    pub closes: bool,
}

impl LedgerReport {
    /// Why the run is invalid, a line each; empty for a valid run. `names` are the applications'.
    #[must_use]
    pub fn faults(&self, names: &[&str]) -> Vec<String> {
        let mut faults = Vec::new();
        if !self.closes {
            faults.push(format!(
                "the sums don't close: offered {} = unsent {} + acked {} + failed {} + unknown {} \
                 does not hold; {} without an outcome, {} with two",
                self.offered,
                self.unsent,
                self.acked,
                self.failed,
                self.unknown,
                self.unresolved,
                self.second_outcomes
            ));
        }
        let lost = self.failed + self.unknown - self.unknown_written;
        if lost > 0 {
            faults.push(format!("{lost} events were sent and not written"));
        }
        for (app, name) in self.apps.iter().zip(names) {
            for (count, what) in [
                (app.missing, "acknowledged events are missing"),
                (app.duplicates, "events were doubled"),
                (app.reordered, "events came out of order"),
                (app.impossible, "records carry a stamp that was never sent"),
                (app.corrupt, "events can't be read"),
            ] {
                if count > 0 {
                    faults.push(format!("{name}: {count} {what}"));
                }
            }
        }
        faults
    }
}

pub(super) fn close(ledger: &Ledger) -> LedgerReport {
    let mut report = LedgerReport {
        apps: ledger.apps.iter().map(counted).collect(),
        second_outcomes: ledger.second_outcomes.load(Ordering::Acquire),
        ..LedgerReport::default()
    };
    for (number, shard) in (0_u16..).zip(&ledger.shards) {
        let offered = shard.offered.load(Ordering::Acquire);
        report.offered += offered;
        // By the planes' own counts and not within the offered slots: an outcome for a slot
        // that never came due, or two for one slot, must break the sum.
        report.acked += shard.acked.count();
        report.failed += shard.failed.count();
        report.unknown += shard.unknown.count();
        report.unsent += shard.unsent.count();
        for word in 0..offered.div_ceil(64) {
            let acked = shard.acked.word(word);
            let unknown = shard.unknown.word(word);
            let ended = acked | unknown | shard.failed.word(word) | shard.unsent.word(word);
            let due = mask(offered, word);
            report.unresolved += ones(due & !ended);
            let mut seen_by_any = 0;
            for (app, seen) in report.apps.iter_mut().zip(&shard.seen) {
                let seen = seen.word(word);
                seen_by_any |= seen;
                app.seen += ones(seen);
                app.seen_unacked += ones(seen & !acked);
                app.missing += ones(acked & !seen);
                name(&mut app.missing_named, number, word, acked & !seen);
            }
            report.unknown_written += ones(unknown & seen_by_any);
        }
    }
    report.sent = report.offered - report.unsent.min(report.offered);
    report.closes = report.second_outcomes == 0
        && report.offered == report.unsent + report.acked + report.failed + report.unknown
        && report.unresolved == 0;
    report
}

fn counted(ticks: &super::AppTicks) -> AppLedger {
    AppLedger {
        duplicates: ticks.duplicates.load(Ordering::Acquire),
        redeliveries: ticks.redeliveries.load(Ordering::Acquire),
        reordered: ticks.reordered.load(Ordering::Acquire),
        foreign: ticks.foreign.load(Ordering::Acquire),
        impossible: ticks.impossible.load(Ordering::Acquire),
        corrupt: ticks.corrupt.load(Ordering::Acquire),
        ..AppLedger::default()
    }
}

fn ones(bits: u64) -> u64 {
    u64::from(bits.count_ones())
}

/// The bits of a word that are slots below `offered`.
fn mask(offered: u64, word: u64) -> u64 {
    match offered - word * 64 {
        rest if rest >= 64 => u64::MAX,
        rest => (1 << rest) - 1,
    }
}

fn name(named: &mut Vec<Slots>, shard: u16, word: u64, mut bits: u64) {
    while bits != 0 && named.len() < NAMED {
        named.push(Slots { shard, seq: word * 64 + u64::from(bits.trailing_zeros()) });
        bits &= bits - 1;
    }
}
