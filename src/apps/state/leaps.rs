//! What leaps ahead of its partition, and waits until others agree.
//!
//! The watermark of a partition is its greatest event time ([`super::watermark`]), so that a single
//! event with a wrong time ahead would make all that follow late: an application is blind until
//! time has caught up. Whether a time is wrong, its record does not tell, for whoever forges the
//! one forges the other; but time never goes back for a whole stream. So an event that lies
//! further ahead than the lateness which the application allows is held, and the events that
//! follow vote on it: who comes at its time or later (less the lateness) agrees, who comes before
//! that disagrees. It is applied once two more users agree, or seven more events of whomever; it
//! is left out once those who disagree are more than those who agree, itself included. What is
//! late by the watermark already has no say: it tells of the past.
//!
//! That is the majority vote of Boyer and Moore (1981) on where a stream is. Watermarks that must
//! not follow a single source too far are Flink's, too ("watermark alignment", which halts the
//! source that is ahead); its watermark itself follows whatever is greatest.
//!
//! The vote is about the partition's own events and nothing else: no clock, and no other partition
//! has a say. So the answers don't depend on when a topic is read, nor on the order in which its
//! partitions are. A stream whose time never goes back by more than the lateness loses nothing,
//! whatever gaps it has, for nobody disagrees; and one whose time never goes back keeps its order.
//! What is still held at the end counts as agreed to, unless as many disagree as agree, or the
//! whole stream speaks against it ([`TimeStretch::reaches`]).

use std::collections::VecDeque;

/// Users who must agree, the event's own among them.
const USERS: usize = 3;

/// Events that must agree where they are of fewer users, itself included.
const EVENTS: i32 = 8;

/// Most events that are held; the longest held makes room, and is left out.
const HELD_MAX: usize = 64;

/// How far ahead an event may always lie: a lateness of nothing would have every event held.
const REACH_MIN_US: i64 = 1_000_000;

/// From so many events on a stream can speak against what comes last.
const STREAM_MIN: u64 = 100;

/// The events of one partition that wait for others. `T` is whatever applies one later.
#[derive(Debug, Clone)]
pub struct Leaps<T> {
    reach_us: i64,
    stretch: TimeStretch,
    held: VecDeque<HeldEvent<T>>,
    agreed: VecDeque<(i64, T)>,
    left_out: u64,
}

/// The stretch of time that applied events cover.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeStretch {
    /// How many there are.
    pub events: u64,
    /// Least and greatest event time, in microseconds since 1970; `None` without any.
    pub span_us: Option<(i64, i64)>,
}

#[derive(Debug, Clone)]
struct HeldEvent<T> {
    at_us: i64,
    /// Who agrees, each once; its own user is the first.
    users: [u64; USERS],
    user_count: usize,
    /// Events that agree, itself included, less those that don't.
    votes: i32,
    what: T,
}

impl TimeStretch {
    fn reach(&mut self, at_us: i64) {
        self.events += 1;
        let (first_us, last_us) = self.span_us.unwrap_or((at_us, at_us));
        self.span_us = Some((first_us.min(at_us), last_us.max(at_us)));
    }

    /// Takes in another partition's.
    pub fn merge(&mut self, other: Self) {
        self.events += other.events;
        self.span_us = match (self.span_us, other.span_us) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (one, None) | (None, one) => one,
        };
    }

    /// Whether a time at the stream's very end, of which nobody has had a say, is to be taken for
    /// true: it is, unless it lies further ahead of all partitions than all of them together have
    /// taken so far. A hundred events within seconds, and one an hour later, are a wrong time; two
    /// events a day, and a third the day after, are not.
    #[must_use]
    pub fn reaches(&self, at_us: i64, reach_us: i64) -> bool {
        let Some((first_us, last_us)) = self.span_us.filter(|_| self.events >= STREAM_MIN) else {
            return true;
        };
        at_us.saturating_sub(last_us) <= reach_us.max(last_us.saturating_sub(first_us))
    }
}

impl<T> Leaps<T> {
    /// Nothing seen yet; an event may lie `lateness_us` ahead of the newest, and a second at
    /// least.
    #[must_use]
    pub fn new(lateness_us: i64) -> Self {
        Self {
            reach_us: lateness_us.max(REACH_MIN_US),
            stretch: TimeStretch::default(),
            held: VecDeque::new(),
            agreed: VecDeque::new(),
            left_out: 0,
        }
    }

