//! A member's dealings with the coordinator of its group: finds it, asks what the member wants to
//! ask, commits, and looks up where to go on reading.
//!
//! The coordinator has a connection of its own: an answer to a fetch may take its time, and a
//! broker answers the requests of a connection in their order.

mod answers;
mod consumer_member;
mod exchange;
mod leading;
mod member;
mod member_protocol;
mod protocol;
mod report;

use std::time::{Duration, Instant};

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::StrBytes;

use super::answer::Answer;
use super::network::{LinkId, LostRequest, Network};
use consumer_member::ConsumerMember;
use exchange::CoordinatorPlace;
use member::ClassicMember;
use member_protocol::{MemberAsk, MemberChange, MemberProtocol};
pub(crate) use member_protocol::{MemberSettings, PartitionSharing, TopicShape};

/// What has become of a member's partitions and offsets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum GroupNews {
    /// These are to be given up: their offsets are to be committed, and then
    /// [`GroupClient::gave_up`] is called.
    GiveUp(Vec<i32>),
    /// All are gone already: somebody else may have them.
    LostAll,
    /// These have come; where to read on follows as [`GroupNews::Offsets`].
    Gained(Vec<i32>),
    /// Where the group has read to; `None` where it has never committed.
    Offsets(Vec<(i32, Option<i64>)>),
    /// These offsets are committed.
    Committed(Vec<(i32, i64)>),
    /// A commit was refused; or, without an error, its answer is lost.
    NotCommitted(Option<ResponseError>),
    /// It can't go on.
    Failed(String),
}

/// One member's side of its group.
#[derive(Debug)]
pub(crate) struct GroupClient {
    settings: MemberSettings,
    reads_committed: bool,
    request_timeout: Duration,
    member: Box<dyn MemberProtocol>,
    is_assigned_by_broker: bool,
    /// Where the coordinator is, and the way to it; kept when it is to be looked for again.
    place: Option<(CoordinatorPlace, LinkId)>,
    is_found: bool,
    find: Option<(LinkId, i32)>,
    find_at: Instant,
    asked: Option<i32>,
    /// What is to be committed, and not before when.
    to_commit: Option<Vec<(i32, i64)>>,
    commit_at: Instant,
    commit: Option<(i32, Vec<(i32, i64)>)>,
    /// Partitions whose offsets are still to be looked up, and under which request.
    unplaced: Vec<i32>,
    lookup: Option<i32>,
    lookup_at: Instant,
    news: Vec<GroupNews>,
}

impl GroupClient {
    /// A member that joins as soon as it can.
    pub(crate) fn new(
        settings: MemberSettings,
        sharing: PartitionSharing,
        (reads_committed, request_timeout): (bool, Duration),
        now: Instant,
    ) -> Self {
        let own = settings.clone();
        let is_assigned_by_broker = matches!(sharing, PartitionSharing::ByBroker(_));
        let member: Box<dyn MemberProtocol> = match sharing {
            PartitionSharing::ByLeader(strategies) => {
                Box::new(ClassicMember::new(own, strategies, now))
            }
            PartitionSharing::ByBroker(assignor) => {
                Box::new(ConsumerMember::new(own, assignor, now))
            }
        };
        Self {
            member,
            is_assigned_by_broker,
            settings,
            reads_committed,
            request_timeout,
            place: None,
            is_found: false,
            find: None,
            find_at: now,
            asked: None,
            to_commit: None,
            commit_at: now,
            commit: None,
            unplaced: Vec::new(),
            lookup: None,
            lookup_at: now,
            news: Vec::new(),
        }
    }

    /// Its id in the group; empty before it has one.
    pub(crate) fn member_id(&self) -> StrBytes {
        self.member.identity().0
    }

    /// What has happened since it was asked last, in order.
    pub(crate) fn take_news(&mut self) -> Vec<GroupNews> {
        std::mem::take(&mut self.news)
    }

