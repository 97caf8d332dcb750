//! Which events begin a session, of those that the client took.
//!
//! An application sees a session from its first event on that was sent. Where the opening one
//! was refused, the next taken one opens it, for the books as for the applications.

use std::collections::HashSet;

use foldhash::fast::FixedState;

use super::open_sessions::OpenSessions;
use crate::load::generate::EventFacts;

/// Tells which of one shard's taken events begin a session.
#[derive(Debug)]
pub(in crate::workers::produce) enum Openings {
    /// The population tells a session's first and last event. Kept are the live sessions of which
    /// no event was taken yet: none where nothing is refused.
    Made(HashSet<u64, FixedState>),
    /// Nobody tells: by user, session and time, as the applications do.
    Recorded(OpenSessions),
}

impl Default for Openings {
    fn default() -> Self {
        Self::Made(HashSet::default())
    }
}

impl Openings {
    /// Of a recording whose users one of so many producers sends; a user who does nothing for
    /// `idle_us` begins a new session.
    pub(super) fn recorded(idle_us: i64, shards: u16) -> Self {
        Self::Recorded(OpenSessions::new(idle_us, shards))
    }

    /// The facts of an event that the client took, due then, whatever that is counted from: with
    /// the word whether it is its session's first one among the taken.
    pub(in crate::workers::produce) fn taken(
        &mut self,
        facts: &EventFacts,
        due_ns: u64,
    ) -> EventFacts {
        let session_starts = match self {
            Self::Made(unopened) => {
                // Removed first: a session's first event is never in the set.
                !unopened.is_empty() && unopened.remove(&facts.session) || facts.session_starts
            }
            Self::Recorded(visits) => {
                visits.step(facts.user, facts.session, (due_ns / 1_000).cast_signed())
            }
        };
        EventFacts { session_starts, ..*facts }
    }

    /// Notes that the client did not take an event.
    pub(in crate::workers::produce) fn refused(&mut self, facts: &EventFacts) {
        let Self::Made(unopened) = self else { return };
        if facts.session_ends {
            unopened.remove(&facts.session);
        } else if facts.session_starts {
            unopened.insert(facts.session);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::generate::{Generator, tests};
    use crate::plan::PopulationPlan;
    use std::collections::BTreeMap;

    /// Few sessions at once, all of them short, and some of them planted.
    fn population() -> PopulationPlan {
        PopulationPlan {
            think_median_ms: 1_000.0,
            session_length: 5.0,
            sessions_max: 200,
            fraud: [0.02; 4],
            ..tests::population()
        }
    }

    /// Sends some 50,000 events, of which `refuses` says which are refused; gives the sessions
    /// that were opened and those of which an event was taken, and the most that were kept.
    fn play(mut refuses: impl FnMut(u64, &EventFacts) -> bool) -> (u64, u64, usize) {
        let mut generator = Generator::new(&population(), 1_000.0, 3, 0, 1);
        let mut openings = Openings::default();
        let (mut seen, mut opened, mut most) = (BTreeMap::<u64, u64>::new(), 0, 0);
        for number in 0..50_000_u64 {
            let due_ns = number * 10_000_000;
            let facts = generator.next(due_ns).facts;
            if refuses(number, &facts) {
                openings.refused(&facts);
            } else {
                opened += u64::from(openings.taken(&facts, due_ns).session_starts);
                *seen.entry(facts.session).or_default() += 1;
            }
            let Openings::Made(unopened) = &openings else { unreachable!() };
            most = most.max(unopened.len());
            assert!(unopened.len() <= generator.live_sessions() + 1);
        }
        (opened, seen.len() as u64, most)
    }

    #[test]
    fn a_session_is_opened_by_its_first_taken_event_and_only_once() {
        let (opened, seen, most) = play(|_, _| false);
        assert_eq!((opened, most), (seen, 0));
        assert!(seen > 1_000, "{seen}");
        let (opened, seen, most) = play(|number, _| number % 20 < 7);
        assert_eq!(opened, seen);
        assert!(most > 10, "{most}");
        // None but the first, and all but the first.
        let (opened, seen, _) = play(|_, facts| facts.session_starts);
        assert_eq!(opened, seen);
        let (opened, seen, _) = play(|_, facts| !facts.session_starts);
        assert_eq!(opened, seen);
    }

    #[test]
    fn a_session_of_which_nothing_is_taken_is_forgotten_when_it_ends() {
        let (opened, seen, most) = play(|_, _| true);
        assert_eq!((opened, seen), (0, 0));
        // Two hundred ordinary ones, and the planted beside them.
        assert!((50..=400).contains(&most), "{most}");
    }

    #[test]
    fn a_recorded_session_is_opened_by_its_first_taken_event() {
        let mut openings = Openings::recorded(10_000, 1);
        let mut generator = Generator::new(&population(), 1_000.0, 3, 0, 1);
        // Told by user, session and time; what the population says of it counts for nothing.
        let facts = generator.next(0).facts;
        let mut starts = |due_ns| openings.taken(&facts, due_ns).session_starts;
        assert!(starts(0) && !starts(10_000_000) && starts(21_000_000));
        let other = EventFacts { session: facts.session + 1, ..facts };
        openings.refused(&other);
        assert!(openings.taken(&other, 21_000_000).session_starts);
        assert!(!openings.taken(&other, 22_000_000).session_starts);
    }
}
