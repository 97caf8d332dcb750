//! Who came from which address: users are counted up to the limit, and no further.
//!
//! Each partition keeps a set of user hashes for each address, with room for one more than the
//! limit. A set with room left is complete, so uniting the sets of all partitions tells exactly
//! whether an address has more users than the limit, however they are spread.

use std::net::{IpAddr, Ipv6Addr};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::apps::summary::Flag;

use super::rules::FraudRule;

/// The users of one address. Most have one, so the first needs no memory elsewhere.
#[derive(Debug, Clone)]
struct Address {
    first_us: i64,
    last_us: i64,
    user: u64,
    #[allow(clippy::box_collection, reason = "most have none, and 8 bytes are less than 24")]
    more: Option<Box<Vec<u64>>>,
}

impl Address {
    fn users(&self) -> impl Iterator<Item = u64> {
        std::iter::once(self.user).chain(self.more.iter().flat_map(|more| more.iter().copied()))
    }

    fn count(&self) -> usize {
        1 + self.more.as_ref().map_or(0, |more| more.len())
    }

    /// Adds a user where there is room, and says whether one was added.
    fn add(&mut self, user: u64, users_max: usize) -> bool {
        let is_new = self.count() <= users_max && self.users().all(|known| known != user);
        if is_new {
            self.more.get_or_insert_default().push(user);
        }
        is_new
    }
}

/// The addresses of a partition. What comes when the table is full is not followed, but counted.
#[derive(Debug, Clone)]
pub(super) struct Addresses {
    table: HashMap<Ipv6Addr, Address, FixedState>,
    addresses_max: usize,
    users_max: usize,
    /// How often an address found no place.
    dropped: u64,
}

impl Addresses {
    /// Up to so many addresses; more than `users_max` users are a crowd.
    pub(super) fn new(addresses_max: usize, users_max: usize) -> Self {
        Self { table: HashMap::default(), addresses_max, users_max, dropped: 0 }
    }

    /// A user, by the hash of the name, comes from an address. Says whether that makes a crowd.
    pub(super) fn enter(&mut self, address: IpAddr, user: u64, due_us: i64) -> bool {
        let key = key(address);
        if let Some(address) = self.table.get_mut(&key) {
            address.first_us = address.first_us.min(due_us);
            address.last_us = address.last_us.max(due_us);
            return address.add(user, self.users_max) && address.count() == self.users_max + 1;
        }
        if self.table.len() >= self.addresses_max {
            self.dropped += 1;
            return false;
        }
        self.table.insert(key, Address { first_us: due_us, last_us: due_us, user, more: None });
        false
    }

    /// Takes in another partition's. The limit is per partition, so none is applied here.
    pub(super) fn merge(&mut self, other: Self) {
        self.dropped += other.dropped;
        for (key, theirs) in other.table {
            let Some(here) = self.table.get_mut(&key) else {
                self.table.insert(key, theirs);
                continue;
            };
            here.first_us = here.first_us.min(theirs.first_us);
            here.last_us = here.last_us.max(theirs.last_us);
            for user in theirs.users() {
                here.add(user, self.users_max);
            }
        }
    }

    /// How often an address found no place.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many are known.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// The crowded addresses as alerts, in no order. They are nobody's in particular.
    pub(super) fn flags(&self) -> impl Iterator<Item = Flag> {
        let crowds = self.table.iter().filter(|(_, address)| address.count() > self.users_max);
        crowds.map(|(key, address)| Flag {
            rule: FraudRule::CrowdedAddress.name().to_owned(),
            user_id: String::new(),
            session_id: String::new(),
            evidence: self.evidence(IpAddr::V6(*key)),
            hits: address.count() as u64,
            first_us: address.first_us,
            last_us: address.last_us,
        })
    }

    /// What speaks for an alert about an address.
    pub(super) fn evidence(&self, address: IpAddr) -> String {
        format!("{} has more than {} users", address.to_canonical(), self.users_max)
    }
}

/// One kind of key: IPv4 as IPv6 has it.
fn key(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_is_the_same_however_its_users_are_spread() {
        let address: IpAddr = "10.1.2.3".parse().unwrap();
        let mut whole = Addresses::new(10, 3);
        let crowd: Vec<_> =
            [1, 2, 2, 3, 1, 4, 5, 6].map(|user| whole.enter(address, user, user as i64)).into();
        assert_eq!(crowd.iter().position(|crowd| *crowd), Some(5));
        assert_eq!(crowd.iter().filter(|crowd| **crowd).count(), 1);
        let mut parts = [0, 1, 2].map(|_| Addresses::new(10, 3));
        for user in 1..=6 {
            parts[user as usize % 3].enter(address, user, user as i64);
        }
        let [mut merged, one, two] = parts;
        assert_eq!(merged.flags().count(), 0);
        merged.merge(one);
        merged.merge(two);
        let flags: Vec<_> = merged.flags().collect();
        assert_eq!(flags, whole.flags().collect::<Vec<_>>());
        assert_eq!(flags[0].evidence, "10.1.2.3 has more than 3 users");
        assert_eq!((flags[0].hits, flags[0].first_us, flags[0].last_us), (4, 1, 6));
    }

    #[test]
    fn what_finds_no_place_is_counted() {
        let mut addresses = Addresses::new(1, 3);
        for last in [1, 1, 2, 3] {
            addresses.enter(IpAddr::from([10, 0, 0, last]), 1, 0);
        }
        assert_eq!((addresses.len(), addresses.dropped()), (1, 2));
    }
}
