//! The applications once more, as a few lines each over the list of all events. Slow, without
//! limits or partitions, and therefore easy to believe: what the real ones are held against.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use super::sample::{self, Sample};
use super::{App, AppKind, Leaps, Section, Summary, Value, kind, lateness_us};
use crate::event::{Event, EventType};
use crate::plan::AppPlan;

mod analytics;
mod behavior;
mod dashboard;
mod fraud;

const IDLE_US: i64 = 1_800_000_000;

/// How far ahead the wrong times lie: further than any stream in here gets.
const AHEAD_US: i64 = 400 * 86_400_000_000;

/// What the real ones say of the events and of a stranger's, one of fifty, whose times are wrong
/// and lie ahead: of those the naive ones know nothing.
fn summary(app: &str, events: &[Sample], options: &[(&str, f64)]) -> Summary {
    let plan = sample::plan(options);
    let times = events.iter().map(|sample| (sample.event(), sample.due_us));
    let (state, left_out) = behind_a_gate(kind(app).unwrap(), &plan, times.collect());
    assert_eq!(left_out, strangers(events.len()));
    state.summary()
}

/// An application's state after the events of one partition and a stranger's, as a reader brings
/// them to it; and how many were left out.
fn behind_a_gate(
    kind: &AppKind,
    plan: &AppPlan,
    events: Vec<(Event<'_>, i64)>,
) -> (Box<dyn App>, u64) {
    let mut state = (kind.new)(plan);
    let mut leaps = Leaps::new(lateness_us(kind, plan));
    let count = strangers(events.len());
    let mut all = Vec::new();
    for (place, (event, due_us)) in (0..).zip(events) {
        if place % EACH == 0 && place / EACH < count {
            let strange = Event { user_id: "stranger", ..event.clone() };
            all.push((strange, due_us + AHEAD_US));
        }
        all.push((event, due_us));
    }
    for (event, due_us) in all {
        let user = FixedState::default().hash_one(event.user_id);
        if leaps.enter(due_us, user, || event.clone()) {
            state.observe(&event, due_us);
        }
        while let Some((due_us, event)) = leaps.take_agreed() {
            state.observe(&event, due_us);
        }
    }
    leaps.end(leaps.stretch());
    while let Some((due_us, event)) = leaps.take_agreed() {
        state.observe(&event, due_us);
    }
    (state, leaps.left_out())
}

/// Events beside one of the stranger's.
const EACH: u64 = 50;

/// How many events of a stranger come among so many: each before two others, who outvote it.
fn strangers(events: usize) -> u64 {
    (events as u64 + EACH - 2) / EACH
}

/// The rows of a section as name and value.
fn rows(summary: &Summary, title: &str) -> Vec<(String, Value)> {
    let section: &Section = summary.sections.iter().find(|s| s.title == title).unwrap();
    section.rows.iter().map(|row| (row.name.clone(), row.value)).collect()
}

fn row(summary: &Summary, title: &str, name: &str) -> Option<Value> {
    rows(summary, title).into_iter().find(|(row, _)| row == name).map(|(_, value)| value)
}

/// Names by how often they come, most first, ties by name.
fn counted<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Vec<(String, Value)> {
    let mut counts = BTreeMap::<String, u64>::new();
    for name in names {
        *counts.entry(name.into()).or_default() += 1;
    }
    let mut rows: Vec<_> = counts.into_iter().collect();
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    rows.truncate(10);
    rows.into_iter().map(|(name, count)| (name, Value::Count(count))).collect()
}

fn of(events: &[Sample], event_type: EventType) -> impl Iterator<Item = &Sample> {
    events.iter().filter(move |sample| sample.event_type == event_type)
}

fn path(sample: &Sample) -> &str {
    sample.page_url.split(['?', '#']).next().unwrap()
}

fn by_user(events: &[Sample]) -> BTreeMap<&str, Vec<&Sample>> {
    let mut users = BTreeMap::<&str, Vec<&Sample>>::new();
    for sample in events {
        users.entry(&sample.user_id).or_default().push(sample);
    }
    users
}

fn sessions(events: &[Sample]) -> Vec<Vec<&Sample>> {
    let mut visits = BTreeMap::<(&str, &str), Vec<Vec<&Sample>>>::new();
    for sample in events {
        let visits = visits.entry((&sample.user_id, &sample.session_id)).or_default();
        match visits.last_mut() {
            Some(visit) if sample.due_us - visit[visit.len() - 1].due_us <= IDLE_US => {
                visit.push(sample);
            }
            _ => visits.push(vec![sample]),
        }
    }
    visits.into_values().flatten().collect()
}

/// Holds the rows of a spread against its values: mean and maximum are exact, a percentile is
/// the value of its rank, or up to 1 % more.
fn spread_agrees(summary: &Summary, title: &str, mut values: Vec<u64>, unit: fn(u64) -> Value) {
    values.sort_unstable();
    let value = |name: &str| row(summary, title, name);
    let Some(max) = values.last() else {
        assert_eq!(value("max"), None, "{title}");
        return;
    };
    let mean = values.iter().sum::<u64>() / values.len() as u64;
    assert_eq!((value("mean"), value("max")), (Some(unit(mean)), Some(unit(*max))), "{title}");
    for (name, percent) in [("p50", 50), ("p90", 90), ("p99", 99)] {
        let exact = values[(values.len() * percent).div_ceil(100) - 1];
        let (Some(Value::Count(shown) | Value::Ms(shown)), below) = (value(name), exact) else {
            panic!("{title} has no {name}");
        };
        let above = below + below / 100;
        assert!((below..=above).contains(&shown), "{title}: {name} {shown}, not {exact}");
    }
}

/// A part of a whole, by name, most first.
fn parts_of(rows: Vec<(String, Value)>, whole: u64) -> Vec<(String, Value)> {
    let part = |value| match value {
        Value::Count(part) => Value::Part { part, whole },
        other => other,
    };
    rows.into_iter().map(|(name, value)| (name, part(value))).collect()
}

/// The kinds of the pages that a session came to; one after the other of the same kind are one.
fn page_kinds(session: &[&Sample]) -> Vec<&'static str> {
    let mut kinds: Vec<_> = session.iter().map(|sample| page_kind(sample)).collect();
    kinds.dedup();
    kinds
}

fn page_kind(sample: &Sample) -> &'static str {
    match path(sample) {
        "/" => "home",
        "/cart" => "cart",
        "/checkout" => "checkout",
        "/search" => "search",
        page if page.starts_with("/products/") => "product",
        page if page.starts_with("/category/") => "category",
        _ => "other",
    }
}

fn duration_ms(from: &Sample, to: &Sample) -> u64 {
    (to.due_us - from.due_us).unsigned_abs() / 1_000
}
