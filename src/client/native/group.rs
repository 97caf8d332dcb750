//! A member's dealings with the coordinator of its group: finds it, asks what the member wants to
//! ask, commits, and looks up where to go on reading.
//!
//! The coordinator has a connection of its own: an answer to a fetch may take its time, and a
//! broker answers the requests of a connection in their order.

mod exchange;
mod leading;
mod member;
mod protocol;

use std::time::{Duration, Instant};

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::StrBytes;

use super::answer::Answer;
use super::network::{LinkId, LostRequest, Network};
use exchange::CoordinatorPlace;
pub(crate) use member::MemberSettings;
use member::{ClassicMember, MemberAsk, MemberChange};

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
    member: ClassicMember,
    /// Where the coordinator is, and the way to it; kept when it is to be looked for again.
    place: Option<(CoordinatorPlace, LinkId)>,
    is_found: bool,
    find: Option<(LinkId, i32)>,
    find_at: Instant,
    asked: Option<i32>,
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
        reads_committed: bool,
        request_timeout: Duration,
        now: Instant,
    ) -> Self {
        Self {
            member: ClassicMember::new(settings.clone(), now),
            settings,
            reads_committed,
            request_timeout,
            place: None,
            is_found: false,
            find: None,
            find_at: now,
            asked: None,
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
        self.member.next().into_iter().chain(lookup.then_some(self.lookup_at)).min()
    }

    /// Asks what there is to ask; the topic has so many partitions.
    pub(crate) fn tend(&mut self, network: &mut Network, partitions: usize, now: Instant) {
        if !self.is_found {
            self.look_for_coordinator(network, now);
        }
        let Some(link) = self.ready_coordinator(network) else { return };
        let change = self.member.look(partitions);
        self.apply(change, now);
        if let Some(ask) = self.member.ask(now) {
            let patience = self.request_timeout;
            let rebalance = patience + self.settings.rebalance_timeout;
            let sent = match &ask {
                MemberAsk::Join(request) => network.send(link, request, now + rebalance),
                MemberAsk::Sync(request) => network.send(link, request, now + rebalance),
                MemberAsk::Heartbeat(request) => network.send(link, request, now + patience),
            };
            self.asked = self.sent(sent);
        }
        if self.lookup.is_none() && !self.unplaced.is_empty() && self.lookup_at <= now {
            self.look_up_offsets(network, link, now);
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
            let request = exchange::offsets(group, topic, &self.unplaced, is_stable, version);
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

    /// Commits what is wanted next; false where that can't be asked now.
    pub(crate) fn commit(
        &mut self,
        network: &mut Network,
        offsets: Vec<(i32, i64)>,
        now: Instant,
    ) -> bool {
        let Some(link) = self.ready_coordinator(network).filter(|_| self.commit.is_none()) else {
            return false;
        };
        let MemberSettings { group, topic, .. } = &self.settings;
        let request = exchange::commit(group, topic, self.member.identity(), &offsets);
        let sent = network.send(link, &request, now + self.request_timeout);
        self.commit = self.sent(sent).map(|id| (id, offsets));
        self.commit.is_some()
    }

    /// Whether a commit is under way.
    pub(crate) const fn is_committing(&self) -> bool {
        self.commit.is_some()
    }

    /// What [`GroupNews::GiveUp`] named is given up.
    pub(crate) fn gave_up(&mut self, now: Instant) {
        let change = self.member.gave_up();
        self.apply(change, now);
    }

    /// Says good-bye, so that the others need not wait for its session to end; gives the request
    /// whose answer may be waited for.
    pub(crate) fn leave(&mut self, network: &mut Network, now: Instant) -> Option<(LinkId, i32)> {
        let link = self.ready_coordinator(network).filter(|_| self.member.leaves())?;
        let version = network.version(link, ApiKey::LeaveGroup).ok()?;
        let (member_id, ..) = self.member.identity();
        let request = exchange::leave(&self.settings.group, member_id, version);
        Some((link, network.send(link, &request, now + self.request_timeout).ok()?))
    }

    /// Takes an answer, if it is one to its questions.
    pub(crate) fn take(
        &mut self,
        network: &mut Network,
        (link, answer): (LinkId, &Answer),
        partitions: usize,
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
            self.take_member(answer, partitions, now)
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

    fn take_coordinator(
        &mut self,
        network: &mut Network,
        answer: &Answer,
        now: Instant,
    ) -> Result<(), String> {
        let place = exchange::found(answer)?;
        match ResponseError::try_from_code(place.error_code) {
            None => {}
            Some(error) if error.is_retriable() => return Ok(()),
            Some(error) => {
                let group = &self.settings.group;
                return Err(format!("it names no coordinator for group {group}: {error}"));
            }
        }
        let port = u16::try_from(place.port).map_err(|_| {
            format!("it names a coordinator at port {}; expected one below 65536", place.port)
        })?;
        let known = self.place.take().filter(|(known, link)| {
            let is_same = *known == place;
            if !is_same {
                network.abandon(*link);
            }
            is_same
        });
        let link = match known {
            Some((_, link)) => link,
            None => network.link_beside(place.broker, &place.host, port),
        };
        network.want(link);
        self.place = Some((place, link));
        self.is_found = true;
        self.lookup_at = now;
        Ok(())
    }

    fn take_member(
        &mut self,
        answer: &Answer,
        partitions: usize,
        now: Instant,
    ) -> Result<(), String> {
        let change = match answer.api {
            ApiKey::JoinGroup => self.member.joined(&exchange::joined(answer)?, partitions, now),
            ApiKey::SyncGroup => self.member.synced(&exchange::synced(answer)?, now),
            _ => self.member.heard(exchange::heard(answer)?, now),
        };
        self.apply(change, now);
        Ok(())
    }

    fn take_offsets(&mut self, answer: &Answer, now: Instant) -> Result<(), String> {
        let (error, found) = exchange::offsets_found(answer)?;
        let refused = found.iter().map(|(.., error)| *error).find(|error| *error != 0);
        let error = if error == 0 { refused.unwrap_or(0) } else { error };
        match ResponseError::try_from_code(error) {
            None => {
                let is_wanted = |place: &&(i32, i64, i16)| self.unplaced.contains(&place.0);
                let offset = |&(partition, offset, _): &(i32, i64, i16)| {
                    (partition, Some(offset).filter(|offset| *offset >= 0))
                };
                let found = found.iter().filter(is_wanted).map(offset).collect();
                self.unplaced.clear();
                self.news.push(GroupNews::Offsets(found));
                Ok(())
            }
            Some(ResponseError::NotCoordinator | ResponseError::CoordinatorNotAvailable) => {
                self.forget_coordinator(now);
                Ok(())
            }
            Some(error) if error.is_retriable() => {
                self.lookup_at = now + self.settings.retry;
                Ok(())
            }
            Some(error) => {
                let group = &self.settings.group;
                Err(format!("it refuses the offsets of group {group}: {error}"))
            }
        }
    }

    fn take_commit(
        &mut self,
        answer: &Answer,
        offsets: Vec<(i32, i64)>,
        now: Instant,
    ) -> Result<(), String> {
        let errors = exchange::committed(answer)?;
        let mut errors = errors.iter().map(|(_, error)| *error);
        match errors.find_map(ResponseError::try_from_code) {
            None => self.news.push(GroupNews::Committed(offsets)),
            Some(error) => {
                self.news.push(GroupNews::NotCommitted(Some(error)));
                let change = self.member.commit_refused(error, now);
                if change != MemberChange::None {
                    self.asked = None;
                }
                self.apply(change, now);
            }
        }
        Ok(())
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
