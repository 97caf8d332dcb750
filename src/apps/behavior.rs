//! Behavior: who the users are, which ways they go, where they leave, how long buying takes.
//!
//! # Segments
//!
//! By all events of a user, with the defaults of the options: a **buyer** has at least 0.5 + 5 % of
//! the events as carts and purchases; who is not a buyer and has at least 0.5 + 12 % of the events
//! as searches is a **researcher**; all others are **browsers**. Each line is a likelihood ratio:
//! see docs/behavior.md.
//!
//! # Engagement
//!
//! `views + 2 clicks + 3 searches + 5 carts + 10 purchases`, over all that is known of a user.
//!
//! # Ways
//!
//! A path is so many kinds of pages (`home > product > cart`) that a session came to one after the
//! other; a page of the same kind as the one before is not a step. All events have a page, so a
//! search and a purchase are steps too. Where a session ends is the page of its last event.
//!
//! No figure is that of a window, so late events are counted, and left out of nothing.

use std::any::Any;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::journey::{PageKind, Recent};
use super::state::counts::greatest;
use super::state::histogram::ValueHistogram;
use super::state::interner::{self, Names};
use super::state::sessions::UserSession;
use super::state::users::Users;
use super::state::watermark::Watermark;
use super::summary::{LATE, Section, Summary, Totals, Value};
use super::{App, AppKind, UserSegment, option, option_count, option_us};
use crate::event::{Event, EventType};
use crate::plan::{AppOption, AppPlan, AppSchema, OptionKind};

use ends::EndPages;
use people::{DEVICES, Person, SegmentRule, SessionPath};

mod ends;
mod people;

pub use people::Segment;

/// Longest paths: there are at most 7 * 6^4 of them, so they need no other limit.
const PATH_PAGES_MAX: u32 = 5;

const SCHEMA: AppSchema = AppSchema {
    name: "behavior",
    group_env: "KAFKA_BEHAVIOR_GROUP",
    default_group: "behavior-analyzers",
    options: &[
        super::SESSION_IDLE,
        super::lateness("events further behind the partition's newest are late, which is counted"),
        AppOption {
            key: "buyer_share",
            help: "a user is a buyer from this share of carts and purchases on",
            kind: OptionKind::Number,
            default: 0.05,
            range: (0.0, 1.0),
        },
        AppOption {
            key: "researcher_share",
            help: "share of searches from which a non-buyer counts as a researcher",
            kind: OptionKind::Number,
            default: 0.12,
            range: (0.0, 1.0),
        },
        AppOption {
            key: "segment_margin",
            help: "so many events beyond the share are needed, so that one or two are no evidence",
            kind: OptionKind::Number,
            default: 0.5,
            range: (0.0, 1_000.0),
        },
        AppOption {
            key: "path_pages",
            help: "kinds of pages in a path",
            kind: OptionKind::Number,
            default: 3.0,
            range: (2.0, PATH_PAGES_MAX as f64),
        },
        super::USERS_MAX,
        AppOption {
            key: "pages_max",
            help: "most different pages, per partition; later ones share a row",
            kind: OptionKind::Number,
            default: 100_000.0,
            range: (1.0, 1e6),
        },
        super::TOP,
    ],
};

/// The application's place in the list.
pub(super) const KIND: AppKind = AppKind {
    schema: SCHEMA,
    new: |plan| Box::new(Behavior::new(plan)),
    rhythm: super::Rhythm::Events(100),
};

#[derive(Debug, Clone)]
struct Behavior {
    session_idle_us: i64,
    rule: SegmentRule,
    path_pages: u32,
    top: usize,
    totals: Totals,
    watermark: Watermark,
    users: Users<Person>,
    sessions: u64,
    pages: Names,
    /// How often each path was gone.
    paths: HashMap<Recent, u64, FixedState>,
    /// Of the sessions that were closed.
    ends: EndPages,
    /// From a session's first event to its first purchase.
    time_to_purchase_ms: ValueHistogram,
}

