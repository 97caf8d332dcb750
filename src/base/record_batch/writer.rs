//! Writing: an open batch that records are appended to in place, and that is sealed once.

use super::compression::Compressor;
use super::fault::BatchFault;
use super::layout::{BatchHeader, HEADER_BYTES, PRODUCER_AT, seal_checksum};
use super::varint::{varint_bytes, write_varint};

/// Whose records a batch holds, and which of theirs: by this a broker knows a batch that comes
/// again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerSequence {
    /// The id that the broker gave; −1 without idempotence.
    pub producer_id: i64,
    /// Its epoch; −1 without idempotence.
    pub epoch: i16,
    /// How many records of this producer went to the partition before, modulo 2³¹; −1 without
    /// idempotence.
    pub base_sequence: i32,
}

impl ProducerSequence {
    /// What a batch has without idempotence.
    pub const NONE: Self = Self { producer_id: -1, epoch: -1, base_sequence: -1 };
}

/// A batch that is still open. Its memory is used again for the next one.
#[derive(Debug, Clone)]
pub struct BatchWriter {
    /// Room for the header, then the records.
    bytes: Vec<u8>,
    records: i32,
    base_timestamp_ms: i64,
    max_timestamp_ms: i64,
}

impl Default for BatchWriter {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl BatchWriter {
    /// An open batch with room for so many bytes, the header's included.
    #[must_use]
    pub fn with_capacity(capacity_bytes: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity_bytes.max(HEADER_BYTES));
        bytes.resize(HEADER_BYTES, 0);
        Self { bytes, records: 0, base_timestamp_ms: 0, max_timestamp_ms: 0 }
    }

    /// Appends a record, with one header at most; its time is in milliseconds since 1970. The
    /// first record's time is the batch's base.
    #[inline]
    pub fn append(
        &mut self,
        timestamp_ms: i64,
        key: Option<&[u8]>,
        header: Option<(&str, &[u8])>,
        value: Option<&[u8]>,
    ) {
        if self.records == 0 {
            (self.base_timestamp_ms, self.max_timestamp_ms) = (timestamp_ms, timestamp_ms);
        }
        self.max_timestamp_ms = self.max_timestamp_ms.max(timestamp_ms);
        let since_base_ms = timestamp_ms.saturating_sub(self.base_timestamp_ms);
        let delta = i64::from(self.records);
        let length = 1
            + varint_bytes(since_base_ms)
            + varint_bytes(delta)
            + field_bytes(key)
            + field_bytes(value)
            + header.map_or(1, |(name, value)| {
                varint_bytes(1) + field_bytes(Some(name.as_bytes())) + field_bytes(Some(value))
            });
        let bytes = &mut self.bytes;
        bytes.reserve(length + varint_bytes(signed(length)));
        write_varint(bytes, signed(length));
        // A record has attributes of its own, of which none is defined.
        bytes.push(0);
        write_varint(bytes, since_base_ms);
        write_varint(bytes, delta);
        write_field(bytes, key);
        write_field(bytes, value);
        match header {
            None => bytes.push(0),
            Some((name, value)) => {
                write_varint(bytes, 1);
                write_field(bytes, Some(name.as_bytes()));
                write_field(bytes, Some(value));
            }
        }
        self.records += 1;
    }

    /// How many records it has.
    #[must_use]
    pub const fn records(&self) -> i32 {
        self.records
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// How many bytes it takes uncompressed, the header's included.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Whether a record with a key and a value of so many bytes still fits in a batch of
    /// `limit_bytes` (`batch.size`), uncompressed. An empty batch takes every record: one that is
    /// larger than the limit goes by itself, as Kafka's producer has it.
    #[must_use]
    pub const fn would_take(&self, record_bytes: usize, limit_bytes: usize) -> bool {
        self.records == 0
            || (self.records < i32::MAX
                && self
                    .bytes
                    .len()
                    .saturating_add(record_bytes)
                    .saturating_add(RECORD_OVERHEAD_BYTES_MAX)
                    <= limit_bytes)
    }

    /// Closes the batch: compresses its records and puts the whole batch into `sealed`, in place
    /// of what was there, ready for a produce request. This writer is open again then, empty, with
    /// the memory that was in `sealed`.
    ///
    /// # Errors
    /// When the codec fails; the batch is as it was then.
    pub fn seal(
        &mut self,
        compressor: &mut Compressor,
        producer: ProducerSequence,
        sealed: &mut Vec<u8>,
    ) -> Result<BatchHeader, BatchFault> {
        let codec = compressor.codec();
        let header = BatchHeader {
            attributes: codec.number(),
            last_offset_delta: (self.records - 1).max(0),
            base_timestamp_ms: self.base_timestamp_ms,
            max_timestamp_ms: self.max_timestamp_ms,
            producer_id: producer.producer_id,
            producer_epoch: producer.epoch,
            base_sequence: producer.base_sequence,
            records: self.records,
        };
        sealed.clear();
        if codec.number() == 0 {
            std::mem::swap(sealed, &mut self.bytes);
        } else {
            sealed.resize(HEADER_BYTES, 0);
            compressor.compress(&self.bytes[HEADER_BYTES..], sealed)?;
        }
        header.write(sealed);
        self.reset();
        Ok(header)
    }

    /// Throws away the records that it has.
    pub fn reset(&mut self) {
        self.bytes.clear();
        self.bytes.resize(HEADER_BYTES, 0);
        self.records = 0;
    }
}

/// Writes into a sealed batch who sends it, and its checksum anew: after a new producer id, or a
/// new epoch, the sequence begins again. A batch that is sent again unchanged needs nothing.
pub fn restamp(sealed: &mut [u8], producer: ProducerSequence) {
    let Some(fields) = sealed.get_mut(PRODUCER_AT..PRODUCER_AT + 14) else {
        return;
    };
    fields[..8].copy_from_slice(&producer.producer_id.to_be_bytes());
    fields[8..10].copy_from_slice(&producer.epoch.to_be_bytes());
    fields[10..].copy_from_slice(&producer.base_sequence.to_be_bytes());
    seal_checksum(sealed);
}

/// Most bytes that a record takes beside its key, header and value: the lengths of all, the
/// attributes, the time and the place.
pub const RECORD_OVERHEAD_BYTES_MAX: usize = 5 + 1 + 10 + 5 + 5 + 5 + 1 + 10;

/// How many bytes a key, a header's name or a value takes with its length.
#[inline]
fn field_bytes(field: Option<&[u8]>) -> usize {
    field.map_or(1, |field| varint_bytes(signed(field.len())) + field.len())
}

/// Writes a key, a header's name or a value behind its length; −1 stands for none.
#[inline]
fn write_field(bytes: &mut Vec<u8>, field: Option<&[u8]>) {
    match field {
        None => write_varint(bytes, -1),
        Some(field) => {
            write_varint(bytes, signed(field.len()));
            bytes.extend_from_slice(field);
        }
    }
}

fn signed(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
