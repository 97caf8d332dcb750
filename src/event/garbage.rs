//! What is not an event, and why.

/// Why a payload is not an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Garbage {
    /// No bytes at all. (A tombstone, which has no payload, never comes here.)
    #[error("empty payload")]
    Empty,
    /// Longer than [`PAYLOAD_BYTES_MAX`](super::PAYLOAD_BYTES_MAX); not looked at.
    #[error("payload of {0} bytes is too large")]
    TooLarge(usize),
    /// The bytes are not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// Not of the format of this name: for JSON, not one value, or one that is nested too deep.
    #[error("not {0}")]
    Malformed(&'static str),
    /// Of the format, but not an event of the specification.
    #[error("not an event: {0}")]
    NotAnEvent(Misfit),
}

/// In what a value differs from an event. Names are those of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The value is not an object.
    #[error("not an object")]
    NotAnObject,
    /// A field that every event has is not there.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A field stands there twice: nobody can say which is meant.
    #[error("`{0}` stands twice")]
    Twice(&'static str),
    /// A field has a value of another type.
    #[error("`{0}` has the wrong type")]
    WrongType(&'static str),
    /// The type of event is none of the five.
    #[error("unknown event type")]
    UnknownEventType,
}
