//! What decides a plan besides the scenario itself.

use super::AppSchema;
use super::kafka::checker::ClientCheckers;
use super::toml::environment::Environment;
use super::toml::overrides::Overrides;

/// What decides a plan besides the scenario itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inputs<'a> {
    /// The command line's part.
    pub(super) overrides: &'a Overrides,
    /// The specification's variables.
    pub(super) environment: &'a Environment,
    /// The applications there are.
    pub(super) apps: &'a [AppSchema],
    /// The clients there are; one of them will have the properties.
    pub(super) clients: &'a dyn ClientCheckers,
    /// The scenario's name unless it has one.
    pub(super) stem: &'a str,
}
