//! What can be wrong with a record batch.

/// Why a record batch can't be read or written, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record batch at offset {offset}: {fault}")]
pub struct BatchError {
    /// The offset at which reading stopped: the batch's first, or that of the record behind the
    /// last one that was read.
    pub offset: i64,
    /// What is wrong there.
    pub fault: BatchFault,
}

/// What is wrong with a record batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchFault {
    /// The length cannot hold a header.
    #[error("its length is {0}; expected at least 49")]
    Length(i32),
    /// Another message format.
    #[error("its message format is {0}; expected 2")]
    Format(i8),
    /// The bytes are not those that were sealed.
    #[error("its CRC-32C is {found:#010x}; expected {stated:#010x}")]
    Checksum {
        /// What the header states.
        stated: u32,
        /// What the bytes come to.
        found: u32,
    },
    /// The header contradicts itself.
    #[error("its header states {what} {value}; expected {expected}")]
    Header {
        /// Which field.
        what: &'static str,
        /// Its value.
        value: i64,
        /// What it may be.
        expected: &'static str,
    },
    /// A codec that is not built in.
    #[error("it is compressed with {0}, which this build of kbench does not have")]
    Missing(&'static str),
    /// The codec refuses the bytes.
    #[error("its {codec} data is corrupt: {why}")]
    Corrupt {
        /// The codec's name.
        codec: &'static str,
        /// The codec's own words.
        why: String,
    },
    /// It unpacks to more than the limit.
    #[error("its {codec} data unpacks to more than {limit_bytes} bytes, the most that is read")]
    TooLarge {
        /// The codec's name.
        codec: &'static str,
        /// The most that is unpacked.
        limit_bytes: usize,
    },
    /// The codec failed while compressing.
    #[error("compressing it with {codec} failed: {why}")]
    Compressing {
        /// The codec's name.
        codec: &'static str,
        /// The codec's own words.
        why: String,
    },
    /// A record that does not follow the format.
    #[error("a record's {0}")]
    Record(&'static str),
}

impl BatchFault {
    /// The fault with the offset at which it was found.
    #[must_use]
    pub const fn at(self, offset: i64) -> BatchError {
        BatchError { offset, fault: self }
    }
}
