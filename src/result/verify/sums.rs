//! The ledger's sums, the books against the applications, the verdict, and the thresholds.

use super::{Audit, is_ours};
use crate::event::EventType;
use crate::measure::ledger::{AppLedger, LedgerReport};
use crate::result::compare::thresholds_again;
use crate::result::end_lag::EndLag;
use crate::result::{Check, RunResult};

/// How many slots of a kind the ledger names.
const NAMED: u64 = 10;

/// Recomputes all of them.
pub(super) fn check(result: &RunResult, audit: &mut Audit) {
    ledger(&result.ledger, audit);
    for (app, name) in result.ledger.apps.iter().zip(&result.apps) {
        app_ledger(app, &result.ledger, &format!("ledger.apps.{}", name.name), audit);
    }
    audit.same("ledger.apps", result.ledger.apps.len(), result.apps.len());
    books(result, audit);
    checks(result, audit);
    partitions(result, audit);
    verdict(result, audit);
    thresholds(result, audit);
    audit.same("watch.unsent", result.watch.unsent, result.ledger.unsent);
}

fn ledger(ledger: &LedgerReport, audit: &mut Audit) {
    let ended = ledger.acked + ledger.failed + ledger.unknown;
    audit.same("ledger.sent", ledger.sent, ledger.offered.saturating_sub(ledger.unsent));
    let closes = ledger.second_outcomes == 0
        && ledger.unresolved == 0
        && ledger.offered == ledger.unsent + ended;
    audit.same("ledger.closes", ledger.closes, closes);
    // Every slot has one outcome at most unless one has two.
    if ledger.second_outcomes == 0 && closes {
        let left = ledger.offered.saturating_sub(ledger.unsent + ended);
        audit.same("ledger.unresolved", ledger.unresolved, left);
    }
    let settled = ledger.unknown_written + ledger.unknown_not_written + ledger.unknown_unsettled;
    audit.same("ledger.unknown", ledger.unknown, settled);
    for (figure, part, whole) in [
        ("ledger.failed_written", ledger.failed_written, ledger.failed),
        ("ledger.unresolved_written", ledger.unresolved_written, ledger.unresolved),
        ("ledger.lost", ledger.lost, ledger.acked),
    ] {
        audit.require(figure, part <= whole, part, format!("{whole} at most"));
    }
    if let Some(missing) = ledger.missing_events {
        let each = || ledger.apps.iter().map(|app| app.missing);
        let (least, most) = (each().max().unwrap_or(0), each().sum::<u64>());
        let holds = (least..=most).contains(&missing);
        let expected = format!("{least} to {most}, by what each application misses");
        audit.require("ledger.missing_events", holds, missing, expected);
    }
    let named = ledger.lost_named.len() as u64;
    audit.same("ledger.lost_named", named, ledger.lost.min(NAMED));
    if let Some(rescan) = &ledger.rescan {
        // A log that was not read as a whole settles nothing that it was not found in.
        let is_whole = rescan.cut_short.is_none();
        let open = ledger.unknown_unsettled;
        audit.require("ledger.unknown_unsettled", !is_whole || open == 0, open, "0");
    } else {
        let settled = ledger.lost + ledger.unknown_not_written;
        audit.require("ledger.lost", settled == 0, settled, "0: the log was not read again");
    }
}

fn app_ledger(app: &AppLedger, ledger: &LedgerReport, name: &str, audit: &mut Audit) {
    let seen = (ledger.acked + app.seen_unacked).checked_sub(app.missing);
    audit.same(format!("{name}.seen"), Some(app.seen), seen);
    let missing = app.skipped + app.missing_unsettled + ledger.lost;
    audit.same(format!("{name}.missing"), app.missing, missing);
    for (figure, named, count) in [
        ("missing_named", app.missing_named.len(), app.missing),
        ("skipped_named", app.skipped_named.len(), app.skipped),
    ] {
        audit.same(format!("{name}.{figure}"), named as u64, count.min(NAMED));
    }
    let most = ledger.offered.saturating_sub(ledger.acked);
    for (figure, count) in
        [("seen_unacked", app.seen_unacked), ("skipped_unacked", app.skipped_unacked)]
    {
        audit.require(format!("{name}.{figure}"), count <= most, count, format!("{most} at most"));
    }
}

