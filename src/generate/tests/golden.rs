//! What the shipped scenarios send, to the byte: a change of it is a change of every figure that
//! was measured with them, and belongs into the changelog.

use super::*;
use crate::apps::schemas;
use crate::pace::Schedule;
use crate::scenario::{Environment, Overrides, Source};

const EVENTS: u64 = 100_000;

/// File, and the CRC-32C of its first hundred thousand events.
const GOLDEN: [(&str, u32); 5] = [
    ("fraud-burst.toml", 308_846_810),
    ("peak.toml", 4_074_466_571),
    ("smoke.toml", 3_315_229_275),
    ("spec.toml", 2_381_208_749),
    ("steady.toml", 2_149_892_712),
];

#[test]
fn the_shipped_scenarios_send_what_they_always_sent() {
    let folder = format!("{}/scenarios", env!("CARGO_MANIFEST_DIR"));
    let mut seen: Vec<(String, u32)> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".toml"))
        .map(|name| (name.clone(), fingerprint_of(&format!("{folder}/{name}"))))
        .collect();
    seen.sort();
    assert_eq!(seen, GOLDEN.map(|(name, sum)| (name.to_owned(), sum)));
}

/// The fingerprint of keys and values, one shard's after the other's, as a run would send them if
/// it began with the year 2026. A schedule of fewer events begins again.
fn fingerprint_of(path: &str) -> u32 {
    let environment = Environment::from_pairs::<String, String>([]);
    let source = Source::read(path).unwrap();
    let plan =
        crate::scenario::plan(&source, &Overrides::default(), &environment, &schemas()).unwrap();
    let schedule = Schedule::new(&plan.load, plan.seed);
    let share = EVENTS.div_ceil(u64::from(plan.load.producers));
    let (mut sum, mut out) = (0, Vec::new());
    for (shard, mut generator) in (0..).zip(Generator::crew(&plan)) {
        let rounds = (0..)
            .flat_map(|round: u64| schedule.shard(shard).map(move |slot| (round, slot.due_ns)));
        for (seq, (round, due_ns)) in (0..share).zip(rounds) {
            let due_ns = round * schedule.duration_ns() + due_ns;
            let draft = generator.next(due_ns);
            out.clear();
            out.extend_from_slice(draft.key.as_bytes());
            let due_wall_us = ORIGIN_WALL_US + (due_ns / 1_000) as i64;
            encode::encode(&Stamp { run: 1, shard, seq, due_wall_us }, &draft.parts, &mut out);
            sum = crc32c::crc32c_append(sum, &out);
        }
    }
    sum
}

/// What the plan holds against the limits of client and topic.
#[test]
fn no_event_is_larger_by_its_fields_than_the_plan_says() {
    let plan = PopulationPlan {
        users: 100_000_000,
        user_skew: 0.0,
        products: 1_000_000,
        product_skew: 0.0,
        ..population()
    };
    let mut generator = Generator::new(&plan, 1, 0, 1);
    let (mut largest, mut out) = (0, Vec::new());
    drive(&mut generator, 500_000, 100_000, |due_ns, draft| {
        out.clear();
        let due_wall_us = (due_ns / 1_000) as i64;
        let stamp = Stamp { run: 1, shard: 0, seq: 0, due_wall_us };
        encode::encode(&stamp, &draft.parts, &mut out);
        largest = largest.max(out.len() + draft.key.len());
    });
    let most = crate::plan::event::NATURAL_BYTES_MAX as usize;
    // Far below, because not every long name was met; but of the same size.
    assert!(largest < most * 9 / 10 && largest > most / 2, "{largest}");
}
