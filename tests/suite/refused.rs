//! Events that the client's full queue refuses. They are counted and flagged, and nothing else is
//! wrong for their sake: the books are about what was taken, as the applications are.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::probe::Probe;
use crate::runs::{constant, run_with};
use crate::world::{Kind, World};
use kbench::client::loopback::hooks::{LoopbackHooks, WriteHook};
use kbench::plan::sweep::PointSettings;
use kbench::result::sweep::limit::Bottleneck;
use kbench::result::sweep::points::summarize;
use kbench::result::{RunResult, Saved, Trial};

/// Places without a broker, where faults can be planted.
const LOOPBACK: &[Kind] = &[Kind::Loopback];

pub fn probes() -> Vec<Probe> {
    vec![
        Probe::new("refused::one_event_in_twenty_leaves_a_valid_run", one_in_twenty)
            .only(LOOPBACK)
            .alone(),
        Probe::new("refused::what_the_client_rejects_is_the_only_reason", rejected).only(LOOPBACK),
        Probe::new("refused::whole_sessions_and_their_openings", openings).only(LOOPBACK),
    ]
}

/// Short sessions, many of them planted, from two producers.
fn scenario() -> String {
    let mut text = constant(2_000, 3, "poisson").replace("[load]", "[load]\nproducers = 2");
    text.push_str("[population]\nusers = 2_000\nthink_median = \"50ms\"\nsession_length = 4\n");
    text.push_str(
        "[population.fraud]\ncard_testing = 0.2\nbot_velocity = 2.0\nhigh_value_burst = 0.2\n",
    );
    text.push_str("account_takeover = 1.0\n");
    text
}

/// The same slots for every run: those whose scattered number falls below so many percent.
fn some(percent: u64, fault: WriteHook) -> HashMap<(u16, u64), WriteHook> {
    let all = (0..2_u16).flat_map(|shard| (0..8_000_u64).map(move |seq| (shard, seq)));
    let chosen = all.filter(|(shard, seq)| {
        let mut bits = (seq << 1 | u64::from(*shard)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        bits = (bits ^ bits >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (bits >> 32) % 100 < percent
    });
    chosen.map(|slot| (slot, fault)).collect()
}

/// What the applications came to is what the books say, and the books are whole.
fn assert_agrees(result: &RunResult) {
    for check in &result.checks {
        assert!(check.agrees(), "{}: books {}, {:?}", check.what, check.books, check.apps);
    }
    let sessions = result.checks.iter().find(|check| check.what == "sessions").unwrap();
    assert!(sessions.apps.iter().flatten().count() >= 2, "{sessions:?}");
    let books = &result.books;
    assert_eq!(books.by_type.iter().sum::<u64>(), books.events);
    assert_eq!(books.sessions_by_persona.iter().sum::<u64>(), books.sessions);
    // Each planted session of which an event was taken is listed by its number, and counted once.
    let planted: u64 = books.fraud.iter().map(|planted| planted.sessions).sum();
    assert_eq!(planted, books.planted.len() as u64);
    assert!(planted > 20, "{planted}");
}

fn one_in_twenty(world: &World) {
    let faults = LoopbackHooks { write: some(5, WriteHook::Full), ..LoopbackHooks::default() };
    let result = run_with(world, &scenario(), faults);
    let ledger = &result.ledger;
    assert!((200..400).contains(&ledger.unsent), "{}", ledger.unsent);
    assert_eq!(ledger.acked + ledger.unsent, ledger.offered);
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    let words = format!("client limited: {} events", ledger.unsent);
    assert!(result.verdict.flags.iter().any(|flag| flag.starts_with(&words)), "{words}");
    assert_agrees(&result);
    assert_eq!(limit_in_a_sweep(result), Bottleneck::Client);
}

/// What a sweep says of a point that has this one run. What a busy host did to the run comes
/// first, and is not a question here.
fn limit_in_a_sweep(mut result: RunResult) -> Bottleneck {
    let watch = &mut result.watch;
    (watch.late_share, watch.slip_p99_ns, watch.ceiling_per_s) = (0.0, None, None);
    (watch.throttled_share, watch.steal_share, watch.debug_build) = (None, None, false);
    let point = PointSettings::default();
    result.trial = Some(Trial { sweep: "s".to_owned(), point, repeat: 0, place: 0 });
    let points = summarize(&[Saved { folder: PathBuf::from("r"), result }]);
    points[0].limit.clone()
}

/// Half of all events, so that many sessions lose their opening one and some lose all.
fn openings(world: &World) {
    let faults = LoopbackHooks { write: some(50, WriteHook::Full), ..LoopbackHooks::default() };
    let result = run_with(world, &scenario(), faults);
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    assert!(result.ledger.unsent * 5 > result.ledger.offered * 2);
    assert_agrees(&result);
}

/// An event that the client will never take was not written, and that alone is said.
fn rejected(world: &World) {
    let faults = LoopbackHooks { write: some(5, WriteHook::Reject), ..LoopbackHooks::default() };
    let result = run_with(world, &scenario(), faults);
    let failed = result.ledger.failed;
    assert!((200..400).contains(&failed), "{failed}");
    assert_eq!(result.verdict.reasons, [format!("{failed} events were sent and not written")]);
    assert_eq!(result.failures["planted: rejected"], failed);
    assert_agrees(&result);
}
