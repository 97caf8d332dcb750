//! Fetch requests and answers on the wire. They are most of what a broker reads and writes, and
//! the codec makes an object with a dozen fields of each partition: encoding answers by it was
//! 31 % of all of the broker's instructions, decoding and checking requests some 8 % (callgrind,
//! four groups on six partitions at 3,000 events/s, 2026-11-28).

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::FetchResponse;
use kafka_protocol::protocol::HeaderVersion;

use super::code;
use super::frame::{self, Pieces};
use crate::base::message_shape::{Field, INTS, Malformed, TEXT, Walk, list};

/// The first version with variable-length integers.
const FLEXIBLE: i16 = 12;

/// The most partitions that one request may name.
const PARTITIONS_MAX: usize = 100_000;

/// What follows the topics, and is of no interest.
const TAIL: &[Field] = &[list(&[TEXT, INTS]).since(7), TEXT.since(11)];

/// One partition as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PartitionAsk {
    pub(super) index: i32,
    pub(super) offset: i64,
    pub(super) bytes_max: usize,
}

/// A request, as far as it matters here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FetchAsk {
    pub(super) wait_max_ms: i32,
    pub(super) bytes_min: i32,
    pub(super) bytes_max: i32,
    pub(super) session_id: i32,
    pub(super) session_epoch: i32,
    /// The topics by name, with what is wanted of each.
    pub(super) topics: Vec<(String, Vec<PartitionAsk>)>,
}

/// Reads a request's body; what is claimed and has not arrived makes it malformed.
///
/// # Errors
/// [`Malformed`] where it is cut or names too many partitions.
pub(super) fn read(body: &[u8], version: i16) -> Result<FetchAsk, Malformed> {
    let mut cursor = Cursor { rest: body, version };
    let _replica = cursor.i32()?;
    let (wait_max_ms, bytes_min, bytes_max) = (cursor.i32()?, cursor.i32()?, cursor.i32()?);
    cursor.skip(1)?;
    let (session_id, session_epoch) =
        if version >= 7 { (cursor.i32()?, cursor.i32()?) } else { (0, -1) };
    let mut ask =
        FetchAsk { wait_max_ms, bytes_min, bytes_max, session_id, session_epoch, topics: vec![] };
    let mut named = 0;
    for _ in 0..cursor.length()? {
        let name = cursor.text()?;
        let count = cursor.length()?;
        named += count + 1;
        // Each takes more bytes than that: a count alone reserves nothing that has not arrived.
        if named > PARTITIONS_MAX || count > cursor.rest.len() / 16 {
            return Err(Malformed);
        }
        let mut partitions = Vec::with_capacity(count);
        for _ in 0..count {
            partitions.push(cursor.partition()?);
        }
        cursor.tags()?;
        ask.topics.push((name, partitions));
    }
    Walk::new(cursor.rest, version, version >= FLEXIBLE).fields(TAIL)?;
    Ok(ask)
}

struct Cursor<'a> {
    rest: &'a [u8],
    version: i16,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn skip(&mut self, bytes: usize) -> Result<(), Malformed> {
        self.take(bytes).map(|_| ())
    }

    fn i32(&mut self) -> Result<i32, Malformed> {
        Ok(self.take(4)?.get_i32())
    }

    fn i64(&mut self) -> Result<i64, Malformed> {
        Ok(self.take(8)?.get_i64())
    }

    /// The length of a list; a null one is empty.
    fn length(&mut self) -> Result<usize, Malformed> {
        if self.version < FLEXIBLE {
            return Ok(usize::try_from(self.i32()?).unwrap_or(0));
        }
        Ok(self.varint()?.saturating_sub(1))
    }

    fn varint(&mut self) -> Result<usize, Malformed> {
        let mut value = 0_u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.take(1)?[0];
            if shift == 28 && byte > 0x0f {
                return Err(Malformed);
            }
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(value).map_err(|_| Malformed);
            }
        }
        Err(Malformed)
    }

    fn text(&mut self) -> Result<String, Malformed> {
        let length = if self.version < FLEXIBLE {
            usize::try_from(self.take(2)?.get_i16()).map_err(|_| Malformed)?
        } else {
            self.varint()?.checked_sub(1).ok_or(Malformed)?
        };
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| Malformed)?;
        Ok(text.to_owned())
    }

    fn tags(&mut self) -> Result<(), Malformed> {
        match self.rest.split_first() {
            _ if self.version < FLEXIBLE => {}
            Some((0, rest)) => self.rest = rest,
            _ => {
                let mut walk = Walk::new(self.rest, self.version, true);
                walk.tags()?;
                self.rest = walk.rest();
            }
        }
        Ok(())
    }

    fn partition(&mut self) -> Result<PartitionAsk, Malformed> {
        let index = self.i32()?;
        let leader_epoch_bytes = if self.version >= 9 { 4 } else { 0 };
        self.skip(leader_epoch_bytes)?;
        let offset = self.i64()?;
        let fetched_epoch_bytes = if self.version >= 12 { 4 } else { 0 };
        let log_start_bytes = if self.version >= 5 { 8 } else { 0 };
        self.skip(fetched_epoch_bytes + log_start_bytes)?;
        let bytes_max = usize::try_from(self.i32()?).unwrap_or(0);
        self.tags()?;
        Ok(PartitionAsk { index, offset, bytes_max })
    }
}

