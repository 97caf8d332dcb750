//! What an application may be told in a scenario.

/// What the plan needs to know of an application to check a scenario against it.
///
/// The applications themselves stand in a lower layer; each exports one of these.
#[derive(Debug, Clone, Copy)]
pub struct AppSchema {
    /// The name in `[apps.NAME]` and on the command line.
    pub name: &'static str,
    /// The environment variable that names the group.
    pub group_env: &'static str,
    /// The group when that is not set.
    pub default_group: &'static str,
    /// What `[apps.NAME]` may set besides `workers` and `group`.
    pub options: &'static [AppOption],
}

/// One setting of an application.
#[derive(Debug, Clone, Copy)]
pub struct AppOption {
    /// The key of the resolved value; its unit stands last in the name. In the scenario a
    /// duration's `_ms` is left out, because its text has a unit: `window = "60s"`.
    pub key: &'static str,
    /// What it does, for the error and the docs.
    pub help: &'static str,
    /// How it is written in the scenario.
    pub kind: OptionKind,
    /// Used when the key is not there; in the unit of the resolved value.
    pub default: f64,
    /// Least and greatest legal value.
    pub range: (f64, f64),
}

/// How a setting is written in the scenario, and the unit it resolves to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionKind {
    /// A number.
    Number,
    /// A duration with a unit, such as `"5m"`; resolves to milliseconds.
    Duration,
}
