//! What becomes of the answers to fetches and to questions for the ends of partitions.

use std::time::{Duration, Instant};

use kafka_protocol::error::ResponseError;

use super::super::answer::Answer;
use super::super::fetch::{PartitionAnswer, read_fetched};
use super::super::fetch_session::SessionVerdict;
use super::super::fetched::FetchedSet;
use super::super::network::{LinkId, Network};
use super::super::places::ReadPlace;
use super::Fetcher;
use crate::base::error::{Error, Result};
use crate::base::record_batch::end_of_set;

/// How often records that are broken are fetched before they are taken for it.
const BROKEN_TRIES: u32 = 5;

impl Fetcher {
    pub(super) fn take_listed(
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

    pub(super) fn take_fetched(
        &mut self,
        network: &mut Network,
        (link, answer): (LinkId, Answer),
        turns: &[(i32, u32)],
        now: Instant,
    ) -> Result<Option<Answer>, String> {
        let fetched = read_fetched(&answer, &self.topic)?;
        let Some(leader) = self.leaders.iter_mut().find(|it| it.link == link) else {
            return Ok(Some(answer));
        };
        if let Ok(ms @ 1..) = u64::try_from(fetched.throttle_ms) {
            let pause = Duration::from_millis(ms);
            network.mute(link, now + pause);
            self.throttled.push((now, pause));
            leader.not_before = now + pause;
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
            let why = format!(
                "{} bytes of records from offset {end} on hold no whole batch that reaches it",
                set.len()
            );
            self.broken(partition, &why, now)?;
            return Ok(None);
        }
        place.fetch_offset = end;
        Ok(Some(FetchedSet { partition, turn: place.turn, records, aborted }))
    }

    /// Records do not follow the format: they are fetched again, by another way if there is one,
    /// because a broken machine may give others. Nothing is skipped: in the end it is an error.
    pub(super) fn broken(&mut self, partition: i32, why: &str, now: Instant) -> Result<()> {
        let Some(place) = self.places.get(partition) else { return Ok(()) };
        let offset = place.position;
        let tries = place.broken.filter(|(at, _)| *at == offset).map_or(1, |(_, tries)| tries + 1);
        place.place(offset);
        place.wait(now + self.retry * tries);
        place.broken = Some((offset, tries));
        let topic = &self.topic;
        let what = format!("reading {topic}, partition {partition}, at offset {offset}: {why}");
        if tries >= BROKEN_TRIES {
            return Err(Error::Broker(format!(
                "{what}; it was fetched {tries} times; expected whole batches of records"
            )));
        }
        self.trouble = Some(what);
        Ok(())
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
            ResponseError::CorruptMessage => self.broken(partition, &error.to_string(), now),
            // Somebody else leads, or will soon; and whatever else there is may pass.
            _ => {
                network.refresh();
                Ok(())
            }
        }
    }
}

/// Whether a place is still in the turn in which its partition was asked for.
fn is_of_turn(turns: &[(i32, u32)], partition: i32, place: &ReadPlace) -> bool {
    turns.contains(&(partition, place.turn))
}
