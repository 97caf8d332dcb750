use super::*;
use crate::client::tests::planned;
use crate::load::generate::Persona;
use crate::plan::toml::source::ScenarioSource;

const START_WALL_US: i64 = 1_705_314_645_000_000;

fn plan(text: &str) -> Plan {
    let source = ScenarioSource::new("case.toml", text);
    planned(&source)
}

fn json(plan: &Plan) -> serde_json::Value {
    serde_json::to_value(Outline::new(plan, START_WALL_US).unwrap()).unwrap()
}

const LOAD: &str = "seed = 1\n[load]\nrate_per_s = 2000\nduration = \"60s\"\n\
                    warmup = \"10s\"\n";

#[test]
fn counts_bytes_and_times_add_up() {
    let plan = plan(LOAD);
    let outlook = Outline::new(&plan, START_WALL_US).unwrap().outlook;
    let load = outlook.load.unwrap();
    let near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-9;
    assert!(near(load.events, 140_000.0) && near(load.peak_per_s, 2_000.0));
    assert_eq!(load.weighed_events, 10_000);
    assert!((550.0..700.0).contains(&load.event_bytes), "{}", load.event_bytes);
    assert!(near(load.bytes, load.phases.iter().map(|phase| phase.bytes).sum()));
    assert!(near(load.peak_bytes_per_s, 2_000.0 * load.event_bytes));
    let time = outlook.time;
    assert!(near(time.schedule_s, 70.0) && near(time.most_s, 70.0 + 60.0 + 30.0));
    let memory = outlook.memory;
    let sum: f64 = memory.parts.iter().map(|part| part.bytes).sum();
    assert!(near(memory.most_bytes, sum) && memory.expected_bytes < sum);
}

#[test]
fn samples_are_the_first_events_and_sessions_are_whole() {
    let plan = plan(LOAD);
    let outline = Outline::new(&plan, START_WALL_US).unwrap();
    let mut preview = crate::load::preview::Preview::new(&plan, 0, START_WALL_US).unwrap();
    assert_eq!(outline.samples.len(), 10);
    let mut out = Vec::new();
    for sample in &outline.samples {
        out.clear();
        preview.append(&mut out).unwrap();
        assert_eq!(sample.as_bytes(), out);
    }
    let personas: Vec<_> = outline.sessions.iter().map(|visit| visit.persona).collect();
    assert_eq!(personas, Persona::ALL);
    for visit in &outline.sessions {
        assert!((6..=12).contains(&visit.steps.len()), "{visit:?}");
        assert!(!visit.steps[0].referrer.starts_with('/'));
        for pair in visit.steps.windows(2) {
            assert_eq!(pair[1].referrer, pair[0].page_url);
            let since_start_s = pair[0].since_start_s + pair[1].pause_s;
            assert!((pair[1].since_start_s - since_start_s).abs() < 1e-6);
        }
    }
    let text = outline.text();
    assert!(text.contains("a researcher's visit: user-") && text.contains(&outline.samples[9]));
}

#[test]
fn a_session_that_outlasts_a_short_schedule_says_so() {
    let plan = plan("seed = 1\n[load]\nrate_per_s = 500\nduration = \"1s\"\n");
    let outline = Outline::new(&plan, START_WALL_US).unwrap();
    assert_eq!(outline.sessions.len(), 3);
    assert!(outline.sessions.iter().any(|visit| visit.outlasts_schedule));
    assert!(outline.text().contains("the schedule ends before it does"));
}

#[test]
fn json_has_the_plan_the_outlook_samples_and_sessions() {
    let json = json(&plan(LOAD));
    assert_eq!(json["plan"]["seed"], 1);
    assert_eq!(json["outlook"]["trials"], 1);
    assert_eq!(json["samples"][9]["user_id"].as_str().unwrap().len(), 11);
    assert!(json["sessions"]["buyer"]["steps"][0]["event_type"].is_string());
}

#[test]
fn a_replay_shows_where_its_events_come_from_and_no_sample() {
    let mut plan = plan(LOAD);
    plan.load.phases.clear();
    plan.load.replay =
        Some(crate::plan::ReplayPlan { topic: "recorded".to_owned(), speed: 2.0, warmup_ns: 0 });
    let outline = Outline::new(&plan, START_WALL_US).unwrap();
    assert!(outline.samples.is_empty() && outline.sessions.is_empty());
    assert!(outline.text().contains("the events come from the topic recorded"));
    assert!(serde_json::to_value(&outline).unwrap()["outlook"]["load"].is_null());
}

#[test]
fn hot_keys_a_sale_and_planted_fraud_are_named() {
    let text = "seed = 1\n[[load.phase]]\nname = \"rush\"\nkind = \"constant\"\n\
                rate_per_s = 100\nduration = \"9s\"\nhot = { users = 3, percent = 40 }\n\
                sale = { product = 7, percent = 30 }\n";
    let text = Outline::new(&plan(text), START_WALL_US).unwrap().text();
    assert!(text.contains("3 users send 40.0 % of rush"), "{text}");
    assert!(text.contains("30.0 % of rush is about PROD-007"), "{text}");
    assert!(text.contains("card_testing 0.02"), "{text}");
}

#[test]
fn thresholds_are_in_the_text_as_they_are_in_the_json() {
    let with = format!("{LOAD}[thresholds]\n\"fraud.e2e.p99\" = [\"< 50ms\", \"> 1us\"]\n");
    let plan = plan(&format!("{with}\"ledger.missing\" = \"== 0\"\n"));
    let text = Outline::new(&plan, START_WALL_US).unwrap().text();
    let lines: Vec<&str> =
        text.lines().filter(|line| line.contains("exit code 5")).map(str::trim).collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines.contains(&"threshold fraud.e2e.p99 < 50ms, or exit code 5"), "{lines:?}");
    assert!(lines.contains(&"fraud.e2e.p99 > 1us, or exit code 5"), "{lines:?}");
    assert!(lines.contains(&"ledger.missing == 0, or exit code 5"), "{lines:?}");
    assert_eq!(json(&plan)["plan"]["thresholds"].as_array().unwrap().len(), 3);
}
