//! A look at the events themselves: how large they are, the first ones, and whole sessions.

use std::collections::HashMap;

use super::session::{SessionPreview, SessionStep};
use crate::base::error::Result;
use crate::event::codec::EventParser;
use crate::load::generate::Persona;
use crate::load::preview::{DAY_NS, Preview, at_constant_rate};
use crate::load::schedule::Schedule;
use crate::plan::Plan;

/// So many events are weighed.
const WEIGHED_EVENTS: u64 = 10_000;

/// So many events are shown.
const SHOWN_EVENTS: usize = 10;

/// The search for whole sessions is given up after so many events: a quarter of a second.
const SOUGHT_EVENTS: u64 = 1_000_000;

/// Whole sessions are sought at this rate at most.
const SOUGHT_PER_S: f64 = 300.0;

/// So many sessions of a persona are followed, the first to begin.
const FOLLOWED_SESSIONS: usize = 500;

/// What a look at a plan's events showed.
#[derive(Debug, Default)]
pub(super) struct EventSample {
    /// Mean size of an event with its key, in bytes; 0 without events.
    pub(super) event_bytes: f64,
    /// So many events were weighed for that.
    pub(super) weighed_events: u64,
    /// The first events, as their bytes.
    pub(super) samples: Vec<String>,
    /// A whole session of each persona that has one, in the order of the personas.
    pub(super) visits: Vec<SessionPreview>,
}

/// A session that is followed from its first event on.
#[derive(Debug)]
struct Followed {
    persona: Persona,
    /// Due time and payload of each event.
    events: Vec<(u64, Box<[u8]>)>,
}

impl EventSample {
    /// Runs the plan's generator for a while.
    pub(super) fn at(plan: &Plan, start_wall_us: i64) -> Result<Self> {
        let mut look = Self::default();
        let mut preview = Preview::new(plan, 0, start_wall_us)?;
        let (mut bytes, mut payload) = (0, Vec::new());
        while look.weighed_events < WEIGHED_EVENTS {
            payload.clear();
            let Some(event) = preview.append(&mut payload) else { break };
            look.weighed_events += 1;
            bytes += event.key.len() + payload.len();
            if look.samples.len() < SHOWN_EVENTS {
                look.samples.push(String::from_utf8_lossy(&payload).into_owned());
            }
        }
        look.event_bytes = bytes as f64 / look.weighed_events.max(1) as f64;
        look.visits = visits(plan, start_wall_us)?;
        Ok(look)
    }
}

/// A whole session of each persona. People live alike at any rate; at a low one a session is over
/// after fewer events.
fn visits(plan: &Plan, start_wall_us: i64) -> Result<Vec<SessionPreview>> {
    let duration_ns = plan.load.duration_ns();
    let events = Schedule::new(&plan.load, plan.seed).expected_total();
    let mean_per_s = events / (duration_ns.max(1) as f64 / 1e9);
    let mut slow = plan.clone();
    at_constant_rate(&mut slow, mean_per_s.min(SOUGHT_PER_S), DAY_NS);
    let mut preview = Preview::new(&slow, 0, start_wall_us)?;
    let (mut search, mut payload) = (Search::new(plan), Vec::new());
    for _ in 0..SOUGHT_EVENTS {
        payload.clear();
        let Some(event) = preview.append(&mut payload) else { break };
        let (due_ns, facts) = (event.due_ns, event.facts);
        if let (Some(persona), None) = (facts.persona, facts.fraud) {
            if facts.session_starts && !facts.was_under_way {
                search.begin(facts.session, persona);
            }
            search.follow(facts.session, due_ns, &payload, preview.session_ended());
        }
        if search.is_over() {
            break;
        }
    }
    Ok(search.found(duration_ns, &mut *plan.event.codec().parser()))
}

/// The search for a session of each persona that is neither short nor long.
#[derive(Debug)]
struct Search {
    /// Fewest and most events of a typical session.
    typical: (usize, usize),
    wanted: [bool; 3],
    begun: [usize; 3],
    followed: HashMap<u64, Followed>,
    best: [Option<Followed>; 3],
}

impl Search {
    fn new(plan: &Plan) -> Self {
        let length = plan.population.session_length;
        // The number of events in a session is geometric: its median is 0.69 of its mean.
        let least = (length * 0.5).round().max(1.0) as usize;
        let most = (length.ceil() as usize).max(least);
        Self {
            typical: (least, most),
            wanted: plan.population.personas.map(|share| share > 0.0),
            begun: [0; 3],
            followed: HashMap::new(),
            best: [const { None }; 3],
        }
    }

    fn begin(&mut self, session: u64, persona: Persona) {
        let index = persona.index();
        if self.wanted[index] && self.begun[index] < FOLLOWED_SESSIONS {
            self.begun[index] += 1;
            self.followed.insert(session, Followed { persona, events: Vec::new() });
        }
    }

    fn follow(&mut self, session: u64, due_ns: u64, payload: &[u8], ended: bool) {
        let Some(followed) = self.followed.get_mut(&session) else {
            return;
        };
        followed.events.push((due_ns, payload.into()));
        if !ended {
            return;
        }
        if let Some(whole) = self.followed.remove(&session) {
            let index = whole.persona.index();
            let best = &mut self.best[index];
            let misses = |one: &Followed| misses(self.typical, one.events.len());
            if best.as_ref().is_none_or(|best| misses(&whole) < misses(best)) {
                self.wanted[index] = misses(&whole) > 0;
                *best = Some(whole);
            }
        }
    }

    fn is_over(&self) -> bool {
        self.wanted == [false; 3]
    }

    fn found(self, duration_ns: u64, parser: &mut dyn EventParser) -> Vec<SessionPreview> {
        let visit = |whole: Followed| {
            let first_ns = whole.events.first().map_or(0, |(due_ns, _)| *due_ns);
            let mut before_ns = first_ns;
            let mut visit = SessionPreview::new(whole.persona);
            for (due_ns, payload) in whole.events {
                let step = SessionStep::of(&payload, parser, due_ns - first_ns, due_ns - before_ns);
                before_ns = due_ns;
                visit.outlasts_schedule |= due_ns >= duration_ns;
                visit.push(step, &payload, parser);
            }
            visit
        };
        self.best.into_iter().flatten().map(visit).collect()
    }
}

/// How far a number lies outside of a range.
fn misses((least, most): (usize, usize), number: usize) -> usize {
    least.saturating_sub(number) + number.saturating_sub(most)
}
