//! A member of a classic group, without its connection: it says what to ask next, and what each
//! answer means for its partitions.
//!
//! An eager member gives up all it has before it joins again; a cooperative one keeps it, and
//! gives up what is no longer its own once it knows (KIP-429).

use std::time::{Duration, Instant};

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    ApiKey, GroupId, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, SyncGroupRequest,
    SyncGroupResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::super::answer::Answer;
use super::super::assign::AssignmentStrategy;
use super::super::complaint::words;
use super::exchange;
use super::leading::share_out;
use super::member_protocol::{
    MemberAsk, MemberChange, MemberProtocol, MemberSettings, TopicShape, without,
};
use super::protocol::{read_assignment, write_subscription};

/// The protocol type of groups that read topics.
const CONSUMER: &str = "consumer";

/// Where a member is.
#[derive(Debug, Clone, PartialEq)]
enum MemberPhase {
    /// To join.
    Joining,
    /// Joined, and to ask for its partitions; the leader brings everybody's.
    Syncing(Vec<SyncGroupRequestAssignment>),
    /// It has its partitions.
    Stable,
    /// Waits until partitions are given up; these have come meanwhile.
    GivingUp(Option<Vec<i32>>),
}

/// A member of a classic group.
#[derive(Debug)]
pub(super) struct ClassicMember {
    settings: MemberSettings,
    member_id: StrBytes,
    generation: i32,
    phase: MemberPhase,
    /// A question is under way.
    is_asked: bool,
    not_before: Instant,
    heartbeat_at: Instant,
    owned: Vec<i32>,
    /// The strategies that it offers, the preferred one first; all eager or all cooperative.
    strategies: Vec<AssignmentStrategy>,
    strategy: Option<AssignmentStrategy>,
    /// How many partitions it shared out, where it is the leader.
    shared_out: Option<usize>,
}

impl ClassicMember {
    /// To join at once.
    pub(super) fn new(
        settings: MemberSettings,
        strategies: Vec<AssignmentStrategy>,
        now: Instant,
    ) -> Self {
        Self {
            settings,
            strategies,
            member_id: StrBytes::default(),
            generation: -1,
            phase: MemberPhase::Joining,
            is_asked: false,
            not_before: now,
            heartbeat_at: now,
            owned: Vec::new(),
            strategy: None,
            shared_out: None,
        }
    }

    fn join_request(&self) -> JoinGroupRequest {
        let MemberSettings { topic, rack, .. } = &self.settings;
        let owned = if self.is_cooperative() { &*self.owned } else { &[] };
        let protocol = |strategy: &AssignmentStrategy| {
            let said = write_subscription(topic, (owned, self.generation), rack.as_deref());
            JoinGroupRequestProtocol::default()
                .with_name(StrBytes::from_static_str(strategy.name()))
                .with_metadata(said)
        };
        JoinGroupRequest::default()
            .with_group_id(GroupId(StrBytes::from_string(self.settings.group.clone())))
            .with_session_timeout_ms(ms(self.settings.session_timeout))
            .with_rebalance_timeout_ms(ms(self.settings.rebalance_timeout))
            .with_member_id(self.member_id.clone())
            .with_group_instance_id(self.instance_id())
            .with_protocol_type(StrBytes::from_static_str(CONSUMER))
            .with_protocols(self.strategies.iter().map(protocol).collect())
    }

    /// Takes the answer to a join; the topic has so many partitions.
    pub(super) fn joined(
        &mut self,
        answer: &JoinGroupResponse,
        partitions: usize,
        now: Instant,
    ) -> MemberChange {
        self.is_asked = false;
        if answer.error_code == ResponseError::MemberIdRequired.code() {
            self.member_id = answer.member_id.clone();
            return MemberChange::None;
        }
        if let Some(error) = ResponseError::try_from_code(answer.error_code) {
            return self.refused(error, now);
        }
        let named = answer.protocol_name.as_deref().unwrap_or_default();
        let Some(strategy) = AssignmentStrategy::named(named) else {
            let group = &self.settings.group;
            return MemberChange::Failed(format!(
                "group {group} shares partitions by {named:?}; expected a strategy of this member"
            ));
        };
        self.strategy = Some(strategy);
        self.member_id = answer.member_id.clone();
        self.generation = answer.generation_id;
        self.heartbeat_at = now + self.settings.heartbeat_interval;
        let leads = answer.leader == answer.member_id;
        self.shared_out = leads.then_some(partitions);
        let shares = if leads && !answer.skip_assignment {
            share_out(strategy, partitions, &self.settings.topic, &answer.members)
        } else {
            Vec::new()
        };
        self.phase = MemberPhase::Syncing(shares);
        MemberChange::None
    }

