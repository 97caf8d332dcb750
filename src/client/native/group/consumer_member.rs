//! A member of a group whose broker shares the partitions out (KIP-848), without its connection: it
//! says what to report next, and what each answer means for its partitions.
//!
//! Heartbeats carry everything. An answer may bring the partitions that the member is to have; what
//! it has beyond them it gives up, and its next heartbeat says what it has then. Only when a
//! partition is reported as given up does another member get it.

use std::time::Instant;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions;
use kafka_protocol::messages::{ConsumerGroupHeartbeatRequest, GroupId, TopicName};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::super::answer::Answer;
use super::super::complaint::words;
use super::member_protocol::{
    MemberAsk, MemberChange, MemberProtocol, MemberSettings, TopicShape, without,
};
use super::report::{GivenTopic, ReportAnswer, reported};

/// What stands for an epoch in the last heartbeat of a member, and in that of one with a name of
/// its own, whose place waits for its return.
const LEAVING: i32 = -1;
const LEAVING_FOR_A_WHILE: i32 = -2;

/// A member of a group with broker-side assignment.
#[derive(Debug)]
pub(super) struct ConsumerMember {
    settings: MemberSettings,
    /// The broker's assignor; `None` leaves the choice to the broker.
    assignor: Option<String>,
    /// Its own choice, for as long as it lives.
    member_id: StrBytes,
    /// The last that the coordinator told; 0 for a member that is to join.
    epoch: i32,
    /// A question is under way.
    is_asked: bool,
    /// The next heartbeat says all there is to say: the coordinator may not know it.
    says_all: bool,
    /// The next heartbeat says which partitions it has.
    says_owned: bool,
    not_before: Instant,
    heartbeat_at: Instant,
    /// The partitions that it has, and of which topic.
    owned: (Uuid, Vec<i32>),
    /// The newest assignment, while it is not this member's yet.
    target: Option<Vec<GivenTopic>>,
    /// Whether [`Self::target`] is of a topic that is not known yet.
    is_unknown: bool,
    giving_up: Option<Exchanged>,
}

/// Partitions that are being given up, and what follows.
#[derive(Debug)]
struct Exchanged {
    gained: Vec<i32>,
    owned: (Uuid, Vec<i32>),
}

impl ConsumerMember {
    /// To join at once.
    pub(super) fn new(settings: MemberSettings, assignor: Option<String>, now: Instant) -> Self {
        let id = u128::from(crate::base::random::fresh()) << 64
            | u128::from(crate::base::random::fresh());
        let member_id = uuid::Builder::from_random_bytes(id.to_be_bytes()).into_uuid();
        Self {
            settings,
            assignor,
            member_id: StrBytes::from_string(member_id.to_string()),
            epoch: 0,
            is_asked: false,
            says_all: true,
            says_owned: true,
            not_before: now,
            heartbeat_at: now,
            owned: (Uuid::nil(), Vec::new()),
            target: None,
            is_unknown: false,
            giving_up: None,
        }
    }

    /// What it reports, in this epoch.
    fn report(&self, epoch: i32) -> ConsumerGroupHeartbeatRequest {
        let text = |text: &String| StrBytes::from_string(text.clone());
        let MemberSettings { group, instance_id, .. } = &self.settings;
        ConsumerGroupHeartbeatRequest::default()
            .with_group_id(GroupId(text(group)))
            .with_member_id(self.member_id.clone())
            .with_member_epoch(epoch)
            .with_instance_id(instance_id.as_ref().map(text))
    }

