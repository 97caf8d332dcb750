//! What a run was, in two short numbers: equal ones mean the same plan and the same events.

use super::Preview;
use crate::base::fingerprint::Fingerprint;
use crate::plan::Plan;

/// Events that the fingerprint is made of.
const EVENTS: usize = 1_000;

/// Some start and some run, the same for everybody: an event's bytes name both.
const START_WALL_US: i64 = 1_767_225_600_000_000;
const RUN: u32 = 1;

/// A number of everything that the plan says, but where its brokers are, and but for secrets.
#[must_use]
pub fn plan_hash(plan: &Plan) -> String {
    let mut value = serde_json::to_value(plan).unwrap_or_default();
    value["kafka"]["bootstrap_servers"] = serde_json::Value::Null;
    value["warnings"] = serde_json::Value::Null;
    // The keys of an object stand in their order.
    Fingerprint::of(&value.to_string())
}

/// A number of the first thousand events that the plan makes, with keys and due times, as if they
/// were of one run that began with the year 2026; `None` for a replay.
#[must_use]
pub fn events(plan: &Plan) -> Option<String> {
    let mut preview = Preview::new(plan, RUN, START_WALL_US).ok()?;
    let (mut hash, mut bytes) = (Fingerprint::default(), Vec::new());
    for _ in 0..EVENTS {
        bytes.clear();
        let Some(event) = preview.append(&mut bytes) else {
            break;
        };
        hash.add(event.key.as_bytes());
        hash.add(&event.due_ns.to_le_bytes());
        hash.add(&bytes);
    }
    Some(hash.hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_fnv() {
        let of = |text: &str| {
            let mut hash = Fingerprint::default();
            hash.add(text.as_bytes());
            hash.hex()
        };
        // From the algorithm's own test vectors.
        assert_eq!(of(""), "cbf29ce484222325");
        assert_eq!(of("a"), "af63dc4c8601ec8c");
        assert_eq!(of("foobar"), "85944171f73967e8");
    }
}
