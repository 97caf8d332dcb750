//! When events are due: a closed form, so that nothing drifts and any slot can be computed alone.
//!
//! The rate's profile integrates to a cumulative count N(t), and the inverse of N gives the due
//! time of a slot. Only IEEE arithmetic and the `libm` crate are used: the same plan and seed
//! give the same schedule on every machine.

mod curve;

use std::sync::Arc;

use crate::base::random::Random;
use crate::event::Slot;
use crate::plan::{Arrivals, LoadPlan};
use curve::Curve;

/// The purpose of the arrivals' seeds, see [`crate::base::random::derive`].
const ARRIVALS: u64 = 1;

/// When all events of a run are due.
///
/// # Uniform arrivals
///
/// Slot n of the whole schedule is due at N⁻¹(n + ½), and shard s of S takes the slots with
/// n ≡ s (mod S). The half puts slots in the middle of their share: the count in any interval is
/// then the integral ± 1 in both directions, a phase whose integral is whole gets exactly that
/// many slots, and none falls on the border of a stretch without load, where N has no inverse.
///
/// # Poisson arrivals
///
/// Each shard is an independent Poisson process of rate N'(t) / S: the sums of unit-rate
/// exponentials, taken through the inverse of N / S (time-rescaling; Çinlar, "Introduction to
/// Stochastic Processes", 1975). All shards together are a Poisson process of rate N'(t).
#[derive(Debug, Clone)]
pub struct Schedule {
    pieces: Arc<[Piece]>,
    phase_starts_ns: Vec<u64>,
    duration_ns: u64,
    arrivals: Arrivals,
    shards: u16,
    seed: u64,
}

/// One segment, placed in time and count.
#[derive(Debug, Clone, Copy)]
struct Piece {
    start_us: u64,
    /// The last microsecond that belongs to the piece.
    last_us: u64,
    start_count: f64,
    end_count: f64,
    curve: Curve,
}

impl Schedule {
    /// The schedule of a plan; segments without length are passed over.
    #[must_use]
    pub fn new(load: &LoadPlan, seed: u64) -> Self {
        let mut pieces = Vec::new();
        let mut phase_starts_ns = Vec::new();
        let (mut start_ns, mut count) = (0, 0.0);
        for phase in &load.phases {
            phase_starts_ns.push(start_ns);
            for segment in &phase.segments {
                let duration_us = segment.duration_ns / 1_000;
                if duration_us > 0 {
                    let curve = Curve::of(segment);
                    let start_us = start_ns / 1_000;
                    let end_count = count + curve.count(duration_us as f64).max(0.0);
                    let last_us = start_us + duration_us - 1;
                    pieces.push(Piece { start_us, last_us, start_count: count, end_count, curve });
                    count = end_count;
                }
                start_ns += duration_us * 1_000;
            }
        }
        Self {
            pieces: pieces.into(),
            phase_starts_ns,
            duration_ns: start_ns,
            arrivals: load.arrivals,
            shards: load.producers.max(1),
            seed,
        }
    }

    /// The slots of one shard, in the order of their due times.
    #[must_use]
    pub fn shard(&self, shard: u16) -> ShardSlots {
        let arrivals = match self.arrivals {
            Arrivals::Uniform => Arriving::Uniform { next: f64::from(shard) + 0.5 },
            Arrivals::Poisson => Arriving::Poisson {
                count: 0.0,
                random: Random::new(self.seed, ARRIVALS, u64::from(shard)),
            },
        };
        let shards = f64::from(self.shards);
        ShardSlots { pieces: Arc::clone(&self.pieces), at: 0, seq: 0, due_us: 0, shards, arrivals }
    }

    /// How many events the rates add up to. Uniform arrivals have this many slots, rounded;
    /// Poisson arrivals have it as their mean.
    #[must_use]
    pub fn expected_total(&self) -> f64 {
        self.pieces.last().map_or(0.0, |piece| piece.end_count)
    }

