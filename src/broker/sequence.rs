//! Idempotent producers: which batches of a partition were seen already.

use std::collections::{HashMap, VecDeque};

use super::code;
use crate::base::record_batch::BatchHeader;

/// How many batches of a producer are remembered, as in Kafka: clients that retry have at most
/// five requests in flight.
const BATCHES_KEPT: usize = 5;

/// The most producers remembered for a partition; the least recently used one goes first.
const PRODUCERS_MAX: usize = 1_000;

/// What is to be done with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SequenceVerdict {
    /// It is new.
    Append,
    /// It stands in the log already, from this offset on.
    Duplicate { base_offset: i64 },
}

/// The producers of one partition.
#[derive(Debug, Default)]
pub(super) struct Sequences {
    producers: HashMap<i64, Producer>,
    /// Counts appends, to tell which producer was used least recently.
    turn: u64,
}

#[derive(Debug)]
struct Producer {
    epoch: i16,
    batches: VecDeque<SeenBatch>,
    used: u64,
}

#[derive(Debug, Clone, Copy)]
struct SeenBatch {
    first: i32,
    last: i32,
    base_offset: i64,
}

impl Sequences {
    /// Judges a batch by its producer, epoch and sequence numbers, by Kafka's rules: a producer
    /// that is not known here may begin at any number, a new epoch begins at 0.
    ///
    /// # Errors
    /// `INVALID_PRODUCER_EPOCH` for an old epoch, `OUT_OF_ORDER_SEQUENCE_NUMBER` for a gap.
    pub(super) fn judge(&self, header: &BatchHeader) -> Result<SequenceVerdict, i16> {
        let Some(producer) = self.known(header) else {
            return Ok(SequenceVerdict::Append);
        };
        if header.producer_epoch < producer.epoch {
            return Err(code::INVALID_PRODUCER_EPOCH);
        }
        if header.producer_epoch > producer.epoch {
            return in_order(header.base_sequence == 0);
        }
        let (first, last) = (header.base_sequence, header.last_sequence());
        if let Some(seen) = producer.batches.iter().find(|b| (b.first, b.last) == (first, last)) {
            return Ok(SequenceVerdict::Duplicate { base_offset: seen.base_offset });
        }
        let previous = producer.batches.back().map_or(-1, |seen| seen.last);
        in_order(first == previous.checked_add(1).unwrap_or(0))
    }

    /// Remembers a batch that was appended.
    pub(super) fn record(&mut self, header: &BatchHeader, base_offset: i64) {
        if header.producer_id < 0 {
            return;
        }
        self.turn += 1;
        if self.producers.len() >= PRODUCERS_MAX && self.known(header).is_none() {
            self.evict();
        }
        let producer = self.producers.entry(header.producer_id).or_insert_with(|| Producer {
            epoch: header.producer_epoch,
            batches: VecDeque::with_capacity(BATCHES_KEPT),
            used: 0,
        });
        if producer.epoch != header.producer_epoch {
            producer.epoch = header.producer_epoch;
            producer.batches.clear();
        }
        if producer.batches.len() == BATCHES_KEPT {
            producer.batches.pop_front();
        }
        let (first, last) = (header.base_sequence, header.last_sequence());
        producer.batches.push_back(SeenBatch { first, last, base_offset });
        producer.used = self.turn;
    }

    fn known(&self, header: &BatchHeader) -> Option<&Producer> {
        if header.producer_id < 0 { None } else { self.producers.get(&header.producer_id) }
    }

    fn evict(&mut self) {
        let oldest = self.producers.iter().min_by_key(|(_, producer)| producer.used);
        if let Some(id) = oldest.map(|(&id, _)| id) {
            self.producers.remove(&id);
        }
    }
}

fn in_order(is: bool) -> Result<SequenceVerdict, i16> {
    if is { Ok(SequenceVerdict::Append) } else { Err(code::OUT_OF_ORDER_SEQUENCE_NUMBER) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::batch;

    fn header(producer_id: i64, epoch: i16, sequence: i32, records: usize) -> BatchHeader {
        let bytes = batch::tests::batch(&vec![1; records], (producer_id, epoch, sequence));
        batch::check(&bytes).unwrap()
    }

    fn append(
        sequences: &mut Sequences,
        header: &BatchHeader,
        offset: i64,
    ) -> Result<SequenceVerdict, i16> {
        let verdict = sequences.judge(header)?;
        if verdict == SequenceVerdict::Append {
            sequences.record(header, offset);
        }
        Ok(verdict)
    }

    #[test]
    fn a_repeated_batch_is_found_among_the_last_five_only() {
        let mut sequences = Sequences::default();
        for turn in 0..6 {
            let verdict = append(&mut sequences, &header(7, 0, turn * 2, 2), i64::from(turn) * 2);
            assert_eq!(verdict, Ok(SequenceVerdict::Append));
        }
        for turn in 1..6 {
            let verdict = sequences.judge(&header(7, 0, turn * 2, 2));
            assert_eq!(
                verdict,
                Ok(SequenceVerdict::Duplicate { base_offset: i64::from(turn) * 2 })
            );
        }
        let gone = sequences.judge(&header(7, 0, 0, 2));
        assert_eq!(gone, Err(code::OUT_OF_ORDER_SEQUENCE_NUMBER));
    }

    #[test]
    fn a_gap_is_refused_and_a_new_epoch_begins_at_zero() {
        let mut sequences = Sequences::default();
        append(&mut sequences, &header(7, 1, 0, 3), 0).unwrap();
        let out_of_order = Err(code::OUT_OF_ORDER_SEQUENCE_NUMBER);
        assert_eq!(sequences.judge(&header(7, 1, 4, 1)), out_of_order);
        assert_eq!(sequences.judge(&header(7, 2, 3, 1)), out_of_order);
        assert_eq!(sequences.judge(&header(7, 0, 3, 1)), Err(code::INVALID_PRODUCER_EPOCH));
        assert_eq!(append(&mut sequences, &header(7, 2, 0, 1), 3), Ok(SequenceVerdict::Append));
        assert_eq!(sequences.judge(&header(7, 1, 3, 1)), Err(code::INVALID_PRODUCER_EPOCH));
    }

    #[test]
    fn sequence_numbers_go_on_at_zero_after_the_last() {
        let mut sequences = Sequences::default();
        append(&mut sequences, &header(7, 0, i32::MAX, 1), 0).unwrap();
        assert_eq!(sequences.judge(&header(7, 0, 0, 1)), Ok(SequenceVerdict::Append));
        assert!(sequences.judge(&header(7, 0, 1, 1)).is_err());
    }

    #[test]
    fn producers_without_an_id_are_never_judged_and_the_others_are_bounded() {
        let mut sequences = Sequences::default();
        for turn in 0..3 {
            append(&mut sequences, &header(-1, -1, -1, 1), turn).unwrap();
        }
        assert_eq!(sequences.producers.len(), 0);
        for id in 0..1_500 {
            append(&mut sequences, &header(id, 0, 0, 1), id).unwrap();
        }
        assert_eq!(sequences.producers.len(), PRODUCERS_MAX);
        assert_eq!(
            sequences.judge(&header(1_499, 0, 0, 1)),
            Ok(SequenceVerdict::Duplicate { base_offset: 1_499 })
        );
    }
}
