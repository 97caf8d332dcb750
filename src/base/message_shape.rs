//! Checks the shape of a message of Kafka's protocol before the codec decodes it: requests at the
//! embedded broker, answers at the native client.
//!
//! The codec reserves room for as many elements as a length field claims, so a request of
//! twenty bytes could ask for hundreds of gigabytes and abort the process. A message reaches
//! the codec only after every length in it was walked and found to be covered by bytes that
//! really arrived, and after its elements were counted.

/// The most array elements and tagged fields that one message may have, all levels together.
///
/// An element may take a few bytes on the wire and hundreds in memory.
const ELEMENTS_MAX: usize = 100_000;

/// What stands at one place of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FieldKind {
    /// A number of bytes that does not vary.
    Fixed(usize),
    /// A string, perhaps null.
    Text,
    /// Bytes with a length, perhaps null.
    Blob,
    /// An array of 32-bit integers, perhaps null.
    Ints,
    /// An array of strings, perhaps null.
    Texts,
    /// An array of structs, perhaps null.
    List(&'static [Field]),
}

/// A field and the versions that carry it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    kind: FieldKind,
    since: i16,
    until: i16,
}

pub(crate) const TEXT: Field = field(FieldKind::Text);
pub(crate) const BLOB: Field = field(FieldKind::Blob);
pub(crate) const INTS: Field = field(FieldKind::Ints);
pub(crate) const TEXTS: Field = field(FieldKind::Texts);

pub(crate) const fn fixed(bytes: usize) -> Field {
    field(FieldKind::Fixed(bytes))
}

pub(crate) const fn list(fields: &'static [Field]) -> Field {
    field(FieldKind::List(fields))
}

const fn field(kind: FieldKind) -> Field {
    Field { kind, since: 0, until: i16::MAX }
}

impl Field {
    pub(crate) const fn since(self, version: i16) -> Self {
        Self { since: version, ..self }
    }

    pub(crate) const fn until(self, version: i16) -> Self {
        Self { until: version, ..self }
    }
}

/// The message is cut, or claims more than it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Walks over a message without keeping anything of it.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    rest: &'a [u8],
    version: i16,
    flexible: bool,
    elements: usize,
}

impl<'a> Walk<'a> {
    /// `flexible`: lengths are variable integers, and structs end with tagged fields.
    pub(crate) const fn new(bytes: &'a [u8], version: i16, flexible: bool) -> Self {
        Self { rest: bytes, version, flexible, elements: 0 }
    }

    /// The bytes not walked over yet.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Walks over a struct with its tagged fields.
    pub(crate) fn fields(&mut self, fields: &[Field]) -> Result<(), Malformed> {
        for field in fields {
            if (field.since..=field.until).contains(&self.version) {
                self.kind(field.kind)?;
            }
        }
        self.tags()
    }

    fn kind(&mut self, kind: FieldKind) -> Result<(), Malformed> {
        match kind {
            FieldKind::Fixed(bytes) => self.skip(bytes),
            FieldKind::Text if !self.flexible => self.short_text(),
            FieldKind::Text | FieldKind::Blob => {
                let bytes = self.length()?;
                self.skip(bytes)
            }
            FieldKind::Ints => {
                let count = self.length()?;
                self.count(count)?;
                self.skip(count.saturating_mul(4))
            }
            FieldKind::Texts => self.repeat(|walk| walk.kind(FieldKind::Text)),
            FieldKind::List(fields) => self.repeat(|walk| walk.fields(fields)),
        }
    }

    fn repeat(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let count = self.length()?;
        self.count(count)?;
        (0..count).try_for_each(|_| each(self))
    }

    /// A string with a 16-bit length, perhaps null: in old versions, and in every header.
    pub(crate) fn short_text(&mut self) -> Result<(), Malformed> {
        let bytes = self.take(2)?;
        match i16::from_be_bytes([bytes[0], bytes[1]]) {
            -1 => Ok(()),
            length => self.skip(usize::try_from(length).map_err(|_| Malformed)?),
        }
    }

