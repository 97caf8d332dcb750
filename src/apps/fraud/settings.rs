//! The settings of the application, and its place in the list.

use super::Fraud;
use super::suspect::FraudLimits;
use crate::apps::{AppKind, Rhythm, TOP, option, option_count, option_us};
use crate::event::cents;
use crate::plan::{AppOption, AppPlan, AppSchema, OptionKind};

pub(super) const SCHEMA: AppSchema = AppSchema {
    name: "fraud",
    group_env: "KAFKA_FRAUD_GROUP",
    default_group: "fraud-detectors",
    options: &[
        AppOption {
            key: "velocity_per_min",
            help: "most events of one user in a minute, which slides by ten seconds",
            kind: OptionKind::Number,
            default: 30.0,
            range: (1.0, 1e5),
        },
        AppOption {
            key: "purchases_max",
            help: "most carts bought by one user within `purchase_window_ms`",
            kind: OptionKind::Number,
            default: 2.0,
            range: (1.0, 1e5),
        },
        AppOption {
            key: "purchase_window_ms",
            help: "the window in which carts that are bought are counted",
            kind: OptionKind::Duration,
            default: 10_000.0,
            range: (1_000.0, 86_400_000.0),
        },
        AppOption {
            key: "high_value_usd",
            help: "a cart that is bought in a rush is of high value from this sum on",
            kind: OptionKind::Number,
            default: 2_000.0,
            range: (0.01, 1e9),
        },
        AppOption {
            key: "high_value_pause_ms",
            help: "a rush: the mean pause since the first product came into the cart is shorter",
            kind: OptionKind::Duration,
            default: 1_500.0,
            range: (0.0, 60_000.0),
        },
        AppOption {
            key: "home_sessions",
            help: "a user's own country and network are those of so many first sessions",
            kind: OptionKind::Number,
            default: 1.0,
            range: (1.0, 100.0),
        },
        AppOption {
            key: "address_users_max",
            help: "most users of one address",
            kind: OptionKind::Number,
            default: 20.0,
            range: (1.0, 10_000.0),
        },
        AppOption {
            key: "hasty_purchase_ms",
            help: "nobody buys faster after a product came into the cart",
            kind: OptionKind::Duration,
            default: 50.0,
            range: (0.0, 60_000.0),
        },
        crate::apps::SESSION_IDLE,
        crate::apps::lateness(
            "events further behind the partition's newest are late: counted, not judged",
        ),
        crate::apps::USERS_MAX,
        AppOption {
            key: "addresses_max",
            help: "most addresses followed, per partition; later ones are not",
            kind: OptionKind::Number,
            default: 1_000_000.0,
            range: (1.0, 1e8),
        },
        AppOption {
            key: "alerts_max",
            help: "most alerts, per partition; later ones are only counted",
            kind: OptionKind::Number,
            default: 100_000.0,
            range: (1.0, 1e7),
        },
        TOP,
    ],
};

/// The application's place in the list.
pub(in crate::apps) const KIND: AppKind =
    AppKind { schema: SCHEMA, new: |plan| Box::new(Fraud::new(plan)), rhythm: Rhythm::Alerts };

/// What a plan calls suspicious.
pub(super) fn limits(plan: &AppPlan) -> FraudLimits {
    let count = |key| option_count(plan, &SCHEMA, key);
    let us = |key| option_us(plan, &SCHEMA, key);
    FraudLimits {
        velocity_per_min: count("velocity_per_min") as u64,
        purchases_max: count("purchases_max"),
        purchase_window_us: us("purchase_window_ms"),
        high_value_cents: cents(option(plan, &SCHEMA, "high_value_usd")),
        high_value_pause_us: us("high_value_pause_ms"),
        hasty_purchase_us: us("hasty_purchase_ms"),
        home_sessions: u8::try_from(count("home_sessions")).unwrap_or(u8::MAX),
        session_idle_us: us("session_idle_ms"),
    }
}
