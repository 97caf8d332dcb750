//! Who does what: a population of shop users that turns due slots into events.
//!
//! The schedule decides when, the population decides who and what. Users belong to shards by
//! their number, so that one user's events come from one producer, in order. Only live sessions
//! are stored; everything about a user follows from the seed and the user's number. The same
//! plan, seed and shard count give the same events on every machine.

mod arrivals;
mod catalogue;
mod demand;
mod draft;
pub mod fraud_action;
pub mod hotspots;
mod lengths;
mod lognormal;
mod mix;
mod padding;
mod pauses;
mod personas;
pub mod planted;
mod pool;
pub mod profiles;
mod queue;
mod session;
mod shop;
mod shopper;
mod skew;
mod stats;
mod tempo;
mod texts;
mod users;

use std::sync::Arc;

use crate::base::random::{Random, mix as scatter};
use crate::event::EventType;
use crate::event::codec::{Codec, EventParts};
use crate::event::format::PayloadFormat;
use crate::plan::{Plan, PopulationPlan};

use catalogue::{EXTERNAL_WEIGHTS, ShopPage};
pub use demand::Demand;
pub use draft::{Draft, EventFacts, Persona};
use fraud_action::FraudAction;
use hotspots::Hotspots;
use lengths::SessionLengths;
use lognormal::LogNormal;
use mix::Mix;
use padding::Padding;
pub use personas::Personas;
use planted::FraudMix;
use pool::{Pool, PoolTurn, SESSIONS_MAX};
use profiles::People;
use shop::Shop;
use shopper::Shopper;
use skew::Alias;
pub use stats::{PhaseStats, SessionStats};
use tempo::{Residual, ShardRate, Tempo};
use texts::Texts;
use users::ShardUsers;

/// The purpose of the seed of what sessions do.
const SESSIONS: u64 = 3;

/// The population of one shard.
#[derive(Debug, Clone)]
pub struct Generator {
    shop: Arc<Shop>,
    origins: Alias,
    people: People,
    users: ShardUsers,
    think: LogNormal,
    mix: Mix,
    plots: FraudMix,
    crowds: Hotspots,
    padding: Option<Padding>,
    random: Random,
    lengths: SessionLengths,
    texts: Texts,
    session_key: u64,
    sessions_started: u64,
    tempo: Tempo,
    pool: Pool,
    /// How many are here for a plot, and how many may be: they hold users as everybody does.
    schemers: u64,
    schemers_max: u64,
    /// The session that had its last event just now: the event still borrows from it.
    ended: Option<u32>,
    stats: SessionStats,
}

impl Generator {
    /// The populations of all of a plan's producers, by shard.
    #[must_use]
    pub fn for_shards(plan: &Plan) -> Vec<Self> {
        let (population, shards) = (&plan.population, plan.load.producers.max(1));
        let shop = Arc::new(Shop::of(population, plan.event.codec()));
        (0..shards)
            .map(|shard| {
                let crowds = Hotspots::new(Some(&plan.load), shard, shards);
                let padding = plan.event.padding.as_ref();
                let padding = padding.map(|padding| Padding::new(padding, plan.seed, shard));
                let (shop, rate) = (shop.clone(), ShardRate::of(&plan.load));
                let build = Self::build(population, shop, crowds, rate, plan.seed, shard, shards);
                Self { padding, ..build }
            })
            .collect()
    }

    /// The users u of the population with u ≡ `shard` (mod `shards`), all of them for one shard,
    /// under a load of this rate over all shards, whose phases ask for nothing special, in JSON.
    ///
    /// A plan has at least as many users as shards; a shard without one gets the user of its own
    /// number all the same. Sessions live at once are at most the plan's share for the shard,
    /// and three quarters of its users.
    #[must_use]
    pub fn new(
        population: &PopulationPlan,
        rate_per_s: f64,
        seed: u64,
        shard: u16,
        shards: u16,
    ) -> Self {
        let shop = Arc::new(Shop::of(population, PayloadFormat::default().codec()));
        let shards = shards.max(1);
        let crowds = Hotspots::new(None, shard, shards);
        let rate = ShardRate::Constant(rate_per_s / f64::from(shards));
        Self::build(population, shop, crowds, rate, seed, shard, shards)
    }

