//! The short way for events that stand there as `wire::encode` writes them: each key where it is
//! expected, no blanks, no escapes. One pass over the bytes makes the event, without a tape and
//! without a copy.
//!
//! It only ever says yes to what the long way reads as the same event. Whatever it does not
//! expect it leaves to the long way, which also finds the words for what is wrong.

use wide::u8x16;

use crate::event::{Device, Event, EventType, Location, Properties};

/// Most digits of a number that is read here: with these few, a whole number and a power of ten
/// are exact, and so is their quotient, rounded once (W. D. Clinger, "How to read floating point
/// numbers accurately", 1990).
const DIGITS_MAX: usize = 15;

/// The quotients' divisors, by the number of decimals.
const POWERS_OF_TEN: [f64; DIGITS_MAX + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// Reads an event of kbench's own form; `None` for any other.
pub(super) fn read_event(payload: &[u8]) -> Option<Event<'_>> {
    const BEGIN: &str = "{\"event_id\":\"";
    // Foreign events are told by their first bytes, most of them.
    if !payload.starts_with(BEGIN.as_bytes()) {
        return None;
    }
    let text = simdutf8::basic::from_utf8(payload).ok()?;
    let mut reader = TextReader { text, at: BEGIN.len() };
    let event = Event {
        event_id: reader.string()?,
        timestamp: reader.string_after("\",\"timestamp\":\"")?,
        user_id: reader.string_after("\",\"user_id\":\"")?,
        session_id: reader.string_after("\",\"session_id\":\"")?,
        event_type: event_type(reader.string_after("\",\"event_type\":\"")?)?,
        page_url: reader.string_after("\",\"page_url\":\"")?,
        referrer: Some(reader.string_after("\",\"referrer\":\"")?),
        user_agent: Some(reader.string_after("\",\"user_agent\":\"")?),
        ip_address: Some(reader.string_after("\",\"ip_address\":\"")?),
        properties: reader.properties()?,
        device: reader.device()?,
        location: reader.location()?,
    };
    (reader.at == text.len()).then_some(event)
}

fn event_type(name: &str) -> Option<EventType> {
    EventType::ALL.into_iter().find(|event_type| event_type.name() == name)
}

/// How far the text has been read.
struct TextReader<'p> {
    text: &'p str,
    at: usize,
}

impl<'p> TextReader<'p> {
    /// Steps over what is expected; stays where it is if something else is there.
    #[inline]
    fn eat(&mut self, expected: &str) -> Option<()> {
        let rest = self.text.as_bytes().get(self.at..)?;
        rest.starts_with(expected.as_bytes()).then(|| self.at += expected.len())
    }

    /// Steps over a key that comes after a comma or as the first of its object.
    #[inline]
    fn member(&mut self, comma: bool, after_comma: &str, first: &str) -> Option<()> {
        if comma { self.eat(after_comma) } else { self.eat(first) }
    }

