//! The payload formats: the one place where they are listed.

use super::codec::Codec;
use super::json::JsonCodec;
#[cfg(test)]
use super::lines_tests::LinesCodec;

/// In which format events are written and read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PayloadFormat {
    /// The specification's JSON, with the stamp in its first two fields.
    #[default]
    Json,
    /// Lines of text with the stamp in a header: shows that nobody else relies on JSON.
    #[cfg(test)]
    Lines,
}

impl PayloadFormat {
    /// Every format.
    pub const ALL: &[Self] = &[
        Self::Json,
        #[cfg(test)]
        Self::Lines,
    ];

    /// What writes and reads it.
    #[must_use]
    pub fn codec(self) -> &'static dyn Codec {
        match self {
            Self::Json => &JsonCodec,
            #[cfg(test)]
            Self::Lines => &LinesCodec,
        }
    }
}

/// The codec of most tests.
#[cfg(test)]
pub(crate) const JSON: &dyn Codec = &JsonCodec;

#[cfg(test)]
mod tests;
