//! One visit of one user: what it has seen, what is in its cart, what it may do next.

use std::collections::VecDeque;
use std::num::NonZeroU32;

use super::catalogue::ShopPage;
use super::planted::FraudScript;
use super::profiles::UserProfile;
use crate::event::EventType;

/// A live session. Kept small and in one piece: a hundred thousand of them are visited at random.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) user: u64,
    pub(super) id: u64,
    pub(super) person: UserProfile,
    /// Events until it ends, unless there is a reason to go on.
    pub(super) remaining: u32,
    /// Whether it has had an event.
    pub(super) has_begun: bool,
    /// Whether its user has been here before the first event that is seen.
    pub(super) was_under_way: bool,
    /// Whether it has a next event on the sessions' clock.
    pub(super) is_queued: bool,
    /// What it is planted for, if it is.
    pub(super) plot: Option<FraudScript>,
    /// Whether somebody else comes back with this account.
    pub(super) is_victim: bool,
    pub(super) page: ShopPage,
    pub(super) referrer: ShopPage,
    /// The product seen or searched for last; that is what goes into the cart.
    pub(super) focus: Option<u32>,
    pub(super) cart_cents: u64,
    /// Its last event, if it has a next one on the sessions' clock.
    pub(super) since: Option<Since>,
    /// Most sessions never have one, and who has bought it all has none any more: whether it is
    /// empty is told without a look at it, which would be one at memory that is in no cache.
    #[expect(clippy::box_collection, reason = "a million sessions keep 8 bytes each, not 32")]
    cart: Option<Box<VecDeque<u32>>>,
}

/// The event after which somebody pauses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Since {
    /// When it was due on the schedule's clock.
    pub(super) due_ns: u64,
    /// The pause that was meant, in µs.
    pub(super) meant_us: NonZeroU32,
    /// The phase that was on.
    pub(super) phase: u16,
}

impl Session {
    /// A session at its first page, with the site that it comes from.
    pub(super) fn new(user: u64, id: u64, person: UserProfile, from: ShopPage) -> Self {
        Self {
            user,
            id,
            person,
            remaining: 0,
            has_begun: false,
            was_under_way: false,
            is_queued: false,
            plot: None,
            is_victim: false,
            page: from,
            referrer: from,
            focus: None,
            cart_cents: 0,
            since: None,
            cart: None,
        }
    }

    /// Follows a script from now on.
    pub(super) fn follow(&mut self, plot: FraudScript) {
        self.remaining = plot.length();
        self.plot = Some(plot);
    }

    /// Goes to a page; what it is about comes into focus.
    pub(super) fn go(&mut self, page: ShopPage) {
        self.page = page;
        if let ShopPage::Product(number) | ShopPage::Search(number, _) = page {
            self.focus = Some(number);
        }
    }

    /// Whether the page in view is about the product in focus.
    pub(super) fn is_on_focus(&self) -> bool {
        match self.page {
            ShopPage::Product(number) | ShopPage::Search(number, _) => Some(number) == self.focus,
            _ => false,
        }
    }

    /// Takes out of the weights what can't happen now.
    #[inline]
    pub(super) fn restrict(&self, weights: &mut [f64; 5]) {
        if self.focus.is_none() {
            weights[EventType::AddToCart.index()] = 0.0;
        } else if !self.is_on_focus() {
            // One may go back to the product, but mostly one doesn't.
            weights[EventType::AddToCart.index()] *= 0.25;
        }
        if self.is_cart_empty() {
            weights[EventType::Purchase.index()] = 0.0;
        } else if matches!(self.page, ShopPage::Cart | ShopPage::Checkout) {
            weights[EventType::Purchase.index()] *= 4.0;
        }
    }

    /// Puts a product into the cart.
    pub(super) fn add(&mut self, product: u32, price_cents: u64) {
        self.cart.get_or_insert_default().push_back(product);
        self.cart_cents += price_cents;
    }

    /// Takes the product out of the cart that has been there longest.
    pub(super) fn buy(&mut self) -> Option<u32> {
        let cart = self.cart.as_mut()?;
        let product = cart.pop_front();
        if cart.is_empty() {
            self.cart = None;
        }
        product
    }

    /// Whether the cart is empty.
    pub(super) fn is_cart_empty(&self) -> bool {
        self.cart.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::generate::Persona;

    fn session(user: u64) -> Session {
        let person = UserProfile {
            persona: Persona::Buyer,
            city: 3,
            agent: 1,
            address: [10, 255, 255, 254],
        };
        Session::new(user, u64::MAX, person, ShopPage::External(0))
    }

    #[test]
    fn a_session_is_small() {
        assert!(size_of::<Session>() <= 112, "{}", size_of::<Session>());
    }

    #[test]
    fn a_cart_gives_its_products_back_in_order() {
        let mut session = session(1);
        for product in 0..8 {
            session.add(product, 10);
        }
        assert_eq!(session.cart_cents, 80);
        let bought: Vec<_> = std::iter::from_fn(|| session.buy()).collect();
        assert_eq!(bought, [0, 1, 2, 3, 4, 5, 6, 7]);
        assert!(session.is_cart_empty());
    }

    #[test]
    fn nothing_is_bought_that_is_not_in_the_cart_nor_added_unseen() {
        let mut session = session(1);
        let mut weights = [1.0; 5];
        session.restrict(&mut weights);
        assert_eq!(weights.map(f64::to_bits), [1.0, 1.0, 1.0, 0.0, 0.0].map(f64::to_bits));
        session.go(ShopPage::Search(4, 0));
        session.add(4, 100);
        let mut weights = [1.0; 5];
        session.restrict(&mut weights);
        assert_eq!(weights.map(f64::to_bits), [1.0; 5].map(f64::to_bits));
        session.go(ShopPage::Cart);
        session.restrict(&mut weights);
        assert_eq!(weights.map(f64::to_bits), [1.0, 1.0, 1.0, 0.25, 4.0].map(f64::to_bits));
    }
}
