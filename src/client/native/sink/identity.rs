//! The producer id that idempotence needs: asked for at any broker.

use std::time::{Duration, Instant};

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::{ApiKey, InitProducerIdRequest, InitProducerIdResponse};

use super::super::answer::Answer;
use super::super::backoff::Backoff;
use super::super::network::{LinkId, Network};
use super::lane::ProducerIdentity;
use crate::base::message_shape::{Field, fixed};

/// The shape of an answer: throttle time, error, id and epoch.
const SHAPE: &[Field] = &[fixed(4), fixed(2), fixed(8), fixed(2)];

/// The first version with tagged fields.
const FLEXIBLE: i16 = 2;

/// How far the question is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IdentityState {
    /// Nobody needs one.
    Unneeded,
    /// To be asked, not before this.
    Wanted(Instant),
    Asked(LinkId, i32),
    Known,
}

/// The client's producer id.
#[derive(Debug)]
pub(super) struct IdentityKeeper {
    state: IdentityState,
    identity: Option<ProducerIdentity>,
    backoff: Backoff,
}

impl IdentityKeeper {
    pub(super) fn new(is_needed: bool, backoff: Backoff) -> Self {
        let state =
            if is_needed { IdentityState::Wanted(Instant::now()) } else { IdentityState::Unneeded };
        Self { state, identity: None, backoff }
    }

    /// Whether batches may go, as far as this goes.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.state, IdentityState::Unneeded) || self.identity.is_some()
    }

    pub(super) fn identity(&self) -> Option<ProducerIdentity> {
        self.identity
    }

    /// The one that is there is used up.
    pub(super) fn renew(&mut self) {
        if self.state == IdentityState::Known {
            self.state = IdentityState::Wanted(Instant::now());
        }
    }

    /// Asks where that is due and somebody can be asked; when to look again.
    ///
    /// # Errors
    /// What the broker lacks.
    pub(super) fn tend(
        &mut self,
        network: &mut Network,
        now: Instant,
        patience: Duration,
    ) -> Result<Option<Instant>, String> {
        let IdentityState::Wanted(at) = self.state else { return Ok(None) };
        // Without anybody to ask, a link that becomes ready is what to wait for.
        let Some(link) = network.any_ready() else { return Ok(None) };
        if at > now {
            return Ok(Some(at));
        }
        network.version(link, ApiKey::InitProducerId)?;
        let none = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_producer_id((-1).into())
            .with_producer_epoch(-1);
        let id = network.send(link, &none, now + patience)?;
        self.state = IdentityState::Asked(link, id);
        Ok(None)
    }

    /// Whether it is this answer that is awaited.
    pub(super) fn awaits(&self, link: LinkId, id: i32) -> bool {
        self.state == IdentityState::Asked(link, id)
    }

    /// No answer will come.
    pub(super) fn lost(&mut self, now: Instant) {
        self.state = IdentityState::Wanted(now + self.backoff.next());
    }

    /// Takes the answer.
    ///
    /// # Errors
    /// The broker's words, where it will never give one.
    pub(super) fn take(&mut self, answer: &Answer, now: Instant) -> Result<(), String> {
        let response: InitProducerIdResponse = answer.decode(FLEXIBLE, SHAPE)?;
        match ResponseError::try_from_code(response.error_code) {
            None => {
                let (id, epoch) = (response.producer_id.0, response.producer_epoch);
                self.identity = Some(ProducerIdentity { id, epoch });
                self.state = IdentityState::Known;
                self.backoff.reset();
                Ok(())
            }
            Some(error) if error.is_retriable() => {
                self.lost(now);
                Ok(())
            }
            Some(error) => Err(format!(
                "the broker gives no producer id: {error}; expected the right IdempotentWrite on \
                 the cluster, or enable.idempotence=false"
            )),
        }
    }
}
