//! What is measured of each load: by the tests that hold it to its limits, and by the page that
//! shows it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::events::{CART, Load, MIX, PURCHASE, Seen, VIEW, load};
use super::sessions::{Session, activity, alive, lengths, mean, pauses, sessions, up_to};
use super::stats::{chi_square, distance, log_normal, slope, whole_distance};

/// A shipped scenario at its own rates, or at 100/s where it is too short for many to come.
pub(super) struct Shipped {
    pub(super) name: &'static str,
    args: &'static [&'static str],
    count: usize,
    /// Median of a pause, in seconds.
    pub(super) median_s: f64,
}

/// All of them. Whoever adds one says here how it is read.
pub(super) const SHIPPED: [Shipped; 10] = [
    of("peak", &[], 700_000, 8.0),
    of("steady", &[], 700_000, 8.0),
    of("day", &[], 10_000_000, 8.0),
    of("fraud-burst", HONEST, 74_000, 2.0),
    of("smoke", &["--set", "load.duration=300s"], 300_000, 8.0),
    of("spec", &["--rate", "100"], 300_000, 8.0),
    of("sweep-partitions-consumers", &[], 500_000, 8.0),
    of("sweep-partitions-consumers-quick", &["--set", "load.duration=40s"], 400_000, 8.0),
    of("sweep-producer", &[], 500_000, 8.0),
    of("sweep-producer-quick", &["--set", "load.duration=40s"], 400_000, 8.0),
];

const fn of(
    name: &'static str,
    args: &'static [&'static str],
    count: usize,
    median_s: f64,
) -> Shipped {
    Shipped { name, args, count, median_s }
}

/// Nothing planted: fraud has a pace of its own.
pub(super) const HONEST: &[&str] = &[
    "--set",
    "population.fraud.card_testing=0",
    "--set",
    "population.fraud.bot_velocity=0",
    "--set",
    "population.fraud.account_takeover=0",
    "--set",
    "population.fraud.high_value_burst=0",
];

/// A scenario's people under a small load for close to an hour, so that most of the sessions are
/// seen from beginning to end; so many users that nobody's ways weigh much.
const CALM: &[&str] = &["--rate", "100", "--set", "population.users=200_000"];
const CALM_EVENTS: usize = 300_000;
pub(super) const CALM_PER_S: f64 = 100.0;

/// By then a session is over: fewer than one of a thousand last longer at the calm loads' pace.
pub(super) const HORIZON_S: f64 = 1_500.0;

/// The longest pause: the log-normal's tails are cut at one of 8,192, z = 3.67.
pub(super) const PAUSE_MAX_S: f64 = 8.0 * 39.2;

/// The events of a window in which the mix has to hold.
pub(super) const WINDOW: usize = 20_000;

pub(super) fn file(name: &str) -> String {
    super::day::rewrite();
    super::root().join(format!("scenarios/{name}.toml")).display().to_string()
}

/// A scenario that is not shipped, as a file that stays while the tests run.
pub(super) fn written(name: &str, text: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("pace-{name}.toml"));
    // Whole at once: another test may be reading it.
    let mut part = tempfile::NamedTempFile::new_in(folder).unwrap();
    std::io::Write::write_all(&mut part, text.as_bytes()).unwrap();
    part.persist(&path).unwrap();
    path.display().to_string()
}

impl Shipped {
    /// Its events at its own rates.
    pub(super) fn own(&self) -> Arc<Load> {
        load(&[&[file(self.name).as_str()], self.args].concat(), self.count)
    }

    /// The quick form of a sweep has the seed and the people of the whole one.
    pub(super) fn has_own_people(&self) -> bool {
        !self.name.ends_with("-quick")
    }

    /// Its people under a calm load, without anything planted.
    pub(super) fn calm(&self) -> Arc<Load> {
        load(&[&[file(self.name).as_str()], CALM, HONEST].concat(), CALM_EVENTS)
    }
}

/// How people behave in a load.
pub(super) struct People {
    pub(super) pauses: usize,
    /// The worst quarter's distance of the pauses from the log-normal.
    pub(super) off: f64,
    /// The part of the events that follow within 100 ms, beyond what the log-normal gives.
    pub(super) short: f64,
    /// How far the mix is off in its worst window.
    pub(super) mix_off: f64,
    /// Events for each session that begins.
    pub(super) length: f64,
}

pub(super) fn people(load: &Load, median_s: f64) -> People {
    let (count, whole_s) = (load.events.len(), load.whole_s());
    let (mut off, mut all) = (0.0_f64, 0);
    // By quarters: the beginning is as the middle is.
    for quarter in 0..3 {
        let (from_s, long_s) = (whole_s / 4.0 * f64::from(quarter), whole_s / 4.0);
        let longest_s = whole_s - from_s - long_s;
        let sample = pauses(load, (from_s, from_s + long_s), longest_s, |_, _| true);
        all += sample.len();
        let whole = log_normal(longest_s, median_s, 1.0);
        off = off.max(distance(sample, |x| log_normal(x, median_s, 1.0) / whole));
    }
    let short = pauses(load, (0.0, whole_s), 0.1, |_, _| true).len() as f64 / count as f64;
    let short = short - log_normal(0.1, median_s, 1.0);
    let length = count as f64 / load.begun() as f64;
    People { pauses: all, off, short, mix_off: mix_off(&load.events), length }
}

