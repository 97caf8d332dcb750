//! What a population notes of how its sessions lived.

use super::crowds::plan;
use super::*;
use crate::plan::{Arrivals, HotPlan, LoadPlan, PhasePlan, RateSegment, Shape};

/// A load of constant rates, each for so many seconds.
fn load(population: PopulationPlan, phases: &[(f64, u64)], hot: Option<HotPlan>) -> Plan {
    let phase = |(place, (rate_per_s, s)): (usize, &(f64, u64))| PhasePlan {
        name: place.to_string(),
        warmup: false,
        segments: vec![RateSegment {
            duration_ns: s * S,
            shape: Shape::Linear { from_per_s: *rate_per_s, to_per_s: *rate_per_s },
        }],
        hot,
        sale: None,
    };
    let load = LoadPlan {
        producers: 2,
        arrivals: Arrivals::Poisson,
        tick_ns: 0,
        phases: phases.iter().enumerate().map(phase).collect(),
        replay: None,
    };
    Plan { load, population, ..plan() }
}

/// What became of it over all shards.
fn lived(population: PopulationPlan, phases: &[(f64, u64)], hot: Option<HotPlan>) -> SessionStats {
    let plan = load(population, phases, hot);
    let schedule = crate::load::schedule::Schedule::new(&plan.load, plan.seed);
    let mut all = SessionStats::default();
    for (shard, mut generator) in (0..).zip(Generator::for_shards(&plan)) {
        for slot in schedule.shard(shard) {
            generator.next(slot.due_ns);
        }
        all.merge(generator.stats());
    }
    all
}

fn near(found: f64, expected: f64, share: f64) {
    assert!((found / expected - 1.0).abs() < share, "{found} for {expected}");
}

#[test]
fn with_sessions_enough_all_is_as_configured() {
    let lived = lived(population(), &[(1_000.0, 60)], None);
    let stats = lived.of(0).unwrap();
    // 8 s e^0.5 on average, and eleven of twelve events come after a pause.
    let needed = 1_000.0 * 8.0 * libm::exp(0.5) * 11.0 / 12.0;
    near(stats.needed(), needed, 0.01);
    near(stats.alive(), needed, 0.01);
    near(stats.hurry().unwrap(), 1.0, 0.01);
    near(stats.hurry_most(), 1.0, 0.05);
    near(stats.length().unwrap(), 12.0, 0.03);
    near(lived.pause_p50_s(0).unwrap(), 8.0, 0.02);
    // One event in twelve is a session's first, and as many come as go.
    near(stats.begun as f64, 60_000.0 / 12.0, 0.05);
    near(stats.ended as f64, 60_000.0 / 12.0, 0.05);
    assert!(lived.of(1).is_none());
}

#[test]
fn with_too_few_pauses_are_shorter_by_what_is_missing() {
    let few = PopulationPlan { users: 20_000, sessions_max: 4_000, ..population() };
    let lived = lived(few, &[(200.0, 60), (1_000.0, 60)], None);
    let hurry = 1_000.0 * 8.0 * libm::exp(0.5) * 11.0 / 12.0 / 4_000.0;
    let [calm, rush] = [0, 1].map(|phase| lived.of(phase).unwrap());
    near(calm.hurry().unwrap(), 1.0, 0.02);
    near(calm.hurry_most(), 1.0, 0.1);
    near(calm.needed(), 4_000.0 * hurry / 5.0, 0.02);
    near(rush.hurry_most(), hurry, 0.05);
    near(rush.alive(), 4_000.0, 0.02);
    near(lived.pause_p50_s(1).unwrap(), 8.0 / hurry, 0.03);
    // The pauses that began before it are among those that end in it.
    let made = rush.hurry().unwrap();
    assert!(made < hurry && made > 0.85 * hurry, "{made} of {hurry}");
}

#[test]
fn who_is_closed_while_pausing_makes_no_pause_longer() {
    // Nine in ten go at the border, in the middle of a pause.
    let lived = lived(population(), &[(1_000.0, 20), (100.0, 40)], None);
    near(lived.pause_p50_s(0).unwrap(), 8.0, 0.04);
    near(lived.pause_p50_s(1).unwrap(), 8.0, 0.05);
}

#[test]
fn planted_sessions_and_hot_users_are_left_out() {
    let planted = PopulationPlan { fraud: [0.0, 0.002, 0.0, 0.0], ..population() };
    let hot = HotPlan { users: 4, share: 0.25 };
    let lived = lived(planted, &[(1_000.0, 30)], Some(hot));
    let stats = lived.of(0).unwrap();
    let all = 30_000.0;
    assert!(stats.events as f64 / all < 0.745, "{}", stats.events);
    // A bot views several pages a second; its share of the events is there after a while.
    near(stats.hurry().unwrap(), 1.0, 0.05);
    near(stats.length().unwrap(), 12.0, 0.06);
}

#[test]
fn of_events_that_stop_early_no_median_is_said() {
    let steady = [(100.0, 60)];
    assert!(lived(population(), &steady, None).pause_p50_s(0).is_some());
    let mut generator = Generator::for_shards(&load(population(), &steady, None)).remove(0);
    for seq in 0..3_000 {
        generator.next(seq * S / 100);
    }
    assert!(generator.stats().of(0).is_some());
    assert_eq!(generator.stats().pause_p50_s(0), None);
}
