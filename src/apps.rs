//! The applications that read the events: each observes events, merges with its like and
//! summarises. A further application is one new file and one line in `applications!` below.
//!
//! # Exactness
//!
//! The state belongs to a partition, and the answer to the stream: merging the states of any
//! number of partitions gives the same summary, to the byte, as one state that saw everything, as
//! long as all events of a user are in one partition and in order (which is what keying by user
//! gives). Three rules bring that about:
//!
//! - Time is the event's own. What "now" is, for windows that slide, is the greatest event time of
//!   all partitions, and each keeps at least what it must for any later "now".
//! - What spans several events is kept by user, and closing a session early or late gives the same.
//! - Sums are whole numbers, tables are ordered by amount and then by name.
//!
//! # Limits
//!
//! Every table has a limit, an option of the application. What no longer fits is counted in
//! [`Summary::dropped`]; while that is 0, every figure is exact. Users that have been idle the
//! longest fall out first; names that come too late count as [`OTHER`].

use std::any::Any;
use std::time::Duration;

use crate::base::error::{Error, Result};
use crate::base::suggest::nearest;
use crate::event::Event;
use crate::plan::{AppPlan, AppSchema};

/// For each application, its module and its place in [`ALL`].
///
/// `cargo fmt` does not look through a macro: `rustfmt src/apps/*.rs` formats the applications.
macro_rules! applications {
    ($($app:ident),+ $(,)?) => {
        $(mod $app;)+

        /// Every application, in the order of the specification.
        pub const ALL: &[AppKind] = &[$($app::KIND),+];
    };
}

applications! {
    analytics,
    fraud,
    dashboard,
    behavior,
}

mod alert;
mod journey;
#[cfg(test)]
mod naive;
mod options;
#[cfg(test)]
mod sample;
pub mod state;
mod summary;

pub use alert::{Alert, Alerts};
pub use behavior::Segment;
pub use fraud::{fraud_of, rules_of};
use options::{
    LATENESS_MS, SESSION_IDLE, TOP, USERS_MAX, lateness, option, option_count, option_us, users_max,
};
pub use state::leaps::{Leaps, TimeStretch};
pub use summary::{Flag, Frame, OTHER, Row, Section, Summary, Totals, Value};

/// The state of one application for one partition.
pub trait App: Send {
    /// An event with this record key comes next: where the state is kept by user, what is known
    /// of the user can be on its way from memory while the event is being parsed. Changes nothing.
    fn prefetch(&self, _key: &[u8]) {}

    /// Takes in one event of the partition, in the partition's order.
    ///
    /// `due_us` is the event's own time: microseconds since 1970, UTC. A time that is wrong and
    /// ahead would be "now" until it has come; keeping those out is the caller's ([`Leaps`]).
    fn observe(&mut self, event: &Event<'_>, due_us: i64);

    /// Takes in what another state of the same application has seen, of other partitions.
    ///
    /// A state of another application is ignored: the caller keeps one list for each.
    fn merge(&mut self, other: Box<dyn App>);

    /// What there is to say so far. Costs a walk over all users: milliseconds for 100,000.
    fn summary(&self) -> Summary;

    /// From now on keeps up to `most` new alerts for [`App::take_alerts`]; before, none are kept.
    fn watch_alerts(&mut self, _most: usize) {}

    /// The new alerts since the last call; none from an application that has no alerts.
    fn take_alerts(&mut self) -> Alerts {
        Alerts::default()
    }

    /// Tells of every user and the segment that the application takes the user for, in no order;
    /// of nobody where it has no segments.
    fn each_user(&self, _tell: &mut dyn FnMut(&UserSegment<'_>)) {}

    /// The same state once more: for a summary over several states that go on afterwards.
    fn copy(&self) -> Box<dyn App>;

    /// For [`App::merge`], which needs the type again.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

/// One user as an application sees the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserSegment<'a> {
    /// Who.
    pub user_id: &'a str,
    /// What the user is taken for.
    pub segment: Segment,
    /// How many events of the user that rests on.
    pub events: u64,
}

impl std::fmt::Debug for dyn App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("App")
    }
}

/// One application, as the list knows it.
#[derive(Debug, Clone, Copy)]
pub struct AppKind {
    /// What the plan needs to know.
    pub schema: AppSchema,
    /// An empty state for one partition.
    pub new: fn(&AppPlan) -> Box<dyn App>,
    /// When it says something, where it runs by itself.
    pub rhythm: Rhythm,
}

/// When an application that runs by itself says what it has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rhythm {
    /// After so many events.
    Events(u64),
    /// After so much time.
    Time(Duration),
    /// Only at the end; its alerts come when they come.
    Alerts,
}

