//! What several applications may set, declared once, and how a setting is read.

use crate::plan::{AppOption, AppPlan, AppSchema, OptionKind};

/// When a session ends, the same for whoever tells sessions apart.
pub(super) const SESSION_IDLE: AppOption = AppOption {
    key: "session_idle_ms",
    help: "a session ends after this long without an event",
    kind: OptionKind::Duration,
    default: 1_800_000.0,
    range: (1_000.0, 86_400_000.0),
};

/// How late an event may be where an application does not say, in milliseconds.
pub(super) const LATENESS_MS: f64 = 60_000.0;

/// How late an event may be; what becomes of a later one is the application's.
pub(super) const fn lateness(help: &'static str) -> AppOption {
    AppOption {
        key: "lateness_ms",
        help,
        kind: OptionKind::Duration,
        default: LATENESS_MS,
        range: (0.0, 86_400_000.0),
    }
}

/// The limit on users.
pub(super) const USERS_MAX: AppOption =
    users_max("most users known at once, per partition; the longest idle fall out");

/// The same, of users whom an application does not keep for long.
pub(super) const fn users_max(help: &'static str) -> AppOption {
    AppOption {
        key: "users_max",
        help,
        kind: OptionKind::Number,
        default: 1_000_000.0,
        range: (1.0, 1e8),
    }
}

/// How long every application's tables are.
pub(super) const TOP: AppOption = AppOption {
    key: "top",
    help: "rows shown of a table",
    kind: OptionKind::Number,
    default: 10.0,
    range: (1.0, 1_000.0),
};

/// A setting of the plan, or the schema's default where a plan was made by hand.
pub(super) fn option(plan: &AppPlan, schema: &AppSchema, key: &str) -> f64 {
    let default = || schema.options.iter().find(|option| option.key == key).map(|o| o.default);
    plan.options.get(key).copied().or_else(default).unwrap_or_default()
}

/// A setting in milliseconds, in the unit of event times.
pub(super) fn option_us(plan: &AppPlan, schema: &AppSchema, key: &str) -> i64 {
    (option(plan, schema, key) * 1_000.0) as i64
}

/// A setting that counts something.
pub(super) fn option_count(plan: &AppPlan, schema: &AppSchema, key: &str) -> usize {
    option(plan, schema, key) as usize
}
