//! How many events a session has.

use super::draft::Persona;
use crate::base::random::Random;
use crate::plan::PopulationPlan;

/// Geometric lengths with the plan's mean, longer for who is more patient.
///
/// `rand_distr::Geometric` works with `f64::powi`, whose last bits Rust leaves to the platform.
#[derive(Debug, Clone)]
pub(super) struct SessionLengths {
    /// Logarithm of the chance that a session goes on after an event, by persona.
    log_goes_on: [f64; 3],
}

impl SessionLengths {
    /// Of a population.
    pub(super) fn new(population: &PopulationPlan) -> Self {
        let mean: f64 = Persona::ALL
            .iter()
            .map(|persona| persona.patience() * population.personas[persona.index()])
            .sum();
        let log_goes_on = Persona::ALL.map(|persona| {
            let length =
                population.session_length * persona.patience() / mean.max(f64::MIN_POSITIVE);
            // A mean length of 1 gives minus infinity, and a quotient of 0 below.
            libm::log(1.0 - 1.0 / length.max(1.0))
        });
        Self { log_goes_on }
    }

    /// The number of events until one is the last, at least one. As it is geometric, this is also
    /// what is left of a session that somebody finds under way.
    pub(super) fn pick(&self, persona: Persona, random: &mut Random) -> u32 {
        let more = libm::log(1.0 - random.unit()) / self.log_goes_on[persona.index()];
        (more as u32).saturating_add(1)
    }
}