/// The application of that name.
#[must_use]
pub fn kind(name: &str) -> Option<&'static AppKind> {
    ALL.iter().find(|kind| kind.schema.name == name)
}

/// Checks that every name is an application's.
///
/// # Errors
/// [`Error::Usage`] with a line for each that is none, and the one that may be meant.
pub fn check_names(names: &[String]) -> Result<()> {
    let all = || ALL.iter().map(|kind| kind.schema.name);
    let unknown = names.iter().filter(|name| !all().any(|app| app == name.as_str()));
    let faults: Vec<String> = unknown
        .map(|name| {
            let near = nearest(name, all());
            let near = near.map_or_else(String::new, |near| format!("did you mean {near:?}? "));
            let all = all().collect::<Vec<_>>().join(", ");
            format!("{name:?} is not an application; {near}expected {all}")
        })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(Error::Usage(faults)) }
}

/// What the plan needs to know of all applications.
#[must_use]
pub fn schemas() -> Vec<AppSchema> {
    ALL.iter().map(|kind| kind.schema).collect()
}

/// How far behind the newest of its partition an event is still in time for an application, in
/// microseconds: its own setting, and a minute where it has none.
#[must_use]
pub fn lateness_us(kind: &AppKind, plan: &AppPlan) -> i64 {
    const KEY: &str = "lateness_ms";
    if kind.schema.options.iter().any(|option| option.key == KEY) {
        return option_us(plan, &kind.schema, KEY);
    }
    (LATENESS_MS * 1_000.0) as i64
}

#[cfg(test)]
mod tests {
    use super::sample::{self, Sample};
    use super::*;
    use foldhash::fast::FixedState;
    use proptest::prelude::*;
    use std::hash::BuildHasher;

    /// The summary of a stream that is split by user over partitions and merged again.
    fn summary(kind: &AppKind, plan: &AppPlan, events: &[Sample], partitions: u64) -> String {
        let mut states: Vec<_> = (0..partitions).map(|_| (kind.new)(plan)).collect();
        for sample in events {
            let hash = FixedState::default().hash_one(&sample.user_id);
            states[(hash % partitions) as usize].observe(&sample.event(), sample.due_us);
        }
        // Merged from the last on, so that "the first partition" has no special part.
        let mut whole = states.pop().unwrap();
        while let Some(state) = states.pop() {
            whole.merge(state);
        }
        serde_json::to_string(&whole.summary()).unwrap()
    }

    #[test]
    fn the_list_names_the_specifications_groups() {
        let groups: Vec<_> = schemas().iter().map(|s| (s.group_env, s.default_group)).collect();
        let expected = [
            ("KAFKA_ANALYTICS_GROUP", "analytics-processors"),
            ("KAFKA_FRAUD_GROUP", "fraud-detectors"),
            ("KAFKA_DASHBOARD_GROUP", "dashboard-processors"),
            ("KAFKA_BEHAVIOR_GROUP", "behavior-analyzers"),
        ];
        // Further applications come behind the specification's.
        assert_eq!(groups[..4], expected);
        for kind in ALL {
            assert_eq!(super::kind(kind.schema.name).unwrap().schema.name, kind.schema.name);
            let summary = (kind.new)(&sample::plan(&[])).summary();
            assert_eq!((summary.app.as_str(), summary.dropped), (kind.schema.name, 0));
            for option in kind.schema.options {
                let (least, greatest) = option.range;
                assert!((least..=greatest).contains(&option.default), "{}", option.key);
                let unit = option.key.ends_with("_ms");
                assert_eq!(
                    unit,
                    option.kind == crate::plan::OptionKind::Duration,
                    "{}",
                    option.key
                );
            }
        }
        assert!(super::kind("nobody").is_none());
    }

    #[test]
    fn a_state_of_another_application_is_not_merged() {
        let events = sample::events(1, 50, 5, 1_000_000);
        for (index, kind) in ALL.iter().enumerate() {
            let plan = sample::plan(&[]);
            let [mut state, mut other] =
                [kind, &ALL[(index + 1) % ALL.len()]].map(|k| (k.new)(&plan));
            for sample in &events {
                state.observe(&sample.event(), sample.due_us);
                other.observe(&sample.event(), sample.due_us);
            }
            let before = state.summary();
            state.merge(other);
            assert_eq!(state.summary(), before);
        }
    }

