//! Order, sequences and epochs of one partition.

use std::time::Duration;

use super::*;
use crate::base::record_batch::{BatchCodec, BatchHeader, BatchWriter, Compressor};

const ID: ProducerIdentity = ProducerIdentity { id: 9, epoch: 0 };

fn lane() -> Lane {
    let ms = Duration::from_millis;
    let mut lane = Lane::new(5, Backoff::new(ms(10), ms(100), 1));
    lane.identify(ID);
    lane.went_well();
    lane
}

/// A sealed batch of so many records, as the outbox makes it, under way.
fn sent(lane: &mut Lane, records: u64) -> SealedBatch {
    let mut writer = BatchWriter::default();
    let stamps: Vec<Stamp> =
        (0..records).map(|seq| Stamp { run: 1, shard: 0, seq, due_wall_us: 0 }).collect();
    stamps.iter().for_each(|_| writer.append(5, None, None, Some(b"x")));
    let sequence = lane.take_sequence(stamps.len());
    let mut bytes = Vec::new();
    writer
        .seal(&mut Compressor::new(BatchCodec::None, None).unwrap(), sequence, &mut bytes)
        .unwrap();
    lane.sent_to = lane.leader;
    lane.in_flight += 1;
    SealedBatch {
        ordinal: lane.take_ordinal(),
        bytes: Bytes::from(bytes),
        stamps,
        base_sequence: sequence.base_sequence,
        expires: Instant::now() + Duration::from_secs(60),
        tries: 1,
        is_perhaps_written: false,
        is_settled: false,
        reserved: 0,
    }
}

fn header(batch: &SealedBatch) -> (i64, i16, i32) {
    let header = BatchHeader::read(&batch.bytes).unwrap();
    assert_eq!(header.base_sequence, batch.base_sequence);
    (header.producer_id, header.producer_epoch, header.base_sequence)
}

#[test]
fn sequences_count_records_and_begin_again_behind_the_31st_bit() {
    let mut lane = lane();
    let batches = [3, 1, 2].map(|records| sent(&mut lane, records));
    assert_eq!(batches.map(|batch| header(&batch)), [(9, 0, 0), (9, 0, 3), (9, 0, 4)]);
    lane.next_sequence = i32::MAX - 1;
    assert_eq!(lane.take_sequence(3).base_sequence, i32::MAX - 1);
    assert_eq!(lane.take_sequence(1).base_sequence, 1, "2^31 - 2, 2^31 - 1 and 0 are taken");
    let mut none = Lane::new(5, Backoff::new(Duration::ZERO, Duration::ZERO, 1));
    assert_eq!(none.take_sequence(3), ProducerSequence::NONE);
}

#[test]
fn nothing_goes_after_a_fault_before_all_is_answered_and_then_all_goes_in_order() {
    let mut lane = lane();
    let [first, second, third] = [1, 2, 3].map(|records| sent(&mut lane, records));
    let now = Instant::now();
    assert_eq!(lane.step(now), LaneStep::New);
    lane.answered();
    lane.again(second, Some(now));
    assert_eq!(lane.step(now), LaneStep::Wait);
    assert!(lane.recover(Some(ID)).is_empty());
    assert_eq!(lane.step(now), LaneStep::Wait, "two are under way");
    for batch in [third, first] {
        lane.answered();
        lane.again(batch, Some(now));
    }
    assert!(lane.recover(Some(ID)).is_empty());
    assert!(matches!(lane.step(now), LaneStep::WaitUntil(at) if at > now));
    let later = now + Duration::from_secs(1);
    let again: Vec<SealedBatch> = std::iter::from_fn(|| {
        assert_eq!(lane.step(later), LaneStep::Again);
        lane.take_waiting()
    })
    .take(3)
    .collect();
    assert!(again.iter().all(|batch| header(batch).1 == 0), "brokers know what they have");
    assert_eq!(again.iter().map(|batch| batch.stamps.len()).collect::<Vec<_>>(), [1, 2, 3]);
    // Five new batches behind one that is refused once more, and no broker knew it again.
    for batch in &again {
        assert_eq!(lane.step(later), LaneStep::Wait, "its fate is open");
        lane.resolve(batch);
    }
    assert_eq!(lane.step(later), LaneStep::New);
}

