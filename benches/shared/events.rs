//! What the benches of the consuming side work on: the generator's events, and applications that
//! know all their users.

use std::collections::BTreeMap;

use kbench::apps::{App, AppKind};
use kbench::event::format::PayloadFormat;
use kbench::event::{Event, Location, Stamp};
use kbench::load::generate::Generator;
use kbench::plan::{AppPlan, PopulationPlan};

/// 10,000 events a second, in event time.
const STEP_US: i64 = 100;
/// Least pause between two events of one user: who acts faster is a case for the fraud
/// application, and the case is what would be timed.
const PAUSE_US: i64 = 10_000_000;
/// When the first event is due.
pub(crate) const START_US: i64 = 1_767_225_600_000_000;

/// The first events of so many users, all alike in their activity.
pub(crate) fn payloads(users: u64, count: u64) -> Vec<Vec<u8>> {
    let step_us = step_us(users);
    let population = PopulationPlan { users, user_skew: 0.0, ..PopulationPlan::small() };
    let mut generator = Generator::new(&population, 1_000.0, 7, 0, 1);
    (0..count)
        .map(|seq| {
            let due_wall_us = START_US + seq as i64 * step_us;
            let draft = generator.next(seq * step_us as u64 * 1_000);
            let mut out = Vec::new();
            let stamp = Stamp { run: 1, shard: 0, seq, due_wall_us };
            PayloadFormat::Json.codec().encode(&stamp, &draft.parts, &mut out);
            out
        })
        .collect()
}

/// The time between two events of so many users.
pub(crate) fn step_us(users: u64) -> i64 {
    (PAUSE_US / users.max(1) as i64).max(STEP_US)
}

/// An application as a scenario without a word on it has it.
pub(crate) fn plan(kind: &AppKind) -> AppPlan {
    let name = kind.schema.name.to_owned();
    AppPlan { group: name.clone(), name, workers: 1, options: BTreeMap::new() }
}

/// A state that has seen one event of each user, two hours ago, so that the users are known and
/// their sessions over; from nowhere, since what all have in common would be everybody's home.
pub(crate) fn warm(kind: &AppKind, users: u64, template: &Event<'_>) -> Box<dyn App> {
    let mut state = (kind.new)(&plan(kind));
    let digits = users.saturating_sub(1).max(1).ilog10().max(4) as usize + 1;
    for user in 0..users {
        let (user_id, session_id) = (format!("user-{user:0digits$}"), format!("warm-{user}"));
        let (ip_address, location) = (None, Location::default());
        let (user_id, session_id) = (&*user_id, &*session_id);
        let event = Event { user_id, session_id, ip_address, location, ..template.clone() };
        state.observe(&event, START_US - 2 * 3_600_000_000);
    }
    state
}
