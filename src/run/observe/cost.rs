//! What this process costs in CPU: for an event, when idle, and for one event more.

use std::ops::Range;

/// Just after the producers' start their threads are still on their way.
const SETTLING_NS: u64 = 50_000_000;

/// An idle time shorter than this says nothing.
const IDLE_MIN_NS: u64 = 100_000_000;

/// A second that is cut short by more than half is none.
const STEP_MIN_NS: u64 = 500_000_000;

/// Fewest seconds that a slope is made of.
const STEPS_MIN: usize = 10;

/// How far the rate must vary, by its mean, before a slope is one: Poisson arrivals vary by
/// themselves, by a sixth over a minute at 1,000/s.
const VARIES: f64 = 0.5;

/// How uncertain (standard error) the slope may be, by its size.
const ERROR_MAX: f64 = 0.25;

/// What was used and done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Count {
    pub(super) at_ns: u64,
    /// User and system CPU of this process without its hiccup meter, in seconds.
    pub(super) cpu_s: f64,
    /// Acknowledged events.
    pub(super) acked: u64,
}

impl Count {
    /// Of CPU seconds and acknowledged events.
    pub(super) const fn new(at_ns: u64, (cpu_s, acked): (f64, u64)) -> Self {
        Self { at_ns, cpu_s, acked }
    }
}

/// The counts that a cost is made of.
#[derive(Debug)]
pub(super) struct Cost {
    /// From the first look to the schedule's start: when it begins is known by the first look.
    idle: Range<u64>,
    idle_from: Option<Count>,
    idle_to: Option<Count>,
    measured: Vec<Count>,
}

/// What they come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::run) struct CpuCost {
    /// CPU of the measured part, in seconds.
    pub(in crate::run) measured_s: Option<f64>,
    /// The same for each event acknowledged in it, in µs.
    pub(in crate::run) us_per_event: Option<f64>,
    /// CPU of an idle second, in ms.
    pub(in crate::run) idle_ms_per_s: Option<f64>,
    /// CPU of one event more in µs, or why that is not known.
    pub(in crate::run) us_per_event_more: Option<Result<f64, String>>,
}

impl Cost {
    /// Begins to look at `now_ns`; the schedule starts at `start_ns`.
    pub(super) const fn new(now_ns: u64, start_ns: u64) -> Self {
        let idle = now_ns + SETTLING_NS..start_ns;
        Self { idle, idle_from: None, idle_to: None, measured: Vec::new() }
    }

    /// Whether it is still idle.
    pub(super) fn is_idle(&self, now_ns: u64) -> bool {
        self.idle.contains(&now_ns)
    }

    /// A count before the schedule's start.
    pub(super) fn idle(&mut self, count: Count) {
        self.idle_from.get_or_insert(count);
        self.idle_to = Some(count);
    }

    /// A count of the measured part: at its begin, about once a second, and at its end.
    pub(super) fn measured(&mut self, count: Count) {
        self.measured.push(count);
    }

    /// Events acknowledged in the measured part.
    pub(super) fn events(&self) -> u64 {
        match (self.measured.first(), self.measured.last()) {
            (Some(first), Some(last)) => last.acked.saturating_sub(first.acked),
            _ => 0,
        }
    }

    pub(super) fn sum_up(&self) -> CpuCost {
        let events = self.events();
        let measured_s = match self.measured.as_slice() {
            [first, .., last] => Some(last.cpu_s - first.cpu_s),
            _ => None,
        };
        let idle = self.idle_from.zip(self.idle_to).and_then(|(from, to)| {
            let wall_ns = to.at_ns - from.at_ns;
            (wall_ns >= IDLE_MIN_NS).then(|| (to.cpu_s - from.cpu_s) * 1e12 / wall_ns as f64)
        });
        CpuCost {
            measured_s,
            us_per_event: measured_s.filter(|_| events > 0).map(|s| s * 1e6 / events as f64),
            idle_ms_per_s: idle,
            us_per_event_more: measured_s.map(|_| self.more()),
        }
    }

