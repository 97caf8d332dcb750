//! What planted fraud looks like: what a scenario's shares are checked against, and what the
//! generator plays.

use super::PopulationPlan;
use crate::event::{EventType, FraudKind};

/// Least and most of what a planted session buys (a bot: reads), by [`FraudKind::index`].
pub const ITEMS: [(u16, u16); 4] = [(12, 20), (100, 300), (2, 4), (5, 8)];

/// Shortest and longest pause after an event of a planted session, in milliseconds, by
/// [`FraudKind::index`].
pub const PAUSE_MS: [(u64, u64); 4] = [(300, 1_000), (50, 200), (1_000, 4_000), (200, 600)];

/// What a planted session of a kind adds to carts and buys, in the mean.
#[must_use]
pub fn purchases(kind: FraudKind) -> f64 {
    match kind {
        FraudKind::BotVelocity => 0.0,
        _ => mean_items(kind),
    }
}

/// The events of a planted session of a kind, in the mean.
#[must_use]
pub fn events(kind: FraudKind) -> f64 {
    match kind {
        FraudKind::BotVelocity => mean_items(kind),
        _ => 3.0 * mean_items(kind),
    }
}

/// The part of a type's events that planted sessions may need: the rest is for everybody else.
const ROOM: f64 = 0.8;

/// A type of event of which planted sessions need more than the mix has room for, with the
/// shares needed and there; `None` where all fits.
///
/// Products are found by `page_view`, or by `search` where the mix has no views. Bots do whatever
/// the mix has.
#[must_use]
pub fn lack(population: &PopulationPlan) -> Option<(EventType, f64, f64)> {
    let planted = |of: fn(FraudKind) -> f64| -> f64 {
        FraudKind::ALL.iter().map(|kind| population.fraud[kind.index()] * of(*kind)).sum()
    };
    let ordinary: f64 = 1.0 - population.fraud.iter().sum::<f64>();
    let all = ordinary * population.session_length + planted(events);
    let needed = planted(purchases) / all;
    let finds = if population.mix[EventType::PageView.index()] > 0.0 {
        EventType::PageView
    } else {
        EventType::Search
    };
    [EventType::Purchase, EventType::AddToCart, finds].into_iter().find_map(|kind| {
        let there = population.mix[kind.index()];
        (needed > ROOM * there).then_some((kind, needed, there))
    })
}

fn mean_items(kind: FraudKind) -> f64 {
    let (least, most) = ITEMS[kind.index()];
    f64::midpoint(f64::from(least), f64::from(most))
}
