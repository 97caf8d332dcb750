//! What sessions are like: how far down the funnels, by which journey, how long.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::apps::journey::{Journey, PageKind};
use crate::apps::state::counts::greatest;
use crate::apps::state::histogram::ValueHistogram;
use crate::apps::state::sessions::UserSession;
use crate::apps::summary::{OTHER, Section, Value};
use crate::event::{Event, EventType};

/// A funnel's heading and its steps. A session is through a step when its event came at some
/// time after that of the step before.
type Funnel = (&'static str, &'static [EventType]);

/// The specification's funnel, and the whole way of somebody who looks for something: sees the
/// shop, searches, clicks on what is found, puts it into the cart, buys it.
const FUNNELS: [Funnel; 2] = [
    (
        "funnel: sessions, of step before, of all",
        &[EventType::PageView, EventType::Click, EventType::Purchase],
    ),
    (
        "long funnel: sessions, of step before, of all",
        &[
            EventType::PageView,
            EventType::Search,
            EventType::Click,
            EventType::AddToCart,
            EventType::Purchase,
        ],
    ),
];

/// Steps of the longest funnel.
const STEPS_MAX: usize = 5;

/// How far one session has come.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Trip {
    journey: Journey,
    /// Steps taken of each of [`FUNNELS`].
    steps: [u8; FUNNELS.len()],
}

impl Trip {
    /// Takes in the session's next event.
    pub(super) fn step(&mut self, event: &Event<'_>, journey_steps: u32) {
        self.journey.step(PageKind::of(event.page_url), journey_steps);
        for (taken, (_, steps)) in self.steps.iter_mut().zip(FUNNELS) {
            *taken += u8::from(steps.get(usize::from(*taken)) == Some(&event.event_type));
        }
    }
}

/// What closed sessions were like.
#[derive(Debug, Clone)]
pub(super) struct Trips {
    count: u64,
    /// Sessions that came through each step of each of [`FUNNELS`].
    through: [[u64; STEPS_MAX]; FUNNELS.len()],
    duration_ms: ValueHistogram,
    events: ValueHistogram,
    journeys: HashMap<Journey, u64, FixedState>,
    journeys_max: usize,
    /// Sessions whose journey found no place.
    dropped: u64,
}

impl Trips {
    pub(super) fn new(journeys_max: usize) -> Self {
        Self {
            count: 0,
            through: [[0; STEPS_MAX]; FUNNELS.len()],
            duration_ms: ValueHistogram::new(),
            events: ValueHistogram::new(),
            journeys: HashMap::default(),
            journeys_max,
            dropped: 0,
        }
    }

    pub(super) fn close(&mut self, visit: &UserSession<Trip>) {
        self.count += 1;
        for (through, taken) in self.through.iter_mut().zip(visit.what.steps) {
            through.iter_mut().take(usize::from(taken)).for_each(|count| *count += 1);
        }
        self.duration_ms.record(visit.duration_ms());
        self.events.record(u64::from(visit.events));
        if let Some(count) = self.journeys.get_mut(&visit.what.journey) {
            *count += 1;
        } else if self.journeys.len() < self.journeys_max {
            self.journeys.insert(visit.what.journey, 1);
        } else {
            self.dropped += 1;
        }
    }

    /// Takes in another partition's. The limit is per partition, so none is applied.
    pub(super) fn merge(&mut self, other: Self) {
        self.count += other.count;
        for (own, other) in self.through.iter_mut().flatten().zip(other.through.iter().flatten()) {
            *own += other;
        }
        self.duration_ms.merge(&other.duration_ms);
        self.events.merge(&other.events);
        for (journey, count) in other.journeys {
            *self.journeys.entry(journey).or_default() += count;
        }
        self.dropped += other.dropped;
    }

    /// Sessions whose journey found no place.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How long sessions are, how far they come, and on which way.
    pub(super) fn sections(&self, top: usize) -> Vec<Section> {
        let mut sections = vec![
            self.duration_ms.rows(Section::new("session duration"), Value::Ms),
            self.events.rows(Section::new("session length in events"), Value::Count),
        ];
        for ((title, steps), through) in FUNNELS.into_iter().zip(self.through) {
            let mut before = self.count;
            sections.push(Section::new(title).rows(steps.iter().zip(through).map(
                |(step, count)| {
                    let step_before = std::mem::replace(&mut before, count);
                    (step.name(), Value::Step { count, before: step_before, whole: self.count })
                },
            )));
        }
        let journeys = self.journeys.iter().map(|(journey, count)| (*journey, *count));
        let top = greatest(journeys, top, |count| *count).into_iter();
        let mut section = Section::new("journeys, sessions")
            .rows(top.map(|(journey, count)| (journey.text(), self.part(count))));
        if self.dropped > 0 {
            section = section.row(OTHER, self.part(self.dropped));
        }
        sections.push(section);
        sections
    }

    fn part(&self, part: u64) -> Value {
        Value::Part { part, whole: self.count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_funnel_has_room_for_its_steps() {
        for (title, steps) in FUNNELS {
            assert!(steps.len() <= STEPS_MAX, "{title}");
        }
    }

    #[test]
    fn journeys_beyond_the_limit_share_a_row() {
        let mut trips = Trips::new(1);
        for kind in [PageKind::Home, PageKind::Cart, PageKind::Home, PageKind::Search] {
            let mut visit = UserSession::<Trip>::default();
            visit.what.journey.step(kind, 3);
            trips.close(&visit);
        }
        assert_eq!(trips.dropped(), 2);
        let section = trips.sections(9).pop().unwrap();
        let rows: Vec<_> = section.rows.iter().map(|row| (row.name.as_str(), row.value)).collect();
        let half = Value::Part { part: 2, whole: 4 };
        assert_eq!(rows, [("home", half), (OTHER, half)]);
    }
}