    #[test]
    fn a_merged_state_goes_on_like_one_that_saw_everything() {
        let events = sample::events(5, 3_000, 20, 300_000);
        let (first, rest) = events.split_at(1_500);
        for kind in ALL {
            let plan = sample::plan(&[("velocity_per_min", 5.0)]);
            let mut states = [0, 1, 2].map(|_| (kind.new)(&plan));
            for sample in first {
                let hash = FixedState::default().hash_one(&sample.user_id);
                states[(hash % 2) as usize].observe(&sample.event(), sample.due_us);
                states[2].observe(&sample.event(), sample.due_us);
            }
            let [mut merged, other, mut whole] = states;
            merged.merge(other);
            for sample in rest {
                merged.observe(&sample.event(), sample.due_us);
                whole.observe(&sample.event(), sample.due_us);
            }
            assert_eq!(merged.summary(), whole.summary());
        }
    }

    #[test]
    fn a_user_of_two_partitions_is_still_one_user() {
        let events = sample::events(6, 2_000, 20, 300_000);
        for (name, titles) in [
            ("analytics", &["most active users", "events per user"][..]),
            ("behavior", &["engagement per user", "segments, users", "devices of buyers"]),
            ("dashboard", &["active users", "now"]),
        ] {
            let mut states = [0, 1, 2].map(|_| (kind(name).unwrap().new)(&sample::plan(&[])));
            for (index, sample) in events.iter().enumerate() {
                states[index % 2].observe(&sample.event(), sample.due_us);
                states[2].observe(&sample.event(), sample.due_us);
            }
            let [mut merged, other, whole] = states;
            merged.merge(other);
            let sections = |state: &dyn App| -> Vec<Section> {
                let sections = state.summary().sections.into_iter();
                sections.filter(|section| titles.contains(&&*section.title)).collect()
            };
            assert_eq!(sections(&*merged).len(), titles.len());
            assert_eq!(sections(&*merged), sections(&*whole));
        }
    }

    #[test]
    fn full_tables_stay_within_their_limits_and_say_so() {
        let mut limits = vec![("users_max", 8.0), ("names_max", 2.0), ("pages_max", 2.0)];
        limits.extend([("alerts_max", 1.0), ("velocity_per_min", 1.0), ("hours_max", 1.0)]);
        let events = sample::events(3, 3_000, 200, 10_000);
        for kind in ALL {
            let mut state = (kind.new)(&sample::plan(&limits));
            for sample in &events {
                state.observe(&sample.event(), sample.due_us);
            }
            let summary = state.summary();
            assert!(summary.dropped > 0, "{}", summary.app);
            assert_eq!(summary.totals.events, 3_000);
            assert!(summary.totals.users.is_none_or(|users| users <= 8), "{}", summary.app);
            for section in &summary.sections {
                let named = section.rows.iter().filter(|row| row.name != OTHER).count();
                let of_names =
                    ["page views", "searches", "products bought", "last pages, sessions"];
                assert!(!of_names.contains(&&*section.title) || named <= 2, "{}", section.title);
            }
        }
    }

    #[test]
    fn absurd_times_prices_and_words_do_no_harm() {
        let long = "x".repeat(10_000);
        for kind in ALL {
            let mut states = [0, 1].map(|_| (kind.new)(&sample::plan(&[])));
            for (index, due_us) in
                [0, i64::MAX, i64::MIN, -1, 1, i64::MAX, i64::MIN].into_iter().enumerate()
            {
                for (text, price) in [("", f64::NAN), (&long, f64::INFINITY), ("é", -1.0)] {
                    for event_type in crate::event::EventType::ALL {
                        let mut event = sample::events(1, 1, 1, 1)[0].clone();
                        event.user_id = text.to_owned();
                        event.page_url = text.to_owned();
                        event.cart_value = price;
                        event.event_type = event_type;
                        let mut event = event.event();
                        event.properties.price = Some(price);
                        states[index % 2].observe(&event, due_us);
                    }
                }
            }
            let [mut state, other] = states;
            state.merge(other);
            assert_eq!(state.summary().totals.events, 7 * 3 * 5);
            assert!(!state.summary().to_string().is_empty());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn any_number_of_partitions_gives_the_same_summary(
            seed in any::<u64>(),
            users in 1_u64..60,
            step_max_us in prop::sample::select(
                vec![1_000_i64, 300_000, 60_000_000, 3_600_000_000],
            ),
        ) {
            let events = sample::events(seed, 2_000, users, step_max_us);
            let plan = sample::plan(&[("velocity_per_min", 20.0)]);
            for kind in ALL {
                let whole = summary(kind, &plan, &events, 1);
                for partitions in [3, 6, 12] {
                    prop_assert_eq!(&summary(kind, &plan, &events, partitions), &whole);
                }
            }
        }
    }
}
