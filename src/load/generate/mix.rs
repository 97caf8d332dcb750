//! Keeps the shares of the event types: what a session may do next depends on what it did, so
//! fixed weights would miss the plan's mix; feedback finds the weights that hit it.

use super::Persona;
use crate::event::EventType;

/// How the personas differ: the weight of each event type, by persona. They are as far apart as
/// twenty events take to tell them apart; the plan's mix is that of all of them together.
const LEANINGS: [[f64; 5]; 3] = [
    // Browsers look around: they follow links, and seldom search or fill a cart.
    [1.15, 1.15, 0.4, 0.2, 0.2],
    // Buyers know what they want.
    [0.9, 0.8, 0.7, 3.2, 3.2],
    // Researchers search and compare.
    [0.8, 0.85, 2.7, 0.3, 0.3],
];

/// How fast a weight reacts: one event moves it by this part of its type's mean distance.
const GAIN: f64 = 1.0 / 512.0;
/// A type that nobody can do for a while must not be all that happens afterwards.
const BOOST_RANGE: (f64, f64) = (1.0 / 512.0, 512.0);
/// Over how many events a shortfall is made up for.
const HORIZON: f64 = 16_384.0;
/// After so many events the weights follow the counts.
const ROUND: u32 = 32;

/// The feedback on the weights of the event types.
///
/// Each type's weight is multiplied by a boost; its logarithm integrates the difference between
/// the share wanted and the share seen (an integral controller, as in Åström and Murray,
/// "Feedback Systems", 2008, section 10.1; the clamp is their anti-windup). What was lost
/// meanwhile is wanted back over the next [`HORIZON`] events, at most at twice the plan's share.
#[derive(Debug, Clone)]
pub(super) struct Mix {
    shares: [f64; 5],
    counts: [u64; 5],
    /// Their sum.
    total: u64,
    /// Counts at the end of the last round.
    before: [u64; 5],
    until_round: u32,
    boosts: [f64; 5],
    wanted: [f64; 5],
    weights: [[f64; 5]; 3],
    /// Whether few events need a session that has begun: the surplus of first events is then what
    /// fills the pool at the start, and goes away by itself.
    natural: bool,
}

impl Mix {
    /// The feedback towards these shares, which sum to 1, with sessions of this mean length.
    pub(super) fn new(shares: &[f64; 5], session_length: f64) -> Self {
        let later = shares[3] + shares[4];
        let mut mix = Self {
            shares: *shares,
            counts: [0; 5],
            total: 0,
            before: [0; 5],
            until_round: ROUND,
            // What the default mix ends up with, roughly: not every session has a cart.
            boosts: [1.0, 1.0, 1.0, 1.5, 12.0],
            wanted: *shares,
            weights: [[0.0; 5]; 3],
            natural: later <= 0.1 && session_length >= 3.0,
        };
        mix.weigh();
        mix
    }

    /// The weights of the types for a persona, before what its session can't do is taken out.
    #[inline]
    pub(super) fn weights(&self, persona: Persona) -> &[f64; 5] {
        &self.weights[persona.index()]
    }

    /// Counts an event.
    #[inline]
    pub(super) fn count(&mut self, kind: EventType) {
        self.counts[kind.index()] += 1;
        self.total += 1;
        self.until_round -= 1;
        if self.until_round == 0 {
            self.until_round = ROUND;
            self.adjust();
        }
    }

    /// How many events of a type are missing from its share; negative when there are too many.
    pub(super) fn missing(&self, kind: EventType) -> f64 {
        self.shares[kind.index()] * self.total as f64 - self.counts[kind.index()] as f64
    }

    /// Whether the mix has room for one more first event of a session.
    ///
    /// Nobody begins with a purchase: where most events are of a kind that only sessions under
    /// way can have, few sessions may begin, and those go on for longer.
    pub(super) fn may_start(&self) -> bool {
        self.behind() <= self.allowed()
    }

    /// Whether the mix has room for the first event of the session that follows one that ends.
    pub(super) fn may_end(&self) -> bool {
        self.behind() <= 0.5 * self.allowed()
    }

    /// Whether products should be in view soon, as carts wait for them.
    pub(super) fn is_eager(&self) -> bool {
        !self.natural && !self.may_end()
    }

    fn behind(&self) -> f64 {
        self.missing(EventType::AddToCart) + self.missing(EventType::Purchase)
    }

    fn allowed(&self) -> f64 {
        let most = if self.natural { 10_000.0 } else { 2_000.0 };
        (50.0 + 0.05 * self.total as f64).min(most)
    }

    fn adjust(&mut self) {
        for kind in EventType::ALL {
            let index = kind.index();
            let share = self.shares[index];
            if share <= 0.0 {
                continue;
            }
            let seen = (self.counts[index] - self.before[index]) as f64;
            let error = f64::from(ROUND) * self.wanted[index] - seen;
            // By the share, so that rare types learn as fast as frequent ones; no step is
            // larger than e, or a mix with a type of one in a million would swing.
            let step = (GAIN * error / share).clamp(-1.0, 1.0);
            let boost = self.boosts[index] * libm::exp(step);
            self.boosts[index] = boost.clamp(BOOST_RANGE.0, BOOST_RANGE.1);
            let back = self.missing(kind) / HORIZON;
            self.wanted[index] = (share + back).clamp(0.5 * share, 2.0 * share);
        }
        self.before = self.counts;
        self.weigh();
    }

    fn weigh(&mut self) {
        for (weights, leanings) in self.weights.iter_mut().zip(LEANINGS) {
            for index in 0..weights.len() {
                weights[index] = self.shares[index] * self.boosts[index] * leanings[index];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    /// Types that are possible only now and then still get their share.
    #[test]
    fn rare_chances_are_made_up_for() {
        let shares = [0.5, 0.2, 0.1, 0.15, 0.05];
        let mut mix = Mix::new(&shares, 12.0);
        let mut random = Random::new(1, 2, 3);
        for _ in 0..300_000 {
            let mut weights = *mix.weights(Persona::Browser);
            weights[3] *= f64::from(u8::from(random.unit() < 0.4));
            weights[4] *= f64::from(u8::from(random.unit() < 0.1));
            let mut rest = random.unit() * weights.iter().sum::<f64>();
            let kind = EventType::ALL.into_iter().find(|kind| {
                rest -= weights[kind.index()];
                rest < 0.0
            });
            mix.count(kind.unwrap_or(EventType::PageView));
        }
        for kind in EventType::ALL {
            let points = mix.missing(kind).abs() / 3_000.0;
            assert!(points < 0.1, "{kind:?}: {points}");
        }
    }

    #[test]
    fn the_plan_s_shares_are_where_a_fresh_mix_starts() {
        let mix = Mix::new(&[0.6, 0.25, 0.1, 0.03, 0.02], 12.0);
        assert!(mix.may_start() && mix.may_end() && !mix.is_eager());
        let researcher = mix.weights(Persona::Researcher);
        let browser = mix.weights(Persona::Browser);
        assert!(researcher[2] > 2.0 * browser[2]);
        assert!(mix.weights(Persona::Buyer)[4] > 4.0 * browser[4]);
    }

    #[test]
    fn sessions_stop_beginning_when_the_mix_needs_those_under_way() {
        let mut mix = Mix::new(&[0.1, 0.0, 0.0, 0.45, 0.45], 12.0);
        for _ in 0..200 {
            mix.count(EventType::PageView);
        }
        assert!(!mix.may_start() && mix.is_eager());
        for _ in 0..2_000 {
            mix.count(EventType::AddToCart);
        }
        assert!(mix.may_start());
    }
}
