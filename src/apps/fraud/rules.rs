//! The rules, and the alerts that come of them.

use compact_str::CompactString;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use std::hash::BuildHasher;

use crate::apps::alert::{Alert, Alerts};
use crate::apps::summary::Flag;
use crate::event::FraudKind;

/// What is suspicious.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum FraudRule {
    /// An event beyond `velocity_per_min` in the user's last minute, which slides by ten seconds,
    /// in a session with at least half as many events itself.
    Velocity,
    /// A cart bought beyond `purchases_max` in the `purchase_window_ms` that end with it, in a
    /// session with at least half as many purchases itself. Who tries out cards fills and pays cart
    /// after cart; a cart that is paid product by product counts once, with its last product.
    PurchaseVelocity,
    /// A purchase out of a cart of at least `high_value_usd` with three products or more, by
    /// somebody in a rush: since the cart's first product came in, the session's events are less
    /// than `high_value_pause_ms` apart in the mean. Who pays for dear things looks at them; who
    /// spends another's money fills and empties a fresh cart within seconds.
    HighValue,
    /// An event from a country other than the user's own.
    UnusualCountry,
    /// An event from a network other than the user's own.
    UnusualNetwork,
    /// An address with more than `address_users_max` users.
    CrowdedAddress,
    /// A purchase in a session in which nothing was viewed or searched for before, and that didn't
    /// come from a page of the shop.
    BlindPurchase,
    /// A purchase less than `hasty_purchase_ms` after the session's last product came into the
    /// cart.
    HastyPurchase,
    /// An event from another device or browser than the session's event before.
    DeviceChange,
}

impl FraudRule {
    pub(super) const ALL: [Self; 9] = [
        Self::Velocity,
        Self::PurchaseVelocity,
        Self::HighValue,
        Self::UnusualCountry,
        Self::UnusualNetwork,
        Self::CrowdedAddress,
        Self::BlindPurchase,
        Self::HastyPurchase,
        Self::DeviceChange,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Velocity => "velocity",
            Self::PurchaseVelocity => "purchase_velocity",
            Self::HighValue => "high_value",
            Self::UnusualCountry => "unusual_country",
            Self::UnusualNetwork => "unusual_network",
            Self::CrowdedAddress => "crowded_address",
            Self::BlindPurchase => "blind_purchase",
            Self::HastyPurchase => "hasty_purchase",
            Self::DeviceChange => "device_change",
        }
    }

    /// The kind of fraud that a rule speaks for, where it speaks for one.
    const fn fraud(self) -> Option<FraudKind> {
        match self {
            Self::Velocity => Some(FraudKind::BotVelocity),
            Self::PurchaseVelocity => Some(FraudKind::CardTesting),
            Self::HighValue => Some(FraudKind::HighValueBurst),
            Self::UnusualCountry | Self::UnusualNetwork => Some(FraudKind::AccountTakeover),
            Self::CrowdedAddress
            | Self::BlindPurchase
            | Self::HastyPurchase
            | Self::DeviceChange => None,
        }
    }
}

/// The names of the rules of an application; none where it has no such rules.
#[must_use]
pub fn rules_of(app: &str) -> Vec<&'static str> {
    let is_fraud = app == super::settings::SCHEMA.name;
    FraudRule::ALL.into_iter().filter(|_| is_fraud).map(FraudRule::name).collect()
}

/// The kind of fraud that the rule of this name speaks for, where it speaks for one.
#[must_use]
pub fn fraud_of(rule: &str) -> Option<FraudKind> {
    FraudRule::ALL.into_iter().find(|known| known.name() == rule).and_then(FraudRule::fraud)
}

/// Several rules at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Met(u16);

impl Met {
    /// Adds a rule if it is met.
    pub(super) fn set(&mut self, rule: FraudRule, is_met: bool) {
        self.0 |= u16::from(is_met) << rule as u16;
    }

    pub(super) fn any(self) -> bool {
        self.0 != 0
    }

    pub(super) fn rules(self) -> impl Iterator<Item = FraudRule> {
        FraudRule::ALL.into_iter().filter(move |rule| self.0 >> *rule as u16 & 1 == 1)
    }
}

