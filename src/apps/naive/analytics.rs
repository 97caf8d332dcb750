//! Analytics once more, over the list of all events.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::{Summary, Value};
use super::sample::{self, Sample};
use super::{
    by_user, counted, duration_ms, of, page_kinds, parts_of, path, row, rows, sessions,
    spread_agrees, summary,
};
use crate::event::EventType;

const PRICES_CENTS: [u64; 4] = [99_999, 2_999, 7_999, 29_999];
const HOUR_US: i64 = 3_600_000_000;

fn product(sample: &Sample) -> Option<&str> {
    sample.event().properties.product_name
}

fn revenue<'s>(sold: impl IntoIterator<Item = &'s Sample>) -> u64 {
    sold.into_iter().map(|sample| PRICES_CENTS[sample.product]).sum()
}

/// The sales of each window, oldest first, under its date; all but the newest ten in one.
fn windows(events: &[Sample], width_us: i64, format: &str) -> Vec<(String, Value)> {
    let starts: BTreeSet<_> =
        of(events, EventType::Purchase).map(|sample| sample.due_us / width_us).collect();
    let sum = |wanted: &dyn Fn(i64) -> bool| {
        let sold = of(events, EventType::Purchase);
        Value::Cents(revenue(sold.filter(|sample| wanted(sample.due_us / width_us))))
    };
    let shown: Vec<_> = starts.iter().copied().skip(starts.len().saturating_sub(10)).collect();
    let mut rows = Vec::new();
    if shown.len() < starts.len() {
        rows.push(("earlier".to_owned(), sum(&|start| start < shown[0])));
    }
    rows.extend(shown.into_iter().map(|start| {
        let date = chrono::DateTime::from_timestamp_micros(start * width_us).unwrap();
        (date.format(format).to_string(), sum(&|other| other == start))
    }));
    rows
}

/// The rows of a funnel: how many sessions have the steps' events one after the other.
fn funnel(sessions: &[Vec<&Sample>], steps: &[EventType]) -> Vec<(String, Value)> {
    let through = |session: &[&Sample], steps: &[EventType]| {
        let mut rest = session.iter();
        steps.iter().all(|step| rest.any(|sample| sample.event_type == *step))
    };
    let count = |taken| sessions.iter().filter(|s| through(s, &steps[..taken])).count() as u64;
    let whole = sessions.len() as u64;
    (1..=steps.len())
        .map(|taken| {
            let value = Value::Step { count: count(taken), before: count(taken - 1), whole };
            (steps[taken - 1].name().to_owned(), value)
        })
        .collect()
}

fn agrees(events: &[Sample]) {
    let summary = summary("analytics", events, &[]);
    events_agree(&summary, events);
    sessions_agree(&summary, events);
    sales_agree(&summary, events);
    // What is not held against anything must not be shown.
    assert_eq!(summary.sections.len(), 21);
}

fn events_agree(summary: &Summary, events: &[Sample]) {
    let shown = |title| rows(summary, title);
    let users = by_user(events);
    assert_eq!(summary.totals.users, Some(users.len() as u64));
    for kind in EventType::ALL {
        let value =
            Value::Part { part: of(events, kind).count() as u64, whole: events.len() as u64 };
        assert_eq!(row(summary, "events by type", kind.name()), Some(value));
    }
    assert_eq!(row(summary, "events by type", "late events"), Some(Value::Count(0)));
    assert_eq!(shown("page views"), counted(of(events, EventType::PageView).map(path)));
    let per_user = users.values().map(|events| events.len() as u64).collect();
    spread_agrees(summary, "events per user", per_user, Value::Count);
    assert_eq!(row(summary, "events per user", "users"), summary.totals.users.map(Value::Count));
    let active = counted(events.iter().map(|sample| sample.user_id.as_str()));
    assert_eq!(shown("most active users"), active);
    let search = of(events, EventType::Search);
    let queries = search.map(|sample| sample.event().properties.search_query.unwrap());
    assert_eq!(shown("searches"), counted(queries));
}

