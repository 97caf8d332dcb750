//! Fraud: users who do too much in too short a time, buy too dear, or change address half-way.

use std::any::Any;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::event::{Event, EventType, cents};
use crate::plan::{AppOption, AppPlan, AppSchema, OptionKind};

use super::summary::{Flag, Section, Summary, Totals, Value};
use super::tally::greatest;
use super::users::Users;
use super::{App, AppKind, option, option_count, option_us};
use rules::{Hits, Rule, Suspect};

mod rules;

const SCHEMA: AppSchema = AppSchema {
    name: "fraud",
    group_env: "KAFKA_FRAUD_GROUP",
    default_group: "fraud-detectors",
    options: &[
        AppOption {
            key: "velocity_per_min",
            help: "most events of one user in any minute",
            kind: OptionKind::Number,
            default: 60.0,
            range: (1.0, 1e5),
        },
        AppOption {
            key: "purchases_max",
            help: "most purchases of one user within `purchase_window_ms`",
            kind: OptionKind::Number,
            default: 5.0,
            range: (1.0, 1e5),
        },
        AppOption {
            key: "purchase_window_ms",
            help: "the window in which purchases are counted",
            kind: OptionKind::Duration,
            default: 600_000.0,
            range: (1_000.0, 86_400_000.0),
        },
        AppOption {
            key: "high_value_usd",
            help: "a cart that is bought is of high value from this sum on",
            kind: OptionKind::Number,
            default: 2_000.0,
            range: (0.01, 1e9),
        },
        AppOption {
            key: "users_max",
            help: "most users known at once, per partition; the longest idle fall out",
            kind: OptionKind::Number,
            default: 1_000_000.0,
            range: (1.0, 1e8),
        },
        AppOption {
            key: "alerts_max",
            help: "most users with an alert, per partition",
            kind: OptionKind::Number,
            default: 100_000.0,
            range: (1.0, 1e7),
        },
        super::TOP,
    ],
};

/// The application's place in the list.
pub(super) const KIND: AppKind = AppKind {
    schema: SCHEMA,
    new: |plan| Box::new(Fraud::new(plan)),
    rhythm: super::Rhythm::Alerts,
};

const MINUTE_US: i64 = 60_000_000;

#[derive(Debug, Clone)]
struct Fraud {
    velocity_max: usize,
    purchases_max: usize,
    purchase_window_us: i64,
    high_value_cents: u64,
    alerts_max: usize,
    top: usize,
    totals: Totals,
    users: Users<Suspect>,
    alerts: HashMap<String, [Hits; Rule::ALL.len()], FixedState>,
    high_value_sum_cents: u64,
    /// Hits whose user found no place among the alerts.
    alerts_dropped: u64,
}

impl Fraud {
    fn new(plan: &AppPlan) -> Self {
        Self {
            velocity_max: option_count(plan, &SCHEMA, "velocity_per_min"),
            purchases_max: option_count(plan, &SCHEMA, "purchases_max"),
            purchase_window_us: option_us(plan, &SCHEMA, "purchase_window_ms"),
            high_value_cents: cents(option(plan, &SCHEMA, "high_value_usd")),
            alerts_max: option_count(plan, &SCHEMA, "alerts_max"),
            top: option_count(plan, &SCHEMA, "top"),
            totals: Totals::default(),
            users: Users::new(option_count(plan, &SCHEMA, "users_max")),
            alerts: HashMap::default(),
            high_value_sum_cents: 0,
            alerts_dropped: 0,
        }
    }

    /// The rules that an event meets.
    fn judge(&mut self, event: &Event<'_>, due_us: i64) -> [bool; Rule::ALL.len()] {
        let hash = |text: &str| FixedState::default().hash_one(text) | 1;
        let session = hash(event.session_id);
        let suspect = self.users.get(event.user_id, |_, _| {});
        let mut met = [false; Rule::ALL.len()];
        met[Rule::Velocity as usize] = suspect.events.exceeds(due_us, MINUTE_US, self.velocity_max);
        if event.event_type == EventType::Purchase {
            met[Rule::PurchaseVelocity as usize] =
                suspect.purchases.exceeds(due_us, self.purchase_window_us, self.purchases_max);
            met[Rule::HighValue as usize] = cart_cents(event) >= self.high_value_cents;
        }
        if session != suspect.session {
            (suspect.session, suspect.address, suspect.country) = (session, 0, 0);
        }
        let changes = [
            (Rule::AddressChange, event.ip_address, &mut suspect.address),
            (Rule::CountryChange, event.location.country, &mut suspect.country),
        ];
        for (rule, now, before) in changes {
            let Some(now) = now.map(hash) else { continue };
            met[rule as usize] = *before != 0 && *before != now;
            *before = now;
        }
        suspect.last_us = suspect.last_us.max(due_us);
        met
    }

