//! Reading: walks the record set of a fetch response, batch by batch and record by record.

use super::aborted::{AbortedFilter, AbortedTransaction};
use super::codec::BatchCodec;
use super::compression::{Decompressor, UNPACKED_BYTES_MAX};
use super::fault::{BatchError, BatchFault};
use super::layout::{
    BatchHeader, FRAME_BYTES, HEADER_BYTES, LENGTH_AT, MAGIC_AT, base_offset, checksums,
    length_with_frame, read_i32,
};
use super::varint::read_varint;

/// One record, in the bytes of the response or of the batch that was unpacked last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalkedRecord<'a> {
    /// Its place in the partition.
    pub offset: i64,
    /// Its time in milliseconds since 1970, the producer's or the broker's as the topic has it;
    /// −1 without one.
    pub timestamp_ms: i64,
    /// Its key, if it has one.
    pub key: Option<&'a [u8]>,
    /// Its value; `None` for a tombstone.
    pub value: Option<&'a [u8]>,
    /// Its headers.
    pub headers: RecordHeaders<'a>,
}

/// The headers of a record: name and value of each, in their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecordHeaders<'a> {
    count: usize,
    rest: &'a [u8],
}

impl<'a> Iterator for RecordHeaders<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        self.count = self.count.checked_sub(1)?;
        // The walker has seen that all of them are whole.
        let name = read_field(&mut self.rest)??;
        Some((name, read_field(&mut self.rest)?))
    }
}

/// Walks through the record set of one partition; keeps its place between calls.
#[derive(Default)]
#[allow(missing_debug_implementations, reason = "holds the codecs' own state")]
pub struct BatchWalker {
    skips_checksums: bool,
    decompressor: Decompressor,
    aborted: AbortedFilter,
    unpacked: Vec<u8>,
    /// The offset that is wanted next.
    next_offset: i64,
    /// Where the next batch begins in the record set.
    at: usize,
    open: Option<WalkedBatch>,
}

/// The batch that is being read.
#[derive(Debug, Clone, Copy)]
struct WalkedBatch {
    is_unpacked: bool,
    /// Where the next record begins, and where the records end.
    at: usize,
    end: usize,
    base_offset: i64,
    last_offset: i64,
    header: BatchHeader,
    /// How many records are still to come.
    left: i32,
}

impl BatchWalker {
    /// A walker that checks the checksum of each batch (`check.crcs`), or does not.
    #[must_use]
    pub fn new(checks_checksums: bool) -> Self {
        Self { skips_checksums: !checks_checksums, ..Self::default() }
    }

    /// Begins a new record set, of which the records from `wanted` on are given. `aborted` are the
    /// transactions whose records are left out: those of the response for `read_committed`, none
    /// otherwise.
    pub fn begin(&mut self, wanted: i64, aborted: &[AbortedTransaction]) {
        self.next_offset = wanted;
        self.at = 0;
        self.open = None;
        self.aborted.begin(aborted);
    }

    /// The offset behind all that was given or left out: where to fetch from next.
    #[must_use]
    pub const fn next_offset(&self) -> i64 {
        self.next_offset
    }

    /// Whether no batch was whole so far: a record set whose first batch is cut off can't be read
    /// on from, however often it is fetched.
    #[must_use]
    pub const fn saw_none(&self) -> bool {
        self.at == 0
    }

    /// The next record; `None` at the end of the set. A last batch that is cut off is no fault: a
    /// broker sends as many bytes as were asked for. `set` is the same for all calls since
    /// [`Self::begin`].
    ///
    /// # Errors
    /// Where the set does not follow the format; so does every call after it, until a new set.
    #[inline]
    pub fn next<'a>(&'a mut self, set: &'a [u8]) -> Result<Option<WalkedRecord<'a>>, BatchError> {
        while self.open.is_none_or(|batch| batch.left == 0) {
            self.close()?;
            if !self.open(set)? {
                return Ok(None);
            }
        }
        let Some(batch) = &mut self.open else { return Ok(None) };
        let source = if batch.is_unpacked { &self.unpacked } else { set };
        let record = batch.read(source, self.next_offset)?;
        self.next_offset = record.offset + 1;
        Ok(Some(record))
    }

    /// Leaves a batch that is read to its end.
    fn close(&mut self) -> Result<(), BatchError> {
        if let Some(batch) = &self.open {
            if batch.at != batch.end {
                return Err(BatchFault::Record("end leaves bytes over").at(self.next_offset));
            }
            self.next_offset = self.next_offset.max(batch.last_offset.saturating_add(1));
            self.open = None;
        }
        Ok(())
    }

