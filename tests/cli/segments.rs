//! How well the behavior application recovers the planted personas, with the defaults of both.
//!
//! `cargo test --release --test cli -- segments:: --nocapture` prints the figures.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use kbench::apps;
use kbench::event::Stamp;
use kbench::event::format::PayloadFormat;
use kbench::load::generate::{Generator, Persona, Personas};
use kbench::load::schedule::Schedule;
use kbench::measure::verify::books::Books;
use kbench::measure::verify::segments::{EVENTS_MIN, SegmentReport, compare};
use kbench::plan::Plan;
use kbench::plan::scenario;
use kbench::plan::toml::environment::Environment;
use kbench::plan::toml::overrides::Overrides;
use kbench::plan::toml::source::ScenarioSource;

/// Some Monday.
const ORIGIN_WALL_US: i64 = 1_767_600_000_000_000;

const PEAK: &str = include_str!("../../scenarios/peak.toml");

/// The part of the users with enough events who have to be taken for what they are.
const RIGHT_MIN: f64 = 0.85;

/// Every shipped load, and what is set so that enough of its users have enough events: in a minute
/// or two, at a median pause of 8 s, next to nobody but who is planted comes to twenty. Population,
/// mix, pauses and fraud are as shipped.
const SHIPPED: [(&str, &str, &[&str]); 5] = [
    ("peak", PEAK, &["load.scale=0.02", "load.phase.1.duration=20m"]),
    (
        "steady",
        include_str!("../../scenarios/steady.toml"),
        &["load.rate_per_s=400", "load.duration=20m"],
    ),
    ("spec", include_str!("../../scenarios/spec.toml"), &["load.phase.0.duration=40m"]),
    ("smoke", include_str!("../../scenarios/smoke.toml"), &["load.duration=10m"]),
    ("fraud-burst", include_str!("../../scenarios/fraud-burst.toml"), &[]),
];

/// With so many users one standard deviation of the share is 0.8 points; the seeds are fixed.
const ACTIVE_MIN: u64 = 2_000;

/// A day's worth of a small shop, in which everybody comes again and again.
const REGULARS: &str = "seed = 7\nname = \"regulars\"\n\
    [load]\nrate_per_s = 20_000\nduration = \"100s\"\nwarmup = \"0s\"\n\
    [population]\nusers = 20_000\nuser_skew = 0.0\n";

fn plan(text: &str) -> Plan {
    plan_with(text, &[])
}

fn plan_with(text: &str, set: &[&str]) -> Plan {
    let source = ScenarioSource { name: "test.toml".to_owned(), text: text.to_owned() };
    let nothing = Environment::from_pairs::<String, String>([]);
    let set = set.iter().map(|text| (*text).to_owned()).collect();
    let overrides = Overrides { set, ..Overrides::default() };
    scenario::plan(&source, &overrides, &nothing, &apps::schemas(), kbench::client::CHECKERS)
        .unwrap()
}

/// What a user really is, and how many events of each type there are of the user.
type Truth = BTreeMap<u64, (Persona, [u64; 5])>;

/// Sends all events of a plan through the application, and asks it who is what.
fn report(plan: &Plan) -> (SegmentReport, Truth) {
    let app = plan.apps.iter().find(|app| app.name == "behavior").unwrap();
    let mut state = (apps::kind("behavior").unwrap().new)(app);
    let personas = Personas::new(plan).unwrap();
    let mut generator = Generator::for_shards(plan).remove(0);
    let codec = PayloadFormat::Json.codec();
    let (mut parser, mut bytes) = (codec.parser(), Vec::new());
    let (mut truth, mut books, mut robbed) = (Truth::new(), Books::default(), BTreeSet::new());
    for slot in Schedule::new(&plan.load, plan.seed).shard(0) {
        let draft = generator.next(slot.due_ns);
        let facts = draft.facts;
        assert_eq!(personas.of(draft.key), facts.persona.map(|it| (facts.user, it)));
        books.observe(&facts);
        if facts.fraud.is_some() {
            robbed.insert(facts.user);
        }
        let user = truth.entry(facts.user).or_insert((facts.persona.unwrap(), [0; 5]));
        user.1[facts.event_type.index()] += 1;
        let due_wall_us = ORIGIN_WALL_US + (slot.due_ns / 1_000) as i64;
        bytes.clear();
        let stamp = Stamp { run: 1, shard: 0, seq: slot.seq, due_wall_us };
        codec.encode(&stamp, &draft.parts, &mut bytes);
        state.observe(&parser.parse(&bytes).unwrap(), due_wall_us);
    }
    let report = compare(&personas, &books, &*state).unwrap();
    assert_eq!(report.planted, robbed.len() as u64);
    truth.retain(|user, _| !robbed.contains(user));
    (report, truth)
}

