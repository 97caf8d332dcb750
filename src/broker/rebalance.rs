//! How a group moves: rebalances begin and end, members expire.

use super::code;
use super::group::{Group, Joined, Phase, Synced, refuse_join, refuse_sync};

impl Group {
    /// Begins a rebalance unless one has begun.
    pub(super) fn prepare_rebalance(&mut self, now_ms: u64) {
        if self.phase == Phase::PreparingRebalance {
            return;
        }
        let was_empty = self.phase == Phase::Empty;
        for member in self.members.values_mut() {
            if let Some(syncing) = member.syncing.take() {
                refuse_sync(syncing, code::REBALANCE_IN_PROGRESS);
            }
        }
        self.phase = Phase::PreparingRebalance;
        let timeout_ms = self.rebalance_timeout_ms();
        self.initial_ends_ms = was_empty.then_some(now_ms + timeout_ms);
        let wait_ms = if was_empty { self.initial_delay_ms.min(timeout_ms) } else { timeout_ms };
        self.phase_ends_ms = Some(now_ms + wait_ms);
    }

    /// A member has arrived while an empty group fills up: the next one may be close behind.
    pub(super) fn extend_initial(&mut self, now_ms: u64) {
        if let Some(latest_ms) = self.initial_ends_ms {
            self.phase_ends_ms = Some(latest_ms.min(now_ms + self.initial_delay_ms));
        }
    }

    /// Ends the joining if everybody is there, and no delay for an empty group runs.
    pub(super) fn try_complete_join(&mut self, now_ms: u64) {
        if self.phase != Phase::PreparingRebalance {
            return;
        }
        let is_delayed =
            self.initial_ends_ms.is_some() && self.phase_ends_ms.is_some_and(|at| at > now_ms);
        let all_there = self.members.values().all(|member| member.joining.is_some());
        if all_there && self.pending.is_empty() && !is_delayed {
            self.complete_join(now_ms);
        }
    }

    fn complete_join(&mut self, now_ms: u64) {
        self.generation += 1;
        self.initial_ends_ms = None;
        if self.members.is_empty() {
            self.phase = Phase::Empty;
            self.phase_ends_ms = None;
            self.protocol.clear();
            self.leader.clear();
            return;
        }
        self.phase = Phase::CompletingRebalance;
        self.phase_ends_ms = Some(now_ms + self.rebalance_timeout_ms());
        if self.members.get(&self.leader).is_none_or(|leader| leader.joining.is_none()) {
            let first = self.members.iter().find(|(_, member)| member.joining.is_some());
            self.leader = first.map(|(id, _)| id.clone()).unwrap_or_default();
        }
        self.protocol = self.vote();
        let ids: Vec<_> = self.members.keys().cloned().collect();
        for id in ids {
            if let Some(member) = self.members.get_mut(&id) {
                member.assignment.clear();
                member.expires_ms = now_ms + member.ask.session_timeout_ms;
            }
            self.answer_join(&id);
        }
    }

    /// The strategy that most members prefer among those that all of them know.
    fn vote(&self) -> String {
        let knows = |name: &str| {
            let mut members = self.members.values();
            members.all(|member| member.ask.protocols.iter().any(|(other, _)| other == name))
        };
        let mut votes: Vec<(&str, usize)> = Vec::new();
        for member in self.members.values() {
            let mut names = member.ask.protocols.iter().map(|(name, _)| name.as_str());
            let Some(choice) = names.find(|name| knows(name)) else {
                continue;
            };
            match votes.iter_mut().find(|(name, _)| *name == choice) {
                Some((_, count)) => *count += 1,
                None => votes.push((choice, 1)),
            }
        }
        let winner = votes.iter().rev().max_by_key(|(_, count)| *count);
        winner.map(|(name, _)| (*name).to_owned()).unwrap_or_default()
    }

    /// Answers a member's waiting join with the present generation.
    pub(super) fn answer_join(&mut self, id: &str) {
        self.answer_join_as(id, self.leader.clone());
    }

    /// The same, naming another leader.
    pub(super) fn answer_join_as(&mut self, id: &str, leader: String) {
        let Some(reply) = self.members.get_mut(id).and_then(|member| member.joining.take()) else {
            return;
        };
        let members = if leader == id { self.subscriptions() } else { Vec::new() };
        let _ = reply.send(Joined {
            error: code::NONE,
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader,
            member_id: id.to_owned(),
            members,
        });
    }

