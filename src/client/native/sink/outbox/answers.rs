//! What becomes of batches that were answered, and of those whose connection is lost.

use std::time::{Duration, Instant};

use super::super::lane::SealedBatch;
use super::super::produce_request::{BatchAnswer, read_answer};
use super::super::settlement::BatchEnd;
use super::super::shared::SinkShared;
use super::super::verdict::{ProduceVerdict, judge, told};
use super::Outbox;
use crate::client::native::answer::Answer;
use crate::client::native::network::{LinkId, LostRequest, Network};
use crate::client::native::settings::AckLevel;

impl Outbox {
    /// A broker answered a request.
    pub(in crate::client::native::sink) fn answered(
        &mut self,
        network: &mut Network,
        shared: &SinkShared,
        link: LinkId,
        answer: &Answer,
    ) {
        let now = Instant::now();
        let flights = self.flights.entry(link).or_default();
        let Some(place) = flights.iter().position(|flight| flight.id == answer.id) else { return };
        let Some(flight) = flights.remove(place) else { return };
        let mut answers = std::mem::take(&mut self.answers);
        let throttle_ms =
            answer.body().and_then(|body| read_answer(body, answer.version, &mut answers));
        match throttle_ms {
            Some(0) => {}
            Some(ms) => {
                network.mute(link, now + Duration::from_millis(ms.into()));
                shared.throttled(self.settlement.now_ns(), u64::from(ms) * 1_000_000);
            }
            None => answers.clear(),
        }
        for (partition, batch) in flight.batches {
            let number = i32::try_from(partition).unwrap_or(-1);
            self.lanes[partition].answered();
            match answers.iter().find(|answer| answer.partition == number) {
                Some(answer) => self.judged(network, (partition, batch), answer, now),
                None => {
                    let batch = SealedBatch { is_perhaps_written: true, ..batch };
                    self.retry((partition, batch), "the broker's answer lacks the batch", now);
                }
            }
        }
        self.answers = answers;
    }

    fn judged(
        &mut self,
        network: &mut Network,
        (partition, mut batch): (usize, SealedBatch),
        answer: &BatchAnswer,
        now: Instant,
    ) {
        let lane = &mut self.lanes[partition];
        if batch.is_settled {
            return self.settlement.end(partition, batch, BatchEnd::given_up(true, ""));
        }
        match judge(answer.error) {
            ProduceVerdict::Written => {
                lane.resolve(&batch);
                lane.went_well();
                self.settlement.end(partition, batch, BatchEnd::acked(answer.base_offset));
            }
            ProduceVerdict::Retry { elsewhere, is_perhaps_written } => {
                batch.is_perhaps_written |= is_perhaps_written;
                if elsewhere {
                    network.refresh();
                }
                self.retry((partition, batch), &told(answer.error, &answer.message), now);
            }
            ProduceVerdict::OutOfOrder if !lane.is_first(&batch) => lane.again(batch, None),
            ProduceVerdict::OutOfOrder | ProduceVerdict::Unknown => {
                lane.breaks();
                self.retry((partition, batch), &told(answer.error, &answer.message), now);
            }
            ProduceVerdict::Refused { is_perhaps_written } => {
                lane.resolve(&batch);
                lane.breaks();
                let reason = told(answer.error, &answer.message);
                let is_perhaps_written = is_perhaps_written || batch.is_perhaps_written;
                let end = BatchEnd::given_up(is_perhaps_written, &reason);
                self.settlement.end(partition, batch, end);
            }
        }
    }

    /// A batch is to be sent again, unless it was often enough.
    fn retry(&mut self, (partition, batch): (usize, SealedBatch), why: &str, now: Instant) {
        let lane = &mut self.lanes[partition];
        let is_spent = batch.tries > self.settings.retries || batch.expires <= now;
        if batch.is_settled || is_spent {
            lane.resolve(&batch);
            lane.breaks();
            let end = BatchEnd::given_up(batch.is_perhaps_written, why);
            return self.settlement.end(partition, batch, end);
        }
        lane.again(batch, Some(now));
    }

    /// A connection is lost, and what was on its way there with it.
    pub(in crate::client::native::sink) fn lost(
        &mut self,
        link: LinkId,
        lost: &[LostRequest],
        why: &str,
    ) {
        let now = Instant::now();
        let Some(flights) = self.flights.get_mut(&link) else { return };
        for flight in std::mem::take(flights) {
            // Without an answer to wait for, nobody says how much of it left.
            let is_whole = self.settings.acks == AckLevel::Nobody
                || lost.iter().any(|request| request.id == flight.id && request.is_whole);
            for (partition, mut batch) in flight.batches {
                self.lanes[partition].answered();
                batch.is_perhaps_written |= is_whole;
                self.retry((partition, batch), why, now);
            }
        }
    }
}