    fn heartbeat(&self) -> ConsumerGroupHeartbeatRequest {
        let text = |text: &String| StrBytes::from_string(text.clone());
        let mut report = self.report(self.epoch);
        if self.says_all {
            let MemberSettings { topic, rack, rebalance_timeout, .. } = &self.settings;
            let rebalance_ms = i32::try_from(rebalance_timeout.as_millis()).unwrap_or(i32::MAX);
            report = report
                .with_rack_id(rack.as_ref().map(text))
                .with_rebalance_timeout_ms(rebalance_ms)
                .with_subscribed_topic_names(Some(vec![TopicName(text(topic))]))
                .with_server_assignor(self.assignor.as_ref().map(text));
        }
        if self.says_all || self.says_owned {
            let (id, partitions) = &self.owned;
            let had =
                TopicPartitions::default().with_topic_id(*id).with_partitions(partitions.clone());
            let had = if partitions.is_empty() { Vec::new() } else { vec![had] };
            report = report.with_topic_partitions(Some(had));
        }
        report
    }

    /// Takes an answer.
    pub(super) fn reported(
        &mut self,
        answer: ReportAnswer,
        topic: TopicShape,
        now: Instant,
    ) -> MemberChange {
        self.is_asked = false;
        if let Some(error) = ResponseError::try_from_code(answer.error_code) {
            self.says_all = true;
            return self.refused(error, &answer.message, now);
        }
        if let Some(id) = answer.member_id.filter(|id| !id.is_empty()) {
            self.member_id = StrBytes::from_string(id);
        }
        self.epoch = answer.epoch;
        // What came up since it was asked goes at once.
        if !self.says_all && !self.says_owned {
            self.heartbeat_at = now + answer.interval.max(self.settings.retry);
        }
        if answer.assignment.is_some() {
            self.target = answer.assignment;
        }
        self.reconcile(topic, now)
    }

    /// Takes the first step to what it is to have, unless one is under way.
    fn reconcile(&mut self, topic: TopicShape, now: Instant) -> MemberChange {
        let Some(target) = self.target.take_if(|_| self.giving_up.is_none()) else {
            return MemberChange::None;
        };
        self.is_unknown = target.iter().any(|(id, _)| *id != topic.id);
        if self.is_unknown {
            self.target = Some(target);
            return MemberChange::None;
        }
        let mut wanted: Vec<i32> =
            target.into_iter().flat_map(|(_, partitions)| partitions).collect();
        wanted.sort_unstable();
        wanted.dedup();
        // Another topic of that name has other partitions, under the same numbers.
        let (id, had) = &self.owned;
        let kept = if *id == topic.id { &**had } else { &[] };
        let gained = without(&wanted, kept);
        let gone = if *id == topic.id { without(had, &wanted) } else { had.clone() };
        let owned = (topic.id, wanted);
        if gone.is_empty() {
            self.own(owned, now);
            return MemberChange::Gained(gained);
        }
        self.giving_up = Some(Exchanged { gained, owned });
        MemberChange::GiveUp(gone)
    }

    /// It has these now, and says so at once.
    fn own(&mut self, owned: (Uuid, Vec<i32>), now: Instant) {
        self.owned = owned;
        self.says_owned = true;
        self.heartbeat_at = now;
    }

    /// It is to join, with nothing.
    fn begin(&mut self, now: Instant) -> bool {
        let had_some = self.giving_up.take().is_some() || !self.owned.1.is_empty();
        self.owned.1.clear();
        (self.target, self.is_unknown) = (None, false);
        (self.epoch, self.says_all, self.heartbeat_at) = (0, true, now);
        had_some
    }

