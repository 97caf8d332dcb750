use crate::run::observe::process;
use std::cell::Cell;
use std::fs;

use super::*;

const S: u64 = 1_000_000_000;

/// What a measured part of a moment came to: the sampler's fields are planted, and what it
/// reads is a cgroup of our own.
fn seen(acked: u64, before: impl FnOnce(&mut Sampler), after: impl FnOnce()) -> WatchSeen {
    let clock = SystemClock::start();
    let roster = Arc::new(ThreadRegistry::default());
    let brokers = LocalBrokers { pids: vec![1], ..LocalBrokers::default() };
    let mut sampler = Sampler::new(&clock, 0, 0..u64::MAX, roster, brokers);
    sampler.groups.clear();
    before(&mut sampler);
    sampler.tick(&clock, || (7.0, 1_000));
    let open = sampler.open.as_mut().unwrap();
    open.broker_s = open.broker_s.map(|now_s| now_s - 3.0);
    // The memory of a minute and a half: it grows by 5 MB/s.
    open.memory = (0..90).map(|at| (f64::from(at), 1e8 + 5e6 * f64::from(at))).collect();
    // Since a moment at which the machine had not run yet.
    open.host = open.host.before_all_ticks();
    after();
    sampler.finish(&clock, (9.0, acked))
}

#[test]
fn what_was_looked_at_is_what_is_seen() {
    let group = tempfile::tempdir().unwrap();
    let stat = |periods: u32, throttled: u32| {
        let text = format!("nr_periods {periods}\nnr_throttled {throttled}\n");
        fs::write(group.path().join("cpu.stat"), text).unwrap();
    };
    stat(100, 10);
    let plant = |sampler: &mut Sampler| sampler.groups.push(group.path().to_owned());
    let work = || {
        let from_s = process::cpu_s();
        super::super::process::tests::work_until(|| process::cpu_s() >= from_s + 0.02);
    };
    let seen = seen(5_000, plant, || {
        stat(300, 60);
        work();
    });
    assert_eq!(seen.throttled_share, Some(0.25));
    let machine = HostLook::take(&[]);
    assert_eq!(seen.steal_share.is_some(), machine.steal_share(&HostLook::new_born()).is_some());
    assert!(seen.steal_share.is_none_or(|share| (0.0..1.0).contains(&share)), "{seen:?}");
    let growth = seen.memory_growth.unwrap();
    assert!((growth.bytes_per_s - 5e6).abs() < 1.0, "{growth:?}");
    assert!(seen.most_waiting.is_some() && !seen.cpu.is_empty(), "{seen:?}");
    assert!(seen.busiest.as_ref().is_some_and(|busiest| busiest.share > 0.0), "{seen:?}");
}

/// 2 s of CPU and 3 s of the broker's for the 4,000 events that were acknowledged meanwhile,
/// not for the 5,000 that were ever.
#[test]
fn cpu_is_of_the_measured_part_for_each_event_acknowledged_in_it() {
    let without = seen(1_000, |_| {}, || {}).broker_cpu.unwrap();
    assert_eq!(without.cpu_us_per_event, None, "no event");
    let seen = seen(5_000, |_| {}, || {});
    assert_eq!((seen.cost.us_per_event, seen.cost.measured_s), (Some(500.0), Some(2.0)));
    let broker = seen.broker_cpu.unwrap();
    assert!((3.0..3.4).contains(&broker.cpu_s), "{broker:?}");
    assert!((750.0..850.0).contains(&broker.cpu_us_per_event.unwrap()), "{broker:?}");
    let kind = seen.cpu.iter().find(|row| row.cpu_s > 0.0);
    if let Some(kind) = kind {
        let expected = kind.cpu_s * 1e6 / 4_000.0;
        assert!((kind.cpu_us_per_event.unwrap() - expected).abs() < 1e-6, "{kind:?}");
    }
}

/// A sampler at a time that the test sets, which counts its looks.
fn planned(start_ns: u64, measured: Range<u64>) -> Sampler {
    let (clock, roster) = (SystemClock::start(), Arc::default());
    let mut sampler = Sampler::new(&clock, start_ns, measured, roster, LocalBrokers::default());
    sampler.cost = Cost::new(0, start_ns);
    sampler
}

#[test]
fn a_look_is_a_second_after_the_last_and_one_at_the_begin_of_the_measured_part() {
    let mut sampler = planned(2 * S, 10 * S..12 * S);
    let looks = Cell::new(0);
    for (at_ns, looks_until, held) in [
        (S, 1, None),
        (2 * S - 1, 1, None),
        (2 * S, 2, None),
        (9 * S + S / 2, 3, None),
        (10 * S - 1, 3, None),
        (10 * S, 4, Some(1)),
        (11 * S - 1, 4, Some(1)),
        (11 * S, 5, Some(2)),
    ] {
        let look = || {
            looks.set(looks.get() + 1);
            0
        };
        sampler.tick_at(at_ns, look, || (0.0, 0));
        let memory = sampler.open.as_ref().map(|open| open.memory.len());
        assert_eq!((looks.get(), memory), (looks_until, held), "at {at_ns}");
    }
    let memory = sampler.open.unwrap().memory;
    assert_eq!((memory[0].0, memory[1].0), (0.0, 1.0), "seconds since the first look");
    assert!(memory.iter().all(|(_, bytes)| *bytes > 100_000.0), "{memory:?}");
}

#[test]
fn what_is_measured_begins_before_its_end_or_not_at_all() {
    for (at_ns, begins) in [(12 * S - 1, true), (12 * S, false), (13 * S, false)] {
        let mut sampler = planned(2 * S, 10 * S..12 * S);
        sampler.tick_at(at_ns, || 0, || (0.0, 0));
        assert_eq!(sampler.open.is_some(), begins, "at {at_ns}");
    }
}

/// 20 ms in the second between the looks, and nothing measured.
#[test]
fn what_is_seen_before_the_measured_part_is_told_without_it() {
    let mut sampler = planned(2 * S, 10 * S..12 * S);
    sampler.tick_at(S / 2, || 30, || (1.0, 0));
    sampler.tick_at(3 * S / 2, || 30, || (1.02, 0));
    let seen = sampler.finish_at(2 * S, -40, (1.02, 0));
    let idle = seen.cost.idle_ms_per_s.unwrap();
    assert!((idle - 20.0).abs() < 1e-6, "{idle}");
    assert_eq!((seen.wall_step_max_us, seen.cost.measured_s), (-70, None));
}

#[test]
fn the_wall_clock_is_off_by_what_it_was_set_and_the_quickest_look_says_so() {
    let off_us = wall_off_us(&SystemClock::start_set_ahead(5_000_000));
    assert!((4_900_000..5_100_000).contains(&off_us), "{off_us}");
    assert_eq!(quickest([(0, 30, 7), (100, 110, -2), (200, 220, 5)].into_iter()), -2);
}
