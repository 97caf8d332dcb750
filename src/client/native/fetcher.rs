//! Reading a topic's partitions from whoever leads them: one request under way to each broker, and
//! the answer before it in hand.
//!
//! As soon as an answer has come, the next request goes out: how far the answer reaches is in the
//! headers of its batches. So records arrive, into the socket's buffer at first, while the
//! application works on those before them. What lies unread is bounded: of each broker one answer
//! in hand and one that has arrived behind it, all together within `queued.max.messages.kbytes`.

mod answers;

use std::time::{Duration, Instant};

use kafka_protocol::messages::ApiKey;

use super::answer::Answer;
use super::fetch::{fetch_request, has_sessions};
use super::fetch_session::FetchSession;
use super::fetched::{FetchedSets, HandOut};
use super::list_offsets::{PartitionEnd, list_offsets_request, read_listed};
use super::network::{LinkId, LostRequest, Network};
use super::places::{PlaceState, ReadPlaces};
use super::settings::{ConsumerSettings, OffsetReset};
use super::wanted::{WantedOfBroker, wanted};
use crate::base::error::{Error, Result};
use crate::event::Arrival;

/// Answers of one broker that may lie unread when the next one is asked for.
const UNREAD_MAX: usize = 1;

/// What is under way to one broker.
#[derive(Debug)]
struct LeaderFetch {
    broker: i32,
    link: LinkId,
    session: FetchSession,
    /// The fetch under way, with the turns of the partitions in its session.
    fetch: Option<(i32, Vec<(i32, u32)>)>,
    /// The question for the ends of partitions, with their turns.
    listing: Option<(i32, Vec<(i32, u32)>)>,
    not_before: Instant,
}

/// Reads a topic's partitions.
#[allow(missing_debug_implementations, reason = "holds the codecs' own state")]
pub(crate) struct Fetcher {
    topic: String,
    settings: ConsumerSettings,
    request_timeout: Duration,
    retry: Duration,
    pub(crate) places: ReadPlaces,
    leaders: Vec<LeaderFetch>,
    sets: FetchedSets,
    /// When brokers asked to be left in peace, and for how long.
    pub(crate) throttled: Vec<(Instant, Duration)>,
    /// What was broken last and is fetched once more, in one line.
    pub(crate) trouble: Option<String>,
}

impl Fetcher {
    /// Has no partitions yet.
    pub(crate) fn new(
        topic: &str,
        settings: ConsumerSettings,
        (request_timeout, retry): (Duration, Duration),
    ) -> Self {
        Self {
            topic: topic.to_owned(),
            request_timeout,
            retry,
            places: ReadPlaces::default(),
            leaders: Vec::new(),
            sets: FetchedSets::new(settings.checks_crc),
            throttled: Vec::new(),
            trouble: None,
            settings,
        }
    }

    /// Places partitions where the group has read to, or where `auto.offset.reset` says.
    ///
    /// # Errors
    /// [`Error::Broker`] where a group has no offset and nothing says where to begin.
    pub(crate) fn place(&mut self, offsets: &[(i32, Option<i64>)]) -> Result<()> {
        for &(partition, offset) in offsets {
            let Some(place) = self.places.get(partition) else { continue };
            if place.state != PlaceState::Unplaced {
                continue;
            }
            match offset {
                Some(offset) => {
                    place.place(offset);
                    place.committed = offset;
                }
                None => self.reset(partition, "has no committed offset")?,
            }
        }
        Ok(())
    }

    fn reset(&mut self, partition: i32, why: &str) -> Result<()> {
        if self.settings.offset_reset == OffsetReset::Error {
            return Err(Error::Broker(format!(
                "partition {partition} of {} {why}; expected one, or auto.offset.reset to be \
                 earliest or latest",
                self.topic
            )));
        }
        if let Some(place) = self.places.get(partition) {
            place.reset();
        }
        Ok(())
    }