/// One partition of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AnsweredPartition {
    pub(super) index: i32,
    pub(super) error: i16,
    /// The high watermark, which is the last stable offset too; −1 with an error.
    pub(super) end_offset: i64,
    pub(super) start_offset: i64,
    /// How many batches it has, and their bytes.
    pub(super) batches: usize,
    pub(super) bytes: usize,
}

/// The most bytes that a partition takes beside its batches.
const PARTITION_BYTES: usize = 48;

/// Writes an answer around the batches, which stay where the log has them: those of the first
/// partition, then those of the second, and so on. None when something does not fit its field.
pub(super) fn write<'a>(
    correlation_id: i32,
    version: i16,
    topics: impl ExactSizeIterator<Item = (&'a str, &'a [AnsweredPartition])> + Clone,
    batches: Vec<Bytes>,
) -> Option<Pieces> {
    let sizes = topics.clone().map(|(name, found)| name.len() + 16 + PARTITION_BYTES * found.len());
    let mut heads = BytesMut::with_capacity(32 + sizes.sum::<usize>());
    frame::begin_into(&mut heads, correlation_id, FetchResponse::header_version(version));
    heads.put_i32(0);
    if version >= 7 {
        heads.put_i16(code::NONE);
        heads.put_i32(0);
    }
    put_length(&mut heads, version, topics.len())?;
    // Where in the heads batches come, and how many.
    let (mut cuts, mut more) = (Vec::with_capacity(batches.len()), 0);
    for (name, found) in topics {
        put_name(&mut heads, version, name)?;
        put_length(&mut heads, version, found.len())?;
        for answer in found {
            put_partition(&mut heads, version, answer)?;
            if answer.batches > 0 {
                cuts.push((heads.len(), answer.batches));
                more += answer.bytes;
            }
            put_tags(&mut heads, version);
        }
        put_tags(&mut heads, version);
    }
    put_tags(&mut heads, version);
    let heads = frame::finish(heads, more)?;
    let mut pieces = Vec::with_capacity(batches.len() + cuts.len() + 1);
    let (mut from, mut batches) = (0, batches.into_iter());
    for (cut, count) in cuts {
        pieces.push(heads.slice(from..cut));
        pieces.extend(batches.by_ref().take(count));
        from = cut;
    }
    pieces.push(heads.slice(from..));
    Some(pieces)
}

/// All of a partition but the batches and what is behind them.
fn put_partition(heads: &mut BytesMut, version: i16, answer: &AnsweredPartition) -> Option<()> {
    heads.put_i32(answer.index);
    heads.put_i16(answer.error);
    heads.put_i64(answer.end_offset);
    heads.put_i64(answer.end_offset);
    if version >= 5 {
        heads.put_i64(answer.start_offset);
    }
    // No transaction was aborted: there are none.
    put_length(heads, version, 0)?;
    if version >= 11 {
        heads.put_i32(-1);
    }
    put_length(heads, version, answer.bytes)
}

fn put_name(heads: &mut BytesMut, version: i16, name: &str) -> Option<()> {
    if version >= FLEXIBLE {
        put_varint(heads, name.len() + 1)?;
    } else {
        heads.put_i16(i16::try_from(name.len()).ok()?);
    }
    heads.put_slice(name.as_bytes());
    Some(())
}

fn put_length(heads: &mut BytesMut, version: i16, length: usize) -> Option<()> {
    if version >= FLEXIBLE {
        return put_varint(heads, length + 1);
    }
    heads.put_i32(i32::try_from(length).ok()?);
    Some(())
}

fn put_tags(heads: &mut BytesMut, version: i16) {
    if version >= FLEXIBLE {
        heads.put_u8(0);
    }
}

fn put_varint(heads: &mut BytesMut, value: usize) -> Option<()> {
    let mut rest = u32::try_from(value).ok()?;
    while rest >= 0x80 {
        heads.put_u8((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    heads.put_u8(rest as u8);
    Some(())
}

#[cfg(test)]
mod tests;
