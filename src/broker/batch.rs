//! Record batches (message format 2), kept as the producer sent them.
//!
//! Only the header is read. The broker writes the offset and the leader epoch, which the
//! checksum does not cover, so the records stay opaque, compressed or not.

use bytes::{Bytes, BytesMut};

use super::code;

/// The length of a batch header; the records follow.
pub(super) const HEADER_BYTES: usize = 61;

/// Where the checksum's coverage begins.
const CHECKED_FROM: usize = 21;
const LOG_APPEND_TIME: i16 = 0x08;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;

/// What the broker needs to know of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchHeader {
    pub(super) attributes: i16,
    pub(super) base_timestamp_ms: i64,
    pub(super) max_timestamp_ms: i64,
    pub(super) producer_id: i64,
    pub(super) producer_epoch: i16,
    pub(super) base_sequence: i32,
    pub(super) records: i32,
}

impl BatchHeader {
    /// The sequence number of the last record; sequence numbers wrap to 0 after 2³¹ − 1.
    pub(super) fn last_sequence(&self) -> i32 {
        let last = i64::from(self.base_sequence) + i64::from(self.records) - 1;
        i32::try_from(last % (i64::from(i32::MAX) + 1)).unwrap_or(0)
    }

    pub(super) const fn is_compressed(&self) -> bool {
        self.attributes & 0x07 != 0
    }
}

/// Checks the one batch that a producer may send for a partition.
///
/// # Errors
/// The protocol's error code.
pub(super) fn check(bytes: &[u8]) -> Result<BatchHeader, i16> {
    if bytes.len() < 17 {
        return Err(code::CORRUPT_MESSAGE);
    }
    if bytes[16] != 2 {
        return Err(code::UNSUPPORTED_FOR_MESSAGE_FORMAT);
    }
    if bytes.len() < HEADER_BYTES {
        return Err(code::CORRUPT_MESSAGE);
    }
    match usize::try_from(read_i32(bytes, 8)).map(|length| length.saturating_add(12)) {
        Ok(length) if length == bytes.len() => {}
        // A second batch behind the first, which Kafka refuses too.
        Ok(length) if length >= HEADER_BYTES && length < bytes.len() => {
            return Err(code::INVALID_RECORD);
        }
        _ => return Err(code::CORRUPT_MESSAGE),
    }
    if crc32c::crc32c(&bytes[CHECKED_FROM..]).to_be_bytes() != bytes[17..21] {
        return Err(code::CORRUPT_MESSAGE);
    }
    let header = read_header(bytes);
    if header.attributes & 0x07 > 4 {
        return Err(code::UNSUPPORTED_COMPRESSION_TYPE);
    }
    if header.attributes & CONTROL != 0
        || header.records < 1
        || read_i32(bytes, 23) != header.records - 1
        || (header.producer_id >= 0 && (header.base_sequence < 0 || header.producer_epoch < 0))
    {
        return Err(code::INVALID_RECORD);
    }
    if header.attributes & TRANSACTIONAL != 0 {
        return Err(code::INVALID_TXN_STATE);
    }
    Ok(header)
}

fn read_header(bytes: &[u8]) -> BatchHeader {
    BatchHeader {
        attributes: read_i16(bytes, 21),
        base_timestamp_ms: read_i64(bytes, 27),
        max_timestamp_ms: read_i64(bytes, 35),
        producer_id: read_i64(bytes, 43),
        producer_epoch: read_i16(bytes, 51),
        base_sequence: read_i32(bytes, 53),
        records: read_i32(bytes, 57),
    }
}

/// The batch as the log keeps it: in leader epoch 0, and with the append time in milliseconds
/// since 1970 where the topic wants that. Its offset is still to be written.
///
/// It is a copy: the request that brought it also holds other partitions' batches and would
/// stay in memory as a whole.
pub(super) fn keep(bytes: &[u8], append_time_ms: Option<i64>) -> BytesMut {
    let mut kept = BytesMut::from(bytes);
    kept[12..16].copy_from_slice(&0_i32.to_be_bytes());
    if let Some(time_ms) = append_time_ms {
        let attributes = read_i16(bytes, 21) | LOG_APPEND_TIME;
        kept[21..23].copy_from_slice(&attributes.to_be_bytes());
        kept[35..43].copy_from_slice(&time_ms.to_be_bytes());
        let checksum = crc32c::crc32c(&kept[CHECKED_FROM..]);
        kept[17..21].copy_from_slice(&checksum.to_be_bytes());
    }
    kept
}