    fn build(
        population: &PopulationPlan,
        shop: Arc<Shop>,
        crowds: Hotspots,
        rate: ShardRate,
        seed: u64,
        shard: u16,
        shards: u16,
    ) -> Self {
        let skew = population.user_skew;
        let users = ShardUsers::new(population.users, skew, shard, shards, crowds.reserved());
        let (most, schemers_max) = demand::places(population, shards, users.len());
        let most = most.min(SESSIONS_MAX);
        let think = LogNormal::new(population.think_median_ms * 1e6, population.think_sigma);
        Self {
            origins: Alias::new(&EXTERNAL_WEIGHTS),
            people: People::new(seed, &population.personas, shop.codec),
            mix: Mix::new(&population.mix, population.session_length),
            plots: FraudMix::new(population.fraud),
            crowds,
            padding: None,
            random: Random::new(seed, SESSIONS, u64::from(shard)),
            lengths: SessionLengths::new(population),
            texts: Texts::new(personas::digits(population.users), shop.codec),
            // Below the shard's number there is room for 2^48 sessions.
            session_key: scatter(seed) ^ u64::from(shard) << 48,
            sessions_started: 0,
            schemers: 0,
            schemers_max,
            tempo: Tempo::new(rate, population, most),
            pool: Pool::new(Residual::of(think.quantiles())),
            think,
            users,
            shop,
            ended: None,
            stats: SessionStats::default(),
        }
    }

