//! The load before it is sent: every event of a plan in the order of the due times, as the
//! bytes that a producer would hand to its client. Opens nothing and waits for nothing.

pub mod fingerprint;
pub mod line;
pub mod outline;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::generate::{EventFacts, Generator, SessionStats};
use super::schedule::{self, Schedule};
use crate::base::error::{Error, Result};
use crate::event::{Slot, Stamp};
use crate::plan::{PhasePlan, Plan, RateSegment, Shape};

/// The name of the phase that [`at_constant_rate`] makes.
const CONSTANT_NAME: &str = "constant";

/// Longer than any look at a plan.
pub(crate) const DAY_NS: u64 = 86_400 * 1_000_000_000;

/// All events of a plan, those of its producers merged by due time; the lower shard first where
/// two are due at once.
#[derive(Debug)]
pub struct Preview {
    run: u32,
    start_wall_us: i64,
    lanes: Vec<ShardCursor>,
    /// The lanes that have a slot left, by the time it is due.
    queue: BinaryHeap<Reverse<(u64, u16)>>,
    /// The last event's shard.
    last: u16,
}

/// One producer.
#[derive(Debug)]
struct ShardCursor {
    slots: schedule::ShardSlots,
    /// The slot that is due next; of no meaning when the lane is not in the queue.
    slot: Slot,
    generator: Generator,
}

/// One event, all but its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Previewed<'a> {
    /// When it is due: nanoseconds since the schedule's start.
    pub due_ns: u64,
    /// What it is stamped with.
    pub stamp: Stamp,
    /// The record's key: the `user_id`.
    pub key: &'a str,
    /// What the books would count.
    pub facts: EventFacts,
}

impl Preview {
    /// The events of a plan, as if slot time 0 were at `start_wall_us` (microseconds since 1970,
    /// UTC) and the run had this number.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for a replay: its events are in a topic, and nothing is opened here.
    pub fn new(plan: &Plan, run: u32, start_wall_us: i64) -> Result<Self> {
        if let Some(replay) = &plan.load.replay {
            return Err(Error::usage(format!(
                "{}: the events come from the topic {}, which is read at the run only; expected a \
                 scenario with a load of its own",
                plan.name, replay.topic
            )));
        }
        let schedule = Schedule::new(&plan.load, plan.seed);
        let mut lanes = Vec::new();
        let mut queue = BinaryHeap::new();
        for (shard, generator) in (0..).zip(Generator::for_shards(plan)) {
            let mut slots = schedule.shard(shard);
            let first = slots.next();
            queue.extend(first.map(|slot| Reverse((slot.due_ns, shard))));
            let slot = first.unwrap_or(Slot { seq: 0, due_ns: 0 });
            lanes.push(ShardCursor { slots, slot, generator });
        }
        Ok(Self { run, start_wall_us, lanes, queue, last: 0 })
    }

    /// When the next event is due, in nanoseconds since the schedule's start; `None` after the
    /// last one.
    #[must_use]
    pub fn next_due_ns(&self) -> Option<u64> {
        self.queue.peek().map(|Reverse((due_ns, _))| *due_ns)
    }

    /// Appends the next event's payload to `out`; `None` after the last one.
    #[inline]
    pub fn append(&mut self, out: &mut Vec<u8>) -> Option<Previewed<'_>> {
        let mut first = self.queue.peek_mut()?;
        let Reverse((due_ns, shard)) = *first;
        let lane = self.lanes.get_mut(usize::from(shard))?;
        let seq = lane.slot.seq;
        match lane.slots.next() {
            Some(slot) => {
                lane.slot = slot;
                *first = Reverse((slot.due_ns, shard));
            }
            None => drop(std::collections::binary_heap::PeekMut::pop(first)),
        }
        let due_wall_us = self.start_wall_us.saturating_add((due_ns / 1_000).cast_signed());
        let stamp = Stamp { run: self.run, shard, seq, due_wall_us };
        let codec = lane.generator.codec();
        let draft = lane.generator.next(due_ns);
        self.last = shard;
        codec.encode(&stamp, &draft.parts, out);
        Some(Previewed { due_ns, stamp, key: draft.key, facts: draft.facts })
    }

    /// How the sessions lived until the last event.
    #[must_use]
    pub fn sessions(&self) -> SessionStats {
        let mut all = SessionStats::default();
        self.lanes.iter().for_each(|lane| all.merge(lane.generator.stats()));
        all
    }

    /// Whether the session of the last event ended with it.
    #[must_use]
    pub fn session_ended(&self) -> bool {
        let lane = self.lanes.get(usize::from(self.last));
        lane.is_some_and(|lane| lane.generator.session_ended())
    }
}

/// Puts one constant rate in place of the plan's phases, for `duration_ns` (whole microseconds).
pub fn at_constant_rate(plan: &mut Plan, rate_per_s: f64, duration_ns: u64) {
    plan.load.phases = vec![constant(rate_per_s, duration_ns)];
}