    /// Opens the next batch that has something to give; false at the end of the set.
    fn open(&mut self, set: &[u8]) -> Result<bool, BatchError> {
        loop {
            let rest = set.get(self.at..).unwrap_or_default();
            let Some(bytes) = whole_batch(rest, self.next_offset)? else { return Ok(false) };
            let batch = WalkedBatch::check(bytes, self.at, self.next_offset)?;
            let leaves_out = self.leaves_out(bytes, &batch);
            if leaves_out || batch.last_offset < self.next_offset {
                self.at += bytes.len();
                self.next_offset = self.next_offset.max(batch.last_offset.saturating_add(1));
                continue;
            }
            self.open = Some(self.unpack(bytes, batch)?);
            self.at += bytes.len();
            self.skip(set)?;
            return Ok(true);
        }
    }

    /// Whether a batch is a marker, or belongs to a transaction that was aborted.
    fn leaves_out(&mut self, bytes: &[u8], batch: &WalkedBatch) -> bool {
        let header = &batch.header;
        if !self.aborted.is_idle() {
            self.aborted.reach(batch.last_offset);
            if header.is_control() && is_abort(&bytes[HEADER_BYTES..]) {
                self.aborted.end(header.producer_id);
            }
        }
        header.is_control()
            || (header.is_transactional() && self.aborted.is_aborted(header.producer_id))
    }

    /// Checks the bytes of a batch and unpacks them.
    fn unpack(&mut self, bytes: &[u8], batch: WalkedBatch) -> Result<WalkedBatch, BatchError> {
        let (stated, found) = if self.skips_checksums { (0, 0) } else { checksums(bytes) };
        if stated != found {
            return Err(BatchFault::Checksum { stated, found }.at(batch.base_offset));
        }
        let number = batch.header.codec_number();
        let codec = BatchCodec::numbered(number).ok_or_else(|| {
            let what =
                BatchFault::Header { what: "codec", value: i64::from(number), expected: "0 to 4" };
            what.at(batch.base_offset)
        })?;
        if codec == BatchCodec::None {
            return Ok(batch);
        }
        let packed = &bytes[HEADER_BYTES..];
        let plain = &mut self.unpacked;
        self.decompressor
            .decompress(codec, packed, plain, UNPACKED_BYTES_MAX)
            .map_err(|fault| fault.at(batch.base_offset))?;
        Ok(WalkedBatch { is_unpacked: true, at: 0, end: self.unpacked.len(), ..batch })
    }

    /// Goes past the records of the open batch that lie before the wanted offset.
    fn skip(&mut self, set: &[u8]) -> Result<(), BatchError> {
        let Some(batch) = &mut self.open else { return Ok(()) };
        let source = if batch.is_unpacked { &self.unpacked } else { set };
        while batch.left > 0 && batch.base_offset < self.next_offset {
            let mut ahead = *batch;
            if ahead.read(source, batch.base_offset)?.offset >= self.next_offset {
                break;
            }
            *batch = ahead;
        }
        Ok(())
    }
}

/// The offset behind the last whole batch of a record set, by the batches' headers alone; `wanted`
/// where none reaches beyond it, or the set does not follow the format from its first batch on.
#[must_use]
pub fn end_of_set(set: &[u8], wanted: i64) -> i64 {
    let (mut end, mut rest) = (wanted, set);
    while let Ok(Some(bytes)) = whole_batch(rest, end)
        && let Ok(batch) = WalkedBatch::check(bytes, 0, end)
    {
        end = end.max(batch.last_offset.saturating_add(1));
        rest = &rest[bytes.len()..];
    }
    end
}

/// The bytes of the batch that `rest` begins with; `None` where it is cut off.
fn whole_batch(rest: &[u8], next_offset: i64) -> Result<Option<&[u8]>, BatchError> {
    if rest.len() < FRAME_BYTES {
        return Ok(None);
    }
    let length = length_with_frame(rest).filter(|length| *length >= HEADER_BYTES);
    if rest.get(MAGIC_AT).is_some_and(|magic| *magic < 2) {
        return Err(BatchFault::Format(rest[MAGIC_AT].cast_signed()).at(next_offset));
    }
    let Some(length) = length else {
        return Err(BatchFault::Length(read_i32(rest, LENGTH_AT)).at(next_offset));
    };
    Ok(rest.get(..length))
}

