//! What tests of any folder share.

use super::CHECKERS;
use crate::apps;
use crate::plan::toml::environment::Environment;
use crate::plan::toml::overrides::Overrides;
use crate::plan::toml::source::ScenarioSource;
use crate::plan::{Plan, scenario};

/// The plan of a scenario that stands by itself, its properties checked by the client that a run
/// would have.
pub(crate) fn planned(source: &ScenarioSource) -> Plan {
    let nothing = Environment::from_pairs::<String, String>([]);
    scenario::plan(source, &Overrides::default(), &nothing, &apps::schemas(), CHECKERS).unwrap()
}
