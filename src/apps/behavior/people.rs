//! Who a user is: segment, engagement, device, and the ways of the open sessions.

use crate::apps::users::PerUser;
use crate::apps::visits::Visits;
use crate::event::EventType;

/// What an event of each type adds to a user's engagement: the further down the funnel, the more.
pub(super) const ENGAGEMENT: [u64; 5] = [1, 2, 3, 5, 10];

/// Kinds of devices that are told apart; the last is for all others.
pub(super) const DEVICES: [&str; 4] = ["desktop", "mobile", "tablet", "other"];

/// Pages in a path.
pub(super) const PATH_PAGES: usize = 3;

/// What a user is, by what the user has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment {
    /// Looks at pages.
    Browser,
    /// Has bought something.
    Buyer,
    /// Searches much, buys nothing.
    Researcher,
}

impl Segment {
    pub(super) const ALL: [Self; 3] = [Self::Browser, Self::Buyer, Self::Researcher];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Browser => "browsers",
            Self::Buyer => "buyers",
            Self::Researcher => "researchers",
        }
    }
}

/// One user.
#[derive(Debug, Clone, Default)]
pub(super) struct Person {
    pub(super) last_us: i64,
    pub(super) by_type: [u32; 5],
    pub(super) devices: [u32; DEVICES.len()],
    pub(super) visits: Visits<Way>,
}

impl Person {
    pub(super) fn segment(&self, researcher_share: f64) -> Segment {
        let of = |kind: EventType| f64::from(self.by_type[kind.index()]);
        if self.by_type[EventType::Purchase.index()] > 0 {
            Segment::Buyer
        } else if of(EventType::Search) > 0.0
            && of(EventType::Search)
                >= researcher_share * self.by_type.iter().map(|n| f64::from(*n)).sum::<f64>()
        {
            Segment::Researcher
        } else {
            Segment::Browser
        }
    }

    pub(super) fn engagement(&self) -> u64 {
        self.by_type.iter().zip(ENGAGEMENT).map(|(count, weight)| u64::from(*count) * weight).sum()
    }

    /// The device that most events came from; the first of equals.
    pub(super) fn device(&self) -> usize {
        let most = self.devices.iter().max();
        self.devices.iter().position(|count| Some(count) == most).unwrap_or(0)
    }
}

impl PerUser for Person {
    fn last_us(&self) -> i64 {
        self.last_us
    }

    fn absorb(&mut self, other: Self) {
        self.last_us = self.last_us.max(other.last_us);
        for (count, more) in self.by_type.iter_mut().zip(other.by_type) {
            *count = count.saturating_add(more);
        }
        for (count, more) in self.devices.iter_mut().zip(other.devices) {
            *count = count.saturating_add(more);
        }
        self.visits.absorb(other.visits);
    }
}

/// The way of one session.
#[derive(Debug, Clone, Default)]
pub(super) struct Way {
    /// Kinds of the last pages viewed, the last one last.
    pub(super) kinds: [u32; PATH_PAGES],
    /// How many pages were viewed.
    pub(super) views: u32,
    /// The page of the last event.
    pub(super) last_page: u32,
    pub(super) bought: bool,
}