/// The books in themselves, and beside the ledger: what was taken was booked.
fn books(result: &RunResult, audit: &mut Audit) {
    let books = &result.books;
    let by_type: u64 = books.by_type.iter().sum();
    audit.same("books.by_type", by_type, books.events);
    let of = |kind: EventType| books.by_type[kind.index()];
    audit.same("books.carts", books.carts, of(EventType::AddToCart));
    audit.same("books.purchases", books.purchases, of(EventType::Purchase));
    // Events of a recording have no persona that is known.
    if result.recording.is_none() {
        for (figure, parts, whole) in [
            ("by_persona", books.by_persona, books.events),
            ("sessions_by_persona", books.sessions_by_persona, books.sessions),
            ("purchases_by_persona", books.purchases_by_persona, books.purchases),
        ] {
            audit.same(format!("books.{figure}"), parts.iter().sum::<u64>(), whole);
        }
    }
    if result.verdict.valid {
        let ledger = &result.ledger;
        audit.same("books.events", books.events, ledger.acked + ledger.unknown_written);
    }
    for (place, app) in result.apps.iter().enumerate() {
        let Some(summary) = &app.summary else { continue };
        let (totals, name) = (&summary.totals, format!("apps.{}.summary.totals", app.name));
        audit.same(format!("{name}.by_type"), totals.by_type.iter().sum::<u64>(), totals.events);
        audit.same(format!("apps.{}.summary.app", app.name), &summary.app, &app.name);
        let kept = summary.flags.len() as u64;
        let name = format!("apps.{}.flags", app.name);
        audit.require(
            name,
            kept == app.flags.min(100),
            app.flags,
            format!("{kept}, or more than the 100 that are kept"),
        );
        if let Some(ledger) = result.ledger.apps.get(place).filter(|_| result.verdict.valid) {
            audit.same(format!("apps.{}.summary.totals", app.name), totals.events, ledger.seen);
        }
    }
}

/// What the books and each application count, in the order of the table.
fn checks(result: &RunResult, audit: &mut Audit) {
    let is_keyed = result.recording.as_ref().is_none_or(|recording| recording.other_keys == 0);
    let books = &result.books;
    let mut rows: Vec<(&str, u64, Vec<Option<u64>>)> = Vec::new();
    let totals = || result.apps.iter().map(|app| app.summary.as_ref().map(|it| &it.totals));
    rows.push((
        "events",
        books.events,
        totals().map(|totals| totals.map(|totals| totals.events)).collect(),
    ));
    let kinds = ["page_view", "click", "search", "add_to_cart", "purchase"];
    for (place, kind) in kinds.into_iter().enumerate() {
        let apps = totals().map(|totals| totals.map(|totals| totals.by_type[place]));
        rows.push((kind, books.by_type[place], apps.collect()));
    }
    let apps = totals().map(|totals| totals.map(|totals| totals.revenue_cents));
    rows.push(("revenue in cents", books.revenue_cents, apps.collect()));
    let apps = totals().map(|totals| totals.map(|totals| totals.carts));
    rows.push(("products put into carts", books.carts, apps.collect()));
    let apps = totals().map(|totals| totals.map(|totals| totals.purchases));
    rows.push(("products bought", books.purchases, apps.collect()));
    let apps =
        totals().map(|totals| totals.and_then(|totals| totals.sessions.filter(|_| is_keyed)));
    rows.push(("sessions", books.sessions, apps.collect()));
    if is_ours(result) {
        audit.same("checks", result.checks.len(), rows.len());
    }
    for Check { what, books, apps, differences } in &result.checks {
        let Some(row) = rows.iter().find(|row| row.0 == what) else {
            audit.fault(format!("checks.{what}.what"), what, "something that is counted");
            continue;
        };
        audit.same(format!("checks.{what}.books"), *books, row.1);
        audit.same(format!("checks.{what}.apps"), apps, &row.2);
        let less = |count: &Option<u64>| count.map(|count| i128::from(count) - i128::from(row.1));
        let less: Vec<Option<i128>> = row.2.iter().map(less).collect();
        // Older results have none.
        if is_ours(result) || !differences.is_empty() {
            let says: Vec<_> = differences.iter().map(|it| it.map(i128::from)).collect();
            audit.same(format!("checks.{what}.differences"), says, less);
        }
    }
}

