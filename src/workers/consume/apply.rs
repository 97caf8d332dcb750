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

#[cfg(test)]
mod tests {
    use std::any::Any;
    use std::collections::VecDeque;

    use super::super::tests::{arrival, stamped};
    use super::*;
    use crate::apps::Summary;
    use crate::event::format::JSON;

    /// Notes when each event that it observes was due.
    #[derive(Debug, Default)]
    struct DueTimes(Vec<i64>);

    impl App for DueTimes {
        fn observe(&mut self, _: &Event<'_>, due_us: i64) {
            self.0.push(due_us);
        }

        fn merge(&mut self, _: Box<dyn App>) {}

        fn summary(&self) -> Summary {
            Summary::default()
        }

        fn copy(&self) -> Box<dyn App> {
            Box::new(Self(self.0.clone()))
        }

        fn into_any(self: Box<Self>) -> Box<dyn Any> {
            self
        }
    }

    /// Says the same of each record, and counts what is no event.
    struct Fixed {
        judgement: Judgement,
        admission: Admission,
        waiting: VecDeque<(i64, Box<[u8]>)>,
        garbage: u32,
    }

    impl RecordPolicy for Fixed {
        fn judge(&mut self, _: &Arrival<'_>, _: Option<&Stamp>) -> Judgement {
            self.judgement
        }

        fn admit(&mut self, _: &Arrival<'_>, _: Option<&Stamp>, _: &Event<'_>) -> Admission {
            self.admission
        }

        fn garbage(&mut self) {
            self.garbage += 1;
        }

        fn borne_out(&mut self) -> Option<(i64, Box<[u8]>)> {
            self.waiting.pop_front()
        }
    }

    /// What the application observed, whether the record counts as observed, and the garbage.
    fn applied(
        judgement: Judgement,
        admission: Admission,
        payload: &[u8],
    ) -> (Vec<i64>, bool, u32) {
        let stamp = Stamp { run: 1, shard: 0, seq: 1, due_wall_us: 500 };
        let event = stamped(&stamp).into_boxed_slice();
        let waiting = [(40, event.clone()), (41, Box::from(*b"no event")), (42, event)].into();
        let mut policy = Fixed { judgement, admission, waiting, garbage: 0 };
        let mut app = DueTimes::default();
        let record = arrival(0, 0, Some(b"anna"), Some(payload));
        let parser = &mut *JSON.parser();
        let is_observed = apply(&mut app, &mut policy, &record, Some(&stamp), parser);
        (app.0, is_observed, policy.garbage)
    }

    #[test]
    fn an_event_is_observed_as_due_when_its_policy_says_and_before_what_waited_for_it() {
        use Judgement::{Apply, Inspect, Skip};
        let stamp = Stamp { run: 1, shard: 0, seq: 1, due_wall_us: 500 };
        let event = stamped(&stamp);
        let admitted = |admission| applied(Apply, admission, &event);
        assert_eq!(admitted(Admission::Now(7)), (vec![7, 40, 42], true, 0));
        assert_eq!(admitted(Admission::Later), (vec![40, 42], true, 0));
        assert_eq!(admitted(Admission::LeftOut), (vec![40, 42], false, 0));
        for (judgement, garbage) in [(Inspect, 1), (Skip, 0)] {
            let now = Admission::Now(7);
            assert_eq!(applied(judgement, now, &event), (vec![], false, 0));
            assert_eq!(applied(judgement, now, b"{"), (vec![], false, garbage));
        }
        assert_eq!(applied(Apply, Admission::Now(7), b"{"), (vec![], false, 1));
    }
}
