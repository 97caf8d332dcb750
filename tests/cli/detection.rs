//! How well the fraud application finds what the generator plants, with the defaults of both.
//!
//! `cargo test --release --test cli -- detection:: --nocapture` prints the figures.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly, and say figures.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;

use kbench::apps::{self, Flag, Summary};
use kbench::event::Stamp;
use kbench::event::format::PayloadFormat;
use kbench::load::generate::Generator;
use kbench::load::schedule::Schedule;
use kbench::measure::verify::books::Books;
use kbench::measure::verify::detection::{accused, detect};
use kbench::plan::scenario;
use kbench::plan::toml::environment::Environment;
use kbench::plan::toml::overrides::Overrides;
use kbench::plan::toml::source::ScenarioSource;
use kbench::plan::{AppPlan, Plan, PopulationPlan};

/// Some Monday.
const ORIGIN_WALL_US: i64 = 1_767_600_000_000_000;
/// Shares of the sessions by kind: enough of each to count, and few enough to leave a crowd.
const PLANTED: [f64; 4] = [0.005, 0.002, 0.005, 0.005];

const PEAK: &str = include_str!("../../scenarios/peak.toml");

/// The most of the sessions that were not planted that a rule may accuse.
const FALSE_SHARE_MAX: f64 = 0.001;

fn population(fraud: [f64; 4]) -> PopulationPlan {
    PopulationPlan { fraud, ..PopulationPlan::small() }
}

/// Sends events through the application with its defaults; gives the books and the alerts.
fn detected(population: &PopulationPlan, events: u64, rate_per_s: u64) -> (Books, Vec<Flag>) {
    let kind = apps::kind("fraud").unwrap();
    let (name, group) = (kind.schema.name.to_owned(), String::new());
    let plan = AppPlan { name, group, workers: 1, options: BTreeMap::new() };
    let mut state = (kind.new)(&plan);
    let mut generator = Generator::new(population, rate_per_s as f64, 7, 0, 1);
    let mut books = Books::default();
    let codec = PayloadFormat::Json.codec();
    let (mut parser, mut bytes) = (codec.parser(), Vec::new());
    for seq in 0..events {
        let due_ns = seq * 1_000_000_000 / rate_per_s;
        let draft = generator.next(due_ns);
        let due_wall_us = ORIGIN_WALL_US + (due_ns / 1_000) as i64;
        bytes.clear();
        codec.encode(&Stamp { run: 1, shard: 0, seq, due_wall_us }, &draft.parts, &mut bytes);
        books.observe(&draft.facts);
        state.observe(&parser.parse(&bytes).unwrap(), due_wall_us);
    }
    (books, state.summary().flags)
}

/// Sends all events of a scenario through its own fraud application.
fn played(text: &str, set: &[&str]) -> (Books, Summary) {
    let source = ScenarioSource { name: "test.toml".to_owned(), text: text.to_owned() };
    let set = set.iter().map(|text| (*text).to_owned()).collect();
    let overrides = Overrides { set, ..Overrides::default() };
    let nothing = Environment::from_pairs::<String, String>([]);
    let plan: Plan =
        scenario::plan(&source, &overrides, &nothing, &apps::schemas(), kbench::client::CHECKERS)
            .unwrap();
    assert_eq!(plan.load.producers, 1);
    let app = plan.apps.iter().find(|app| app.name == "fraud").unwrap();
    let mut state = (apps::kind("fraud").unwrap().new)(app);
    let mut generator = Generator::for_shards(&plan).remove(0);
    let mut books = Books::default();
    let codec = PayloadFormat::Json.codec();
    let (mut parser, mut bytes) = (codec.parser(), Vec::new());
    for slot in Schedule::new(&plan.load, plan.seed).shard(0) {
        let draft = generator.next(slot.due_ns);
        let due_wall_us = ORIGIN_WALL_US + (slot.due_ns / 1_000) as i64;
        bytes.clear();
        let stamp = Stamp { run: 1, shard: 0, seq: slot.seq, due_wall_us };
        codec.encode(&stamp, &draft.parts, &mut bytes);
        books.observe(&draft.facts);
        state.observe(&parser.parse(&bytes).unwrap(), due_wall_us);
    }
    (books, state.summary())
}

