//! The sending thread: sockets, timers, and all that happens to batches between the hand-over and
//! the receipt.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::answer::Answer;
use super::super::network::{LinkId, Network, NetworkEvent};
use super::identity::IdentityKeeper;
use super::outbox::Outbox;
use super::shared::{SinkShared, SinkState};
use kafka_protocol::messages::ApiKey;

/// How often it is looked for what is too late: a hundredth of what Kafka's timeouts are.
const EXPIRY_LOOK: Duration = Duration::from_millis(50);

/// The longest sleep.
const NAP: Duration = Duration::from_secs(60);

/// The thread's own.
#[allow(missing_debug_implementations, reason = "holds a receiver")]
pub(super) struct Sender {
    network: Network,
    shared: Arc<SinkShared>,
    outbox: Outbox,
    identity: IdentityKeeper,
    patience: Duration,
    next_expiry: Instant,
}

impl Sender {
    pub(super) fn new(
        network: Network,
        shared: Arc<SinkShared>,
        outbox: Outbox,
        identity: IdentityKeeper,
        patience: Duration,
    ) -> Self {
        Self { network, shared, outbox, identity, patience, next_expiry: Instant::now() }
    }

    /// Works until the sink is closed.
    pub(super) fn run(mut self) {
        while !self.shared.is_closing() {
            let now = Instant::now();
            let next = match self.work(now) {
                // There is room for more at once.
                Ok(_) if self.outbox.settle_unconfirmed(&mut self.network) => now,
                Ok(next) => next.min(now + NAP),
                Err(why) => {
                    self.breaks(&why);
                    now + NAP
                }
            };
            if let Err(error) = self.network.turn(next) {
                self.breaks(&error.to_string());
                break;
            }
            while let Some(event) = self.network.next_event() {
                self.take(event);
            }
            self.note_wire();
            self.note_state();
        }
        self.outbox.end_all(&self.shared, "the client was closed");
    }

    /// Does what is due; when to look again.
    fn work(&mut self, now: Instant) -> Result<Instant, String> {
        if let SinkState::Broken(_) = self.shared.state() {
            return Ok(now + NAP);
        }
        if self.next_expiry <= now {
            self.outbox.expire(&self.shared, now);
            self.next_expiry = now + EXPIRY_LOOK;
        }
        let asked = self.identity.tend(&mut self.network, now, self.patience)?;
        if self.outbox.recover(self.identity.identity()) {
            self.identity.renew();
        }
        let due = self.outbox.send(&mut self.network, &self.shared, now)?;
        let is_idle = self.outbox.is_idle() && self.shared.accumulator().is_empty();
        let expiry = (!is_idle).then_some(self.next_expiry);
        let next = [asked, due, expiry].into_iter().flatten().min();
        Ok(next.unwrap_or(now + NAP))
    }

    fn take(&mut self, event: NetworkEvent) {
        match event {
            NetworkEvent::Ready(_) => {}
            NetworkEvent::Metadata => self.take_metadata(),
            NetworkEvent::Answer(link, answer) => self.answered(link, answer),
            NetworkEvent::Lost(link, lost, why) => {
                if lost.iter().any(|request| self.identity.awaits(link, request.id)) {
                    self.identity.lost(Instant::now());
                }
                self.outbox.lost(link, &lost, &why);
            }
        }
    }

    fn take_metadata(&mut self) {
        if let Some(fault) = self.network.view().fault().filter(|fault| !fault.is_retriable()) {
            return self.breaks(&format!("the topic can't be written to: {fault}"));
        }
        let count = self.network.view().leaders().len();
        self.outbox.place_leaders(&self.network);
        if count > 0 {
            self.shared.accumulator().set_partitions(count);
        }
        for link in self.outbox.links() {
            self.network.want(link);
        }
    }

    fn answered(&mut self, link: LinkId, answer: Answer) {
        match answer.api {
            ApiKey::Produce => {
                self.outbox.answered(&mut self.network, &self.shared, link, &answer);
            }
            ApiKey::InitProducerId if self.identity.awaits(link, answer.id) => {
                if let Err(why) = self.identity.take(&answer, Instant::now()) {
                    self.breaks(&why);
                }
            }
            _ => {}
        }
        self.network.recycle(link, answer);
    }

    /// Nothing will be sent any more.
    fn breaks(&mut self, why: &str) {
        self.shared.set_state(SinkState::Broken(why.to_owned()));
        self.outbox.end_all(&self.shared, why);
    }

    fn note_wire(&mut self) {
        let mut wire = self.outbox.sent();
        wire.wire_bytes = self.network.written();
        self.shared.set_wire(wire);
    }

    fn note_state(&mut self) {
        let links = self.outbox.links();
        let is_ready = self.outbox.is_led()
            && links.iter().all(|link| self.network.is_ready(*link))
            && self.identity.is_settled();
        let state = if is_ready { SinkState::Ready } else { SinkState::Connecting };
        self.shared.set_state(state);
    }
}