    /// How many events the rates of one phase add up to; 0 for a phase that is not there.
    #[must_use]
    pub fn expected_in(&self, phase: usize) -> f64 {
        let Some(start_ns) = self.phase_starts_ns.get(phase) else {
            return 0.0;
        };
        let end_ns = self.phase_starts_ns.get(phase + 1).unwrap_or(&self.duration_ns);
        self.cumulative(*end_ns) - self.cumulative(*start_ns)
    }

    /// N(t): how many events the rates add up to before a time since the schedule's start.
    #[must_use]
    pub fn cumulative(&self, due_ns: u64) -> f64 {
        let Some(piece) = self.piece_at(due_ns) else {
            return 0.0;
        };
        if due_ns >= (piece.last_us + 1) * 1_000 {
            return piece.end_count;
        }
        piece.start_count + piece.curve.count(due_ns as f64 / 1e3 - piece.start_us as f64)
    }

    /// The rate at a time, over all shards; 0 after the end.
    #[must_use]
    pub fn rate_at(&self, due_ns: u64) -> f64 {
        if due_ns >= self.duration_ns {
            return 0.0;
        }
        self.piece_at(due_ns).map_or(0.0, |piece| {
            piece.curve.rate(due_ns as f64 / 1e3 - piece.start_us as f64) * 1e6
        })
    }

    /// The index of the phase that a due time belongs to; the last one after the end.
    #[must_use]
    pub fn phase_at(&self, due_ns: u64) -> usize {
        self.phase_starts_ns.partition_point(|start_ns| *start_ns <= due_ns).saturating_sub(1)
    }

    /// How long the schedule lasts, in nanoseconds; every slot is due before.
    #[must_use]
    pub const fn duration_ns(&self) -> u64 {
        self.duration_ns
    }

    /// How many shards there are.
    #[must_use]
    pub const fn shards(&self) -> u16 {
        self.shards
    }

    fn piece_at(&self, due_ns: u64) -> Option<&Piece> {
        let after = self.pieces.partition_point(|piece| piece.start_us * 1_000 <= due_ns);
        self.pieces.get(after.saturating_sub(1))
    }
}

/// The slots of one shard: numbered from 0 without gaps, due times never decreasing and in
/// whole microseconds.
#[derive(Debug, Clone)]
pub struct ShardSlots {
    pieces: Arc<[Piece]>,
    at: usize,
    seq: u64,
    due_us: u64,
    shards: f64,
    arrivals: Arriving,
}

#[derive(Debug, Clone)]
enum Arriving {
    /// The next slot's place in N. Whole numbers and a half, exact up to 2^52.
    Uniform { next: f64 },
    /// The last slot's place in N, and where the steps come from.
    Poisson { count: f64, random: Random },
}

impl Iterator for ShardSlots {
    type Item = Slot;

    #[inline]
    fn next(&mut self) -> Option<Slot> {
        let count = match &mut self.arrivals {
            Arriving::Uniform { next } => {
                let count = *next;
                *next += self.shards;
                count
            }
            Arriving::Poisson { count, random } => {
                *count += self.shards * random.exponential();
                *count
            }
        };
        let piece = loop {
            let piece = self.pieces.get(self.at)?;
            if count < piece.end_count {
                break piece;
            }
            self.at += 1;
        };
        let within_us = piece.curve.time_us((count - piece.start_count).max(0.0));
        // To the nearest microsecond, but never into the next piece: it may be another phase.
        let due_us = (piece.start_us + (within_us + 0.5) as u64).min(piece.last_us);
        // The inverse of a sine may be off by a hair, which rounding can make a microsecond.
        self.due_us = self.due_us.max(due_us);
        let slot = Slot { seq: self.seq, due_ns: self.due_us * 1_000 };
        self.seq += 1;
        Some(slot)
    }
}

#[cfg(test)]
mod tests;