/// What speaks for an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Evidence {
    /// Events in a minute.
    Events(u64),
    /// Carts bought in the window of so many microseconds.
    Purchases(u64, i64),
    /// The worth of a cart, in cents, and the microseconds since its first product came in.
    Cart(u64, i64),
    /// Where the event is from, and what is the user's own.
    Place(CompactString, CompactString),
    /// Microseconds from cart to purchase.
    Haste(i64),
    /// The new device.
    Device(CompactString),
    /// Nothing was viewed or searched for.
    Blind,
}

impl Evidence {
    /// The stronger of two that speak for the same alert; the first where none is stronger.
    fn strengthen(&mut self, other: Self) {
        let stronger = match (&*self, &other) {
            (Self::Events(here), Self::Events(there))
            | (Self::Purchases(here, _), Self::Purchases(there, _))
            | (Self::Cart(here, _), Self::Cart(there, _)) => there > here,
            (Self::Haste(here), Self::Haste(there)) => there < here,
            _ => false,
        };
        if stronger {
            *self = other;
        }
    }
}

impl std::fmt::Display for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Events(count) => write!(f, "{count} events in a minute"),
            Self::Purchases(count, window_us) => {
                let window = std::time::Duration::from_micros(window_us.unsigned_abs());
                write!(f, "{count} carts bought in {}", humantime::format_duration(window))
            }
            Self::Cart(cents, us) => {
                let cents = crate::apps::Value::Cents(*cents);
                write!(f, "a cart of {cents}, {} ms after its first product", us / 1_000)
            }
            Self::Place(now, own) => write!(f, "{now}, own {own}"),
            Self::Haste(us) => write!(f, "bought {} ms after the cart", us / 1_000),
            Self::Device(now) => write!(f, "went on with {now}"),
            Self::Blind => f.write_str("bought without a view or a search"),
        }
    }
}

/// One alert: a rule, a user and a session, however often the rule was met.
#[derive(Debug, Clone)]
struct Case {
    rule: FraudRule,
    user_id: CompactString,
    session_id: CompactString,
    hits: u64,
    first_us: i64,
    last_us: i64,
    evidence: Evidence,
}

/// Who met a rule, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cause<'a> {
    pub(super) rule: FraudRule,
    pub(super) user_id: &'a str,
    pub(super) session_id: &'a str,
    pub(super) due_us: i64,
}

/// The alerts of a partition.
#[derive(Debug, Clone)]
pub(super) struct Cases {
    /// By the hash of rule, user and session: two alerts are taken for one with a chance of 2^-64.
    cases: HashMap<u64, Case, FixedState>,
    cases_max: usize,
    /// Hits that would have been a new alert and found no place.
    dropped: u64,
    /// Those that nobody has taken yet, if somebody wants them.
    news: Option<Alerts>,
}

impl Cases {
    pub(super) fn new(cases_max: usize) -> Self {
        Self { cases: HashMap::default(), cases_max, dropped: 0, news: None }
    }

    /// Notes that a rule was met.
    pub(super) fn hit(&mut self, cause: &Cause<'_>, evidence: Evidence) {
        let Cause { rule, user_id, session_id, due_us } = *cause;
        let key = FixedState::default().hash_one((rule, user_id, session_id));
        if self.cases.len() >= self.cases_max && !self.cases.contains_key(&key) {
            self.dropped += 1;
            return;
        }
        match self.cases.entry(key) {
            Entry::Occupied(mut entry) => {
                let case = entry.get_mut();
                case.hits += 1;
                case.last_us = case.last_us.max(due_us);
                case.evidence.strengthen(evidence);
            }
            Entry::Vacant(entry) => {
                if let Some(news) = &mut self.news {
                    news.push(|| Alert {
                        rule: rule.name(),
                        user_id: user_id.to_owned(),
                        session_id: session_id.to_owned(),
                        evidence: evidence.to_string(),
                        at_us: due_us,
                    });
                }
                entry.insert(Case {
                    rule,
                    user_id: user_id.into(),
                    session_id: session_id.into(),
                    hits: 1,
                    first_us: due_us,
                    last_us: due_us,
                    evidence,
                });
            }
        }
    }

    /// From now on keeps up to `most` new alerts until they are taken.
    pub(super) fn watch(&mut self, most: usize) {
        self.news = Some(Alerts::new(most));
    }

    /// The new alerts since the last call.
    pub(super) fn take(&mut self) -> Alerts {
        self.news.as_mut().map(Alerts::take).unwrap_or_default()
    }

