//! Where the fields of a record batch lie. All numbers are big-endian.
//!
//! | byte | field |
//! |--:|---|
//! | 0 | base offset (8): written by the broker |
//! | 8 | length (4): of all that follows |
//! | 12 | leader epoch (4): written by the broker |
//! | 16 | format (1): 2 |
//! | 17 | CRC-32C (4): over all that follows |
//! | 21 | attributes (2): codec, log append time, transactional, control, delete horizon |
//! | 23 | last offset delta (4) |
//! | 27 | base timestamp, ms (8) |
//! | 35 | maximum timestamp, ms (8) |
//! | 43 | producer id (8), epoch (2), base sequence (4) |
//! | 57 | number of records (4) |
//! | 61 | the records, compressed or not |

/// The length of a batch header; the records follow.
pub const HEADER_BYTES: usize = 61;

/// Where the length lies: of all that follows it.
pub(super) const LENGTH_AT: usize = 8;

/// Where the message format lies.
pub const MAGIC_AT: usize = 16;

/// Where the checksum's coverage begins.
pub(super) const CHECKED_FROM: usize = 21;

/// Where the maximum timestamp lies.
pub(super) const MAX_TIMESTAMP_AT: usize = 35;

/// The attribute of a batch whose records have the time of their append.
pub const LOG_APPEND_TIME: i16 = 0x08;

/// What lies before that which the length counts.
pub(super) const FRAME_BYTES: usize = 12;

const LEADER_EPOCH_AT: usize = 12;
const CHECKSUM_AT: usize = 17;
pub(super) const PRODUCER_AT: usize = 43;

const CODEC: i16 = 0x07;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;

/// What the checksum of a batch covers, but for the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    /// Codec and flags.
    pub attributes: i16,
    /// The last record's offset less the first's.
    pub last_offset_delta: i32,
    /// The time that the records' times count from, in milliseconds since 1970.
    pub base_timestamp_ms: i64,
    /// The latest time, in milliseconds since 1970.
    pub max_timestamp_ms: i64,
    /// The idempotent producer's id; −1 without one.
    pub producer_id: i64,
    /// Its epoch; −1 without one.
    pub producer_epoch: i16,
    /// The first record's sequence number; −1 without one.
    pub base_sequence: i32,
    /// How many records there are.
    pub records: i32,
}

impl BatchHeader {
    /// Reads the header of a batch; `None` where there are fewer bytes than one takes.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<HEADER_BYTES>()?;
        Some(Self {
            attributes: read_i16(bytes, CHECKED_FROM),
            last_offset_delta: read_i32(bytes, 23),
            base_timestamp_ms: read_i64(bytes, 27),
            max_timestamp_ms: read_i64(bytes, MAX_TIMESTAMP_AT),
            producer_id: read_i64(bytes, PRODUCER_AT),
            producer_epoch: read_i16(bytes, 51),
            base_sequence: read_i32(bytes, 53),
            records: read_i32(bytes, 57),
        })
    }

    /// Writes the header of a batch of which all the rest is in `bytes`, with length and checksum;
    /// its base offset is 0, and its leader epoch unknown.
    pub(super) fn write(&self, bytes: &mut [u8]) {
        let length = i32::try_from(bytes.len() - FRAME_BYTES).unwrap_or(i32::MAX);
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(0, &0_i64.to_be_bytes());
        put(LENGTH_AT, &length.to_be_bytes());
        put(LEADER_EPOCH_AT, &(-1_i32).to_be_bytes());
        put(MAGIC_AT, &[2]);
        put(CHECKED_FROM, &self.attributes.to_be_bytes());
        put(23, &self.last_offset_delta.to_be_bytes());
        put(27, &self.base_timestamp_ms.to_be_bytes());
        put(MAX_TIMESTAMP_AT, &self.max_timestamp_ms.to_be_bytes());
        put(PRODUCER_AT, &self.producer_id.to_be_bytes());
        put(51, &self.producer_epoch.to_be_bytes());
        put(53, &self.base_sequence.to_be_bytes());
        put(57, &self.records.to_be_bytes());
        seal_checksum(bytes);
    }

    /// The sequence number of the last record; sequence numbers wrap to 0 after 2³¹ − 1.
    #[must_use]
    pub fn last_sequence(&self) -> i32 {
        let last = i64::from(self.base_sequence) + i64::from(self.records) - 1;
        i32::try_from(last % (i64::from(i32::MAX) + 1)).unwrap_or(0)
    }

    /// The number of its codec.
    #[must_use]
    pub const fn codec_number(&self) -> i16 {
        self.attributes & CODEC
    }

    /// Whether its records are compressed.
    #[must_use]
    pub const fn is_compressed(&self) -> bool {
        self.codec_number() != 0
    }

    /// Whether its records belong to a transaction.
    #[must_use]
    pub const fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    /// Whether its records are markers of the brokers, not for applications.
    #[must_use]
    pub const fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    /// The time of every record where the broker has stamped them, in milliseconds since 1970.
    #[must_use]
    pub const fn append_time_ms(&self) -> Option<i64> {
        if self.attributes & LOG_APPEND_TIME == 0 { None } else { Some(self.max_timestamp_ms) }
    }
}

