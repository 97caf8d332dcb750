//! How many sessions there are, and how fast their time runs: one pace for all of them.
//!
//! Sessions live in a time of their own. Pauses are drawn in it, and it goes on from event to
//! event: whoever's pause is over first has the next slot. With as many sessions as the rate needs
//! it keeps in step with the schedule's time; with fewer it runs faster, for all alike, by the
//! factor wanted / there.
//!
//! A schedule begins in the middle of a day. Who is there at its start has been there before:
//! sessions are then as a look at a random moment finds them, with what is left of a pause by the
//! renewal theorem (density (1 - F(x)) / mean; Cox, "Renewal Theory", 1962, section 5.1). A rate
//! that rises finds more of such sessions, one that falls leaves some of those that there are.

use super::demand::Demand;
use crate::base::random::Random;
use crate::load::schedule::Schedule;
use crate::plan::{LoadPlan, PopulationPlan};

/// How often the rate is looked at, in ns.
const LOOK_NS: u64 = 1_000_000;

/// The number of sessions that there should be in a shard.
#[derive(Debug, Clone)]
pub(super) struct Tempo {
    rate: ShardRate,
    demand: Demand,
    most: f64,
    look_at_ns: u64,
    /// As many as the rate needs.
    wanted: f64,
    /// As many as there may be of these.
    target: f64,
    /// The part of a session that is still to be opened, or closed.
    owed: f64,
}

/// Events per second of one shard.
#[derive(Debug, Clone)]
pub(super) enum ShardRate {
    /// Always so many.
    Constant(f64),
    /// What a schedule has for each of its shards.
    Scheduled(Box<Schedule>),
}

impl ShardRate {
    /// That of each shard of a load.
    pub(super) fn of(load: &LoadPlan) -> Self {
        // Only rates are asked for, and they have no seed.
        Self::Scheduled(Box::new(Schedule::new(load, 0)))
    }

    /// The phase that is on, and how long the schedule goes on; a rate that never changes has one
    /// phase without an end.
    #[inline]
    fn phase(&self, due_ns: u64) -> (u16, u64) {
        match self {
            Self::Constant(_) => (0, u64::MAX),
            Self::Scheduled(schedule) => {
                let left_ns = schedule.duration_ns().saturating_sub(due_ns);
                (schedule.phase_at(due_ns) as u16, left_ns)
            }
        }
    }

    fn at(&self, due_ns: u64) -> f64 {
        match self {
            Self::Constant(rate_per_s) => *rate_per_s,
            Self::Scheduled(schedule) => schedule.rate_at(due_ns) / f64::from(schedule.shards()),
        }
    }
}

impl Tempo {
    /// Of a shard with this rate, in which `most` ordinary sessions may live at once.
    pub(super) fn new(rate: ShardRate, population: &PopulationPlan, most: u64) -> Self {
        Self {
            rate,
            demand: Demand::new(population),
            most: most as f64,
            look_at_ns: 0,
            wanted: 0.0,
            target: 0.0,
            owed: 0.0,
        }
    }

    /// Follows the schedule to a time at which hot users have this share of the events. Gives how
    /// many sessions have to be opened (above 0) or closed (below) at once, as the rate has
    /// changed.
    #[inline]
    pub(super) fn follow(&mut self, due_ns: u64, hot_share: f64) -> i64 {
        if due_ns < self.look_at_ns {
            return 0;
        }
        self.look(due_ns, hot_share)
    }

    fn look(&mut self, due_ns: u64, hot_share: f64) -> i64 {
        self.look_at_ns = due_ns.saturating_add(LOOK_NS);
        let rate_per_s = self.rate.at(due_ns);
        // Where nothing is due, everybody waits.
        if rate_per_s <= 0.0 || hot_share >= 1.0 {
            return 0;
        }
        self.wanted = self.demand.sessions(rate_per_s, hot_share);
        let target = self.wanted.min(self.most);
        self.owed += target - self.target;
        self.target = target;
        let whole = self.owed.trunc();
        self.owed -= whole;
        whole as i64
    }

    /// As many sessions as the rate needs for none to hurry.
    pub(super) const fn wanted(&self) -> f64 {
        self.wanted
    }

    /// The phase that is on at a time, and how long the schedule goes on from there.
    #[inline]
    pub(super) fn phase(&self, due_ns: u64) -> (u16, u64) {
        self.rate.phase(due_ns)
    }

