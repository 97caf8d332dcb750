//! Fraud once more, over the list of all events.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use proptest::prelude::*;

use super::super::{Flag, Summary, Value, kind};
use super::sample::{self, Sample};
use super::{behind_a_gate, counted, rows, strangers};
use crate::event::{Event, EventType, cents};

const OPTIONS: [(&str, f64); 8] = [
    ("velocity_per_min", 8.0),
    ("purchases_max", 3.0),
    ("purchase_window_ms", 600_000.0),
    ("high_value_usd", 1_500.0),
    ("high_value_pause_ms", 10_000.0),
    ("hasty_purchase_ms", 300.0),
    ("address_users_max", 4.0),
    ("home_sessions", 2.0),
];
const ADDRESSES: [&str; 6] =
    ["10.0.0.1", "10.0.0.2", "10.1.0.1", "192.168.0.9", "2001:db8:1::7", "not an address"];
const COUNTRIES: [Option<&str>; 4] = [Some("US"), Some("DE"), Some("FR"), None];
const AGENTS: [Option<&str>; 3] = [Some("Firefox"), Some("Chrome"), None];
const REFERRERS: [Option<&str>; 3] = [Some("/cart"), Some("https://example.com"), None];
const IDLE_US: i64 = 1_800_000_000;

/// One event, with its time.
#[derive(Debug, Clone)]
struct Seen<'a> {
    event: Event<'a>,
    due_us: i64,
}

impl Seen<'_> {
    fn is(&self, event_type: EventType) -> bool {
        self.event.event_type == event_type
    }

    fn device(&self) -> (Option<&str>, Option<&str>) {
        (self.event.user_agent, self.event.device.kind)
    }

    fn network(&self) -> Option<String> {
        let address = self.event.ip_address?;
        let split = if address.contains('.') { '.' } else { ':' };
        let parts: Vec<_> = address.split(split).take(2).collect();
        (parts.len() == 2).then(|| parts.join(&split.to_string()))
    }
}

/// The samples, with users who travel now and then, share addresses and change browsers.
fn travelling(samples: &[Sample]) -> Vec<Seen<'_>> {
    let mut seen = Vec::new();
    for (index, sample) in samples.iter().enumerate() {
        let mut event = sample.event();
        let user = FixedState::default().hash_one(&sample.user_id) as usize;
        let toss = FixedState::default().hash_one((index, sample.due_us, "toss")) as usize;
        let pick = |often: usize, from: usize| match toss % often {
            0 => (toss / 64) % from,
            _ => user % from,
        };
        event.ip_address = Some(ADDRESSES[pick(6, ADDRESSES.len())]);
        event.location.country = COUNTRIES[pick(7, COUNTRIES.len())];
        event.user_agent = AGENTS[pick(9, AGENTS.len())];
        event.referrer = REFERRERS[pick(2, REFERRERS.len())];
        seen.push(Seen { event, due_us: sample.due_us });
    }
    seen
}

