//! What every format has to do, whatever it is like.

use proptest::prelude::*;

use super::*;
use crate::event::codec::{EventParts, EventPiece};
use crate::event::rewrite::rewrite;
use crate::event::{Device, Event, EventType, Location, PROBE_SHARD, Properties, Stamp};

const STAMP: Stamp = Stamp { run: 7, shard: 1, seq: 9, due_wall_us: 1_767_225_600_000_000 };
const LATER: Stamp = Stamp { run: 8, shard: 3, seq: 1 << 40, due_wall_us: 1_800_000_000_123_456 };

/// A record of one codec: what is read of it.
struct Written {
    codec: &'static dyn Codec,
    header: Option<Vec<u8>>,
    payload: Vec<u8>,
}

impl Written {
    fn new(codec: &'static dyn Codec, stamp: &Stamp, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let (mut header, mut payload) = (Vec::new(), Vec::new());
        codec.write_header(stamp, &mut header);
        write(&mut payload);
        let has_header = codec.stamp_place().header().is_some();
        assert_eq!(has_header, !header.is_empty());
        Self { codec, header: has_header.then_some(header), payload }
    }

    fn stamp(&self) -> Option<Stamp> {
        self.codec.stamp(self.header.as_deref(), Some(&self.payload))
    }

    /// The event as text, without what is the stamp's.
    fn event(&self) -> String {
        let mut parser = self.codec.parser();
        let event = parser.parse(&self.payload).unwrap();
        format!("{:?}", Event { event_id: "", timestamp: "", ..event })
    }
}

/// An event of these words, all of them needed.
fn event(words: &[String], kind: usize, shape: u8) -> Event<'_> {
    let word = |place: usize| words[place].as_str();
    let some = |place: usize| Some(word(place));
    let is_product = shape % 3 == 2;
    let product = |place: usize| some(place).filter(|_| is_product);
    Event {
        event_id: "",
        timestamp: "",
        user_id: word(0),
        session_id: word(1),
        event_type: EventType::ALL[kind],
        page_url: word(2),
        referrer: some(3),
        user_agent: some(4),
        ip_address: Some("10.1.2.3"),
        properties: Properties {
            product_id: product(5),
            product_name: product(6),
            price: is_product.then_some(1_299.99),
            category: some(7).filter(|_| !shape.is_multiple_of(3)),
            search_query: some(8).filter(|_| shape & 8 > 0),
            cart_value: (shape & 16 > 0).then_some(20.05),
        },
        device: Device { kind: some(9), os: some(10), browser: some(11) },
        location: Location { country: some(12), city: some(13), timezone: some(14) },
    }
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_back_under_its_stamp_and_under_another(
        words in prop::collection::vec("[ -~é北]{1,20}", 15),
        kind in 0_usize..5,
        shape in any::<u8>(),
    ) {
        let event = event(&words, kind, shape);
        for format in PayloadFormat::ALL {
            let codec = format.codec();
            let written = Written::new(codec, &STAMP, |out| rewrite(codec, &STAMP, &event, out));
            prop_assert_eq!(written.stamp(), Some(STAMP));
            prop_assert_eq!(written.event(), format!("{event:?}"));
            let mut restamper = codec.restamper();
            let taken = restamper.take(written.header.as_deref(), &written.payload).unwrap();
            prop_assert_eq!(taken.at_us, Some(STAMP.due_wall_us));
            let again = Written::new(codec, &LATER, |out| codec.join(&LATER, taken.tail, out));
            prop_assert_eq!(again.stamp(), Some(LATER));
            prop_assert_eq!(again.event(), format!("{event:?}"));
        }
    }
}

/// The generator puts other users and sessions into what was prepared for one.
#[test]
fn what_is_prepared_of_a_session_holds_its_texts_so_that_digits_can_be_replaced() {
    for format in PayloadFormat::ALL {
        let codec = format.codec();
        let prepared = |user_id: &str, session_id: &str| {
            let mut out = Vec::new();
            codec.prepare(&EventPiece::Session { user_id, session_id }, &mut out);
            out
        };
        let mut one = prepared("user-00000", "sess-0000000000000000");
        let places = ["user-00000", "sess-0000000000000000"].map(|text| {
            let found = one.windows(text.len()).position(|window| window == text.as_bytes());
            found.unwrap_or_else(|| panic!("{format:?}: {text} is not in there"))
        });
        for (at, other) in places.into_iter().zip(["user-12345", "sess-00000000deadbeef"]) {
            one[at..at + other.len()].copy_from_slice(other.as_bytes());
        }
        assert_eq!(one, prepared("user-12345", "sess-00000000deadbeef"), "{format:?}");
    }
}

#[test]
fn sizes_are_told_as_they_are_written_and_padding_fills_what_it_is_asked_to() {
    for format in PayloadFormat::ALL {
        let codec = format.codec();
        let mut text = Vec::new();
        codec.prepare(&EventPiece::Text("/"), &mut text);
        let [mut who, mut device, mut location] = [const { Vec::new() }; 3];
        codec.prepare(&EventPiece::Session { user_id: "u", session_id: "s" }, &mut who);
        codec.prepare(&EventPiece::Device { kind: "k", os: "o", browser: "b" }, &mut device);
        let place = EventPiece::Place { country: "c", city: "c", timezone: "t" };
        codec.prepare(&place, &mut location);
        let plain = EventParts {
            who: &who,
            event_type: EventType::Search,
            page_url: &text,
            referrer: &text,
            user_agent: &text,
            ip_address: "10.0.0.1",
            about: &[],
            search_query: Some(&text),
            cart_cents: Some(5),
            padding: None,
            device: &device,
            location: &location,
        };
        let len = |parts: &EventParts<'_>| {
            let mut out = Vec::new();
            codec.encode(&STAMP, parts, &mut out);
            assert_eq!(out.len(), codec.encoded_len(parts), "{format:?}");
            let mut parser = codec.parser();
            assert_eq!(parser.parse(&out).unwrap().user_id, "u", "{format:?}");
            out.len()
        };
        let natural = len(&plain);
        for bytes in 0..300 {
            let Some(letters) = codec.padding_letters(bytes) else { continue };
            let letters = "x".repeat(letters);
            let padded = EventParts { padding: Some(&letters), ..plain };
            assert_eq!(len(&padded), natural + bytes, "{format:?}");
        }
        assert!(codec.padding_letters(300).is_some(), "{format:?}");
    }
}

#[test]
fn a_probe_is_an_event_of_its_own_shard_and_what_nobody_made_has_no_stamp() {
    for format in PayloadFormat::ALL {
        let codec = format.codec();
        let stamp = Stamp { shard: PROBE_SHARD, ..STAMP };
        let probe = Written::new(codec, &stamp, |out| codec.probe(&stamp, out));
        assert_eq!(probe.stamp(), Some(stamp), "{format:?}");
        assert!(codec.parser().parse(&probe.payload).is_ok(), "{format:?}");
        for foreign in [&b""[..], b"{}", b"nonsense"] {
            assert_eq!(codec.stamp(Some(foreign), Some(foreign)), None, "{format:?}");
        }
        assert_eq!(codec.stamp(None, None), None, "{format:?}");
    }
}
