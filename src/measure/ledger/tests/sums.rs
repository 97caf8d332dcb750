//! The sums and what is said of them, where each summand counts by itself.

use super::*;

#[test]
fn ten_are_named_and_dots_stand_for_the_rest() {
    let named = |count| {
        let ledger = acked(1, 2, count);
        let all: Vec<Stamp> = (0..count).map(|seq| stamp(0, seq)).collect();
        read(&ledger, 0, &all);
        ledger.close().faults(&["a", "b"]).concat()
    };
    let ten = "0/0, 0/1, 0/2, 0/3, 0/4, 0/5, 0/6, 0/7, 0/8, 0/9";
    assert!(named(10).ends_with(&format!("not given them ({ten})")), "{}", named(10));
    assert!(named(11).ends_with(&format!("not given them ({ten}, …)")), "{}", named(11));
}

#[test]
fn the_offered_are_the_unsent_the_acknowledged_the_failed_and_the_unknown() {
    use Outcome::{Acked, Failed, Unknown};
    let ledger = Ledger::new(RUN, 1, 0);
    ledger.offered(0, 10);
    ledger.unsent(0, 0);
    let outcomes = [Acked, Acked, Failed, Failed, Failed, Unknown, Unknown, Unknown, Unknown];
    (1..).zip(outcomes).for_each(|(seq, outcome)| ledger.outcome(&stamp(0, seq), outcome));
    let report = ledger.close();
    let sums = (report.offered, report.sent, report.unsent, report.acked, report.failed);
    assert_eq!((sums, report.unknown, report.closes), ((10, 9, 1, 2, 3), 4, true));
}

#[test]
fn a_slot_with_two_outcomes_is_none_without_any() {
    use Outcome::{Acked, Failed, Unknown};
    let ledger = Ledger::new(RUN, 1, 0);
    ledger.offered(0, 3);
    for (seq, outcome) in [(0, Acked), (0, Unknown), (1, Unknown), (1, Failed), (2, Failed)] {
        ledger.outcome(&stamp(0, seq), outcome);
    }
    ledger.unsent(0, 2);
    let report = ledger.close();
    assert_eq!((report.unresolved, report.closes), (0, false));
}

#[test]
fn whatever_is_in_doubt_asks_for_the_log_by_itself() {
    let timed_out = acked(1, 0, 1);
    timed_out.offered(0, 2);
    timed_out.outcome(&stamp(0, 1), Outcome::Unknown);
    assert!(timed_out.needs_rescan() && timed_out.has_unknown());
    let unanswered = acked(1, 0, 1);
    unanswered.offered(0, 2);
    assert!(unanswered.needs_rescan() && !unanswered.has_unknown());
    let unread = acked(1, 1, 1);
    assert!(unread.needs_rescan() && !unread.has_unknown());
}

#[test]
fn what_can_not_be_read_is_a_fault_of_the_application_that_got_it() {
    let ledger = acked(1, 2, 1);
    (0..2).for_each(|app| drop(read(&ledger, app, &[stamp(0, 0)])));
    for app in [1, 1, 2] {
        ledger.corrupt(app);
    }
    assert_eq!(ledger.close().faults(&["a", "b"]), ["b: 2 events can't be read"]);
}
