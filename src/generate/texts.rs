//! What an event says of its session in words: who, in which visit, from which address. It is
//! written anew for each event, so that a million sessions need not keep it.

use crate::generate::session::Session;
use crate::wire::encode;

/// The longest address.
const ADDRESS_MAX: usize = "255.255.255.255".len();
const SESSION_DIGITS: usize = 16;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// The words of one session at a time.
#[derive(Debug, Clone)]
pub(super) struct Texts {
    /// The fragment of user and session, and the address behind it.
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
    pub(super) fn new(digits: usize) -> Self {
        let (key, session) = (format!("user-{:0digits$}", 0), format!("sess-{:016x}", 0));
        let mut text = String::new();
        encode::who(&key, &session, &mut text);
        let key_at = text.find(&key).unwrap_or(0);
        let session_end = text.find(&session).unwrap_or(0) + session.len();
        let who_end = text.len();
        let mut text = text.into_bytes();
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

    /// Takes down those of a session.
    #[inline]
    pub(super) fn write(&mut self, session: &Session) {
        let mut user = session.user;
        for digit in self.text[self.user_digits.clone()].iter_mut().rev() {
            *digit = b'0' + (user % 10) as u8;
            user /= 10;
        }
        let mut id = session.id;
        for digit in self.text[self.session_digits.clone()].iter_mut().rev() {
            *digit = HEX[(id & 15) as usize];
            id >>= 4;
        }
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
    }

    #[inline]
    fn put(&mut self, byte: u8) {
        self.text[self.end] = byte;
        self.end += 1;
    }

    /// The record's key, the fragment of user and session, and the address.
    #[inline]
    pub(super) fn parts(&self) -> (&str, &str, &str) {
        let text = std::str::from_utf8(&self.text[..self.end]).unwrap_or("");
        let (who, address) = text.split_at_checked(self.who_end).unwrap_or(("", ""));
        (who.get(self.key.clone()).unwrap_or(""), who, address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Persona;
    use crate::generate::catalogue::Page;
    use crate::generate::people::Person;

    fn words(texts: &mut Texts, user: u64, id: u64, address: [u8; 4]) -> [String; 3] {
        let person = Person { persona: Persona::Buyer, city: 3, agent: 1, address };
        texts.write(&Session::new(user, id, person, Page::External(0)));
        let (key, who, address) = texts.parts();
        [key, who, address].map(str::to_owned)
    }

    #[test]
    fn texts_are_whole_for_the_longest_numbers_and_the_shortest() {
        let mut texts = Texts::new(20);
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
}
