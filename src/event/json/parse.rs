//! Reading an event's JSON. What stands there as kbench writes it goes a short way, in one pass;
//! of anything else simd-json makes a tape, and one walk over the tape makes the event. Nothing
//! recurses, and every limit is known, so foreign bytes can't hurt.

use simd_json::{Buffers, ErrorType, INPUT_PADDING, Tape, fill_tape_padded};

use crate::event::codec::EventParser;
use crate::event::garbage::Garbage;
use crate::event::{Event, PAYLOAD_BYTES_MAX};

mod fast;
mod tape;

/// The deepest nesting that is read; the specification's event has 2.
const DEPTH_MAX: usize = 32;

/// Nodes that a tape may keep between two events: some 600 kB. A longer one is given back.
const TAPE_NODES_KEPT: usize = 16 * 1024;

/// Payload bytes for which room is made before the first event comes.
const PAYLOAD_BYTES_USUAL: usize = 1024;

/// Reads events; keeps its buffers from one to the next. One for each worker thread.
///
/// Foreign events are read as well: keys in any order, escapes in keys and strings, unknown
/// fields of any shape, `null` for what is optional, whole numbers for prices.
pub(super) struct Parser {
    /// A copy of the payload, since simd-json resolves escapes in place, and its padding.
    payload: Vec<u8>,
    buffers: Buffers,
    tape: Tape<'static>,
}

impl std::fmt::Debug for Parser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parser").field("payload_bytes", &self.payload.len()).finish_non_exhaustive()
    }
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

impl EventParser for Parser {
    fn parse<'s>(&'s mut self, payload: &'s [u8]) -> Result<Event<'s>, Garbage> {
        Self::parse(self, payload)
    }
}

impl Parser {
    /// A parser with room for events of the usual size.
    pub(super) fn new() -> Self {
        Self {
            payload: Vec::with_capacity(PAYLOAD_BYTES_USUAL + INPUT_PADDING),
            buffers: Buffers::with_max_depth(PAYLOAD_BYTES_USUAL, DEPTH_MAX),
            tape: Tape(Vec::with_capacity(128)),
        }
    }

    /// Reads one payload. The event borrows from it or from the parser, and lives until the next
    /// call.
    ///
    /// # Errors
    ///
    /// [`Garbage`] for whatever is not an event; the parser is ready for the next payload.
    #[inline]
    pub(super) fn parse<'s>(&'s mut self, payload: &'s [u8]) -> Result<Event<'s>, Garbage> {
        if payload.len() <= PAYLOAD_BYTES_MAX
            && let Some(event) = fast::read_event(payload)
        {
            return Ok(event);
        }
        self.parse_any(payload)
    }

