//! The dashboard: what goes on right now. "Now" is the greatest event time that was seen.
//!
//! The window slides by whole seconds: it is the second of now, as far as it has come, and those
//! before it. Each partition keeps its own last seconds. The merged now is never earlier than a
//! partition's own, so whatever the merged window asks for is there.
//!
//! A page or product is trending whose share of all views, or of all events about products, is
//! greater than in the window before. Shares, so that not everything is trending in the morning;
//! `trending_min` keeps out what a handful of users make or break. Before there was a window
//! before, nothing is.
//!
//! The frames are how it went: one for every `frame_ms` of event time, empty ones too, and the
//! latest `frames_max` of them. Older frames are counted, and leave all other figures as they are.

use std::any::Any;

use super::state::counts::greatest;
use super::state::interner::{self, Names, OTHER_ID};
use super::state::users::{PerUser, Users};
use super::state::watermark::Watermark;
use super::summary::{LATE, Section, Summary, Totals, Value, price_cents};
use super::{App, AppKind, option_count, option_us};
use crate::event::{Event, EventType};
use crate::plan::{AppOption, AppPlan, AppSchema, OptionKind};

use frames::Frames;
use seconds::{NumberCounts, Numbers, Seconds};

mod frames;
mod seconds;
mod span;

const SCHEMA: AppSchema = AppSchema {
    name: "dashboard",
    group_env: "KAFKA_DASHBOARD_GROUP",
    default_group: "dashboard-processors",
    options: &[
        AppOption {
            key: "window_ms",
            help: "how far back the dashboard looks; rounded up to whole seconds",
            kind: OptionKind::Duration,
            default: 60_000.0,
            range: (1_000.0, 3_600_000.0),
        },
        AppOption {
            key: "active_ms",
            help: "a user is active for this long after an event",
            kind: OptionKind::Duration,
            default: 300_000.0,
            range: (1_000.0, 86_400_000.0),
        },
        AppOption {
            key: "trending_min",
            help: "a page or product is trending from so many events in the window on",
            kind: OptionKind::Number,
            default: 20.0,
            range: (1.0, 1e9),
        },
        AppOption {
            key: "frame_ms",
            help: "each frame is the figures of so much time",
            kind: OptionKind::Duration,
            default: 10_000.0,
            range: (1_000.0, 3_600_000.0),
        },
        AppOption {
            key: "frames_max",
            help: "most frames kept; older ones are counted",
            kind: OptionKind::Number,
            default: 360.0,
            range: (1.0, 100_000.0),
        },
        super::lateness(
            "events further behind the partition's newest are late: in the totals only",
        ),
        super::users_max(
            "most active users known at once, per partition; the longest idle fall out",
        ),
        AppOption {
            key: "pages_max",
            help: "most different pages, per partition; later ones share a row",
            kind: OptionKind::Number,
            default: 10_000.0,
            range: (1.0, 1e6),
        },
        AppOption {
            key: "products_max",
            help: "most different products, per partition; later ones share a row",
            kind: OptionKind::Number,
            default: 10_000.0,
            range: (1.0, 1e6),
        },
        super::TOP,
    ],
};

/// The application's place in the list.
pub(super) const KIND: AppKind = AppKind {
    schema: SCHEMA,
    new: |plan| Box::new(Dashboard::new(plan)),
    rhythm: super::Rhythm::Time(std::time::Duration::from_secs(10)),
};

/// One user, as long as active.
#[derive(Debug, Clone, Copy)]
struct Presence {
    last_us: i64,
    /// The last purchase; `i64::MIN` before the first.
    bought_us: i64,
}

impl Default for Presence {
    fn default() -> Self {
        Self { last_us: i64::MIN, bought_us: i64::MIN }
    }
}

impl PerUser for Presence {
    fn last_us(&self) -> i64 {
        self.last_us
    }

    fn absorb(&mut self, other: Self) {
        self.last_us = self.last_us.max(other.last_us);
        self.bought_us = self.bought_us.max(other.bought_us);
    }
}

#[derive(Debug, Clone)]
struct Dashboard {
    active_us: i64,
    top: usize,
    totals: Totals,
    /// Least and greatest event time.
    span_us: Option<(i64, i64)>,
    watermark: Watermark,
    seconds: Seconds,
    frames: Frames,
    trending_min: u64,
    pages: Names,
    products: Names,
    users: Users<Presence>,
    /// When the idle are forgotten next.
    sweep_us: i64,
}

