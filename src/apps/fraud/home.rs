//! Where a user is at home: countries and networks, as small numbers.

use std::hash::BuildHasher;
use std::net::IpAddr;

use compact_str::{CompactString, ToCompactString, format_compact};
use foldhash::fast::FixedState;

/// Most places of a kind that are a user's own.
const HOMES_MAX: usize = 3;

/// Where a user is at home; 0 stands for nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Home {
    pub(super) countries: [u32; HOMES_MAX],
    pub(super) networks: [u32; HOMES_MAX],
}

impl Home {
    pub(super) fn learn(&mut self, country: u32, network: u32) {
        add(&mut self.countries, country);
        add(&mut self.networks, network);
    }
}

fn add<T: Copy + PartialEq + Default>(known: &mut [T], new: T) {
    if let Some(free) = known.iter_mut().find(|known| **known == new || **known == T::default()) {
        *free = new;
    }
}

/// Whether something is known, and this is something else.
pub(super) fn is_other<T: Copy + PartialEq + Default>(known: &[T], now: T) -> bool {
    now != T::default() && known[0] != T::default() && !known.contains(&now)
}

/// A country's code as a number: its own bytes where it has up to four, or else a hash, which
/// takes two countries for one with a chance of 2^-31.
pub(super) fn code(text: &str) -> u32 {
    let mut bytes = [0; 4];
    match bytes.get_mut(..text.len()) {
        Some(start) => {
            start.copy_from_slice(text.as_bytes());
            u32::from_le_bytes(bytes)
        }
        None => FixedState::default().hash_one(text) as u32 | 1 << 31,
    }
}

pub(super) fn code_text(code: u32) -> CompactString {
    let bytes = code.to_le_bytes();
    let text = std::str::from_utf8(&bytes).unwrap_or("another");
    text.trim_end_matches('\0').to_compact_string()
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
        assert_eq!(["US", "USSR", ""].map(country), ["US", "USSR", ""]);
        assert_ne!(code("United Kingdom"), code("United States"));
    }

    #[test]
    fn own_is_what_was_learned_and_three_places_at_most() {
        let mut home = Home::default();
        assert!(!is_other(&home.networks, 7), "nothing learned yet");
        for network in [0, 1, 2, 1, 3, 4] {
            home.learn(code("US"), network);
        }
        assert_eq!(home.networks, [1, 2, 3]);
        assert_eq!([0, 2, 4].map(|now| is_other(&home.networks, now)), [false, false, true]);
        assert!(!is_other(&home.countries, code("US")) && is_other(&home.countries, code("DE")));
    }
}
