//! What every scenario has to pass, as the user sees it: one text in, a plan or lines out.

use super::*;
use crate::error::ExitCode;
use crate::plan::{AppOption, OptionKind};

mod inputs;
mod shipped;

/// Stand-ins for the four applications.
const APPS: &[AppSchema] = &[
    schema("analytics", "KAFKA_ANALYTICS_GROUP", "analytics-processors"),
    AppSchema {
        options: FRAUD,
        ..schema("fraud", "KAFKA_FRAUD_GROUP", "fraud-detectors")
    },
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
        key: "window",
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
    AppSchema {
        name,
        group_env,
        default_group,
        options: &[],
    }
}

/// The least scenario there is.
const LEAST: &str = "seed = 1\n[load]\nrate_per_s = 10\nduration = \"1s\"\n";

fn environment() -> Environment {
    Environment::from_pairs::<String, String>([])
}

fn planned(text: &str, overrides: &Overrides) -> Result<Plan> {
    plan(
        &Source::new("a.toml", text),
        overrides,
        &environment(),
        APPS,
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
    Overrides {
        set,
        ..Overrides::default()
    }
}