#[test]
fn a_gap_begins_a_new_epoch_without_what_may_be_written_already() {
    let mut lane = lane();
    let [first, second, third, fourth] = [1, 2, 3, 4].map(|records| sent(&mut lane, records));
    assert!(lane.is_first(&first) && !lane.is_first(&second));
    lane.answered();
    lane.resolve(&first);
    lane.breaks();
    assert!(lane.is_first(&second));
    for batch in [second, SealedBatch { is_perhaps_written: true, ..third }, fourth] {
        lane.answered();
        lane.again(batch, None);
    }
    let lost = lane.recover(Some(ID));
    assert_eq!(lost.iter().map(|batch| batch.stamps.len()).collect::<Vec<_>>(), [3]);
    let again: Vec<_> = std::iter::from_fn(|| lane.take_waiting()).collect();
    assert_eq!(again.iter().map(header).collect::<Vec<_>>(), [(9, 1, 0), (9, 1, 2)]);
    assert!(again.iter().all(|batch| crate::base::record_batch::checksum_is_right(&batch.bytes)));
    assert_eq!(lane.take_sequence(1).base_sequence, 6);
    again.iter().for_each(|batch| lane.resolve(batch));
    assert!(lane.is_idle());
}

#[test]
fn a_partition_whose_epochs_are_used_up_waits_for_another_producer_id() {
    let mut lane = lane();
    lane.identity = Some(ProducerIdentity { id: 9, epoch: i16::MAX });
    let batch = sent(&mut lane, 2);
    lane.answered();
    lane.breaks();
    lane.again(batch, None);
    assert!(lane.recover(Some(ID)).is_empty() && lane.needs_new_id());
    assert_eq!(lane.step(Instant::now()), LaneStep::Wait);
    assert!(lane.recover(Some(ProducerIdentity { id: 10, epoch: 3 })).is_empty());
    assert_eq!(lane.take_waiting().map(|batch| header(&batch)), Some((10, 3, 0)));
}

#[test]
fn no_more_than_five_are_under_way_and_none_at_two_brokers() {
    let mut lane = lane();
    for _ in 0..5 {
        assert_eq!(lane.step(Instant::now()), LaneStep::New);
        sent(&mut lane, 1);
    }
    assert_eq!(lane.step(Instant::now()), LaneStep::Wait);
    lane.answered();
    assert_eq!(lane.step(Instant::now()), LaneStep::New);
    lane.sent_to = None;
    lane.leader = Some(LinkId::numbered(1));
    assert_eq!(lane.step(Instant::now()), LaneStep::Wait, "the leader has moved");
    (0..4).for_each(|_| lane.answered());
    assert_eq!(lane.step(Instant::now()), LaneStep::New);
}

/// A broker takes any first sequence of a producer that it does not know.
#[test]
fn one_batch_at_a_time_goes_until_a_broker_has_one_of_the_epoch() {
    let mut lane = lane();
    lane.is_established = false;
    assert_eq!(lane.step(Instant::now()), LaneStep::New);
    let batch = sent(&mut lane, 1);
    assert_eq!(lane.step(Instant::now()), LaneStep::Wait);
    lane.answered();
    lane.resolve(&batch);
    lane.went_well();
    sent(&mut lane, 1);
    assert_eq!(lane.step(Instant::now()), LaneStep::New);
    lane.answered();
    lane.breaks();
    lane.recover(Some(ID));
    sent(&mut lane, 1);
    assert_eq!(lane.step(Instant::now()), LaneStep::Wait, "the next epoch begins like that, too");
}

#[test]
fn what_waits_too_long_leaves_a_gap() {
    let mut lane = lane();
    let (batch, other) = (sent(&mut lane, 1), sent(&mut lane, 1));
    let now = batch.expires;
    let other = SealedBatch { expires: now + Duration::from_secs(1), ..other };
    for batch in [batch, other] {
        lane.answered();
        lane.again(batch, None);
    }
    assert_eq!(lane.expire(now).len(), 1);
    lane.recover(Some(ID));
    assert_eq!(lane.take_waiting().map(|batch| header(&batch)), Some((9, 1, 0)));
}
