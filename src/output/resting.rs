//! Which percentiles of a run rest on too few slow episodes, in lines under its tables.

use crate::plan::metric::Statistic;
use crate::result::RunResult;
use crate::result::latency::episodes;

/// A line for each percentile of end to end that one run does not know.
pub(crate) fn resting(result: &RunResult) -> Vec<String> {
    let line = |(name, statistic): (&str, Statistic)| {
        let mut found: Vec<(String, Vec<&str>)> = Vec::new();
        for app in &result.apps {
            let Some(few) = episodes(app.end_to_end.rests_on(statistic)) else { continue };
            match found.iter_mut().find(|(known, _)| *known == few) {
                Some((_, apps)) => apps.push(&app.name),
                None => found.push((few, vec![&app.name])),
            }
        }
        let of = |(few, apps): &(String, Vec<&str>)| format!("{few} ({})", apps.join(", "));
        let all = found.iter().map(of).collect::<Vec<_>>().join(", ");
        (!found.is_empty()).then(|| format!("{name} rests on {all}: one run does not know it"))
    };
    [("p99", Statistic::P99), ("p99.9", Statistic::P99_9)].into_iter().filter_map(line).collect()
}
