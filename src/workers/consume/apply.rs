//! The way of one record to an application: the same code in a run, by itself and in a replay.
//! What differs is a policy: which records count, and when an event is due.

use crate::apps::App;
use crate::event::codec::EventParser;
use crate::event::{Arrival, Event, Stamp};

/// What a policy makes of a record by its place and its stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It goes to the application, if it is an event.
    Apply,
    /// It doesn't, but whether it is an event is of interest.
    Inspect,
    /// It doesn't, and isn't looked into.
    Skip,
}

/// What a policy makes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// The application observes it, as due at this time in µs since 1970.
    Now(i64),
    /// Later, once others bear it out.
    Later,
    /// Never.
    LeftOut,
}

/// Which records of a partition an application observes.
pub(super) trait RecordPolicy {
    /// Judges a record before it is read.
    fn judge(&mut self, arrival: &Arrival<'_>, stamp: Option<&Stamp>) -> Judgement;

    /// Judges an event of a record that was to be applied.
    fn admit(
        &mut self,
        arrival: &Arrival<'_>,
        stamp: Option<&Stamp>,
        event: &Event<'_>,
    ) -> Admission;

    /// A record that was to be applied or inspected is not an event.
    fn garbage(&mut self);

    /// The next event that waited for others and is to be applied now: when it is due, and its
    /// record's value.
    fn borne_out(&mut self) -> Option<(i64, Box<[u8]>)> {
        None
    }
}

/// Takes one record to an application. Says whether the application has observed it, or will.
#[inline]
pub(super) fn apply(
    app: &mut dyn App,
    policy: &mut impl RecordPolicy,
    arrival: &Arrival<'_>,
    stamp: Option<&Stamp>,
    parser: &mut dyn EventParser,
) -> bool {
    if let Some(key) = arrival.key {
        app.prefetch(key);
    }
    let judgement = policy.judge(arrival, stamp);
    if judgement == Judgement::Skip {
        return false;
    }
    let Some(Ok(event)) = arrival.payload.map(|payload| parser.parse(payload)) else {
        policy.garbage();
        return false;
    };
    if judgement == Judgement::Inspect {
        return false;
    }
    let is_observed = match policy.admit(arrival, stamp, &event) {
        Admission::Now(due_us) => {
            app.observe(&event, due_us);
            true
        }
        Admission::Later => true,
        Admission::LeftOut => false,
    };
    catch_up(app, policy, parser);
    is_observed
}

/// Applies the events that have waited long enough.
#[inline]
pub(super) fn catch_up(
    app: &mut dyn App,
    policy: &mut impl RecordPolicy,
    parser: &mut dyn EventParser,
) {
    while let Some((due_us, payload)) = policy.borne_out() {
        if let Ok(event) = parser.parse(&payload) {
            app.observe(&event, due_us);
        }
    }
}
