//! `[sweep]`: the axes of a scenario, and a plan for each of their points.

use super::inputs::Inputs;
use super::sweep::{Axis, Excluded, PointSettings, Sweep, SweepPoint};
use super::toml::diagnostics::{Diagnostics, ValueLocation};
use super::toml::environment::Environment;
use super::toml::overrides::{self, Overrides};
use super::toml::reader::TomlTable;
use super::toml::source::ScenarioSource;
use super::toml::tree::{self, Entries, Node, TomlValue};
use super::{AppSchema, ClientCheckers, Plan, resolve};
use crate::base::error::{Error, Result};

/// Most points of a sweep: each is planned before the first one runs.
const POINTS_MAX: usize = 10_000;

/// Most runs of a point.
const REPEATS_MAX: u64 = 1_000;

/// The short forms of keys that people sweep over.
const SHORT: [(&str, &str); 4] = [
    ("partitions", "topic.partitions"),
    ("rate", "load.rate_per_s"),
    ("producers", "load.producers"),
    ("size", "event.size_median"),
];

/// The scenario's own keys and tables; any other name is a property of the producers.
const ROOTS: [&str; 10] = [
    "seed",
    "name",
    "topic",
    "load",
    "population",
    "event",
    "apps",
    "kafka",
    "measure",
    "thresholds",
];

/// An axis as typed.
struct Typed {
    key: String,
    /// What one value sets, as paths; all workers at once are several.
    paths: Vec<Vec<String>>,
    values: Vec<Node>,
}

/// Reads a scenario that has `[sweep]`; `None` for one that has not.
///
/// # Errors
///
/// As [`crate::plan::scenario::plan`]. A point that no run can have is not a fault while each
/// value of each axis has some point that works: it is left out, with the reason.
pub fn sweep(
    source: &ScenarioSource,
    overrides: &Overrides,
    environment: &Environment,
    apps: &[AppSchema],
    clients: &dyn ClientCheckers,
) -> Result<Option<Sweep>> {
    let config = overrides.command_config.as_ref().map_or("", |(name, _)| name.as_str());
    let faults = Diagnostics::new(&source.name, config);
    let text = source.text.strip_prefix('\u{feff}').unwrap_or(&source.text);
    let mut entries = tree::parse(text, &faults);
    faults.check()?;
    overrides::apply(overrides, &mut entries, &faults);
    if !entries.contains_key("sweep") {
        return Ok(None);
    }
    let table = TomlTable::root(&entries, &faults).table("sweep");
    let repeats = table.whole("repeats", 1..=REPEATS_MAX, " runs of each point").unwrap_or(1);
    let mut typed = Vec::new();
    leaves(&table.table("axes"), apps, &mut typed);
    table.finish();
    refuse_twice(&typed, overrides, &faults);
    let count = typed.iter().map(|axis| axis.values.len()).try_fold(1, usize::checked_mul);
    if count.is_none_or(|count| count > POINTS_MAX) {
        let count = count.map_or("too many".to_owned(), |count| count.to_string());
        let place = entries.get("sweep").map_or(ValueLocation::START, |entry| entry.key_place);
        faults.add(place, format!("sweep.axes: {count} points; expected at most {POINTS_MAX}"));
    }
    faults.check()?;
    entries.remove("sweep");
    let stem = source.stem();
    let inputs = Inputs { overrides, environment, apps, clients, stem: &stem };
    let points = typed.iter().fold(vec![Vec::new()], |points, axis| with_axis(&points, axis));
    let mut sweep = Sweep {
        name: String::new(),
        seed: 0,
        repeats: u32::try_from(repeats).unwrap_or(1),
        axes: typed.iter().map(Typed::axis).collect(),
        points: Vec::new(),
        excluded: Vec::new(),
    };
    for values in points {
        let settings = settings(&typed, &values);
        match point(&typed, &values, entries.clone(), &source.name, config, &inputs) {
            Ok(plan) => sweep.points.push(SweepPoint { settings, plan }),
            Err(Error::Usage(why)) => sweep.excluded.push(Excluded { settings, why }),
            Err(error) => return Err(error),
        }
    }
    check_values(&sweep)?;
    take_one_client(&mut sweep.points);
    if let Some(first) = sweep.points.first() {
        sweep.name.clone_from(&first.plan.name);
        sweep.seed = first.plan.seed;
    }
    Ok(Some(sweep))
}

/// Points are held against each other, so they have one client: what one of them sets and the
/// native client lacks, decides for all. Where somebody has named one, none has a reason.
fn take_one_client(points: &mut [SweepPoint]) {
    let mut all = points.iter().map(|point| &point.plan.kafka);
    let lacking = all.find(|kafka| kafka.client_reason.is_some());
    let Some((client, reason)) = lacking.map(|kafka| (kafka.client, kafka.client_reason.clone()))
    else {
        return;
    };
    for point in points {
        point.plan.kafka.client = client;
        point.plan.kafka.client_reason.clone_from(&reason);
    }
}

impl Typed {
    fn axis(&self) -> Axis {
        Axis { key: self.key.clone(), values: self.values.iter().map(written).collect() }
    }
}

/// The axes of a table: `topic.partitions = […]` is a table within a table for TOML.
fn leaves(table: &TomlTable<'_>, apps: &[AppSchema], typed: &mut Vec<Typed>) {
    gather(table.all(), "", table.faults(), apps, typed);
}