/// How far the mix is off in its worst window.
fn mix_off(events: &[Seen]) -> f64 {
    let off = |window: &[Seen]| {
        let share =
            |kind| window.iter().filter(|event| usize::from(event.kind) == kind).count() as f64;
        let each = MIX.iter().enumerate();
        each.map(|(kind, (_, wanted))| (share(kind) / window.len() as f64 - wanted).abs())
            .fold(0.0, f64::max)
    };
    events.chunks_exact(WINDOW).map(off).fold(0.0, f64::max)
}

/// Sessions: how many, their mean length, and how far their lengths are off from the geometric.
pub(super) fn session_lengths(load: &Load) -> (u64, f64, f64) {
    let counts = lengths(load, HORIZON_S);
    let off = whole_distance(&counts, |events| up_to(events, 12.0));
    (counts.iter().sum(), mean(&counts), off)
}

/// The pauses of calm loads from one kind of event to another, as parts of their median: how many,
/// and how far off from the log-normal.
pub(super) fn pauses_between(before: u8, after: u8) -> (usize, f64) {
    let mut sample = Vec::new();
    for shipped in SHIPPED.iter().filter(|shipped| shipped.has_own_people()) {
        let load = shipped.calm();
        let seen = (0.0, load.whole_s() - HORIZON_S);
        let is_asked_for = |one, other| (one, other) == (before, after);
        let found = pauses(&load, seen, HORIZON_S, is_asked_for);
        sample.extend(found.into_iter().map(|pause_s| pause_s / shipped.median_s));
    }
    (sample.len(), distance(sample, |x| log_normal(x, 1.0, 1.0)))
}

/// The two pauses that fraud detection judges.
pub(super) const BEFORE_BUYING: [(&str, u8, u8); 2] =
    [("cart → purchase", CART, PURCHASE), ("view → cart", VIEW, CART)];

/// How many sessions the plan asks for, for each event per second: those of the phase with the
/// highest rate.
pub(super) fn sessions_per_rate(args: &[&str]) -> f64 {
    let output = crate::kbench().arg("plan").args(args).args(["--format", "json"]).output();
    let plan: serde_json::Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
    // A sweep shows the first of its points.
    let first = plan.get("first").unwrap_or(&plan);
    let phases = first["outlook"]["load"]["phases"].as_array().unwrap();
    let number = |phase: &serde_json::Value, key: &str| phase[key].as_f64().unwrap();
    let most = phases.iter().max_by(|one, other| {
        number(one, "sessions_needed").total_cmp(&number(other, "sessions_needed"))
    });
    let most = most.unwrap();
    number(most, "sessions_needed") / number(most, "peak_per_s")
}

/// Sessions alive in a load against what is planned for each moment: the mean of each, and the
/// greatest part by which they differ, from one time to another.
pub(super) fn alive_off(
    load: &Load,
    is_constant: bool,
    (from_s, to_s): (f64, f64),
    planned: impl Fn(f64) -> f64,
) -> (f64, f64, f64) {
    let step_s = (to_s - from_s) / 200.0;
    let there = alive(load, step_s, is_constant);
    let looks = (from_s / step_s).ceil() as usize..(to_s / step_s) as usize;
    let count = looks.len() as f64;
    let (mut found, mut wanted, mut off) = (0.0, 0.0, 0.0_f64);
    for look in looks {
        let plan = planned(look as f64 * step_s);
        found += there[look] / count;
        wanted += plan / count;
        off = off.max((there[look] / plan - 1.0).abs());
    }
    (found, wanted, off)
}

/// Pearson's statistic of the users' cities and of their devices, each against its shares, over
/// all these loads. Users are counted once in each, by their first event: accounts that are taken
/// over are used from elsewhere, after their owners.
pub(super) fn places_off(
    loads: &[Arc<Load>],
    cities: &[(String, f64)],
    devices: &[(String, f64)],
) -> (f64, f64) {
    let (mut lives, mut uses) = (vec![0; cities.len()], vec![0; devices.len()]);
    let count = |counts: &mut [u64], shares: &[(String, f64)], name: &str| {
        let place = shares.iter().position(|(known, _)| known == name);
        counts[place.unwrap_or_else(|| panic!("no share for {name}"))] += 1;
    };
    for load in loads {
        let mut is_known = vec![false; load.users as usize];
        for event in &load.events {
            if !std::mem::replace(&mut is_known[event.user as usize], true) {
                count(&mut lives, cities, &load.cities[usize::from(event.city)]);
                count(&mut uses, devices, &load.devices[usize::from(event.device)]);
            }
        }
    }
    let off = |counts: &[u64], shares: &[(String, f64)]| {
        chi_square(counts, &shares.iter().map(|(_, share)| *share).collect::<Vec<_>>())
    };
    (off(&lives, cities), off(&uses, devices))
}

