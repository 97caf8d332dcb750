//! What the shipped scenarios send, to the byte: a change of it is a change of every figure that
//! was measured with them, and belongs into the changelog.

use super::*;
use crate::client::tests::planned;
use crate::load::generate::catalogue::QUERY_FORMS;
use crate::load::schedule::Schedule;
use crate::plan::toml::source::ScenarioSource;

const EVENTS: u64 = 100_000;

/// File, and the CRC-32C of its first hundred thousand events.
const GOLDEN: [(&str, u32); 10] = [
    ("day.toml", 230_606_126),
    ("fraud-burst.toml", 3_232_905_317),
    ("peak.toml", 3_138_179_417),
    ("smoke.toml", 1_533_615_480),
    ("spec.toml", 2_496_637_668),
    ("steady.toml", 3_772_915_446),
    ("sweep-partitions-consumers-quick.toml", 3_022_156_040),
    ("sweep-partitions-consumers.toml", 939_923_279),
    ("sweep-producer-quick.toml", 1_764_578_350),
    ("sweep-producer.toml", 156_194_632),
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
    let source = ScenarioSource::read(path).unwrap();
    let plan = planned(&source);
    let schedule = Schedule::new(&plan.load, plan.seed);
    let share = EVENTS.div_ceil(u64::from(plan.load.producers));
    let (mut sum, mut out) = (0, Vec::new());
    for (shard, mut generator) in (0..).zip(Generator::for_shards(&plan)) {
        let rounds = (0..)
            .flat_map(|round: u64| schedule.shard(shard).map(move |slot| (round, slot.due_ns)));
        for (seq, (round, due_ns)) in (0..share).zip(rounds) {
            let due_ns = round * schedule.duration_ns() + due_ns;
            let draft = generator.next(due_ns);
            out.clear();
            out.extend_from_slice(draft.key.as_bytes());
            let due_wall_us = ORIGIN_WALL_US + (due_ns / 1_000) as i64;
            JSON.encode(&Stamp { run: 1, shard, seq, due_wall_us }, &draft.parts, &mut out);
            sum = crc32c::crc32c_append(sum, &out);
        }
    }
    sum
}

/// What the plan holds against the limits of client and topic: an event of the longest of each of
/// its parts, which no event exceeds, in a shop as large and with as many users as there can be.
#[test]
fn no_event_is_larger_by_its_fields_than_the_plan_says() {
    let plan = PopulationPlan {
        users: 100_000_000,
        user_skew: 0.0,
        products: 1_000_000,
        product_skew: 0.0,
        ..population()
    };
    let mut generator = Generator::new(&plan, 100_000.0, 1, 0, 1);
    let (mut largest_met, mut who_bytes, mut key_bytes) = (0, 0, 0);
    drive(&mut generator, 500_000, 100_000, |_, draft| {
        who_bytes = who_bytes.max(draft.parts.who.len());
        key_bytes = key_bytes.max(draft.key.len());
        largest_met = largest_met.max(bytes_of(&draft.parts) + draft.key.len());
    });
    // Users are numbered to one width, and so are sessions.
    let who = b"w".repeat(who_bytes);
    let (mut about, mut page_url, mut query): (&[u8], &[u8], &[u8]) = Default::default();
    let shop = &generator.shop.catalogue;
    for number in 0..shop.len() {
        about = longer(about, shop.about(number));
        page_url = longer(page_url, shop.url(ShopPage::Product(number)));
        for form in 0..QUERY_FORMS {
            page_url = longer(page_url, shop.url(ShopPage::Search(number, form)));
            query = longer(query, shop.query(number, form));
        }
    }
    let people = &generator.people;
    let (mut user_agent, mut device, mut location): (&[u8], &[u8], &[u8]) = Default::default();
    for index in 0..=u8::MAX {
        user_agent = longer(user_agent, people.agent(index).0);
        device = longer(device, people.agent(index).1);
        location = longer(location, people.location(index));
    }
    let longest = EventParts {
        who: &who,
        event_type: EventType::AddToCart,
        page_url,
        referrer: page_url,
        user_agent,
        ip_address: "255.255.255.255",
        about,
        search_query: Some(query),
        cart_cents: Some(u64::MAX),
        padding: None,
        device,
        location,
    };
    let bound = bytes_of(&longest) + key_bytes;
    let most = crate::plan::event::NATURAL_BYTES_MAX as usize;
    assert!(largest_met <= bound && bound <= most, "{largest_met} {bound} {most}");
    // And not so far above that an ordinary limit would be refused for it.
    assert!(largest_met > most / 2, "{largest_met}");
}

fn longer<'a>(one: &'a [u8], other: &'a [u8]) -> &'a [u8] {
    if other.len() > one.len() { other } else { one }
}

fn bytes_of(parts: &EventParts<'_>) -> usize {
    let mut out = Vec::new();
    JSON.encode(&Stamp { run: 1, shard: 0, seq: 0, due_wall_us: 0 }, parts, &mut out);
    out.len()
}
