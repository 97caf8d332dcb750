//! What the clocks of several processes let be known.

use super::process::AppClock;
use super::{AppResult, RunResult};
use crate::base::text::duration;
use crate::measure::latency::Reading;
use crate::plan::metric::Statistic;

/// What a latency must reach to say anything, in ns; more than any where nobody can tell.
fn bound_ns(clock: AppClock) -> i64 {
    clock.bound_ns.and_then(|bound_ns| i64::try_from(bound_ns).ok()).unwrap_or(i64::MAX)
}

/// How far the clocks of all processes may lie apart; nothing where there is one process only.
#[must_use]
pub fn clocks(result: &RunResult) -> Option<String> {
    let consumers = || result.processes.iter().filter(|process| process.role != "producer");
    let widest = consumers().map(|process| process.clock.map(|clock| clock.bound_ns())).max()?;
    let unknown = consumers().filter(|process| process.clock.is_none()).count();
    let count = consumers().count();
    let shown = widest.and_then(|bound_ns| i64::try_from(bound_ns).ok());
    let mut line = format!("{count} consumer processes beside the producer's");
    if count == 1 {
        line = "a consumer process beside the producer's".to_owned();
    }
    if unknown < count {
        line.push_str(&format!(": clock bound ± {}", duration(shown)));
    }
    if unknown > 0 {
        line.push_str(&format!("; {unknown} of them share no clock with it"));
    }
    Some(line)
}

impl AppResult {
    /// A latency of arrival or end to end, in ns, as far as the clocks let it be known: `None`
    /// where they have nothing in common, or where it lies below their bound.
    #[must_use]
    pub fn known_ns(&self, value_ns: Option<i64>) -> Option<i64> {
        match self.clock {
            None => value_ns,
            Some(clock) => value_ns.filter(|value_ns| *value_ns >= bound_ns(clock)),
        }
    }

    /// The same in words: `n/a`, or no more than `< bound` where it lies below that.
    #[must_use]
    pub fn shown_ns(&self, value_ns: Option<i64>) -> String {
        let bound_ns = self.clock.filter(|clock| clock.bound_ns.is_some()).map(bound_ns);
        match (bound_ns, self.known_ns(value_ns), value_ns) {
            (Some(bound_ns), None, Some(_)) => format!("< {}", duration(Some(bound_ns))),
            (_, known_ns, _) => duration(known_ns),
        }
    }
}

impl RunResult {
    /// End to end of the slowest application, as far as the clocks let it be known: one without end
    /// is slower than any other; `None` where nothing is known of any.
    #[must_use]
    pub fn worst(&self, statistic: Statistic) -> Option<Reading> {
        let of = |app: &AppResult| match app.end_to_end.reading(statistic) {
            Reading::Endless(ns) => Some((true, ns)),
            reading => Some((false, app.known_ns(reading.value_ns())?)),
        };
        self.apps.iter().filter_map(of).max().map(|(is_endless, ns)| {
            if is_endless { Reading::Endless(ns) } else { Reading::Value(ns) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::load;

    #[test]
    fn what_lies_below_the_bound_is_no_more_than_that() {
        let name = "results/recorded/steady-20261123T071318Z-d47e7083";
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let mut app = load(&folder).unwrap().result.apps.remove(0);
        let says = |app: &AppResult, ns| (app.known_ns(Some(ns)), app.shown_ns(Some(ns)));
        assert_eq!(says(&app, 70), (Some(70), "70 ns".to_owned()), "one process, one clock");
        app.clock = Some(AppClock { bound_ns: Some(50_000), usable: true });
        assert_eq!(says(&app, 49_999), (None, "< 50.0 µs".to_owned()));
        assert_eq!(says(&app, -7), (None, "< 50.0 µs".to_owned()));
        assert_eq!(says(&app, 50_000), (Some(50_000), "50.0 µs".to_owned()));
        assert_eq!(app.shown_ns(None), "n/a", "nothing was measured");
        app.clock = Some(AppClock { bound_ns: None, usable: false });
        assert_eq!(says(&app, 9_000_000), (None, "n/a".to_owned()));
    }
}