/// What the users of one segment come to.
#[derive(Debug, Default)]
struct SegmentSums {
    users: u64,
    engagement: u64,
    devices: [u64; DEVICES.len()],
    time_to_purchase_ms: ValueHistogram,
}

impl Behavior {
    fn new(plan: &AppPlan) -> Self {
        Self {
            session_idle_us: option_us(plan, &SCHEMA, "session_idle_ms"),
            rule: SegmentRule {
                buyer_share: option(plan, &SCHEMA, "buyer_share"),
                researcher_share: option(plan, &SCHEMA, "researcher_share"),
                margin: option(plan, &SCHEMA, "segment_margin"),
            },
            path_pages: option_count(plan, &SCHEMA, "path_pages") as u32,
            top: option_count(plan, &SCHEMA, "top"),
            totals: Totals::default(),
            watermark: Watermark::new(option_us(plan, &SCHEMA, "lateness_ms")),
            users: Users::new(option_count(plan, &SCHEMA, "users_max")),
            sessions: 0,
            pages: Names::new(option_count(plan, &SCHEMA, "pages_max")),
            paths: HashMap::default(),
            ends: EndPages::default(),
            time_to_purchase_ms: ValueHistogram::new(),
        }
    }

    fn path_section(&self) -> Section {
        let whole = self.paths.values().sum();
        let paths = self.paths.iter().map(|(path, count)| (path.text(), *count));
        let top = greatest(paths, self.top, |count| *count).into_iter();
        Section::new(format!("paths of {} pages", self.path_pages))
            .rows(top.map(|(name, part)| (name, Value::Part { part, whole })))
    }

    /// Where sessions ended. One that is still open counts where it stands.
    fn end_sections(&self) -> [Section; 2] {
        let mut ends = self.ends.clone();
        for (_, person) in self.users.iter() {
            person.visits.open().iter().for_each(|visit| ends.close(visit));
        }
        ends.sections(&self.pages.names(), self.top)
    }

    /// The latest way of those who do most: each with the user's engagement.
    fn journey_section(&self) -> Section {
        let users = self.users.iter().map(|(name, person)| (name, person.engagement()));
        let most = greatest(users, self.top, |score| *score).into_iter();
        let rows = most.map(|(name, score)| {
            let latest = self.users.known(name).and_then(Person::latest);
            let way = latest.map(|visit| visit.what.recent.text()).unwrap_or_default();
            (format!("{name}: {way}"), Value::Count(score))
        });
        Section::new("most engaged users, their latest way").rows(rows)
    }

    fn segment_sections(&self) -> Vec<Section> {
        let mut groups: [SegmentSums; Segment::ALL.len()] = Default::default();
        let mut scores = ValueHistogram::new();
        for (_, person) in self.users.iter() {
            let group = &mut groups[person.segment(&self.rule).index()];
            let score = person.engagement();
            scores.record(score);
            group.users += 1;
            group.engagement += score;
            group.devices[person.device()] += 1;
            if let Some(time_ms) = person.time_to_purchase_ms() {
                group.time_to_purchase_ms.record(time_ms);
            }
        }
        let whole = self.users.len() as u64;
        let by_segment = |value: fn(&SegmentSums, u64) -> Value| {
            Segment::ALL.map(|segment| (segment.name(), value(&groups[segment.index()], whole)))
        };
        let mut sections = vec![
            Section::new("segments, users")
                .rows(by_segment(|group, whole| Value::Part { part: group.users, whole })),
            scores.rows(Section::new("engagement per user"), Value::Count),
            Section::new("engagement by segment").rows(by_segment(|group, _| Value::Mean {
                sum: group.engagement,
                count: group.users,
            })),
            self.time_to_purchase_ms
                .rows(Section::new("time to purchase within a session"), Value::Ms),
        ];
        for segment in Segment::ALL {
            let title = format!("first event to first purchase, {}", segment.name());
            let times = &groups[segment.index()].time_to_purchase_ms;
            sections.push(times.rows(Section::new(title), Value::Ms));
        }
        for segment in Segment::ALL {
            let group = &groups[segment.index()];
            let devices = DEVICES.iter().zip(group.devices);
            sections.push(Section::new(format!("devices of {}", segment.name())).rows(
                devices.map(|(device, part)| (*device, Value::Part { part, whole: group.users })),
            ));
        }
        sections
    }
}

