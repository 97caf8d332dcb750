//! The dashboard once more, over the list of all events.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::{Frame, Summary, Value};
use super::sample::{self, Sample};
use super::{counted, of, path, row, rows, summary};
use crate::event::EventType;

const PRICES_CENTS: [u64; 4] = [99_999, 2_999, 7_999, 29_999];

fn product(sample: &Sample) -> Option<&str> {
    sample.event().properties.product_name
}

/// The rows of what has a greater share than before, from counts in the two windows.
fn trending(now: &[&str], before: &[&str], least: usize) -> Vec<(String, Value)> {
    let count = |list: &[&str], name: &str| list.iter().filter(|other| **other == name).count();
    let names: BTreeSet<_> = now.iter().collect();
    let mut rises: Vec<_> = names
        .into_iter()
        .filter(|name| count(now, name) >= least)
        .map(|name| {
            let part = count(now, name) * before.len();
            (*name, part as u64, (count(before, name).max(1) * now.len()) as u64)
        })
        .filter(|(_, part, whole)| part > whole)
        .collect();
    rises.sort_by(|a, b| (b.1 * a.2).cmp(&(a.1 * b.2)).then(a.0.cmp(b.0)));
    rises
        .into_iter()
        .map(|(name, part, whole)| (name.to_owned(), Value::Factor { part, whole }))
        .take(10)
        .collect()
}

fn agrees(events: &[Sample], trending_min: usize) {
    let summary = summary("dashboard", events, &[("trending_min", trending_min as f64)]);
    let now_us = events.iter().map(|sample| sample.due_us).max().unwrap();
    let age_s = |sample: &&Sample| now_us / 1_000_000 - sample.due_us / 1_000_000;
    let window: Vec<_> = events.iter().filter(|s| age_s(s) < 60).cloned().collect();
    let before: Vec<_> = events.iter().filter(|s| (60..120).contains(&age_s(s))).cloned().collect();
    now_agrees(&summary, events, &window, now_us);
    let views = |events: &[Sample]| -> Vec<String> {
        of(events, EventType::PageView).map(|sample| path(sample).to_owned()).collect()
    };
    let products = |events: &[Sample]| -> Vec<String> {
        events.iter().filter_map(product).map(str::to_owned).collect()
    };
    for (top, trends, now, before) in [
        ("top pages, views", "trending pages", views(&window), views(&before)),
        ("top products, events", "trending products", products(&window), products(&before)),
    ] {
        assert_eq!(rows(&summary, top), counted(now.iter().map(String::as_str)));
        let now: Vec<_> = now.iter().map(String::as_str).collect();
        let before: Vec<_> = before.iter().map(String::as_str).collect();
        assert_eq!(rows(&summary, trends), trending(&now, &before, trending_min));
    }
    for kind in EventType::ALL {
        let count = Value::Count(of(&window, kind).count() as u64);
        assert_eq!(row(&summary, "events by type", kind.name()), Some(count));
    }
    let frames = frames(events);
    let kept = &frames[frames.len().saturating_sub(360)..];
    assert_eq!(summary.frames, kept);
    let stream = [
        ("frames", kept.len()),
        ("older frames, not kept", frames.len() - kept.len()),
        ("late events", 0),
    ];
    let stream = stream.map(|(name, count)| (name.to_owned(), Value::Count(count as u64)));
    assert_eq!(rows(&summary, "stream"), stream);
}

fn now_agrees(summary: &Summary, events: &[Sample], window: &[Sample], now_us: i64) {
    let first_us = events[0].due_us;
    let start_us = (now_us / 1_000_000 - 59) * 1_000_000;
    let span_ms = ((now_us - start_us.max(first_us)) / 1_000).max(1) as u64;
    let count = window.len() as u64;
    let bought = of(window, EventType::Purchase).map(|sample| PRICES_CENTS[sample.product]);
    let part = of(window, EventType::Purchase).count() as u64;
    let whole = of(window, EventType::PageView).count() as u64;
    let expected = [
        ("events", Value::Count(count)),
        ("events per second", Value::Rate { count, span_ms }),
        ("revenue", Value::Cents(bought.sum())),
        ("conversion, purchases per page view", Value::Share { part, whole }),
    ];
    let named = |rows: &[(&str, Value)]| -> Vec<_> {
        rows.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    };
    assert_eq!(rows(summary, "now"), named(&expected));
    let active: Vec<_> =
        events.iter().filter(|sample| sample.due_us > now_us - 300_000_000).cloned().collect();
    let users: BTreeSet<_> = active.iter().map(|sample| &sample.user_id).collect();
    let buyers: BTreeSet<_> = of(&active, EventType::Purchase).map(|s| &s.user_id).collect();
    let (part, whole) = (buyers.len() as u64, users.len() as u64);
    let expected = [
        ("active", Value::Count(whole)),
        ("of them buyers", Value::Count(part)),
        ("conversion, buyers per user", Value::Share { part, whole }),
    ];
    assert_eq!(rows(summary, "active users"), named(&expected));
}

/// All frames, of ten seconds each; who was active in the last thirty of them is active.
fn frames(events: &[Sample]) -> Vec<Frame> {
    let slice = |sample: &Sample| sample.due_us / 10_000_000;
    let (first_us, now_us) = (events[0].due_us, events[events.len() - 1].due_us);
    let mut by_slice = BTreeMap::<i64, Vec<Sample>>::new();
    for sample in events {
        by_slice.entry(slice(sample)).or_default().push(sample.clone());
    }
    let (first, newest) = (slice(&events[0]), slice(&events[events.len() - 1]));
    (first..=newest)
        .map(|number| {
            let from_us = number * 10_000_000;
            let none = Vec::new();
            let events = by_slice.get(&number).unwrap_or(&none);
            let count = events.len() as u64;
            let span_ms = (now_us.min(from_us + 10_000_000) - first_us.max(from_us)) / 1_000;
            let active: BTreeSet<_> = by_slice
                .range(number - 29..=number)
                .flat_map(|(_, events)| events.iter().map(|sample| &sample.user_id))
                .collect();
            let part = of(events, EventType::Purchase).count() as u64;
            let whole = of(events, EventType::PageView).count() as u64;
            let row =
                |(name, value): (&str, Value)| super::super::Row { name: name.to_owned(), value };
            let figures = [
                ("events per second", Value::Rate { count, span_ms: span_ms.max(1) as u64 }),
                ("active users", Value::Count(active.len() as u64)),
                ("purchases per page view", Value::Share { part, whole }),
            ];
            let top = counted(of(events, EventType::PageView).map(path));
            let top = top.iter().take(3).map(|(name, value)| row((name, *value)));
            Frame { from_us, figures: figures.map(row).into(), top: top.collect() }
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_dashboard_agrees_with_the_naive_one(
        seed in any::<u64>(),
        count in 1_usize..600,
        users in 1_u64..40,
        trending_min in 1_usize..20,
        step_max_us in prop::sample::select(vec![1_000_i64, 300_000, 6_000_000, 60_000_000]),
    ) {
        agrees(&sample::events(seed, count, users, step_max_us), trending_min);
    }
}

#[test]
fn the_sample_has_trends() {
    let events = sample::events(2, 1_000, 30, 300_000);
    let summary = summary("dashboard", &events, &[("trending_min", 5.0)]);
    for title in ["trending pages", "trending products"] {
        assert_ne!(rows(&summary, title), [], "{title}");
    }
}
