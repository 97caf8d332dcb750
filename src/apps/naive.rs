//! The applications once more, as a few lines each over the list of all events. Slow, without
//! limits or partitions, and therefore easy to believe: what the real ones are held against.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::sample::{self, Sample};
use super::{Section, Summary, Value, kind};
use crate::event::EventType;

mod dashboard;
mod fraud;

const IDLE_US: i64 = 1_800_000_000;
const PRICES_CENTS: [u64; 4] = [99_999, 2_999, 7_999, 29_999];

fn summary(app: &str, events: &[Sample], options: &[(&str, f64)]) -> Summary {
    let mut state = (kind(app).unwrap().new)(&sample::plan(options));
    for sample in events {
        state.observe(&sample.event(), sample.due_us);
    }
    state.summary()
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

fn analytics_agrees(events: &[Sample]) {
    let summary = summary("analytics", events, &[("hours_max", 1e6)]);
    let sessions = sessions(events);
    assert_eq!(summary.totals.sessions, Some(sessions.len() as u64));
    assert_eq!(summary.totals.users, Some(by_user(events).len() as u64));
    let sold = || of(events, EventType::Purchase);
    let revenue = |sold: &mut dyn Iterator<Item = &Sample>| {
        sold.map(|sample| PRICES_CENTS[sample.product]).sum::<u64>()
    };
    assert_eq!(summary.totals.revenue_cents, revenue(&mut sold()));
    let views = counted(of(events, EventType::PageView).map(path));
    assert_eq!(rows(&summary, "page views"), views);
    let products = counted(sold().map(|sample| sample.event().properties.product_name.unwrap()));
    assert_eq!(rows(&summary, "products bought"), products);
    let hours: BTreeSet<_> = sold().map(|sample| sample.due_us / 3_600_000_000).collect();
    let per_hour: Vec<_> = hours
        .iter()
        .map(|hour| revenue(&mut sold().filter(|sample| sample.due_us / 3_600_000_000 == *hour)))
        .map(Value::Cents)
        .collect();
    let shown = rows(&summary, "revenue per hour").into_iter().map(|(_, value)| value);
    assert_eq!(shown.collect::<Vec<_>>(), per_hour);
    let through = |session: &&Vec<&Sample>| {
        let mut rest = session.iter();
        [EventType::PageView, EventType::Click, EventType::Purchase]
            .iter()
            .take_while(|step| rest.any(|sample| sample.event_type == **step))
            .count()
    };
    for (steps, name) in [(1, "page_view"), (2, "click"), (3, "purchase")] {
        let count = sessions.iter().filter(|session| through(session) >= steps).count() as u64;
        let shown = row(&summary, "conversion funnel, sessions", name);
        assert_eq!(shown, Some(Value::Count(count)), "{name}");
    }
    let duration_ms = |session: &Vec<&Sample>| {
        (session[session.len() - 1].due_us - session[0].due_us).unsigned_abs() / 1_000
    };
    let mean = sessions.iter().map(duration_ms).sum::<u64>() / sessions.len() as u64;
    assert_eq!(row(&summary, "session duration", "mean"), Some(Value::Ms(mean)));
    let journey = |session: &Vec<&Sample>| {
        let mut types: Vec<_> = session.iter().map(|sample| sample.event_type.name()).collect();
        types.dedup();
        let more = if types.len() > 8 { " > …" } else { "" };
        types.truncate(8);
        types.join(" > ") + more
    };
    assert_eq!(rows(&summary, "journeys, sessions"), counted(sessions.iter().map(journey)));
    assert_eq!(
        rows(&summary, "most active users"),
        counted(events.iter().map(|sample| sample.user_id.as_str())),
    );
}

fn behavior_agrees(events: &[Sample]) {
    let summary = summary("behavior", events, &[]);
    let mut segments = BTreeMap::<&str, (u64, u64)>::new();
    for events in by_user(events).values() {
        let count = |kind| events.iter().filter(|sample| sample.event_type == kind).count() as u64;
        let searches = count(EventType::Search);
        let segment = if count(EventType::Purchase) > 0 {
            "buyers"
        } else if searches > 0 && searches as f64 >= 0.15 * events.len() as f64 {
            "researchers"
        } else {
            "browsers"
        };
        let score: u64 =
            EventType::ALL.iter().zip([1, 2, 3, 5, 10]).map(|(kind, w)| w * count(*kind)).sum();
        let (users, sum) = segments.entry(segment).or_default();
        (*users, *sum) = (*users + 1, *sum + score);
    }
    for segment in ["browsers", "buyers", "researchers"] {
        let (count, sum) = segments.get(segment).copied().unwrap_or_default();
        let shown = row(&summary, "engagement by segment", segment);
        assert_eq!(shown, Some(Value::Mean { sum, count }), "{segment}");
    }
    let sessions = sessions(events);
    let last = sessions.iter().map(|session| path(session[session.len() - 1]));
    assert_eq!(rows(&summary, "last pages, sessions"), counted(last));
    let page_kind = |sample: &&Sample| match path(sample).split('/').nth(1) {
        Some(first) => format!("/{first}"),
        None => String::new(),
    };
    let ways = sessions.iter().flat_map(|session| {
        let views = session.iter().copied().filter(|s| s.event_type == EventType::PageView);
        let kinds: Vec<_> = views.map(|sample| page_kind(&sample)).collect();
        kinds.windows(3).map(|three| three.join(" > ")).collect::<Vec<_>>()
    });
    assert_eq!(rows(&summary, "paths of three pages"), counted(ways));
    let times_ms: Vec<u64> = sessions
        .iter()
        .filter_map(|session| {
            let bought = session.iter().find(|s| s.event_type == EventType::Purchase)?;
            Some((bought.due_us - session[0].due_us).unsigned_abs() / 1_000)
        })
        .collect();
    let mean = times_ms.iter().sum::<u64>().checked_div(times_ms.len() as u64).map(Value::Ms);
    assert_eq!(row(&summary, "time to the first purchase", "mean"), mean);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_applications_agree_with_the_naive_ones(
        seed in any::<u64>(),
        count in 1_usize..600,
        users in 1_u64..40,
        step_max_us in prop::sample::select(vec![1_000_i64, 300_000, 60_000_000, 3_600_000_000]),
    ) {
        let events = sample::events(seed, count, users, step_max_us);
        analytics_agrees(&events);
        behavior_agrees(&events);
    }
}
