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
use seconds::{Second, Seconds};

mod seconds;

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
    seconds: Seconds,
    pages: Names,
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
            pages: Names::new(option_count(plan, &SCHEMA, "pages_max")),
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
        let since_us = now_us.saturating_sub(self.active_us);
        self.users.retain(|user| user.last_us > since_us);
        self.sweep_us = now_us.saturating_add(self.active_us / 4);
    }

    /// Pages by views in the window, and by how many more these are than in the window before.
    fn page_sections(&self, now: &Second, before: &Second) -> [Section; 2] {
        let names = self.pages.names();
        let view = |page: usize| before.views.get(page).copied().unwrap_or(0);
        let views = || now.views.iter().copied().enumerate();
        let rise = views().map(|(page, count)| (page, count.saturating_sub(view(page))));
        let table = |title: &str, pages: &mut dyn Iterator<Item = (usize, u64)>| {
            let named = pages.filter(|(_, count)| *count > 0).map(|(page, n)| (names[page], n));
            let rows = greatest(named, self.top, |count| *count).into_iter();
            Section::new(title).rows(rows.map(|(name, count)| (name, Value::Count(count))))
        };
        [
            table("top pages, views in the window", &mut views()),
            table("trending pages, more views than in the window before", &mut { rise }),
        ]
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
            .row("conversion", Value::Share { part: buyers, whole: users })
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
        if let Some(second) = self.seconds.at(due_us) {
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
        self.seconds.merge(&other.seconds, &pages);
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
        let by_type = EventType::ALL.iter().map(|kind| (kind.name(), Value::Count(of(*kind))));
        let mut sections = vec![
            Section::new("now")
                .row("events", Value::Count(events))
                .row("events per second", Value::Rate { count: events, span_ms })
                .row("revenue", Value::Cents(now.revenue_cents))
                .row("purchases per page view", Value::Share { part, whole }),
            Section::new("events by type in the window").rows(by_type),
            self.active_section(now_us),
        ];
        sections.extend(self.page_sections(&now, &before));
        Summary {
            app: SCHEMA.name.to_owned(),
            totals: self.totals,
            sections,
            flags: Vec::new(),
            dropped: self.pages.dropped() + self.users.dropped(),
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
        assert!(state.users.len() < 10, "{}", state.users.len());
        assert_eq!(state.users.dropped(), 0);
    }
}
