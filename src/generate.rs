//! Who does what: a population of shop users that turns due slots into events.
//!
//! The schedule decides when, the population decides who and what. Users belong to shards by
//! their number, so that one user's events come from one producer, in order. Only live sessions
//! are stored; everything about a user follows from the seed and the user's number. The same
//! plan, seed and shard count give the same events on every machine.

mod catalogue;
mod mix;
mod people;
mod session;
mod shopper;
mod skew;
mod think;
mod users;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde::Serialize;

use crate::event::{EventType, Fraud};
use crate::pace::seed::{Random, mix as scatter, unit_of};
use crate::plan::{Plan, PopulationPlan};
use crate::wire::encode::Parts;
use catalogue::{Catalogue, EXTERNAL_WEIGHTS, Page};
use mix::Mix;
use people::People;
use session::Session;
use shopper::Shopper;
use skew::{Alias, zipf_weights};
use think::ThinkTime;
use users::Users;

/// The purpose of the seed of what sessions do.
const SESSIONS: u64 = 3;
/// Bits of a queue entry that hold the session's place; the rest is the time.
const PLACE_BITS: u32 = 24;
/// Due times in the queue count in units of 2^14 ns (16 µs), which lasts for 200 days.
const TICK_BITS: u32 = 14;

/// How a user shops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Persona {
    /// Looks around and buys little.
    Browser,
    /// Comes for something, and buys it.
    Buyer,
    /// Searches and compares for long.
    Researcher,
}

impl Persona {
    /// Every persona, in the order of the plan's shares.
    pub const ALL: [Self; 3] = [Self::Browser, Self::Buyer, Self::Researcher];

    /// The place in tables by persona.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// How long this persona's sessions are, relative to each other.
    const fn patience(self) -> f64 {
        match self {
            Self::Browser => 0.8,
            Self::Buyer => 1.1,
            Self::Researcher => 1.6,
        }
    }
}

/// What an event is, without its text: what the books count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// What happened.
    pub event_type: EventType,
    /// The user's number, that of `user_id`.
    pub user: u64,
    /// The session's number, that of `session_id`; no two sessions of a run share one.
    pub session: u64,
    /// Whether this is the session's first event.
    pub session_starts: bool,
    /// The product among the event's properties, counted from 0 (`PROD-001`).
    pub product: Option<u32>,
    /// That product's price; 0 without one.
    pub price_cents: u64,
    /// The event's `cart_value`: the cart after an `add_to_cart`, and before a `purchase` is
    /// taken out of it; 0 for the other types, which have none.
    pub cart_cents: u64,
    /// How the user shops; not known of a recorded event.
    pub persona: Option<Persona>,
    /// The fraud that the session is planted for.
    pub fraud: Option<Fraud>,
}

/// One event, all but its stamp.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// What the books count.
    pub facts: Facts,
    /// The record's key: the `user_id`.
    pub key: &'a str,
    /// What [`crate::wire::encode::encode`] writes.
    pub parts: Parts<'a>,
}

/// The population of one shard.
#[derive(Debug, Clone)]
pub struct Generator {
    shop: Catalogue,
    popularity: Alias,
    origins: Alias,
    people: People,
    users: Users,
    think: ThinkTime,
    mix: Mix,
    random: Random,
    /// Logarithm of the chance that a session goes on after an event, by persona.
    log_goes_on: [f64; 3],
    digits: usize,
    session_key: u64,
    sessions_started: u64,
    sessions_max: usize,
    sessions: Vec<Session>,
    free: Vec<u32>,
    /// Live sessions by the time of their next event, packed with their place.
    queue: BinaryHeap<Reverse<u64>>,
    ended: Option<u32>,
}

impl Generator {
    /// The populations of all of a plan's producers, by shard.
    #[must_use]
    pub fn crew(plan: &Plan) -> Vec<Self> {
        let shards = plan.load.producers;
        (0..shards).map(|shard| Self::new(&plan.population, plan.seed, shard, shards)).collect()
    }