/// The calm loads of different seeds, and so of different people.
pub(super) fn strangers() -> Vec<Arc<Load>> {
    let is_other = |shipped: &&Shipped| shipped.has_own_people() && shipped.name != "fraud-burst";
    SHIPPED.iter().filter(is_other).map(Shipped::calm).collect()
}

/// How far arrivals are off from Poisson's at a constant rate: the variance of the counts in
/// windows of twenty mean gaps over their mean, how many windows, and the gaps' distance from the
/// exponential.
pub(super) fn arrivals_off(
    load: &Load,
    (from_s, to_s): (f64, f64),
    per_s: f64,
) -> (f64, usize, f64) {
    let within: Vec<i64> = load
        .events
        .iter()
        .filter(|event| (from_s..to_s).contains(&load.at_s(event)))
        .map(|event| event.at_us)
        .collect();
    let window_us = (20e6 / per_s) as i64;
    let mut counts = vec![0.0; ((within[within.len() - 1] - within[0]) / window_us) as usize];
    for at_us in &within {
        if let Some(count) = counts.get_mut(((at_us - within[0]) / window_us) as usize) {
            *count += 1.0;
        }
    }
    let mean = counts.iter().sum::<f64>() / counts.len() as f64;
    let squares = counts.iter().map(|count: &f64| (count - mean).powi(2));
    let dispersion = squares.sum::<f64>() / (counts.len() - 1) as f64 / mean;
    let mut gaps = Vec::new();
    for pair in within.windows(2) {
        let gap_us = (pair[1] - pair[0]) as usize;
        gaps.resize(gaps.len().max(gap_us + 1), 0);
        gaps[gap_us] += 1;
    }
    // Times are in whole microseconds, rounded down: a gap of g reads as the whole number below or
    // above it, by where in its microsecond it began.
    let part = per_s / 1e6;
    let up_to = |gap_us: usize| 1.0 - libm::exp(-part * gap_us as f64) * -libm::expm1(-part) / part;
    (dispersion, counts.len(), whole_distance(&gaps, up_to))
}

/// Stretches of one rate: a scenario, from when to when, events per second.
pub(super) const CONSTANT: [(&str, (f64, f64), f64); 4] = [
    ("peak", (21.0, 45.0), 20_000.0),
    ("steady", (0.0, 13.0), 50_000.0),
    ("smoke", (0.0, 295.0), 1_000.0),
    ("sweep-producer", (0.0, 24.0), 20_000.0),
];

/// Ranks of users in which the slope of their activity is looked at: the first few are chance,
/// and from the last ones too few sessions are seen.
pub(super) const RANKS: std::ops::RangeInclusive<usize> = 5..=200;

/// The slope of the users' activity (the sessions that each of them began) over their rank, both
/// as logarithms.
pub(super) fn activity_slope(load: &Load) -> f64 {
    let ranked = (1_usize..).zip(activity(load)).filter(|(rank, _)| RANKS.contains(rank));
    let points =
        ranked.map(|(rank, begun)| (libm::log(rank as f64), libm::log(begun as f64), begun as f64));
    slope(&points.collect::<Vec<_>>())
}

/// Bots among the sessions, which read a hundred pages and more with hardly a pause: how many, and
/// the shortest and the longest of their pauses.
pub(super) fn bots(load: &Load) -> (usize, f64, f64) {
    let all = sessions(load);
    let is_bot = |session: &Session| {
        session.events >= 100 && session.last_s - session.first_s < 0.3 * f64::from(session.events)
    };
    let (mut least_s, mut most_s) = (f64::MAX, 0.0_f64);
    let mut last: HashMap<u32, f64> = HashMap::new();
    for event in load.events.iter().filter(|event| is_bot(&all[event.session as usize])) {
        let at_s = load.at_s(event);
        if let Some(before_s) = last.insert(event.session, at_s) {
            (least_s, most_s) = (least_s.min(at_s - before_s), most_s.max(at_s - before_s));
        }
    }
    (last.len(), least_s, most_s)
}

/// The parts of a stretch's events that are from the three busiest users.
pub(super) fn busiest(load: &Load, (from_s, to_s): (f64, f64)) -> [f64; 3] {
    let mut counts = vec![0.0; load.users as usize];
    let within = load.events.iter().filter(|event| (from_s..to_s).contains(&load.at_s(event)));
    for event in within {
        counts[event.user as usize] += 1.0;
    }
    let all: f64 = counts.iter().sum();
    counts.sort_unstable_by(|one, other| f64::total_cmp(other, one));
    [counts[0] / all, counts[1] / all, counts[2] / all]
}