    #[cold]
    fn alert(&mut self, event: &Event<'_>, due_us: i64, met: [bool; Rule::ALL.len()]) {
        if met[Rule::HighValue as usize] {
            let sum = self.high_value_sum_cents.saturating_add(cart_cents(event));
            self.high_value_sum_cents = sum;
        }
        if self.alerts.len() >= self.alerts_max && !self.alerts.contains_key(event.user_id) {
            self.alerts_dropped += 1;
            return;
        }
        let rules = self.alerts.entry_ref(event.user_id).or_default();
        for (hits, _) in rules.iter_mut().zip(met).filter(|(_, met)| *met) {
            hits.hit(event.session_id, due_us);
        }
    }

    fn flags(&self) -> Vec<Flag> {
        let mut flags: Vec<_> = self
            .alerts
            .iter()
            .flat_map(|(user, rules)| Rule::ALL.iter().zip(rules).map(move |pair| (user, pair)))
            .filter(|(_, (_, hits))| hits.count > 0)
            .map(|(user, (rule, hits))| Flag {
                rule: rule.name().to_owned(),
                user_id: user.clone(),
                session_id: String::from(&*hits.session_id),
                hits: hits.count,
                first_us: hits.first_us,
                last_us: hits.last_us,
            })
            .collect();
        flags.sort_unstable();
        flags
    }
}

/// What the cart is worth, in cents; the one price where a foreign event has no cart.
fn cart_cents(event: &Event<'_>) -> u64 {
    event.properties.cart_value.or(event.properties.price).map_or(0, cents)
}

impl App for Fraud {
    fn observe(&mut self, event: &Event<'_>, due_us: i64) {
        self.totals.count(event);
        let met = self.judge(event, due_us);
        if met.contains(&true) {
            self.alert(event, due_us, met);
        }
    }

    fn merge(&mut self, other: Box<dyn App>) {
        let Ok(other) = other.into_any().downcast::<Self>() else {
            return;
        };
        self.totals.add(&other.totals);
        self.users.merge(other.users);
        for (user, rules) in other.alerts {
            let here = self.alerts.entry(user).or_default();
            for (hits, more) in here.iter_mut().zip(rules) {
                hits.absorb(more);
            }
        }
        self.high_value_sum_cents =
            self.high_value_sum_cents.saturating_add(other.high_value_sum_cents);
        self.alerts_dropped += other.alerts_dropped;
    }

    fn summary(&self) -> Summary {
        let flags = self.flags();
        let of_rule = |rule: Rule| flags.iter().filter(move |flag| flag.rule == rule.name());
        let users = Rule::ALL.map(|rule| (rule.name(), Value::Count(of_rule(rule).count() as u64)));
        let hits = Rule::ALL
            .map(|rule| (rule.name(), Value::Count(of_rule(rule).map(|flag| flag.hits).sum())));
        let suspects = self
            .alerts
            .iter()
            .map(|(user, rules)| (user.as_str(), rules.iter().map(|hits| hits.count).sum::<u64>()));
        let top = greatest(suspects, self.top, |hits| *hits);
        let known = self.users.len() as u64;
        let sections = vec![
            Section::new("alerts, users by rule").rows(users),
            Section::new("alerts, events by rule").rows(hits),
            Section::new("users")
                .row("known", Value::Count(known))
                .row("with an alert", Value::Count(self.alerts.len() as u64))
                .row("share", Value::Share { part: self.alerts.len() as u64, whole: known }),
            Section::new("high-value carts bought")
                .row("sum", Value::Cents(self.high_value_sum_cents)),
            Section::new("most alerts, users")
                .rows(top.into_iter().map(|(user, hits)| (user, Value::Count(hits)))),
        ];
        Summary {
            app: SCHEMA.name.to_owned(),
            totals: Totals { users: Some(known), ..self.totals },
            sections,
            flags,
            dropped: self.users.dropped() + self.alerts_dropped,
        }
    }

    fn copy(&self) -> Box<dyn App> {
        Box::new(self.clone())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
