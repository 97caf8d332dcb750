//! What the applications take the users for, beside what they were planted as.

use serde::{Deserialize, Serialize};

use super::books::Books;
use crate::apps::{App, Segment};
use crate::load::generate::{Persona, Personas};

/// Fewer events of a user say little.
pub const EVENTS_MIN: u64 = 20;

/// Users by persona (in the order of [`Persona::ALL`]), and by the segment that an application
/// takes them for (in the order of [`Segment::ALL`], which is the same).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SegmentMatrix(pub [[u64; Segment::ALL.len()]; Persona::ALL.len()]);

impl SegmentMatrix {
    /// All users.
    #[must_use]
    pub fn users(&self) -> u64 {
        self.0.iter().flatten().sum()
    }

    /// Users who were taken for what they are.
    #[must_use]
    pub fn right(&self) -> u64 {
        Persona::ALL
            .iter()
            .map(|persona| self.0[persona.index()][segment_of(*persona).index()])
            .sum()
    }

    /// The share of the users who were taken for what they are; none without users.
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        (self.users() > 0).then(|| self.right() as f64 / self.users() as f64)
    }
}

/// The segments of one application beside the personas of the same users.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SegmentReport {
    /// Every user whom the application still knows, but for those of `planted`.
    pub all: SegmentMatrix,
    /// Of these, the users with at least `events_min` events.
    pub active: SegmentMatrix,
    /// Fewest events of a user who counts as active.
    pub events_min: u64,
    /// Users who are none of the plan's.
    pub strangers: u64,
    /// Users who are left out, as fraud was planted in a session of theirs: what was done in their
    /// name is not how they shop.
    // Results from before they were left out are still read.
    #[serde(default)]
    pub planted: u64,
}

/// The segment that a persona should be found in.
#[must_use]
pub fn segment_of(persona: Persona) -> Segment {
    match persona {
        Persona::Browser => Segment::Browser,
        Persona::Buyer => Segment::Buyer,
        Persona::Researcher => Segment::Researcher,
    }
}

/// Holds an application's segments against the personas; nothing where it has none, or where the
/// books don't know all planted sessions.
#[must_use]
pub fn compare(personas: &Personas, books: &Books, app: &dyn App) -> Option<SegmentReport> {
    if books.planted_unlisted > 0 {
        return None;
    }
    let mut report = SegmentReport { events_min: EVENTS_MIN, ..SegmentReport::default() };
    let mut users = 0;
    app.each_user(&mut |user| {
        users += 1;
        let Some((number, persona)) = personas.of(user.user_id) else {
            report.strangers += 1;
            return;
        };
        if books.planted_users.contains(&number) {
            report.planted += 1;
            return;
        }
        let (row, column) = (persona.index(), user.segment.index());
        report.all.0[row][column] += 1;
        report.active.0[row][column] += u64::from(user.events >= EVENTS_MIN);
    });
    (users > 0).then_some(report)
}
