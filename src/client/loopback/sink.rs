//! Writing to the loopback, with the faults that were planted.

use std::ops::Range;
use std::sync::Arc;
use std::thread;

use super::answers::{Answers, LoopbackAnswer};
use super::delay::{ns, wait_until};
use super::hooks::WriteHook;
use super::log::LoopbackTopic;
use crate::base::error::Result;
use crate::event::Outcome;
use crate::workers::produce::{Batch, Handover, Receiver, Refusal, Sink};

pub(super) struct LoopbackSink {
    topic: Arc<LoopbackTopic>,
    receipts: Answers,
    answers: Vec<LoopbackAnswer>,
}

impl LoopbackSink {
    pub(super) fn new(topic: Arc<LoopbackTopic>, receiver: Arc<dyn Receiver>) -> Self {
        let receipts = Answers::new(receiver, topic.clock.clone(), &topic.faults.delays);
        Self { topic, receipts, answers: Vec::new() }
    }

    /// Writes what it can; returns how many events were taken and whether the next was refused.
    fn write(&mut self, batch: &Batch, range: Range<usize>) -> Handover {
        let visible_ns = self.topic.visible_ns();
        let mut log = self.topic.lock();
        for (taken, index) in range.clone().enumerate() {
            let stamp = *batch.stamp(index);
            let fault = self.topic.faults.write.get(&(stamp.shard, stamp.seq));
            if fault == Some(&WriteHook::Full) {
                return Handover { taken, refusal: Some(Refusal::QueueFull) };
            }
            if fault == Some(&WriteHook::Reject) {
                let refusal = Some(Refusal::Rejected("planted: rejected".to_owned()));
                return Handover { taken, refusal };
            }
            let place = crc32c::crc32c(batch.key(index)) as usize % log.partitions.len();
            let partition = &mut log.partitions[place];
            let payload: Arc<[u8]> = batch.payload(index).into();
            let mut outcome = Outcome::Acked;
            let mut offset = partition.end() - 1;
            match fault {
                Some(WriteHook::Drop | WriteHook::Full | WriteHook::Reject) => {}
                Some(WriteHook::Swap) if partition.held.is_none() => {
                    partition.held = Some(payload);
                }
                Some(WriteHook::Double) => {
                    partition.append(payload.clone(), visible_ns);
                    offset = partition.append(payload, visible_ns);
                }
                Some(WriteHook::Cut) => {
                    offset = partition.append(payload[..payload.len() / 2].into(), visible_ns);
                }
                Some(WriteHook::Forge) => {
                    offset = partition.append(forged(&payload).into_bytes().into(), visible_ns);
                }
                Some(WriteHook::Fail) => outcome = Outcome::Failed,
                Some(WriteHook::Lose) => {
                    outcome = Outcome::Unknown;
                    offset = partition.append(payload, visible_ns);
                }
                Some(WriteHook::Late(after)) => {
                    outcome = Outcome::Unknown;
                    let (topic, after) = (self.topic.clone(), *after);
                    thread::spawn(move || {
                        thread::sleep(after);
                        topic.append(place, payload);
                    });
                }
                Some(WriteHook::Mute) => {
                    partition.append(payload, visible_ns);
                    continue;
                }
                Some(WriteHook::Swap) | None => offset = partition.append(payload, visible_ns),
            }
            let partition = i32::try_from(place).unwrap_or(-1);
            self.answers.push(LoopbackAnswer { stamp, outcome, partition, offset });
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
        let (clock, faults) = (&*self.topic.clock, &self.topic.faults);
        if !faults.delays.send.is_zero() {
            wait_until(clock, clock.now_ns() + ns(faults.delays.send));
        }
        if let Some((event, stall_ns)) = faults.stall
            && range.clone().any(|index| {
                let stamp = batch.stamp(index);
                (stamp.shard, stamp.seq) == event
            })
        {
            clock.sleep_until_ns(clock.now_ns() + stall_ns);
        }
        let handover = self.write(batch, range);
        self.topic.grown.notify_all();
        self.receipts.give(&mut self.answers);
        Ok(handover)
    }
}
