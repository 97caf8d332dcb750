//! Fraud: users who do too much in too short a time, buy too dear, come from where they never
//! came from, or shop as no person does.
//!
//! The application is about purchases and carts. Of all other events it reads:
//!
//! - time and user, since velocity is about every event;
//! - session, device and browser, since another device in the same session is another person;
//! - that something was viewed or searched for, since nobody buys what was never seen;
//! - country and address, to learn where a user is at home, and who shares an address.
//!
//! A user's own country and network (the first two bytes of IPv4, the first four of IPv6) are
//! those of the user's first `home_sessions` sessions, up to three of each; whoever comes from
//! elsewhere later is not at home. An application that starts in the middle of a stream takes
//! the first sessions it sees for the first. Of each user the two latest sessions are known; one
//! that comes back after two others, or after `session_idle_ms`, begins anew.
//!
//! An alert is a rule, a user and a session: what meets the same rule again counts for the same
//! alert. The default limits stand where generated load has planted fraud on one side and, at the
//! default pauses, everybody else on the other; see `detection` in the result.

use std::any::Any;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::IpAddr;

use foldhash::fast::FixedState;

use crate::event::Event;
use crate::plan::AppPlan;

use super::alert::{Alert, Alerts};
use super::state::counts::greatest;
use super::state::users::Users;
use super::state::watermark::Watermark;
use super::summary::{Flag, LATE, Section, Summary, Totals, Value, price_cents};
use super::{App, option_count, option_us};
use addresses::Addresses;
use rules::{Cases, Cause, FraudRule};
use settings::SCHEMA;
use suspect::{FraudLimits, Judged, Suspect, cart_cents};

mod addresses;
mod home;
mod rules;
mod sessions;
mod settings;
mod shopping;
mod suspect;

pub use rules::{fraud_of, rules_of};
pub(super) use settings::KIND;

#[derive(Debug, Clone)]
struct Fraud {
    limits: FraudLimits,
    top: usize,
    totals: Totals,
    watermark: Watermark,
    users: Users<Suspect>,
    addresses: Addresses,
    cases: Cases,
    high_value: HighValue,
}

/// What was bought in a rush out of carts of high value.
#[derive(Debug, Clone, Copy, Default)]
struct HighValue {
    purchases: u64,
    sum_cents: u64,
    dearest_cents: u64,
}

impl Fraud {
    fn new(plan: &AppPlan) -> Self {
        let count = |key| option_count(plan, &SCHEMA, key);
        Self {
            limits: settings::limits(plan),
            top: count("top"),
            totals: Totals::default(),
            watermark: Watermark::new(option_us(plan, &SCHEMA, "lateness_ms")),
            users: Users::new(count("users_max")),
            addresses: Addresses::new(count("addresses_max"), count("address_users_max")),
            cases: Cases::new(count("alerts_max")),
            high_value: HighValue::default(),
        }
    }

    #[cold]
    fn alert(&mut self, event: &Event<'_>, due_us: i64, judged: Judged) {
        let suspect = self.users.get(event.user_id, |_, _| {});
        for rule in judged.met.rules() {
            if rule == FraudRule::HighValue {
                self.high_value.count(event);
            }
            let Event { user_id, session_id, .. } = *event;
            let evidence = suspect.evidence(rule, event, due_us, judged.pace, &self.limits);
            self.cases.hit(&Cause { rule, user_id, session_id, due_us }, evidence);
        }
    }

    #[cold]
    fn enter(&mut self, event: &Event<'_>, address: IpAddr, due_us: i64) {
        let user = FixedState::default().hash_one(event.user_id);
        if self.addresses.enter(address, user, due_us) {
            let evidence = self.addresses.evidence(address);
            self.cases.tell(|| Alert {
                rule: FraudRule::CrowdedAddress.name(),
                user_id: String::new(),
                session_id: String::new(),
                evidence,
                at_us: due_us,
            });
        }
    }

    fn flags(&self) -> Vec<Flag> {
        let mut flags: Vec<_> = self.cases.flags().chain(self.addresses.flags()).collect();
        flags.sort_unstable();
        flags
    }

