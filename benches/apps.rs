//! What one event costs a consumer: parsing its JSON, and each application's work on it.
//!
//! The state is that of one partition with 1,000, 100,000 or 1,000,000 users, all of them known
//! before the timing starts; events come at random from all users, which is the worst case for
//! caches. The events themselves are warm, as they are when they were parsed just now.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kbench::apps::{self, App, AppKind};
use kbench::event::Event;
use kbench::plan::AppPlan;
use kbench::wire::parse::Parser;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

const USERS: u64 = 100_000;
const EVENTS: usize = 10_000;
/// Events that are made at once, outside of the timing.
const BATCH: usize = 1_024;
/// 10,000 events a second, in event time.
const STEP_US: i64 = 100;

/// The JSON of one user's event, with the specification's fields and shares of types.
fn payload(user: u64, random: &mut Pcg64Mcg) -> String {
    let session = user * 16 + random.random_range(0..100_u64) / 90;
    let product = random.random_range(1..200_u32);
    let bought = format!(
        "\"product_id\":\"PROD-{product:03}\",\"product_name\":\"Product {product}\",\
         \"price\":{product}.99,\"category\":\"electronics\""
    );
    let (event_type, page, properties) = match random.random_range(0..100) {
        0..60 => ("page_view", format!("/products/{product}"), bought),
        60..85 => ("click", format!("/products/{product}"), bought),
        85..95 => {
            let query = format!("\"search_query\":\"product {product}\"");
            ("search", format!("/search?q=product+{product}"), query)
        }
        95..98 => ("add_to_cart", format!("/products/{product}"), bought + ",\"cart_value\":199.5"),
        _ => ("purchase", "/checkout".to_owned(), bought + ",\"cart_value\":1029.98"),
    };
    format!(
        "{{\"event_id\":\"0190c5d0-0000-8000-8000-{user:012x}\",\
         \"timestamp\":\"2024-01-15T10:30:45.123456Z\",\"user_id\":\"user-{user}\",\
         \"session_id\":\"sess-{session:016x}\",\"event_type\":\"{event_type}\",\
         \"page_url\":\"{page}\",\"referrer\":\"https://www.google.com/\",\
         \"user_agent\":\"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0\",\
         \"ip_address\":\"10.{}.{}.7\",\"properties\":{{{properties}}},\
         \"device\":{{\"type\":\"desktop\",\"os\":\"Windows\",\"browser\":\"Chrome\"}},\
         \"location\":{{\"country\":\"US\",\"city\":\"New York\",\
         \"timezone\":\"America/New_York\"}}}}",
        user >> 8 & 255,
        user & 255,
    )
}

fn payloads(count: usize, users: u64, random: &mut Pcg64Mcg) -> Vec<String> {
    (0..count).map(|_| payload(random.random_range(0..users), random)).collect()
}

fn parse(c: &mut Criterion) {
    let payloads = payloads(EVENTS, USERS, &mut Pcg64Mcg::seed_from_u64(7));
    let bytes = payloads.iter().map(String::len).sum::<usize>() / payloads.len();
    let mut group = c.benchmark_group("parse");
    group.throughput(Throughput::Bytes(bytes as u64));
    let mut next = payloads.iter().cycle();
    let mut parser = Parser::new();
    group.bench_function("kbench", |b| {
        b.iter(|| next.next().map(|text| parser.parse(text.as_bytes()).map(|e| e.event_type)));
    });
    let mut copy = Vec::new();
    group.bench_function("simd_json_serde", |b| {
        b.iter(|| {
            copy.clear();
            copy.extend_from_slice(next.next().map_or(b"", |text| text.as_bytes()));
            simd_json::from_slice::<Event<'_>>(&mut copy).map(|event| event.event_type)
        });
    });
    let mut buffers = simd_json::Buffers::default();
    group.bench_function("simd_json_serde_with_buffers", |b| {
        b.iter(|| {
            copy.clear();
            copy.extend_from_slice(next.next().map_or(b"", |text| text.as_bytes()));
            simd_json::serde::from_slice_with_buffers::<Event<'_>>(&mut copy, &mut buffers)
                .map(|event| event.event_type)
        });
    });
    group.bench_function("serde_json", |b| {
        b.iter(|| {
            let text = next.next().map_or("", String::as_str);
            serde_json::from_str::<Event<'_>>(text).map(|event| event.event_type)
        });
    });
}