    /// Reads one payload of any form.
    fn parse_any(&mut self, payload: &[u8]) -> Result<Event<'_>, Garbage> {
        if payload.is_empty() {
            return Err(Garbage::Empty);
        }
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(Garbage::TooLarge(payload.len()));
        }
        self.payload.clear();
        self.payload.extend_from_slice(payload);
        self.payload.extend_from_slice(&[0; INPUT_PADDING]);

        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let filled =
            fill_tape_padded(&mut self.payload, payload.len(), &mut self.buffers, &mut tape);
        let event = match filled {
            Ok(()) => tape::read_event(&tape.0).map_err(Garbage::NotAnEvent),
            Err(error) => Err(match error.error() {
                ErrorType::InvalidUtf8 => Garbage::NotUtf8,
                _ => Garbage::Malformed("JSON"),
            }),
        };
        if tape.0.capacity() <= TAPE_NODES_KEPT {
            self.tape = tape.reset();
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::garbage::Misfit;
    use crate::event::{Device, EventType};
    use proptest::prelude::*;

    const VALID: &str = r#"{"event_id":"0190c5d0-0000-8000-8000-000000000001",
        "timestamp":"2024-01-15T10:30:45.123Z","user_id":"user-12345","session_id":"sess-abc123",
        "event_type":"purchase","page_url":"/checkout","referrer":"https://google.com",
        "user_agent":"Mozilla/5.0","ip_address":"192.168.1.1",
        "properties":{"product_id":"PROD-001","product_name":"Laptop","price":999.99,
        "category":"electronics","search_query":null,"cart_value":1029.98},
        "device":{"type":"desktop","os":"Windows","browser":"Chrome"},
        "location":{"country":"US","city":"New York","timezone":"America/New_York"}}"#;

    const MINIMAL: &str = r#"{"event_id":"e","timestamp":"t","user_id":"u","session_id":"s",
        "event_type":"click","page_url":"/"}"#;

    fn parse(payload: impl AsRef<[u8]>) -> Result<String, Garbage> {
        Parser::new().parse(payload.as_ref()).map(|event| format!("{event:?}"))
    }

    /// `MINIMAL` with further members.
    fn with(members: &str) -> String {
        format!("{},{members}}}", MINIMAL.trim_end_matches('}'))
    }

    #[test]
    fn the_specifications_event_is_read_as_serde_reads_it() {
        let mut parser = Parser::new();
        let expected: Event<'_> = serde_json::from_str(VALID).unwrap();
        assert_eq!(parser.parse(VALID.as_bytes()), Ok(expected));
        let expected: Event<'_> = serde_json::from_str(MINIMAL).unwrap();
        assert_eq!(parser.parse(MINIMAL.as_bytes()), Ok(expected));
    }

    #[test]
    fn foreign_shapes_are_read() {
        let mut parser = Parser::new();
        let foreign = with(
            r#""properties":{"price":30,"cart_value":-0,"color":{"deep":[1,{"a":[]}]}},
               "device":null,"referrer":null,"tags":["a",{"user_id":7}],
               "n":123456789012345678901234567890,
               "location":{"c\u0069ty":"Zürich \"north\" \ud83d\ude00\n"}"#,
        );
        let event = parser.parse(foreign.as_bytes()).unwrap();
        assert_eq!(event.properties.price, Some(30.0));
        assert_eq!(event.device, Device::default());
        assert_eq!(event.referrer, None);
        assert_eq!(event.location.city, Some("Zürich \"north\" \u{1f600}\n"));
        assert_eq!(event.user_id, "u");
    }

    #[test]
    fn each_kind_of_garbage_has_its_name() {
        let huge = vec![b' '; PAYLOAD_BYTES_MAX + 1];
        assert_eq!(parse(""), Err(Garbage::Empty));
        assert_eq!(parse(&huge), Err(Garbage::TooLarge(PAYLOAD_BYTES_MAX + 1)));
        assert_eq!(parse(b"{\"event_id\":\"\xe2\x82\"}"), Err(Garbage::NotUtf8));
        for text in [
            "{",
            "{\"a\":}",
            "{} {}",
            "[1e999]",
            "\u{0}",
            "{\"a\":\"\n\"}",
            "nul",
            " ",
            "\u{feff}{}",
            &VALID[..VALID.len() - 1],
        ] {
            assert_eq!(parse(text), Err(Garbage::Malformed("JSON")), "{text}");
        }
        let misfits = [
            ("[]".to_owned(), Misfit::NotAnObject),
            ("7".to_owned(), Misfit::NotAnObject),
            ("{}".to_owned(), Misfit::Missing("event_id")),
            (with(r#""user_id":"v""#), Misfit::Twice("user_id")),
            (with(r#""device":{"os":"a","os":null}"#), Misfit::Twice("os")),
            (with(r#""device":"phone""#), Misfit::WrongType("device")),
            (with(r#""properties":{"price":"9.99"}"#), Misfit::WrongType("price")),
            (MINIMAL.replace("\"u\"", "null"), Misfit::WrongType("user_id")),
            (MINIMAL.replace("click", "tap"), Misfit::UnknownEventType),
            (with(r#""location":[]"#), Misfit::WrongType("location")),
            (with(r#""referrer":true"#), Misfit::WrongType("referrer")),
        ];
        for (text, misfit) in misfits {
            assert_eq!(parse(&text), Err(Garbage::NotAnEvent(misfit)), "{text}");
        }
    }

    #[test]
    fn deep_nesting_ends_early_and_the_parser_goes_on() {
        let mut parser = Parser::new();
        let deep = vec![b'['; PAYLOAD_BYTES_MAX];
        assert_eq!(parser.parse(&deep), Err(Garbage::Malformed("JSON")));
        let deep = format!("{}1{}", r#"{"a":"#.repeat(150_000), "}".repeat(150_000));
        assert_eq!(parser.parse(deep.as_bytes()), Err(Garbage::Malformed("JSON")));
        let wide = format!("[{}[]]", "[],".repeat(PAYLOAD_BYTES_MAX / 4));
        assert_eq!(parser.parse(wide.as_bytes()), Err(Garbage::NotAnEvent(Misfit::NotAnObject)),);
        assert!(parser.tape.0.capacity() <= TAPE_NODES_KEPT);
        assert_eq!(parser.parse(&vec![b'['; 10 << 20]), Err(Garbage::TooLarge(10 << 20)));
        let nested = |depth| with(&format!(r#""x":{}{}"#, "[".repeat(depth), "]".repeat(depth)));
        assert!(parser.parse(nested(DEPTH_MAX - 2).as_bytes()).is_ok());
        assert_eq!(parser.parse(nested(DEPTH_MAX + 1).as_bytes()), Err(Garbage::Malformed("JSON")));
        assert!(parser.parse(VALID.as_bytes()).is_ok());
    }

    #[test]
    fn every_cut_of_an_event_is_garbage() {
        let mut parser = Parser::new();
        for end in 0..VALID.len() {
            assert!(parser.parse(&VALID.as_bytes()[..end]).is_err(), "cut at {end}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(payloads in prop::collection::vec(
            prop::collection::vec(any::<u8>(), 0..300), 1..8,
        )) {
            let mut parser = Parser::new();
            for payload in &payloads {
                let _ = parser.parse(payload);
            }
            prop_assert!(parser.parse(VALID.as_bytes()).is_ok());
        }

        #[test]
        fn mutated_events_read_as_serde_reads_them(
            edits in prop::collection::vec((0..VALID.len(), any::<u8>()), 1..4),
        ) {
            let mut payload = VALID.as_bytes().to_vec();
            for (at, byte) in edits {
                payload[at] = byte;
            }
            let mut parser = Parser::new();
            // serde borrows, so it refuses escapes: only what it reads can be compared.
            let text = std::str::from_utf8(&payload).unwrap_or_default();
            if let Ok(expected) = serde_json::from_str::<Event<'_>>(text) {
                prop_assert_eq!(parser.parse(&payload), Ok(expected));
            } else {
                let _ = parser.parse(&payload);
            }
        }

        #[test]
        fn what_is_written_is_read_back(
            words in prop::collection::vec("\\PC{0,12}", 6),
            cents in 0_u64..100_000_000,
            index in 0_usize..5,
        ) {
            let price = cents as f64 / 100.0;
            let payload = serde_json::json!({
                "event_id": words[0], "timestamp": words[1], "user_id": words[2],
                "session_id": words[3], "event_type": EventType::ALL[index],
                "page_url": words[4], "properties": {"price": price},
                "location": {"city": words[5]},
            });
            let (mut parser, payload) = (Parser::new(), payload.to_string());
            let event = parser.parse(payload.as_bytes()).unwrap();
            prop_assert_eq!(event.user_id, words[2].as_str());
            prop_assert_eq!(event.location.city, Some(words[5].as_str()));
            prop_assert_eq!(event.event_type, EventType::ALL[index]);
            prop_assert_eq!(event.properties.price.map(crate::event::cents), Some(cents));
        }
    }
}
