//! Analytics: what was viewed, bought and by how many; how sessions go, and what they bring.
//!
//! A session is what a user does under one session id without a pause longer than `session_idle`.
//! A user's activity score is the number of the user's events. Sessions belong to the country,
//! city and device of their first event.
//!
//! Only sales per hour and per day are windows, so only they leave late events out: those that
//! lie further than `lateness` behind the newest event of their partition.

use std::any::Any;

use super::journey::JOURNEY_STEPS_MAX;
use super::state::counts::{Tally, greatest};
use super::state::histogram::ValueHistogram;
use super::state::interner;
use super::state::sessions::UserSessions;
use super::state::users::{PerUser, Users};
use super::state::watermark::Watermark;
use super::state::windows::{Hours, Sales};
use super::summary::{LATE, Section, Summary, Totals, Value, price_cents};
use super::{App, AppKind, option_count, option_us};
use crate::event::{Event, EventType};
use crate::plan::{AppOption, AppPlan, AppSchema, OptionKind};

use goods::Goods;
use trips::{Trip, Trips};

mod goods;
mod trips;

const SCHEMA: AppSchema = AppSchema {
    name: "analytics",
    group_env: "KAFKA_ANALYTICS_GROUP",
    default_group: "analytics-processors",
    options: &[
        super::SESSION_IDLE,
        super::lateness(
            "events further behind the partition's newest are late: in the totals only",
        ),
        AppOption {
            key: "journey_steps",
            help: "kinds of pages in a journey that are told apart; more are \"…\"",
            kind: OptionKind::Number,
            default: 6.0,
            range: (1.0, JOURNEY_STEPS_MAX as f64),
        },
        super::USERS_MAX,
        AppOption {
            key: "names_max",
            help: "most rows in each table of pages, products, places and journeys, per partition",
            kind: OptionKind::Number,
            default: 100_000.0,
            range: (1.0, 1e7),
        },
        AppOption {
            key: "hours_max",
            help: "most hours, and most days, of sales by themselves; older ones share a row",
            kind: OptionKind::Number,
            default: 1_000.0,
            range: (1.0, 1e6),
        },
        super::TOP,
    ],
};

/// The application's place in the list.
pub(super) const KIND: AppKind = AppKind {
    schema: SCHEMA,
    new: |plan| Box::new(Analytics::new(plan)),
    rhythm: super::Rhythm::Events(50),
};

#[derive(Debug, Clone)]
struct Analytics {
    session_idle_us: i64,
    journey_steps: u32,
    top: usize,
    totals: Totals,
    watermark: Watermark,
    pages: Tally,
    searches: Tally,
    products: Tally<Goods>,
    countries: Tally,
    cities: Tally,
    devices: Tally,
    hours: Hours,
    users: Users<Customer>,
    /// Sessions begun, closed or not.
    sessions: u64,
    closed: Trips,
    /// The name that is being put together; kept for its allocation.
    scratch: String,
}

/// One user.
#[derive(Debug, Clone, Default)]
struct Customer {
    events: u64,
    visits: UserSessions<Trip>,
}

impl PerUser for Customer {
    fn last_us(&self) -> i64 {
        self.visits.last_us()
    }

    fn absorb(&mut self, other: Self) {
        self.events += other.events;
        self.visits.absorb(other.visits);
    }
}

impl Analytics {
    fn new(plan: &AppPlan) -> Self {
        let names_max = option_count(plan, &SCHEMA, "names_max");
        Self {
            session_idle_us: option_us(plan, &SCHEMA, "session_idle_ms"),
            journey_steps: option_count(plan, &SCHEMA, "journey_steps") as u32,
            top: option_count(plan, &SCHEMA, "top"),
            totals: Totals::default(),
            watermark: Watermark::new(option_us(plan, &SCHEMA, "lateness_ms")),
            pages: Tally::new(names_max),
            searches: Tally::new(names_max),
            products: Tally::new(names_max),
            countries: Tally::new(names_max),
            cities: Tally::new(names_max),
            devices: Tally::new(names_max),
            hours: Hours::new(option_count(plan, &SCHEMA, "hours_max")),
            users: Users::new(option_count(plan, &SCHEMA, "users_max")),
            sessions: 0,
            closed: Trips::new(names_max),
            scratch: String::new(),
        }
    }

    /// Follows the event's user and session; says whether it begins a new session.
    fn follow(&mut self, event: &Event<'_>, due_us: i64) -> bool {
        let closed = &mut self.closed;
        let customer = self.users.get(event.user_id, |_, gone| {
            for visit in gone.visits.open() {
                closed.close(visit);
            }
        });
        customer.events += 1;
        let idle_us = self.session_idle_us;
        let visit = customer.visits.step(event.session_id, due_us, idle_us, |visit| {
            closed.close(visit);
        });
        visit.what.step(event, self.journey_steps);
        visit.events == 1
    }

    /// Where a session comes from, told by its first event.
    fn begin_session(&mut self, event: &Event<'_>) {
        self.sessions += 1;
        let country = event.location.country.unwrap_or("unknown");
        self.countries.add(country, 1);
        self.devices.add(event.device.kind.unwrap_or("unknown"), 1);
        self.scratch.clear();
        self.scratch.push_str(event.location.city.unwrap_or("unknown"));
        self.scratch.push_str(", ");
        self.scratch.push_str(country);
        self.cities.add(&self.scratch, 1);
    }