/// The accuracy of somebody who knows how often each persona comes, and does what, and goes by
/// likelihood (naive Bayes); over the users with at least so many events.
fn insider(truth: &Truth, events_min: u64) -> f64 {
    let (mut users, mut events) = ([0.0; 3], [[0.0; 5]; 3]);
    for (persona, by_type) in truth.values() {
        users[persona.index()] += 1.0;
        for (sum, count) in events[persona.index()].iter_mut().zip(by_type) {
            *sum += *count as f64;
        }
    }
    let likelihood = |persona: Persona, by_type: &[u64; 5]| {
        let own = &events[persona.index()];
        let all: f64 = own.iter().sum();
        let of_events = |(sum, count): (&f64, &u64)| *count as f64 * (sum / all).ln();
        f64::ln(users[persona.index()]) + own.iter().zip(by_type).map(of_events).sum::<f64>()
    };
    let active = truth.values().filter(|(_, by_type)| by_type.iter().sum::<u64>() >= events_min);
    let (mut right, mut whole) = (0.0, 0.0);
    for (persona, by_type) in active {
        let guess = Persona::ALL
            .into_iter()
            .max_by(|a, b| likelihood(*a, by_type).total_cmp(&likelihood(*b, by_type)));
        whole += 1.0;
        right += f64::from(u8::from(guess == Some(*persona)));
    }
    right / whole
}

#[test]
fn personas_are_recovered_nearly_as_well_as_by_an_insider() {
    for (text, set) in [(PEAK, SHIPPED[0].2), (REGULARS, &[] as &[&str])] {
        let (report, truth) = report(&plan_with(text, set));
        assert_eq!((report.strangers, report.all.users()), (0, truth.len() as u64));
        for (matrix, events_min) in [(report.all, 0), (report.active, EVENTS_MIN)] {
            let (own, best) = (matrix.accuracy().unwrap(), insider(&truth, events_min));
            println!(
                "{} users with {events_min} events or more: {own:.3}, insider {best:.3}, {:?}",
                matrix.users(),
                matrix.0
            );
            assert!(own > best - 0.025 && own > 0.7, "{own} {best}");
        }
    }
}

#[test]
fn on_every_shipped_load_most_active_users_are_taken_for_what_they_are() {
    for (name, text, set) in SHIPPED {
        let (report, truth) = report(&plan_with(text, set));
        let (active, best) = (report.active, insider(&truth, EVENTS_MIN));
        let right = active.accuracy().unwrap();
        println!("{name}: {right:.4} of {}, insider {best:.4}, {:?}", active.users(), active.0);
        assert!(active.users() >= ACTIVE_MIN, "{name}: {}", active.users());
        assert!(right >= RIGHT_MIN, "{name}: {right}");
    }
}

/// The same events as the run's, from two producers, tell who is left out.
#[test]
fn a_run_leaves_out_whom_fraud_was_planted_on() {
    let text = "seed = 9\n[load]\nrate_per_s = 4_000\nduration = \"4s\"\nwarmup = \"0s\"\n\
                producers = 2\n[population]\nusers = 5_000\n[population.fraud]\n\
                card_testing = 1\nbot_velocity = 1\n[apps]\nrun = [\"behavior\"]\n";
    let case = crate::case::Case::new(text);
    let run = ["run", "--quiet", &case.scenario(), "--out", &case.out()];
    let output = crate::kbench().args(run).env_remove("KAFKA_BOOTSTRAP_SERVERS").output().unwrap();
    let plan = plan(text);
    let schedule = Schedule::new(&plan.load, plan.seed);
    let (mut users, mut robbed) = (BTreeSet::new(), BTreeSet::new());
    for (shard, mut generator) in (0..).zip(Generator::for_shards(&plan)) {
        for slot in schedule.shard(shard) {
            let facts = generator.next(slot.due_ns).facts;
            users.insert(facts.user);
            robbed.extend(facts.fraud.map(|_| facts.user));
        }
    }
    assert!(robbed.len() > 20 && robbed.len() * 2 < users.len(), "{}", robbed.len());
    let read = |name: &str| std::fs::read_to_string(case.made().join(name)).unwrap();
    let result: serde_json::Value = serde_json::from_str(&read("result.json")).unwrap();
    let report: SegmentReport =
        serde_json::from_value(result["apps"][0]["segments"].clone()).unwrap();
    assert_eq!(report.planted, robbed.len() as u64);
    assert_eq!(report.all.users(), (users.len() - robbed.len()) as u64);
    let (line, chart) = ("with planted fraud left out", "users with planted fraud are left out");
    assert!(read("summary.md").contains(line));
    assert!(String::from_utf8(output.stdout).unwrap().contains(line));
    assert!(read("report.html").contains(chart));
}

#[test]
fn strangers_have_no_persona() {
    let personas = Personas::new(&plan(REGULARS)).unwrap();
    assert!(personas.of("user-19999").is_some());
    for stranger in ["user-20000", "user-7", "user-+0001", "somebody", "user-"] {
        assert_eq!(personas.of(stranger), None, "{stranger}");
    }
}

#[test]
fn an_application_without_segments_is_held_against_nothing() {
    let plan = plan(REGULARS);
    let app = plan.apps.iter().find(|app| app.name == "analytics").unwrap();
    let state = (apps::kind("analytics").unwrap().new)(app);
    assert_eq!(compare(&Personas::new(&plan).unwrap(), &Books::default(), &*state), None);
}
