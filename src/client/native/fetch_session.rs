//! Fetch sessions (KIP-227): a broker remembers the partitions that a reader fetches from it, so
//! that a request names only those that have changed, and an answer only those that have news.

use kafka_protocol::error::ResponseError;

/// Where a partition is fetched from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FetchPlace {
    /// The partition.
    pub(crate) partition: i32,
    /// The offset that is wanted next.
    pub(crate) offset: i64,
    /// The election that made the leader, as far as is known; −1 otherwise.
    pub(crate) leader_epoch: i32,
}

/// What one request says of its session and of the partitions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SessionAsk {
    /// The session; 0 asks for a new one.
    pub(crate) id: i32,
    /// Counts the requests of a session; 0 begins one.
    pub(crate) epoch: i32,
    /// All partitions where the session begins, and those that changed afterwards.
    pub(crate) places: Vec<FetchPlace>,
    /// Partitions that are no longer fetched from this broker.
    pub(crate) forgotten: Vec<i32>,
}

/// What an answer means for its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionVerdict {
    /// Its partitions are to be read.
    Read,
    /// The broker has forgotten the session: all partitions are asked for once more.
    Anew,
    /// Another error, which is not the session's.
    Failed(ResponseError),
}

/// One reader's session with one broker.
#[derive(Debug, Default)]
pub(crate) struct FetchSession {
    id: i32,
    epoch: i32,
    /// What the broker knows, by this reader's last request.
    known: Vec<FetchPlace>,
}

impl FetchSession {
    /// What to ask, when `wanted` is to be fetched; each partition is in it once.
    pub(crate) fn ask(&mut self, wanted: &[FetchPlace]) -> SessionAsk {
        let mut ask = SessionAsk { id: self.id, epoch: self.epoch, ..SessionAsk::default() };
        if self.epoch == 0 {
            ask.places.extend_from_slice(wanted);
        } else {
            let is_new = |place: &&FetchPlace| !self.known.contains(place);
            ask.places.extend(wanted.iter().filter(is_new));
            let is_wanted =
                |known: &FetchPlace| wanted.iter().any(|place| place.partition == known.partition);
            let gone = self.known.iter().filter(|known| !is_wanted(known));
            ask.forgotten.extend(gone.map(|known| known.partition));
        }
        self.known.clear();
        self.known.extend_from_slice(wanted);
        ask
    }

    /// Takes note of an answer's error and session.
    pub(crate) fn answered(&mut self, error_code: i16, session_id: i32) -> SessionVerdict {
        match ResponseError::try_from_code(error_code) {
            None => {
                // A broker without room for a session answers 0: each request is whole then.
                let goes_on = session_id != 0 && (self.epoch == 0 || session_id == self.id);
                self.id = session_id;
                self.epoch = match self.epoch {
                    _ if !goes_on => 0,
                    i32::MAX => 1,
                    epoch => epoch + 1,
                };
                SessionVerdict::Read
            }
            Some(ResponseError::FetchSessionIdNotFound) => {
                self.lost();
                SessionVerdict::Anew
            }
            Some(
                ResponseError::InvalidFetchSessionEpoch
                | ResponseError::FetchSessionTopicIdError
                | ResponseError::InconsistentTopicId,
            ) => {
                // Epoch 0 with the old id closes the old session, too.
                self.epoch = 0;
                SessionVerdict::Anew
            }
            Some(error) => {
                self.epoch = 0;
                SessionVerdict::Failed(error)
            }
        }
    }

    /// The connection is gone, and what the broker knows is uncertain.
    pub(crate) fn lost(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
impl FetchSession {
    /// Whether the next request is one of a session that is known to the broker.
    pub(crate) fn goes_on(&self) -> bool {
        self.epoch > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(partition: i32, offset: i64) -> FetchPlace {
        FetchPlace { partition, offset, leader_epoch: 3 }
    }

    fn partitions(ask: &SessionAsk) -> Vec<i32> {
        ask.places.iter().map(|place| place.partition).collect()
    }

    #[test]
    fn the_first_request_names_all_and_the_next_ones_what_has_changed() {
        let mut session = FetchSession::default();
        let first = session.ask(&[place(0, 5), place(1, 5), place(2, 5)]);
        assert_eq!((first.id, first.epoch, partitions(&first)), (0, 0, vec![0, 1, 2]));
        assert_eq!(session.answered(0, 77), SessionVerdict::Read);
        let second = session.ask(&[place(0, 9), place(1, 5), place(2, 5)]);
        assert_eq!((second.id, second.epoch), (77, 1));
        assert_eq!((second.places, second.forgotten), (vec![place(0, 9)], vec![]));
        assert_eq!(session.answered(0, 77), SessionVerdict::Read);
        // One goes, one comes, and one is led by somebody new.
        let moved = FetchPlace { leader_epoch: 4, ..place(1, 5) };
        let third = session.ask(&[place(0, 9), moved, place(3, 0)]);
        assert_eq!(third.epoch, 2);
        assert_eq!((third.places, third.forgotten), (vec![moved, place(3, 0)], vec![2]));
    }

    #[test]
    fn a_broker_without_sessions_is_asked_for_all_each_time() {
        let mut session = FetchSession::default();
        for _ in 0..3 {
            let ask = session.ask(&[place(0, 5), place(1, 5)]);
            assert_eq!((ask.id, ask.epoch, partitions(&ask)), (0, 0, vec![0, 1]));
            assert_eq!(session.answered(0, 0), SessionVerdict::Read);
        }
    }

    #[test]
    fn a_session_that_the_broker_forgot_begins_anew_with_all_partitions() {
        let error = |error: ResponseError| error.code();
        for (code, id) in [
            (error(ResponseError::FetchSessionIdNotFound), 0),
            (error(ResponseError::InvalidFetchSessionEpoch), 77),
        ] {
            let mut session = FetchSession::default();
            session.ask(&[place(0, 5), place(1, 5)]);
            session.answered(0, 77);
            session.ask(&[place(0, 6), place(1, 5)]);
            assert_eq!(session.answered(code, 0), SessionVerdict::Anew);
            let ask = session.ask(&[place(0, 6), place(1, 5)]);
            assert_eq!((ask.id, ask.epoch, partitions(&ask)), (id, 0, vec![0, 1]));
            assert_eq!(session.answered(0, 78), SessionVerdict::Read);
            assert_eq!(session.ask(&[place(0, 6), place(1, 5)]).epoch, 1);
        }
        let mut session = FetchSession::default();
        session.ask(&[place(0, 5)]);
        session.answered(0, 77);
        session.lost();
        assert_eq!((session.ask(&[place(0, 5)]).id, session.epoch), (0, 0));
    }

    #[test]
    fn the_epoch_goes_on_at_one_after_the_last() {
        let mut session = FetchSession { id: 7, epoch: i32::MAX, known: vec![place(0, 5)] };
        session.ask(&[place(0, 5)]);
        session.answered(0, 7);
        assert_eq!(session.epoch, 1);
    }
}
