//! What a member does under either protocol of groups, without its connection: it says what to ask
//! next, and what each answer means for its partitions.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::{
    ConsumerGroupHeartbeatRequest, HeartbeatRequest, JoinGroupRequest, SyncGroupRequest,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::super::answer::Answer;
use super::super::assign::AssignmentStrategy;

/// What a member says of itself.
#[derive(Debug, Clone)]
pub(crate) struct MemberSettings {
    /// Its group.
    pub(crate) group: String,
    /// The topic that it reads.
    pub(crate) topic: String,
    /// Its own name, if it has one that lasts: a restart takes its old place.
    pub(crate) instance_id: Option<String>,
    /// The coordinator gives it up after so long without a heartbeat; classic groups only.
    pub(crate) session_timeout: Duration,
    /// And after so long without joining a rebalance, or without giving up what it has to.
    pub(crate) rebalance_timeout: Duration,
    /// How often it says that it is there; classic groups only.
    pub(crate) heartbeat_interval: Duration,
    /// How long it waits before it tries again.
    pub(crate) retry: Duration,
    /// Where it is (KIP-881).
    pub(crate) rack: Option<String>,
}

/// How a group shares its partitions out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PartitionSharing {
    /// By one of its members, in a group of the classic protocol. The strategies that this one
    /// offers, the preferred one first; all eager or all cooperative.
    ByLeader(Vec<AssignmentStrategy>),
    /// By the broker (KIP-848), by its assignor of that name, or by its own choice.
    ByBroker(Option<String>),
}

/// What is known of the topic that a member reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TopicShape {
    /// How many partitions it has.
    pub(crate) partitions: usize,
    /// Its number; nil where the cluster has none.
    pub(crate) id: Uuid,
}

/// What to ask the coordinator next.
#[derive(Debug)]
pub(crate) enum MemberAsk {
    /// To become a member, or to take part in a rebalance; answered when all have.
    Join(JoinGroupRequest),
    /// For its partitions; answered when the leader has shared them out.
    Sync(SyncGroupRequest),
    /// Nothing: it is there.
    Heartbeat(HeartbeatRequest),
    /// To be let go: the member of that id.
    Leave(StrBytes),
    /// Whatever a member of a group with broker-side assignment says: that it joins, is there, has
    /// these partitions, or goes.
    Report(ConsumerGroupHeartbeatRequest),
}

/// What an answer means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MemberChange {
    /// Nothing to do.
    None,
    /// These are to be given up: their offsets are committed, and then
    /// [`MemberProtocol::gave_up`] is called.
    GiveUp(Vec<i32>),
    /// All are gone already, without a commit: somebody else may have them.
    LostAll,
    /// These have come, perhaps none.
    Gained(Vec<i32>),
    /// Somebody else is the coordinator, and is to be looked for.
    OtherCoordinator,
    /// It can't go on; why, and what was expected.
    Failed(String),
}

/// A member's course through its group.
pub(super) trait MemberProtocol: Debug + Send {
    /// Its id, its generation or epoch, and its own name: what a commit needs.
    fn identity(&self) -> (StrBytes, i32, Option<StrBytes>);

    /// When there is something to ask; `None` while an answer is awaited.
    fn next(&self) -> Option<Instant>;

    /// What to ask now, if anything; it is then under way.
    fn ask(&mut self, now: Instant) -> Option<MemberAsk>;

    /// Takes the answer to what [`Self::ask`] asked.
    ///
    /// # Errors
    /// What was answered, where it can't be read.
    fn take(
        &mut self,
        answer: &Answer,
        topic: TopicShape,
        now: Instant,
    ) -> Result<MemberChange, String>;

    /// Takes the error of a commit, which is no answer to what [`Self::ask`] asked. Of those that
    /// concern the commit alone, nothing follows.
    fn commit_refused(&mut self, error: ResponseError, now: Instant) -> MemberChange;

    /// What [`MemberChange::GiveUp`] named is given up.
    fn gave_up(&mut self, now: Instant) -> MemberChange;

    /// This is what is known of the topic now.
    fn look(&mut self, topic: TopicShape, now: Instant) -> MemberChange;

    /// Whether it was given partitions of a topic that is not known yet.
    fn needs_metadata(&self) -> bool;

    /// The connection is lost, or the coordinator is: what was asked will not be answered.
    fn disconnected(&mut self);

    /// It goes: what is left to be said, if anything. It has no partitions any more, and would
    /// join as a new one.
    fn leave(&mut self, now: Instant) -> Option<MemberAsk>;
}

/// Those of the first list that are not in the second.
pub(super) fn without(list: &[i32], others: &[i32]) -> Vec<i32> {
    list.iter().copied().filter(|partition| !others.contains(partition)).collect()
}
