//! What one event costs a consumer: parsing its JSON, and each application's work on it.
//!
//! The state is that of one partition with 100,000 users, all of them known before the timing
//! starts; events come at random from all users, which is the worst case for caches.

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kbench::apps;
use kbench::event::Event;
use kbench::plan::AppPlan;
use kbench::wire::parse::Parser;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

const USERS: u64 = 100_000;
const EVENTS: usize = 200_000;
/// 10,000 events a second, in event time.
const STEP_US: i64 = 100;

/// The JSON of one event, with the specification's fields and shares of types.
fn payload(random: &mut Pcg64Mcg) -> String {
    let user = random.random_range(0..USERS);
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

fn payloads() -> Vec<String> {
    let mut random = Pcg64Mcg::seed_from_u64(7);
    (0..EVENTS).map(|_| payload(&mut random)).collect()
}

fn parse(c: &mut Criterion) {
    let payloads: Vec<_> = payloads().into_iter().take(10_000).collect();
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

fn observe(c: &mut Criterion) {
    let payloads = payloads();
    let events: Vec<Event<'_>> =
        payloads.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
    assert_eq!(events.len(), EVENTS);
    let mut group = c.benchmark_group("observe");
    group.throughput(Throughput::Elements(1));
    for kind in apps::ALL {
        let name = kind.schema.name;
        let (group_name, options) = (name.to_owned(), BTreeMap::new());
        let plan = AppPlan { name: name.to_owned(), group: group_name, workers: 1, options };
        let mut state = (kind.new)(&plan);
        let mut due_us = 1_705_314_645_000_000;
        let mut next = events.iter().cycle();
        let mut step = || {
            if let Some(event) = next.next() {
                due_us += STEP_US;
                state.observe(black_box(event), due_us);
            }
        };
        (0..EVENTS).for_each(|_| step());
        group.bench_function(name, |b| b.iter(&mut step));
        let summary = state.summary();
        assert_eq!(summary.dropped, 0, "the state must be the whole one");
    }
    group.finish();
}

criterion_group!(benches, parse, observe);
criterion_main!(benches);