    /// When [`Self::tend`] has something to do by itself; what waits for a connection has not.
    pub(crate) fn next(&self, network: &Network) -> Option<Instant> {
        if !self.is_found {
            let can_ask = self.find.is_none() && network.any_ready().is_some();
            return can_ask.then_some(self.find_at);
        }
        self.ready_coordinator(network)?;
        let lookup = self.lookup.is_none() && !self.unplaced.is_empty();
        let commit = self.commit.is_none() && self.to_commit.is_some();
        let timers = [lookup.then_some(self.lookup_at), commit.then_some(self.commit_at)];
        timers.into_iter().flatten().chain(self.member.next()).min()
    }

    /// Asks what there is to ask.
    pub(crate) fn tend(&mut self, network: &mut Network, topic: TopicShape, now: Instant) {
        if !self.is_found {
            self.look_for_coordinator(network, now);
        }
        let Some(link) = self.ready_coordinator(network) else { return };
        let change = self.member.look(topic, now);
        self.apply(change, now);
        if self.member.needs_metadata() {
            network.refresh();
        }
        if let Some(ask) = self.member.ask(now) {
            let sent = self.send(network, link, &ask, now);
            self.asked = self.sent(sent);
        }
        if self.lookup.is_none() && !self.unplaced.is_empty() && self.lookup_at <= now {
            self.look_up_offsets(network, link, now);
        }
        self.tend_commit(network, link, now);
    }

    fn send(
        &self,
        network: &mut Network,
        link: LinkId,
        ask: &MemberAsk,
        now: Instant,
    ) -> Result<i32, String> {
        let patience = now + self.request_timeout;
        let rebalance = patience + self.settings.rebalance_timeout;
        match ask {
            MemberAsk::Join(request) => network.send(link, request, rebalance),
            MemberAsk::Sync(request) => network.send(link, request, rebalance),
            MemberAsk::Heartbeat(request) => network.send(link, request, patience),
            MemberAsk::Leave(member_id) => {
                let version = network.version(link, ApiKey::LeaveGroup)?;
                let request = exchange::leave(&self.settings.group, member_id.clone(), version);
                network.send(link, &request, patience)
            }
            MemberAsk::Report(request) => {
                network.version(link, ApiKey::ConsumerGroupHeartbeat).map_err(|why| {
                    format!("group.protocol=consumer: {why}, which Kafka 4.0 has, or classic")
                })?;
                network.send(link, request, patience)
            }
        }
    }

    fn look_for_coordinator(&mut self, network: &mut Network, now: Instant) {
        if self.find.is_some() || self.find_at > now {
            return;
        }
        let Some(link) = network.any_ready() else { return };
        self.find_at = now + self.settings.retry;
        let sent = network.version(link, ApiKey::FindCoordinator).and_then(|version| {
            let request = exchange::find(&self.settings.group, version);
            network.send(link, &request, now + self.request_timeout)
        });
        self.find = self.sent(sent).map(|id| (link, id));
    }

    fn look_up_offsets(&mut self, network: &mut Network, link: LinkId, now: Instant) {
        let MemberSettings { group, topic, .. } = &self.settings;
        let sent = network.version(link, ApiKey::OffsetFetch).and_then(|version| {
            let is_stable = self.reads_committed;
            let (member_id, epoch, _) = self.member.identity();
            let member = self.is_assigned_by_broker.then_some((member_id, epoch));
            let wanted = (topic.as_str(), &*self.unplaced);
            let request = exchange::offsets(group, member, wanted, is_stable, version);
            network.send(link, &request, now + self.request_timeout)
        });
        self.lookup = self.sent(sent);
    }

    fn sent(&mut self, sent: Result<i32, String>) -> Option<i32> {
        sent.map_err(|why| self.news.push(GroupNews::Failed(why))).ok()
    }

    fn ready_coordinator(&self, network: &Network) -> Option<LinkId> {
        let (_, link) = self.place.as_ref().filter(|_| self.is_found)?;
        network.is_ready(*link).then_some(*link)
    }

    /// Has what is wanted next committed, as soon as that can be asked; in place of what it was
    /// told to commit before and has not asked.
    pub(crate) fn commit(&mut self, offsets: Vec<(i32, i64)>) {
        self.to_commit = Some(offsets);
    }

