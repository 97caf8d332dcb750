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
    /// UTF-8, but not one JSON value; or nested deeper than [`DEPTH_MAX`](super::DEPTH_MAX).
    #[error("not JSON")]
    NotJson,
    /// JSON, but not an event of the specification.
    #[error("not an event: {0}")]
    NotAnEvent(Misfit),
}

/// In what a JSON value differs from an event. Names are those of the event's JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The JSON is not an object.
    #[error("not an object")]
    NotAnObject,
    /// A field that every event has is not there.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A field stands there twice: nobody can say which is meant.
    #[error("`{0}` stands twice")]
    Twice(&'static str),
    /// A field has a value of another JSON type.
    #[error("`{0}` has the wrong type")]
    WrongType(&'static str),
    /// The type of event is none of the five.
    #[error("unknown event type")]
    UnknownEventType,
}