impl Dashboard {
    fn new(plan: &AppPlan) -> Self {
        Self {
            active_us: option_us(plan, &SCHEMA, "active_ms"),
            top: option_count(plan, &SCHEMA, "top"),
            totals: Totals::default(),
            span_us: None,
            seconds: Seconds::new(option_us(plan, &SCHEMA, "window_ms")),
            watermark: Watermark::new(option_us(plan, &SCHEMA, "lateness_ms")),
            frames: Frames::new(
                option_us(plan, &SCHEMA, "frame_ms"),
                option_us(plan, &SCHEMA, "active_ms"),
                option_count(plan, &SCHEMA, "frames_max"),
            ),
            trending_min: option_count(plan, &SCHEMA, "trending_min") as u64,
            pages: Names::new(option_count(plan, &SCHEMA, "pages_max")),
            products: Names::new(option_count(plan, &SCHEMA, "products_max")),
            users: Users::new(option_count(plan, &SCHEMA, "users_max")),
            sweep_us: i64::MIN,
        }
    }

    /// Forgets who can't be active at any later now. A quarter of the time in between bounds the
    /// table to a quarter more than the active.
    fn sweep(&mut self, now_us: i64) {
        if now_us < self.sweep_us {
            return;
        }
        let since_us = now_us.saturating_sub(self.frames.memory_us());
        self.users.retain(|user| user.last_us > since_us);
        self.sweep_us = now_us.saturating_add(self.active_us / 4);
    }

    /// The greatest counts of a window.
    fn top_section(&self, title: &str, names: &[&str], now: &NumberCounts) -> Section {
        let named = now.iter().map(|(number, count)| (names[number], count));
        let rows = greatest(named, self.top, |count| *count).into_iter();
        Section::new(title).rows(rows.map(|(name, count)| (name, Value::Count(count))))
    }

    /// What has a greater share of the window than of the one before, greatest rise first.
    fn trending_section(
        &self,
        title: &str,
        names: &[&str],
        now: &NumberCounts,
        before: &NumberCounts,
    ) -> Section {
        let (now_sum, before_sum) = (now.sum(), before.sum());
        let rise = |(number, count): (usize, u64)| {
            // Something new counts as if it had come once: a rise from nothing has no factor.
            let whole = before.get(number).max(1).saturating_mul(now_sum);
            (names[number], count.saturating_mul(before_sum), whole)
        };
        let mut rises: Vec<_> = now
            .iter()
            .filter(|(number, count)| *number != OTHER_ID as usize && *count >= self.trending_min)
            .map(rise)
            .filter(|(_, part, whole)| part > whole)
            .collect();
        let product = |a: u64, b: u64| u128::from(a) * u128::from(b);
        rises.sort_unstable_by(|a, b| {
            product(b.1, a.2).cmp(&product(a.1, b.2)).then_with(|| a.0.cmp(b.0))
        });
        let rows = rises.into_iter().take(self.top);
        Section::new(title)
            .rows(rows.map(|(name, part, whole)| (name, Value::Factor { part, whole })))
    }

    fn active_section(&self, now_us: i64) -> Section {
        let since_us = now_us.saturating_sub(self.active_us);
        let (mut users, mut buyers) = (0, 0);
        for (_, user) in self.users.iter().filter(|(_, user)| user.last_us > since_us) {
            users += 1;
            buyers += u64::from(user.bought_us > since_us);
        }
        Section::new("active users")
            .row("active", Value::Count(users))
            .row("of them buyers", Value::Count(buyers))
            .row("conversion, buyers per user", Value::Share { part: buyers, whole: users })
    }
}

impl App for Dashboard {
    fn prefetch(&self, key: &[u8]) {
        self.users.prefetch(key);
    }

    fn observe(&mut self, event: &Event<'_>, due_us: i64) {
        self.totals.count(event);
        if self.watermark.is_late(due_us) {
            return;
        }
        let (first_us, now_us) = self.span_us.unwrap_or((due_us, due_us));
        let now_us = now_us.max(due_us);
        self.span_us = Some((first_us.min(due_us), now_us));
        let page = match event.event_type {
            EventType::PageView => Some(self.pages.id(interner::path(event.page_url))),
            _ => None,
        };
        let product = event.properties.product_name.or(event.properties.product_id);
        let product = product.map(|product| self.products.id(product));
        if let Some(second) = self.seconds.at(due_us) {
            second.by_type[event.event_type.index()] += 1;
            if let Some(page) = page {
                second.views.add(page, 1);
            }
            if let Some(product) = product {
                second.products.add(product, 1);
            }
            if event.event_type == EventType::Purchase {
                second.revenue_cents = second.revenue_cents.saturating_add(price_cents(event));
            }
        }
        let user = self.users.get(event.user_id, |_, _| {});
        let before_us = Some(user.last_us).filter(|last_us| *last_us != i64::MIN);
        user.last_us = user.last_us.max(due_us);
        if event.event_type == EventType::Purchase {
            user.bought_us = user.bought_us.max(due_us);
        }
        self.frames.observe(event.event_type, page, due_us, before_us);
        self.sweep(now_us);
    }

