//! How long to wait before the next try.

use std::time::Duration;

use crate::base::random::Random;

/// Waits that double from try to try, up to a limit; each is a fifth shorter or longer at random,
/// so that clients that lost the same broker don't come back at the same moment (KIP-580, KIP-144).
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    most: Duration,
    tries: u32,
    random: Random,
}

impl Backoff {
    /// `seed` tells the waits of one client from those of another.
    pub(crate) fn new(first: Duration, most: Duration, seed: u64) -> Self {
        Self { first, most: most.max(first), tries: 0, random: Random::new(seed, 0, 0) }
    }

    /// The next wait.
    pub(crate) fn next(&mut self) -> Duration {
        let factor = 1_u32.checked_shl(self.tries.min(30)).unwrap_or(u32::MAX);
        self.tries = self.tries.saturating_add(1);
        let wait = self.first.saturating_mul(factor).min(self.most);
        wait.mul_f64(0.8 + 0.4 * self.random.unit())
    }

    /// All went well: the next wait is the first again.
    pub(crate) fn reset(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_and_begin_anew_after_success() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(100), ms(1_000), 7);
        let near = |wait: Duration, around: u64| {
            (ms(around * 8 / 10)..=ms(around * 12 / 10)).contains(&wait)
        };
        for around in [100, 200, 400, 800, 1_000, 1_000] {
            let wait = backoff.next();
            assert!(near(wait, around), "{wait:?} around {around} ms");
        }
        backoff.reset();
        assert!(near(backoff.next(), 100));
        for _ in 0..100 {
            assert!(backoff.next() <= ms(1_200), "without an overflow");
        }
    }

    #[test]
    fn two_clients_wait_differently() {
        let waits = |seed| {
            let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(9), seed);
            [backoff.next(), backoff.next()]
        };
        assert_ne!(waits(1), waits(2));
    }
}