fn gather(
    entries: &Entries,
    before: &str,
    faults: &Diagnostics,
    apps: &[AppSchema],
    typed: &mut Vec<Typed>,
) {
    for (name, entry) in entries {
        let key = if before.is_empty() { name.clone() } else { format!("{before}.{name}") };
        let place = entry.node.place;
        let fault = |what: &str| faults.add(place, format!("sweep.axes.{key}: {what}"));
        match &entry.node.value {
            TomlValue::Table(inner) => gather(inner, &key, faults, apps, typed),
            TomlValue::List(values) if values.is_empty() => {
                fault("is an empty list; expected the values that it takes");
            }
            TomlValue::List(values) => {
                for (index, value) in values.iter().enumerate() {
                    check_value(&key, value, &values[..index], faults);
                }
                typed.push(Typed { paths: paths(&key, apps), values: values.clone(), key });
            }
            other => fault(&format!("{} is not a list; expected values in []", other.shown())),
        }
    }
}

fn check_value(key: &str, value: &Node, before: &[Node], faults: &Diagnostics) {
    if matches!(value.value, TomlValue::List(_) | TomlValue::Table(_) | TomlValue::Date(_)) {
        let shown = value.value.shown();
        let what = format!("sweep.axes.{key}: {shown} is wrong here; expected plain values");
        faults.add(value.place, what);
    } else if before.iter().any(|other| written(other) == written(value)) {
        let what = format!("sweep.axes.{key}: {} twice; expected it once", value.value.shown());
        faults.add(value.place, what);
    }
}

/// Where the values of an axis go in the scenario.
fn paths(key: &str, apps: &[AppSchema]) -> Vec<Vec<String>> {
    let split = |path: &str| path.split('.').map(str::to_owned).collect::<Vec<_>>();
    if key == "workers" {
        return apps.iter().map(|app| split(&format!("apps.{}.workers", app.name))).collect();
    }
    if let Some((_, path)) = SHORT.iter().find(|(short, _)| *short == key) {
        return vec![split(path)];
    }
    let first = key.split('.').next().unwrap_or("");
    if ROOTS.contains(&first) {
        vec![split(key)]
    } else {
        vec![split(&format!("kafka.producer.{key}"))]
    }
}

/// Two axes for one key, or an axis for a key that the command line sets, leave open what counts.
fn refuse_twice(typed: &[Typed], overrides: &Overrides, faults: &Diagnostics) {
    let set = |path: &[String]| {
        let path = path.join(".");
        overrides.set.iter().any(|set| set.split('=').next().is_some_and(|key| key.trim() == path))
    };
    for (index, axis) in typed.iter().enumerate() {
        let place = axis.values.first().map_or(ValueLocation::START, |value| value.place);
        let twice = typed[..index].iter().find(|other| other.paths == axis.paths);
        if let Some(other) = twice {
            let what = format!("sweep.axes.{}: is the axis {} again", axis.key, other.key);
            faults.add(place, format!("{what}; expected one of them"));
        }
        for path in axis.paths.iter().filter(|path| set(path)) {
            let what = format!(
                "{} is an axis of the sweep; expected sweep.axes.{}=[…], or another key",
                path.join("."),
                axis.key
            );
            faults.add(ValueLocation::Given("--set"), what);
        }
    }
}

/// Every point so far with every value of one more axis.
fn with_axis(points: &[Vec<usize>], axis: &Typed) -> Vec<Vec<usize>> {
    let more = |point: &Vec<usize>| {
        let point = point.clone();
        (0..axis.values.len()).map(move |value| [point.as_slice(), &[value]].concat())
    };
    points.iter().flat_map(more).collect()
}

fn settings(typed: &[Typed], values: &[usize]) -> PointSettings {
    let pairs = typed.iter().zip(values);
    pairs.map(|(axis, &value)| (axis.key.clone(), written(&axis.values[value]))).collect()
}

fn point(
    typed: &[Typed],
    values: &[usize],
    mut entries: Entries,
    name: &str,
    config: &str,
    inputs: &Inputs<'_>,
) -> Result<Plan> {
    let faults = Diagnostics::new(name, config);
    for (axis, &value) in typed.iter().zip(values) {
        let node = &axis.values[value];
        for path in &axis.paths {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            if let Err(what) = overrides::put(&mut entries, &path, node.clone()) {
                faults.add(node.place, format!("sweep.axes.{}: {what}", axis.key));
            }
        }
    }
    let root = TomlTable::root(&entries, &faults);
    let plan = resolve::scenario(root, inputs);
    faults.check()?;
    Ok(Plan { warnings: faults.warnings(), ..plan })
}

/// A value that no point can have is a mistake, and not a point to leave out.
fn check_values(sweep: &Sweep) -> Result<()> {
    if sweep.points.is_empty() {
        return Err(Error::Usage(common(&sweep.excluded.iter().collect::<Vec<_>>())));
    }
    for Axis { key, values } in &sweep.axes {
        for value in values {
            let has = |settings: &PointSettings| settings.get(key) == Some(value);
            if !sweep.points.iter().any(|point| has(&point.settings)) {
                let without: Vec<&Excluded> =
                    sweep.excluded.iter().filter(|point| has(&point.settings)).collect();
                return Err(Error::Usage(common(&without)));
            }
        }
    }
    Ok(())
}

/// The faults that all the points share; those of the first where they share none.
fn common(points: &[&Excluded]) -> Vec<String> {
    let Some((first, rest)) = points.split_first() else {
        return Vec::new();
    };
    let shared = |line: &&String| rest.iter().all(|point| point.why.contains(line));
    let lines: Vec<String> = first.why.iter().filter(shared).cloned().collect();
    if lines.is_empty() { first.why.clone() } else { lines }
}

/// A plain value as a scenario writes it, without its quotes.
fn written(node: &Node) -> String {
    match &node.value {
        TomlValue::Text(text) => text.clone(),
        other => other.shown(),
    }
}

#[cfg(test)]
mod tests;