    /// Counts a product's way from the shelf to the till.
    fn count_product(&mut self, event: &Event<'_>) {
        let Some(goods) = Goods::of(event) else {
            return;
        };
        let product = event.properties.product_name.or(event.properties.product_id);
        match product {
            Some(product) => self.products.add(product, goods),
            // Many pages are about no product; a sale is always about one.
            None if event.event_type == EventType::PageView => {}
            None => self.products.add("unknown", goods),
        }
    }

    /// Sessions begun, and those that go on at the newest event time of all.
    fn sessions_section(&self) -> Section {
        let idle_since_us = self.watermark.newest_us().saturating_sub(self.session_idle_us);
        let visits = self.users.iter().flat_map(|(_, customer)| customer.visits.open());
        let open = visits.filter(|visit| visit.last_us >= idle_since_us).count();
        Section::new("sessions")
            .row("begun", Value::Count(self.sessions))
            .row("open", Value::Count(open as u64))
    }

    fn revenue_section(&self) -> Section {
        let Totals { purchases, revenue_cents, .. } = self.totals;
        let mut section = Section::new("revenue")
            .row("in all", Value::Cents(revenue_cents))
            .row("products sold", Value::Count(purchases));
        if let Some(mean) = revenue_cents.checked_div(purchases) {
            section = section.row("mean price", Value::Cents(mean));
        }
        section
    }

    fn user_sections(&self) -> [Section; 2] {
        let mut events = ValueHistogram::new();
        for (_, customer) in self.users.iter() {
            events.record(customer.events);
        }
        let users = self.users.iter().map(|(name, customer)| (name, customer.events));
        let active = greatest(users, self.top, |events| *events);
        let users =
            Section::new("events per user").row("users", Value::Count(self.users.len() as u64));
        [
            events.rows(users, Value::Count),
            Section::new("most active users")
                .rows(active.into_iter().map(|(name, events)| (name, Value::Count(events)))),
        ]
    }

    /// The same products by four measures.
    fn product_sections(&self) -> [Section; 4] {
        let section = |title: &str, size: fn(&Goods) -> u64, value: fn(u64) -> Value| {
            let rows = self.products.top_by(self.top, size, |goods| value(size(goods)));
            Section::new(title).rows(rows)
        };
        [
            section("products viewed", |goods| goods.views, Value::Count),
            section("products put into carts", |goods| goods.carts, Value::Count),
            section("products bought", |goods| goods.sold.units, Value::Count),
            section("revenue by product", |goods| goods.sold.cents, Value::Cents),
        ]
    }

    fn dropped(&self, trips: &Trips) -> u64 {
        let tables = [&self.pages, &self.searches, &self.countries, &self.cities, &self.devices];
        tables.iter().map(|table| table.dropped()).sum::<u64>()
            + self.products.dropped()
            + trips.dropped()
            + self.users.dropped()
    }
}

impl App for Analytics {
    fn prefetch(&self, key: &[u8]) {
        self.users.prefetch(key);
    }

    fn observe(&mut self, event: &Event<'_>, due_us: i64) {
        self.totals.count(event);
        let is_late = self.watermark.is_late(due_us);
        if self.follow(event, due_us) {
            self.begin_session(event);
        }
        self.count_product(event);
        match event.event_type {
            EventType::PageView => self.pages.add(interner::path(event.page_url), 1),
            EventType::Search => {
                self.searches.add(event.properties.search_query.unwrap_or("unknown"), 1);
            }
            EventType::Purchase if !is_late => {
                self.hours.add(due_us, Sales { units: 1, cents: price_cents(event) });
            }
            EventType::Purchase | EventType::Click | EventType::AddToCart => {}
        }
    }

    fn merge(&mut self, other: Box<dyn App>) {
        let Ok(other) = other.into_any().downcast::<Self>() else {
            return;
        };
        self.totals.add(&other.totals);
        self.watermark.merge(&other.watermark);
        self.pages.merge(other.pages);
        self.searches.merge(other.searches);
        self.products.merge(other.products);
        self.countries.merge(other.countries);
        self.cities.merge(other.cities);
        self.devices.merge(other.devices);
        self.hours.merge(&other.hours);
        self.users.merge(other.users);
        self.sessions += other.sessions;
        self.closed.merge(other.closed);
    }

    fn summary(&self) -> Summary {
        // Open sessions count as they stand.
        let mut trips = self.closed.clone();
        for (_, customer) in self.users.iter() {
            for visit in customer.visits.open() {
                trips.close(visit);
            }
        }
        let by_type = EventType::ALL.iter().map(|kind| {
            let part = self.totals.by_type[kind.index()];
            (kind.name(), Value::Part { part, whole: self.totals.events })
        });
        let events = Section::new("events by type")
            .rows(by_type)
            .row(LATE, Value::Count(self.watermark.late()));
        let mut sections = vec![events, Section::new("page views").rows(self.pages.top(self.top))];
        sections.extend(self.user_sections());
        sections.push(self.sessions_section());
        sections.extend(trips.sections(self.top));
        sections.push(self.revenue_section());
        sections.extend(self.hours.sections(self.top));
        sections.extend(self.product_sections());
        sections.push(Section::new("searches").rows(self.searches.top(self.top)));
        sections.push(Section::new("sessions by country").rows(self.countries.top(self.top)));
        sections.push(Section::new("sessions by city").rows(self.cities.top(self.top)));
        sections.push(Section::new("sessions by device").rows(self.devices.top(self.top)));
        Summary {
            app: SCHEMA.name.to_owned(),
            totals: Totals {
                sessions: Some(self.sessions),
                users: Some(self.users.len() as u64),
                ..self.totals
            },
            sections,
            dropped: self.dropped(&trips),
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
