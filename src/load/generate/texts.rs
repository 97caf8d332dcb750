//! What an event says of its session in words: who, in which visit, from which address. It is
//! written anew for each event, so that a million sessions need not keep it.

use super::session::Session;
use crate::event::codec::{Codec, EventPiece};

/// The longest address.
const ADDRESS_MAX: usize = "255.255.255.255".len();
const SESSION_DIGITS: usize = 16;

/// The words of one session at a time.
#[derive(Debug, Clone)]
pub(super) struct Texts {
    /// What the codec made of user and session, and the address behind it.
    text: Vec<u8>,
    /// Where the key stands, and the digits of the numbers.
    key: std::ops::Range<usize>,
    user_digits: std::ops::Range<usize>,
    session_digits: std::ops::Range<usize>,
    who_end: usize,
    end: usize,
}

impl Texts {
    /// For users of so many digits.
    pub(super) fn new(digits: usize, codec: &dyn Codec) -> Self {
        let (key, session) = (format!("user-{:0digits$}", 0), format!("sess-{:016x}", 0));
        let mut text = Vec::new();
        codec.prepare(&EventPiece::Session { user_id: &key, session_id: &session }, &mut text);
        // A codec leaves both as they are.
        let key_at = place_of(key.as_bytes(), &text);
        let session_end = place_of(session.as_bytes(), &text) + session.len();
        let who_end = text.len();
        text.resize(who_end + ADDRESS_MAX, b'0');
        Self {
            text,
            key: key_at..key_at + key.len(),
            user_digits: key_at + key.len() - digits..key_at + key.len(),
            session_digits: session_end - SESSION_DIGITS..session_end,
            who_end,
            end: who_end,
        }
    }

    /// The record's key, what the codec made of user and session, and the address.
    #[inline]
    pub(super) fn of(&mut self, session: &Session) -> (&str, &[u8], &str) {
        let mut user = session.user;
        for pair in self.text[self.user_digits.clone()].rchunks_mut(2) {
            let two = [b'0' + (user / 10 % 10) as u8, b'0' + (user % 10) as u8];
            pair.copy_from_slice(&two[2 - pair.len()..]);
            user /= 100;
        }
        self.text[self.session_digits.clone()].copy_from_slice(&hexadecimal(session.id));
        self.end = self.who_end;
        for (place, octet) in session.person.address.into_iter().enumerate() {
            if place > 0 {
                self.put(b'.');
            }
            if octet >= 100 {
                self.put(b'0' + octet / 100);
            }
            if octet >= 10 {
                self.put(b'0' + octet / 10 % 10);
            }
            self.put(b'0' + octet % 10);
        }
        let (who, address) = self.text[..self.end].split_at(self.who_end);
        // SAFETY: both are ASCII: in the key's place the text of a key was found, and digits were
        // put into it since; an address is digits and dots. To look at each byte again would be a
        // thirtieth of an event.
        let text = |bytes| unsafe { std::str::from_utf8_unchecked(bytes) };
        (text(&who[self.key.clone()]), who, text(address))
    }

    #[inline]
    fn put(&mut self, byte: u8) {
        self.text[self.end] = byte;
        self.end += 1;
    }
}

/// Where a text begins among bytes that hold it.
fn place_of(text: &[u8], bytes: &[u8]) -> usize {
    bytes.windows(text.len()).position(|window| window == text).unwrap_or(0)
}

/// Sixteen digits, eight at a time in the bytes of a number.
#[inline]
fn hexadecimal(number: u64) -> [u8; SESSION_DIGITS] {
    let eight = |half: u64| {
        let half = (half | half << 16) & 0x0000_FFFF_0000_FFFF;
        let half = (half | half << 8) & 0x00FF_00FF_00FF_00FF;
        let digits = (half | half << 4) & 0x0F0F_0F0F_0F0F_0F0F;
        let are_letters = (digits + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
        let text = digits + 0x3030_3030_3030_3030 + are_letters * u64::from(b'a' - b'0' - 10);
        text.to_be_bytes()
    };
    let mut text = [0; SESSION_DIGITS];
    text[..8].copy_from_slice(&eight(number >> 32));
    text[8..].copy_from_slice(&eight(number & 0xFFFF_FFFF));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::format::JSON;
    use crate::load::generate::Persona;
    use crate::load::generate::catalogue::ShopPage;
    use crate::load::generate::profiles::UserProfile;

    fn words(texts: &mut Texts, user: u64, id: u64, address: [u8; 4]) -> [String; 3] {
        let person = UserProfile { persona: Persona::Buyer, city: 3, agent: 1, address };
        let session = Session::new(user, id, person, ShopPage::External(0));
        let (key, who, address) = texts.of(&session);
        [key, std::str::from_utf8(who).unwrap(), address].map(str::to_owned)
    }

    #[test]
    fn texts_are_whole_for_the_longest_numbers_and_the_shortest() {
        let mut texts = Texts::new(20, JSON);
        assert_eq!(
            words(&mut texts, u64::MAX, u64::MAX, [10, 255, 255, 254]),
            [
                "user-18446744073709551615",
                ",\"user_id\":\"user-18446744073709551615\",\
                 \"session_id\":\"sess-ffffffffffffffff\"",
                "10.255.255.254"
            ]
        );
        // Nothing of a longer one is left.
        assert_eq!(
            words(&mut texts, 7, 0x2a, [10, 0, 99, 100]),
            [
                "user-00000000000000000007",
                ",\"user_id\":\"user-00000000000000000007\",\
                 \"session_id\":\"sess-000000000000002a\"",
                "10.0.99.100"
            ]
        );
    }

    #[test]
    fn numbers_are_written_as_the_standard_library_writes_them() {
        for digits in [5, 8, 9, 20] {
            let mut texts = Texts::new(digits, JSON);
            for step in 0..2_000_u64 {
                let number = step.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (step % 64);
                let user = number % 10_u64.pow(digits.min(19) as u32);
                let [key, who, _] = words(&mut texts, user, number, [10, 1, 2, 3]);
                assert_eq!(key, format!("user-{user:0digits$}"));
                let session = format!("\"session_id\":\"sess-{number:016x}\"");
                assert!(who.ends_with(&session), "{who} {session}");
            }
        }
    }
}