/// The offset of a batch's first record; the caller has checked that the batch has a header.
#[must_use]
pub fn base_offset(bytes: &[u8]) -> i64 {
    read_i64(bytes, 0)
}

/// How long the batch is that begins here, by its own account, with what its length does not
/// count; `None` where that can't be. The caller has checked that 12 bytes are there.
#[must_use]
pub fn length_with_frame(bytes: &[u8]) -> Option<usize> {
    usize::try_from(read_i32(bytes, LENGTH_AT)).ok()?.checked_add(FRAME_BYTES)
}

/// Writes the offset of a batch's first record, which no checksum covers.
pub fn place(bytes: &mut [u8], base_offset: i64) {
    bytes[..8].copy_from_slice(&base_offset.to_be_bytes());
}

/// Writes the leader's epoch, which no checksum covers.
pub fn set_leader_epoch(bytes: &mut [u8], epoch: i32) {
    bytes[LEADER_EPOCH_AT..MAGIC_AT].copy_from_slice(&epoch.to_be_bytes());
}

/// Gives all records of a whole batch the time of their append, in milliseconds since 1970.
pub fn stamp_append_time(bytes: &mut [u8], time_ms: i64) {
    let attributes = read_i16(bytes, CHECKED_FROM) | LOG_APPEND_TIME;
    bytes[CHECKED_FROM..][..2].copy_from_slice(&attributes.to_be_bytes());
    bytes[MAX_TIMESTAMP_AT..][..8].copy_from_slice(&time_ms.to_be_bytes());
    seal_checksum(bytes);
}

/// Whether a whole batch's checksum is that of its bytes.
#[must_use]
pub fn checksum_is_right(bytes: &[u8]) -> bool {
    let (stated, found) = checksums(bytes);
    stated == found
}

/// The checksum that a whole batch states, and that of its bytes.
pub(super) fn checksums(bytes: &[u8]) -> (u32, u32) {
    (read_i32(bytes, CHECKSUM_AT).cast_unsigned(), crc32c::crc32c(&bytes[CHECKED_FROM..]))
}

/// Writes the checksum of a whole batch.
pub fn seal_checksum(bytes: &mut [u8]) {
    let checksum = crc32c::crc32c(&bytes[CHECKED_FROM..]);
    bytes[CHECKSUM_AT..CHECKED_FROM].copy_from_slice(&checksum.to_be_bytes());
}

fn read_i16(bytes: &[u8], at: usize) -> i16 {
    i16::from_be_bytes([bytes[at], bytes[at + 1]])
}

pub(super) fn read_i32(bytes: &[u8], at: usize) -> i32 {
    i32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn read_i64(bytes: &[u8], at: usize) -> i64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    i64::from_be_bytes(word)
}