/// Ends a plan's load after so long.
pub fn cut(plan: &mut Plan, duration_ns: u64) {
    let mut left_ns = duration_ns / 1_000 * 1_000;
    for phase in &mut plan.load.phases {
        phase.segments.retain_mut(|segment| {
            let whole_ns = segment.duration_ns;
            segment.duration_ns = whole_ns.min(left_ns);
            left_ns -= segment.duration_ns;
            if let Shape::Linear { from_per_s, to_per_s } = &mut segment.shape {
                // The same line, as far as it goes.
                let part = segment.duration_ns as f64 / whole_ns.max(1) as f64;
                *to_per_s = *from_per_s + (*to_per_s - *from_per_s) * part;
            }
            segment.duration_ns > 0
        });
    }
    plan.load.phases.retain(|phase| !phase.segments.is_empty());
}

fn constant(rate_per_s: f64, duration_ns: u64) -> PhasePlan {
    let shape = Shape::Linear { from_per_s: rate_per_s, to_per_s: rate_per_s };
    PhasePlan {
        name: CONSTANT_NAME.to_owned(),
        warmup: false,
        segments: vec![RateSegment { duration_ns, shape }],
        hot: None,
        sale: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::planned;
    use crate::event::format::JSON;
    use crate::plan::toml::source::ScenarioSource;

    const START_WALL_US: i64 = 1_705_314_645_000_000;

    fn plan(text: &str) -> Plan {
        let source = ScenarioSource::new("case.toml", text);
        planned(&source)
    }

    #[test]
    fn producers_are_merged_by_due_time_and_lose_nothing() {
        let plan = plan(
            "seed = 3\n[load]\nproducers = 4\nrate_per_s = 2000\nduration = \"5s\"\n\
             warmup = \"0s\"\n",
        );
        let mut preview = Preview::new(&plan, 7, START_WALL_US).unwrap();
        let (mut out, mut next_seq, mut last) = (Vec::new(), [0_u64; 4], (0, 0));
        while let Some(due_ns) = preview.next_due_ns() {
            out.clear();
            let event = preview.append(&mut out).unwrap();
            let stamp = event.stamp;
            assert_eq!(event.due_ns, due_ns);
            assert!((due_ns, stamp.shard) > last || stamp.shard == last.1);
            last = (due_ns, stamp.shard);
            assert_eq!(JSON.stamp(None, Some(&out)), Some(stamp));
            assert_eq!(stamp.due_wall_us, START_WALL_US + (due_ns / 1_000) as i64);
            assert_eq!(stamp.seq, next_seq[usize::from(stamp.shard)]);
            next_seq[usize::from(stamp.shard)] += 1;
            let key = format!("\"user_id\":\"{}\"", event.key);
            assert!(std::str::from_utf8(&out).unwrap().contains(&key));
        }
        let schedule = Schedule::new(&plan.load, plan.seed);
        for shard in 0..4 {
            let count = schedule.shard(shard).count() as u64;
            assert!(count > 2_000 && next_seq[usize::from(shard)] == count, "{next_seq:?}");
        }
    }

    #[test]
    fn a_session_ends_once_and_has_no_event_after_that() {
        let text = "seed = 3\n[load]\nrate_per_s = 500\nduration = \"60s\"\nproducers = 2\n\
                    [population]\nusers = 300\nthink_median = \"500ms\"\n";
        let mut preview = Preview::new(&plan(text), 0, START_WALL_US).unwrap();
        let (mut out, mut events) = (Vec::new(), 0.0);
        let (mut begun, mut ended) = (0.0, std::collections::HashSet::new());
        while let Some(event) = preview.append(&mut out) {
            let facts = event.facts;
            out.clear();
            events += 1.0;
            begun += f64::from(u8::from(facts.session_starts));
            assert!(!ended.contains(&facts.session));
            if preview.session_ended() {
                ended.insert(facts.session);
            }
        }
        // All but those that are live at the end, of which there are at most 225.
        assert!(begun - 225.0 <= ended.len() as f64 && ended.len() as f64 <= begun);
        let length = events / begun;
        assert!((8.0..16.0).contains(&length), "{length}");
    }

    #[test]
    fn a_constant_rate_takes_the_place_of_all_phases() {
        let mut plan = plan("seed = 3\n[load]\nrate_per_s = 9\nduration = \"5s\"\n");
        at_constant_rate(&mut plan, 1_000.0, 2_000_000_000);
        plan.load.arrivals = crate::plan::Arrivals::Uniform;
        let mut preview = Preview::new(&plan, 0, START_WALL_US).unwrap();
        let mut out = Vec::new();
        let due_ns: Vec<_> =
            std::iter::from_fn(|| preview.append(&mut out).map(|event| event.due_ns)).collect();
        assert_eq!(due_ns.len(), 2_000);
        assert_eq!((due_ns[0], due_ns[1_999]), (500_000, 1_999_500_000));
    }
}
