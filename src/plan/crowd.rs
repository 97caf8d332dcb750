//! `hot` and `sale` of a phase: who and what the load is about meanwhile.

use super::toml::reader::{TomlTable, range};
use super::{HotPlan, PhasePlan, PopulationPlan, SalePlan};

/// Legal shares of the load.
const PERCENT: (f64, f64) = (0.01, 100.0);

/// `hot = { users = 3, percent = 40 }`.
pub(crate) fn hot(table: &TomlTable<'_>) -> Option<HotPlan> {
    if !table.has("hot") {
        table.pass("hot");
        return None;
    }
    let hot = table.table("hot");
    let users = hot.whole("users", 1..=1_000_000, " users");
    let users = hot.require("users", users, "expected how many users are hot, such as 3");
    let share = share(&hot);
    hot.finish();
    Some(HotPlan { users: users?, share: share? })
}

/// `sale = { product = 7, percent = 30 }`.
pub(crate) fn sale(table: &TomlTable<'_>) -> Option<SalePlan> {
    if !table.has("sale") {
        table.pass("sale");
        return None;
    }
    let sale = table.table("sale");
    let product = sale.whole("product", 1..=1_000_000, "");
    let expected = "expected the number of a product, such as 7 for PROD-007";
    let product = sale.require("product", product, expected);
    let share = share(&sale);
    sale.finish();
    Some(SalePlan { product: u32::try_from(product? - 1).unwrap_or(u32::MAX), share: share? })
}

fn share(table: &TomlTable<'_>) -> Option<f64> {
    let percent = table.number("percent", range(PERCENT.0, PERCENT.1, " %"));
    let percent = table.require("percent", percent, "expected a share of the events, such as 30");
    Some(percent? / 100.0)
}

/// What only the whole scenario can show: each producer needs a hot user, the others stay the
/// many, and what is on sale has to be in the shop.
pub(crate) fn check(
    load: &TomlTable<'_>,
    phases: &[PhasePlan],
    producers: u16,
    population: &PopulationPlan,
) {
    // A warm-up has no table; phases that had a fault make the count differ, and are not checked.
    let phases: Vec<_> = phases.iter().filter(|phase| !phase.warmup).collect();
    let tables = load.tables("phase");
    if tables.len() != phases.len() {
        return;
    }
    for (table, phase) in tables.iter().zip(phases) {
        if let Some(hot) = phase.hot {
            let most = population.users / 4;
            if hot.users < u64::from(producers) || hot.users > most {
                let what = format!(
                    "{} hot users for {producers} producers and {} users; expected {producers} \
                     to {most}: one for each producer, and at most a quarter of all",
                    hot.users, population.users
                );
                table.table("hot").fault("users", &what);
            }
        }
        if let Some(sale) = phase.sale
            && sale.product >= population.products
        {
            let what = format!(
                "no product {}; expected 1 to {}, as many as population.products",
                sale.product + 1,
                population.products
            );
            table.table("sale").fault("product", &what);
        }
    }
}