    /// How far ahead an event may lie, in microseconds.
    #[must_use]
    pub fn reach_us(&self) -> i64 {
        self.reach_us
    }

    /// What the applied events cover.
    #[must_use]
    pub fn stretch(&self) -> TimeStretch {
        self.stretch
    }

    /// Events that were left out.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Takes in an event's time and a number of its user; whether it is to be applied at once.
    /// Otherwise it is kept by `keep`. Then [`Leaps::take_agreed`] is to be asked, in either case.
    pub fn enter(&mut self, at_us: i64, user: u64, keep: impl FnOnce() -> T) -> bool {
        let newest_us = self.stretch.span_us.map(|(_, last_us)| last_us);
        let is_far = self.is_far(at_us);
        let is_late = newest_us.is_some_and(|newest| at_us < newest.saturating_sub(self.reach_us));
        if !self.held.is_empty() && !is_late {
            self.vote(at_us, user);
        }
        if is_far {
            if self.held.len() >= HELD_MAX {
                self.held.pop_front();
                self.left_out += 1;
            }
            let users = [user, 0, 0];
            self.held.push_back(HeldEvent { at_us, users, user_count: 1, votes: 1, what: keep() });
        } else {
            self.stretch.reach(at_us);
        }
        if !self.held.is_empty() {
            self.settle();
        }
        !is_far
    }

    /// The next of those that are to be applied now, with its time.
    pub fn take_agreed(&mut self) -> Option<(i64, T)> {
        self.agreed.pop_front()
    }

    /// How many of those that are held would be left out if nothing more came; `whole` is what
    /// all partitions cover.
    #[must_use]
    pub fn doubtful(&self, whole: TimeStretch) -> u64 {
        self.held.iter().filter(|held| self.is_doubtful(held, whole)).count() as u64
    }

    /// Nothing more comes: what is held is to be applied now, or is left out.
    pub fn end(&mut self, whole: TimeStretch) {
        let doubtful: Vec<bool> =
            self.held.iter().map(|held| self.is_doubtful(held, whole)).collect();
        for (held, is_doubtful) in std::mem::take(&mut self.held).into_iter().zip(doubtful) {
            if is_doubtful {
                self.left_out += 1;
            } else {
                self.stretch.reach(held.at_us);
                self.agreed.push_back((held.at_us, held.what));
            }
        }
    }

    fn is_doubtful(&self, held: &HeldEvent<T>, whole: TimeStretch) -> bool {
        // Where nothing was agreed to yet, none is truer than another.
        let is_outvoted = self.stretch.span_us.is_some() && held.votes <= 0;
        is_outvoted || !whole.reaches(held.at_us, self.reach_us)
    }

    fn is_far(&self, at_us: i64) -> bool {
        let newest_us = self.stretch.span_us.map(|(_, last_us)| last_us);
        newest_us.is_none_or(|newest_us| at_us > newest_us.saturating_add(self.reach_us))
    }

    fn vote(&mut self, at_us: i64, user: u64) {
        let reach_us = self.reach_us;
        let before = self.held.len();
        self.held.retain_mut(|held| {
            held.vote(user, at_us >= held.at_us.saturating_sub(reach_us));
            held.votes >= 0
        });
        self.left_out += (before - self.held.len()) as u64;
    }

    /// Moves on to whatever has been agreed to, and to what that brings within reach.
    fn settle(&mut self) {
        loop {
            let is_through = |held: &HeldEvent<T>| held.is_agreed() || !self.is_far(held.at_us);
            let Some(held) =
                self.held.iter().position(is_through).and_then(|place| self.held.remove(place))
            else {
                return;
            };
            self.stretch.reach(held.at_us);
            self.agreed.push_back((held.at_us, held.what));
        }
    }
}

impl<T> HeldEvent<T> {
    fn vote(&mut self, user: u64, agrees: bool) {
        if !agrees {
            self.user_count = self.user_count.saturating_sub(1);
            self.votes -= 1;
            return;
        }
        self.votes += 1;
        if self.user_count < USERS && !self.users[..self.user_count].contains(&user) {
            self.users[self.user_count] = user;
            self.user_count += 1;
        }
    }

    fn is_agreed(&self) -> bool {
        self.user_count >= USERS || self.votes >= EVENTS
    }
}

#[cfg(test)]
mod tests;
