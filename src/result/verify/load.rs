//! The load, made once more from plan and seed: its number, its first events, and all that the
//! books counted of it.

use serde_json::{Map, Value};

use super::{Audit, is_ours, plan_of, timeline};
use crate::load::preview::{Preview, fingerprint};
use crate::load::schedule::Schedule;
use crate::measure::verify::books::Books;
use crate::measure::verify::detection::{Detection, accused, detect};
use crate::plan::Plan;
use crate::result::{AppResult, FORMAT_VERSION, PhaseSessions, RunResult};

/// The most events that are made again: some seconds.
const EVENTS_MAX: u64 = 5_000_000;

/// What a plan's number leaves out: where the brokers are, and what the user was told.
const LEFT_OUT: [&str; 2] = ["kafka.bootstrap_servers", "warnings"];

/// The plan's number, from the plan as the result has it.
pub(super) fn check_hash(result: &RunResult, audit: &mut Audit) {
    let Some(saved) = &result.plan_hash else { return };
    let mut plan = result.plan.clone();
    // Whatever it is that calls itself a plan.
    for (table, key) in [("/kafka", "bootstrap_servers"), ("", "warnings")] {
        match plan.pointer_mut(table).and_then(Value::as_object_mut) {
            Some(members) => drop(members.insert(key.to_owned(), Value::Null)),
            None => return audit.fault("plan", "no plan", "a plan with its [kafka]"),
        }
    }
    // FNV-1a in 64 bits ("The FNV Non-Cryptographic Hash Algorithm", draft-eastlake-fnv).
    let hash = plan.to_string().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    audit.same("plan_hash", saved.as_str(), &format!("{hash:016x}"));
}

/// Everything that follows from the plan.
pub(super) fn check(result: &RunResult, audit: &mut Audit) {
    let plan = match plan_of(result) {
        Ok(plan) => plan,
        Err(why) => {
            audit.notes.push(format!("the load: this kbench can't read the plan: {why}"));
            return;
        }
    };
    if is_ours(result) {
        audit.same("format_version", result.format_version, FORMAT_VERSION);
    }
    names(result, &plan, audit);
    phases(result, &plan, audit);
    timeline::check(result, &plan, audit);
    if plan.load.replay.is_some() || result.recording.is_some() {
        audit.notes.push("the load is a recorded topic: not made again".to_owned());
        return;
    }
    let Some(saved) = &result.fingerprint else {
        audit.notes.push("the load: no fingerprint, written by an older kbench".to_owned());
        return;
    };
    let made = fingerprint::events(&plan);
    if made.as_deref() != Some(saved) && !is_ours(result) {
        let git = result.build.git.as_deref().unwrap_or("unknown");
        audit.notes.push(format!(
            "the load: this kbench makes other events of the plan than {git} did: not held \
             against ours"
        ));
        return;
    }
    audit.same("fingerprint", Some(saved.as_str()), made.as_deref());
    events(result, &plan, audit);
}

fn names(result: &RunResult, plan: &Plan, audit: &mut Audit) {
    audit.same("scenario", &result.scenario, &plan.name);
    // The consumers of a run of several processes are not the plan's.
    if !result.processes.is_empty() {
        return;
    }
    audit.same("apps", result.apps.len(), plan.apps.len());
    for (app, planned) in result.apps.iter().zip(&plan.apps) {
        let name = format!("apps.{}", planned.name);
        audit.same(format!("{name}.name"), &app.name, &planned.name);
        audit.same(format!("{name}.group"), &app.group, &planned.group);
        audit.same(format!("{name}.workers"), app.workers, planned.workers);
    }
    if !plan.topic.reuse {
        let topic = &result.broker.topic.name;
        audit.same("broker.topic.name", topic, &format!("{}-{}", plan.topic.name, result.run));
    }
}

fn phases(result: &RunResult, plan: &Plan, audit: &mut Audit) {
    let schedule = Schedule::new(&plan.load, plan.seed);
    let mut from_ns = 0;
    audit.same("phases", result.phases.len(), plan.load.phases.len());
    for (place, (phase, planned)) in result.phases.iter().zip(&plan.load.phases).enumerate() {
        let to_ns = from_ns + planned.duration_ns();
        let name = format!("phases.{}", planned.name);
        audit.same(format!("{name}.name"), &phase.name, &planned.name);
        audit.same(format!("{name}.warmup"), phase.warmup, planned.warmup);
        audit.near(format!("{name}.from_s"), phase.from_s, from_ns as f64 / 1e9);
        audit.near(format!("{name}.to_s"), phase.to_s, to_ns as f64 / 1e9);
        audit.near(format!("{name}.expected"), phase.expected, schedule.expected_in(place));
        from_ns = to_ns;
    }
}

