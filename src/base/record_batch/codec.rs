//! The codecs of record batches, by their names and numbers, and what each says when it fails.

use std::fmt;

use super::fault::BatchFault;

/// How the records of a batch are compressed. The numbers are those of the format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BatchCodec {
    /// Not at all.
    #[default]
    None = 0,
    /// RFC 1952.
    Gzip = 1,
    /// Snappy, in the frames of xerial's stream, which is what Kafka writes.
    Snappy = 2,
    /// LZ4 frames of independent blocks.
    Lz4 = 3,
    /// RFC 8878.
    Zstd = 4,
}

impl BatchCodec {
    /// Every codec, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The name, as `compression.type` has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// The codec of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.name() == name)
    }

    /// The codec of that number.
    pub(super) fn numbered(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.number() == number)
    }

    /// The number in a batch's attributes.
    pub(super) const fn number(self) -> i16 {
        self as i16
    }

    /// Whether this build has it.
    #[must_use]
    pub const fn is_built_in(self) -> bool {
        !matches!(self, Self::Zstd) || cfg!(feature = "zstd")
    }

    pub(super) fn corrupt(self, why: impl fmt::Display) -> BatchFault {
        BatchFault::Corrupt { codec: self.name(), why: why.to_string() }
    }

    pub(super) const fn too_large(self, limit_bytes: usize) -> BatchFault {
        BatchFault::TooLarge { codec: self.name(), limit_bytes }
    }

    pub(super) fn compressing(self, why: impl fmt::Display) -> BatchFault {
        BatchFault::Compressing { codec: self.name(), why: why.to_string() }
    }
}
