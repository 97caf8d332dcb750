//! The dashboard: what goes on right now. "Now" is the greatest event time that was seen.
//!
//! The window slides by whole seconds: it is the second of now, as far as it has come, and those
//! before it. Each partition keeps its own last seconds. The merged now is never earlier than a
//! partition's own, so whatever the merged window asks for is there.

use std::any::Any;

use crate::event::{Event, EventType};
use crate::plan::{AppOption, AppPlan, AppSchema, OptionKind};

use super::names::{self, Names};
use super::summary::{Section, Summary, Totals, Value, price_cents};
use super::tally::greatest;
use super::users::{PerUser, Users};
use super::{App, AppKind, option_count, option_us};

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
            key: "users_max",
            help: "most active users known at once, per partition; the longest idle fall out",
            kind: OptionKind::Number,
            default: 1_000_000.0,
            range: (1.0, 1e8),
        },
        AppOption {
            key: "pages_max",
            help: "most different pages, per partition",
            kind: OptionKind::Number,
            default: 10_000.0,
            range: (1.0, 1e6),
        },
        AppOption {
            key: "top",
            help: "rows shown of a table",
            kind: OptionKind::Number,
            default: 10.0,
            range: (1.0, 1_000.0),
        },
    ],
};

/// The application's place in the list.
pub(super) const KIND: AppKind = AppKind {
    schema: SCHEMA,
    new: |plan| Box::new(Dashboard::new(plan)),
};

const SECOND_US: i64 = 1_000_000;

/// What happened in one second.
#[derive(Debug, Clone, Default)]
struct Second {
    /// Which one, since 1970; `None` before the first event.
    number: Option<i64>,
    by_type: [u64; 5],
    revenue_cents: u64,
    /// Page views by the page's number in [`Names`].
    views: Vec<u64>,
}

impl Second {
    /// Makes this place that of another second; keeps the allocation.
    fn begin(&mut self, number: i64) {
        self.number = Some(number);
        self.by_type = [0; 5];
        self.revenue_cents = 0;
        self.views.clear();
    }

    fn view(&mut self, page: u32, count: u64) {
        let page = page as usize;
        if page >= self.views.len() {
            self.views.resize(page + 1, 0);
        }
        self.views[page] += count;
    }

    fn add(&mut self, other: &Self, pages: &[u32]) {
        for (count, more) in self.by_type.iter_mut().zip(other.by_type) {
            *count += more;
        }
        self.revenue_cents = self.revenue_cents.saturating_add(other.revenue_cents);
        for (there, count) in other
            .views
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
        {
            self.view(pages[there], *count);
        }
    }
}

/// One user, as long as active.
#[derive(Debug, Clone, Copy)]
struct Presence {
    last_us: i64,
    /// The last purchase; `i64::MIN` before the first.
    bought_us: i64,
}

