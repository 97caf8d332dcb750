//! The users of a shard: who comes next, and who is here.

use super::skew::Zipf;
use crate::base::huge_pages::prefetch;
use crate::base::random::Random;

/// After so many users who are here already, the next one is chosen evenly.
const SKEWED_TRIES: u32 = 8;

/// Users `shard + k * shards`; k counts from 0. Numbers and activity have nothing to do with each
/// other: ranks are scattered over the numbers by a multiplication.
#[derive(Debug, Clone)]
pub(super) struct ShardUsers {
    shard: u64,
    shards: u64,
    count: u64,
    /// Users below this number don't come by themselves.
    reserved: u64,
    factor: u64,
    zipf: Zipf,
    /// By k: those who are here, a bit each.
    here: Vec<u64>,
}

impl ShardUsers {
    /// The shard's part of so many users, with this Zipf exponent of activity. Those below
    /// `reserved` don't come by themselves.
    pub(super) fn new(users: u64, skew: f64, shard: u16, shards: u16, reserved: u64) -> Self {
        let (shard, shards) = (u64::from(shard), u64::from(shards));
        let count = own(users, shard, shards).max(1);
        Self {
            shard,
            shards,
            count,
            reserved,
            factor: coprime(count),
            zipf: Zipf::new(count, skew),
            // Memory that is zero comes from the system, and only what is touched is there.
            here: vec![0; usize::try_from(count.div_ceil(64)).unwrap_or(usize::MAX)],
        }
    }

    /// How many users of the shard may come.
    pub(super) fn len(&self) -> u64 {
        self.count - own(self.reserved, self.shard, self.shards).min(self.count)
    }

    /// The number of the next user to come, who is not here yet.
    ///
    /// There must be one; below a quarter of users who are away this takes long.
    pub(super) fn enter(&mut self, random: &mut Random) -> u64 {
        let mut tries = 0;
        loop {
            let rank = match tries {
                ..SKEWED_TRIES => self.zipf.pick(random),
                _ => random.below(self.count),
            };
            let number = self.scattered(rank);
            let user = self.shard + self.shards * number;
            let may_come = user >= self.reserved;
            let (bits, bit) = self.bits_of(number);
            if may_come && *bits & bit == 0 {
                *bits |= bit;
                return user;
            }
            tries += 1;
        }
    }

    /// Lets a user go.
    pub(super) fn leave(&mut self, user: u64) {
        let (bits, bit) = self.bits_of((user - self.shard) / self.shards);
        *bits &= !bit;
    }

    /// Has what says that a user is here brought into the cache.
    #[inline]
    pub(super) fn prefetch(&self, user: u64) {
        if let Some(bits) = self.here.get(((user - self.shard) / self.shards / 64) as usize) {
            prefetch(bits);
        }
    }

    fn bits_of(&mut self, number: u64) -> (&mut u64, u64) {
        (&mut self.here[(number / 64) as usize], 1 << (number % 64))
    }

    fn scattered(&self, rank: u64) -> u64 {
        // Both are below the count. Dividing 64 bits takes a fraction of dividing 128.
        if self.count <= 1 << 32 {
            return rank * self.factor % self.count;
        }
        (u128::from(rank) * u128::from(self.factor) % u128::from(self.count)) as u64
    }
}

/// How many users of a shard may come: of so many users, without the first ones.
pub(super) fn owned(users: u64, shard: u16, shards: u16, reserved: u64) -> u64 {
    let (shard, shards) = (u64::from(shard), u64::from(shards));
    let count = own(users, shard, shards).max(1);
    count - own(reserved, shard, shards).min(count)
}

/// How many of the first numbers are a shard's.
const fn own(numbers: u64, shard: u64, shards: u64) -> u64 {
    numbers.saturating_sub(shard).div_ceil(shards)
}

/// A factor near the golden section of `count` without a common divisor, so that multiplying by
/// it modulo `count` reaches every number once.
fn coprime(count: u64) -> u64 {
    let mut factor = ((u128::from(count) * 0x9E37_79B9_7F4A_7C15) >> 64) as u64 | 1;
    while gcd(factor, count) != 1 {
        factor += 2;
    }
    factor
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_share_all_users_out_and_scattering_loses_none() {
        for users in [1, 2, 7, 1_000, 4_096, 10_007] {
            for shards in [1, 3, 4] {
                let mut all = Vec::new();
                for shard in 0..shards {
                    if u64::from(shard) >= users {
                        continue;
                    }
                    let part = ShardUsers::new(users, 0.8, shard, shards, 0);
                    all.extend(
                        (0..part.len()).map(|rank| {
                            u64::from(shard) + u64::from(shards) * part.scattered(rank)
                        }),
                    );
                }
                all.sort_unstable();
                assert_eq!(all, (0..users).collect::<Vec<_>>(), "{users} in {shards}");
            }
        }
    }

    #[test]
    fn nobody_comes_twice_at_once_and_all_come_at_last() {
        let mut users = ShardUsers::new(100, 1.5, 0, 1, 0);
        let mut random = Random::new(5, 5, 5);
        let mut seen: Vec<_> = (0..100).map(|_| users.enter(&mut random)).collect();
        users.leave(17);
        assert_eq!(users.enter(&mut random), 17);
        seen.sort_unstable();
        assert_eq!(seen, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn activity_is_skewed_but_not_by_number() {
        let mut users = ShardUsers::new(10_000, 1.0, 0, 1, 0);
        let mut random = Random::new(6, 6, 6);
        let mut counts = vec![0_u32; 10_000];
        for _ in 0..100_000 {
            let user = users.enter(&mut random);
            users.leave(user);
            counts[user as usize] += 1;
        }
        let low_half: u32 = counts[..5_000].iter().sum();
        assert!((40_000..75_000).contains(&low_half), "{low_half}");
        counts.sort_unstable_by(|a, b| b.cmp(a));
        // Ranks 1 to 100 of Zipf's law over 10,000 with exponent 1: H(100) / H(10,000) = 0.53.
        let top: u32 = counts[..100].iter().sum();
        assert!((51_000..56_000).contains(&top), "{top}");
    }
}
