//! The rules, and what they need to know of a user.

use std::collections::VecDeque;

use crate::apps::users::PerUser;

/// What makes a user suspicious.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// An event beyond `velocity_per_min` in the minute that ends with it.
    Velocity,
    /// A purchase beyond `purchases_max` in the window that ends with it.
    PurchaseVelocity,
    /// A purchase out of a cart of at least `high_value_usd`.
    HighValue,
    /// An event from another address than the session's event before.
    AddressChange,
    /// An event from another country than the session's event before.
    CountryChange,
}

impl Rule {
    pub(super) const ALL: [Self; 5] = [
        Self::Velocity,
        Self::PurchaseVelocity,
        Self::HighValue,
        Self::AddressChange,
        Self::CountryChange,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Velocity => "velocity",
            Self::PurchaseVelocity => "purchase_velocity",
            Self::HighValue => "high_value",
            Self::AddressChange => "address_change",
            Self::CountryChange => "country_change",
        }
    }
}

/// How often one user met one rule.
#[derive(Debug, Clone, Default)]
pub(super) struct Hits {
    pub(super) count: u64,
    pub(super) session_id: Box<str>,
    pub(super) first_us: i64,
    pub(super) last_us: i64,
}

impl Hits {
    pub(super) fn hit(&mut self, session_id: &str, due_us: i64) {
        if self.count == 0 {
            self.session_id = session_id.into();
            (self.first_us, self.last_us) = (due_us, due_us);
        }
        self.count += 1;
        self.last_us = self.last_us.max(due_us);
    }

    pub(super) fn absorb(&mut self, other: Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = other;
            return;
        }
        self.count += other.count;
        self.last_us = self.last_us.max(other.last_us);
        if other.first_us < self.first_us {
            self.first_us = other.first_us;
            self.session_id = other.session_id;
        }
    }
}

/// The last times at which something happened, as many as a rule needs to know.
#[derive(Debug, Clone, Default)]
pub(super) struct Recent(VecDeque<i64>);

impl Recent {
    /// Says whether more than `most` happened within the window that ends now; an event exactly
    /// one window ago is outside.
    pub(super) fn exceeds(&mut self, due_us: i64, window_us: i64, most: usize) -> bool {
        while self.0.front().is_some_and(|at_us| *at_us <= due_us.saturating_sub(window_us)) {
            self.0.pop_front();
        }
        if self.0.len() < most {
            self.0.push_back(due_us);
            return false;
        }
        // The oldest no longer decides anything: `most` newer ones are in the window.
        self.0.pop_front();
        self.0.push_back(due_us);
        true
    }
}

/// One user.
#[derive(Debug, Clone, Default)]
pub(super) struct Suspect {
    pub(super) last_us: i64,
    pub(super) events: Recent,
    pub(super) purchases: Recent,
    /// Hashes of the last event's session, address and country; 0 before the first. They are
    /// compared with the next event's only: a change is overlooked with a chance of 2^-63.
    pub(super) session: u64,
    pub(super) address: u64,
    pub(super) country: u64,
}

impl PerUser for Suspect {
    fn last_us(&self) -> i64 {
        self.last_us
    }

    fn absorb(&mut self, other: Self) {
        // A user of two partitions has no order of events: the later state goes on.
        if other.last_us > self.last_us {
            *self = other;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_open_at_its_far_end() {
        let mut recent = Recent::default();
        // Two are allowed within ten.
        let met = [0, 5, 10, 11, 15, 25].map(|due_us| recent.exceeds(due_us, 10, 2));
        assert_eq!(met, [false, false, false, true, true, false]);
        assert!(recent.0.len() <= 2);
    }

    #[test]
    fn hits_of_two_partitions_keep_the_first_session() {
        let (mut left, mut right, mut none) = (Hits::default(), Hits::default(), Hits::default());
        left.hit("late", 20);
        right.hit("early", 10);
        right.hit("last", 30);
        left.absorb(right);
        left.absorb(Hits::default());
        none.absorb(left);
        assert_eq!((none.count, none.first_us, none.last_us), (3, 10, 30));
        assert_eq!(&*none.session_id, "early");
    }
}
