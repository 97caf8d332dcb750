//! Where a reader is in each partition: what is fetched, handed out, and committed.

use std::time::{Duration, Instant};

/// Where a partition is on its way to being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlaceState {
    /// Somebody else's.
    Away,
    /// Had, and not known where to begin.
    Unplaced,
    /// To begin at its first or last record, which a leader is to say.
    ToReset,
    /// Being read.
    Reading,
    /// Being given up: nothing more is read.
    Leaving,
}

/// A reader's place in one partition.
#[derive(Debug, Clone)]
pub(crate) struct ReadPlace {
    pub(crate) state: PlaceState,
    /// Rises whenever what was asked before is no longer wanted.
    pub(crate) turn: u32,
    /// The offset that is to be fetched next.
    pub(crate) fetch_offset: i64,
    /// The offset that is to be handed out next: all before it is processed.
    pub(crate) position: i64,
    /// What the group has committed, as far as is known; −1 for nothing.
    pub(crate) committed: i64,
    /// A replica that is nearer than the leader.
    pub(crate) replica: Option<i32>,
    /// Not asked for before this.
    pub(crate) not_before: Instant,
    /// From which offset on records were broken, and how often they were fetched.
    pub(crate) broken: Option<(i64, u32)>,
}

impl ReadPlace {
    fn away(now: Instant) -> Self {
        Self {
            state: PlaceState::Away,
            turn: 0,
            fetch_offset: 0,
            position: 0,
            committed: -1,
            replica: None,
            not_before: now,
            broken: None,
        }
    }

    fn change(&mut self, state: PlaceState) {
        self.state = state;
        self.turn = self.turn.wrapping_add(1);
    }

    /// Begins, or goes on, at an offset.
    pub(crate) fn place(&mut self, offset: i64) {
        self.change(PlaceState::Reading);
        (self.fetch_offset, self.position) = (offset, offset);
    }

    /// It is to begin where a leader says.
    pub(crate) fn reset(&mut self) {
        self.change(PlaceState::ToReset);
        self.replica = None;
    }

    /// Asked for again after a while.
    pub(crate) fn wait(&mut self, until: Instant) {
        self.not_before = until;
        self.replica = None;
    }

    /// What is processed and not committed.
    fn uncommitted(&self) -> Option<i64> {
        let is_placed = matches!(self.state, PlaceState::Reading | PlaceState::Leaving);
        (is_placed && self.position > self.committed).then_some(self.position)
    }
}

/// A reader's places in a topic, by partition.
#[derive(Debug, Default)]
pub(crate) struct ReadPlaces(Vec<ReadPlace>);

impl ReadPlaces {
    /// The place in a partition that is had.
    pub(crate) fn get(&mut self, partition: i32) -> Option<&mut ReadPlace> {
        let place = self.0.get_mut(usize::try_from(partition).ok()?)?;
        (place.state != PlaceState::Away).then_some(place)
    }

    /// Every place that is had, with its partition.
    pub(crate) fn had(&self) -> impl Iterator<Item = (i32, &ReadPlace)> {
        let numbered = self.0.iter().enumerate();
        numbered
            .filter(|(_, place)| place.state != PlaceState::Away)
            .filter_map(|(index, place)| Some((i32::try_from(index).ok()?, place)))
    }

    /// Partitions have come; where to begin is not known yet.
    pub(crate) fn gain(&mut self, partitions: &[i32], now: Instant) {
        let indices = partitions.iter().filter_map(|it| usize::try_from(*it).ok());
        for index in indices {
            if self.0.len() <= index {
                self.0.resize_with(index + 1, || ReadPlace::away(now));
            }
            let turn = self.0[index].turn;
            self.0[index] = ReadPlace { turn, ..ReadPlace::away(now) };
            self.0[index].change(PlaceState::Unplaced);
        }
    }

    /// Nothing more is read of these, which are given up once their offsets are committed.
    pub(crate) fn leave(&mut self, partitions: &[i32]) {
        for partition in partitions {
            if let Some(place) = self.get(*partition) {
                let is_placed = place.state == PlaceState::Reading;
                place.change(if is_placed { PlaceState::Leaving } else { PlaceState::Unplaced });
            }
        }
    }

    /// These are somebody else's.
    pub(crate) fn give_up(&mut self, partitions: &[i32]) {
        for partition in partitions {
            if let Some(place) = self.get(*partition) {
                place.change(PlaceState::Away);
            }
        }
    }

    /// All are somebody else's.
    pub(crate) fn give_up_all(&mut self) {
        self.0.iter_mut().for_each(|place| place.change(PlaceState::Away));
    }

    /// What is processed and not committed: of these partitions, or of all.
    pub(crate) fn uncommitted(&self, of: Option<&[i32]>) -> Vec<(i32, i64)> {
        let wanted = self.had().filter(|(partition, _)| of.is_none_or(|of| of.contains(partition)));
        wanted.filter_map(|(partition, place)| Some((partition, place.uncommitted()?))).collect()
    }

    /// The group has committed these.
    pub(crate) fn committed(&mut self, offsets: &[(i32, i64)]) {
        for (partition, offset) in offsets {
            if let Some(place) = self.get(*partition) {
                place.committed = place.committed.max(*offset);
            }
        }
    }

    /// When one that waits is to be asked for again.
    pub(crate) fn next(&self, now: Instant) -> Option<Instant> {
        self.had().map(|(_, place)| place.not_before).filter(|at| *at > now).min()
    }

    /// All wait until then: nothing is known of their leaders.
    pub(crate) fn wait_all(&mut self, partitions: &[i32], wait: Duration, now: Instant) {
        for partition in partitions {
            if let Some(place) = self.get(*partition) {
                place.wait(now + wait);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(places: &mut ReadPlaces, partition: i32, offset: i64) -> &mut ReadPlace {
        let place = places.get(partition).unwrap();
        place.place(offset);
        place
    }

    #[test]
    fn what_is_processed_is_committed_once_and_never_what_is_not() {
        let mut places = ReadPlaces::default();
        places.gain(&[1, 3], Instant::now());
        assert_eq!(places.uncommitted(None), [], "not known where");
        reading(&mut places, 3, 40).committed = 40;
        assert_eq!(places.uncommitted(None), [], "nothing was read");
        places.get(3).unwrap().position = 45;
        // Begun without an offset: where it began is worth a commit, too.
        reading(&mut places, 1, 7);
        assert_eq!(places.uncommitted(None), [(1, 7), (3, 45)]);
        assert_eq!(places.uncommitted(Some(&[3])), [(3, 45)]);
        places.committed(&[(3, 45), (9, 9)]);
        assert_eq!(places.uncommitted(None), [(1, 7)]);
        places.leave(&[1]);
        assert_eq!(places.uncommitted(None), [(1, 7)], "still to be committed");
        places.give_up(&[1]);
        assert_eq!(places.uncommitted(None), []);
        assert_eq!(places.had().count(), 1);
    }

    #[test]
    fn whatever_was_asked_before_a_change_is_of_another_turn() {
        let mut places = ReadPlaces::default();
        places.gain(&[0], Instant::now());
        let mut turns = vec![places.get(0).unwrap().turn];
        let mut note = |places: &mut ReadPlaces| {
            let turn = places.0[0].turn;
            assert!(!turns.contains(&turn));
            turns.push(turn);
        };
        reading(&mut places, 0, 5);
        note(&mut places);
        places.get(0).unwrap().reset();
        note(&mut places);
        places.leave(&[0]);
        note(&mut places);
        places.give_up_all();
        note(&mut places);
        places.gain(&[0], Instant::now());
        note(&mut places);
    }
}
