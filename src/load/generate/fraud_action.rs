//! What a planted user does next.

use super::catalogue::ShopPage;
use crate::event::EventType;

/// What a planted session does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FraudAction {
    /// Views a page.
    View(ShopPage),
    /// Clicks on the page in view.
    Click,
    /// Searches; the page is that of the results.
    Search(ShopPage),
    /// Puts the product in view into the cart.
    Add,
    /// Buys what has been in the cart for longest.
    Buy,
}

/// The type that a number in [0, 1) chooses; a page view when nothing is possible.
#[inline]
pub(super) fn choose(weights: &[f64; 5], unit: f64) -> EventType {
    let mut rest = unit * weights.iter().sum::<f64>();
    let mut chosen = EventType::PageView;
    for kind in EventType::ALL {
        let weight = weights[kind.index()];
        if weight > 0.0 {
            chosen = kind;
            if rest < weight {
                break;
            }
            rest -= weight;
        }
    }
    chosen
}
