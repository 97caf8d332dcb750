//! `[population]`: who the users are and how they behave.

use std::time::Duration;

use super::LoadPlan;
pub use super::population_plan::{Hurry, PopulationPlan};
use super::toml::reader::{TomlTable, range};
use crate::event::{EventType, FraudKind};
use crate::plan;

/// The specification's shares of the event types, in percent, by [`EventType::index`].
const MIX_PERCENT: [f64; 5] = [60.0, 25.0, 10.0, 3.0, 2.0];

/// Most users of a scenario, and the word for as many as its rates need.
const USERS_MAX: u64 = 100_000_000;
const AUTO: &str = "auto";

/// What the word stands for at least, and at most.
const USERS_AUTO_MIN: f64 = 1_000.0;
const USERS_AUTO_MAX: f64 = 100_000_000.0;

/// As many users stand behind each that is there at the highest rate. With two of them half were
/// always there, the busiest without a break: activity was flat, and who stays long came seldom.
const USERS_PER_SESSION: f64 = 10.0;

/// Most sessions alive at once.
const SESSIONS_MAX: u64 = 10_000_000;

/// Personas and their shares, in percent, in the order of [`PopulationPlan::personas`].
const PERSONAS_PERCENT: [(&str, f64); 3] =
    [("browsers", 60.0), ("buyers", 25.0), ("researchers", 15.0)];

/// Share of the sessions that each kind of fraud is planted in unless the scenario says otherwise.
const FRAUD_PERCENT: f64 = 0.02;

/// Most of one kind.
const FRAUD_PERCENT_MAX: f64 = 20.0;

/// Most of all kinds together: the rest of the shop is ordinary.
const FRAUD_PERCENT_SUM_MAX: f64 = 50.0;

/// How far shares may sum from 100 %, in percent: what is typed as decimals sums inexactly.
const TOLERANCE_PERCENT: f64 = 1e-6;

pub(crate) fn resolve(table: TomlTable<'_>, load: &LoadPlan) -> PopulationPlan {
    let producers = load.producers;
    let typed = table.whole_or("users", AUTO, 1..=USERS_MAX, " users");
    let user_skew = table.number("user_skew", range(0.0, 3.0, "")).unwrap_or(0.8);
    let products = table.whole("products", 4..=1_000_000, " products").unwrap_or(100);
    let product_skew = table.number("product_skew", range(0.0, 3.0, "")).unwrap_or(1.0);
    let median =
        table.duration("think_median", Duration::from_millis(1), Duration::from_secs(86_400));
    let think_sigma = table.number("think_sigma", range(0.0, 5.0, "")).unwrap_or(1.0);
    let session_length = table.number("session_length", range(1.0, 10_000.0, " events"));
    let median = median.unwrap_or(Duration::from_secs(8));
    let length = session_length.unwrap_or(12.0);
    let users = typed.unwrap_or_else(|| users_for(load, median.as_secs_f64(), think_sigma, length));
    let sessions_max = sessions(&table, users, producers);
    let hurry = match table.word("hurry", &["flagged", "allowed"]) {
        Some(1) => Hurry::Allowed,
        _ => Hurry::Flagged,
    };
    let mix = mix(table.table("mix"));
    let personas = personas(table.table("personas"));
    let fraud_table = table.table("fraud");
    let fraud = fraud(&fraud_table, &mix);
    let mut plan = PopulationPlan {
        users,
        user_skew,
        products: u32::try_from(products).unwrap_or(u32::MAX),
        product_skew,
        mix,
        personas,
        think_median_ms: median.as_secs_f64() * 1000.0,
        think_sigma,
        session_length: length,
        sessions_max,
        hurry,
        fraud,
    };
    check_room(&fraud_table, &mut plan);
    fraud_table.finish();
    table.finish();
    plan
}

/// Shares of planted sessions. By default a few are planted wherever the mix has their events.
pub(super) fn fraud(table: &TomlTable<'_>, mix: &[f64; 5]) -> [f64; 4] {
    FraudKind::ALL.map(|kind| {
        let name = kind.name();
        let typed = table.number(name, range(0.0, FRAUD_PERCENT_MAX, " %"));
        let needs: &[EventType] = match kind {
            FraudKind::BotVelocity => &[EventType::PageView],
            _ => &[EventType::AddToCart, EventType::Purchase],
        };
        match needs.iter().find(|kind| mix[kind.index()] <= 0.0) {
            Some(missing) => {
                if typed.is_some_and(|percent| percent > 0.0) {
                    let what = format!("needs {}, which the mix has none of", missing.name());
                    table.fault(name, &format!("{what}; expected 0, or a mix that has some"));
                }
                0.0
            }
            None => typed.unwrap_or(FRAUD_PERCENT) / 100.0,
        }
    })
}

