//! What the population makes up, at its schedule and without one.

use super::*;
use crate::client::tests::planned;
use crate::plan::toml::source::ScenarioSource;
use crate::workers::produce::tests::{generator, load};

/// Fills a batch with up to `max` events; gives their numbers and due times in µs, and whether
/// there are no more.
fn filled(script: &mut Workload, max: usize, since_start_ns: u64) -> (Vec<(u64, u64)>, bool) {
    let mut batch = Batch::new(JSON);
    let place = |slot: Slot| {
        let stamp = Stamp { run: 1, shard: 0, seq: slot.seq, due_wall_us: 0 };
        (stamp, slot.due_ns)
    };
    let over = script.fill(&mut batch, max, since_start_ns, place);
    let events = (0..batch.len()).map(|index| (batch.stamp(index).seq, batch.due_ns(index)));
    (events.map(|(seq, due_ns)| (seq, due_ns / 1_000)).collect(), over)
}

#[test]
fn a_count_is_shared_among_the_producers_to_the_last_event() {
    let shares = |count| {
        let sending = Sending { count, unpaced: false };
        (0..4).map(|shard| sending.share(shard, 4)).collect::<Vec<_>>()
    };
    assert_eq!(shares(Some(10)), [3, 3, 2, 2]);
    assert_eq!(shares(Some(8)), [2; 4]);
    assert_eq!(shares(None), [u64::MAX; 4]);
}

#[test]
fn a_schedules_events_come_in_batches_until_as_many_are_made_as_shall_be() {
    let slots = Schedule::new(&load(100.0, 1), 1).shard(0).take(5);
    let mut script = Workload::Made { slots, generator: generator() };
    assert!(!script.waits());
    assert!(matches!(script.openings(), Openings::Made(_)));
    assert_eq!(filled(&mut script, 2, 0), (vec![(0, 5_000), (1, 15_000)], false));
    assert_eq!(filled(&mut script, 2, 0), (vec![(2, 25_000), (3, 35_000)], false));
    assert_eq!(filled(&mut script, 2, 0), (vec![(4, 45_000)], true));
}

#[test]
fn without_a_schedule_an_event_is_due_when_it_is_made() {
    let script = |until_ns| Workload::Unpaced { generator: generator(), seq: 0, left: 3, until_ns };
    let mut endless = script(u64::MAX);
    assert!(endless.waits());
    assert_eq!(filled(&mut endless, 2, 1_234_567), (vec![(0, 1_234), (1, 1_234)], false));
    assert_eq!(filled(&mut endless, 2, 2_000_000), (vec![(2, 2_000)], true));
    let mut short = script(2_000_000);
    assert_eq!(filled(&mut short, 1, 1_999_999), (vec![(0, 1_999)], false));
    assert_eq!(filled(&mut short, 1, 2_000_000), (vec![], true));
}

#[test]
fn each_producer_gets_its_own_slots_and_its_share_of_the_count() {
    let text = "name = \"crew\"\nseed = 1\n[load]\nrate_per_s = 300\nduration = \"2s\"\n\
                producers = 3\n[apps.analytics]\n";
    let source = ScenarioSource::new("crew.toml", text);
    let mut plan = planned(&source);
    plan.load = load(300.0, 3);
    let played = |unpaced| {
        let sending = Sending { count: Some(4), unpaced };
        let mut crew = Workload::for_shards(&plan, sending);
        crew.iter_mut().map(|script| filled(script, 64, 7_000).0).collect::<Vec<_>>()
    };
    // Slot n of all is due at (n + 1/2) / 300 s.
    let paced = [vec![(0, 1_667), (1, 11_667)], vec![(0, 5_000)], vec![(0, 8_333)]];
    assert_eq!(played(false), paced);
    assert_eq!(played(true), [vec![(0, 7), (1, 7)], vec![(0, 7)], vec![(0, 7)]]);
    let crew = Workload::for_shards(&plan, Sending { count: None, unpaced: true });
    let Workload::Unpaced { until_ns, left, .. } = &crew[2] else { unreachable!() };
    assert_eq!((*until_ns, *left), (10_000_000_000, u64::MAX));
}