impl WalkedBatch {
    /// Reads the header of a whole batch that begins at `at` of its set.
    fn check(bytes: &[u8], at: usize, next_offset: i64) -> Result<Self, BatchError> {
        let refused = |what, value, expected| BatchFault::Header { what, value, expected };
        if bytes[MAGIC_AT] != 2 {
            return Err(BatchFault::Format(bytes[MAGIC_AT].cast_signed()).at(next_offset));
        }
        let base_offset = base_offset(bytes);
        let Some(header) = BatchHeader::read(bytes) else {
            return Err(BatchFault::Length(0).at(next_offset));
        };
        let delta = i64::from(header.last_offset_delta);
        let last_offset = base_offset.checked_add(delta).filter(|last| *last < i64::MAX);
        let fault = match last_offset {
            _ if base_offset < 0 => refused("base offset", base_offset, "0 or more"),
            _ if delta < 0 => refused("last offset delta", delta, "0 or more"),
            _ if header.records < 0 => refused("records", header.records.into(), "0 or more"),
            None => refused("last offset delta", delta, "offsets below 2^63 - 1"),
            Some(last_offset) => {
                return Ok(Self {
                    is_unpacked: false,
                    at: at + HEADER_BYTES,
                    end: at + bytes.len(),
                    base_offset,
                    last_offset,
                    header,
                    left: header.records,
                });
            }
        };
        Err(fault.at(next_offset))
    }

    /// Reads the next record, whose offset is `next_offset` at least.
    #[inline]
    fn read<'a>(
        &mut self,
        source: &'a [u8],
        next_offset: i64,
    ) -> Result<WalkedRecord<'a>, BatchError> {
        let record = self.parse(source, next_offset);
        record.map_err(|what| BatchFault::Record(what).at(next_offset))
    }

    #[inline]
    fn parse<'a>(
        &mut self,
        source: &'a [u8],
        next_offset: i64,
    ) -> Result<WalkedRecord<'a>, &'static str> {
        let mut rest = source.get(self.at..self.end).ok_or("place is not in its set")?;
        let length = read_varint(&mut rest).ok_or("length is cut off")?;
        let length = usize::try_from(length).map_err(|_| "length is negative")?;
        let (mut record, after) =
            rest.split_at_checked(length).ok_or("length is more than its batch has")?;
        record = record.get(1..).ok_or("length is 0")?;
        let since_base_ms = read_varint(&mut record).ok_or("time is cut off")?;
        let delta = read_varint(&mut record).ok_or("offset delta is cut off")?;
        let offset = self.base_offset.checked_add(delta).ok_or("offset is beyond 2^63")?;
        if offset < next_offset || offset > self.last_offset {
            return Err("offset is not behind the one before it, or not within its batch");
        }
        let key = read_field(&mut record).ok_or("key is cut off")?;
        let value = read_field(&mut record).ok_or("value is cut off")?;
        let headers = read_headers(record).ok_or("headers are not what its length says")?;
        let timestamp_ms = match self.header.append_time_ms() {
            Some(append_ms) => append_ms,
            None => self
                .header
                .base_timestamp_ms
                .checked_add(since_base_ms)
                .ok_or("time is beyond 2^63 ms")?,
        };
        self.at = self.end - after.len();
        self.left -= 1;
        Ok(WalkedRecord { offset, timestamp_ms, key, value, headers })
    }
}

/// Reads a key, a header's name or a value behind its length; −1 stands for none.
#[inline]
fn read_field<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let length = read_varint(rest)?;
    if length == -1 {
        return Some(None);
    }
    let (field, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = after;
    Some(Some(field))
}

/// Checks that the rest of a record is its headers, whole, and nothing else.
#[inline]
fn read_headers(mut rest: &[u8]) -> Option<RecordHeaders<'_>> {
    let count = usize::try_from(read_varint(&mut rest)?).ok()?;
    let headers = RecordHeaders { count, rest };
    for _ in 0..count {
        read_field(&mut rest)??;
        read_field(&mut rest)?;
    }
    rest.is_empty().then_some(headers)
}

/// Whether the one record of a marker says that a transaction was aborted: its key is a version
/// and a type of 16 bits each, and 0 is an abort.
fn is_abort(records: &[u8]) -> bool {
    let key = || {
        let mut rest = records;
        read_varint(&mut rest)?;
        rest = rest.get(1..)?;
        read_varint(&mut rest)?;
        read_varint(&mut rest)?;
        read_field(&mut rest)?
    };
    key().is_some_and(|key| key.len() >= 4 && key[2..4] == [0, 0])
}