/// Planted sessions buy a lot: there has to be room for them in the mix. Where there is none, the
/// kinds that the scenario doesn't name are not planted.
fn check_room(table: &TomlTable<'_>, plan: &mut PopulationPlan) {
    let percent = plan.fraud.iter().sum::<f64>() * 100.0;
    if percent > FRAUD_PERCENT_SUM_MAX + TOLERANCE_PERCENT {
        table.fault_here(&format!(
            "planted shares sum to {} %; expected at most {FRAUD_PERCENT_SUM_MAX} %",
            for_the_eye(percent)
        ));
        return;
    }
    if plan::fraud::lack(plan).is_none() {
        return;
    }
    for kind in FraudKind::ALL.iter().filter(|kind| !table.has(kind.name())) {
        plan.fraud[kind.index()] = 0.0;
    }
    let Some((kind, needed, there)) = plan::fraud::lack(plan) else { return };
    table.fault_here(&format!(
        "planted sessions need {:.2} % of the events to be {}, and may have four fifths of the \
         mix's {:.2} %; expected smaller shares",
        needed * 100.0,
        kind.name(),
        there * 100.0
    ));
}

/// Ten times as many users as have to be there at once for the highest rate, by Little's law, to
/// two digits: whoever comes next is found among those who are away.
fn users_for(load: &LoadPlan, median_s: f64, sigma: f64, length: f64) -> u64 {
    let peak_per_s = load.phases.iter().map(|phase| phase.rates_per_s().1).fold(0.0, f64::max);
    let there = peak_per_s * median_s * libm::exp(sigma * sigma / 2.0) * (1.0 - 1.0 / length);
    let users = (USERS_PER_SESSION * there).clamp(USERS_AUTO_MIN, USERS_AUTO_MAX);
    let unit = 10_f64.powi(users.log10() as i32 - 1);
    ((users / unit).ceil() * unit) as u64
}

/// A user has one session at a time, and every shard needs one to send from.
fn sessions(table: &TomlTable<'_>, users: u64, producers: u16) -> u32 {
    let set = table.whole("sessions_max", 1..=SESSIONS_MAX, " sessions");
    if let Some(set) = set {
        if set > users {
            let what = format!("{set} sessions for {users} users; expected at most one for each");
            table.fault("sessions_max", &what);
        } else if set < u64::from(producers) {
            let what =
                format!("{set} sessions for {producers} producers; expected at least one for each");
            table.fault("sessions_max", &what);
        }
    }
    u32::try_from(set.unwrap_or_else(|| users.min(SESSIONS_MAX))).unwrap_or(u32::MAX)
}

pub(super) fn mix(table: TomlTable<'_>) -> [f64; 5] {
    let percent = EventType::ALL.map(|kind| share(&table, kind.name(), MIX_PERCENT[kind.index()]));
    let sum = sum(&table, &percent);
    let of = |kind: EventType| percent[kind.index()];
    let (carts, purchases) = (of(EventType::AddToCart), of(EventType::Purchase));
    if purchases > carts {
        let what = format!(
            "purchases without carts: {purchases} % purchases from {carts} % add_to_cart; \
             expected no more purchases than carts"
        );
        table.fault("purchase", &what);
    }
    if carts > 0.0 && of(EventType::PageView) + of(EventType::Search) <= 0.0 {
        let what = "carts without products: a user finds a product by page_view or search; \
                    expected one of them above 0";
        table.fault("add_to_cart", what);
    }
    table.finish();
    percent.map(|share| share / sum)
}

pub(super) fn personas(table: TomlTable<'_>) -> [f64; 3] {
    let percent = PERSONAS_PERCENT.map(|(name, default)| share(&table, name, default));
    let sum = sum(&table, &percent);
    table.finish();
    percent.map(|share| share / sum)
}

fn share(table: &TomlTable<'_>, key: &'static str, default_percent: f64) -> f64 {
    table.number(key, range(0.0, 100.0, " %")).unwrap_or(default_percent)
}

/// The sum of the shares: 100 but for rounding, or a fault.
fn sum(table: &TomlTable<'_>, percent: &[f64]) -> f64 {
    let sum: f64 = percent.iter().sum();
    if (sum - 100.0).abs() > TOLERANCE_PERCENT {
        table.fault_here(&format!("shares sum to {} %; expected 100 %", for_the_eye(sum)));
    }
    sum
}

/// Rounded: 99.99999999 would not show what is wrong.
fn for_the_eye(percent: f64) -> f64 {
    (percent * 1e6).round() / 1e6
}
