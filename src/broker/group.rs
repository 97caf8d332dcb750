//! One consumer group of the classic protocol, as a state machine on a clock of its caller's.
//!
//! Answers go out through one-shot channels, since joining and syncing wait for other members.
//! How members come in is in `join`; what moves by itself (rebalances that end, members that
//! expire) is in `rebalance`.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::code;

/// Where a group stands, by the names that the protocol uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Empty,
    /// Waits for all members to join.
    PreparingRebalance,
    /// Waits for the leader's assignment.
    CompletingRebalance,
    Stable,
}

/// What a member says when it joins. Times are in milliseconds.
#[derive(Debug, Clone, Default)]
pub(super) struct JoinAsk {
    pub(super) member_id: String,
    pub(super) instance_id: Option<String>,
    pub(super) client_id: String,
    pub(super) client_host: String,
    pub(super) session_timeout_ms: u64,
    pub(super) rebalance_timeout_ms: u64,
    pub(super) protocol_type: String,
    /// Assignment strategies in the member's order of preference, with its subscription.
    pub(super) protocols: Vec<(String, Bytes)>,
    /// The client is to come back with the member id that it is given.
    pub(super) must_know_id: bool,
}

/// The answer to a join.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Joined {
    pub(super) error: i16,
    pub(super) generation: i32,
    pub(super) protocol_type: String,
    pub(super) protocol: String,
    pub(super) leader: String,
    pub(super) member_id: String,
    /// For the leader: every member's id, instance id and subscription.
    pub(super) members: Vec<(String, Option<String>, Bytes)>,
}

/// The answer to a sync.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Synced {
    pub(super) error: i16,
    pub(super) protocol_type: String,
    pub(super) protocol: String,
    pub(super) assignment: Bytes,
}

/// One member.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) ask: JoinAsk,
    pub(super) assignment: Bytes,
    pub(super) joining: Option<oneshot::Sender<Joined>>,
    pub(super) syncing: Option<oneshot::Sender<Synced>>,
    pub(super) expires_ms: u64,
}

/// A committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Committed {
    pub(super) offset: i64,
    pub(super) leader_epoch: i32,
    pub(super) metadata: String,
}

/// One group.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) phase: Phase,
    pub(super) generation: i32,
    pub(super) protocol_type: String,
    pub(super) protocol: String,
    pub(super) leader: String,
    pub(super) members: BTreeMap<String, Member>,
    /// Member ids given out whose owners have not come back yet, with their expiry.
    pub(super) pending: HashMap<String, u64>,
    /// Member ids by instance id.
    pub(super) instances: HashMap<String, String>,
    pub(super) commits: BTreeMap<(String, i32), Committed>,
    /// When the present phase is over; the first rebalance of an empty group also begins then.
    pub(super) phase_ends_ms: Option<u64>,
    /// The latest end of the first rebalance, while more members arrive.
    pub(super) initial_ends_ms: Option<u64>,
    pub(super) initial_delay_ms: u64,
    /// When the group was last of use, to forget those that hold nothing.
    pub(super) used_ms: u64,
}

impl Group {
    pub(super) fn new(initial_delay_ms: u64, now_ms: u64) -> Self {
        Self {
            phase: Phase::Empty,
            generation: 0,
            protocol_type: String::new(),
            protocol: String::new(),
            leader: String::new(),
            members: BTreeMap::new(),
            pending: HashMap::new(),
            instances: HashMap::new(),
            commits: BTreeMap::new(),
            phase_ends_ms: None,
            initial_ends_ms: None,
            initial_delay_ms,
            used_ms: now_ms,
        }
    }

    /// A member asks for its assignment; the leader brings everybody's.
    pub(super) fn sync(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
        assignments: Vec<(String, Bytes)>,
        reply: oneshot::Sender<Synced>,
        now_ms: u64,
    ) {
        if let Err(error) = self.check_member(member_id, instance_id, generation) {
            refuse_sync(reply, error);
            return;
        }
        let Some(member) = self.members.get_mut(member_id) else {
            return;
        };
        member.expires_ms = now_ms + member.ask.session_timeout_ms;
        match self.phase {
            Phase::Empty => refuse_sync(reply, code::UNKNOWN_MEMBER_ID),
            Phase::PreparingRebalance => refuse_sync(reply, code::REBALANCE_IN_PROGRESS),
            Phase::Stable => {
                member.syncing = Some(reply);
                self.answer_sync(member_id);
            }
            Phase::CompletingRebalance => {
                member.syncing = Some(reply);
                if member_id == self.leader {
                    self.assign(assignments, now_ms);
                }
            }
        }
    }

