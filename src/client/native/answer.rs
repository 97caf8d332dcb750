//! A broker's answer to one request, in memory that is used again.

use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::Decodable;

use crate::base::message_shape::{Field, Walk};

/// A buffer that is filled from the front. It only grows, so that its bytes are zeroed once.
#[derive(Debug, Default)]
pub(crate) struct AnswerBytes {
    bytes: Vec<u8>,
    filled: usize,
}

impl AnswerBytes {
    /// Forgets what is in it, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.filled = 0;
    }

    /// What has arrived.
    pub(crate) fn filled(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// Room for what is still missing up to `target`. A large answer's memory grows with what
    /// arrives, never by what the broker claims.
    pub(super) fn room(&mut self, target: usize) -> &mut [u8] {
        /// What an answer may claim without having sent it.
        const AHEAD_BYTES: usize = 1 << 20;
        let wanted = target.min((2 * self.filled).max(AHEAD_BYTES));
        if self.bytes.len() < wanted {
            self.bytes.resize(wanted, 0);
        }
        let end = target.min(self.bytes.len());
        &mut self.bytes[self.filled..end]
    }

    /// Counts what was written into the room.
    pub(super) fn fill(&mut self, bytes: usize) {
        self.filled = (self.filled + bytes).min(self.bytes.len());
    }

    /// The memory that it takes.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

/// An answer to a request of this connection.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Which request: its correlation id.
    pub(crate) id: i32,
    /// What was asked.
    pub(crate) api: ApiKey,
    /// The version of both.
    pub(crate) version: i16,
    /// All of it behind its length.
    pub(super) bytes: AnswerBytes,
}

impl Answer {
    /// What follows the header; `None` where the header is cut.
    pub(crate) fn body(&self) -> Option<&[u8]> {
        let behind_id = self.bytes.filled().get(4..)?;
        if self.api.response_header_version(self.version) == 0 {
            return Some(behind_id);
        }
        let mut walk = Walk::new(behind_id, self.version, true);
        walk.tags().ok()?;
        Some(walk.rest())
    }

    /// Decodes the body after a walk over it: `fields` are its shape, and from version `flexible`
    /// on lengths are variable integers.
    ///
    /// # Errors
    /// What was answered, where it can't be read.
    pub(crate) fn decode<T: Decodable>(
        &self,
        flexible: i16,
        fields: &[Field],
    ) -> Result<T, String> {
        let (api, version) = (self.api, self.version);
        let cut = || format!("its answer to {api:?} version {version} is cut or malformed");
        let mut body = self.body().ok_or_else(cut)?;
        Walk::new(body, version, version >= flexible).fields(fields).map_err(|_| cut())?;
        T::decode(&mut body, version)
            .map_err(|error| format!("its answer to {api:?} can't be read: {error}"))
    }

    /// The memory, to be used again.
    pub(crate) fn into_bytes(self) -> AnswerBytes {
        self.bytes
    }
}

/// Reads the plain fields of an answer one after the other; `None` where it is cut. For what the
/// codec would allocate too much for, or too often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FieldReader<'a> {
    rest: &'a [u8],
    flexible: bool,
}

impl<'a> FieldReader<'a> {
    /// `flexible`: lengths are variable integers, and structs end with tagged fields.
    pub(crate) const fn new(bytes: &'a [u8], flexible: bool) -> Self {
        Self { rest: bytes, flexible }
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*taken)
    }

    /// An 8-bit integer.
    pub(crate) fn i8(&mut self) -> Option<i8> {
        self.take().map(i8::from_be_bytes)
    }

    /// A 16-bit integer.
    pub(crate) fn i16(&mut self) -> Option<i16> {
        self.take().map(i16::from_be_bytes)
    }

    /// A 32-bit integer.
    pub(crate) fn i32(&mut self) -> Option<i32> {
        self.take().map(i32::from_be_bytes)
    }

    /// A 64-bit integer.
    pub(crate) fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_be_bytes)
    }

    /// The number of elements of an array; null is 0.
    pub(crate) fn count(&mut self) -> Option<usize> {
        if self.flexible {
            return Some(self.varint()?.saturating_sub(1));
        }
        match self.i32()? {
            -1 => Some(0),
            count => usize::try_from(count).ok(),
        }
    }

    /// A string; null is empty.
    pub(crate) fn text(&mut self) -> Option<&'a [u8]> {
        let length = if self.flexible {
            self.varint()?.saturating_sub(1)
        } else {
            match self.i16()? {
                -1 => 0,
                length => usize::try_from(length).ok()?,
            }
        };
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(text)
    }

    /// Bytes; null is empty.
    pub(crate) fn blob(&mut self) -> Option<&'a [u8]> {
        let length = self.count()?;
        let (blob, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(blob)
    }

    /// How many bytes are not read yet.
    pub(crate) const fn left(&self) -> usize {
        self.rest.len()
    }

    /// Skips the tagged fields at the end of a struct.
    pub(crate) fn tags(&mut self) -> Option<()> {
        let mut walk = Walk::new(self.rest, 0, self.flexible);
        walk.tags().ok()?;
        self.rest = walk.rest();
        Some(())
    }

    fn varint(&mut self) -> Option<usize> {
        let mut value = 0_u64;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.take()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value).ok().map(|value| value as usize);
            }
        }
        None
    }
}

#[cfg(test)]
impl Answer {
    /// An answer of these bytes, header and body.
    pub(super) fn of(api: ApiKey, version: i16, bytes: &[u8]) -> Self {
        let mut filled = AnswerBytes::default();
        filled.room(bytes.len())[..bytes.len()].copy_from_slice(bytes);
        filled.fill(bytes.len());
        Self { id: 1, api, version, bytes: filled }
    }
}