/// An alert by rule, user and session: hits, first and last time, strength, evidence.
type Found = BTreeMap<(&'static str, String, String), (u64, i64, i64, i64, String)>;

/// Enters what an event meets: the rule, whether it is met, how strong that is, and the words.
fn enter(found: &mut Found, now: &Seen<'_>, rule: &'static str, strength: i64, evidence: String) {
    let key = (rule, now.event.user_id.to_owned(), now.event.session_id.to_owned());
    let alert = found.entry(key).or_insert((0, now.due_us, now.due_us, strength, evidence.clone()));
    alert.0 += 1;
    alert.2 = now.due_us;
    if strength > alert.3 {
        (alert.3, alert.4) = (strength, evidence);
    }
}

/// The three first different ones.
fn learned(places: impl Iterator<Item = String>) -> Vec<String> {
    let mut known = Vec::new();
    for place in places {
        if known.len() < 3 && !known.contains(&place) {
            known.push(place);
        }
    }
    known
}

/// The cart that a session has after these events: how many products there are in it, and the
/// place of the event that put the first one in.
fn cart_of(before: &[&Seen<'_>]) -> (usize, usize) {
    let (mut items, mut since) = (0_usize, 0);
    for (place, seen) in before.iter().enumerate() {
        match seen.event.event_type {
            EventType::AddToCart if items == 0 => (items, since) = (1, place),
            EventType::AddToCart => items += 1,
            EventType::Purchase => items = items.saturating_sub(1),
            _ => {}
        }
    }
    (items, since)
}

/// What is paid.
fn cents_of(seen: &Seen<'_>) -> u64 {
    cents(seen.event.properties.price.unwrap())
}

/// Judges a purchase of a user who bought these carts before, after these events of the session.
/// Gives the carts bought in a window that ends with it; 0 where it leaves something in the cart.
fn judge_purchase(
    now: &Seen<'_>,
    before: &[&Seen<'_>],
    carts: &mut Vec<i64>,
    found: &mut Found,
    dear: &mut Vec<(u64, u64)>,
) -> usize {
    let cart = cents(now.event.properties.cart_value.unwrap());
    let mut bought = 0;
    if cart <= cents_of(now) {
        carts.push(now.due_us);
        let recent = |at: &&i64| **at > now.due_us - 600_000_000;
        bought = carts.iter().filter(recent).count();
        let own = before.iter().filter(|e| e.is(EventType::Purchase)).count() + 1;
        if bought > 3 && 2 * own >= 3 {
            let text = format!("{bought} carts bought in 10m");
            enter(found, now, "purchase_velocity", bought as i64, text);
        }
    }
    let (items, since) = cart_of(before);
    if cart >= 150_000 && items >= 3 {
        let us = now.due_us - before[since].due_us;
        if us < 10_000_000 * (before.len() - since) as i64 {
            let (cents, ms) = (Value::Cents(cart), us / 1_000);
            let text = format!("a cart of {cents}, {ms} ms after its first product");
            enter(found, now, "high_value", cart as i64, text);
            dear.push((cart, cents_of(now)));
        }
    }
    let looked = before.iter().any(|e| e.is(EventType::PageView) || e.is(EventType::Search));
    let first = before.first().map_or(&now.event, |e| &e.event);
    if !looked && first.referrer != Some("/cart") {
        let text = "bought without a view or a search".to_owned();
        enter(found, now, "blind_purchase", 0, text);
    }
    let carted = before.iter().rev().find(|e| e.is(EventType::AddToCart));
    if let Some(us) = carted.map(|e| now.due_us - e.due_us).filter(|us| *us < 300_000) {
        let text = format!("bought {} ms after the cart", us / 1_000);
        enter(found, now, "hasty_purchase", -us, text);
    }
    bought
}

/// Judges the events of one user; gives the most events in a minute and carts in a window.
/// `dear` gets cart and price of each purchase that is of high value.
fn judge(events: &[&Seen<'_>], found: &mut Found, dear: &mut Vec<(u64, u64)>) -> (usize, usize) {
    let mut most = (0, 0);
    // The latest first: the session's number, and its events so far.
    let mut open: Vec<(usize, Vec<&Seen<'_>>)> = Vec::new();
    let mut begun = 0;
    let mut carts = Vec::new();
    let mut home: Vec<&Seen<'_>> = Vec::new();
    for (index, now) in events.iter().enumerate() {
        let same = |(_, session): &(usize, Vec<&Seen<'_>>)| {
            session[0].event.session_id == now.event.session_id
        };
        let mut current = open.iter().position(same).map(|at| open.remove(at));
        current.take_if(|(_, s)| now.due_us - s[s.len() - 1].due_us > IDLE_US);
        let (number, before) = current.unwrap_or_else(|| {
            begun += 1;
            (begun, Vec::new())
        });
        let slice = |seen: &Seen<'_>| seen.due_us.div_euclid(10_000_000);
        let minute = events[..=index].iter().filter(|e| slice(e) > slice(now) - 6).count();
        most.0 = most.0.max(minute);
        if minute > 8 && before.len() + 1 >= 4 {
            enter(found, now, "velocity", minute as i64, format!("{minute} events in a minute"));
        }
        let device = before.iter().rev().map(|e| e.device()).next();
        if device.is_some_and(|device| device != now.device()) {
            let kind = now.event.device.kind.unwrap();
            enter(found, now, "device_change", 0, format!("went on with {kind}"));
        }
        if number <= 2 {
            home.push(now);
        } else {
            let country = |e: &Seen<'_>| e.event.location.country.map(str::to_owned);
            let countries = learned(home.iter().filter_map(|e| country(e)));
            let networks = learned(home.iter().filter_map(|e| e.network()));
            for (rule, own, now_at) in [
                ("unusual_country", countries, country(now)),
                ("unusual_network", networks, now.network()),
            ] {
                if let Some(place) = now_at.filter(|p| !own.is_empty() && !own.contains(p)) {
                    enter(found, now, rule, 0, format!("{place}, own {}", own[0]));
                }
            }
        }
        if now.is(EventType::Purchase) {
            let bought = judge_purchase(now, &before, &mut carts, found, dear);
            most.1 = most.1.max(bought);
        }
        open.insert(0, (number, before.into_iter().chain([*now]).collect()));
        open.truncate(2);
    }
    most
}

fn summary(events: &[Seen<'_>], partitions: u64) -> Summary {
    let plan = sample::plan(&OPTIONS);
    let mut streams = vec![Vec::new(); partitions as usize];
    for Seen { event, due_us } in events {
        let hash = FixedState::default().hash_one(event.user_id);
        streams[(hash % partitions) as usize].push((event.clone(), *due_us));
    }
    let mut states: Vec<_> = streams
        .into_iter()
        .map(|stream| {
            let expected = strangers(stream.len());
            let (state, left_out) = behind_a_gate(kind("fraud").unwrap(), &plan, stream);
            assert_eq!(left_out, expected);
            state
        })
        .collect();
    let mut whole = states.pop().unwrap();
    states.into_iter().rev().for_each(|state| whole.merge(state));
    whole.summary()
}

fn agrees(events: &[Seen<'_>]) {
    let summary = summary(events, 1);
    let mut users = BTreeMap::<&str, Vec<&Seen<'_>>>::new();
    for seen in events {
        users.entry(seen.event.user_id).or_default().push(seen);
    }
    let (mut found, mut dear) = (Found::new(), Vec::new());
    let most: BTreeMap<_, _> =
        users.iter().map(|(user, events)| (*user, judge(events, &mut found, &mut dear))).collect();
    let mut crowds = BTreeMap::<&str, BTreeSet<&str>>::new();
    for seen in events.iter().filter(|seen| seen.network().is_some()) {
        crowds.entry(seen.event.ip_address.unwrap()).or_default().insert(seen.event.user_id);
    }
    let crowded: BTreeSet<_> = crowds
        .iter()
        .filter(|(_, users)| users.len() > 4)
        .map(|(address, _)| format!("{address} has more than 4 users"))
        .collect();
    let (crowd, alerts): (Vec<&Flag>, Vec<&Flag>) =
        summary.flags.iter().partition(|flag| flag.rule == "crowded_address");
    assert_eq!(
        crowd.into_iter().map(|flag| flag.evidence.clone()).collect::<BTreeSet<_>>(),
        crowded
    );
    let shown: Vec<_> = alerts
        .iter()
        .map(|f| {
            ((&*f.rule, &f.user_id, &f.session_id), (f.hits, f.first_us, f.last_us, &f.evidence))
        })
        .collect();
    let expected: Vec<_> = found
        .iter()
        .map(|((rule, user, session), a)| ((*rule, user, session), (a.0, a.1, a.2, &a.4)))
        .collect();
    assert_eq!(shown, expected);
    tables_agree(&summary, &dear, &found, &most, (crowds.len(), crowded.len()));
}

/// The tables, from the alerts that agreed.
fn tables_agree(
    summary: &Summary,
    dear: &[(u64, u64)],
    found: &Found,
    most: &BTreeMap<&str, (usize, usize)>,
    (addresses, crowded): (usize, usize),
) {
    for (rule, shown) in rows(summary, "alerts") {
        let count = match &*rule {
            "crowded_address" => crowded,
            _ => found.keys().filter(|(name, ..)| *name == rule).count(),
        };
        assert_eq!(shown, Value::Count(count as u64), "{rule}");
    }
    for (rule, shown) in rows(summary, "events behind them") {
        let of_rule = found.iter().filter(|((name, ..), _)| *name == rule);
        let hits = match &*rule {
            "crowded_address" => 5 * crowded as u64,
            _ => of_rule.map(|(_, alert)| alert.0).sum(),
        };
        assert_eq!(shown, Value::Count(hits), "{rule}");
    }
    let suspects: BTreeSet<_> = found.keys().map(|(_, user, _)| user).collect();
    let (part, whole) = (suspects.len() as u64, most.len() as u64);
    let named = |rows: &[(&str, Value)]| -> Vec<(String, Value)> {
        rows.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    };
    assert_eq!(
        rows(summary, "users"),
        named(&[
            ("known", Value::Count(whole)),
            ("with an alert", Value::Count(part)),
            ("share", Value::Share { part, whole }),
            ("addresses", Value::Count(addresses as u64)),
            ("late events", Value::Count(0)),
        ])
    );
    assert_eq!(
        rows(summary, "high-value carts"),
        named(&[
            ("purchases", Value::Count(dear.len() as u64)),
            ("bought for", Value::Cents(dear.iter().map(|(_, price)| price).sum())),
            ("dearest cart", Value::Cents(dear.iter().map(|(cart, _)| *cart).max().unwrap_or(0))),
        ])
    );
    let hits = found
        .iter()
        .flat_map(|((_, user, _), alert)| std::iter::repeat_n(user.as_str(), alert.0 as usize));
    assert_eq!(rows(summary, "users by events behind alerts"), counted(hits));
    let times = |of: fn(&(usize, usize)) -> usize| {
        let many = most.iter().filter(move |(_, most)| of(most) > 1);
        counted(many.flat_map(move |(user, most)| std::iter::repeat_n(*user, of(most))))
    };
    assert_eq!(rows(summary, "most events in a minute"), times(|most| most.0));
    assert_eq!(rows(summary, "most carts bought in a window"), times(|most| most.1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn fraud_agrees_with_the_naive_one_for_any_number_of_partitions(
        seed in any::<u64>(),
        count in 1_usize..600,
        users in 1_u64..40,
        step_max_us in prop::sample::select(vec![1_000_i64, 300_000, 60_000_000, 3_600_000_000]),
    ) {
        let samples = sample::events(seed, count, users, step_max_us);
        let events = travelling(&samples);
        agrees(&events);
        let whole = summary(&events, 1);
        for partitions in [3, 6, 12] {
            prop_assert_eq!(&summary(&events, partitions), &whole);
        }
    }
}

#[test]
fn the_sample_meets_every_rule() {
    let samples = sample::events(1, 3_000, 20, 300_000);
    let summary = summary(&travelling(&samples), 1);
    for (rule, alerts) in rows(&summary, "alerts") {
        assert_ne!(alerts, Value::Count(0), "{rule}");
    }
}