    /// The slope of CPU seconds over events, per second: a straight line by least squares, with
    /// the standard error that its residuals give.
    fn more(&self) -> Result<f64, String> {
        let per_s = |pair: &[Count]| {
            let (from, to) = (pair[0], pair[1]);
            let seconds = (to.at_ns - from.at_ns) as f64 / 1e9;
            let (events, cpu_s) = (to.acked.saturating_sub(from.acked), to.cpu_s - from.cpu_s);
            (events as f64 / seconds, cpu_s / seconds)
        };
        let is_whole = |pair: &&[Count]| pair[1].at_ns - pair[0].at_ns >= STEP_MIN_NS;
        let steps: Vec<(f64, f64)> = self.measured.windows(2).filter(is_whole).map(per_s).collect();
        if steps.len() < STEPS_MIN {
            return Err(format!("{} seconds measured (fewest: {STEPS_MIN})", steps.len()));
        }
        let count = steps.len() as f64;
        type Of<'a> = &'a dyn Fn(&(f64, f64)) -> f64;
        let mean = |of: Of<'_>, steps: &[(f64, f64)]| steps.iter().map(of).sum::<f64>() / count;
        let (x, y) = (mean(&|step| step.0, &steps), mean(&|step| step.1, &steps));
        let least = steps.iter().map(|step| step.0).fold(f64::INFINITY, f64::min);
        let most = steps.iter().map(|step| step.0).fold(0.0, f64::max);
        if most - least < VARIES * x || x <= 0.0 {
            return Err(format!("one rate: {least:.0} to {most:.0}/s"));
        }
        let off: Vec<(f64, f64)> = steps.iter().map(|step| (step.0 - x, step.1 - y)).collect();
        let spread = mean(&|off| off.0 * off.0, &off);
        let slope = mean(&|off| off.0 * off.1, &off) / spread;
        let residual = |off: &(f64, f64)| off.1 - slope * off.0;
        let variance = mean(&|off| residual(off) * residual(off), &off) / (count - 2.0);
        let error = (variance / spread).sqrt();
        if error > ERROR_MAX * slope.abs() {
            let (slope, error) = (slope * 1e6, error * 1e6);
            return Err(format!("too uncertain: {slope:.1} µs, standard error {error:.1}"));
        }
        Ok(slope * 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    /// A process that costs 20 ms in every second and 30 µs for every event, but for `noise_s` in
    /// every second second.
    fn cost(rates: impl Iterator<Item = u64>, noise_s: f64) -> CpuCost {
        let mut cost = Cost::new(0, S);
        let mut now = Count { at_ns: 5 * S, cpu_s: 7.0, acked: 1_000 };
        cost.measured(now);
        for (at, rate) in (0_u32..).zip(rates) {
            now.at_ns += S;
            now.acked += rate;
            now.cpu_s += 0.020 + 30e-6 * rate as f64 + noise_s * f64::from(at % 2);
            cost.measured(now);
        }
        cost.sum_up()
    }

    #[test]
    fn one_event_more_is_the_slope_and_not_the_mean() {
        let cost = cost((1..=20).map(|step| step * 100), 0.0);
        let more = cost.us_per_event_more.as_ref().unwrap().as_ref().unwrap();
        assert!((more - 30.0).abs() < 1e-6, "{more}");
        // 20 s of 20 ms, and 21,000 events.
        let per_event = cost.us_per_event.unwrap();
        assert!((per_event - (30.0 + 0.4e6 / 21_000.0)).abs() < 1e-6, "{per_event}");
        assert!((cost.measured_s.unwrap() - 1.03).abs() < 1e-9, "{cost:?}");
    }

    #[test]
    fn a_slope_that_says_nothing_is_left_out_and_says_why() {
        let why = |cost: CpuCost| cost.us_per_event_more.unwrap().unwrap_err();
        let rates = || (0..20).map(|step| 1_000 + step);
        assert_eq!(why(cost(rates(), 0.0)), "one rate: 1000 to 1019/s");
        assert_eq!(why(cost(rates().take(9), 0.0)), "9 seconds measured (fewest: 10)");
        let noisy = why(cost((1..=20).map(|step| step * 100), 0.05));
        assert!(noisy.starts_with("too uncertain: "), "{noisy}");
        assert!(why(cost((0..12).map(|_| 0), 0.0)).starts_with("one rate: 0 to 0/s"));
    }

    /// Seconds of these rates and CPU seconds.
    fn of_seconds(steps: &[(u64, f64)]) -> CpuCost {
        let mut cost = Cost::new(0, S);
        let mut now = Count { at_ns: 5 * S, cpu_s: 7.0, acked: 1_000 };
        cost.measured(now);
        for (rate, cpu_s) in steps {
            now = Count { at_ns: now.at_ns + S, cpu_s: now.cpu_s + cpu_s, acked: now.acked + rate };
            cost.measured(now);
        }
        cost.sum_up()
    }

    fn more(cost: CpuCost) -> Result<f64, String> {
        cost.us_per_event_more.unwrap()
    }

    /// By hand: of twelve seconds half lie 500/s below the mean and half above, so the spread is
    /// 250,000; the slope is 100 µs, and what is off it by 50 ms each time makes a standard error
    /// of the root of 0.05² / 10 / 250,000.
    #[test]
    fn the_standard_error_is_of_two_degrees_of_freedom_less_and_its_limit_a_quarter() {
        let off_by = |off_s: f64| {
            let signs = [1.0, -1.0, 1.0, -1.0, 1.0, -1.0];
            let low = signs.iter().map(|sign| (500, 0.15 + sign * off_s));
            let steps: Vec<_> =
                low.chain(signs.iter().map(|sign| (1_500, 0.25 + sign * off_s))).collect();
            more(of_seconds(&steps))
        };
        let why = "too uncertain: 100.0 µs, standard error 31.6";
        assert_eq!(off_by(0.05).unwrap_err(), why);
        // A quarter of the slope is 39.53 ms off.
        assert!((off_by(0.039).unwrap() - 100.0).abs() < 1e-6);
        assert!(off_by(0.040).is_err());
    }

    #[test]
    fn ten_seconds_are_enough_and_so_is_a_rate_that_varies_by_half_its_mean() {
        let of = |steps: &[(u64, f64)]| more(of_seconds(steps));
        // Exact numbers in binary: what every event costs is nothing.
        let flat: Vec<_> = (0..10).map(|at| (750 + 500 * (at % 2), 0.25)).collect();
        assert_eq!(of(&flat), Ok(0.0));
        assert_eq!(of(&flat[..9]).unwrap_err(), "9 seconds measured (fewest: 10)");
        let less: Vec<_> = (0..10).map(|at| (750 + 499 * (at % 2), 0.25)).collect();
        assert_eq!(of(&less).unwrap_err(), "one rate: 750 to 1249/s");
    }

    /// A process that costs 20 ms a second and 30 µs an event, looked at after unequal times.
    #[test]
    fn rates_are_per_second_whatever_the_time_between_two_looks_and_short_ones_are_left_out() {
        let mut cost = Cost::new(0, S);
        let mut now = Count { at_ns: 5 * S, cpu_s: 7.0, acked: 1_000 };
        cost.measured(now);
        let lengths_ns = [S, 2 * S, S / 2, 3 * S].iter().cycle();
        for (rate, length_ns) in (1..=12).zip(lengths_ns) {
            let seconds = *length_ns as f64 / 1e9;
            let events = rate * 100 * (length_ns / (S / 2));
            now.at_ns += length_ns;
            now.acked += events;
            now.cpu_s += 0.020 * seconds + 30e-6 * events as f64;
            cost.measured(now);
        }
        // Half a second is a step; a nanosecond less, of a cost of its own, is none.
        now.at_ns += S / 2 - 1;
        now.cpu_s += 5.0;
        cost.measured(now);
        let more = more(cost.sum_up()).unwrap();
        assert!((more - 30.0).abs() < 1e-6, "{more}");
    }

    #[test]
    fn without_an_event_there_is_no_cost_of_one() {
        let cost = of_seconds(&[(0, 0.1), (0, 0.1)]);
        assert_eq!(cost.us_per_event, None);
        assert!((cost.measured_s.unwrap() - 0.2).abs() < 1e-9, "{cost:?}");
    }

    #[test]
    fn the_idle_time_is_before_the_start_and_long_enough() {
        let mut cost = Cost::new(S, 2 * S);
        assert!(!cost.is_idle(S) && cost.is_idle(S + SETTLING_NS) && !cost.is_idle(2 * S));
        let count = |at_ms: u64, cpu_s| Count { at_ns: at_ms * S / 1_000, cpu_s, acked: 0 };
        cost.idle(count(1_100, 3.0));
        cost.idle(count(1_150, 3.1));
        assert_eq!(cost.sum_up(), CpuCost::default(), "50 ms");
        cost.idle(count(1_350, 3.005));
        let idle = cost.sum_up().idle_ms_per_s.unwrap();
        assert!((idle - 20.0).abs() < 1e-6, "5 ms in a quarter of a second: {idle}");
    }
}