    fn assign(&mut self, assignments: Vec<(String, Bytes)>, now_ms: u64) {
        for (id, assignment) in assignments {
            if let Some(member) = self.members.get_mut(&id) {
                member.assignment = assignment;
            }
        }
        self.phase = Phase::Stable;
        self.phase_ends_ms = None;
        let ids: Vec<_> = self.members.keys().cloned().collect();
        for id in ids {
            if let Some(member) = self.members.get_mut(&id) {
                member.expires_ms = now_ms + member.ask.session_timeout_ms;
            }
            self.answer_sync(&id);
        }
    }

    /// A member says that it lives. Gives the error code, `REBALANCE_IN_PROGRESS` among them.
    pub(super) fn heartbeat(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
        now_ms: u64,
    ) -> i16 {
        if let Err(error) = self.check_member(member_id, instance_id, generation) {
            return error;
        }
        self.refresh(member_id, now_ms);
        match self.phase {
            Phase::Empty => code::UNKNOWN_MEMBER_ID,
            Phase::PreparingRebalance => code::REBALANCE_IN_PROGRESS,
            Phase::CompletingRebalance | Phase::Stable => code::NONE,
        }
    }

    /// A member leaves, named by its member id, or by its instance id alone.
    pub(super) fn leave(&mut self, member_id: &str, instance_id: Option<&str>, now_ms: u64) -> i16 {
        let owner = instance_id.map(|id| self.instances.get(id));
        let id = match owner {
            Some(None) => return code::UNKNOWN_MEMBER_ID,
            Some(Some(id)) if !member_id.is_empty() && id != member_id => {
                return code::FENCED_INSTANCE_ID;
            }
            Some(Some(id)) => id.clone(),
            None => member_id.to_owned(),
        };
        if self.pending.remove(&id).is_some() {
            self.try_complete_join(now_ms);
            return code::NONE;
        }
        if !self.members.contains_key(&id) {
            return code::UNKNOWN_MEMBER_ID;
        }
        self.remove(&id, now_ms);
        code::NONE
    }

    /// Whether offsets may be committed in that name, see `check_member`. A client without a
    /// membership (generation -1) may commit while nobody is a member.
    pub(super) fn check_commit(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
        now_ms: u64,
    ) -> Result<(), i16> {
        self.used_ms = now_ms;
        if generation < 0 && self.phase == Phase::Empty {
            return Ok(());
        }
        self.check_member(member_id, instance_id, generation)?;
        self.refresh(member_id, now_ms);
        // A member that has joined but has no assignment yet owns nothing to commit.
        let is_between = self.phase == Phase::CompletingRebalance;
        if is_between { Err(code::REBALANCE_IN_PROGRESS) } else { Ok(()) }
    }

    fn check_member(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
    ) -> Result<(), i16> {
        match instance_id.map(|id| self.instances.get(id)) {
            Some(Some(owner)) if owner != member_id => return Err(code::FENCED_INSTANCE_ID),
            Some(None) => return Err(code::UNKNOWN_MEMBER_ID),
            _ => {}
        }
        if !self.members.contains_key(member_id) {
            return Err(code::UNKNOWN_MEMBER_ID);
        }
        if generation == self.generation { Ok(()) } else { Err(code::ILLEGAL_GENERATION) }
    }

    fn refresh(&mut self, member_id: &str, now_ms: u64) {
        if let Some(member) = self.members.get_mut(member_id) {
            member.expires_ms = now_ms + member.ask.session_timeout_ms;
        }
    }
}

/// Answers a join with an error; a client that is gone is not missed.
pub(super) fn refuse_join(reply: oneshot::Sender<Joined>, error: i16, member_id: String) {
    let _ = reply.send(Joined { error, generation: -1, member_id, ..Joined::default() });
}

/// Answers a sync with an error; a client that is gone is not missed.
pub(super) fn refuse_sync(reply: oneshot::Sender<Synced>, error: i16) {
    let _ = reply.send(Synced { error, ..Synced::default() });
}
