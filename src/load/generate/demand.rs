//! How many sessions a rate asks for.
//!
//! By Little's law (Little, "A Proof for the Queuing Formula L = λW", 1961): the rate of the events
//! that continue a session, times the mean pause before one.

use super::lognormal::LogNormal;
use crate::event::FraudKind;
use crate::plan::{PopulationPlan, fraud};

/// What the rates of a load ask of a population.
#[derive(Debug, Clone, Copy)]
pub struct Demand {
    /// Mean pause of an ordinary session, in seconds.
    pause_mean_s: f64,
    /// The part of the ordinary events that begin a session.
    start_share: f64,
    /// The part of the events that are not planted.
    ordinary_share: f64,
}

impl Demand {
    /// Of a population.
    #[must_use]
    pub fn new(population: &PopulationPlan) -> Self {
        let think = LogNormal::new(population.think_median_ms / 1e3, population.think_sigma);
        let share = |kind: &FraudKind| population.fraud[kind.index()];
        let planted: f64 =
            FraudKind::ALL.iter().map(|kind| share(kind) * fraud::events(*kind)).sum();
        let ordinary = 1.0 - FraudKind::ALL.iter().map(share).sum::<f64>();
        let ordinary_events = ordinary * population.session_length;
        Self {
            pause_mean_s: think.mean(),
            start_share: 1.0 / population.session_length.max(1.0),
            ordinary_share: ordinary_events / (ordinary_events + planted),
        }
    }

    /// How many ordinary sessions have to be alive for so many events per second, of which hot
    /// users send this share, if none is to hurry.
    #[must_use]
    pub fn sessions(&self, rate_per_s: f64, hot_share: f64) -> f64 {
        let rate_per_s = rate_per_s * (1.0 - hot_share) * self.ordinary_share;
        rate_per_s * self.pause_mean_s * (1.0 - self.start_share)
    }

    /// The part of the ordinary events that begin a session.
    pub(super) const fn start_share(&self) -> f64 {
        self.start_share
    }
}

/// How many sessions a shard with so many users may have at once, and how many of its users there
/// are besides for planted ones: who comes next has to be found among those who are away.
pub(super) fn places(population: &PopulationPlan, shards: u16, users: u64) -> (u64, u64) {
    let share = population.sessions_max.div_ceil(u32::from(shards.max(1)));
    let most = u64::from(share).max(1).min((users * 3 / 4).max(1));
    (most, users.saturating_sub(most).div_ceil(2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::generate::tests::population;

    #[test]
    fn a_rate_asks_for_as_many_sessions_as_little_s_law_says() {
        // The mean of a log-normal with a median of 8 s and a sigma of 1 is 8 e^0.5 = 13.19 s, and
        // 13.12 s with its tails cut. Of twelve events eleven come after a pause.
        let demand = Demand::new(&population());
        let needed = demand.sessions(1_000.0, 0.0);
        assert!((needed / (1_000.0 * 13.15 * 11.0 / 12.0) - 1.0).abs() < 0.005, "{needed}");
        assert!((demand.sessions(1_000.0, 0.4) / needed - 0.6).abs() < 1e-9);
        let planted = PopulationPlan { fraud: [0.0, 0.02, 0.0, 0.0], ..population() };
        assert!(Demand::new(&planted).sessions(1_000.0, 0.0) < needed);
        let single = PopulationPlan { session_length: 1.0, ..population() };
        assert!(Demand::new(&single).sessions(1_000.0, 0.0).abs() < 1e-9, "nobody pauses");
    }

    #[test]
    fn users_are_left_for_who_comes_and_for_who_is_planted() {
        let plan = PopulationPlan { sessions_max: 1_000_000, ..population() };
        for users in [1, 2, 3, 7, 8, 100, 100_000] {
            let (most, planted) = places(&plan, 1, users);
            assert!(most >= 1 && most + planted <= users, "{users}: {most} {planted}");
        }
        assert_eq!(places(&plan, 1, 100_000), (75_000, 12_500));
        assert_eq!(places(&plan, 10, 1_000_000).0, 100_000);
    }
}