    /// What the drafts are made for.
    #[must_use]
    pub fn codec(&self) -> &'static dyn Codec {
        self.shop.codec
    }

    /// How many ordinary sessions a plan's shards may have at once, together.
    #[must_use]
    pub fn places(plan: &Plan) -> u64 {
        let (population, shards) = (&plan.population, plan.load.producers.max(1));
        let of_shard = |shard| {
            let reserved = Hotspots::new(Some(&plan.load), shard, shards).reserved();
            let users = users::owned(population.users, shard, shards, reserved);
            demand::places(population, shards, users).0.min(SESSIONS_MAX)
        };
        (0..shards).map(of_shard).sum()
    }

    /// How the ordinary sessions lived until now, by phase.
    #[must_use]
    pub const fn stats(&self) -> &SessionStats {
        &self.stats
    }

    /// How many sessions that have had an event are live.
    #[must_use]
    pub fn live_sessions(&self) -> usize {
        self.pool.seen() + self.crowds.hot_sessions()
    }

    /// Whether the last event was its session's last.
    #[must_use]
    pub fn session_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// The event of the slot that is due at `due_ns`; due times don't decrease.
    pub fn next(&mut self, due_ns: u64) -> Draft<'_> {
        if let Some(place) = self.ended.take() {
            self.clear_away(place, due_ns);
        }
        self.crowds.follow(due_ns, |place| self.pool.clear(place));
        let hot_share = self.crowds.hot_share();
        let change = self.tempo.follow(due_ns, hot_share);
        let (phase, left_ns) = self.tempo.phase(due_ns);
        self.stats.follow(due_ns, left_ns, phase);
        if change != 0 || self.pool.closes() {
            self.pool.change(change, &mut self.random, |session| {
                self.users.leave(session.user);
                self.stats.close(session.since);
            });
        }
        let (place, facts) = if hot_share > 0.0 && self.random.unit() < hot_share {
            self.next_hot()
        } else if let Some(place) = self.pool.planted_due(due_ns) {
            self.next_planted(place, due_ns)
        } else {
            self.next_ordinary(due_ns)
        };
        self.draft(place, facts)
    }

    /// An event of a hot user, who doesn't think but sends the share of the load asked for.
    fn next_hot(&mut self) -> (u32, EventFacts) {
        let which = self.random.below(self.crowds.hot_users());
        let live = self.crowds.hot_place(which).and_then(|place| *place);
        let place = live.unwrap_or_else(|| {
            let mut session = self.visit(self.crowds.hot_user(which));
            session.remaining = self.lengths.pick(session.person.persona, &mut self.random);
            self.pool.settle(session)
        });
        let facts = self.act(place);
        let over = self.is_over(place);
        if over {
            self.ended = Some(place);
        }
        if let Some(hot) = self.crowds.hot_place(which) {
            *hot = (!over).then_some(place);
        }
        (place, facts)
    }

    /// An event of a planted session, which has a pace of its own.
    fn next_planted(&mut self, place: u32, due_ns: u64) -> (u32, EventFacts) {
        let facts = self.act(place);
        match self.pool.session(place).plot {
            Some(plot) if !self.is_over(place) => {
                let pause_ns = plot.pause_ns(self.random.bits());
                self.pool.plan_planted(place, due_ns.saturating_add(pause_ns));
            }
            _ => {
                self.pool.end_planted(place);
                self.ended = Some(place);
            }
        }
        (place, facts)
    }

    /// An event of anybody else: one who comes, or who has thought long enough.
    fn next_ordinary(&mut self, due_ns: u64) -> (u32, EventFacts) {
        let alive = self.pool.alive();
        let comes =
            alive == 0 || self.mix.may_start() && self.tempo.starts(alive, &mut self.random);
        let turn = if comes { None } else { self.pool.turn(&mut self.random) };
        let place = match turn {
            Some(PoolTurn::Of(place)) => place,
            Some(PoolTurn::OfUnseen) => self.join(),
            None => self.start(),
        };
        if self.pool.session(place).plot.is_some() {
            return self.next_planted(place, due_ns);
        }
        let facts = self.act(place);
        let is_over = self.is_over(place);
        let since = self.pool.session(place).since;
        let comes = facts.session_starts && !facts.was_under_way;
        self.stats.event(alive, self.tempo.wanted(), comes, since, is_over);
        if is_over {
            self.ended = Some(place);
            self.users.prefetch(facts.user);
        } else {
            let pause_ns = self.think.pick(self.random.bits());
            self.pool.pause(place, pause_ns);
            self.pool.session_mut(place).since = Some(self.stats.pause(pause_ns));
        }
        (place, facts)
    }

    /// Lets a session do one thing.
    fn act(&mut self, place: u32) -> EventFacts {
        let session = self.pool.session_mut(place);
        let is_first = !std::mem::replace(&mut session.has_begun, true);
        let starts = is_first && !session.was_under_way;
        session.referrer = session.page;
        let shopper = Shopper { shop: &self.shop, mix: &self.mix, sale: self.crowds.sale() };
        let done = match &mut session.plot {
            Some(plot) => {
                let weights = self.mix.weights(session.person.persona);
                let deed = plot.next(&self.shop, weights, &mut self.random);
                if starts && deed == FraudAction::Click {
                    // As any visit that begins with a click: what is clicked leads to a page.
                    session.page = shopper.next_page(session, true, &mut self.random);
                }
                shopper.perform(session, deed)
            }
            None => shopper.act(session, starts, &mut self.random),
        };
        session.remaining = session.remaining.saturating_sub(1);
        self.mix.count(done.event_type);
        self.crowds.count(session.page, done.product);
        EventFacts {
            event_type: done.event_type,
            user: session.user,
            session: session.id,
            session_starts: is_first,
            session_ends: false,
            was_under_way: session.was_under_way,
            product: done.product,
            price_cents: done.product.map_or(0, |number| self.shop.catalogue.price_cents(number)),
            cart_cents: done.cart_cents,
            persona: Some(session.person.persona),
            fraud: session.plot.map(|plot| plot.kind),
        }
    }

    /// Whether a session has come to its end.
    fn is_over(&self, place: u32) -> bool {
        let session = self.pool.session(place);
        // A full cart is left behind only when enough was bought.
        let leaves = session.is_cart_empty() || self.mix.missing(EventType::Purchase) <= 0.0;
        session.remaining == 0 && (session.plot.is_some() || leaves && self.mix.may_end())
    }

    fn draft(&mut self, place: u32, mut facts: EventFacts) -> Draft<'_> {
        facts.session_ends = self.ended == Some(place);
        let session = self.pool.session(place);
        let (key, who, ip_address) = self.texts.of(session);
        let (user_agent, device) = self.people.agent(session.person.agent);
        let catalogue = &self.shop.catalogue;
        let search_query = match (facts.event_type, session.page) {
            (EventType::Search, ShopPage::Search(number, form)) => {
                Some(catalogue.query(number, form))
            }
            _ => None,
        };
        let has_cart = matches!(facts.event_type, EventType::AddToCart | EventType::Purchase);
        let mut parts = EventParts {
            who,
            event_type: facts.event_type,
            page_url: catalogue.url(session.page),
            referrer: catalogue.url(session.referrer),
            user_agent,
            ip_address,
            about: match facts.product {
                Some(number) => catalogue.about(number),
                None => catalogue.about_page(session.page),
            },
            search_query,
            cart_cents: has_cart.then_some(facts.cart_cents),
            padding: None,
            device,
            location: self.people.location(session.person.city),
        };
        if let Some(padding) = &mut self.padding {
            let (codec, natural_bytes) = (self.shop.codec, self.shop.codec.encoded_len(&parts));
            parts.padding = padding.fill(natural_bytes, |bytes| codec.padding_letters(bytes));
        }
        Draft { facts, key, parts }
    }
}

#[cfg(test)]
pub(crate) mod tests;
