//! The sessions of one user.
//!
//! A session is what one user does under one session id, without a gap longer than the idle limit;
//! the same id after such a gap is a new session. A session is closed when it has been idle for
//! that long by its user's own events, or when the user has too many open. That depends on nothing
//! but the user's events, so it is the same however users are spread over partitions.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use smallvec::SmallVec;

/// Open sessions of one user; a shop's user has one, or two where browsers are left open.
const OPEN_MAX: usize = 4;

/// One session of a user, with what an application wants to know of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct UserSession<V> {
    /// The session id's hash. It only tells apart the few open sessions of one user: two of them
    /// are mistaken for one with a chance of 2^-64.
    id_hash: u64,
    /// Time of the first event: microseconds since 1970.
    pub(crate) first_us: i64,
    /// Time of the last event: microseconds since 1970.
    pub(crate) last_us: i64,
    /// Events so far.
    pub(crate) events: u32,
    /// What the application wants to know.
    pub(crate) what: V,
}

impl<V> UserSession<V> {
    /// From the first to the last event, in milliseconds.
    pub(crate) fn duration_ms(&self) -> u64 {
        self.last_us.saturating_sub(self.first_us).max(0).unsigned_abs() / 1_000
    }
}

/// The open sessions of one user.
#[derive(Debug, Clone, Default)]
pub(crate) struct UserSessions<V> {
    /// One session is the rule: it stands right here, and needs no second look into memory.
    open: SmallVec<[UserSession<V>; 1]>,
}

impl<V: Default> UserSessions<V> {
    /// Takes in an event of the user and gives its session, which is new when `events` is 1.
    /// `close` gets each session that ends by it.
    pub(crate) fn step(
        &mut self,
        session_id: &str,
        due_us: i64,
        idle_us: i64,
        mut close: impl FnMut(&UserSession<V>),
    ) -> &mut UserSession<V> {
        let id_hash = FixedState::default().hash_one(session_id);
        let is_over = |visit: &UserSession<V>| due_us.saturating_sub(visit.last_us) > idle_us;
        let found = self.open.iter().position(|visit| visit.id_hash == id_hash);
        let index = match found {
            Some(index) if !is_over(&self.open[index]) => index,
            _ => {
                self.open.retain(|visit| {
                    let over = is_over(visit);
                    if over {
                        close(visit);
                    }
                    !over
                });
                if self.open.len() >= OPEN_MAX {
                    self.close_longest_idle(close);
                }
                self.open.push(UserSession {
                    id_hash,
                    first_us: due_us,
                    last_us: due_us,
                    events: 0,
                    what: V::default(),
                });
                self.open.len() - 1
            }
        };
        let visit = &mut self.open[index];
        visit.events = visit.events.saturating_add(1);
        visit.first_us = visit.first_us.min(due_us);
        visit.last_us = visit.last_us.max(due_us);
        visit
    }

    fn close_longest_idle(&mut self, mut close: impl FnMut(&UserSession<V>)) {
        let idle = self.open.iter().enumerate().min_by_key(|(_, visit)| visit.last_us);
        if let Some((index, _)) = idle {
            // Keeps the order, so that ties fall the same way every time.
            close(&self.open.remove(index));
        }
    }

    /// The sessions that are still open.
    pub(crate) fn open(&self) -> &[UserSession<V>] {
        &self.open
    }

    /// The sessions that are still open, to be changed.
    pub(crate) fn open_mut(&mut self) -> &mut [UserSession<V>] {
        &mut self.open
    }

    /// The time of the last event, of a user who has had one.
    pub(crate) fn last_us(&self) -> i64 {
        self.open.iter().map(|visit| visit.last_us).max().unwrap_or(i64::MIN)
    }

    /// Takes in open sessions of the same user from another partition.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.open.extend(other.open);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds (session, time) and gives the events of each closed session, then of the open ones.
    fn run(steps: &[(&str, i64)], idle_us: i64) -> (Vec<u32>, Vec<u32>) {
        let mut visits = UserSessions::<()>::default();
        let mut closed = Vec::new();
        for (session_id, due_us) in steps {
            visits.step(session_id, *due_us, idle_us, |visit| {
                closed.push(visit.events);
            });
        }
        (closed, visits.open().iter().map(|visit| visit.events).collect())
    }

    #[test]
    fn interleaved_sessions_stay_apart() {
        assert_eq!(
            run(&[("a", 0), ("b", 1), ("a", 2), ("b", 3), ("a", 4)], 10),
            (vec![], vec![3, 2])
        );
    }

    #[test]
    fn a_gap_beyond_the_limit_begins_a_new_session() {
        assert_eq!(run(&[("a", 0), ("a", 10), ("a", 21)], 10), (vec![2], vec![1]));
        assert_eq!(run(&[("a", 0), ("b", 11)], 10), (vec![1], vec![1]));
    }

    #[test]
    fn too_many_open_sessions_close_the_longest_idle() {
        let steps = [("a", 0), ("b", 1), ("c", 2), ("d", 3), ("a", 4), ("e", 5)];
        assert_eq!(run(&steps, 100), (vec![1], vec![2, 1, 1, 1]));
    }
}