    /// The users u of the population with u ≡ `shard` (mod `shards`): all of them for one shard.
    ///
    /// A plan has at least as many users as shards; a shard without one gets the user of its own
    /// number all the same. Sessions live at once are at most the plan's share for the shard,
    /// and three quarters of its users.
    #[must_use]
    pub fn new(population: &PopulationPlan, seed: u64, shard: u16, shards: u16) -> Self {
        let users = Users::new(population.users, population.user_skew, shard, shards.max(1));
        let shop = Catalogue::new(population.products);
        let share = population.sessions_max.div_ceil(u32::from(shards.max(1)));
        let most = u64::from(share.clamp(1, 1 << PLACE_BITS)).min((users.len() * 3 / 4).max(1));
        let digits = population.users.saturating_sub(1).max(1).ilog10() as usize + 1;
        Self {
            popularity: Alias::new(&zipf_weights(shop.len(), population.product_skew)),
            shop,
            origins: Alias::new(&EXTERNAL_WEIGHTS),
            people: People::new(seed, &population.personas),
            users,
            think: ThinkTime::new(population.think_median_ms, population.think_sigma),
            mix: Mix::new(&population.mix, population.session_length),
            random: Random::new(seed, SESSIONS, u64::from(shard)),
            log_goes_on: log_goes_on(population),
            digits: digits.max(5),
            // Below the shard's number there is room for 2^48 sessions.
            session_key: scatter(seed) ^ u64::from(shard) << 48,
            sessions_started: 0,
            sessions_max: most as usize,
            sessions: Vec::new(),
            free: Vec::new(),
            queue: BinaryHeap::new(),
            ended: None,
        }
    }

    /// How many sessions are live.
    #[must_use]
    pub fn live_sessions(&self) -> usize {
        self.queue.len()
    }