    /// Walks over the tagged fields, where the version has any.
    pub(crate) fn tags(&mut self) -> Result<(), Malformed> {
        if !self.flexible {
            return Ok(());
        }
        let count = self.varint()?;
        self.count(count)?;
        for _ in 0..count {
            self.varint()?;
            let bytes = self.varint()?;
            self.skip(bytes)?;
        }
        Ok(())
    }

    /// A length, with null as 0.
    fn length(&mut self) -> Result<usize, Malformed> {
        if self.flexible {
            return Ok(self.varint()?.saturating_sub(1));
        }
        let bytes = self.take(4)?;
        match i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) {
            -1 => Ok(0),
            length => usize::try_from(length).map_err(|_| Malformed),
        }
    }

    fn varint(&mut self) -> Result<usize, Malformed> {
        let mut value = 0_u64;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let value = u32::try_from(value).map_err(|_| Malformed)?;
                return usize::try_from(value).map_err(|_| Malformed);
            }
        }
        Err(Malformed)
    }

    fn count(&mut self, elements: usize) -> Result<(), Malformed> {
        self.elements = self.elements.saturating_add(elements);
        // Every element takes a byte at least.
        if self.elements > ELEMENTS_MAX || elements > self.rest.len() {
            return Err(Malformed);
        }
        Ok(())
    }

    fn skip(&mut self, bytes: usize) -> Result<(), Malformed> {
        self.take(bytes).map(|_| ())
    }

    fn take(&mut self, bytes: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: &[Field] = &[fixed(2), list(&[TEXT, BLOB.since(1)]), INTS];

    fn walk(bytes: &[u8], version: i16, flexible: bool) -> Result<usize, Malformed> {
        let mut walk = Walk::new(bytes, version, flexible);
        walk.fields(SHAPE).map(|()| walk.rest().len())
    }

    #[test]
    fn a_whole_request_is_walked_to_its_end() {
        let old = [0, 7, 0, 0, 0, 1, 0, 2, b'a', b'b', 255, 255, 255, 255];
        assert_eq!(walk(&old, 0, false), Ok(0));
        let flexible = [0, 7, 2, 3, b'a', b'b', 2, 9, 0, 2, 0, 0, 0, 1, 1, 5, 1, 77];
        assert_eq!(walk(&flexible, 1, true), Ok(1 + 1 - 2));
    }

    #[test]
    fn every_cut_is_noticed() {
        let old = [0, 7, 0, 0, 0, 1, 0, 2, b'a', b'b', 0, 0, 0, 1, 0, 0, 0, 9];
        assert_eq!(walk(&old, 0, false), Ok(0));
        for cut in 0..old.len() {
            assert_eq!(walk(&old[..cut], 0, false), Err(Malformed), "cut at {cut}");
        }
    }

    #[test]
    fn a_length_beyond_what_arrived_is_refused() {
        for claimed in [[127, 255, 255, 255], [0, 1, 0, 0], [255, 255, 255, 254]] {
            let mut bytes = vec![0, 7];
            bytes.extend(claimed);
            bytes.extend([0; 40]);
            assert_eq!(walk(&bytes, 0, false), Err(Malformed));
        }
        assert_eq!(walk(&[0, 7, 255, 255, 255, 255, 15, 0, 0], 0, true), Err(Malformed));
        assert_eq!(walk(&[0, 7, 255, 255, 255, 255, 255, 255, 0], 0, true), Err(Malformed));
    }

    #[test]
    fn elements_are_counted_over_all_levels() {
        let mut bytes = vec![0, 7];
        bytes.extend(100_001_i32.to_be_bytes());
        bytes.extend(vec![0; 2 * 100_001 + 4]);
        assert_eq!(walk(&bytes, 0, false), Err(Malformed));
    }
}