/// Every event of the schedule, booked once more.
fn events(result: &RunResult, plan: &Plan, audit: &mut Audit) {
    let ledger = &result.ledger;
    if ledger.offered > EVENTS_MAX {
        audit.notes.push(format!("the books: {} events are not made again", ledger.offered));
        return;
    }
    // The run's number and its start are in the events' bytes, and in nothing that is counted.
    let Ok(mut preview) = Preview::new(plan, 1, 0) else { return };
    let interval_ns = plan.measure.interval_ms.max(1) * 1_000_000;
    let (mut books, mut offered, mut bytes) = (Books::default(), Vec::new(), Vec::new());
    let mut count = 0;
    loop {
        bytes.clear();
        let Some(event) = preview.append(&mut bytes).filter(|_| count <= ledger.offered) else {
            break;
        };
        let at = usize::try_from(event.due_ns / interval_ns).unwrap_or(usize::MAX);
        if offered.len() <= at {
            offered.resize(at.saturating_add(1), 0_u64);
        }
        offered[at] += 1;
        count += 1;
        books.observe(&event.facts);
    }
    let may_be_cut = result.verdict.interrupted_by.is_some() || !result.processes.is_empty();
    if may_be_cut && count != ledger.offered {
        audit.notes.push("the books: the run ended before its schedule did".to_owned());
        return;
    }
    audit.same("ledger.offered", ledger.offered, count);
    for (at, row) in result.series.iter().enumerate() {
        let made = offered.get(at).copied().unwrap_or(0);
        audit.same(format!("series[{at}].offered"), row.offered, made);
    }
    if ledger.unsent + ledger.failed + ledger.unknown + ledger.unresolved > 0 {
        audit.notes.push("the books: not all that was offered was taken".to_owned());
        return;
    }
    let lived = preview.sessions();
    for (place, phase) in result.phases.iter().enumerate() {
        let made = PhaseSessions::of(&plan.population, &lived, place);
        // An older kbench did not look.
        if phase.sessions.is_some() || is_ours(result) {
            audit.same(format!("phases.{}.sessions", phase.name), &phase.sessions, &made);
        }
    }
    detection(result, &books, audit);
    // A result has no place for what was planted one by one.
    books.planted.clear();
    for (figure, says, is) in members(&result.books, &books) {
        audit.same(format!("books.{figure}"), says, is);
    }
}

/// What was planted beside the alerts, where all of those are in the result.
fn detection(result: &RunResult, books: &Books, audit: &mut Audit) {
    let summaries = || result.apps.iter().filter_map(|app| app.summary.as_ref());
    let is_whole = |app: &AppResult| {
        app.summary.as_ref().is_none_or(|summary| summary.flags.len() as u64 == app.flags)
    };
    if !result.apps.iter().all(is_whole) {
        let planted = |detection: &&Detection| {
            books.planted.values().filter(|kind| **kind == detection.kind).count() as u64
        };
        for kind in &result.detection {
            audit.same("detection.planted", kind.planted, planted(&kind));
        }
        let not_planted = books.sessions.saturating_sub(books.planted.len() as u64);
        for rule in &result.rules {
            audit.same("rules.not_planted", rule.not_planted, not_planted);
        }
        audit.notes.push("detection: not all alerts are in the result".to_owned());
        return;
    }
    let again = detect(books, summaries().flat_map(|summary| &summary.flags));
    audit.same("detection", &result.detection, &again);
    audit.same("rules", &result.rules, &accused(books, summaries()));
}

/// Both books, member by member.
fn members(saved: &Books, made: &Books) -> Vec<(String, Value, Value)> {
    let of = |books: &Books| serde_json::to_value(books).unwrap_or_default();
    let (saved, made) = (of(saved), of(made));
    let all = made.as_object().into_iter().flatten();
    all.map(|(name, made)| (name.clone(), saved[name].clone(), made.clone())).collect()
}

/// Whether a plan, made anew from `scenario.toml`, is that of the result: the first difference is
/// a fault. What the environment may set (topic, groups) is a note, and so is what this kbench
/// plans otherwise than the one that made the result.
pub fn same_plan(result: &RunResult, again: &Plan, audit: &mut Audit) {
    let again = serde_json::to_value(again).unwrap_or_default();
    let mut differences = Vec::new();
    compare("", &result.plan, &again, &mut differences);
    differences.retain(|(path, ..)| !LEFT_OUT.iter().any(|left| path.starts_with(left)));
    let is_environment = |path: &str| path == "topic.name" || path.ends_with(".group");
    let named: Vec<_> = differences.iter().filter(|(path, ..)| is_environment(path)).collect();
    if !named.is_empty() {
        let count = named.len();
        let note = format!("scenario.toml: {count} names are others, as the environment may set");
        audit.notes.push(note);
    }
    match differences.iter().find(|(path, ..)| !is_environment(path)) {
        None => audit.recomputed += 1,
        Some((path, ..)) if !is_ours(result) => {
            audit.notes.push(format!("scenario.toml: this kbench plans another {path}"));
        }
        Some((path, says, is)) => {
            audit.fault(format!("plan.{path}"), says, format!("{is}, by scenario.toml"));
        }
    }
}

fn compare(path: &str, says: &Value, is: &Value, out: &mut Vec<(String, Value, Value)>) {
    let below = |name: &str| {
        if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
    };
    match (says, is) {
        (Value::Object(says), Value::Object(is)) => {
            let mut names: Vec<&String> = says.keys().chain(is.keys()).collect();
            names.sort();
            names.dedup();
            let of = |side: &Map<String, Value>, name: &str| side.get(name).cloned();
            for name in names {
                let (says, is) = (of(says, name), of(is, name));
                compare(&below(name), &says.unwrap_or_default(), &is.unwrap_or_default(), out);
            }
        }
        (Value::Array(says), Value::Array(is)) if says.len() == is.len() => {
            for (place, (says, is)) in says.iter().zip(is).enumerate() {
                compare(&below(&place.to_string()), says, is, out);
            }
        }
        _ if says == is => {}
        _ => out.push((path.to_owned(), says.clone(), is.clone())),
    }
}
