//! Who is what, without a single event: it follows from the seed and the user's number.

use super::Persona;
use super::profiles::People;
use crate::plan::Plan;

/// Digits of every user's number in a population of so many, at least five.
pub(super) fn digits(users: u64) -> usize {
    (users.saturating_sub(1).max(1).ilog10() as usize + 1).max(5)
}

/// How each user of a plan's population shops.
#[derive(Debug)]
pub struct Personas {
    people: People,
    users: u64,
    digits: usize,
}

impl Personas {
    /// The personas of a plan's users; nobody knows those of a recorded topic.
    #[must_use]
    pub fn new(plan: &Plan) -> Option<Self> {
        let population = &plan.population;
        plan.load.replay.is_none().then(|| Self {
            people: People::new(plan.seed, &population.personas, plan.event.codec()),
            users: population.users,
            digits: digits(population.users),
        })
    }

    /// The number and the persona of the user with this `user_id`; none of a stranger.
    #[must_use]
    pub fn of(&self, user_id: &str) -> Option<(u64, Persona)> {
        let number = user_id.strip_prefix("user-").filter(|text| text.len() == self.digits)?;
        let is_number = number.bytes().all(|digit| digit.is_ascii_digit());
        let user = number.parse().ok().filter(|user| is_number && *user < self.users)?;
        Some((user, self.people.person(user).persona))
    }
}
