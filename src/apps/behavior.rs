//! Behavior: who the users are, which ways they go, where they leave, how long buying takes.

use std::any::Any;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::event::{Event, EventType};
use crate::plan::{AppOption, AppPlan, AppSchema, OptionKind};

use super::names::{self, Names};
use super::spread::Spread;
use super::summary::{Section, Summary, Totals, Value};
use super::tally::greatest;
use super::users::Users;
use super::visits::Visit;
use super::{App, AppKind, option, option_count, option_us};
use people::{DEVICES, PATH_PAGES, Person, Segment, Way};

mod people;

const SCHEMA: AppSchema = AppSchema {
    name: "behavior",
    group_env: "KAFKA_BEHAVIOR_GROUP",
    default_group: "behavior-analyzers",
    options: &[
        AppOption {
            key: "session_idle_ms",
            help: "a session ends after this long without an event",
            kind: OptionKind::Duration,
            default: 1_800_000.0,
            range: (1_000.0, 86_400_000.0),
        },
        AppOption {
            key: "researcher_share",
            help: "who buys nothing is a researcher from this share of searches on, else a browser",
            kind: OptionKind::Number,
            default: 0.15,
            range: (0.0, 1.0),
        },
        AppOption {
            key: "users_max",
            help: "most users known at once, per partition; the longest idle fall out",
            kind: OptionKind::Number,
            default: 1_000_000.0,
            range: (1.0, 1e8),
        },
        AppOption {
            key: "pages_max",
            help: "most different pages, and kinds of pages, per partition",
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

/// Most different paths, per partition: some 20 MB.
const PATHS_MAX: usize = 1_000_000;

#[derive(Debug, Clone)]
struct Behavior {
    session_idle_us: i64,
    researcher_share: f64,
    top: usize,
    totals: Totals,
    users: Users<Person>,
    sessions: u64,
    pages: Names,
    kinds: Names,
    /// How often each way of three pages was gone, by the pages' kinds.
    paths: HashMap<[u32; PATH_PAGES], u64, FixedState>,
    /// Steps that found no place among the paths.
    paths_dropped: u64,
    /// Sessions that were closed, by their last page.
    drop_off: Vec<u64>,
    time_to_purchase_ms: Spread,
}

/// Counts a session at the page it ended on.
fn drop_off(counts: &mut Vec<u64>, page: u32, sessions: u64) {
    let page = page as usize;
    if page >= counts.len() {
        counts.resize(page + 1, 0);
    }
    counts[page] += sessions;
}

impl Behavior {
    fn new(plan: &AppPlan) -> Self {
        let pages_max = option_count(plan, &SCHEMA, "pages_max");
        Self {
            session_idle_us: option_us(plan, &SCHEMA, "session_idle_ms"),
            researcher_share: option(plan, &SCHEMA, "researcher_share"),
            top: option_count(plan, &SCHEMA, "top"),
            totals: Totals::default(),
            users: Users::new(option_count(plan, &SCHEMA, "users_max")),
            sessions: 0,
            pages: Names::new(pages_max),
            kinds: Names::new(pages_max),
            paths: HashMap::default(),
            paths_dropped: 0,
            drop_off: Vec::new(),
            time_to_purchase_ms: Spread::new(),
        }
    }

    /// The event's session, its user brought up to date.
    fn follow(&mut self, event: &Event<'_>, due_us: i64) -> &mut Visit<Way> {
        let ends = &mut self.drop_off;
        let person = self.users.get(event.user_id, |_, gone: Person| {
            for visit in gone.visits.open() {
                drop_off(ends, visit.what.last_page, 1);
            }
        });
        person.last_us = person.last_us.max(due_us);
        let count = &mut person.by_type[event.event_type.index()];
        *count = count.saturating_add(1);
        let device = DEVICES.iter().position(|name| event.device.kind == Some(name));
        let count = &mut person.devices[device.unwrap_or(DEVICES.len() - 1)];
        *count = count.saturating_add(1);
        let idle_us = self.session_idle_us;
        person.visits.step(event.session_id, due_us, idle_us, |visit| {
            drop_off(ends, visit.what.last_page, 1);
        })
    }

    fn count_path(&mut self, path: [u32; PATH_PAGES], count: u64) {
        if let Some(sum) = self.paths.get_mut(&path) {
            *sum += count;
        } else if self.paths.len() < PATHS_MAX {
            self.paths.insert(path, count);
        } else {
            self.paths_dropped += count;
        }
    }

    /// Sessions by the page they ended on. One that is still open counts where it stands.
    fn drop_off_section(&self) -> Section {
        let mut ends = self.drop_off.clone();
        for (_, person) in self.users.iter() {
            for visit in person.visits.open() {
                drop_off(&mut ends, visit.what.last_page, 1);
            }
        }
        let names = self.pages.names();
        let rows: Vec<_> = ends.iter().enumerate().filter(|(_, count)| **count > 0).collect();
        let rows = rows.into_iter().map(|(page, count)| (names[page], *count));
        let top = greatest(rows, self.top, |count| *count);
        Section::new("last pages, sessions")
            .rows(top.into_iter().map(|(name, count)| (name, Value::Count(count))))
    }

    fn path_section(&self) -> Section {
        let kinds = self.kinds.names();
        let paths: Vec<(String, u64)> = self
            .paths
            .iter()
            .map(|(path, count)| (path.map(|kind| kinds[kind as usize]).join(" > "), *count))
            .collect();
        let rows = paths.iter().map(|(name, count)| (name.as_str(), *count));
        let top = greatest(rows, self.top, |count| *count);
        Section::new("paths of three pages")
            .rows(top.into_iter().map(|(name, count)| (name, Value::Count(count))))
    }

    fn segment_sections(&self) -> Vec<Section> {
        let mut users = [0_u64; Segment::ALL.len()];
        let mut engagement = [0_u64; Segment::ALL.len()];
        let mut devices = [[0_u64; DEVICES.len()]; Segment::ALL.len()];
        let mut scores = Spread::new();
        for (_, person) in self.users.iter() {
            let segment = person.segment(self.researcher_share) as usize;
            let score = person.engagement();
            users[segment] += 1;
            engagement[segment] += score;
            devices[segment][person.device()] += 1;
            scores.record(score);
        }
        let whole = self.users.len() as u64;
        let by_segment = |value: &dyn Fn(usize) -> Value| {
            Segment::ALL.map(|segment| (segment.name(), value(segment as usize)))
        };
        let mut sections = vec![
            Section::new("segments, users").rows(by_segment(&|s| Value::Count(users[s]))),
            Section::new("segments, share of users")
                .rows(by_segment(&|s| Value::Share { part: users[s], whole })),
            scores.rows(Section::new("engagement per user"), Value::Count),
            Section::new("engagement by segment")
                .rows(by_segment(&|s| Value::Mean { sum: engagement[s], count: users[s] })),
        ];
        for segment in Segment::ALL {
            let s = segment as usize;
            let shares = DEVICES.iter().zip(devices[s]);
            sections.push(Section::new(format!("devices of {}", segment.name())).rows(
                shares.map(|(device, part)| (*device, Value::Share { part, whole: users[s] })),
            ));
        }
        sections
    }
}

impl App for Behavior {
    fn observe(&mut self, event: &Event<'_>, due_us: i64) {
        self.totals.count(event);
        let page = self.pages.id(names::path(event.page_url));
        let is_view = event.event_type == EventType::PageView;
        let kind = if is_view { self.kinds.id(names::page_kind(event.page_url)) } else { 0 };
        let visit = self.follow(event, due_us);
        let begins = visit.events == 1;
        let since_us = due_us.saturating_sub(visit.first_us);
        let way = &mut visit.what;
        way.last_page = page;
        let first_purchase = event.event_type == EventType::Purchase && !way.bought;
        way.bought |= first_purchase;
        let mut path = None;
        if is_view {
            way.kinds.rotate_left(1);
            way.kinds[PATH_PAGES - 1] = kind;
            way.views = way.views.saturating_add(1);
            path = (way.views as usize >= PATH_PAGES).then_some(way.kinds);
        }
        self.sessions += u64::from(begins);
        if let Some(path) = path {
            self.count_path(path, 1);
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
        self.sessions += other.sessions;
        let pages = self.pages.merge(other.pages);
        let kinds = self.kinds.merge(other.kinds);
        other.users.renumber(|person| {
            for visit in person.visits.open_mut() {
                visit.what.last_page = pages[visit.what.last_page as usize];
                visit.what.kinds = visit.what.kinds.map(|kind| kinds[kind as usize]);
            }
        });
        self.users.merge(other.users);
        for (path, count) in other.paths {
            *self.paths.entry(path.map(|kind| kinds[kind as usize])).or_default() += count;
        }
        self.paths_dropped += other.paths_dropped;
        for (there, sessions) in other.drop_off.iter().enumerate() {
            drop_off(&mut self.drop_off, pages[there], *sessions);
        }
        self.time_to_purchase_ms.merge(&other.time_to_purchase_ms);
    }

    fn summary(&self) -> Summary {
        let mut sections = self.segment_sections();
        sections.push(self.path_section());
        sections.push(self.drop_off_section());
        sections.push(
            self.time_to_purchase_ms.rows(Section::new("time to the first purchase"), Value::Ms),
        );
        Summary {
            app: SCHEMA.name.to_owned(),
            totals: Totals {
                sessions: Some(self.sessions),
                users: Some(self.users.len() as u64),
                ..self.totals
            },
            sections,
            dropped: self.users.dropped()
                + self.pages.dropped()
                + self.kinds.dropped()
                + self.paths_dropped,
            ..Summary::default()
        }
    }

    fn copy(&self) -> Box<dyn App> {
        Box::new(self.clone())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
