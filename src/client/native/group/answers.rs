//! What becomes of a coordinator's answers.

use std::time::Instant;

use kafka_protocol::error::ResponseError;

use super::super::answer::Answer;
use super::super::network::Network;
use super::exchange;
use super::member_protocol::{MemberChange, TopicShape};
use super::{GroupClient, GroupNews};

impl GroupClient {
    pub(super) fn take_coordinator(
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

    pub(super) fn take_member(
        &mut self,
        answer: &Answer,
        topic: TopicShape,
        now: Instant,
    ) -> Result<(), String> {
        let change = self.member.take(answer, topic, now)?;
        self.apply(change, now);
        Ok(())
    }

    pub(super) fn take_offsets(&mut self, answer: &Answer, now: Instant) -> Result<(), String> {
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
            // The answer to a heartbeat will say what the member's epoch is, or that it is none.
            Some(ResponseError::StaleMemberEpoch | ResponseError::UnknownMemberId) => {
                self.lookup_at = now + self.settings.retry;
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

    pub(super) fn take_commit(
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
                self.commit_at = now + self.settings.retry;
                // An old epoch is none of the offsets' fault.
                let told = Some(error).filter(|it| *it != ResponseError::StaleMemberEpoch);
                self.news.push(GroupNews::NotCommitted(told));
                let change = self.member.commit_refused(error, now);
                if change != MemberChange::None {
                    self.asked = None;
                }
                self.apply(change, now);
            }
        }
        Ok(())
    }
}
