//! What sessions are like: how far down the funnel, by which journey, how long.

use crate::apps::spread::Spread;
use crate::apps::tally::Tally;
use crate::apps::visits::Visit;
use crate::event::EventType;

/// How far one session has come.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Trip {
    /// Steps of [`FUNNEL`] taken, in order.
    pub(super) funnel: u8,
    pub(super) journey: Journey,
}

/// The steps of the conversion funnel. A session is through a step when its event came at some
/// time after that of the step before.
pub(super) const FUNNEL: [EventType; 3] =
    [EventType::PageView, EventType::Click, EventType::Purchase];

/// The types of a session's events in their order, repeats of one type taken together: three bits
/// for each step, the first in the lowest, 0 for none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Journey(u64);

/// Steps of a journey that are told apart; what follows is "…".
pub(super) const JOURNEY_STEPS: u32 = 8;

impl Journey {
    pub(super) fn step(&mut self, event_type: EventType) {
        let code = event_type.index() as u64 + 1;
        let steps = self.len();
        let last = if steps == 0 { 0 } else { self.0 >> (3 * (steps - 1)) };
        if last != code && steps <= JOURNEY_STEPS {
            self.0 |= code << (3 * steps);
        }
    }

    pub(super) fn len(self) -> u32 {
        (u64::BITS - self.0.leading_zeros()).div_ceil(3)
    }

    /// Writes the journey, such as `page_view > click`, over what the text was.
    pub(super) fn write(self, text: &mut String) {
        text.clear();
        for step in 0..self.len() {
            if step > 0 {
                text.push_str(" > ");
            }
            if step == JOURNEY_STEPS {
                text.push('…');
                break;
            }
            let code = (self.0 >> (3 * step)) & 7;
            text.push_str(EventType::ALL.get(code as usize - 1).map_or("", |kind| kind.name()));
        }
    }
}

/// What closed sessions were like.
#[derive(Debug, Clone)]
pub(super) struct Trips {
    pub(super) count: u64,
    /// Sessions that came through each step of [`FUNNEL`].
    pub(super) funnel: [u64; FUNNEL.len()],
    pub(super) duration_ms: Spread,
    pub(super) events: Spread,
    pub(super) journeys: Tally,
    scratch: String,
}

impl Trips {
    pub(super) fn new(names_max: usize) -> Self {
        Self {
            count: 0,
            funnel: [0; FUNNEL.len()],
            duration_ms: Spread::new(),
            events: Spread::new(),
            journeys: Tally::new(names_max),
            scratch: String::new(),
        }
    }

    pub(super) fn close(&mut self, visit: &Visit<Trip>) {
        self.count += 1;
        for through in &mut self.funnel[..usize::from(visit.what.funnel)] {
            *through += 1;
        }
        self.duration_ms.record(visit.duration_ms());
        self.events.record(visit.events);
        visit.what.journey.write(&mut self.scratch);
        self.journeys.add(&self.scratch, 1);
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.count += other.count;
        for (through, more) in self.funnel.iter_mut().zip(other.funnel) {
            *through += more;
        }
        self.duration_ms.merge(&other.duration_ms);
        self.events.merge(&other.events);
        self.journeys.merge(other.journeys);
    }
}