impl Default for Presence {
    fn default() -> Self {
        Self {
            last_us: i64::MIN,
            bought_us: i64::MIN,
        }
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

#[derive(Debug)]
struct Dashboard {
    window_s: i64,
    active_us: i64,
    top: usize,
    totals: Totals,
    /// Least and greatest event time.
    span_us: Option<(i64, i64)>,
    /// Twice the window, so that it can be compared with the one before: a ring by second.
    seconds: Vec<Second>,
    pages: Names,
    users: Users<Presence>,
    /// When the idle are forgotten next.
    sweep_us: i64,
}

impl Dashboard {
    fn new(plan: &AppPlan) -> Self {
        let window_us = option_us(plan, &SCHEMA, "window_ms").max(1);
        let window_s = (window_us + SECOND_US - 1) / SECOND_US;
        Self {
            window_s,
            active_us: option_us(plan, &SCHEMA, "active_ms"),
            top: option_count(plan, &SCHEMA, "top"),
            totals: Totals::default(),
            span_us: None,
            seconds: vec![Second::default(); window_s as usize * 2],
            pages: Names::new(option_count(plan, &SCHEMA, "pages_max")),
            users: Users::new(option_count(plan, &SCHEMA, "users_max")),
            sweep_us: i64::MIN,
        }
    }

    /// The place of a second in the ring, made ready for it; `None` when a newer one has it.
    fn second(&mut self, number: i64) -> Option<&mut Second> {
        let index = number.rem_euclid(self.seconds.len() as i64) as usize;
        let second = &mut self.seconds[index];
        match second.number {
            Some(there) if there == number => {}
            Some(there) if there > number => return None,
            _ => second.begin(number),
        }
        Some(second)
    }

    /// The seconds from `window` windows ago (0: the last) up to the next window.
    fn window(&self, ago: i64) -> impl Iterator<Item = &Second> {
        let now_s = self
            .span_us
            .map_or(0, |(_, now_us)| now_us.div_euclid(SECOND_US));
        let last_s = now_s.saturating_sub(ago * self.window_s);
        let first_s = last_s.saturating_sub(self.window_s);
        self.seconds.iter().filter(move |second| {
            second
                .number
                .is_some_and(|number| number > first_s && number <= last_s)
        })
    }

    /// Page views of a window by the page's number.
    fn views(&self, ago: i64) -> Vec<u64> {
        let mut views = Vec::new();
        for second in self.window(ago) {
            if second.views.len() > views.len() {
                views.resize(second.views.len(), 0);
            }
            for (sum, count) in views.iter_mut().zip(&second.views) {
                *sum += count;
            }
        }
        views
    }

    /// The part of the window that the stream has filled, in milliseconds; at least 1.
    fn covered_ms(&self) -> u64 {
        let Some((first_us, now_us)) = self.span_us else {
            return 0;
        };
        let second_s = now_us.div_euclid(SECOND_US) - self.window_s + 1;
        let start_us = second_s.saturating_mul(SECOND_US).max(first_us);
        (now_us.saturating_sub(start_us).max(0).unsigned_abs() / 1_000).max(1)
    }

    /// Forgets who can't be active at any later now. A quarter of the time in between bounds the
    /// table to a quarter more than the active.
    fn sweep(&mut self, now_us: i64) {
        if now_us < self.sweep_us {
            return;
        }
        let since_us = now_us.saturating_sub(self.active_us);
        self.users.retain(|user| user.last_us > since_us);
        self.sweep_us = now_us.saturating_add(self.active_us / 4);
    }

    fn page_sections(&self) -> [Section; 2] {
        let (now, before) = (self.views(0), self.views(1));
        let names = self.pages.names();
        let named = |views: &[u64]| -> Vec<(usize, u64)> {
            views
                .iter()
                .copied()
                .enumerate()
                .filter(|(_, count)| *count > 0)
                .collect()
        };
        let top = named(&now);
        let top = greatest(
            top.iter().map(|(page, n)| (names[*page], *n)),
            self.top,
            |n| *n,
        );
        // More views than in the window before: what is new counts in full.
        let rise: Vec<u64> = now
            .iter()
            .enumerate()
            .map(|(page, count)| count.saturating_sub(before.get(page).copied().unwrap_or(0)))
            .collect();
        let rise = named(&rise);
        let rise = greatest(
            rise.iter().map(|(page, n)| (names[*page], *n)),
            self.top,
            |n| *n,
        );
        let rows = |rows: Vec<(&str, u64)>| {
            rows.into_iter()
                .map(|(name, n)| (name.to_owned(), Value::Count(n)))
                .collect::<Vec<_>>()
        };
        [
            Section::new("top pages, views in the window").rows(rows(top)),
            Section::new("trending pages, more views than in the window before").rows(rows(rise)),
        ]
    }
}

impl App for Dashboard {
    fn observe(&mut self, event: &Event<'_>, due_us: i64) {
        self.totals.count(event);
        let (first_us, now_us) = self.span_us.unwrap_or((due_us, due_us));
        let now_us = now_us.max(due_us);
        self.span_us = Some((first_us.min(due_us), now_us));
        let page = match event.event_type {
            EventType::PageView => Some(self.pages.id(names::path(event.page_url))),
            _ => None,
        };
        if let Some(second) = self.second(due_us.div_euclid(SECOND_US)) {
            second.by_type[event.event_type.index()] += 1;
            if let Some(page) = page {
                second.view(page, 1);
            }
            if event.event_type == EventType::Purchase {
                second.revenue_cents = second.revenue_cents.saturating_add(price_cents(event));
            }
        }
        let user = self.users.get(event.user_id, |_, _| {});
        user.last_us = user.last_us.max(due_us);
        if event.event_type == EventType::Purchase {
            user.bought_us = user.bought_us.max(due_us);
        }
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
        let pages = self.pages.merge(other.pages);
        for theirs in &other.seconds {
            if let Some(number) = theirs.number
                && let Some(second) = self.second(number)
            {
                second.add(theirs, &pages);
            }
        }
        self.users.merge(other.users);
    }

    fn summary(&self) -> Summary {
        let mut by_type = [0; 5];
        let mut revenue_cents = 0_u64;
        for second in self.window(0) {
            for (sum, count) in by_type.iter_mut().zip(second.by_type) {
                *sum += count;
            }
            revenue_cents = revenue_cents.saturating_add(second.revenue_cents);
        }
        let events = by_type.iter().sum();
        let of = |kind: EventType| by_type[kind.index()];
        let now_us = self.span_us.map_or(i64::MIN, |(_, now_us)| now_us);
        let since_us = now_us.saturating_sub(self.active_us);
        let active = || {
            self.users
                .iter()
                .filter(|(_, user)| user.last_us > since_us)
        };
        let users = active().count() as u64;
        let buyers = active()
            .filter(|(_, user)| user.bought_us > since_us)
            .count() as u64;
        let mut sections = vec![
            Section::new("now")
                .row("events", Value::Count(events))
                .row(
                    "events per second",
                    Value::Rate {
                        count: events,
                        span_ms: self.covered_ms(),
                    },
                )
                .row("revenue", Value::Cents(revenue_cents))
                .row(
                    "purchases per page view",
                    Value::Share {
                        part: of(EventType::Purchase),
                        whole: of(EventType::PageView),
                    },
                ),
            Section::new("events by type in the window").rows(
                EventType::ALL
                    .iter()
                    .map(|kind| (kind.name(), Value::Count(of(*kind)))),
            ),
            Section::new("active users")
                .row("active", Value::Count(users))
                .row("of them buyers", Value::Count(buyers))
                .row(
                    "conversion",
                    Value::Share {
                        part: buyers,
                        whole: users,
                    },
                ),
        ];
        sections.extend(self.page_sections());
        Summary {
            app: SCHEMA.name.to_owned(),
            totals: self.totals,
            sections,
            flags: Vec::new(),
            dropped: self.pages.dropped() + self.users.dropped(),
        }
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
