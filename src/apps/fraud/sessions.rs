//! A user's two latest sessions, in few bytes.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

/// What is to be said of both sessions with yes or no: two bits each.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SessionMarks(u8);

impl SessionMarks {
    /// Where the session comes from is the user's own.
    pub(super) const LEARNS: u8 = 1;
    /// Something was viewed or searched for.
    pub(super) const LOOKED: u8 = 2;

    /// Of the first session.
    pub(super) fn has(self, mark: u8) -> bool {
        self.0 & mark != 0
    }

    /// Of the first session.
    pub(super) fn set(&mut self, mark: u8) {
        self.0 |= mark;
    }

    /// Of the first session nothing is said.
    fn clear(&mut self) {
        self.0 &= 0b1100;
    }

    /// The sessions change places.
    fn swap(&mut self) {
        self.0 = self.0 >> 2 | (self.0 & 0b0011) << 2;
    }
}

/// A time that is not a time.
const NEVER_US: u32 = u32::MAX;

/// One of a user's sessions.
#[derive(Debug, Clone, Copy)]
pub(super) struct FraudSession {
    pub(super) last_us: i64,
    /// The hash of the session's id, 0 for none. It tells apart the two sessions of one user, and
    /// takes one for the other with a chance of 2^-31.
    pub(super) id: u32,
    /// The hash of device and browser, 0 while unknown; a change is overlooked with a chance of
    /// 2^-31.
    pub(super) device: u32,
    /// From when a product came into the cart last to `last_us`. Times beyond 71 minutes are
    /// [`NEVER_US`]: the limit that this is for is a minute at most.
    cart_before_us: u32,
    pub(super) events: u16,
    pub(super) purchases: u16,
}

impl Default for FraudSession {
    fn default() -> Self {
        Self {
            last_us: i64::MIN,
            id: 0,
            device: 0,
            cart_before_us: NEVER_US,
            events: 0,
            purchases: 0,
        }
    }
}

impl FraudSession {
    /// Something happens at a time, which may lie before what was known already.
    fn reach(&mut self, due_us: i64) {
        let later_us = due_us.saturating_sub(self.last_us);
        if later_us > 0 {
            let later_us = u32::try_from(later_us).unwrap_or(NEVER_US);
            self.cart_before_us = self.cart_before_us.saturating_add(later_us);
            self.last_us = due_us;
        }
    }

    /// A product comes into the cart. The time has been reached.
    pub(super) fn cart(&mut self, due_us: i64) {
        let before_us = self.last_us.saturating_sub(due_us);
        self.cart_before_us = u32::try_from(before_us).unwrap_or(NEVER_US);
    }

    /// From the last product in the cart to a time that has been reached.
    pub(super) fn since_cart_us(&self, due_us: i64) -> Option<i64> {
        let before_us = i64::from(self.cart_before_us);
        let since_us = before_us.saturating_sub(self.last_us.saturating_sub(due_us));
        (self.cart_before_us != NEVER_US).then_some(since_us)
    }
}

/// The session of an event becomes the first; says whether it begins. The user's two latest are
/// known; one that comes back after two others, or after the idle limit, begins anew.
pub(super) fn enter(
    sessions: &mut [FraudSession; 2],
    marks: &mut SessionMarks,
    session_id: &str,
    due_us: i64,
    idle_us: i64,
) -> bool {
    let id = FixedState::default().hash_one(session_id) as u32 | 1;
    if sessions[0].id != id {
        sessions.swap(0, 1);
        marks.swap();
    }
    let session = &mut sessions[0];
    if session.id != id || due_us.saturating_sub(session.last_us) > idle_us {
        *session = FraudSession { id, ..FraudSession::default() };
        marks.clear();
    }
    session.reach(due_us);
    session.events == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_session_takes_the_place_of_the_second_last() {
        let (mut sessions, mut marks) = <([FraudSession; 2], SessionMarks)>::default();
        let mut step = |id, due_us| {
            let begins = enter(&mut sessions, &mut marks, id, due_us, 100);
            sessions[0].events += 1;
            begins
        };
        let begins = [("a", 1), ("b", 2), ("a", 3), ("c", 4), ("a", 5), ("b", 6), ("b", 107)]
            .map(|(id, due_us)| step(id, due_us));
        assert_eq!(begins, [true, true, false, true, false, true, true]);
    }

    #[test]
    fn each_session_keeps_its_marks() {
        let (mut sessions, mut marks) = <([FraudSession; 2], SessionMarks)>::default();
        let mut step = |id, due_us, mark| {
            enter(&mut sessions, &mut marks, id, due_us, 100);
            sessions[0].events += 1;
            let had = [SessionMarks::LEARNS, SessionMarks::LOOKED].map(|mark| marks.has(mark));
            marks.set(mark);
            had
        };
        assert_eq!(step("a", 1, SessionMarks::LEARNS), [false, false]);
        assert_eq!(step("b", 2, SessionMarks::LOOKED), [false, false]);
        assert_eq!(step("a", 3, SessionMarks::LOOKED), [true, false]);
        assert_eq!(step("b", 4, 0), [false, true]);
        assert_eq!(step("a", 5, 0), [true, true]);
        assert_eq!(step("c", 6, SessionMarks::LEARNS), [false, false], "b makes room");
        assert_eq!(step("a", 106, 0), [false, false], "a begins anew");
        assert_eq!(step("c", 106, 0), [true, false]);
    }

    #[test]
    fn the_pause_after_the_cart_is_exact_up_to_an_hour_whatever_the_order() {
        let mut session = FraudSession::default();
        let mut at = |due_us| {
            session.reach(due_us);
            session.since_cart_us(due_us)
        };
        assert_eq!([at(5_000_000), at(6_000_000)], [None, None]);
        session.cart(6_000_000);
        let mut at = |due_us| {
            session.reach(due_us);
            session.since_cart_us(due_us)
        };
        let pauses = [6_000_000, 6_000_001, 5_999_990, 66_000_000, 6_000_007].map(&mut at);
        assert_eq!(pauses, [Some(0), Some(1), Some(-10), Some(60_000_000), Some(7)]);
        assert_eq!(at(3_606_000_000), Some(3_600_000_000));
        assert_eq!([at(4_400_000_000), at(i64::MAX)], [None, None]);
    }
}
