//! Sessions as a stranger sees them: from their first event to their last one.

use super::events::{Load, Seen};

/// What a session's events come to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Session {
    pub(super) first_s: f64,
    pub(super) last_s: f64,
    pub(super) events: u32,
    /// Whether it is seen to begin; one that is not was under way.
    pub(super) comes: bool,
}

/// The sessions of a load, by number.
pub(super) fn sessions(load: &Load) -> Vec<Session> {
    let mut sessions: Vec<Option<Session>> = vec![None; load.sessions as usize];
    for event in &load.events {
        let at_s = load.at_s(event);
        let session = sessions[event.session as usize].get_or_insert(Session {
            first_s: at_s,
            last_s: at_s,
            events: 0,
            comes: event.comes,
        });
        session.last_s = at_s;
        session.events += 1;
    }
    sessions.into_iter().flatten().collect()
}

/// Pauses within a session that began in a stretch of the load and are shorter than `longest`:
/// those of which `of` says so, by the kinds of the events before and after.
///
/// Whoever's pause is not over at the end has none yet: only pauses that would have been seen from
/// wherever in the stretch they began are looked at, against that part of the distribution.
pub(super) fn pauses(
    load: &Load,
    (from_s, to_s): (f64, f64),
    longest_s: f64,
    of: impl Fn(u8, u8) -> bool,
) -> Vec<f64> {
    let mut last: Vec<Option<&Seen>> = vec![None; load.sessions as usize];
    let mut pauses = Vec::new();
    for event in &load.events {
        let Some(before) = last[event.session as usize].replace(event) else { continue };
        let (before_s, pause_s) = (load.at_s(before), (event.at_us - before.at_us) as f64 / 1e6);
        let is_within = (from_s..to_s).contains(&before_s) && pause_s < longest_s;
        pauses.extend((is_within && of(before.kind, event.kind)).then_some(pause_s));
    }
    pauses
}

/// How many sessions have so many events (the index), of those that are seen to begin so early
/// that hardly any is not over at the load's end.
pub(super) fn lengths(load: &Load, horizon_s: f64) -> Vec<u64> {
    let latest_s = load.whole_s() - horizon_s;
    let mut counts = Vec::new();
    for session in sessions(load).iter().filter(|one| one.comes && one.first_s < latest_s) {
        let events = session.events as usize;
        counts.resize(counts.len().max(events + 1), 0);
        counts[events] += 1;
    }
    counts
}

/// The mean of numbers of which there are so many each.
pub(super) fn mean(counts: &[u64]) -> f64 {
    let sum = counts.iter().enumerate().map(|(number, count)| number as u64 * count);
    sum.sum::<u64>() as f64 / counts.iter().sum::<u64>() as f64
}

/// The part of the sessions with at most `events` events: each persona's lengths are geometric,
/// and their means are to each other as 0.8 to 1.1 to 1.6 (60, 25 and 15 % of the users).
pub(super) fn up_to(events: usize, mean: f64) -> f64 {
    const PERSONAS: [(f64, f64); 3] = [(0.60, 0.8), (0.25, 1.1), (0.15, 1.6)];
    let patience: f64 = PERSONAS.iter().map(|(share, patience)| share * patience).sum();
    let longer = PERSONAS.iter().map(|(share, own)| {
        let ends = patience / (own * mean);
        share * (1.0 - ends).powi(i32::try_from(events).unwrap_or(i32::MAX))
    });
    1.0 - longer.sum::<f64>()
}

/// How many sessions are alive every `step_s`: from their first event up to their last one.
///
/// Who was under way at the load's start was alive from then on, whenever its first event is. In a
/// load whose rate changes others were opened later, and nobody sees when: they count from their
/// first event.
pub(super) fn alive(load: &Load, step_s: f64, is_constant: bool) -> Vec<f64> {
    let mut changes = vec![0.0; (load.whole_s() / step_s) as usize + 2];
    for session in &sessions(load) {
        let from_s = if is_constant && !session.comes { 0.0 } else { session.first_s };
        changes[(from_s / step_s).ceil() as usize] += 1.0;
        changes[(session.last_s / step_s).ceil() as usize] -= 1.0;
    }
    let mut alive = 0.0;
    let each = changes.iter().map(|change| {
        alive += change;
        alive
    });
    each.collect()
}

/// How many sessions each user began, the busiest first.
pub(super) fn activity(load: &Load) -> Vec<u64> {
    let mut counts = vec![0; load.users as usize];
    for event in load.events.iter().filter(|event| event.comes) {
        counts[event.user as usize] += 1;
    }
    counts.sort_unstable_by(|one, other| other.cmp(one));
    counts
}