/// Writes the offset of a batch that is kept.
pub(super) fn place(mut kept: BytesMut, base_offset: i64) -> Bytes {
    kept[0..8].copy_from_slice(&base_offset.to_be_bytes());
    kept.freeze()
}

/// Finds the first record of an uncompressed batch that `wanted` accepts by its timestamp in
/// milliseconds; gives its offset from the base and that timestamp.
///
/// None as well when the records are not what the header promises: they came from a client.
pub(super) fn find_record(bytes: &[u8], wanted: impl Fn(i64) -> bool) -> Option<(i64, i64)> {
    let header = read_header(bytes);
    let mut rest = bytes.get(HEADER_BYTES..)?;
    for _ in 0..header.records {
        let length = usize::try_from(read_varint(&mut rest)?).ok()?;
        let (mut record, after) = rest.split_at_checked(length)?;
        rest = after;
        record = record.get(1..)?;
        let since_base_ms = read_varint(&mut record)?;
        let timestamp_ms = if header.attributes & LOG_APPEND_TIME != 0 {
            header.max_timestamp_ms
        } else {
            header.base_timestamp_ms.checked_add(since_base_ms)?
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

/// A zig-zag variable-length integer.
fn read_varint(rest: &mut &[u8]) -> Option<i64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
        }
    }
    None
}

// The callers have checked the length.
fn read_i16(bytes: &[u8], at: usize) -> i16 {
    i16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn read_i32(bytes: &[u8], at: usize) -> i32 {
    i32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn read_i64(bytes: &[u8], at: usize) -> i64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    i64::from_be_bytes(word)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An uncompressed batch whose records have these timestamps and no key or value.
    pub(in crate::broker) fn batch(timestamps_ms: &[i64], producer: (i64, i16, i32)) -> Vec<u8> {
        let base_ms = timestamps_ms[0];
        let mut body = Vec::new();
        for (index, at_ms) in timestamps_ms.iter().enumerate() {
            let mut record = vec![0];
            varint(&mut record, at_ms - base_ms);
            varint(&mut record, i64::try_from(index).unwrap());
            varint(&mut record, -1);
            varint(&mut record, -1);
            varint(&mut record, 0);
            varint(&mut body, i64::try_from(record.len()).unwrap());
            body.extend(record);
        }
        let count = i32::try_from(timestamps_ms.len()).unwrap();
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[8..12].copy_from_slice(&i32::try_from(49 + body.len()).unwrap().to_be_bytes());
        bytes[16] = 2;
        bytes[23..27].copy_from_slice(&(count - 1).to_be_bytes());
        bytes[27..35].copy_from_slice(&base_ms.to_be_bytes());
        bytes[35..43].copy_from_slice(&timestamps_ms.iter().max().unwrap().to_be_bytes());
        bytes[43..51].copy_from_slice(&producer.0.to_be_bytes());
        bytes[51..53].copy_from_slice(&producer.1.to_be_bytes());
        bytes[53..57].copy_from_slice(&producer.2.to_be_bytes());
        bytes[57..61].copy_from_slice(&count.to_be_bytes());
        bytes.extend(body);
        seal(&mut bytes);
        bytes
    }

    fn varint(bytes: &mut Vec<u8>, value: i64) {
        let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
        while rest >= 0x80 {
            bytes.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
            rest >>= 7;
        }
        bytes.push(u8::try_from(rest).unwrap());
    }

    fn seal(bytes: &mut [u8]) {
        let checksum = crc32c::crc32c(&bytes[CHECKED_FROM..]);
        bytes[17..21].copy_from_slice(&checksum.to_be_bytes());
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
            seal(&mut bytes);
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
        assert_eq!(read_i64(&placed, 0), 4_000);
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
