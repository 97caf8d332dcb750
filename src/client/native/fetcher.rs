//! Reading a topic's partitions from whoever leads them: one request under way to each broker, and
//! the answer before it in hand.
//!
//! As soon as an answer has come, the next request goes out: how far the answer reaches is in the
//! headers of its batches. So records arrive, into the socket's buffer at first, while the
//! application works on those before them. What lies unread is bounded: of each broker one answer
//! in hand and one that has arrived behind it.

use std::time::{Duration, Instant};

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::ApiKey;

use super::answer::Answer;
use super::fetch::{PartitionAnswer, fetch_request, has_sessions, read_fetched};
use super::fetch_session::{FetchSession, SessionVerdict};
use super::fetched::{FetchedSet, FetchedSets, HandOut};
use super::list_offsets::{PartitionEnd, list_offsets_request, read_listed};
use super::network::{LinkId, LostRequest, Network};
use super::places::{PlaceState, ReadPlace, ReadPlaces};
use super::settings::{ConsumerSettings, OffsetReset};
use super::wanted::{WantedOfBroker, wanted};
use crate::base::error::{Error, Result};
use crate::base::record_batch::end_of_set;
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
    /// [`Error::Broker`] for records that don't follow the format.
    pub(crate) fn hand_out(
        &mut self,
        network: &mut Network,
        header: Option<&str>,
        max: usize,
        each: &mut dyn FnMut(&Arrival<'_>),
    ) -> Result<usize> {
        let Self { sets, places, topic, .. } = self;
        let mut count = 0;
        while count < max {
            match sets.hand_out(places, header, max - count, each) {
                Ok(HandOut::Some(more)) => count += more,
                Ok(HandOut::End(link, answer)) => network.recycle(link, answer),
                Ok(HandOut::Nothing) => break,
                Err(why) => return Err(Error::Broker(format!("reading {topic}: {why}"))),
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
            && self.sets.answers_of(leader.link) <= UNREAD_MAX;
        if may_fetch && !wanted.places.is_empty() {
            let version = network.version(leader.link, ApiKey::Fetch)?;
            if !has_sessions(version) {
                leader.session.lost();
            }
            let ask = leader.session.ask(&wanted.places);
            let request = fetch_request(&self.topic, &self.settings, &ask, version);
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

    fn take_listed(
        &mut self,
        network: &mut Network,
        listed: &[(i32, i16, i64)],
        turns: &[(i32, u32)],
        now: Instant,
    ) -> Result<()> {
        for &(partition, error_code, offset) in listed {
            let place = self.places.get(partition);
            let is_asked = |place: &&mut _| is_of_turn(turns, partition, place);
            let Some(place) = place.filter(is_asked) else { continue };
            match ResponseError::try_from_code(error_code) {
                None if offset >= 0 => place.place(offset),
                None => place.wait(now + self.retry),
                Some(error) => self.troubled(network, partition, error, now)?,
            }
        }
        Ok(())
    }

    fn take_fetched(
        &mut self,
        network: &mut Network,
        (link, answer): (LinkId, Answer),
        turns: &[(i32, u32)],
        now: Instant,
    ) -> Result<Option<Answer>, String> {
        let fetched = read_fetched(&answer, &self.topic)?;
        if let Ok(ms @ 1..) = u64::try_from(fetched.throttle_ms) {
            let pause = Duration::from_millis(ms);
            network.mute(link, now + pause);
            self.throttled.push((now, pause));
        }
        let Some(leader) = self.leaders.iter_mut().find(|it| it.link == link) else {
            return Ok(Some(answer));
        };
        if fetched.throttle_ms > 0 {
            leader.not_before =
                now + Duration::from_millis(fetched.throttle_ms.unsigned_abs().into());
        }
        match leader.session.answered(fetched.error_code, fetched.session_id) {
            SessionVerdict::Read => {}
            SessionVerdict::Anew => return Ok(Some(answer)),
            SessionVerdict::Failed(error) if error.is_retriable() => {
                leader.not_before = now + self.retry;
                return Ok(Some(answer));
            }
            SessionVerdict::Failed(error) => return Err(format!("it refuses a fetch: {error}")),
        }
        let body = answer.body().unwrap_or_default();
        let mut sets = Vec::new();
        for partition in fetched.partitions {
            let set = self.take_partition(network, body, partition, turns, now);
            sets.extend(set.map_err(|error| error.to_string())?);
        }
        Ok(self.sets.push(link, answer, sets))
    }

    /// What came for one partition, if it is still wanted.
    fn take_partition(
        &mut self,
        network: &mut Network,
        body: &[u8],
        fetched: PartitionAnswer,
        turns: &[(i32, u32)],
        now: Instant,
    ) -> Result<Option<FetchedSet>> {
        let PartitionAnswer { partition, error_code, nearer_replica, records, aborted } = fetched;
        let is_asked = |place: &&mut _| is_of_turn(turns, partition, place);
        let Some(place) = self.places.get(partition).filter(is_asked) else { return Ok(None) };
        if let Some(error) = ResponseError::try_from_code(error_code) {
            self.troubled(network, partition, error, now)?;
            return Ok(None);
        }
        if nearer_replica >= 0 {
            place.replica = Some(nearer_replica);
        }
        if records.is_empty() {
            return Ok(None);
        }
        let set = body.get(records.clone()).unwrap_or_default();
        let end = end_of_set(set, place.fetch_offset);
        if end == place.fetch_offset {
            return Err(Error::Broker(format!(
                "partition {partition}: {} bytes of records from offset {end} on hold no whole \
                 batch that reaches it; expected one at least",
                set.len()
            )));
        }
        place.fetch_offset = end;
        Ok(Some(FetchedSet { partition, turn: place.turn, records, aborted }))
    }

    /// A partition's error: what to do about it.
    fn troubled(
        &mut self,
        network: &mut Network,
        partition: i32,
        error: ResponseError,
        now: Instant,
    ) -> Result<()> {
        let Some(place) = self.places.get(partition) else { return Ok(()) };
        let came_from_replica = place.replica.is_some();
        place.wait(now + self.retry);
        match error {
            // A replica may be behind; then the leader knows.
            ResponseError::OffsetOutOfRange if !came_from_replica => {
                self.reset(partition, "no longer has the offset to go on from")
            }
            ResponseError::TopicAuthorizationFailed
            | ResponseError::UnsupportedCompressionType
            | ResponseError::UnsupportedForMessageFormat => Err(Error::Broker(format!(
                "partition {partition} of {} can't be read: {error}",
                self.topic
            ))),
            // Somebody else leads, or will soon; and whatever else there is may pass.
            _ => {
                network.refresh();
                Ok(())
            }
        }
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

/// Whether a place is still in the turn in which its partition was asked for.
fn is_of_turn(turns: &[(i32, u32)], partition: i32, place: &ReadPlace) -> bool {
    turns.contains(&(partition, place.turn))
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Fetcher {
        /// Whether a broker remembers what is read from it.
        pub(in crate::client::native) fn is_in_session(&self) -> bool {
            self.leaders.iter().any(|leader| leader.session.goes_on())
        }

        /// From now on nothing says where to begin.
        pub(in crate::client::native) fn forbid_reset(&mut self) {
            self.settings.offset_reset = OffsetReset::Error;
        }
    }
}
