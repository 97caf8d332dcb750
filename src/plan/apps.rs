//! `[apps]`: which applications read the topic, and how.

use std::collections::BTreeMap;
use std::time::Duration;

use super::inputs::Inputs;
use super::toml::diagnostics::{Diagnostics, ValueLocation};
use super::toml::reader::{Range, TomlTable};
use super::{AppOption, AppPlan, AppSchema, OptionKind};
use crate::base::suggest::nearest;
use crate::base::visible::is_hidden;

/// Most workers of one application: each is a thread.
const WORKERS_MAX: u64 = 256;

/// Longest group name, in bytes.
const GROUP_BYTES_MAX: usize = 255;

/// An application's plan, and where its parts were given.
struct GivenApp {
    plan: AppPlan,
    group_place: ValueLocation,
    workers_place: ValueLocation,
}

pub(crate) fn resolve(table: TomlTable<'_>, inputs: &Inputs<'_>, partitions: i32) -> Vec<AppPlan> {
    let faults = table.faults();
    let run = run(&table, inputs.apps);
    // Every application is read, run or not: the table of one that rests may be wrong all the same.
    let all: Vec<GivenApp> = inputs.apps.iter().map(|schema| app(&table, schema, inputs)).collect();
    table.finish();
    let find = |name: &String| all.iter().find(|app| app.plan.name == *name);
    let running: Vec<&GivenApp> = run.iter().filter_map(find).collect();
    check_groups(&running, faults);
    for app in &running {
        warn_of_idle(app, partitions, faults);
    }
    running.into_iter().map(|app| app.plan.clone()).collect()
}

/// The names of the applications to run.
fn run(table: &TomlTable<'_>, apps: &[AppSchema]) -> Vec<String> {
    let known = || apps.iter().map(|schema| schema.name);
    let Some(names) = table.texts("run") else {
        return known().map(str::to_owned).collect();
    };
    let mut run = Vec::with_capacity(names.len());
    for (place, name) in names {
        if run.contains(&name) {
            table.faults().add(place, format!("apps.run: {name:?} twice; expected it once"));
        } else if known().any(|app| app == name) {
            run.push(name);
        } else {
            let guess = nearest(&name, known());
            let guess = guess.map_or(String::new(), |near| format!("did you mean {near:?}? "));
            let all = known().collect::<Vec<_>>().join(", ");
            let what = format!("apps.run: no application {name:?}; {guess}expected any of {all}");
            table.faults().add(place, what);
        }
    }
    run
}

fn app(apps: &TomlTable<'_>, schema: &AppSchema, inputs: &Inputs<'_>) -> GivenApp {
    let table = apps.table(schema.name);
    let workers = table.whole("workers", 1..=WORKERS_MAX, " workers").unwrap_or(1);
    let workers_place = table.place("workers");
    let (group_place, group) = group(&table, schema, inputs);
    let mut options = BTreeMap::new();
    for option in schema.options {
        options.insert(option.key.to_owned(), app_option(&table, option));
    }
    table.finish();
    let workers = u16::try_from(workers).unwrap_or(u16::MAX);
    let plan = AppPlan { name: schema.name.to_owned(), group, workers, options };
    GivenApp { plan, group_place, workers_place }
}

fn group(
    table: &TomlTable<'_>,
    schema: &AppSchema,
    inputs: &Inputs<'_>,
) -> (ValueLocation, String) {
    let typed = table.text("group");
    let given = inputs.environment.get(schema.group_env, table.faults());
    let (place, path) = match given {
        Some(_) => (ValueLocation::Given(schema.group_env), String::new()),
        None => (table.place("group"), format!("{}: ", table.path("group"))),
    };
    let group = given.or(typed).unwrap_or_else(|| schema.default_group.to_owned());
    let fits = (1..=GROUP_BYTES_MAX).contains(&group.len());
    if !fits || group.contains(|c: char| c.is_whitespace() || is_hidden(c)) {
        let what = format!(
            "{path}{group:?} is not a group name; expected 1 to {GROUP_BYTES_MAX} bytes without \
             blanks"
        );
        table.faults().add(place, what);
    }
    (place, group)
}

fn app_option(table: &TomlTable<'_>, option: &AppOption) -> f64 {
    let (least, most) = option.range;
    let value = match option.kind {
        OptionKind::Number => {
            let unit = "";
            table.number(option.key, Range { least, most, unit })
        }
        OptionKind::Duration => {
            // The unit stands in the text: `window = "60s"` for what resolves as `window_ms`.
            let key = option.key.strip_suffix("_ms").unwrap_or(option.key);
            let limit = |ms: f64| Duration::try_from_secs_f64(ms / 1000.0).unwrap_or(Duration::MAX);
            let duration = table.duration(key, limit(least), limit(most));
            duration.map(|duration| duration.as_secs_f64() * 1000.0)
        }
    };
    value.unwrap_or(option.default)
}

/// Two applications in one group would each see a part of the events.
fn check_groups(running: &[&GivenApp], faults: &Diagnostics) {
    for (index, app) in running.iter().enumerate() {
        let before = running.iter().take(index).find(|other| other.plan.group == app.plan.group);
        if let Some(other) = before {
            // The fault is the flag's or the file's that set it, not the default's beside it.
            let (app, other) =
                if other.group_place > app.group_place { (other, app) } else { (app, other) };
            let what = format!(
                "apps.{}.group: {:?} is the group of {} too; expected a group of its own, or each \
                 would see a part of the events",
                app.plan.name, app.plan.group, other.plan.name
            );
            faults.add(app.group_place, what);
        }
    }
}

/// A worker without a partition has nothing to do. Legal: an over-provisioned group is a case
/// that people measure.
fn warn_of_idle(app: &GivenApp, partitions: i32, faults: &Diagnostics) {
    let workers = i32::from(app.plan.workers);
    if workers > partitions {
        let idle = workers - partitions;
        let what = format!(
            "apps.{}.workers: {workers} workers for {partitions} partitions; {idle} will be idle",
            app.plan.name
        );
        faults.warn(app.workers_place, &what);
    }
}