fn sessions_agree(summary: &Summary, events: &[Sample]) {
    use EventType::{AddToCart, Click, PageView, Purchase, Search};
    let shown = |title| rows(summary, title);
    let sessions = sessions(events);
    let whole = sessions.len() as u64;
    assert_eq!(summary.totals.sessions, Some(whole));
    let now_us = events.iter().map(|sample| sample.due_us).max().unwrap();
    let open = sessions.iter().filter(|s| now_us - s[s.len() - 1].due_us <= super::IDLE_US);
    assert_eq!(row(summary, "sessions", "begun"), Some(Value::Count(whole)));
    assert_eq!(row(summary, "sessions", "open"), Some(Value::Count(open.count() as u64)));
    let durations = sessions.iter().map(|s| duration_ms(s[0], s[s.len() - 1])).collect();
    spread_agrees(summary, "session duration", durations, Value::Ms);
    let lengths = sessions.iter().map(|session| session.len() as u64).collect();
    spread_agrees(summary, "session length in events", lengths, Value::Count);
    assert_eq!(
        shown("funnel: sessions, of step before, of all"),
        funnel(&sessions, &[PageView, Click, Purchase])
    );
    assert_eq!(
        shown("long funnel: sessions, of step before, of all"),
        funnel(&sessions, &[PageView, Search, Click, AddToCart, Purchase])
    );
    let journey = |session: &Vec<&Sample>| {
        let mut kinds = page_kinds(session);
        if kinds.len() > 6 {
            kinds.truncate(6);
            kinds.push("…");
        }
        kinds.join(" > ")
    };
    let journeys = parts_of(counted(sessions.iter().map(journey)), whole);
    assert_eq!(shown("journeys, sessions"), journeys);
    let first = || sessions.iter().map(|session| session[0].event());
    let countries = counted(first().map(|event| event.location.country.unwrap()));
    assert_eq!(shown("sessions by country"), countries);
    let city = |place: crate::event::Location<'_>| {
        format!("{}, {}", place.city.unwrap(), place.country.unwrap())
    };
    assert_eq!(shown("sessions by city"), counted(first().map(|event| city(event.location))));
    let devices = counted(first().map(|event| event.device.kind.unwrap()));
    assert_eq!(shown("sessions by device"), devices);
}

fn sales_agree(summary: &Summary, events: &[Sample]) {
    use EventType::{AddToCart, PageView, Purchase};
    let shown = |title| rows(summary, title);
    let sold = || of(events, Purchase);
    let mean = revenue(sold()).checked_div(sold().count() as u64);
    assert_eq!(summary.totals.revenue_cents, revenue(sold()));
    assert_eq!(row(summary, "revenue", "in all"), Some(Value::Cents(revenue(sold()))));
    let units = Value::Count(sold().count() as u64);
    assert_eq!(row(summary, "revenue", "products sold"), Some(units));
    assert_eq!(row(summary, "revenue", "mean price"), mean.map(Value::Cents));
    assert_eq!(shown("revenue per hour"), windows(events, HOUR_US, "%Y-%m-%dT%H:00Z"));
    assert_eq!(shown("revenue per day"), windows(events, 24 * HOUR_US, "%Y-%m-%d"));
    for (title, kind) in [
        ("products viewed", PageView),
        ("products put into carts", AddToCart),
        ("products bought", Purchase),
    ] {
        assert_eq!(shown(title), counted(of(events, kind).filter_map(product)), "{title}");
    }
    let mut by_product = BTreeMap::<&str, u64>::new();
    for sample in sold() {
        *by_product.entry(product(sample).unwrap()).or_default() += revenue([sample]);
    }
    let mut by_product: Vec<_> = by_product.into_iter().collect();
    by_product.sort_by_key(|(_, cents)| std::cmp::Reverse(*cents));
    let by_product: Vec<_> = by_product
        .into_iter()
        .map(|(name, cents)| (name.to_owned(), Value::Cents(cents)))
        .collect();
    assert_eq!(shown("revenue by product"), by_product);
}

#[test]
fn a_late_sale_is_in_the_totals_and_in_no_window() {
    let mut events = sample::events(1, 2, 1, 1);
    for (sample, due_us) in events.iter_mut().zip([2 * HOUR_US, 2 * HOUR_US - 60_000_001]) {
        (sample.event_type, sample.due_us, sample.product) = (EventType::Purchase, due_us, 1);
    }
    let late = |lateness_ms: f64| {
        let summary = summary("analytics", &events, &[("lateness_ms", lateness_ms)]);
        let windows = rows(&summary, "revenue per hour");
        assert_eq!(summary.totals.revenue_cents, 2 * 2_999);
        (row(&summary, "events by type", "late events").unwrap(), windows.len())
    };
    assert_eq!(late(60_000.0), (Value::Count(1), 1));
    assert_eq!(late(60_001.0), (Value::Count(0), 2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn analytics_agrees_with_the_naive_one(
        seed in any::<u64>(),
        count in 1_usize..600,
        users in 1_u64..40,
        step_max_us in prop::sample::select(vec![1_000_i64, 300_000, 60_000_000, 3_600_000_000]),
    ) {
        agrees(&sample::events(seed, count, users, step_max_us));
    }
}
