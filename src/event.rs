//! The event of the user-activity specification, and the words for what becomes of it.

pub mod codec;
pub mod date;
pub mod format;
pub mod garbage;
mod json;
#[cfg(test)]
mod lines_tests;
pub mod rewrite;

use serde::{Deserialize, Serialize};

/// What a user did. The order is the specification's, and the index of every table by type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventType {
    /// A page was shown.
    PageView,
    /// A button, link or card was clicked.
    Click,
    /// A product search.
    Search,
    /// A product was put into the cart.
    AddToCart,
    /// One product of the cart was bought.
    Purchase,
}

impl EventType {
    /// Every type, in the order of their indices.
    pub const ALL: [Self; 5] =
        [Self::PageView, Self::Click, Self::Search, Self::AddToCart, Self::Purchase];

    /// The name in the event's JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PageView => "page_view",
            Self::Click => "click",
            Self::Search => "search",
            Self::AddToCart => "add_to_cart",
            Self::Purchase => "purchase",
        }
    }

    /// The place in tables by type.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// A kind of fraud that a scenario plants: known to the books, invisible in the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FraudKind {
    /// Stolen cards are tried out: many small purchases, one soon after the other.
    CardTesting,
    /// A program reads the shop, faster than any person.
    BotVelocity,
    /// Somebody else goes shopping with a user's account: from another country, another network
    /// and another device, soon after a visit of the user's own.
    AccountTakeover,
    /// One cart is filled with the dearest products, and bought at once.
    HighValueBurst,
}

impl FraudKind {
    /// Every kind, in the order of their indices.
    pub const ALL: [Self; 4] =
        [Self::CardTesting, Self::BotVelocity, Self::AccountTakeover, Self::HighValueBurst];

    /// The name in scenarios and results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CardTesting => "card_testing",
            Self::BotVelocity => "bot_velocity",
            Self::AccountTakeover => "account_takeover",
            Self::HighValueBurst => "high_value_burst",
        }
    }

    /// The place in tables by kind.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// One event as a consumer reads it, borrowed from the record's bytes.
///
/// Optional are the fields that a foreign producer may leave out. A purchase buys one product:
/// its revenue is `price`, and `cart_value` is the sum of the cart, that product included.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Event<'a> {
    /// A UUID; of version 8 and with a stamp inside when kbench made it.
    pub event_id: &'a str,
    /// RFC 3339, UTC.
    pub timestamp: &'a str,
    /// The record's key too.
    pub user_id: &'a str,
    /// One visit of one user.
    pub session_id: &'a str,
    /// What happened.
    pub event_type: EventType,
    /// Path and query of the page.
    pub page_url: &'a str,
    /// The page or site before.
    #[serde(default)]
    pub referrer: Option<&'a str>,
    /// The browser's own words.
    #[serde(default)]
    pub user_agent: Option<&'a str>,
    /// IPv4 or IPv6, as text.
    #[serde(default)]
    pub ip_address: Option<&'a str>,
    /// What the event is about.
    #[serde(default, borrow)]
    pub properties: Properties<'a>,
    /// What the user holds in hand.
    #[serde(default, borrow)]
    pub device: Device<'a>,
    /// Where the user is.
    #[serde(default, borrow)]
    pub location: Location<'a>,
}

/// What an event is about; each field is there where it makes sense for the type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub struct Properties<'a> {
    /// For example `PROD-001`.
    #[serde(default)]
    pub product_id: Option<&'a str>,
    /// For example `Laptop`.
    #[serde(default)]
    pub product_name: Option<&'a str>,
    /// In dollars, with two decimals.
    #[serde(default)]
    pub price: Option<f64>,
    /// For example `electronics`.
    #[serde(default)]
    pub category: Option<&'a str>,
    /// What was typed into the search box.
    #[serde(default)]
    pub search_query: Option<&'a str>,
    /// The sum of the cart, in dollars with two decimals.
    #[serde(default)]
    pub cart_value: Option<f64>,
}

/// What the user holds in hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub struct Device<'a> {
    /// `desktop`, `mobile` or `tablet`.
    #[serde(default, rename = "type")]
    pub kind: Option<&'a str>,
    /// For example `Windows`.
    #[serde(default)]
    pub os: Option<&'a str>,
    /// For example `Chrome`.
    #[serde(default)]
    pub browser: Option<&'a str>,
}