    /// Takes the answer to a sync.
    pub(super) fn synced(&mut self, answer: &SyncGroupResponse, now: Instant) -> MemberChange {
        self.is_asked = false;
        if let Some(error) = ResponseError::try_from_code(answer.error_code) {
            self.phase = MemberPhase::Joining;
            return self.refused(error, now);
        }
        let Some(given) = read_assignment(&answer.assignment, &self.settings.topic) else {
            let group = &self.settings.group;
            return MemberChange::Failed(format!(
                "the assignment in group {group} is malformed; expected that of a topic's readers"
            ));
        };
        self.heartbeat_at = now + self.settings.heartbeat_interval;
        self.phase = MemberPhase::Stable;
        let before = std::mem::replace(&mut self.owned, given);
        let gained: Vec<i32> = without(&self.owned, &before);
        let gone: Vec<i32> = without(&before, &self.owned);
        if gone.is_empty() {
            return MemberChange::Gained(gained);
        }
        self.phase = MemberPhase::GivingUp(Some(gained));
        MemberChange::GiveUp(gone)
    }

    /// Takes the error of an answer to a heartbeat.
    pub(super) fn heard(&mut self, error_code: i16, now: Instant) -> MemberChange {
        self.is_asked = false;
        self.heartbeat_at = now + self.settings.heartbeat_interval;
        match ResponseError::try_from_code(error_code) {
            None => MemberChange::None,
            // It takes part already, as soon as it has given up what it has to.
            Some(ResponseError::RebalanceInProgress) if self.phase != MemberPhase::Stable => {
                MemberChange::None
            }
            Some(error) => self.refused(error, now),
        }
    }

    fn refused(&mut self, error: ResponseError, now: Instant) -> MemberChange {
        let MemberSettings { group, .. } = &self.settings;
        match error {
            ResponseError::RebalanceInProgress if self.phase == MemberPhase::Stable => {
                self.rebalance()
            }
            ResponseError::UnknownMemberId | ResponseError::IllegalGeneration => {
                if error == ResponseError::UnknownMemberId {
                    self.member_id = StrBytes::default();
                }
                self.generation = -1;
                let gives_up = matches!(self.phase, MemberPhase::GivingUp(_));
                let had_some = gives_up || !self.owned.is_empty();
                self.phase = MemberPhase::Joining;
                self.owned.clear();
                if had_some { MemberChange::LostAll } else { MemberChange::None }
            }
            ResponseError::NotCoordinator | ResponseError::CoordinatorNotAvailable => {
                self.not_before = now + self.settings.retry;
                MemberChange::OtherCoordinator
            }
            ResponseError::FencedInstanceId => MemberChange::Failed(format!(
                "another member of group {group} has taken the name {:?} (group.instance.id); \
                 expected one member of that name",
                self.settings.instance_id.as_deref().unwrap_or_default(),
            )),
            ResponseError::RebalanceInProgress
            | ResponseError::CoordinatorLoadInProgress
            | ResponseError::RequestTimedOut => {
                self.not_before = now + self.settings.retry;
                MemberChange::None
            }
            error if error.is_retriable() => {
                self.not_before = now + self.settings.retry;
                MemberChange::None
            }
            error => MemberChange::Failed(format!(
                "group {group} refuses a member: {}; expected a group of the classic protocol \
                 that this member may join",
                words(error)
            )),
        }
    }

    /// The group shares its partitions out anew.
    fn rebalance(&mut self) -> MemberChange {
        if self.is_cooperative() {
            self.phase = MemberPhase::Joining;
            return MemberChange::None;
        }
        self.phase = MemberPhase::GivingUp(None);
        MemberChange::GiveUp(std::mem::take(&mut self.owned))
    }

    /// Whether it keeps its partitions through a rebalance.
    fn is_cooperative(&self) -> bool {
        self.strategies.iter().all(|strategy| strategy.is_cooperative())
    }

    fn instance_id(&self) -> Option<StrBytes> {
        self.settings.instance_id.as_ref().map(|id| StrBytes::from_string(id.clone()))
    }
}