fn partitions(result: &RunResult, audit: &mut Audit) {
    let sum: u64 = result.partitions.iter().map(|partition| partition.records).sum();
    if result.verdict.valid {
        audit.same("partitions.records", sum, result.ledger.acked);
    }
    audit.same("partitions", result.partitions.len(), result.broker.topic.partitions);
    for (place, partition) in result.partitions.iter().enumerate() {
        audit.same(format!("partitions[{place}].partition"), partition.partition, place);
        let share = if sum == 0 { 0.0 } else { partition.records as f64 / sum as f64 };
        audit.near(format!("partitions[{place}].share"), partition.share, share);
    }
}

/// What the verdict must hold, by the figures. It may hold more: what went wrong with a loop, or
/// what a process said at its end, follows from no figure.
fn verdict(result: &RunResult, audit: &mut Audit) {
    let verdict = &result.verdict;
    audit.same("verdict.valid", verdict.valid, verdict.reasons.is_empty());
    let names: Vec<&str> = result.apps.iter().map(|app| app.name.as_str()).collect();
    let mut reasons = result.ledger.faults(&names);
    reasons.extend(result.end_lag.iter().flat_map(EndLag::faults));
    let is_wrong = result.checks.iter().any(|check| !check.agrees());
    if !reasons.is_empty() || is_wrong {
        let why = reasons.first().map_or("books and applications differ", String::as_str);
        audit.require("verdict.valid", !verdict.valid, verdict.valid, format!("false: {why}"));
    }
    if !is_ours(result) {
        return;
    }
    let flags = result.flags_told();
    for (figure, expected, there) in
        [("verdict.reasons", reasons, &verdict.reasons), ("verdict.flags", flags, &verdict.flags)]
    {
        for line in expected {
            let says = format!("{} lines without it", there.len());
            audit.require(figure, there.contains(&line), says, line);
        }
    }
}

fn thresholds(result: &RunResult, audit: &mut Audit) {
    let names: Vec<&str> = result.apps.iter().map(|app| app.name.as_str()).collect();
    let again = thresholds_again(&result.thresholds, &names, result);
    for (saved, again) in result.thresholds.iter().zip(again) {
        let name = format!("thresholds.{}", saved.metric);
        // What has no end is not a number in JSON.
        let is = again.actual.filter(|actual| actual.is_finite());
        audit.same(format!("{name}.actual"), saved.actual.filter(|it| it.is_finite()), is);
        audit.same(format!("{name}.passed"), saved.passed, again.passed);
        if is_ours(result) {
            audit.same(format!("{name}.shown"), &saved.shown, &again.shown);
        }
    }
    let planned = result.plan["thresholds"].as_array().map_or(0, Vec::len);
    audit.same("thresholds", result.thresholds.len(), planned);
    for (saved, planned) in
        result.thresholds.iter().zip(result.plan["thresholds"].as_array().into_iter().flatten())
    {
        audit.same("thresholds.metric", Some(saved.metric.as_str()), planned["metric"].as_str());
        audit.same("thresholds.expected", Some(saved.expected.as_str()), planned["text"].as_str());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::ledger::Slots;

    /// Of 100 acknowledged events an application has seen 80.
    #[test]
    fn what_is_missing_is_skipped_unsettled_or_lost() {
        let named = |count: u64| (0..count).map(|seq| Slots { shard: 0, seq }).collect::<Vec<_>>();
        let ledger = LedgerReport { offered: 100, sent: 100, acked: 100, ..Default::default() };
        let found = |skipped: u64, missing_unsettled: u64| {
            let app = AppLedger {
                seen: 80,
                missing: 20,
                missing_named: named(10),
                skipped,
                skipped_named: named(skipped.min(10)),
                missing_unsettled,
                ..AppLedger::default()
            };
            let mut audit = Audit::default();
            app_ledger(&app, &ledger, "fraud", &mut audit);
            audit.faults.into_iter().map(|fault| fault.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(found(15, 5), Vec::<String>::new());
        assert_eq!(found(14, 5), ["fraud.missing says 20; recomputed: 19"]);
        assert_eq!(found(15, 6), ["fraud.missing says 20; recomputed: 21"]);
    }
}
