//! Which events of a recording begin a session, counted for the books.
//!
//! A session is what one user does under one session id without a gap beyond the idle limit. Of
//! one user at most four are open at once, the longest idle closes first: a session id that comes
//! again after that counts again, as it does for the applications.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// Open sessions of one user.
const OPEN_MAX: usize = 4;

/// Users that are remembered at once: some 100 MB. As many as an application keeps by default.
const USERS_MAX: usize = 1_000_000;

/// A session's hash, and its last event's time.
type OpenSession = (u64, i64);

/// The open sessions of all users that were active within the idle limit.
#[derive(Debug)]
pub(in crate::workers::produce) struct OpenSessions {
    idle_us: i64,
    users_max: usize,
    /// Users seen since `turned_us`, and those seen in the span before. Every span is longer than
    /// the idle limit, so that whoever is in neither has no open session.
    recent: HashMap<u64, [Option<OpenSession>; OPEN_MAX], FixedState>,
    before: HashMap<u64, [Option<OpenSession>; OPEN_MAX], FixedState>,
    turned_us: i64,
}

impl OpenSessions {
    /// Of the users of one of so many producers, who share the memory.
    pub(super) fn new(idle_us: i64, shards: u16) -> Self {
        Self {
            idle_us,
            users_max: USERS_MAX / usize::from(shards.max(1)),
            recent: HashMap::default(),
            before: HashMap::default(),
            turned_us: 0,
        }
    }

    /// Takes in an event, in the order of times; returns whether it begins a session.
    /// User and session are hashes of their names.
    pub(super) fn step(&mut self, user: u64, session: u64, due_us: i64) -> bool {
        let over_full = self.recent.len() >= self.users_max / 2;
        if due_us.saturating_sub(self.turned_us) > self.idle_us || over_full {
            self.before = std::mem::take(&mut self.recent);
            self.turned_us = due_us;
        }
        let before = &mut self.before;
        let open =
            self.recent.entry(user).or_insert_with(|| before.remove(&user).unwrap_or_default());
        let idle_us = self.idle_us;
        let is_over = |visit: &OpenSession| due_us.saturating_sub(visit.1) > idle_us;
        if let Some(visit) = open.iter_mut().flatten().find(|visit| visit.0 == session)
            && !is_over(visit)
        {
            visit.1 = due_us;
            return false;
        }
        for place in open.iter_mut() {
            *place = place.take().filter(|visit| !is_over(visit));
        }
        // An empty place comes before every time.
        if let Some(place) = open.iter_mut().min_by_key(|place| place.map(|visit| visit.1)) {
            *place = Some((session, due_us));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::hash;
    use super::*;

    /// Which of the (user, session, time) begin a session.
    fn starts(steps: &[(&str, &str, i64)], idle_us: i64) -> Vec<bool> {
        let mut visits = OpenSessions::new(idle_us, 1);
        let mut step = |&(user, session, due_us): &(&str, &str, i64)| {
            visits.step(hash(user.as_bytes()), hash(session.as_bytes()), due_us)
        };
        steps.iter().map(&mut step).collect()
    }

    #[test]
    fn a_session_begins_once_for_each_user() {
        let steps = [("a", "s", 0), ("b", "s", 1), ("a", "s", 2), ("a", "t", 3), ("a", "s", 4)];
        assert_eq!(starts(&steps, 10), [true, true, false, true, false]);
    }

    #[test]
    fn a_gap_beyond_the_limit_begins_a_new_session_and_a_gap_of_the_limit_does_not() {
        let steps = [("a", "s", 0), ("a", "s", 10), ("b", "x", 15), ("a", "s", 20), ("a", "s", 31)];
        assert_eq!(starts(&steps, 10), [true, false, true, false, true]);
    }

    #[test]
    fn a_fifth_open_session_closes_the_longest_idle() {
        let steps = [
            ("a", "1", 0),
            ("a", "2", 1),
            ("a", "3", 2),
            ("a", "4", 3),
            ("a", "1", 4),
            ("a", "5", 5),
            ("a", "1", 6),
            ("a", "2", 7),
        ];
        let expected = [true, true, true, true, false, true, false, true];
        assert_eq!(starts(&steps, 100), expected);
    }

    #[test]
    fn who_has_been_idle_for_two_spans_is_forgotten_and_a_span_is_longer_than_the_limit() {
        let mut visits = OpenSessions::new(10, 1);
        let mut known = |user, due_us| {
            visits.step(user, 0, due_us);
            (visits.before.len(), visits.recent.len())
        };
        assert_eq!([0, 1, 2, 3, 4].map(|user| known(user, 0))[4], (0, 5));
        assert_eq!(known(5, 10), (0, 6));
        assert_eq!(known(6, 11), (6, 1));
        assert_eq!(known(7, 22), (1, 1));
    }

    #[test]
    fn memory_stays_bounded() {
        let mut visits = OpenSessions { users_max: 100, ..OpenSessions::new(1_000_000, 1) };
        for number in 0..10_000_u64 {
            assert!(visits.step(number, 0, number.cast_signed()));
            assert!(visits.recent.len() + visits.before.len() <= 100);
        }
        // Those who were seen last are still known.
        assert!(!visits.step(9_999, 0, 10_000));
    }
}