    /// The users with the most of something, where that is something to look at.
    fn most(&self, title: &str, of: impl Fn(&Suspect) -> u32) -> Section {
        let users = self.users.iter().map(|(user, suspect)| (user, u64::from(of(suspect))));
        let top = greatest(users.filter(|(_, count)| *count > 1), self.top, |count| *count);
        Section::new(title).rows(top.into_iter().map(|(user, n)| (user, Value::Count(n))))
    }

    fn sections(&self, flags: &[Flag]) -> Vec<Section> {
        let of_rule = |rule: FraudRule| flags.iter().filter(move |flag| flag.rule == rule.name());
        let alerts =
            FraudRule::ALL.map(|rule| (rule.name(), Value::Count(of_rule(rule).count() as u64)));
        let hits = FraudRule::ALL
            .map(|rule| (rule.name(), Value::Count(of_rule(rule).map(|flag| flag.hits).sum())));
        let mut suspects = HashMap::<&str, u64, FixedState>::default();
        for flag in flags.iter().filter(|flag| !flag.user_id.is_empty()) {
            *suspects.entry(&flag.user_id).or_default() += flag.hits;
        }
        let (part, whole) = (suspects.len() as u64, self.users.len() as u64);
        let top = greatest(suspects.into_iter(), self.top, |hits| *hits);
        let HighValue { purchases, sum_cents, dearest_cents } = self.high_value;
        vec![
            Section::new("alerts").rows(alerts),
            Section::new("events behind them").rows(hits),
            Section::new("users")
                .row("known", Value::Count(whole))
                .row("with an alert", Value::Count(part))
                .row("share", Value::Share { part, whole })
                .row("addresses", Value::Count(self.addresses.len() as u64))
                .row(LATE, Value::Count(self.watermark.late())),
            Section::new("high-value carts")
                .row("purchases", Value::Count(purchases))
                .row("bought for", Value::Cents(sum_cents))
                .row("dearest cart", Value::Cents(dearest_cents)),
            Section::new("users by events behind alerts")
                .rows(top.into_iter().map(|(user, hits)| (user, Value::Count(hits)))),
            self.most("most carts bought in a window", Suspect::purchases_most),
            self.most("most events in a minute", |suspect| suspect.events_most),
        ]
    }
}

impl HighValue {
    fn count(&mut self, event: &Event<'_>) {
        self.purchases += 1;
        self.sum_cents = self.sum_cents.saturating_add(price_cents(event));
        self.dearest_cents = self.dearest_cents.max(cart_cents(event));
    }

    fn merge(&mut self, other: Self) {
        self.purchases += other.purchases;
        self.sum_cents = self.sum_cents.saturating_add(other.sum_cents);
        self.dearest_cents = self.dearest_cents.max(other.dearest_cents);
    }
}

impl App for Fraud {
    fn prefetch(&self, key: &[u8]) {
        self.users.prefetch(key);
    }

    fn observe(&mut self, event: &Event<'_>, due_us: i64) {
        self.totals.count(event);
        if self.watermark.is_late(due_us) {
            return;
        }
        let suspect = self.users.get(event.user_id, |_, _| {});
        let judged = suspect.judge(event, due_us, &self.limits);
        if let Some(address) = judged.moved_to {
            self.enter(event, address, due_us);
        }
        if judged.met.any() {
            self.alert(event, due_us, judged);
        }
    }

    fn merge(&mut self, other: Box<dyn App>) {
        let Ok(other) = other.into_any().downcast::<Self>() else {
            return;
        };
        self.totals.add(&other.totals);
        self.watermark.merge(&other.watermark);
        self.users.merge(other.users);
        self.addresses.merge(other.addresses);
        self.cases.merge(other.cases);
        self.high_value.merge(other.high_value);
    }

    fn summary(&self) -> Summary {
        let flags = self.flags();
        Summary {
            app: SCHEMA.name.to_owned(),
            totals: Totals { users: Some(self.users.len() as u64), ..self.totals },
            sections: self.sections(&flags),
            flags,
            dropped: self.users.dropped() + self.addresses.dropped() + self.cases.dropped(),
            ..Summary::default()
        }
    }

    fn watch_alerts(&mut self, most: usize) {
        self.cases.watch(most);
    }

    fn take_alerts(&mut self) -> Alerts {
        self.cases.take()
    }

    fn copy(&self) -> Box<dyn App> {
        Box::new(self.clone())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests;