    fn tend_commit(&mut self, network: &mut Network, link: LinkId, now: Instant) {
        let may_ask = self.commit.is_none() && self.commit_at <= now;
        let Some(offsets) = self.to_commit.take_if(|_| may_ask) else { return };
        let MemberSettings { group, topic, .. } = &self.settings;
        let request = exchange::commit(group, topic, self.member.identity(), &offsets);
        let sent = network.send(link, &request, now + self.request_timeout);
        self.commit = self.sent(sent).map(|id| (id, offsets));
    }

    /// What [`GroupNews::GiveUp`] named is given up.
    pub(crate) fn gave_up(&mut self, now: Instant) {
        let change = self.member.gave_up(now);
        self.apply(change, now);
    }

    /// Says good-bye, so that the others need not wait for its session to end; gives the request
    /// whose answer may be waited for. It has nothing then, and would join as a new member.
    pub(crate) fn leave(&mut self, network: &mut Network, now: Instant) -> Option<(LinkId, i32)> {
        let last = self.member.leave(now);
        self.asked = None;
        self.apply(MemberChange::LostAll, now);
        let link = self.ready_coordinator(network)?;
        Some((link, self.send(network, link, &last?, now).ok()?))
    }

    /// Takes an answer, if it is one to its questions.
    pub(crate) fn take(
        &mut self,
        network: &mut Network,
        (link, answer): (LinkId, &Answer),
        topic: TopicShape,
        now: Instant,
    ) -> bool {
        let id = Some(answer.id);
        let taken = if self.find == Some((link, answer.id)) {
            self.find = None;
            self.take_coordinator(network, answer, now)
        } else if self.place.as_ref().is_none_or(|(_, own)| *own != link) {
            return false;
        } else if self.asked == id {
            self.asked = None;
            self.take_member(answer, topic, now)
        } else if self.lookup == id {
            self.lookup = None;
            self.take_offsets(answer, now)
        } else if let Some((_, offsets)) = self.commit.take_if(|(asked, _)| *asked == answer.id) {
            self.take_commit(answer, offsets, now)
        } else {
            // An answer to something that is of no interest any more.
            Ok(())
        };
        if let Err(why) = taken {
            self.news.push(GroupNews::Failed(format!("{}: {why}", network.who(link))));
        }
        true
    }

    /// A connection is lost, with what was asked on it.
    pub(crate) fn lost(&mut self, link: LinkId, lost: &[LostRequest], now: Instant) {
        if self.find.is_some_and(|(from, id)| from == link && lost.iter().any(|it| it.id == id)) {
            self.find = None;
        }
        if self.place.as_ref().is_some_and(|(_, own)| *own == link) {
            self.forget_coordinator(now);
        }
    }

    /// Somebody else may be the coordinator by now.
    fn forget_coordinator(&mut self, now: Instant) {
        self.is_found = false;
        self.find_at = self.find_at.max(now + self.settings.retry);
        self.asked = None;
        self.lookup = None;
        self.member.disconnected();
        if self.commit.take().is_some() {
            self.news.push(GroupNews::NotCommitted(None));
        }
    }

    fn apply(&mut self, change: MemberChange, now: Instant) {
        match change {
            MemberChange::None => {}
            MemberChange::GiveUp(partitions) => {
                self.unplaced.retain(|partition| !partitions.contains(partition));
                self.news.push(GroupNews::GiveUp(partitions));
            }
            MemberChange::LostAll => {
                self.unplaced.clear();
                self.lookup = None;
                // It has nothing that it might commit.
                if self.to_commit.take().is_some() {
                    self.news.push(GroupNews::NotCommitted(None));
                }
                self.news.push(GroupNews::LostAll);
            }
            MemberChange::Gained(partitions) => {
                // What is still being looked up is asked for anew, with these.
                self.lookup = None;
                self.lookup_at = now;
                self.unplaced.extend_from_slice(&partitions);
                self.news.push(GroupNews::Gained(partitions));
            }
            MemberChange::OtherCoordinator => self.forget_coordinator(now),
            MemberChange::Failed(why) => self.news.push(GroupNews::Failed(why)),
        }
    }
}
