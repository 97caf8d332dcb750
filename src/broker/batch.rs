//! Record batches (message format 2), kept as the producer sent them.
//!
//! Only the header is read. The broker writes the offset and the leader epoch, which the
//! checksum does not cover, so the records stay opaque, compressed or not.

use bytes::{Bytes, BytesMut};

use super::code;
use crate::base::record_batch::{
    self, BatchHeader, HEADER_BYTES, MAGIC_AT, checksum_is_right, length_with_frame, read_varint,
};

/// Checks the one batch that a producer may send for a partition.
///
/// # Errors
/// The protocol's error code.
pub(super) fn check(bytes: &[u8]) -> Result<BatchHeader, i16> {
    match bytes.get(MAGIC_AT) {
        None => return Err(code::CORRUPT_MESSAGE),
        Some(2) => {}
        Some(_) => return Err(code::UNSUPPORTED_FOR_MESSAGE_FORMAT),
    }
    let header = BatchHeader::read(bytes).ok_or(code::CORRUPT_MESSAGE)?;
    match length_with_frame(bytes) {
        Some(length) if length == bytes.len() => {}
        // A second batch behind the first, which Kafka refuses too.
        Some(length) if length >= HEADER_BYTES && length < bytes.len() => {
            return Err(code::INVALID_RECORD);
        }
        _ => return Err(code::CORRUPT_MESSAGE),
    }
    if !checksum_is_right(bytes) {
        return Err(code::CORRUPT_MESSAGE);
    }
    if header.codec_number() > 4 {
        return Err(code::UNSUPPORTED_COMPRESSION_TYPE);
    }
    if header.is_control()
        || header.records < 1
        || header.last_offset_delta != header.records - 1
        || (header.producer_id >= 0 && (header.base_sequence < 0 || header.producer_epoch < 0))
    {
        return Err(code::INVALID_RECORD);
    }
    if header.is_transactional() {
        return Err(code::INVALID_TXN_STATE);
    }
    Ok(header)
}

/// The batch as the log keeps it: in leader epoch 0, and with the append time in milliseconds
/// since 1970 where the topic wants that. Its offset is still to be written.
///
/// It is a copy: the request that brought it also holds other partitions' batches and would
/// stay in memory as a whole.
pub(super) fn keep(bytes: &[u8], append_time_ms: Option<i64>) -> BytesMut {
    let mut kept = BytesMut::from(bytes);
    record_batch::set_leader_epoch(&mut kept, 0);
    if let Some(time_ms) = append_time_ms {
        record_batch::stamp_append_time(&mut kept, time_ms);
    }
    kept
}

/// Writes the offset of a batch that is kept.
pub(super) fn place(mut kept: BytesMut, base_offset: i64) -> Bytes {
    record_batch::place(&mut kept, base_offset);
    kept.freeze()
}

/// Finds the first record of an uncompressed batch that `wanted` accepts by its timestamp in
/// milliseconds; gives its offset from the base and that timestamp.
///
/// None as well when the records are not what the header promises: they came from a client.
pub(super) fn find_record(bytes: &[u8], wanted: impl Fn(i64) -> bool) -> Option<(i64, i64)> {
    let header = BatchHeader::read(bytes)?;
    let mut rest = bytes.get(HEADER_BYTES..)?;
    for _ in 0..header.records {
        let length = usize::try_from(read_varint(&mut rest)?).ok()?;
        let (mut record, after) = rest.split_at_checked(length)?;
        rest = after;
        record = record.get(1..)?;
        let since_base_ms = read_varint(&mut record)?;
        let timestamp_ms = match header.append_time_ms() {
            Some(append_ms) => append_ms,
            None => header.base_timestamp_ms.checked_add(since_base_ms)?,
        };
        let delta = read_varint(&mut record)?;
        if wanted(timestamp_ms) {
            return (0..i64::from(header.records))
                .contains(&delta)
                .then_some((delta, timestamp_ms));
        }
    }
    None
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::base::record_batch::{
        BatchCodec, BatchWriter, Compressor, LOG_APPEND_TIME, ProducerSequence, base_offset,
        seal_checksum,
    };

    /// An uncompressed batch whose records have these timestamps and no key or value.
    pub(in crate::broker) fn batch(timestamps_ms: &[i64], producer: (i64, i16, i32)) -> Vec<u8> {
        let (mut writer, mut sealed) = (BatchWriter::default(), Vec::new());
        timestamps_ms.iter().for_each(|at_ms| writer.append(*at_ms, None, None, None));
        let (producer_id, epoch, base_sequence) = producer;
        let producer = ProducerSequence { producer_id, epoch, base_sequence };
        let mut plain = Compressor::new(BatchCodec::None, None).unwrap();
        writer.seal(&mut plain, producer, &mut sealed).unwrap();
        sealed
    }

    #[test]
    fn a_sound_batch_is_accepted_and_every_flipped_byte_behind_the_checksum_is_not() {
        let sound = batch(&[5, 7, 6], (9, 0, 3));
        let header = check(&sound).unwrap();
        assert_eq!((header.records, header.max_timestamp_ms, header.last_sequence()), (3, 7, 5));
        for at in 17..sound.len() {
            let mut broken = sound.clone();
            broken[at] ^= 0x10;
            assert_eq!(check(&broken), Err(code::CORRUPT_MESSAGE), "byte {at}");
        }
        for cut in 17..sound.len() {
            assert!(check(&sound[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn what_kafka_refuses_is_refused() {
        let refuse = |at: usize, value: u8| {
            let mut bytes = batch(&[5], (-1, -1, -1));
            bytes[at] = value;
            seal_checksum(&mut bytes);
            check(&bytes)
        };
        assert_eq!(refuse(16, 1), Err(code::UNSUPPORTED_FOR_MESSAGE_FORMAT));
        assert_eq!(refuse(22, 5), Err(code::UNSUPPORTED_COMPRESSION_TYPE));
        assert_eq!(refuse(22, 0x10), Err(code::INVALID_TXN_STATE));
        assert_eq!(refuse(22, 0x20), Err(code::INVALID_RECORD));
        assert_eq!(refuse(60, 2), Err(code::INVALID_RECORD));
        let mut two = batch(&[5], (-1, -1, -1));
        two.extend(two.clone());
        assert_eq!(check(&two), Err(code::INVALID_RECORD));
    }

    #[test]
    fn placing_keeps_the_checksum_valid() {
        let sound = batch(&[5, 7], (-1, -1, -1));
        let placed = place(keep(&sound, None), 4_000);
        assert_eq!(base_offset(&placed), 4_000);
        assert_eq!(check(&placed), check(&sound));
        let stamped = check(&place(keep(&sound, Some(99)), 4_000)).unwrap();
        assert_eq!((stamped.max_timestamp_ms, stamped.attributes), (99, LOG_APPEND_TIME));
    }

    #[test]
    fn a_record_is_found_by_its_time() {
        let bytes = batch(&[5, 3, 8, 8], (-1, -1, -1));
        assert_eq!(find_record(&bytes, |at_ms| at_ms >= 6), Some((2, 8)));
        assert_eq!(find_record(&bytes, |at_ms| at_ms < 5), Some((1, 3)));
        assert_eq!(find_record(&bytes, |at_ms| at_ms > 8), None);
        assert_eq!(find_record(&bytes[..66], |at_ms| at_ms > 8), None);
    }

    #[test]
    fn sequences_wrap_to_zero() {
        let header = check(&batch(&[1, 1, 1], (9, 0, i32::MAX - 1))).unwrap();
        assert_eq!(header.last_sequence(), 0);
    }
}