/// The event's session, its user brought up to date.
fn follow<'u>(
    users: &'u mut Users<Person>,
    ends: &mut EndPages,
    session_idle_us: i64,
    event: &Event<'_>,
    due_us: i64,
) -> &'u mut UserSession<SessionPath> {
    let person = users.get(event.user_id, |_, gone: Person| {
        gone.visits.open().iter().for_each(|visit| ends.close(visit));
    });
    person.first_us = person.first_us.min(due_us);
    if event.event_type == EventType::Purchase {
        person.bought_us = person.bought_us.min(due_us);
    }
    let count = &mut person.by_type[event.event_type.index()];
    *count = count.saturating_add(1);
    let device = DEVICES.iter().position(|name| event.device.kind == Some(name));
    let count = &mut person.devices[device.unwrap_or(DEVICES.len() - 1)];
    *count = count.saturating_add(1);
    person.visits.step(event.session_id, due_us, session_idle_us, |visit| ends.close(visit))
}

impl App for Behavior {
    fn prefetch(&self, key: &[u8]) {
        self.users.prefetch(key);
    }

    fn observe(&mut self, event: &Event<'_>, due_us: i64) {
        self.totals.count(event);
        self.watermark.is_late(due_us);
        let visit = follow(&mut self.users, &mut self.ends, self.session_idle_us, event, due_us);
        // After the user, whom the memory takes its time to bring: this can be done meanwhile.
        let page = self.pages.id(interner::path(event.page_url));
        let kind = PageKind::of(event.page_url);
        let begins = visit.events == 1;
        let since_us = due_us.saturating_sub(visit.first_us);
        let way = &mut visit.what;
        way.last_page = page;
        way.last_kind = kind.index() as u8;
        way.kinds |= 1 << kind.index();
        let first_purchase = event.event_type == EventType::Purchase && !way.bought;
        way.bought |= first_purchase;
        let path = if way.recent.step(kind) { way.recent.last(self.path_pages) } else { None };
        self.sessions += u64::from(begins);
        if let Some(path) = path {
            *self.paths.entry(path).or_default() += 1;
        }
        if first_purchase {
            self.time_to_purchase_ms.record(since_us.max(0).unsigned_abs() / 1_000);
        }
    }

    fn merge(&mut self, other: Box<dyn App>) {
        let Ok(mut other) = other.into_any().downcast::<Self>() else {
            return;
        };
        self.totals.add(&other.totals);
        self.watermark.merge(&other.watermark);
        self.sessions += other.sessions;
        let pages = self.pages.merge(other.pages);
        other.users.renumber(|person| {
            for visit in person.visits.open_mut() {
                visit.what.last_page = pages[visit.what.last_page as usize];
            }
        });
        self.users.merge(other.users);
        for (path, count) in other.paths {
            *self.paths.entry(path).or_default() += count;
        }
        self.ends.merge(&other.ends, &pages);
        self.time_to_purchase_ms.merge(&other.time_to_purchase_ms);
    }

    fn summary(&self) -> Summary {
        let mut sections = self.segment_sections();
        sections.push(self.path_section());
        sections.extend(self.end_sections());
        sections.push(self.journey_section());
        let late = Value::Count(self.watermark.late());
        sections.push(Section::new("stream").row(LATE, late));
        Summary {
            app: SCHEMA.name.to_owned(),
            totals: Totals {
                sessions: Some(self.sessions),
                users: Some(self.users.len() as u64),
                ..self.totals
            },
            sections,
            dropped: self.users.dropped() + self.pages.dropped(),
            ..Summary::default()
        }
    }

    fn each_user(&self, tell: &mut dyn FnMut(&UserSegment<'_>)) {
        for (user_id, person) in self.users.iter() {
            let segment = person.segment(&self.rule);
            tell(&UserSegment { user_id, segment, events: person.events() });
        }
    }

    fn copy(&self) -> Box<dyn App> {
        Box::new(self.clone())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