    /// Whether the next event begins a session, where `alive` are under way.
    ///
    /// As many begin as end, which is one event in a session's length; what is missing, or too
    /// many, is made up for within about a mean pause.
    #[inline]
    pub(super) fn starts(&self, alive: u64, random: &mut Random) -> bool {
        let alive = alive as f64;
        if alive >= self.most {
            return false;
        }
        let missing = 1.0 - alive / self.target.max(1.0);
        random.unit() < self.demand.start_share() + missing
    }
}

/// What is left of the pauses of sessions that somebody finds under way, in order: drawn one
/// after the other, so that a million of them take no memory before they are needed.
#[derive(Debug, Clone)]
pub(super) struct UnderWay {
    /// When they were found, on the sessions' clock, and by how much it was set back since.
    found_ns: u64,
    set_back_ns: u64,
    left: u64,
    /// The part of the distribution that is behind the next one.
    beyond: f64,
    next_ns: u64,
}

impl UnderWay {
    /// So many of them, at least one, at this time of the sessions' clock.
    pub(super) fn new(count: u64, found_ns: u64, pauses: &Residual, random: &mut Random) -> Self {
        let mut group =
            Self { found_ns, set_back_ns: 0, left: count, beyond: 1.0, next_ns: found_ns };
        group.draw(pauses, random);
        group
    }

    /// How many are still to come.
    pub(super) const fn left(&self) -> u64 {
        self.left
    }

    /// When the next one's pause is over, on the sessions' clock.
    pub(super) const fn next_ns(&self) -> u64 {
        self.next_ns
    }

    /// Takes the next one out.
    pub(super) fn take(&mut self, pauses: &Residual, random: &mut Random) {
        self.left = self.left.saturating_sub(1);
        if self.left > 0 {
            self.draw(pauses, random);
        }
    }

    /// Goes with the sessions' clock when it is set back.
    pub(super) fn set_back(&mut self, by_ns: u64) {
        // What was found before the clock's beginning keeps its place in the pauses.
        self.next_ns = self.next_ns.saturating_sub(by_ns);
        self.set_back_ns += by_ns;
    }

    /// Lets one of them go, whichever it is.
    pub(super) const fn drop_one(&mut self) {
        self.left = self.left.saturating_sub(1);
    }

    /// The smallest of what is left: of n even numbers above u, it leaves (1 - u) V^(1/n) beyond it
    /// (Devroye, "Non-Uniform Random Variate Generation", 1986, section V.2).
    fn draw(&mut self, pauses: &Residual, random: &mut Random) {
        self.beyond *= libm::exp(-random.exponential() / self.left as f64);
        let at_ns = self.found_ns.saturating_add(pauses.at(1.0 - self.beyond) as u64);
        self.next_ns = at_ns.saturating_sub(self.set_back_ns);
    }
}

/// What is left of a pause at a random moment.
#[derive(Debug, Clone)]
pub(super) struct Residual {
    /// Borders of pieces, and the part of the distribution below each.
    borders: Vec<(f64, f64)>,
}

impl Residual {
    /// Of pauses with evenly spaced quantiles, from the least to the greatest.
    pub(super) fn of(quantiles: &[f64]) -> Self {
        let steps = quantiles.len().saturating_sub(1).max(1) as f64;
        let mut borders = vec![(0.0, 0.0)];
        let (mut before, mut area) = (0.0, 0.0);
        for (place, border) in quantiles.iter().enumerate() {
            // The mean of 1 - F over the piece; below the first border nothing has ended.
            let still = (1.0 - (place as f64 - 0.5).max(0.0) / steps).max(0.0);
            area += (border - before) * still;
            borders.push((*border, area));
            before = *border;
        }
        if area > 0.0 {
            borders.iter_mut().for_each(|(_, below)| *below /= area);
        }
        Self { borders }
    }

    /// The length below which this part, from 0 to 1, of them lies.
    pub(super) fn at(&self, part: f64) -> f64 {
        let after = self.borders.partition_point(|(_, below)| *below <= part);
        let (low, from) = self.borders[after.saturating_sub(1).min(self.borders.len() - 1)];
        let Some((high, to)) = self.borders.get(after) else { return low };
        low + (high - low) * ((part - from) / (to - from))
    }
}
