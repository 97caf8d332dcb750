//! What planted fraud looks like: what a scenario's shares are checked against, and what the
//! generator plays.

use crate::event::Fraud;

/// Least and most of what a planted session buys (a bot: reads), by [`Fraud::index`].
pub const ITEMS: [(u16, u16); 4] = [(12, 20), (100, 300), (2, 4), (4, 8)];

/// Shortest and longest pause after an event of a planted session, in milliseconds, by
/// [`Fraud::index`].
pub const PAUSE_MS: [(u64, u64); 4] = [(800, 2_000), (50, 200), (2_000, 6_000), (800, 2_000)];

/// What a planted session of a kind adds to carts and buys, in the mean.
#[must_use]
pub fn purchases(kind: Fraud) -> f64 {
    match kind {
        Fraud::BotVelocity => 0.0,
        _ => mean_items(kind),
    }
}

/// The events of a planted session of a kind, in the mean.
#[must_use]
pub fn events(kind: Fraud) -> f64 {
    match kind {
        Fraud::BotVelocity => mean_items(kind),
        Fraud::CardTesting | Fraud::HighValueBurst => 3.0 * mean_items(kind),
        Fraud::AccountTakeover => 1.0 + 3.0 * mean_items(kind),
    }
}

fn mean_items(kind: Fraud) -> f64 {
    let (least, most) = ITEMS[kind.index()];
    f64::midpoint(f64::from(least), f64::from(most))
}
