//! Records that have arrived and are not handed out yet, in the answers that brought them.

use std::collections::VecDeque;
use std::ops::Range;

use super::answer::Answer;
use super::network::LinkId;
use super::places::ReadPlaces;
use crate::base::record_batch::{AbortedTransaction, BatchWalker};
use crate::event::Arrival;

/// The records of one partition in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FetchedSet {
    /// Which partition.
    pub(crate) partition: i32,
    /// The turn of its place in which they were asked for: they are of no use in another.
    pub(crate) turn: u32,
    /// Where they are in the answer's body.
    pub(crate) records: Range<usize>,
    /// Transactions whose records are left out.
    pub(crate) aborted: Vec<AbortedTransaction>,
}

/// What one look for records gave.
#[derive(Debug)]
pub(crate) enum HandOut {
    /// So many were handed out, perhaps none.
    Some(usize),
    /// So many were handed out, and what follows in this partition is broken, for this reason.
    Broken(usize, i32, String),
    /// An answer is read to its end, and comes back.
    End(LinkId, Answer),
    /// There are none.
    Nothing,
}

/// One answer with records.
#[derive(Debug)]
struct FetchedRecords {
    link: LinkId,
    answer: Answer,
    /// Its sets, in the order in which they are read.
    sets: VecDeque<FetchedSet>,
}

/// Records that have arrived, in their order.
#[derive(Default)]
#[allow(missing_debug_implementations, reason = "holds the codecs' own state")]
pub(crate) struct FetchedSets {
    answers: VecDeque<FetchedRecords>,
    walker: BatchWalker,
    /// Whether the walker is within the first set of the first answer.
    is_begun: bool,
}

impl FetchedSets {
    /// None yet; whether the checksum of each batch is checked.
    pub(crate) fn new(checks_checksums: bool) -> Self {
        Self { walker: BatchWalker::new(checks_checksums), ..Self::default() }
    }

    /// Adds an answer, which comes back where it has no records.
    pub(crate) fn push(
        &mut self,
        link: LinkId,
        answer: Answer,
        sets: Vec<FetchedSet>,
    ) -> Option<Answer> {
        if sets.is_empty() {
            return Some(answer);
        }
        self.answers.push_back(FetchedRecords { link, answer, sets: sets.into() });
        None
    }

    /// How many answers from there are not read to their end.
    pub(crate) fn answers_of(&self, link: LinkId) -> usize {
        self.answers.iter().filter(|answer| answer.link == link).count()
    }

    /// The memory that all of them hold, in bytes of their bodies.
    pub(crate) fn bytes(&self) -> usize {
        let bodies = self.answers.iter().filter_map(|it| it.answer.body());
        bodies.map(<[u8]>::len).sum()
    }

    /// Whether there is nothing to hand out.
    pub(crate) fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// Hands out up to `max` records of one set, with the value of the last header of that name. A
    /// set that does not follow the format is dropped from there on.
    pub(crate) fn hand_out(
        &mut self,
        places: &mut ReadPlaces,
        header: Option<&str>,
        max: usize,
        each: &mut dyn FnMut(&Arrival<'_>),
    ) -> HandOut {
        let Self { answers, walker, is_begun } = self;
        let Some(FetchedRecords { answer, sets, .. }) = answers.front_mut() else {
            return HandOut::Nothing;
        };
        let Some(FetchedSet { partition, turn, records, aborted }) = sets.front() else {
            let done = answers.pop_front();
            return done.map_or(HandOut::Nothing, |it| HandOut::End(it.link, it.answer));
        };
        let partition = *partition;
        let place = places.get(partition).filter(|place| place.turn == *turn);
        let Some(place) = place else {
            *is_begun = false;
            sets.pop_front();
            return HandOut::Some(0);
        };
        if !*is_begun {
            walker.begin(place.position, aborted);
            *is_begun = true;
        }
        let body = answer.body().unwrap_or_default();
        let set = body.get(records.clone()).unwrap_or_default();
        let mut count = 0;
        while count < max {
            let walked = match walker.next(set) {
                Ok(walked) => walked,
                Err(error) => {
                    *is_begun = false;
                    sets.pop_front();
                    return HandOut::Broken(count, partition, error.to_string());
                }
            };
            let Some(record) = walked else {
                // Behind what was left out, too.
                place.position = place.position.max(walker.next_offset());
                *is_begun = false;
                sets.pop_front();
                break;
            };
            let header = header.and_then(|name| {
                let named = record.headers.filter(|(other, _)| *other == name.as_bytes());
                named.last().and_then(|(_, value)| value)
            });
            let at_us =
                (record.timestamp_ms >= 0).then(|| record.timestamp_ms.saturating_mul(1_000));
            let (offset, key, payload) = (record.offset, record.key, record.value);
            each(&Arrival { partition, offset, key, header, payload, at_us });
            place.position = offset + 1;
            count += 1;
        }
        HandOut::Some(count)
    }
}
