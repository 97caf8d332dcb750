//! Writing to the loopback, with the faults that were planted.

use std::ops::Range;
use std::sync::Arc;

use super::{Topic, WriteFault};
use crate::error::Result;
use crate::event::{Outcome, Receipt, Stamp};
use crate::produce::{Batch, Handover, Receiver, Refusal, Sink};

pub(super) struct LoopbackSink {
    topic: Arc<Topic>,
    receiver: Arc<dyn Receiver>,
    answers: Vec<(Stamp, Outcome, i32, i64)>,
}

impl LoopbackSink {
    pub(super) fn new(topic: Arc<Topic>, receiver: Arc<dyn Receiver>) -> Self {
        Self { topic, receiver, answers: Vec::new() }
    }

    /// Writes what it can; returns how many events were taken and whether the next was refused.
    fn write(&mut self, batch: &Batch, range: Range<usize>) -> Handover {
        let mut log = self.topic.lock();
        for (taken, index) in range.clone().enumerate() {
            let stamp = *batch.stamp(index);
            let fault = self.topic.faults.write.get(&(stamp.shard, stamp.seq));
            if fault == Some(&WriteFault::Full) {
                return Handover { taken, refusal: Some(Refusal::QueueFull) };
            }
            let place = crc32c::crc32c(batch.key(index)) as usize % log.partitions.len();
            let partition = &mut log.partitions[place];
            let payload: Arc<[u8]> = batch.payload(index).into();
            let mut outcome = Outcome::Acked;
            let mut offset = partition.end() - 1;
            match fault {
                Some(WriteFault::Drop | WriteFault::Full) => {}
                Some(WriteFault::Swap) if partition.held.is_none() => {
                    partition.held = Some(payload);
                }
                Some(WriteFault::Double) => {
                    partition.append(payload.clone());
                    offset = partition.append(payload);
                }
                Some(WriteFault::Cut) => {
                    offset = partition.append(payload[..payload.len() / 2].into());
                }
                Some(WriteFault::Forge) => {
                    offset = partition.append(forged(&payload).into_bytes().into());
                }
                Some(WriteFault::Fail) => outcome = Outcome::Failed,
                Some(WriteFault::Lose) => {
                    outcome = Outcome::Unknown;
                    offset = partition.append(payload);
                }
                Some(WriteFault::Swap) | None => offset = partition.append(payload),
            }
            self.answers.push((stamp, outcome, i32::try_from(place).unwrap_or(-1), offset));
        }
        Handover { taken: range.len(), refusal: None }
    }
}

/// The event as a purchase.
fn forged(payload: &[u8]) -> String {
    const TYPE: &str = "\"event_type\":\"";
    let text = String::from_utf8_lossy(payload);
    let (head, rest) = text.split_once(TYPE).unwrap_or((&text, ""));
    let (_, tail) = rest.split_once('"').unwrap_or(("", rest));
    format!("{head}{TYPE}purchase\"{tail}")
}

impl Sink for LoopbackSink {
    fn send(&mut self, batch: &Batch, range: Range<usize>) -> Result<Handover> {
        if let Some((event, stall_ns)) = self.topic.faults.stall
            && range.clone().any(|index| {
                let stamp = batch.stamp(index);
                (stamp.shard, stamp.seq) == event
            })
        {
            let now_ns = self.topic.clock.now_ns();
            self.topic.clock.sleep_until_ns(now_ns + stall_ns);
        }
        let handover = self.write(batch, range);
        self.topic.grown.notify_all();
        let at_ns = self.topic.clock.now_ns();
        for (stamp, outcome, partition, offset) in self.answers.drain(..) {
            let reason = match outcome {
                Outcome::Acked => "",
                Outcome::Failed => "planted: not written",
                Outcome::Unknown => "planted: the answer got lost",
            };
            self.receiver.receive(&Receipt { stamp, outcome, at_ns, partition, offset, reason });
        }
        Ok(handover)
    }
}
