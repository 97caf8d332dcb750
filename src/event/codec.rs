//! What a payload format has to do. Nothing outside of this folder knows which one it is: the
//! generator hands over values and what a codec has prepared of them, everybody else gets a
//! [`Stamp`] or an [`Event`].

use std::fmt::Debug;

use super::garbage::Garbage;
use super::{Event, EventType, Stamp};

/// A payload format: writes events behind their stamps, and reads both.
///
/// A codec has no state of its own; what keeps buffers is made by [`Codec::parser`] and
/// [`Codec::restamper`], one for each thread. Where it has settings (the number of a schema), it is
/// made once and lives as long as the process.
pub trait Codec: Debug + Send + Sync {
    /// Where the stamp lies. Always the same: whoever writes or reads records asks once.
    fn stamp_place(&self) -> StampPlace;

    /// Appends what [`Codec::encode`] copies of a piece. It is done once for each product, page,
    /// city or session, so this is where texts are escaped, measured or compressed.
    ///
    /// The two texts of [`EventPiece::Session`] have to be found in there byte by byte, wherever
    /// they have only ASCII letters, digits and hyphens: the generator replaces the digits in their
    /// places, since there are too many sessions to prepare each.
    fn prepare(&self, piece: &EventPiece<'_>, out: &mut Vec<u8>);

    /// Appends one event as a record's value: behind its stamp, where that lies in the payload.
    fn encode(&self, stamp: &Stamp, parts: &EventParts<'_>, out: &mut Vec<u8>);

    /// How many bytes [`Codec::encode`] appends.
    fn encoded_len(&self, parts: &EventParts<'_>) -> usize;

    /// How many letters of padding make an event larger by `bytes`, with all that they need around
    /// them; `None` where that alone is more.
    fn padding_letters(&self, bytes: usize) -> Option<usize>;

    /// Appends a probe: a small whole event of the shard [`PROBE_SHARD`](super::PROBE_SHARD),
    /// whatever the stamp's.
    ///
    /// It finds out whether every group reads every partition; no application gets to see it.
    fn probe(&self, stamp: &Stamp, out: &mut Vec<u8>);

    /// Appends the header's value, where the stamp lies in a header; else nothing.
    fn write_header(&self, stamp: &Stamp, out: &mut Vec<u8>);

    /// Reads a record's stamp, without reading the event; `None` for whatever kbench didn't make.
    /// `header` is the value of the header that [`Codec::stamp_place`] names.
    fn stamp(&self, header: Option<&[u8]>, payload: Option<&[u8]>) -> Option<Stamp>;

    /// What reads events. One for each thread.
    fn parser(&self) -> Box<dyn EventParser>;

    /// What takes recorded events apart. One for each thread.
    fn restamper(&self) -> Box<dyn EventRestamper>;

    /// Appends a recorded event as a record's value under a new stamp; `tail` is from
    /// [`EventRestamper::take`].
    fn join(&self, stamp: &Stamp, tail: &[u8], out: &mut Vec<u8>);
}

/// Where a codec keeps the stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StampPlace {
    /// In the record's value; records have no header. A header costs a producer by librdkafka
    /// some µs an event.
    Payload,
    /// In the record's header of this name.
    Header(&'static str),
}

impl StampPlace {
    /// The header's name; `None` for the payload.
    #[must_use]
    pub const fn header(self) -> Option<&'static str> {
        match self {
            Self::Payload => None,
            Self::Header(name) => Some(name),
        }
    }
}

/// Reads events; may keep its buffers from one to the next.
pub trait EventParser: Debug + Send {
    /// Reads one payload. The event borrows from it or from the parser, and lives until the next
    /// call.
    ///
    /// # Errors
    ///
    /// [`Garbage`] for whatever is not an event; the parser is ready for the next payload.
    fn parse<'s>(&'s mut self, payload: &'s [u8]) -> Result<Event<'s>, Garbage>;
}

/// Takes recorded events apart, so that they can be sent again under other stamps; may keep its
/// buffers from one to the next.
pub trait EventRestamper: Debug + Send {
    /// Takes one recorded event apart; `header` as for [`Codec::stamp`].
    ///
    /// # Errors
    /// [`Garbage`] for whatever would not be an event with a stamp either; the next payload can
    /// be read all the same.
    fn take<'s>(
        &'s mut self,
        header: Option<&[u8]>,
        payload: &'s [u8],
    ) -> Result<Unstamped<'s>, Garbage>;
}

/// A recorded event without its stamp.
#[derive(Debug, Clone, PartialEq)]
pub struct Unstamped<'a> {
    /// What happened. Its `event_id` and `timestamp` are those of the recording or a
    /// placeholder's: neither is sent again.
    pub event: Event<'a>,
    /// The event's own time in microseconds since 1970, UTC; `None` where it has none that can
    /// be read.
    pub at_us: Option<i64>,
    /// What is sent again behind a stamp, by [`Codec::join`].
    pub tail: &'a [u8],
}

/// A part of an event that stays the same from one event to the next, as values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventPiece<'a> {
    /// One text: a page, a referrer, a user agent or a query.
    Text(&'a str),
    /// `user_id` and `session_id`.
    Session {
        /// The record's key too.
        user_id: &'a str,
        /// One visit of one user.
        session_id: &'a str,
    },
    /// The properties of a product.
    Product {
        /// For example `PROD-001`.
        id: &'a str,
        /// For example `Laptop`.
        name: &'a str,
        /// The price.
        price_cents: u64,
        /// For example `electronics`.
        category: &'a str,
    },
    /// The properties of a category's page.
    Category(&'a str),
    /// What the user holds in hand.
    Device {
        /// `desktop`, `mobile` or `tablet`.
        kind: &'a str,
        /// For example `Windows`.
        os: &'a str,
        /// For example `Chrome`.
        browser: &'a str,
    },
    /// Where the user is.
    Place {
        /// ISO 3166-1 alpha-2.
        country: &'a str,
        /// The city's name.
        city: &'a str,
        /// IANA name.
        timezone: &'a str,
    },
}

/// One event without its stamp, in the order of the specification: values, and bytes that
/// [`Codec::prepare`] has made of the piece named.
#[derive(Debug, Clone, Copy)]
pub struct EventParts<'a> {
    /// Of [`EventPiece::Session`].
    pub who: &'a [u8],
    /// What happened.
    pub event_type: EventType,
    /// The page, of [`EventPiece::Text`].
    pub page_url: &'a [u8],
    /// The page or site before, of [`EventPiece::Text`]; its text may be empty.
    pub referrer: &'a [u8],
    /// The browser's own words, of [`EventPiece::Text`].
    pub user_agent: &'a [u8],
    /// The address: digits and dots, so that there is nothing to prepare.
    pub ip_address: &'a str,
    /// The first properties, of [`EventPiece::Product`] or [`EventPiece::Category`]; empty when
    /// there are none.
    pub about: &'a [u8],
    /// What was searched for, of [`EventPiece::Text`].
    pub search_query: Option<&'a [u8]>,
    /// The sum of the cart in cents.
    pub cart_cents: Option<u64>,
    /// Letters that make the event larger, in a field that no reader knows: ASCII without quotation
    /// marks and backslashes, so that no format has to escape them.
    pub padding: Option<&'a str>,
    /// Of [`EventPiece::Device`].
    pub device: &'a [u8],
    /// Of [`EventPiece::Place`].
    pub location: &'a [u8],
}
