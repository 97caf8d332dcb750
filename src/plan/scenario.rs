//! The scenario as typed, and the way from it to a [`Plan`].
//!
//! A scenario is a TOML file. One walk over it reads the known keys, notes every fault with its
//! line and column, and goes on: a user mends a file once, not once for each mistake. Nothing is
//! opened before all checks have passed.
//!
//! A value counts from the flag, else from the environment, else from the file, else the default.

use super::inputs::Inputs;
use super::toml::diagnostics::{Diagnostics, ValueLocation};
use super::toml::environment::Environment;
use super::toml::overrides::{self, Overrides};
use super::toml::reader::TomlTable;
use super::toml::source::ScenarioSource;
use super::toml::tree;
use super::{AppSchema, ClientCheckers, Plan, resolve};
use crate::base::error::Result;

/// Checks a scenario and resolves it into a plan.
///
/// `apps` are the applications that a scenario may run, in the order of their default run;
/// one of `clients` checks the properties that are set for it.
///
/// # Errors
///
/// [`crate::base::error::Error::Usage`] with every fault, a line each:
/// `file:line:column: key: what is wrong; what was expected`. A fault of a flag or of an
/// environment variable has its name in place of file, line and column.
pub fn plan(
    source: &ScenarioSource,
    overrides: &Overrides,
    environment: &Environment,
    apps: &[AppSchema],
    clients: &dyn ClientCheckers,
) -> Result<Plan> {
    let config = overrides.command_config.as_ref().map_or("", |(name, _)| name.as_str());
    let faults = Diagnostics::new(&source.name, config);
    let text = source.text.strip_prefix('\u{feff}').unwrap_or(&source.text);
    if text.trim().is_empty() {
        faults
            .add(ValueLocation::START, "the scenario is empty; expected at least seed and [load]");
    }
    let mut entries = tree::parse(text, &faults);
    // What is left of broken TOML would only give faults that aren't there, and so would nothing.
    faults.check()?;
    overrides::apply(overrides, &mut entries, &faults);
    let root = TomlTable::root(&entries, &faults);
    let stem = source.stem();
    let inputs = Inputs { overrides, environment, apps, clients, stem: &stem };
    let plan = resolve::scenario(root, &inputs);
    faults.check()?;
    Ok(Plan { warnings: faults.warnings(), ..plan })
}

// What every scenario has to pass, as the user sees it: one text in, a plan or lines out.
#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "what is read must come out to the bit")]

    use super::*;
    use crate::apps::schemas;
    use crate::base::error::ExitCode;
    use crate::client;
    use crate::plan::{AppOption, OptionKind};

    mod clients;
    mod crowds;
    mod curves;
    mod inputs;
    mod kafka;
    mod load;
    mod overrides;
    mod properties;
    mod shipped;

    /// Stand-ins for the four applications.
    const APPS: &[AppSchema] = &[
        schema("analytics", "KAFKA_ANALYTICS_GROUP", "analytics-processors"),
        AppSchema { options: FRAUD, ..schema("fraud", "KAFKA_FRAUD_GROUP", "fraud-detectors") },
        schema("dashboard", "KAFKA_DASHBOARD_GROUP", "dashboard-processors"),
        schema("behavior", "KAFKA_BEHAVIOR_GROUP", "behavior-analyzers"),
    ];

    const FRAUD: &[AppOption] = &[
        AppOption {
            key: "velocity_per_min",
            help: "purchases a minute",
            kind: OptionKind::Number,
            default: 5.0,
            range: (1.0, 1000.0),
        },
        AppOption {
            key: "window_ms",
            help: "how far back",
            kind: OptionKind::Duration,
            default: 60_000.0,
            range: (1000.0, 3_600_000.0),
        },
    ];

    const fn schema(
        name: &'static str,
        group_env: &'static str,
        default_group: &'static str,
    ) -> AppSchema {
        AppSchema { name, group_env, default_group, options: &[] }
    }

    /// The least scenario there is.
    const LEAST: &str = "seed = 1\n[load]\nrate_per_s = 10\nduration = \"1s\"\n";

    fn environment() -> Environment {
        Environment::from_pairs::<String, String>([])
    }

    fn planned(text: &str, overrides: &Overrides) -> Result<Plan> {
        plan(
            &ScenarioSource::new("a.toml", text),
            overrides,
            &environment(),
            APPS,
            client::CHECKERS,
        )
    }

    fn plan_of(text: &str) -> Plan {
        planned(text, &Overrides::default()).unwrap()
    }

    /// The faults of a scenario, without any override.
    fn faults_of(text: &str) -> String {
        faults_with(text, &Overrides::default())
    }

    fn faults_with(text: &str, overrides: &Overrides) -> String {
        let error = planned(text, overrides).unwrap_err();
        assert_eq!(error.exit_code(), ExitCode::Usage);
        error.to_string()
    }

    fn set(assignments: &[&str]) -> Overrides {
        let set = assignments.iter().map(ToString::to_string).collect();
        Overrides { set, ..Overrides::default() }
    }
}
