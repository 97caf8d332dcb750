//! Where a user is at home: countries and networks, as small numbers.

use std::hash::BuildHasher;
use std::net::IpAddr;

use compact_str::{CompactString, format_compact};
use foldhash::fast::FixedState;

/// Most places of a kind that are a user's own.
pub(super) const HOMES_MAX: usize = 3;

/// Adds a place to a user's own, where there is room; 0 stands for nothing.
pub(super) fn learn<T: Copy + PartialEq + Default>(known: &mut [T; HOMES_MAX], new: T) {
    if let Some(free) = known.iter_mut().find(|known| **known == new || **known == T::default()) {
        *free = new;
    }
}

/// Whether something is known, and this is something else.
pub(super) fn is_other<T: Copy + PartialEq + Default>(known: &[T], now: T) -> bool {
    now != T::default() && known[0] != T::default() && !known.contains(&now)
}

/// The highest bit tells that a country's number is a hash.
const HASHED: u16 = 1 << 15;

/// A country's code as a number: two or three capital letters, as ISO 3166-1 has them, at five
/// bits each; or else a hash, which takes two countries for one with a chance of 2^-15.
pub(super) fn code(text: &str) -> u16 {
    if matches!(text.len(), 2 | 3) && text.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return text.bytes().fold(0, |code, letter| code << 5 | u16::from(letter - b'A' + 1));
    }
    FixedState::default().hash_one(text) as u16 | HASHED
}

pub(super) fn code_text(code: u16) -> CompactString {
    if code & HASHED != 0 {
        return CompactString::const_new("another");
    }
    let letters = [10, 5, 0].map(|shift| (code >> shift & 31) as u8);
    letters.into_iter().filter(|letter| *letter > 0).map(|at| char::from(b'@' + at)).collect()
}

/// The network of an address: the first two bytes of IPv4, the first four of IPv6. No IPv6
/// address in use begins like the numbers for IPv4.
pub(super) fn network(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            1 << 16 | u32::from(a) << 8 | u32::from(b)
        }
        IpAddr::V6(address) => (address.to_bits() >> 96) as u32,
    }
}

pub(super) fn network_text(network: u32) -> CompactString {
    let [_, version, a, b] = network.to_be_bytes();
    match (network >> 16, version) {
        (1, _) => format_compact!("{a}.{b}"),
        _ => format_compact!("{:x}:{:x}", network >> 16, network & 0xffff),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_countries_are_told_apart_and_read_well() {
        let text = |address: &str| {
            network_text(network(address.parse::<IpAddr>().unwrap().to_canonical())).to_string()
        };
        let addresses = ["10.7.3.4", "::ffff:10.7.9.9", "2001:db8:1::2", "2001:db9::"];
        assert_eq!(addresses.map(text), ["10.7", "10.7", "2001:db8", "2001:db9"]);
        let country = |text: &str| code_text(code(text)).to_string();
        assert_eq!(["US", "AZ", "ZZZ", "DEU"].map(country), ["US", "AZ", "ZZZ", "DEU"]);
        assert_eq!(["U", "us", "USSR", "Österreich"].map(country), ["another"; 4]);
        assert_ne!(code("United Kingdom"), code("United States"));
    }

    #[test]
    fn own_is_what_was_learned_and_three_places_at_most() {
        let mut own = [0; HOMES_MAX];
        assert!(!is_other(&own, 7), "nothing learned yet");
        for network in [0, 1, 2, 1, 3, 4] {
            learn(&mut own, network);
        }
        assert_eq!(own, [1, 2, 3]);
        assert_eq!([0, 2, 4].map(|now| is_other(&own, now)), [false, false, true]);
    }
}