    fn refused(&mut self, error: ResponseError, message: &str, now: Instant) -> MemberChange {
        let MemberSettings { group, instance_id, retry, .. } = &self.settings;
        let instance_id = instance_id.as_deref().unwrap_or_default();
        let assignor = self.assignor.as_deref().unwrap_or_default();
        let why = match error {
            ResponseError::UnknownMemberId | ResponseError::FencedMemberEpoch => {
                if self.epoch == 0 {
                    self.not_before = now + *retry;
                }
                return if self.begin(now) { MemberChange::LostAll } else { MemberChange::None };
            }
            ResponseError::NotCoordinator | ResponseError::CoordinatorNotAvailable => {
                self.not_before = now + *retry;
                return MemberChange::OtherCoordinator;
            }
            error if error.is_retriable() => {
                self.not_before = now + *retry;
                return MemberChange::None;
            }
            ResponseError::UnreleasedInstanceId | ResponseError::FencedInstanceId => format!(
                "another member has the name {instance_id:?} (group.instance.id) and has not left; \
                 expected one member of that name"
            ),
            ResponseError::UnsupportedAssignor => format!(
                "the broker has no assignor {assignor:?} (group.remote.assignor); expected one of \
                 its group.consumer.assignors"
            ),
            ResponseError::GroupMaxSizeReached => {
                "the group is full; expected fewer workers, or a greater group.consumer.max.size \
                 of the broker"
                    .to_owned()
            }
            ResponseError::UnsupportedVersion => {
                "the broker has groups of the classic protocol only; expected group.protocol = \
                 \"classic\", or Kafka 4.0 or later"
                    .to_owned()
            }
            error => format!("{}; expected a group that this member may join", words(error)),
        };
        let told = if message.is_empty() { String::new() } else { format!(" ({message})") };
        MemberChange::Failed(format!("group {group} refuses a member: {why}{told}"))
    }
}

impl MemberProtocol for ConsumerMember {
    fn identity(&self) -> (StrBytes, i32, Option<StrBytes>) {
        let instance_id = self.settings.instance_id.clone();
        (self.member_id.clone(), self.epoch, instance_id.map(StrBytes::from_string))
    }

    fn next(&self) -> Option<Instant> {
        (!self.is_asked).then_some(self.heartbeat_at.max(self.not_before))
    }

    fn ask(&mut self, now: Instant) -> Option<MemberAsk> {
        if self.next().is_none_or(|at| at > now) {
            return None;
        }
        let report = self.heartbeat();
        (self.is_asked, self.says_all, self.says_owned) = (true, false, false);
        Some(MemberAsk::Report(report))
    }

    fn take(
        &mut self,
        answer: &Answer,
        topic: TopicShape,
        now: Instant,
    ) -> Result<MemberChange, String> {
        Ok(self.reported(reported(answer)?, topic, now))
    }

    fn commit_refused(&mut self, error: ResponseError, now: Instant) -> MemberChange {
        match error {
            ResponseError::UnknownMemberId | ResponseError::FencedMemberEpoch if self.epoch > 0 => {
                self.is_asked = false;
                self.refused(error, "", now)
            }
            // The answer to a heartbeat brings the epoch.
            ResponseError::StaleMemberEpoch => {
                self.heartbeat_at = now;
                MemberChange::None
            }
            ResponseError::NotCoordinator | ResponseError::CoordinatorNotAvailable => {
                MemberChange::OtherCoordinator
            }
            _ => MemberChange::None,
        }
    }

    fn gave_up(&mut self, now: Instant) -> MemberChange {
        let Some(Exchanged { gained, owned }) = self.giving_up.take() else {
            return MemberChange::None;
        };
        self.own(owned, now);
        if gained.is_empty() { MemberChange::None } else { MemberChange::Gained(gained) }
    }

    fn look(&mut self, topic: TopicShape, now: Instant) -> MemberChange {
        self.reconcile(topic, now)
    }

    fn needs_metadata(&self) -> bool {
        self.is_unknown
    }

    fn disconnected(&mut self) {
        // What was said may not have been heard.
        (self.is_asked, self.says_all) = (false, true);
    }

    fn leave(&mut self, now: Instant) -> Option<MemberAsk> {
        let is_static = self.settings.instance_id.is_some();
        let last = self.report(if is_static { LEAVING_FOR_A_WHILE } else { LEAVING });
        // A member whose joining is not answered yet may be one all the same.
        let is_known = self.epoch > 0 || self.is_asked;
        self.begin(now);
        self.is_asked = false;
        is_known.then_some(MemberAsk::Report(last))
    }
}

#[cfg(test)]
mod tests;
