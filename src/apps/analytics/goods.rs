//! How products go: looked at, put into carts, bought.

use std::ops::AddAssign;

use crate::apps::state::counts::Amount;
use crate::apps::state::windows::Sales;
use crate::apps::summary::{Value, price_cents};
use crate::event::{Event, EventType};

/// What became of one product.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Goods {
    /// Views of its page.
    pub(super) views: u64,
    /// How often it was put into a cart.
    pub(super) carts: u64,
    pub(super) sold: Sales,
}

impl Goods {
    /// What an event does to its product; none for types that do nothing to any.
    pub(super) fn of(event: &Event<'_>) -> Option<Self> {
        let nothing = Self::default();
        match event.event_type {
            EventType::PageView => Some(Self { views: 1, ..nothing }),
            EventType::AddToCart => Some(Self { carts: 1, ..nothing }),
            EventType::Purchase => {
                Some(Self { sold: Sales { units: 1, cents: price_cents(event) }, ..nothing })
            }
            EventType::Click | EventType::Search => None,
        }
    }
}

impl AddAssign for Goods {
    fn add_assign(&mut self, more: Self) {
        self.views += more.views;
        self.carts += more.carts;
        self.sold += more.sold;
    }
}

impl Amount for Goods {
    fn size(&self) -> u64 {
        self.sold.units
    }

    fn value(&self) -> Value {
        Value::Count(self.sold.units)
    }
}
