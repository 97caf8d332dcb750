//! What a user buys, and how fast a cart was filled. Few have a cart, so it stands elsewhere than
//! the user.

use std::collections::VecDeque;

use super::suspect::FraudLimits;

/// How many carts an alert can tell apart at least.
const PURCHASES_TOLD: usize = 256;

/// Fewest products of a cart that somebody fills in a rush.
const RUSH_ITEMS_MIN: u16 = 3;

/// One user's.
#[derive(Debug, Clone, Default)]
pub(super) struct Shopping {
    /// Those of the user's two latest sessions, in no order.
    carts: [Cart; 2],
    /// When the last carts were bought.
    times: VecDeque<i64>,
    /// Most of them in the window.
    pub(super) most: u32,
}

/// A session's cart.
#[derive(Debug, Clone, Copy, Default)]
struct Cart {
    /// The session's id, as the session has it; 0 for none.
    session: u32,
    items: u16,
    /// The session's events up to the one that put the first of these products in.
    events: u16,
    /// The time of that one.
    since_us: i64,
}

/// How fast a cart was filled and bought: its products, and the pauses since the first came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CartPace {
    pub(super) items: u16,
    pub(super) pauses: u16,
    pub(super) us: i64,
}

impl CartPace {
    /// Whether there is a whole cart, and the pauses are below this limit in the mean. Somebody
    /// who knows what to buy may be as fast with one or two products.
    pub(super) fn is_rush(self, pause_us: i64) -> bool {
        self.items >= RUSH_ITEMS_MIN && self.us < pause_us.saturating_mul(self.pauses.into())
    }
}

impl Shopping {
    /// A product comes into the cart of a session, as its event of this number. `other` is the
    /// user's other session.
    pub(super) fn fill(&mut self, session: u32, other: u32, events: u16, due_us: i64) {
        let known = self.carts.iter().position(|cart| cart.session == session);
        // What is neither this session's nor the other's is of one that is known no longer.
        let place = known.unwrap_or(usize::from(self.carts[0].session == other));
        let cart = &mut self.carts[place];
        if known.is_none() || cart.items == 0 {
            *cart = Cart { session, items: 0, events, since_us: due_us };
        }
        cart.items = cart.items.saturating_add(1);
    }

    /// A product goes out of the cart of a session, which is bought with the event of this number.
    /// Gives how fast that was; nothing where nothing was seen to come in.
    pub(super) fn empty(&mut self, session: u32, events: u16, due_us: i64) -> Option<CartPace> {
        let filled = |cart: &&mut Cart| cart.session == session && cart.items > 0;
        let cart = self.carts.iter_mut().find(filled)?;
        let items = cart.items;
        cart.items -= 1;
        let us = due_us.saturating_sub(cart.since_us);
        Some(CartPace { items, pauses: events.saturating_sub(cart.events), us })
    }

    /// A session of this id begins: what was known of an earlier one is not its own.
    pub(super) fn forget(&mut self, session: u32) {
        for cart in self.carts.iter_mut().filter(|cart| cart.session == session) {
            *cart = Cart::default();
        }
    }

    /// Counts a cart that is bought, and gives how many there are in the window that ends with it;
    /// one exactly a window ago is outside. Beyond what a rule or an alert needs the count stands.
    pub(super) fn buy(&mut self, due_us: i64, limits: &FraudLimits) -> usize {
        let since_us = due_us.saturating_sub(limits.purchase_window_us);
        while self.times.front().is_some_and(|at_us| *at_us <= since_us) {
            self.times.pop_front();
        }
        if self.times.len() > limits.purchases_max.max(PURCHASES_TOLD) {
            self.times.pop_front();
        }
        self.times.push_back(due_us);
        self.most = self.most.max(u32::try_from(self.times.len()).unwrap_or(u32::MAX));
        self.times.len()
    }

    /// How many there were in the window that the last one ended.
    pub(super) fn count(&self) -> usize {
        self.times.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::suspect::tests::LIMITS;
    use super::*;

    #[test]
    fn purchases_are_counted_in_a_window_that_is_open_at_its_far_end() {
        let limits = FraudLimits { purchase_window_us: 10, purchases_max: 2, ..LIMITS };
        let mut shopping = Shopping::default();
        let counts = [0, 5, 10, 11, 15, 25].map(|due_us| shopping.buy(due_us, &limits));
        assert_eq!(counts, [1, 2, 2, 3, 3, 1]);
        for _ in 0..10_000 {
            shopping.buy(26, &limits);
        }
        assert!(shopping.times.len() <= PURCHASES_TOLD + 1);
    }

    #[test]
    fn the_pace_of_a_cart_counts_from_its_first_product() {
        let mut shopping = Shopping::default();
        assert_eq!(shopping.empty(1, 1, 5), None);
        shopping.fill(1, 3, 2, 10);
        shopping.fill(1, 3, 4, 30);
        shopping.fill(3, 1, 9, 31);
        assert_eq!(shopping.empty(1, 5, 50), Some(CartPace { items: 2, pauses: 3, us: 40 }));
        assert_eq!(shopping.empty(1, 6, 55), Some(CartPace { items: 1, pauses: 4, us: 45 }));
        assert_eq!(shopping.empty(1, 7, 56), None, "all is bought");
        shopping.fill(1, 3, 8, 60);
        assert_eq!(
            shopping.empty(1, 9, 70),
            Some(CartPace { items: 1, pauses: 1, us: 10 }),
            "a new cart"
        );
        assert_eq!(
            shopping.empty(3, 10, 32),
            Some(CartPace { items: 1, pauses: 1, us: 1 }),
            "another's"
        );
        let pace = CartPace { items: 3, pauses: 4, us: 45 };
        assert_eq!([11, 12].map(|pause_us| pace.is_rush(pause_us)), [false, true]);
        assert!(!CartPace { items: 2, ..pace }.is_rush(12), "two may be bought by who knows them");
    }

    #[test]
    fn a_session_that_begins_has_no_cart_and_two_are_known_at_once() {
        let mut shopping = Shopping::default();
        shopping.fill(1, 0, 1, 10);
        shopping.fill(3, 1, 1, 20);
        shopping.forget(1);
        assert_eq!(shopping.empty(1, 2, 21), None);
        // The first session has made room for a third.
        shopping.fill(5, 3, 1, 30);
        assert_eq!(shopping.empty(3, 2, 31), Some(CartPace { items: 1, pauses: 1, us: 11 }));
        assert_eq!(shopping.empty(5, 2, 31), Some(CartPace { items: 1, pauses: 1, us: 1 }));
    }
}