/// What is asked of every rule and every planted kind; `planted_min` sessions of each kind.
fn holds(books: &Books, summary: &Summary, planted_min: u64) {
    let rules = accused(books, [summary]);
    assert_eq!(rules.len(), 9);
    for rule in rules {
        let share = rule.false_share().unwrap();
        println!(
            "  {}: {} alerts, {} sessions, {} of {} not planted, {:.4} %",
            rule.rule,
            rule.alerts,
            rule.sessions,
            rule.false_alarms,
            rule.not_planted,
            100.0 * share
        );
        assert!(share < FALSE_SHARE_MAX, "{rule:?}");
    }
    let kinds = detect(books, &summary.flags);
    assert_eq!(kinds.len(), 4);
    for kind in kinds {
        let (recall, precision) = (kind.recall().unwrap(), kind.precision().unwrap());
        println!("  {kind:?}: precision {precision:.3}, recall {recall:.3}");
        assert!(kind.planted >= planted_min && recall >= 0.9 && precision >= 0.9, "{kind:?}");
    }
}

/// As it is shipped: few planted sessions, so the seed decides; what follows has more of them.
#[test]
fn on_peak_no_rule_accuses_one_in_a_thousand_who_only_shop() {
    let (books, summary) = played(PEAK, &[]);
    println!("peak: {} sessions", books.sessions);
    assert!(books.sessions > 100_000);
    holds(&books, &summary, 15);
}

/// With 150 planted sessions or more of each kind a rule that finds 95 % of them is below 90 % by
/// chance in one of 100 seeds, and this seed is fixed; and no more people are accused than on peak
/// as it is.
#[test]
fn on_peak_nine_of_ten_planted_are_found_and_nine_of_ten_found_are_planted() {
    let more = ["card_testing", "bot_velocity", "account_takeover", "high_value_burst"]
        .map(|kind| format!("population.fraud.{kind}=0.2"));
    let (books, summary) = played(PEAK, &more.each_ref().map(String::as_str));
    holds(&books, &summary, 150);
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
            assert!(detection.planted > 80 && precision > 0.9 && recall > 0.9, "{detection:?}");
        }
    }
}

#[test]
fn who_only_shops_is_rarely_suspected() {
    for (median_ms, rate_per_s) in [(8_000.0, 1_000), (8_000.0, 10_000), (4_000.0, 2_000)] {
        let people = PopulationPlan { think_median_ms: median_ms, ..population([0.0; 4]) };
        let (books, flags) = detected(&people, rate_per_s * 120, rate_per_s);
        let rules = rules(&flags);
        println!("{median_ms} ms, {rate_per_s}/s: {} sessions, {rules:?}", books.sessions);
        let most = if median_ms < 8_000.0 { books.sessions / 250 } else { books.sessions / 1_000 };
        let all: u64 = rules.values().sum();
        assert!(all < most, "{rules:?}");
    }
}

/// A hundred users for a rate of thousands: they have no time to think, and are suspected.
#[test]
fn a_run_says_of_every_rule_whom_it_accuses() {
    let case = crate::case::Case::new(
        "seed = 5\n[load]\nrate_per_s = 2_000\nduration = \"6s\"\nwarmup = \"0s\"\n\
         [population]\nusers = 100\n[apps]\nrun = [\"fraud\"]\n",
    );
    let output = crate::kbench()
        .args(["run", "--quiet", &case.scenario(), "--out", &case.out()])
        .env_remove("KAFKA_BOOTSTRAP_SERVERS")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let read = |name: &str| std::fs::read_to_string(case.made().join(name)).unwrap();
    let result: serde_json::Value = serde_json::from_str(&read("result.json")).unwrap();
    let rules = result["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 9);
    let hasty = rules.iter().find(|rule| rule["rule"] == "hasty_purchase").unwrap();
    let (alarms, others) = (&hasty["false_alarms"], &hasty["not_planted"]);
    assert!(alarms.as_u64() > Some(0) && others.as_u64() > alarms.as_u64(), "{hasty}");
    let planted: u64 =
        (0..4).filter_map(|kind| result["books"]["fraud"][kind]["sessions"].as_u64()).sum();
    assert_eq!(others.as_u64(), result["books"]["sessions"].as_u64().map(|all| all - planted));
    for text in [&text, &read("summary.md")] {
        let line = text.lines().find(|line| line.contains("hasty_purchase"));
        assert!(line.is_some_and(|line| line.contains(&alarms.to_string())), "{text}");
        assert!(text.contains("device_change"), "{text}");
    }
    assert!(read("report.html").contains("Rules against the sessions that were not planted"));
}