impl MemberProtocol for ClassicMember {
    fn identity(&self) -> (StrBytes, i32, Option<StrBytes>) {
        (self.member_id.clone(), self.generation, self.instance_id())
    }

    fn next(&self) -> Option<Instant> {
        match self.phase {
            _ if self.is_asked => None,
            // While partitions are given up, too: that takes as long as the application likes.
            MemberPhase::Stable | MemberPhase::GivingUp(_) => {
                Some(self.heartbeat_at.max(self.not_before))
            }
            MemberPhase::Joining | MemberPhase::Syncing(_) => Some(self.not_before),
        }
    }

    fn ask(&mut self, now: Instant) -> Option<MemberAsk> {
        if self.next().is_none_or(|at| at > now) {
            return None;
        }
        self.is_asked = true;
        let group = || GroupId(StrBytes::from_string(self.settings.group.clone()));
        Some(match &self.phase {
            MemberPhase::Joining => MemberAsk::Join(self.join_request()),
            MemberPhase::Syncing(shares) => MemberAsk::Sync(
                SyncGroupRequest::default()
                    .with_group_id(group())
                    .with_generation_id(self.generation)
                    .with_member_id(self.member_id.clone())
                    .with_group_instance_id(self.instance_id())
                    .with_protocol_type(Some(StrBytes::from_static_str(CONSUMER)))
                    .with_protocol_name(
                        self.strategy.map(|strategy| StrBytes::from_static_str(strategy.name())),
                    )
                    .with_assignments(shares.clone()),
            ),
            MemberPhase::Stable | MemberPhase::GivingUp(_) => MemberAsk::Heartbeat(
                HeartbeatRequest::default()
                    .with_group_id(group())
                    .with_generation_id(self.generation)
                    .with_member_id(self.member_id.clone())
                    .with_group_instance_id(self.instance_id()),
            ),
        })
    }

    fn take(
        &mut self,
        answer: &Answer,
        topic: TopicShape,
        now: Instant,
    ) -> Result<MemberChange, String> {
        Ok(match answer.api {
            ApiKey::JoinGroup => self.joined(&exchange::joined(answer)?, topic.partitions, now),
            ApiKey::SyncGroup => self.synced(&exchange::synced(answer)?, now),
            _ => self.heard(exchange::heard(answer)?, now),
        })
    }

    fn commit_refused(&mut self, error: ResponseError, now: Instant) -> MemberChange {
        match error {
            ResponseError::UnknownMemberId
            | ResponseError::IllegalGeneration
            | ResponseError::FencedInstanceId
                if self.phase == MemberPhase::Stable =>
            {
                self.is_asked = false;
                self.refused(error, now)
            }
            ResponseError::NotCoordinator | ResponseError::CoordinatorNotAvailable => {
                MemberChange::OtherCoordinator
            }
            _ => MemberChange::None,
        }
    }

    fn gave_up(&mut self, _now: Instant) -> MemberChange {
        let MemberPhase::GivingUp(gained) = &mut self.phase else { return MemberChange::None };
        let gained = gained.take();
        // A cooperative member joins once more, so that what it gave up can be handed out.
        self.phase = MemberPhase::Joining;
        gained.filter(|it| !it.is_empty()).map_or(MemberChange::None, MemberChange::Gained)
    }

    /// A leader that shared out another number of partitions has them shared out anew.
    fn look(&mut self, topic: TopicShape, _now: Instant) -> MemberChange {
        let is_stable = self.phase == MemberPhase::Stable && !self.is_asked;
        if is_stable && self.shared_out.is_some_and(|before| before != topic.partitions) {
            return self.rebalance();
        }
        MemberChange::None
    }

    fn needs_metadata(&self) -> bool {
        false
    }

    fn disconnected(&mut self) {
        self.is_asked = false;
        if let MemberPhase::Syncing(_) = self.phase {
            self.phase = MemberPhase::Joining;
        }
    }

    /// A member with a name of its own says nothing: its place waits for its return.
    fn leave(&mut self, _now: Instant) -> Option<MemberAsk> {
        let member_id = std::mem::take(&mut self.member_id);
        (self.generation, self.phase, self.is_asked) = (-1, MemberPhase::Joining, false);
        self.owned.clear();
        let goes = !member_id.is_empty() && self.settings.instance_id.is_none();
        goes.then_some(MemberAsk::Leave(member_id))
    }
}

fn ms(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
