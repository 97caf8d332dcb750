//! Who comes to the shop, and who was there before anybody looked.

use super::Generator;
use super::catalogue::ShopPage;
use super::draft::Persona;
use super::planted::{FraudScript, VICTIM_EVENTS_MAX};
use super::session::Session;
use super::shopper::Shopper;
use crate::base::random::mix as scatter;
use crate::event::FraudKind;

/// Most events of the time before a session was first seen.
const PAST_MAX: u32 = 48;

impl Generator {
    /// Lets the next user come.
    pub(super) fn start(&mut self) -> u32 {
        let user = self.users.enter(&mut self.random);
        let mut session = self.visit(user);
        session.remaining = self.lengths.pick(session.person.persona, &mut self.random);
        let plan = self.plots.pick(&mut self.random);
        let plan = plan.filter(|_| self.schemers < self.schemers_max);
        self.schemers += u64::from(plan.is_some());
        match plan {
            Some(FraudKind::AccountTakeover) => {
                // First its owner comes, or nobody could tell that it was somebody else.
                session.is_victim = true;
                session.remaining = session.remaining.min(VICTIM_EVENTS_MAX);
            }
            Some(kind) => session.follow(FraudScript::new(kind, self.random.bits())),
            None => {}
        }
        self.pool.settle(session)
    }

    /// Makes somebody up who is under way. Who stays for long is met the more often, and what is
    /// left of a visit is as long as a whole one, as lengths are geometric.
    pub(super) fn join(&mut self) -> u32 {
        let mut session = loop {
            let user = self.users.enter(&mut self.random);
            let persona = self.people.person(user).persona;
            if self.random.unit() * Persona::PATIENCE_MAX < persona.patience() {
                break self.visit(user);
            }
            self.users.leave(user);
        };
        let persona = session.person.persona;
        session.remaining = self.lengths.pick(persona, &mut self.random);
        session.was_under_way = true;
        // What nobody has seen: it leaves a page in view, a product in focus, and a cart.
        let shopper = Shopper { shop: &self.shop, mix: &self.mix, sale: self.crowds.sale() };
        for past in 0..self.lengths.pick(persona, &mut self.random).min(PAST_MAX) {
            shopper.act(&mut session, past == 0, &mut self.random);
        }
        self.pool.settle(session)
    }

    /// A new session of a user, before its first event.
    pub(super) fn visit(&mut self, user: u64) -> Session {
        let id = scatter(self.session_key ^ self.sessions_started);
        self.sessions_started += 1;
        let from = ShopPage::External(self.origins.pick(self.random.bits()) as u8);
        Session::new(user, id, self.people.person(user), from)
    }

    /// After a session's last event: its place is free, unless the account is taken over.
    pub(super) fn clear_away(&mut self, place: u32, due_ns: u64) {
        let session = self.pool.session(place);
        let (user, owner) = (session.user, session.person);
        if !session.is_victim {
            self.schemers -= u64::from(session.plot.is_some());
            self.users.leave(user);
            self.pool.clear(place);
            return;
        }
        let visit = self.visit(user);
        let intruder = self.people.intruder(&owner, visit.id);
        let mut session = Session::new(user, visit.id, intruder, visit.page);
        session.follow(FraudScript::new(FraudKind::AccountTakeover, self.random.bits()));
        let pause_ns = session.plot.map_or(0, |plot| plot.pause_ns(self.random.bits()));
        *self.pool.session_mut(place) = session;
        self.pool.plan_planted(place, due_ns.saturating_add(pause_ns));
    }
}
