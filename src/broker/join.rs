//! How members come into a group: new ones, known ones, and static ones that come back.

use bytes::Bytes;
use tokio::sync::oneshot;

use super::code;
use super::group::{Group, JoinAsk, Joined, Member, Phase, refuse_join, refuse_sync};

impl Group {
    /// A member joins, comes back, or is new; `fresh_id` is its id if it has none. The answer
    /// comes when the rebalance that this begins or joins is over.
    pub(super) fn join(
        &mut self,
        mut ask: JoinAsk,
        fresh_id: String,
        reply: oneshot::Sender<Joined>,
        now_ms: u64,
    ) {
        self.used_ms = now_ms;
        if let Err(error) = self.check_join(&ask) {
            refuse_join(reply, error, ask.member_id);
            return;
        }
        if !ask.member_id.is_empty() {
            self.pending.remove(&ask.member_id);
            if self.members.contains_key(&ask.member_id) {
                self.rejoin(ask, reply, now_ms);
            } else {
                self.add(ask, reply, now_ms);
            }
            return;
        }
        let replaced = ask.instance_id.as_ref().and_then(|id| self.instances.get(id)).cloned();
        ask.member_id.clone_from(&fresh_id);
        if let Some(old_id) = replaced {
            self.replace(&old_id, ask, reply, now_ms);
        } else if ask.must_know_id && ask.instance_id.is_none() {
            self.pending.insert(fresh_id.clone(), now_ms + ask.session_timeout_ms);
            refuse_join(reply, code::MEMBER_ID_REQUIRED, fresh_id);
        } else {
            self.add(ask, reply, now_ms);
        }
    }

    fn check_join(&self, ask: &JoinAsk) -> Result<(), i16> {
        if ask.protocol_type.is_empty() || ask.protocols.is_empty() {
            return Err(code::INCONSISTENT_GROUP_PROTOCOL);
        }
        if !ask.member_id.is_empty() {
            match ask.instance_id.as_ref().map(|id| self.instances.get(id)) {
                Some(Some(owner)) if *owner != ask.member_id => {
                    return Err(code::FENCED_INSTANCE_ID);
                }
                Some(None) => return Err(code::UNKNOWN_MEMBER_ID),
                _ => {}
            }
            let id = &ask.member_id;
            if !self.members.contains_key(id) && !self.pending.contains_key(id) {
                return Err(code::UNKNOWN_MEMBER_ID);
            }
        }
        let is_common = |name: &str| {
            let mut others = self.members.values().filter(|m| m.ask.member_id != ask.member_id);
            others.all(|member| member.ask.protocols.iter().any(|(other, _)| other == name))
        };
        let is_alone = self.members.keys().all(|id| *id == ask.member_id);
        let fits = ask.protocol_type == self.protocol_type
            && ask.protocols.iter().any(|(name, _)| is_common(name));
        if is_alone || fits { Ok(()) } else { Err(code::INCONSISTENT_GROUP_PROTOCOL) }
    }

    fn add(&mut self, ask: JoinAsk, reply: oneshot::Sender<Joined>, now_ms: u64) {
        if self.members.is_empty() {
            self.protocol_type.clone_from(&ask.protocol_type);
        }
        if let Some(instance) = &ask.instance_id {
            self.instances.insert(instance.clone(), ask.member_id.clone());
        }
        let expires_ms = now_ms + ask.session_timeout_ms;
        let id = ask.member_id.clone();
        let (assignment, joining, syncing) = (Bytes::new(), Some(reply), None);
        self.members.insert(id, Member { ask, assignment, joining, syncing, expires_ms });
        self.prepare_rebalance(now_ms);
        self.extend_initial(now_ms);
        self.try_complete_join(now_ms);
    }

    fn rejoin(&mut self, ask: JoinAsk, reply: oneshot::Sender<Joined>, now_ms: u64) {
        let id = ask.member_id.clone();
        let is_leader = id == self.leader;
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        member.expires_ms = now_ms + ask.session_timeout_ms;
        let is_same = member.ask.protocols == ask.protocols;
        member.ask = ask;
        // An earlier join of the same member that still waits is answered by its channel's end.
        member.joining = Some(reply);
        let is_settled = match self.phase {
            Phase::CompletingRebalance => is_same,
            Phase::Stable => is_same && !is_leader,
            Phase::Empty | Phase::PreparingRebalance => false,
        };
        if is_settled {
            self.answer_join(&id);
            return;
        }
        self.prepare_rebalance(now_ms);
        self.try_complete_join(now_ms);
    }

    /// A static member comes back without its member id: it takes over its old self's place.
    fn replace(&mut self, old_id: &str, ask: JoinAsk, reply: oneshot::Sender<Joined>, now_ms: u64) {
        let Some(mut old) = self.members.remove(old_id) else {
            self.add(ask, reply, now_ms);
            return;
        };
        if let Some(joining) = old.joining.take() {
            refuse_join(joining, code::FENCED_INSTANCE_ID, old_id.to_owned());
        }
        if let Some(syncing) = old.syncing.take() {
            refuse_sync(syncing, code::FENCED_INSTANCE_ID);
        }
        let id = ask.member_id.clone();
        if let Some(instance) = &ask.instance_id {
            self.instances.insert(instance.clone(), id.clone());
        }
        let was_leader = self.leader == old_id;
        if was_leader {
            self.leader.clone_from(&id);
        }
        let is_same = old.ask.protocols == ask.protocols;
        let expires_ms = now_ms + ask.session_timeout_ms;
        let joining = Some(reply);
        self.members.insert(id.clone(), Member { ask, joining, expires_ms, ..old });
        if self.phase == Phase::Stable && is_same {
            // The old leader's id in the answer keeps the new one from assigning once more.
            let leader = if was_leader { old_id.to_owned() } else { self.leader.clone() };
            self.answer_join_as(&id, leader);
            return;
        }
        self.prepare_rebalance(now_ms);
        self.try_complete_join(now_ms);
    }
}
