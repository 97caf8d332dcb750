//! Behavior once more, over the list of all events.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::{Summary, Value};
use super::sample::{self, Sample};
use super::{
    by_user, counted, duration_ms, page_kind, page_kinds, parts_of, path, row, rows, sessions,
    spread_agrees, summary,
};
use crate::event::EventType;

const SEGMENTS: [&str; 3] = ["browsers", "buyers", "researchers"];
const DEVICES: [&str; 4] = ["desktop", "mobile", "tablet", "other"];

fn count(events: &[&Sample], kind: EventType) -> u64 {
    events.iter().filter(|sample| sample.event_type == kind).count() as u64
}

fn segment(events: &[&Sample]) -> &'static str {
    let carts = count(events, EventType::AddToCart) + count(events, EventType::Purchase);
    if carts as f64 >= 0.5 + 0.05 * events.len() as f64 {
        "buyers"
    } else if count(events, EventType::Search) as f64 >= 0.5 + 0.12 * events.len() as f64 {
        "researchers"
    } else {
        "browsers"
    }
}

fn engagement(events: &[&Sample]) -> u64 {
    EventType::ALL.iter().zip([1, 2, 3, 5, 10]).map(|(kind, w)| w * count(events, *kind)).sum()
}

fn time_to_purchase_ms(events: &[&Sample]) -> Option<u64> {
    let bought = events.iter().find(|sample| sample.event_type == EventType::Purchase)?;
    Some(duration_ms(events[0], bought))
}

/// What the sample's third kind of device is to the application.
fn device(sample: &Sample) -> &str {
    sample.event().device.kind.filter(|kind| DEVICES.contains(kind)).unwrap_or("other")
}

fn segments_agree(summary: &Summary, users: &[Vec<&Sample>]) {
    for name in SEGMENTS {
        let group: Vec<_> = users.iter().filter(|events| segment(events) == name).collect();
        let part = Value::Part { part: group.len() as u64, whole: users.len() as u64 };
        assert_eq!(row(summary, "segments, users", name), Some(part));
        let sum = group.iter().map(|events| engagement(events)).sum();
        let mean = Value::Mean { sum, count: group.len() as u64 };
        assert_eq!(row(summary, "engagement by segment", name), Some(mean));
        let times = group.iter().filter_map(|events| time_to_purchase_ms(events)).collect();
        let title = format!("first event to first purchase, {name}");
        spread_agrees(summary, &title, times, Value::Ms);
        for kind in DEVICES {
            // A user of the sample has one device only.
            let part = group.iter().filter(|events| device(events[0]) == kind).count() as u64;
            let value = Value::Part { part, whole: group.len() as u64 };
            assert_eq!(row(summary, &format!("devices of {name}"), kind), Some(value));
        }
    }
}

fn agrees(events: &[Sample]) {
    let summary = summary("behavior", events, &[]);
    let (sessions, users) = (sessions(events), by_user(events));
    let whole = sessions.len() as u64;
    segments_agree(&summary, &users.values().cloned().collect::<Vec<_>>());
    let scores = users.values().map(|events| engagement(events)).collect();
    spread_agrees(&summary, "engagement per user", scores, Value::Count);
    let times = sessions.iter().filter_map(|session| time_to_purchase_ms(session)).collect();
    spread_agrees(&summary, "time to purchase within a session", times, Value::Ms);

    let ways = sessions.iter().map(|session| page_kinds(session));
    let paths: Vec<_> = ways
        .flat_map(|kinds| kinds.windows(3).map(|w| w.join(" > ")).collect::<Vec<_>>())
        .collect();
    let steps = paths.len() as u64;
    assert_eq!(rows(&summary, "paths of 3 pages"), parts_of(counted(paths), steps));
    let last = sessions.iter().map(|session| path(session[session.len() - 1]));
    assert_eq!(rows(&summary, "last pages, sessions"), parts_of(counted(last), whole));
    let mut kinds = BTreeMap::<&str, (u64, u64)>::new();
    for session in &sessions {
        let mut came: Vec<_> = session.iter().map(|sample| page_kind(sample)).collect();
        kinds.entry(came[came.len() - 1]).or_default().0 += 1;
        came.sort_unstable();
        came.dedup();
        came.into_iter().for_each(|kind| kinds.entry(kind).or_default().1 += 1);
    }
    let left: Vec<_> = kinds
        .into_iter()
        .map(|(kind, (part, whole))| (kind.to_owned(), Value::Part { part, whole }))
        .collect();
    assert_eq!(rows(&summary, "left there, of the sessions that came"), left);

    let mut most: Vec<_> = users.iter().map(|(user, list)| (engagement(list), *user)).collect();
    most.sort_by_key(|(score, user)| (std::cmp::Reverse(*score), *user));
    let latest = |user: &str| {
        let own = sessions.iter().filter(|session| session[0].user_id == user);
        // Two sessions of a user may end at the same time: either is the latest then.
        let mut last: Vec<_> =
            own.map(|session| (session[session.len() - 1].due_us, session)).collect();
        last.sort_by_key(|(due_us, _)| *due_us);
        let newest_us = last[last.len() - 1].0;
        let ways = last.into_iter().filter(|(due_us, _)| *due_us == newest_us);
        ways.map(|(_, session)| {
            let kinds = page_kinds(session);
            format!("{user}: {}", kinds[kinds.len().saturating_sub(8)..].join(" > "))
        })
        .collect::<Vec<_>>()
    };
    let shown = rows(&summary, "most engaged users, their latest way");
    assert_eq!(shown.len(), users.len().min(10));
    for ((name, value), (score, user)) in shown.into_iter().zip(most) {
        assert_eq!(value, Value::Count(score));
        assert!(latest(user).contains(&name), "{name}: {:?}", latest(user));
    }
    assert_eq!(row(&summary, "stream", "late events"), Some(Value::Count(0)));
    // What is not held against anything must not be shown.
    assert_eq!(summary.sections.len(), 15);
}

#[test]
fn a_late_event_is_counted_and_left_out_of_nothing() {
    let mut events = sample::events(1, 2, 1, 1);
    events[1].due_us = events[0].due_us - 60_000_001;
    let summary = summary("behavior", &events, &[]);
    assert_eq!(row(&summary, "stream", "late events"), Some(Value::Count(1)));
    assert_eq!(summary.totals.events, 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn behavior_agrees_with_the_naive_one(
        seed in any::<u64>(),
        count in 1_usize..600,
        users in 1_u64..40,
        step_max_us in prop::sample::select(vec![1_000_i64, 300_000, 60_000_000, 3_600_000_000]),
    ) {
        agrees(&sample::events(seed, count, users, step_max_us));
    }
}