    /// The event of the slot that is due at `due_ns`; due times don't decrease.
    pub fn next(&mut self, due_ns: u64) -> Draft<'_> {
        if let Some(place) = self.ended.take() {
            self.users.leave(self.sessions[place as usize].user);
            self.free.push(place);
        }
        let now = due_ns >> TICK_BITS << PLACE_BITS | ((1 << PLACE_BITS) - 1);
        let ready = self.queue.peek().is_some_and(|Reverse(entry)| *entry <= now);
        let full = self.queue.len() >= self.sessions_max;
        let starts = self.queue.is_empty() || !ready && !full && self.mix.may_start();
        let place = if starts { self.start() } else { self.earliest() };
        let facts = self.act(place, starts);
        self.mix.count(facts.event_type);
        self.schedule(place, starts, due_ns);
        self.draft(place, facts)
    }

    fn earliest(&self) -> u32 {
        self.queue.peek().map_or(0, |Reverse(entry)| (entry & ((1 << PLACE_BITS) - 1)) as u32)
    }

    fn start(&mut self) -> u32 {
        let user = self.users.enter(&mut self.random);
        let person = self.people.person(user);
        let id = scatter(self.session_key ^ self.sessions_started);
        self.sessions_started += 1;
        let from = Page::External(self.origins.pick(self.random.bits()) as u8);
        let mut session = Session::new(user, id, self.digits, person, from);
        // Geometric: the number of events until one is the last, at least one.
        let log_goes_on = self.log_goes_on[person.persona.index()];
        let more = libm::log(1.0 - self.random.unit()) / log_goes_on;
        session.remaining = more as u32 + 1;
        match self.free.pop() {
            Some(place) => {
                self.sessions[place as usize] = session;
                place
            }
            None => {
                self.sessions.push(session);
                self.sessions.len() as u32 - 1
            }
        }
    }

    /// Lets a session do one thing.
    fn act(&mut self, place: u32, starts: bool) -> Facts {
        let session = &mut self.sessions[place as usize];
        session.referrer = session.page;
        let bits = self.random.bits();
        let mut weights = *self.mix.weights(session.person.persona);
        session.restrict(&mut weights);
        let event_type = choose(&weights, unit_of(bits));
        let shopper = Shopper { shop: &self.shop, popularity: &self.popularity, mix: &self.mix };
        let mut product = None;
        let mut cart_cents = 0;
        match event_type {
            EventType::PageView => {
                let page = shopper.next_page(session, starts, &mut self.random);
                session.go(page);
            }
            EventType::Click if starts => {
                // On an advertisement, which is how the visit begins. No product comes into focus,
                // as none was viewed.
                session.page = shopper.next_page(session, starts, &mut self.random);
            }
            EventType::Click => {}
            EventType::Search => session.go(shopper.query(session, &mut self.random)),
            EventType::AddToCart => {
                product = session.focus;
                if let Some(number) = product {
                    if !session.is_on_focus() {
                        session.go(Page::Product(number));
                    }
                    session.add(number, self.shop.price_cents(number));
                }
                cart_cents = session.cart_cents;
            }
            EventType::Purchase => {
                cart_cents = session.cart_cents;
                product = session.buy();
                let price_cents = product.map_or(0, |number| self.shop.price_cents(number));
                session.cart_cents -= price_cents;
                session.go(Page::Checkout);
            }
        }
        if let (EventType::PageView | EventType::Click, Page::Product(number)) =
            (event_type, session.page)
        {
            product = Some(number);
        }
        session.remaining = session.remaining.saturating_sub(1);
        Facts {
            event_type,
            user: session.user,
            session: session.id,
            session_starts: starts,
            product,
            price_cents: product.map_or(0, |number| self.shop.price_cents(number)),
            cart_cents,
            persona: Some(session.person.persona),
            fraud: None,
        }
    }

    /// Ends the session, or sets the time of its next event.
    fn schedule(&mut self, place: u32, starts: bool, due_ns: u64) {
        let session = &self.sessions[place as usize];
        // A full cart is left behind only when enough was bought.
        let leaves = session.is_cart_empty() || self.mix.missing(EventType::Purchase) <= 0.0;
        if session.remaining == 0 && leaves && self.mix.may_end() {
            self.ended = Some(place);
            if !starts {
                self.queue.pop();
            }
            return;
        }
        let next_ns = due_ns.saturating_add(self.think.pick_ns(self.random.bits()));
        let entry = Reverse(next_ns >> TICK_BITS << PLACE_BITS | u64::from(place));
        if starts {
            self.queue.push(entry);
        } else if let Some(mut earliest) = self.queue.peek_mut() {
            *earliest = entry;
        }
    }

    fn draft(&self, place: u32, facts: Facts) -> Draft<'_> {
        let session = &self.sessions[place as usize];
        let (key, who, ip_address) = session.texts();
        let (user_agent, device) = self.people.agent(session.person.agent);
        let search_query = match (facts.event_type, session.page) {
            (EventType::Search, Page::Search(number, form)) => Some(self.shop.query(number, form)),
            _ => None,
        };
        let has_cart = matches!(facts.event_type, EventType::AddToCart | EventType::Purchase);
        let parts = Parts {
            who,
            event_type: facts.event_type,
            page_url: self.shop.url(session.page),
            referrer: self.shop.url(session.referrer),
            user_agent,
            ip_address,
            about: match facts.product {
                Some(number) => self.shop.about(number),
                None => self.shop.about_page(session.page),
            },
            search_query,
            cart_cents: has_cart.then_some(facts.cart_cents),
            padding: "",
            device,
            location: self.people.location(session.person.city),
        };
        Draft { facts, key, parts }
    }
}

/// The type that a number in [0, 1) chooses; a page view when nothing is possible.
#[inline]
fn choose(weights: &[f64; 5], unit: f64) -> EventType {
    let mut rest = unit * weights.iter().sum::<f64>();
    let mut chosen = EventType::PageView;
    for kind in EventType::ALL {
        let weight = weights[kind.index()];
        if weight > 0.0 {
            chosen = kind;
            if rest < weight {
                break;
            }
            rest -= weight;
        }
    }
    chosen
}

/// The logarithm of each persona's chance to go on, so that sessions have the plan's mean length.
fn log_goes_on(population: &PopulationPlan) -> [f64; 3] {
    let mean: f64 = Persona::ALL
        .iter()
        .map(|persona| persona.patience() * population.personas[persona.index()])
        .sum();
    Persona::ALL.map(|persona| {
        let length = population.session_length * persona.patience() / mean.max(f64::MIN_POSITIVE);
        // A mean length of 1 gives minus infinity, and a quotient of 0 above.
        libm::log(1.0 - 1.0 / length.max(1.0))
    })
}

#[cfg(test)]
mod tests;