    /// Hands out up to `max` records that have arrived.
    ///
    /// # Errors
    /// [`Error::Broker`] for records that don't follow the format, however often they are fetched.
    pub(crate) fn hand_out(
        &mut self,
        network: &mut Network,
        header: Option<&str>,
        max: usize,
        each: &mut dyn FnMut(&Arrival<'_>),
    ) -> Result<usize> {
        let mut count = 0;
        while count < max {
            match self.sets.hand_out(&mut self.places, header, max - count, each) {
                HandOut::Some(more) => count += more,
                HandOut::Broken(more, partition, why) => {
                    count += more;
                    self.broken(partition, &why, Instant::now())?;
                }
                HandOut::End(link, answer) => network.recycle(link, answer),
                HandOut::Nothing => break,
            }
        }
        Ok(count)
    }

    /// Whether records have arrived that are not handed out.
    pub(crate) fn has_records(&self) -> bool {
        !self.sets.is_empty()
    }

    /// When [`Self::tend`] has something to do by itself.
    pub(crate) fn next(&self, now: Instant) -> Option<Instant> {
        let leaders = self.leaders.iter().map(|leader| leader.not_before).filter(|at| *at > now);
        leaders.chain(self.places.next(now)).min()
    }

    /// Asks every broker that has something to answer.
    ///
    /// # Errors
    /// [`Error::Broker`] where one does not speak what is needed.
    pub(crate) fn tend(&mut self, network: &mut Network, now: Instant) -> Result<()> {
        let (wanted, is_lacking) = wanted(&self.places, network.view(), now);
        if is_lacking {
            network.refresh();
        }
        for (broker, wanted) in wanted {
            let Some(leader) = self.leader(network, broker, now) else { continue };
            let leader = &self.leaders[leader];
            let is_free = network.is_ready(leader.link)
                && leader.not_before <= now
                && network.muted_until(leader.link, now).is_none();
            if is_free {
                self.ask(network, broker, &wanted, now).map_err(Error::Broker)?;
            }
        }
        Ok(())
    }

    /// The place of a broker among those that are asked.
    fn leader(&mut self, network: &mut Network, broker: i32, now: Instant) -> Option<usize> {
        let link = network.link_of(broker);
        let Some(link) = link else {
            network.refresh();
            return None;
        };
        network.want(link);
        let known = self.leaders.iter().position(|leader| leader.broker == broker);
        Some(known.unwrap_or_else(|| {
            let session = FetchSession::default();
            let (fetch, listing, not_before) = (None, None, now);
            self.leaders.push(LeaderFetch { broker, link, session, fetch, listing, not_before });
            self.leaders.len() - 1
        }))
    }

    fn ask(
        &mut self,
        network: &mut Network,
        broker: i32,
        wanted: &WantedOfBroker,
        now: Instant,
    ) -> Result<(), String> {
        // Two answers of each broker may lie unread.
        let share = self.settings.prefetch_bytes / (2 * self.leaders.len().max(1));
        let bytes_max = self.settings.fetch_bytes_max.min(share).max(1);
        let Some(leader) = self.leaders.iter_mut().find(|it| it.broker == broker) else {
            return Ok(());
        };
        let deadline = now + self.request_timeout + self.settings.fetch_wait;
        if leader.listing.is_none() && !wanted.to_reset.is_empty() {
            let end = match self.settings.offset_reset {
                OffsetReset::Latest => PartitionEnd::Last,
                OffsetReset::Earliest | OffsetReset::Error => PartitionEnd::First,
            };
            let partitions = wanted.to_reset.iter().map(|(partition, _)| *partition);
            let committed = self.settings.reads_committed;
            let request = list_offsets_request(&self.topic, end, committed, partitions);
            let id = network.send(leader.link, &request, deadline)?;
            leader.listing = Some((id, wanted.to_reset.clone()));
        }
        // Nothing is fetched while an end is asked for: the answer would wait behind the fetch's.
        let may_fetch = leader.fetch.is_none()
            && leader.listing.is_none()
            && self.sets.bytes() < self.settings.prefetch_bytes
            && self.sets.answers_of(leader.link) <= UNREAD_MAX;
        if may_fetch && !wanted.places.is_empty() {
            let version = network.version(leader.link, ApiKey::Fetch)?;
            if !has_sessions(version) {
                leader.session.lost();
            }
            let ask = leader.session.ask(&wanted.places);
            let request = fetch_request(&self.topic, &self.settings, (&ask, bytes_max), version);
            let id = network.send(leader.link, &request, deadline)?;
            leader.fetch = Some((id, wanted.turns.clone()));
        }
        Ok(())
    }

    /// Takes an answer, if it is one to its questions; what is not kept comes back.
    ///
    /// # Errors
    /// [`Error::Broker`] where it is malformed, or refuses for good.
    pub(crate) fn take(
        &mut self,
        network: &mut Network,
        link: LinkId,
        answer: Answer,
        now: Instant,
    ) -> Result<Option<Answer>> {
        let Some(leader) = self.leaders.iter_mut().find(|it| it.link == link) else {
            return Ok(Some(answer));
        };
        let who = network.who(link);
        if let Some((_, turns)) = leader.fetch.take_if(|(id, _)| *id == answer.id) {
            let taken = self.take_fetched(network, (link, answer), &turns, now);
            return taken.map_err(|why| Error::Broker(format!("{who}: {why}")));
        }
        if let Some((_, turns)) = leader.listing.take_if(|(id, _)| *id == answer.id) {
            let listed = read_listed(&answer).map_err(|why| format!("{who}: {why}"));
            self.take_listed(network, &listed.map_err(Error::Broker)?, &turns, now)?;
        }
        Ok(Some(answer))
    }

    /// A connection is lost, with what was asked on it.
    pub(crate) fn lost(&mut self, link: LinkId, lost: &[LostRequest], now: Instant) {
        let Some(leader) = self.leaders.iter_mut().find(|it| it.link == link) else { return };
        let is_lost = |id: i32| lost.iter().any(|request| request.id == id);
        leader.listing.take_if(|(id, _)| is_lost(*id));
        leader.fetch = None;
        leader.session.lost();
        // Another replica may serve what this one served.
        let read: Vec<i32> = self
            .places
            .had()
            .filter(|(_, place)| place.replica == Some(leader.broker))
            .map(|(partition, _)| partition)
            .collect();
        self.places.wait_all(&read, self.retry, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Fetcher {
        /// Whether a broker remembers what is read from it.
        pub(in crate::client::native) fn is_in_session(&self) -> bool {
            self.leaders.iter().any(|leader| leader.session.goes_on())
        }

        /// What has arrived and is not read to its end.
        pub(in crate::client::native) fn unread_bytes(&self) -> usize {
            self.sets.bytes()
        }

        /// From now on nothing says where to begin.
        pub(in crate::client::native) fn forbid_reset(&mut self) {
            self.settings.offset_reset = OffsetReset::Error;
        }
    }
}
