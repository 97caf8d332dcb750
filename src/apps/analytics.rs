//! Analytics: what was viewed, bought and by how many; how sessions go, and what they bring.

use std::any::Any;

use crate::event::{Event, EventType};
use crate::plan::{AppOption, AppPlan, AppSchema, OptionKind};

use super::hours::{Hours, Sales};
use super::names;
use super::spread::Spread;
use super::summary::{Section, Summary, Totals, Value, price_cents};
use super::tally::{Tally, greatest};
use super::users::{PerUser, Users};
use super::visits::Visits;
use super::{App, AppKind, option_count, option_us};
use trips::{FUNNEL, Trip, Trips};

mod trips;

const SCHEMA: AppSchema = AppSchema {
    name: "analytics",
    group_env: "KAFKA_ANALYTICS_GROUP",
    default_group: "analytics-processors",
    options: &[
        AppOption {
            key: "session_idle_ms",
            help: "a session ends after this long without an event",
            kind: OptionKind::Duration,
            default: 1_800_000.0,
            range: (1_000.0, 86_400_000.0),
        },
        AppOption {
            key: "users_max",
            help: "most users known at once, per partition; the longest idle fall out",
            kind: OptionKind::Number,
            default: 1_000_000.0,
            range: (1.0, 1e8),
        },
        AppOption {
            key: "names_max",
            help: "most rows in each table of pages, products, places and journeys, per partition",
            kind: OptionKind::Number,
            default: 100_000.0,
            range: (1.0, 1e7),
        },
        AppOption {
            key: "hours_max",
            help: "most hours with sales that stand by themselves; older ones share a row",
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
    top: usize,
    totals: Totals,
    pages: Tally,
    searches: Tally,
    products: Tally<Sales>,
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
    last_us: i64,
    events: u64,
    visits: Visits<Trip>,
}

impl PerUser for Customer {
    fn last_us(&self) -> i64 {
        self.last_us
    }

    fn absorb(&mut self, other: Self) {
        self.last_us = self.last_us.max(other.last_us);
        self.events += other.events;
        self.visits.absorb(other.visits);
    }
}

impl Analytics {
    fn new(plan: &AppPlan) -> Self {
        let names_max = option_count(plan, &SCHEMA, "names_max");
        Self {
            session_idle_us: option_us(plan, &SCHEMA, "session_idle_ms"),
            top: option_count(plan, &SCHEMA, "top"),
            totals: Totals::default(),
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
        customer.last_us = customer.last_us.max(due_us);
        let idle_us = self.session_idle_us;
        let visit = customer.visits.step(event.session_id, due_us, idle_us, |visit| {
            closed.close(visit);
        });
        let trip = &mut visit.what;
        trip.journey.step(event.event_type);
        if FUNNEL.get(usize::from(trip.funnel)) == Some(&event.event_type) {
            trip.funnel += 1;
        }
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

    fn sell(&mut self, event: &Event<'_>, due_us: i64) {
        let sales = Sales { units: 1, cents: price_cents(event) };
        self.hours.add(due_us, sales);
        let product = event.properties.product_name.or(event.properties.product_id);
        self.products.add(product.unwrap_or("unknown"), sales);
    }

    fn session_sections(&self, trips: &Trips) -> Vec<Section> {
        let share = |part| Value::Share { part, whole: trips.count };
        let funnel = FUNNEL.iter().zip(trips.funnel).flat_map(|(step, through)| {
            let share_name = format!("{} of all", step.name());
            [(step.name().to_owned(), Value::Count(through)), (share_name, share(through))]
        });
        vec![
            Section::new("sessions")
                .row("begun", Value::Count(self.sessions))
                .row("open", Value::Count(self.sessions - self.closed.count)),
            trips.duration_ms.rows(Section::new("session duration"), Value::Ms),
            trips.events.rows(Section::new("session length in events"), Value::Count),
            Section::new("conversion funnel, sessions").rows(funnel),
            Section::new("journeys, sessions").rows(trips.journeys.top(self.top)),
        ]
    }

    fn user_sections(&self) -> [Section; 2] {
        let mut events = Spread::new();
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

    fn revenue_of_products(&self) -> Section {
        let rows = greatest(self.products.iter(), self.top, |sales: &Sales| sales.cents);
        Section::new("revenue by product")
            .rows(rows.into_iter().map(|(name, sales)| (name, Value::Cents(sales.cents))))
    }

    fn dropped(&self, trips: &Trips) -> u64 {
        let tables = [&self.pages, &self.searches, &self.countries, &self.cities, &self.devices];
        tables.iter().map(|table| table.dropped()).sum::<u64>()
            + self.products.dropped()
            + trips.journeys.dropped()
            + self.users.dropped()
    }
}

impl App for Analytics {
    fn observe(&mut self, event: &Event<'_>, due_us: i64) {
        self.totals.count(event);
        if self.follow(event, due_us) {
            self.begin_session(event);
        }
        match event.event_type {
            EventType::PageView => self.pages.add(names::path(event.page_url), 1),
            EventType::Search => {
                self.searches.add(event.properties.search_query.unwrap_or("unknown"), 1);
            }
            EventType::Purchase => self.sell(event, due_us),
            EventType::Click | EventType::AddToCart => {}
        }
    }

    fn merge(&mut self, other: Box<dyn App>) {
        let Ok(other) = other.into_any().downcast::<Self>() else {
            return;
        };
        self.totals.add(&other.totals);
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
        let by_type = EventType::ALL
            .iter()
            .map(|kind| (kind.name(), Value::Count(self.totals.by_type[kind.index()])));
        let mut sections = vec![Section::new("events by type").rows(by_type)];
        sections.push(Section::new("page views").rows(self.pages.top(self.top)));
        sections.extend(self.user_sections());
        sections.extend(self.session_sections(&trips));
        sections.extend(self.hours.sections());
        sections.push(Section::new("products bought").rows(self.products.top(self.top)));
        sections.push(self.revenue_of_products());
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
