//! The sums at the end of a run, and what is wrong with them.

use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use super::atomic_bitmap::below;
use super::{Ledger, Rescan};

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
    /// Of the missing, such as are in the log: this application was not given them.
    #[serde(default)]
    pub skipped: u64,
    /// The first of the skipped.
    #[serde(default)]
    pub skipped_named: Vec<Slots>,
    /// Of the missing, such as nobody has found in a log that was not read as a whole.
    #[serde(default)]
    pub missing_unsettled: u64,
    /// In the log, never acknowledged, and not seen: neither missing nor harmless.
    #[serde(default)]
    pub skipped_unacked: u64,
    /// Records whose event was seen before at another offset.
    pub duplicates: u64,
    /// Records at an offset that was read before, but for probes: counted, not applied.
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
    /// Of these, such as are in the log, or such as some application saw.
    pub unknown_written: u64,
    /// Of these, such as are not in the log.
    #[serde(default)]
    pub unknown_not_written: u64,
    /// Of these, such as nobody has found in a log that was not read as a whole.
    #[serde(default)]
    pub unknown_unsettled: u64,
    /// Of the failed, such as are in the log all the same: the client's word was wrong.
    #[serde(default)]
    pub failed_written: u64,
    /// Acknowledged and never in the log.
    #[serde(default)]
    pub lost: u64,
    /// The first of the lost.
    #[serde(default)]
    pub lost_named: Vec<Slots>,
    /// Sends without any outcome: a fault in the harness, or a run cut short.
    pub unresolved: u64,
    /// Of these, such as are in the log.
    #[serde(default)]
    pub unresolved_written: u64,
    /// Acknowledged, and not seen by one application or more: events, each counted once; `None`
    /// of an older kbench.
    #[serde(default)]
    pub missing_events: Option<u64>,
    /// Slots that got a second receipt of the same kind.
    pub second_outcomes: u64,
    /// What the log said, where it had to be asked.
    #[serde(default)]
    pub rescan: Option<Rescan>,
    /// By application, in the plan's order.
    pub apps: Vec<AppLedger>,
    /// Whether offered = sent + unsent and sent = acked + failed + unknown.
    pub closes: bool,
}

impl LedgerReport {
    /// Events that were acknowledged and are missing for some application: each counts once, for
    /// however many it is missing. Of an older result the least that it can be.
    #[must_use]
    pub fn missing(&self) -> u64 {
        let least = || self.apps.iter().map(|app| app.missing).max().unwrap_or(0);
        self.missing_events.unwrap_or_else(least)
    }

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
        let not_written = self.failed + self.unknown_not_written - self.failed_written;
        for (count, what) in [
            (not_written, "events were sent and not written"),
            (self.failed_written, "events were said to be not written and are in the log"),
        ] {
            if count > 0 {
                faults.push(format!("{count} {what}"));
            }
        }
        if self.unknown_unsettled > 0 {
            faults.push(format!(
                "{} events timed out, and whether they were written is not settled: {}",
                self.unknown_unsettled,
                self.why_unsettled()
            ));
        }
        if self.lost > 0 {
            faults.push(format!(
                "{} acknowledged events were never in the log{}",
                self.lost,
                listed(self.lost, &self.lost_named)
            ));
        }
        for (app, name) in self.apps.iter().zip(names) {
            self.app_faults(app, name, &mut faults);
        }
        faults
    }

    fn app_faults(&self, app: &AppLedger, name: &str, faults: &mut Vec<String>) {
        if app.skipped > 0 {
            faults.push(format!(
                "{name}: {} acknowledged events are missing: they are in the log, and it was not \
                 given them{}",
                app.skipped,
                listed(app.skipped, &app.skipped_named)
            ));
        }
        if app.missing_unsettled > 0 {
            faults.push(format!(
                "{name}: {} acknowledged events are missing, and whether they are in the log is \
                 not settled: {}",
                app.missing_unsettled,
                self.why_unsettled()
            ));
        }
        for (count, what) in [
            (app.skipped_unacked, "events are in the log without an acknowledgement, and unread"),
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

    fn why_unsettled(&self) -> &str {
        self.rescan
            .as_ref()
            .and_then(|rescan| rescan.cut_short.as_deref())
            .unwrap_or("the log was not read again")
    }
}

impl Ledger {
    /// The sums, and all that is wrong with them. Call it when nothing is on its way any more.
    #[must_use]
    pub fn close(&self) -> LedgerReport {
        close(self)
    }
}

fn close(ledger: &Ledger) -> LedgerReport {
    let mut report = LedgerReport {
        apps: ledger.apps.iter().map(counted).collect(),
        second_outcomes: ledger.second_outcomes.load(Ordering::Acquire),
        rescan: ledger.rescan(),
        ..LedgerReport::default()
    };
    let mut missing_events = 0;
    let whole = report.rescan.as_ref().is_some_and(|rescan| rescan.cut_short.is_none());
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
            let due = below(offered, word);
            report.unresolved += ones(due & !ended);
            let in_log = shard.in_log(word);
            let absent = if whole { due & !in_log } else { 0 };
            let mut seen_by_all = u64::MAX;
            for (app, seen) in report.apps.iter_mut().zip(&shard.seen) {
                let seen = seen.word(word);
                seen_by_all &= seen;
                app.seen += ones(seen);
                app.seen_unacked += ones(seen & !acked);
                app.missing += ones(acked & !seen);
                name(&mut app.missing_named, number, word, acked & !seen);
                app.skipped += ones(acked & !seen & in_log);
                name(&mut app.skipped_named, number, word, acked & !seen & in_log);
                app.missing_unsettled += ones(acked & !seen & !in_log & !absent);
                app.skipped_unacked += ones(in_log & !acked & !seen);
            }
            missing_events += ones(acked & !seen_by_all);
            report.unknown_written += ones(unknown & in_log);
            report.unknown_not_written += ones(unknown & absent);
            report.unknown_unsettled += ones(unknown & !in_log & !absent);
            report.failed_written += ones(shard.failed.word(word) & in_log);
            report.unresolved_written += ones(due & !ended & in_log);
            report.lost += ones(acked & absent);
            name(&mut report.lost_named, number, word, acked & absent);
        }
    }
    report.missing_events = Some(missing_events);
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

fn name(named: &mut Vec<Slots>, shard: u16, word: u64, mut bits: u64) {
    while bits != 0 && named.len() < NAMED {
        named.push(Slots { shard, seq: word * 64 + u64::from(bits.trailing_zeros()) });
        bits &= bits - 1;
    }
}

/// ` (shard/number, …)` of the named, with dots where there are more.
fn listed(count: u64, named: &[Slots]) -> String {
    let mut text: Vec<String> =
        named.iter().map(|slot| format!("{}/{}", slot.shard, slot.seq)).collect();
    if count > named.len() as u64 {
        text.push("…".to_owned());
    }
    format!(" ({})", text.join(", "))
}