    /// Notes an alert that is nobody's, if somebody wants it; the caller keeps it.
    pub(super) fn tell(&mut self, alert: impl FnOnce() -> Alert) {
        if let Some(news) = &mut self.news {
            news.push(alert);
        }
    }

    /// Takes in another partition's alerts. The limit is per partition, so none is applied here.
    pub(super) fn merge(&mut self, other: Self) {
        for (key, theirs) in other.cases {
            match self.cases.entry(key) {
                Entry::Vacant(entry) => drop(entry.insert(theirs)),
                Entry::Occupied(mut entry) => {
                    let case = entry.get_mut();
                    case.hits += theirs.hits;
                    case.first_us = case.first_us.min(theirs.first_us);
                    case.last_us = case.last_us.max(theirs.last_us);
                    case.evidence.strengthen(theirs.evidence);
                }
            }
        }
        self.dropped += other.dropped;
        if let Some(theirs) = other.news {
            self.news.get_or_insert_default().merge(theirs);
        }
    }

    /// Hits that found no place.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// All alerts, in no order.
    pub(super) fn flags(&self) -> impl Iterator<Item = Flag> {
        self.cases.values().map(|case| Flag {
            rule: case.rule.name().to_owned(),
            user_id: case.user_id.to_string(),
            session_id: case.session_id.to_string(),
            evidence: case.evidence.to_string(),
            hits: case.hits,
            first_us: case.first_us,
            last_us: case.last_us,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(session_id: &str, due_us: i64) -> Cause<'_> {
        Cause { rule: FraudRule::Velocity, user_id: "u", session_id, due_us }
    }

    #[test]
    fn one_cause_is_one_alert_with_the_strongest_evidence() {
        let (mut left, mut right) = (Cases::new(1), Cases::new(1));
        left.hit(&cause("s", 20), Evidence::Events(91));
        left.hit(&cause("t", 21), Evidence::Events(92));
        right.hit(&cause("s", 10), Evidence::Events(120));
        right.hit(&cause("s", 30), Evidence::Events(100));
        left.merge(right);
        let flags: Vec<_> = left.flags().collect();
        assert_eq!(flags.len(), 1);
        assert_eq!((flags[0].hits, flags[0].first_us, flags[0].last_us), (3, 10, 30));
        assert_eq!(flags[0].evidence, "120 events in a minute");
        assert_eq!(left.dropped(), 1);
    }

    #[test]
    fn new_alerts_are_told_once_and_only_to_who_asks() {
        let mut cases = Cases::new(10);
        cases.hit(&cause("a", 1), Evidence::Blind);
        assert_eq!(cases.take(), Alerts::default());
        cases.watch(2);
        for session_id in ["a", "b", "b", "c", "d", "e"] {
            cases.hit(&cause(session_id, 2), Evidence::Haste(12_999));
        }
        let alerts = cases.take();
        let sessions: Vec<_> = alerts.list.iter().map(|alert| &*alert.session_id).collect();
        assert_eq!((sessions, alerts.left_out), (vec!["b", "c"], 2));
        assert_eq!(alerts.list[0].evidence, "bought 12 ms after the cart");
        assert_eq!(cases.take().list, []);
        cases.hit(&cause("f", 3), Evidence::Blind);
        assert_eq!(cases.take().list.len(), 1);
    }

    #[test]
    fn every_planted_kind_has_a_rule_that_speaks_for_it() {
        for kind in FraudKind::ALL {
            assert!(
                FraudRule::ALL.iter().any(|rule| fraud_of(rule.name()) == Some(kind)),
                "{kind:?}"
            );
        }
        assert_eq!(fraud_of("device_change"), None);
        assert_eq!(fraud_of("nothing"), None);
    }

    #[test]
    fn evidence_reads_well() {
        let texts = [
            (Evidence::Purchases(9, 600_000_000), "9 carts bought in 10m"),
            (
                Evidence::Cart(512_300, 6_500_999),
                "a cart of $5,123.00, 6500 ms after its first product",
            ),
            (Evidence::Place("DE".into(), "US".into()), "DE, own US"),
            (Evidence::Device("mobile iOS Safari".into()), "went on with mobile iOS Safari"),
        ];
        for (evidence, text) in texts {
            assert_eq!(evidence.to_string(), text);
        }
    }
}
