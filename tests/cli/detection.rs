//! How well the fraud application finds what the generator plants, with the defaults of both.
//!
//! `cargo test --release --test cli -- detection:: --nocapture` prints the figures.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use kbench::apps::{self, Flag};
use kbench::books::Books;
use kbench::event::Stamp;
use kbench::generate::Generator;
use kbench::harness::detection::detect;
use kbench::plan::{AppPlan, Hurry, PopulationPlan};
use kbench::wire::encode;
use kbench::wire::parse::Parser;

/// Some Monday.
const ORIGIN_WALL_US: i64 = 1_767_600_000_000_000;
/// Shares of the sessions by kind: enough of each to count, and few enough to leave a crowd.
const PLANTED: [f64; 4] = [0.005, 0.002, 0.005, 0.005];

fn population(fraud: [f64; 4]) -> PopulationPlan {
    PopulationPlan {
        users: 100_000,
        user_skew: 0.8,
        products: 100,
        product_skew: 1.0,
        mix: [0.6, 0.25, 0.1, 0.03, 0.02],
        personas: [0.6, 0.25, 0.15],
        think_median_ms: 8_000.0,
        think_sigma: 1.0,
        session_length: 12.0,
        sessions_max: 100_000,
        hurry: Hurry::Flagged,
        fraud,
    }
}

/// Sends events through the application with its defaults; gives the books and the alerts.
fn detected(population: &PopulationPlan, events: u64, rate_per_s: u64) -> (Books, Vec<Flag>) {
    let kind = apps::kind("fraud").unwrap();
    let (name, group) = (kind.schema.name.to_owned(), String::new());
    let plan = AppPlan { name, group, workers: 1, options: BTreeMap::new() };
    let mut state = (kind.new)(&plan);
    let mut generator = Generator::new(population, 5_000.0, 7, 0, 1);
    let mut books = Books::default();
    let (mut parser, mut bytes) = (Parser::new(), Vec::new());
    for seq in 0..events {
        let due_ns = seq * 1_000_000_000 / rate_per_s;
        let draft = generator.next(due_ns);
        let due_wall_us = ORIGIN_WALL_US + (due_ns / 1_000) as i64;
        bytes.clear();
        encode::encode(&Stamp { run: 1, shard: 0, seq, due_wall_us }, &draft.parts, &mut bytes);
        books.observe(&draft.facts);
        state.observe(&parser.parse(&bytes).unwrap(), due_wall_us);
    }
    (books, state.summary().flags)
}

/// Alerts by rule.
fn rules(flags: &[Flag]) -> BTreeMap<&str, u64> {
    let mut rules = BTreeMap::new();
    flags.iter().for_each(|flag| *rules.entry(&*flag.rule).or_default() += 1);
    rules
}

/// Planted sessions that are under way at the end can't all be found yet, so the run is long.
#[test]
fn planted_fraud_is_found_and_few_others_are_suspected() {
    for (rate_per_s, duration_s) in [(1_000, 600), (10_000, 180)] {
        let (books, flags) = detected(&population(PLANTED), rate_per_s * duration_s, rate_per_s);
        let rules = rules(&flags);
        println!("{rate_per_s}/s for {duration_s} s: {} sessions, {rules:?}", books.sessions);
        let detections = detect(&books, &flags);
        assert_eq!(detections.len(), 4);
        for detection in detections {
            let precision = detection.precision().unwrap();
            let recall = detection.recall().unwrap();
            println!("  {detection:?}: precision {precision:.3}, recall {recall:.3}");
            assert!(detection.planted > 100 && precision > 0.9 && recall > 0.9, "{detection:?}");
        }
    }
}

#[test]
fn who_only_shops_is_rarely_suspected() {
    for (median_ms, rate_per_s) in [(8_000.0, 1_000), (8_000.0, 10_000), (500.0, 2_000)] {
        let people = PopulationPlan { think_median_ms: median_ms, ..population([0.0; 4]) };
        let (books, flags) = detected(&people, rate_per_s * 120, rate_per_s);
        let mut rules = rules(&flags);
        println!("{median_ms} ms, {rate_per_s}/s: {} sessions, {rules:?}", books.sessions);
        // Before all sessions have begun, few users make the whole rate, and pause for no time.
        let hasty = rules.remove("hasty_purchase").unwrap_or(0);
        assert!(hasty < books.sessions / 25, "{hasty}");
        let others: u64 = rules.values().sum();
        assert!(others < books.sessions / 250, "{rules:?}");
    }
}
