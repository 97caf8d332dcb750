//! Writing to the loopback, with the faults that were planted.

use std::ops::Range;
use std::sync::Arc;
use std::thread;

use super::answers::{Answers, LoopbackAnswer};
use super::delay::{ns, wait_until};
use super::hooks::WriteHook;
use super::log::{LoopbackBytes, LoopbackTopic};
use crate::base::error::Result;
use crate::event::codec::Codec;
use crate::event::rewrite::rewrite;
use crate::event::{Event, EventType, Outcome, Stamp};
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
            let header = batch.header(index).map(|(_, value)| value.into());
            let bytes = LoopbackBytes { header, payload: batch.payload(index).into() };
            let mut outcome = Outcome::Acked;
            let mut offset = partition.end() - 1;
            match fault {
                Some(WriteHook::Drop | WriteHook::Full | WriteHook::Reject) => {}
                Some(WriteHook::Swap) if partition.held.is_none() => {
                    partition.held = Some(bytes);
                }
                Some(WriteHook::Double) => {
                    partition.append(bytes.clone(), visible_ns);
                    offset = partition.append(bytes, visible_ns);
                }
                Some(WriteHook::Cut) => {
                    let half = bytes.payload[..bytes.payload.len() / 2].into();
                    offset = partition.append(LoopbackBytes { payload: half, ..bytes }, visible_ns);
                }
                Some(WriteHook::Forge) => {
                    let payload = forged(self.topic.codec, &stamp, &bytes.payload).into();
                    offset = partition.append(LoopbackBytes { payload, ..bytes }, visible_ns);
                }
                Some(WriteHook::Fail) => outcome = Outcome::Failed,
                Some(WriteHook::Lose) => {
                    outcome = Outcome::Unknown;
                    offset = partition.append(bytes, visible_ns);
                }
                Some(WriteHook::Late(after)) => {
                    outcome = Outcome::Unknown;
                    let (topic, after) = (self.topic.clone(), *after);
                    thread::spawn(move || {
                        thread::sleep(after);
                        topic.append(place, bytes);
                    });
                }
                Some(WriteHook::Mute) => {
                    partition.append(bytes, visible_ns);
                    continue;
                }
                Some(WriteHook::Swap) | None => offset = partition.append(bytes, visible_ns),
            }
            let partition = i32::try_from(place).unwrap_or(-1);
            self.answers.push(LoopbackAnswer { stamp, outcome, partition, offset });
        }
        Handover { taken: range.len(), refusal: None }
    }
}

/// The event as a purchase.
fn forged(codec: &dyn Codec, stamp: &Stamp, payload: &[u8]) -> Vec<u8> {
    let (mut parser, mut out) = (codec.parser(), Vec::new());
    if let Ok(event) = parser.parse(payload) {
        let purchase = Event { event_type: EventType::Purchase, ..event };
        rewrite(codec, stamp, &purchase, &mut out);
    }
    out
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