    /// The string that begins here, up to its closing quotation mark and without it.
    #[inline]
    fn string(&mut self) -> Option<&'p str> {
        let end = plain_end(self.text.as_bytes(), self.at)?;
        let string = self.text.get(self.at..end)?;
        self.at = end;
        Some(string)
    }

    /// The string after what is expected.
    #[inline]
    fn string_after(&mut self, expected: &str) -> Option<&'p str> {
        self.eat(expected)?;
        self.string()
    }

    /// A number without sign and exponent, as JSON has it.
    #[inline]
    fn number(&mut self) -> Option<f64> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let (whole, digits) = decimal(rest, 0);
        if digits == 0 || digits > 1 && rest[0] == b'0' {
            return None;
        }
        let (mut mantissa, mut len, mut decimals) = (whole, digits, 0);
        if rest.get(digits) == Some(&b'.') {
            (mantissa, decimals) = decimal(&rest[digits + 1..], whole);
            if decimals == 0 {
                return None;
            }
            len += 1 + decimals;
        }
        if digits + decimals > DIGITS_MAX {
            return None;
        }
        self.at += len;
        Some(mantissa as f64 / POWERS_OF_TEN[decimals])
    }

    /// From the end of the address to that of the properties, padding included.
    #[inline]
    fn properties(&mut self) -> Option<Properties<'p>> {
        let mut properties = Properties::default();
        self.eat("\",\"properties\":{")?;
        let mut comma = true;
        if self.eat("\"product_id\":\"").is_some() {
            properties.product_id = Some(self.string()?);
            properties.product_name = Some(self.string_after("\",\"product_name\":\"")?);
            self.eat("\",\"price\":")?;
            properties.price = Some(self.number()?);
            properties.category = Some(self.string_after(",\"category\":\"")?);
            self.eat("\"")?;
        } else if self.eat("\"category\":\"").is_some() {
            properties.category = Some(self.string()?);
            self.eat("\"")?;
        } else {
            comma = false;
        }
        if self.member(comma, ",\"search_query\":\"", "\"search_query\":\"").is_some() {
            properties.search_query = Some(self.string()?);
            self.eat("\"")?;
            comma = true;
        }
        if self.member(comma, ",\"cart_value\":", "\"cart_value\":").is_some() {
            properties.cart_value = Some(self.number()?);
        }
        self.eat("}")?;
        if self.eat(",\"padding\":\"").is_some() {
            self.string()?;
            self.eat("\"")?;
        }
        Some(properties)
    }

    #[inline]
    fn device(&mut self) -> Option<Device<'p>> {
        Some(Device {
            kind: Some(self.string_after(",\"device\":{\"type\":\"")?),
            os: Some(self.string_after("\",\"os\":\"")?),
            browser: Some(self.string_after("\",\"browser\":\"")?),
        })
    }

    /// From the end of the device to that of the event.
    #[inline]
    fn location(&mut self) -> Option<Location<'p>> {
        let location = Location {
            country: Some(self.string_after("\"},\"location\":{\"country\":\"")?),
            city: Some(self.string_after("\",\"city\":\"")?),
            timezone: Some(self.string_after("\",\"timezone\":\"")?),
        };
        self.eat("\"}}")?;
        Some(location)
    }
}

/// Appends the digits that `bytes` begins with to a number; gives it, and how many there were.
/// What is too long for the number wraps around: the caller looks at the count.
#[inline]
fn decimal(bytes: &[u8], number: u64) -> (u64, usize) {
    let mut number = number;
    for (digits, byte) in bytes.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return (number, digits);
        }
        number = number.wrapping_mul(10).wrapping_add(digit.into());
    }
    (number, bytes.len())
}

