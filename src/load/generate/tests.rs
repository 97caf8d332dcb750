mod crowds;
mod golden;
mod lives;
mod visits;

use proptest::prelude::*;

use super::*;
use crate::event::Stamp;
use crate::event::format::JSON;
use crate::measure::verify::books::Books;
use crate::plan::Hurry;
use crate::plan::fraud;

use visits::Visits;

const ORIGIN_WALL_US: i64 = 1_767_225_600_000_000;
const S: u64 = 1_000_000_000;

/// A population as good as any: other tests change what they are about.
pub(crate) fn population() -> PopulationPlan {
    PopulationPlan::small()
}

/// Hands `count` events at an even rate to `see`.
fn drive(
    generator: &mut Generator,
    count: u64,
    rate_per_s: u64,
    mut see: impl FnMut(u64, &Draft<'_>),
) {
    for seq in 0..count {
        let due_ns = seq * S / rate_per_s / 1_000 * 1_000;
        see(due_ns, &generator.next(due_ns));
    }
}

fn shares(plan: &PopulationPlan, seed: u64, count: u64, rate_per_s: u64) -> [f64; 5] {
    let mut generator = Generator::new(plan, rate_per_s as f64, seed, 0, 1);
    let mut books = Books::default();
    drive(&mut generator, count, rate_per_s, |_, draft| {
        books.observe(&draft.facts);
    });
    books.by_type.map(|kind| kind as f64 / count as f64)
}

/// Parses every event and checks it against its session so far.
fn check_visits(population: &PopulationPlan, seed: u64, count: u64, rate_per_s: u64) -> Visits {
    let mut generator = Generator::new(population, rate_per_s as f64, seed, 0, 1);
    let mut visits = Visits::default();
    let mut out = Vec::new();
    let mut seq = 0;
    drive(&mut generator, count, rate_per_s, |due_ns, draft| {
        out.clear();
        let due_wall_us = ORIGIN_WALL_US + (due_ns / 1_000) as i64;
        JSON.encode(&Stamp { run: 1, shard: 0, seq, due_wall_us }, &draft.parts, &mut out);
        visits.see(&out, draft);
        seq += 1;
    });
    visits
}

#[test]
fn every_visit_makes_sense_at_any_rate() {
    for (count, rate_per_s) in [(120_000, 50), (1_000_000, 5_000), (120_000, 500_000)] {
        let visits = check_visits(&population(), 7, count, rate_per_s);
        let (carts, purchases) = (visits.carts, visits.purchases);
        assert!(carts > count / 48 && purchases > count / 134, "{rate_per_s}: {carts} {purchases}");
    }
}

#[test]
fn every_visit_makes_sense_when_products_and_users_are_few() {
    let small = PopulationPlan { users: 3, products: 1, sessions_max: 2, ..population() };
    check_visits(&small, 1, 20_000, 1_000);
    let large = PopulationPlan { users: 10_000_000, products: 5_000, ..population() };
    check_visits(&large, 2, 50_000, 10_000);
}

#[test]
fn the_mix_is_hit_within_half_a_point() {
    for (mix, session_length, rate_per_s) in [
        ([0.60, 0.25, 0.10, 0.03, 0.02], 12.0, 10_000),
        ([0.60, 0.25, 0.10, 0.03, 0.02], 12.0, 1_000_000),
        ([0.60, 0.25, 0.10, 0.03, 0.02], 12.0, 100),
        ([0.60, 0.25, 0.10, 0.03, 0.02], 2.0, 10_000),
        ([0.20, 0.20, 0.20, 0.20, 0.20], 12.0, 10_000),
        ([0.34, 0.00, 0.00, 0.33, 0.33], 12.0, 100_000),
        ([0.02, 0.00, 0.00, 0.49, 0.49], 12.0, 10_000),
        ([0.00, 0.00, 0.50, 0.50, 0.00], 4.0, 10_000),
        ([0.00, 1.00, 0.00, 0.00, 0.00], 12.0, 10_000),
        ([1.00, 0.00, 0.00, 0.00, 0.00], 1.0, 10_000),
        ([0.10, 0.20, 0.60, 0.05, 0.05], 30.0, 10_000),
        ([0.899, 0.10, 0.00, 0.001, 0.000_001], 12.0, 10_000),
    ] {
        let plan = PopulationPlan { mix, session_length, ..population() };
        let seen = shares(&plan, 3, 1_000_000, rate_per_s);
        for (seen, wanted) in seen.iter().zip(mix) {
            assert!((seen - wanted).abs() < 0.005, "{mix:?} at {rate_per_s}/s: {seen}");
        }
    }
}

#[test]
fn the_mix_is_near_after_ten_thousand_events_already() {
    let mix = population().mix;
    let seen = shares(&population(), 3, 10_000, 100);
    for (seen, wanted) in seen.iter().zip(mix) {
        assert!((seen - wanted).abs() < 0.015, "{seen} for {wanted}");
    }
}

#[test]
fn sessions_have_the_mean_length_and_end() {
    let mut generator = Generator::new(&population(), 1_000.0, 5, 0, 1);
    let mut books = Books::default();
    drive(&mut generator, 1_000_000, 1_000, |_, draft| {
        books.observe(&draft.facts);
    });
    let ended = books.sessions as f64 - generator.live_sessions() as f64;
    let length = 1e6 / ended;
    assert!((length - 12.0).abs() < 1.0, "{length}");
    // Little's law: 1,000/s times a mean think time of 8 s e^(1/2).
    let live = generator.live_sessions() as f64;
    assert!((live - 13_190.0).abs() < 1_500.0, "{live}");
}

#[test]
fn users_think_as_long_as_the_plan_says() {
    let mut generator = Generator::new(&population(), 500.0, 5, 0, 1);
    let mut last_ns = std::collections::HashMap::new();
    let mut think_s = Vec::new();
    drive(&mut generator, 200_000, 500, |due_ns, draft| {
        if let Some(before_ns) = last_ns.insert(draft.facts.session, due_ns) {
            think_s.push((due_ns - before_ns) as f64 / 1e9);
        }
    });
    think_s.sort_by(f64::total_cmp);
    let median_s = think_s[think_s.len() / 2];
    // Short thoughts are over-represented in a window that ends; and ready sessions queue a bit.
    assert!((median_s - 8.0).abs() < 0.6, "{median_s}");
}

#[test]
fn live_sessions_stay_below_the_limit() {
    for (users, sessions_max, most) in [(100_000, 500, 500), (100, 5_000, 75), (1, 10, 1)] {
        let plan = PopulationPlan { users, sessions_max, ..population() };
        let mut generator = Generator::new(&plan, 100_000.0, 1, 0, 1);
        let mut seen = 0;
        for seq in 0..20_000 {
            generator.next(seq * 10_000);
            seen = seen.max(generator.live_sessions());
        }
        assert_eq!(seen, most);
    }
}

#[test]
fn shards_have_users_and_sessions_of_their_own() {
    let mut sessions = std::collections::HashMap::new();
    for shard in 0..3 {
        let mut generator = Generator::new(&population(), 3_000.0, 9, shard, 3);
        drive(&mut generator, 30_000, 1_000, |_, draft| {
            assert_eq!(draft.facts.user % 3, u64::from(shard));
            assert!(draft.facts.user < 100_000);
            let owner = sessions.entry(draft.facts.session).or_insert(shard);
            assert_eq!(*owner, shard);
        });
    }
}

#[test]
fn personas_differ_as_their_names_say() {
    let mut counts = [[0.0; 5]; 3];
    let mut generator = Generator::new(&population(), 2_000.0, 4, 0, 1);
    drive(&mut generator, 500_000, 2_000, |_, draft| {
        counts[draft.facts.persona.unwrap().index()][draft.facts.event_type.index()] += 1.0;
    });
    let shares = counts.map(|row| row.map(|count| count / row.iter().sum::<f64>()));
    let [browser, buyer, researcher] = shares;
    assert!(buyer[4] > 3.0 * browser[4] && buyer[3] > 3.0 * browser[3], "{shares:?}");
    assert!(researcher[2] > 1.8 * browser[2], "{shares:?}");
}

fn fingerprint(seed: u64, shard: u16, shards: u16, count: u64) -> u32 {
    let mut generator =
        Generator::new(&population(), 10_000.0 * f64::from(shards), seed, shard, shards);
    let mut out = Vec::new();
    let (mut sum, mut seq) = (0, 0);
    drive(&mut generator, count, 10_000, |due_ns, draft| {
        out.clear();
        out.extend_from_slice(draft.key.as_bytes());
        let due_wall_us = ORIGIN_WALL_US + (due_ns / 1_000) as i64;
        JSON.encode(&Stamp { run: 1, shard, seq, due_wall_us }, &draft.parts, &mut out);
        sum = crc32c::crc32c_append(sum, &out);
        seq += 1;
    });
    sum
}

#[test]
fn the_first_hundred_thousand_events_never_change() {
    assert_eq!(fingerprint(42, 0, 1, 100_000), 3_201_255_301);
}

/// What lets a producer's thread own its part of the load.
#[test]
fn schedule_and_population_can_move_to_threads() {
    fn assert_send<T: Send + Clone>() {}
    assert_send::<Generator>();
    assert_send::<crate::load::schedule::ShardSlots>();
    assert_send::<Books>();
}

#[test]
fn seed_and_shards_decide_every_byte() {
    let one = fingerprint(1, 0, 2, 5_000);
    assert_eq!(one, fingerprint(1, 0, 2, 5_000));
    assert_ne!(one, fingerprint(2, 0, 2, 5_000));
    assert_ne!(one, fingerprint(1, 1, 2, 5_000));
    assert_ne!(one, fingerprint(1, 0, 3, 5_000));
}

prop_compose! {
    fn plans()(
        users in prop_oneof![1..50_u64, 50..1_000_000_u64],
        user_skew in 0.0..2.0_f64,
        products in prop_oneof![1..5_u32, 5..300_u32],
        product_skew in 0.0..2.0_f64,
        parts in prop::array::uniform5(prop_oneof![1 => Just(0.0), 4 => 0.0..1.0_f64]),
        personas in prop::array::uniform3(0.01..1.0_f64),
        think_median_ms in prop_oneof![1.0..100.0_f64, 100.0..60_000.0_f64],
        think_sigma in 0.0..2.5_f64,
        session_length in 1.0..60.0_f64,
        fraud in prop_oneof![Just([0.0; 4]), prop::array::uniform4(0.0..0.002_f64)],
        sessions_max in prop_oneof![1..20_u32, 20..5_000_u32],
    ) -> PopulationPlan {
        let mut mix = parts;
        // What the plan refuses: purchases above carts, and carts of nothing seen.
        mix[0] += f64::from(u8::from(mix[0] + mix[2] <= 0.0));
        mix[4] = mix[4].min(mix[3]);
        let sum: f64 = mix.iter().sum();
        let all: f64 = personas.iter().sum();
        let plan = PopulationPlan {
            users,
            user_skew,
            products,
            product_skew,
            mix: mix.map(|part| part / sum),
            personas: personas.map(|part| part / all),
            think_median_ms,
            think_sigma,
            session_length,
            sessions_max,
            hurry: Hurry::Flagged,
            fraud,
        };
        // What the plan refuses: more fraud than the mix has room for.
        let fits = fraud::lack(&plan).is_none();
        PopulationPlan { fraud: if fits { plan.fraud } else { [0.0; 4] }, ..plan }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn visits_make_sense_under_any_plan(
        plan in plans(),
        seed: u64,
        rate_per_s in prop_oneof![1..100_u64, 100..1_000_000_u64],
    ) {
        check_visits(&plan, seed, 5_000, rate_per_s);
    }

    #[test]
    fn the_mix_is_hit_under_any_plan(
        plan in plans(),
        seed: u64,
        rate_per_s in prop_oneof![1..100_u64, 100..1_000_000_u64],
    ) {
        let seen = shares(&plan, seed, 200_000, rate_per_s);
        for (seen, wanted) in seen.iter().zip(plan.mix) {
            prop_assert!((seen - wanted).abs() < 0.015, "{seen} for {wanted}");
        }
    }
}