    fn merge(&mut self, other: Box<dyn App>) {
        let Ok(other) = other.into_any().downcast::<Self>() else {
            return;
        };
        self.totals.add(&other.totals);
        self.span_us = match (self.span_us, other.span_us) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (one, None) | (None, one) => one,
        };
        self.watermark.merge(&other.watermark);
        let (pages, products) =
            (self.pages.merge(other.pages), self.products.merge(other.products));
        self.frames.merge(other.frames, &pages);
        self.seconds.merge(&other.seconds, &Numbers { pages, products });
        self.users.merge(other.users);
    }

    fn summary(&self) -> Summary {
        let (first_us, now_us) = self.span_us.unwrap_or_default();
        let now = self.seconds.window(now_us, 0);
        let before = self.seconds.window(now_us, 1);
        let events = now.by_type.iter().sum();
        let of = |kind: EventType| now.by_type[kind.index()];
        let span_ms = self.seconds.covered_ms(first_us, now_us);
        let (part, whole) = (of(EventType::Purchase), of(EventType::PageView));
        let (pages, products) = (self.pages.names(), self.products.names());
        let (frames, older) = self.frames.frames(first_us, now_us, &pages);
        let by_type = EventType::ALL.iter().map(|kind| (kind.name(), Value::Count(of(*kind))));
        let sections = vec![
            Section::new("now")
                .row("events", Value::Count(events))
                .row("events per second", Value::Rate { count: events, span_ms })
                .row("revenue", Value::Cents(now.revenue_cents))
                .row("conversion, purchases per page view", Value::Share { part, whole }),
            self.active_section(now_us),
            Section::new("events by type").rows(by_type),
            self.top_section("top pages, views", &pages, &now.views),
            self.trending_section("trending pages", &pages, &now.views, &before.views),
            self.top_section("top products, events", &products, &now.products),
            self.trending_section("trending products", &products, &now.products, &before.products),
            Section::new("stream")
                .row("frames", Value::Count(frames.len() as u64))
                .row("older frames, not kept", Value::Count(older))
                .row(LATE, Value::Count(self.watermark.late())),
        ];
        Summary {
            app: SCHEMA.name.to_owned(),
            totals: self.totals,
            sections,
            frames,
            dropped: self.pages.dropped() + self.products.dropped() + self.users.dropped(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apps::sample;

    #[test]
    fn a_user_is_active_until_the_time_is_up() {
        let mut state = Dashboard::new(&sample::plan(&[("active_ms", 5_000.0)]));
        let mut sample = sample::events(1, 1, 1, 0).remove(0);
        let start_us = sample.due_us;
        for (user_id, due_us) in [("a", 0), ("b", 1), ("c", 5_000_000)] {
            sample.user_id = user_id.to_owned();
            state.observe(&sample.event(), start_us + due_us);
        }
        let active = state.active_section(start_us + 5_000_000);
        assert_eq!(active.rows[0].value, Value::Count(2), "a's time was up in this microsecond");
    }

    #[test]
    fn the_idle_are_forgotten() {
        let mut state = Dashboard::new(&sample::plan(&[("active_ms", 5_000.0)]));
        for (second, sample) in (0_i64..).zip(sample::events(1, 10_000, 1_000_000, 0)) {
            state.observe(&sample.event(), second * 1_000_000);
        }
        // Two frames' time and a quarter more.
        assert!(state.users.len() < 30, "{}", state.users.len());
        assert_eq!(state.users.dropped(), 0);
    }
    #[test]
    fn a_late_event_is_in_the_totals_and_in_no_window_or_frame() {
        let mut state = Dashboard::new(&sample::plan(&[]));
        let sample = sample::events(1, 1, 1, 0).remove(0);
        for behind_us in [0, 30_000_000, 60_000_000, 60_000_001] {
            state.observe(&sample.event(), sample.due_us - behind_us);
        }
        let summary = state.summary();
        assert_eq!((summary.totals.events, state.watermark.late()), (4, 1));
        let rates = summary.frames.iter().map(|frame| frame.figures[0].value);
        let counts: Vec<_> = rates
            .map(|rate| if let Value::Rate { count, .. } = rate { count } else { 0 })
            .filter(|count| *count > 0)
            .collect();
        assert_eq!(counts, [1, 1, 1]);
    }
}