/// Where the quotation mark is that ends the string from `from` on; `None` if an escape or a
/// control character comes first, or nothing.
#[inline]
fn plain_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<16>) {
        let chunk = u8x16::new(*chunk);
        let quotes = chunk.simd_eq(u8x16::splat(b'"'));
        let escapes = chunk.simd_eq(u8x16::splat(b'\\'));
        let controls = chunk.simd_le(u8x16::splat(0x1f));
        let ends = (quotes | escapes | controls).to_bitmask();
        if ends != 0 {
            at += ends.trailing_zeros() as usize;
            return (bytes[at] == b'"').then_some(at);
        }
        at += 16;
    }
    let rest = bytes.get(at..)?;
    let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))?;
    (rest[end] == b'"').then_some(at + end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Stamp;
    use crate::event::codec::{EventParts, EventPiece};
    use crate::event::json::encode;
    use crate::event::json::parse::Parser;
    use crate::plan::PopulationPlan;
    use proptest::prelude::*;

    /// Texts of every length around the chunks, ASCII or not, with what has to be escaped.
    fn word() -> impl Strategy<Value = String> {
        prop_oneof!["[ -~]{0,40}", "[a-zA-Zéß北 ]{0,40}", "\\PC{0,8}"]
    }

    /// An event as the encoder writes it, of these words.
    fn payload(words: &[String], cents: Option<u64>, kind: usize, shape: u8) -> Vec<u8> {
        let built = |piece: EventPiece<'_>| {
            let mut out = Vec::new();
            encode::prepare(&piece, &mut out);
            out
        };
        let escaped: Vec<_> = words.iter().map(|word| built(EventPiece::Text(word))).collect();
        let word = |place: usize| words[place].as_str();
        let who = EventPiece::Session { user_id: word(0), session_id: word(1) };
        let product = EventPiece::Product {
            id: word(2),
            name: word(3),
            price_cents: 129_999,
            category: word(4),
        };
        let about = match shape % 3 {
            0 => Vec::new(),
            1 => built(EventPiece::Category(word(2))),
            _ => built(product),
        };
        let device = EventPiece::Device { kind: word(5), os: word(6), browser: word(7) };
        let place = EventPiece::Place { country: word(8), city: word(9), timezone: word(10) };
        let padding = "x".repeat(words[0].len() * 7);
        let parts = EventParts {
            who: &built(who),
            event_type: EventType::ALL[kind],
            page_url: &escaped[2],
            referrer: &escaped[3],
            user_agent: &escaped[4],
            ip_address: "10.1.2.3",
            about: &about,
            search_query: (shape & 8 > 0).then_some(&*escaped[5]),
            cart_cents: cents,
            padding: (shape & 4 > 0).then_some(&*padding),
            device: &built(device),
            location: &built(place),
        };
        let mut out = Vec::new();
        let stamp = Stamp { run: 1, shard: 2, seq: 3, due_wall_us: 1_767_225_600_000_000 };
        encode::encode(&stamp, &parts, &mut out);
        out
    }

    proptest! {
        #[test]
        fn both_ways_read_the_same(
            words in prop::collection::vec(word(), 11),
            cents in prop::option::of(0_u64..10_000_000_000_000),
            kind in 0_usize..5,
            shape in any::<u8>(),
        ) {
            let bytes = payload(&words, cents, kind, shape);
            let mut parser = Parser::new();
            let long = parser.parse_any(&bytes).unwrap();
            let plain = !bytes.contains(&b'\\');
            prop_assert_eq!(read_event(&bytes), plain.then_some(long));
        }

        /// Whatever the short way takes for an event, the long way takes for the same.
        #[test]
        fn what_is_damaged_is_never_read_otherwise(
            cents in prop::option::of(0_u64..10_000_000_000_000),
            shape in any::<u8>(),
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
            cut in any::<prop::sample::Index>(),
        ) {
            let words: Vec<String> = (0..11).map(|n| format!("w\u{f6}rd {n}")).collect();
            let mut bytes = payload(&words, cents, 4, shape);
            let mut parser = Parser::new();
            prop_assert_eq!(read_event(&bytes[..cut.index(bytes.len())]), None);
            for (at, byte) in edits {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Some(event) = read_event(&bytes) {
                prop_assert_eq!(parser.parse_any(&bytes), Ok(event));
            }
        }

        #[test]
        fn numbers_are_those_of_the_long_way(number in "(0|[1-9][0-9]{0,16})(\\.[0-9]{1,16})?") {
            let mut reader = TextReader { text: &number, at: 0 };
            if let Some(value) = reader.number() {
                prop_assert_eq!(value.to_bits(), number.parse::<f64>().unwrap().to_bits());
                prop_assert_eq!(reader.at, number.len());
            } else {
                prop_assert!(number.len() > DIGITS_MAX);
            }
        }
    }

    #[test]
    fn numbers_that_json_does_not_have_are_not_read() {
        for number in ["", "01", "00", ".5", "1.", "-1", "+1", "x", "1.x"] {
            assert_eq!(TextReader { text: number, at: 0 }.number(), None, "{number}");
        }
    }

    /// If generated events went the long way, nobody would notice but those who wait.
    #[test]
    fn generated_events_go_the_short_way() {
        let population = PopulationPlan {
            users: 1_000,
            sessions_max: 1_000,
            fraud: [0.05; 4],
            ..crate::load::generate::tests::population()
        };
        let mut generator = crate::load::generate::Generator::new(&population, 1_000.0, 7, 0, 1);
        let mut parser = Parser::new();
        for seq in 0..20_000 {
            let mut out = Vec::new();
            let stamp = Stamp { run: 1, shard: 0, seq, due_wall_us: 1_767_225_600_000_000 };
            encode::encode(&stamp, &generator.next(seq * 1_000_000).parts, &mut out);
            let short = read_event(&out);
            assert!(short.is_some(), "{}", String::from_utf8_lossy(&out));
            assert_eq!(short, parser.parse_any(&out).ok());
        }
    }
}
