//! What the phases of a schedule do to the crowd: hot keys and flash sales.

use super::catalogue::ShopPage;
use crate::plan::{HotPlan, LoadPlan, SalePlan};

/// Over how many events a flash sale's shortfall is made up for.
const SALE_HORIZON: f64 = 64.0;

/// The crowd of one phase.
#[derive(Debug, Clone, Copy)]
struct Hotspot {
    from_ns: u64,
    hot: Option<HotPlan>,
    sale: Option<SalePlan>,
}

/// The crowds of a schedule's phases, for one shard.
#[derive(Debug, Clone)]
pub(super) struct Hotspots {
    phases: Vec<Hotspot>,
    /// How many phases have begun.
    begun: usize,
    shard: u64,
    shards: u64,
    /// Of the shard's hot users, the place of each one's session.
    hot: Vec<Option<u32>>,
    hot_share: f64,
    sale: Option<Sale>,
}

/// A flash sale that goes on, and what it has come to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sale {
    plan: SalePlan,
    events: u64,
    about: u64,
}

impl Hotspots {
    /// The crowds that a schedule's phases ask for. Phases without any cost nothing.
    pub(super) fn new(load: Option<&LoadPlan>, shard: u16, shards: u16) -> Self {
        let mut phases = Vec::new();
        let mut from_ns = 0;
        for phase in load.into_iter().flat_map(|load| &load.phases) {
            phases.push(Hotspot { from_ns, hot: phase.hot, sale: phase.sale });
            from_ns += phase.duration_ns();
        }
        if phases.iter().all(|phase| phase.hot.is_none() && phase.sale.is_none()) {
            phases.clear();
        }
        Self {
            phases,
            begun: 0,
            shard: u64::from(shard),
            shards: u64::from(shards),
            hot: Vec::new(),
            hot_share: 0.0,
            sale: None,
        }
    }

    /// Users below this number are kept for the phases in which they are hot.
    pub(super) fn reserved(&self) -> u64 {
        self.phases.iter().filter_map(|phase| Some(phase.hot?.users)).max().unwrap_or(0)
    }

    /// Follows the schedule to a time. `leave` gets the place of each session that a hot user
    /// breaks off because its phase is over.
    #[inline]
    pub(super) fn follow(&mut self, due_ns: u64, leave: impl FnMut(u32)) {
        if self.phases.get(self.begun).is_some_and(|phase| phase.from_ns <= due_ns) {
            self.begin(due_ns, leave);
        }
    }

    #[cold]
    fn begin(&mut self, due_ns: u64, leave: impl FnMut(u32)) {
        self.begun = self.phases.partition_point(|phase| phase.from_ns <= due_ns);
        let Some(phase) = self.phases.get(self.begun.saturating_sub(1)) else { return };
        self.hot.drain(..).flatten().for_each(leave);
        self.sale = phase.sale.map(|plan| Sale { plan, events: 0, about: 0 });
        self.hot_share = 0.0;
        if let Some(hot) = phase.hot {
            let own = hot.users.saturating_sub(self.shard).div_ceil(self.shards);
            self.hot = vec![None; usize::try_from(own).unwrap_or(0)];
            self.hot_share = hot.share;
        }
    }

    /// The share of events that hot users send; 0 where there is none.
    #[inline]
    pub(super) fn hot_share(&self) -> f64 {
        if self.hot.is_empty() { 0.0 } else { self.hot_share }
    }

    /// How many hot users the shard has now.
    pub(super) fn hot_users(&self) -> u64 {
        self.hot.len() as u64
    }

    /// How many of them are in a session.
    pub(super) fn hot_sessions(&self) -> usize {
        self.hot.iter().flatten().count()
    }

    /// The user's number of one of the shard's hot users.
    pub(super) fn hot_user(&self, which: u64) -> u64 {
        self.shard + which * self.shards
    }

    /// The place of a hot user's session, to be looked up and set.
    pub(super) fn hot_place(&mut self, which: u64) -> Option<&mut Option<u32>> {
        self.hot.get_mut(usize::try_from(which).ok()?)
    }

    /// The sale's product, and the chance with which the next choice of a product must fall on it.
    #[inline]
    pub(super) fn sale(&self) -> Option<(u32, f64)> {
        self.sale.map(|sale| {
            // Events that choose nothing follow the last choice; feedback makes up for the rest.
            let missing = sale.plan.share * sale.events as f64 - sale.about as f64;
            (sale.plan.product, sale.plan.share + missing / SALE_HORIZON)
        })
    }

    /// Counts an event for the sale.
    #[inline]
    pub(super) fn count(&mut self, page: ShopPage, product: Option<u32>) {
        if let Some(sale) = &mut self.sale {
            let wanted = sale.plan.product;
            let page_is = match page {
                ShopPage::Product(number) | ShopPage::Search(number, _) => number == wanted,
                _ => false,
            };
            sale.events += 1;
            sale.about += u64::from(page_is || product == Some(wanted));
        }
    }
}