fn state(kind: &AppKind) -> Box<dyn App> {
    let (name, group) = (kind.schema.name.to_owned(), kind.schema.name.to_owned());
    (kind.new)(&AppPlan { name, group, workers: 1, options: BTreeMap::new() })
}

/// The time that `work` needs for `count` events of random users, in batches that are made
/// outside of it.
fn timed(
    count: u64,
    users: u64,
    random: &mut Pcg64Mcg,
    mut work: impl FnMut(&[String]) -> Duration,
) -> Duration {
    let mut sum = Duration::ZERO;
    let mut left = count as usize;
    while left > 0 {
        let batch = left.min(BATCH);
        sum += work(&payloads(batch, users, random));
        left -= batch;
    }
    sum
}

/// Each application's work on an event that was parsed before.
fn observe(c: &mut Criterion) {
    for (name, users) in [("1k", 1_000), ("100k", 100_000), ("1m", 1_000_000)] {
        let mut group = c.benchmark_group(format!("observe_{name}_users"));
        group.throughput(Throughput::Elements(1));
        for kind in apps::ALL {
            let mut state = None;
            let mut random = Pcg64Mcg::seed_from_u64(7);
            let mut due_us = 1_705_314_645_000_000;
            group.bench_function(kind.schema.name, |b| {
                // Made here, so that a filter spares the others.
                let state = state.get_or_insert_with(|| warm(kind, users, &mut due_us));
                b.iter_custom(|count| {
                    timed(count, users, &mut random, |payloads| {
                        let events: Vec<Event<'_>> = parsed(payloads);
                        let start = Instant::now();
                        for event in &events {
                            due_us += STEP_US;
                            state.observe(black_box(event), due_us);
                        }
                        start.elapsed()
                    })
                });
            });
            if let Some(state) = state {
                assert_eq!(state.summary().dropped, 0, "the state must be the whole one");
            }
        }
        group.finish();
    }
}

/// What one event costs in all, from its bytes to the application's answer.
fn parse_observe(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse_observe_1k_users");
    group.throughput(Throughput::Elements(1));
    for kind in apps::ALL {
        let mut random = Pcg64Mcg::seed_from_u64(7);
        let mut due_us = 1_705_314_645_000_000;
        let mut state = None;
        let mut parser = Parser::new();
        group.bench_function(kind.schema.name, |b| {
            let state = state.get_or_insert_with(|| warm(kind, 1_000, &mut due_us));
            b.iter_custom(|count| {
                timed(count, 1_000, &mut random, |payloads| {
                    let start = Instant::now();
                    for payload in payloads {
                        due_us += STEP_US;
                        if let Ok(event) = parser.parse(payload.as_bytes()) {
                            state.observe(black_box(&event), due_us);
                        }
                    }
                    start.elapsed()
                })
            });
        });
    }
    group.finish();
}

/// A state that knows all users.
fn warm(kind: &AppKind, users: u64, due_us: &mut i64) -> Box<dyn App> {
    let mut state = state(kind);
    let mut random = Pcg64Mcg::seed_from_u64(9);
    for user in 0..users {
        *due_us += STEP_US;
        let payload = payload(user, &mut random);
        for event in parsed(std::slice::from_ref(&payload)) {
            state.observe(&event, *due_us);
        }
    }
    state
}

fn parsed(payloads: &[String]) -> Vec<Event<'_>> {
    let events: Vec<_> = payloads.iter().flat_map(|text| serde_json::from_str(text)).collect();
    assert_eq!(events.len(), payloads.len());
    events
}

criterion_group!(benches, parse, observe, parse_observe);
criterion_main!(benches);