    fn subscriptions(&self) -> Vec<(String, Option<String>, bytes::Bytes)> {
        let subscription = |protocols: &[(String, bytes::Bytes)]| {
            let chosen = protocols.iter().find(|(name, _)| *name == self.protocol);
            chosen.map(|(_, metadata)| metadata.clone()).unwrap_or_default()
        };
        let members = self.members.iter();
        members
            .map(|(id, member)| {
                let ask = &member.ask;
                (id.clone(), ask.instance_id.clone(), subscription(&ask.protocols))
            })
            .collect()
    }

    /// Answers a member's waiting sync with its assignment.
    pub(super) fn answer_sync(&mut self, id: &str) {
        let Some(member) = self.members.get_mut(id) else {
            return;
        };
        if let Some(reply) = member.syncing.take() {
            let _ = reply.send(Synced {
                error: code::NONE,
                protocol_type: self.protocol_type.clone(),
                protocol: self.protocol.clone(),
                assignment: member.assignment.clone(),
            });
        }
    }

    /// Removes a member, which begins a rebalance among the rest.
    pub(super) fn remove(&mut self, id: &str, now_ms: u64) {
        self.forget(id);
        self.used_ms = now_ms;
        match self.phase {
            Phase::Empty => {}
            Phase::PreparingRebalance => self.try_complete_join(now_ms),
            Phase::CompletingRebalance | Phase::Stable => {
                self.prepare_rebalance(now_ms);
                self.try_complete_join(now_ms);
            }
        }
    }

    fn forget(&mut self, id: &str) {
        let Some(member) = self.members.remove(id) else {
            return;
        };
        if let Some(instance) = &member.ask.instance_id {
            self.instances.remove(instance);
        }
        if let Some(joining) = member.joining {
            refuse_join(joining, code::UNKNOWN_MEMBER_ID, id.to_owned());
        }
        if let Some(syncing) = member.syncing {
            refuse_sync(syncing, code::UNKNOWN_MEMBER_ID);
        }
    }

    /// Moves the group on to `now_ms`: what was due until then happens.
    pub(super) fn tick(&mut self, now_ms: u64) {
        let pending = self.pending.len();
        self.pending.retain(|_, expires_ms| *expires_ms > now_ms);
        if self.pending.len() < pending {
            self.try_complete_join(now_ms);
        }
        // Who waits for an answer can't send heartbeats.
        let is_expired = |member: &super::group::Member| {
            member.expires_ms <= now_ms && member.joining.is_none() && member.syncing.is_none()
        };
        for id in self.ids_of(is_expired) {
            self.remove(&id, now_ms);
        }
        if self.phase_ends_ms.is_some_and(|ends_ms| ends_ms <= now_ms) {
            self.end_phase(now_ms);
        }
    }

    fn end_phase(&mut self, now_ms: u64) {
        match self.phase {
            Phase::PreparingRebalance => {
                // Static members that are late keep their place until their session ends.
                let is_late = |member: &super::group::Member| {
                    member.joining.is_none() && member.ask.instance_id.is_none()
                };
                if self.initial_ends_ms.is_none() {
                    self.ids_of(is_late).iter().for_each(|id| self.forget(id));
                    self.pending.clear();
                }
                self.initial_ends_ms = None;
                let anybody = self.members.values().any(|member| member.joining.is_some());
                if self.pending.is_empty() && (anybody || self.members.is_empty()) {
                    self.complete_join(now_ms);
                } else {
                    self.phase_ends_ms = Some(now_ms + self.rebalance_timeout_ms());
                }
            }
            Phase::CompletingRebalance => {
                self.phase_ends_ms = None;
                for id in self.ids_of(|member| member.syncing.is_none()) {
                    self.remove(&id, now_ms);
                }
            }
            Phase::Empty | Phase::Stable => self.phase_ends_ms = None,
        }
    }

    fn ids_of(&self, wanted: impl Fn(&super::group::Member) -> bool) -> Vec<String> {
        let members = self.members.iter().filter(|(_, member)| wanted(member));
        members.map(|(id, _)| id.clone()).collect()
    }

    fn rebalance_timeout_ms(&self) -> u64 {
        self.members.values().map(|member| member.ask.rebalance_timeout_ms).max().unwrap_or(0)
    }
}