/// Where the user is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub struct Location<'a> {
    /// ISO 3166-1 alpha-2.
    #[serde(default)]
    pub country: Option<&'a str>,
    /// The city's name.
    #[serde(default)]
    pub city: Option<&'a str>,
    /// IANA name.
    #[serde(default)]
    pub timezone: Option<&'a str>,
}

/// Dollars as read from JSON to whole cents, so that sums are exact in any order.
#[must_use]
pub fn cents(dollars: f64) -> u64 {
    // A negative or absurd price of a foreign event saturates: sums must not panic.
    (dollars * 100.0).round() as u64
}

/// One place in the schedule of a shard: the `seq`-th event is due at `due_ns`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Counts from 0 within the shard, without gaps.
    pub seq: u64,
    /// Nanoseconds since the schedule's start; whole microseconds.
    pub due_ns: u64,
}

/// What kbench writes into each event to know it again: read from fixed offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Which run sent it.
    pub run: u32,
    /// Which shard of the schedule; [`PROBE_SHARD`] for the probes before the start.
    pub shard: u16,
    /// The slot's number within the shard; below 2^48.
    pub seq: u64,
    /// When it was due: microseconds since 1970, UTC.
    pub due_wall_us: i64,
}

/// The shard number of the probes that find out whether every group sees every partition.
pub const PROBE_SHARD: u16 = u16::MAX;

/// The longest payload that is read, in bytes: Kafka's own default limit, rounded up.
pub const PAYLOAD_BYTES_MAX: usize = 1024 * 1024;

/// How one send ended. There are three ends and not two: what timed out may have been written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The broker said that it is written.
    Acked,
    /// Certainly not written.
    Failed,
    /// No answer in time: perhaps written.
    Unknown,
}

/// The client's last word on one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt<'a> {
    /// Which event.
    pub stamp: Stamp,
    /// How it ended.
    pub outcome: Outcome,
    /// When the client said so, on the run's clock.
    pub at_ns: u64,
    /// The partition it went to; negative when it never got one.
    pub partition: i32,
    /// Its place in the partition; negative when the broker gave none.
    pub offset: i64,
    /// The error in the client's words; empty when acked.
    pub reason: &'a str,
}

/// The client's last word on the events of one batch, which share their fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchReceipt<'a> {
    /// Which events, in the order of their offsets.
    pub stamps: &'a [Stamp],
    /// How they ended.
    pub outcome: Outcome,
    /// When the client said so, on the run's clock.
    pub at_ns: u64,
    /// The partition they went to; negative when they never got one.
    pub partition: i32,
    /// The first one's place in the partition; negative when the broker gave none.
    pub base_offset: i64,
    /// The error in the client's words; empty when acked.
    pub reason: &'a str,
}

impl<'a> BatchReceipt<'a> {
    /// The receipt of each event by itself.
    pub fn each(&self) -> impl Iterator<Item = Receipt<'a>> {
        let Self { stamps, outcome, at_ns, partition, base_offset, reason } = *self;
        (0..).zip(stamps).map(move |(index, stamp)| {
            let offset = if base_offset < 0 { base_offset } else { base_offset + index };
            Receipt { stamp: *stamp, outcome, at_ns, partition, offset, reason }
        })
    }
}

/// One record as a group's worker gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival<'a> {
    /// Which partition.
    pub partition: i32,
    /// The record's place in the partition.
    pub offset: i64,
    /// The record's key, if it has one: the user, where records are keyed by the user. The event
    /// says so itself, so this is only good for getting ready.
    pub key: Option<&'a [u8]>,
    /// The value of the header that the codec keeps its stamp in; `None` without one, and where
    /// the stamp lies in the payload.
    pub header: Option<&'a [u8]>,
    /// The record's value; `None` for a tombstone.
    pub payload: Option<&'a [u8]>,
    /// Kafka's own time of the record, in microseconds since 1970; `None` where it has none, or
    /// nobody asks.
    pub at_us: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_become_whole_cents() {
        assert_eq!(cents(999.99), 99_999);
        assert_eq!(cents(29.99 + 79.99), 10_998);
        assert_eq!(cents(-3.0), 0);
        assert_eq!(cents(f64::NAN), 0);
    }

    #[test]
    fn the_tables_by_type_follow_the_specification() {
        for (index, kind) in EventType::ALL.iter().enumerate() {
            assert_eq!(kind.index(), index);
            let json = serde_json::to_string(kind).unwrap();
            assert_eq!(json, format!("\"{}\"", kind.name()));
        }
    }
}
