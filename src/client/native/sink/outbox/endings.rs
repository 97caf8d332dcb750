//! How batches end without an answer: unconfirmed, expired, or with the sink.

use std::time::{Duration, Instant};

use super::super::lane::{Lane, SealedBatch};
use super::super::settlement::BatchEnd;
use super::super::shared::SinkShared;
use super::Outbox;
use crate::client::native::network::Network;
use crate::client::native::settings::AckLevel;

impl Outbox {
    /// What nobody confirms is over once it left for the socket. True where there was any.
    pub(in crate::client::native::sink) fn settle_unconfirmed(
        &mut self,
        network: &mut Network,
    ) -> bool {
        if self.settings.acks != AckLevel::Nobody {
            return false;
        }
        let mut is_any = false;
        for (link, flights) in &mut self.flights {
            let written = network.connection(*link).map_or(0, |connection| connection.written());
            while flights.front().is_some_and(|flight| flight.ends_at <= written) {
                for (partition, batch) in flights.pop_front().into_iter().flat_map(|it| it.batches)
                {
                    self.lanes[partition].answered();
                    self.lanes[partition].resolve(&batch);
                    self.settlement.end(partition, batch, BatchEnd::given_up(true, ""));
                    is_any = true;
                }
            }
        }
        is_any
    }

    /// Gives up what was opened before `before`, or has expired by now.
    pub(in crate::client::native::sink) fn expire(&mut self, shared: &SinkShared, now: Instant) {
        let timeout = self.settings.delivery_timeout;
        let why = format!("no acknowledgement within {} ms", timeout.as_millis());
        if let Some(before) = now.checked_sub(timeout) {
            let mut accumulator = shared.accumulator();
            let mut gone = Vec::new();
            for partition in 0..accumulator.partitions() {
                while let Some(open) = accumulator.take_older(partition, before) {
                    gone.push((partition, open));
                }
            }
            let unplaced = accumulator.take_unplaced(before);
            drop(accumulator);
            for (partition, open) in gone {
                self.settlement.end_open(partition, open, BatchEnd::given_up(false, &why));
            }
            if !unplaced.is_empty() {
                self.settlement.give(usize::MAX, &unplaced, BatchEnd::given_up(false, &why));
            }
        }
        for (partition, lane) in self.lanes.iter_mut().enumerate() {
            for batch in lane.expire(now) {
                let end = BatchEnd::given_up(batch.is_perhaps_written, &why);
                self.settlement.end(partition, batch, end);
            }
        }
        self.settle_in_flight(&why, |batch| batch.expires <= now);
    }

    /// Gives the receipts of batches under way; their answers may still come.
    fn settle_in_flight(&mut self, why: &str, is_over: impl Fn(&SealedBatch) -> bool) {
        let flights = self.flights.values_mut().flatten();
        let batches = flights.flat_map(|flight| &mut flight.batches);
        for (partition, batch) in batches.filter(|(_, it)| !it.is_settled && is_over(it)) {
            self.settlement.give(*partition, &batch.stamps, BatchEnd::given_up(true, why));
            batch.is_settled = true;
            self.lanes[*partition].resolve(batch);
            self.lanes[*partition].breaks();
        }
    }

    /// Whether nothing is under way and nothing waits to be sent again.
    pub(in crate::client::native::sink) fn is_idle(&self) -> bool {
        self.lanes.iter().all(Lane::is_idle)
    }

    /// Ends all that is here or under way.
    pub(in crate::client::native::sink) fn end_all(&mut self, shared: &SinkShared, why: &str) {
        let mut accumulator = shared.accumulator();
        let mut gone = Vec::new();
        for partition in 0..accumulator.partitions() {
            while let Some(open) = accumulator.take(partition) {
                gone.push((partition, open));
            }
        }
        let unplaced = accumulator.take_unplaced(Instant::now() + Duration::from_secs(1));
        drop(accumulator);
        for (partition, open) in gone {
            self.settlement.end_open(partition, open, BatchEnd::given_up(false, why));
        }
        self.settlement.give(usize::MAX, &unplaced, BatchEnd::given_up(false, why));
        for (partition, lane) in self.lanes.iter_mut().enumerate() {
            for batch in lane.abandon() {
                lane.resolve(&batch);
                let end = BatchEnd::given_up(batch.is_perhaps_written, why);
                self.settlement.end(partition, batch, end);
            }
        }
        self.settle_in_flight(why, |_| true);
        self.settlement.hand_back(&mut shared.accumulator());
    }
}
