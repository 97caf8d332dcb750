//! `latency.hlog` against the stages and the series.

use std::collections::BTreeMap;

use super::Audit;
use super::histogram::NonZeroCounts;
use crate::result::RunResult;

/// One histogram of the log.
struct LogLine {
    tag: String,
    from_s: f64,
    length_s: f64,
    counts: NonZeroCounts,
}

/// Adds the log up: all of a tag is its stage, and each interval's histogram has the percentiles
/// of the interval's row.
pub(super) fn check(text: Option<&str>, result: &RunResult, audit: &mut Audit) {
    let Some(text) = text else { return };
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| line.starts_with("Tag=")) {
        match read(line) {
            Ok(line) => lines.push(line),
            Err(why) => audit.fault(format!("latency.hlog:{}", number + 1), line, why),
        }
    }
    start(text, result, audit);
    let mut sums: BTreeMap<&str, NonZeroCounts> = BTreeMap::new();
    for line in &lines {
        sums.entry(&line.tag).or_default().add(&line.counts);
    }
    let mut stages =
        vec![("send_delay".to_owned(), &result.send_delay), ("ack".to_owned(), &result.ack)];
    let apps = result.apps.iter();
    stages.extend(apps.map(|app| (format!("{}.end_to_end", app.name), &app.end_to_end)));
    for (tag, stage) in stages {
        let Ok(counts) = NonZeroCounts::read(&stage.histogram) else { continue };
        let sum = sums.remove(tag.as_str()).unwrap_or_default();
        let says = format!("{} samples", counts.total());
        let is = format!("{} samples in latency.hlog, perhaps elsewhere", sum.total());
        audit.require(format!("{tag}.histogram"), counts == sum, says, is);
    }
    for tag in sums.keys() {
        audit.fault("latency.hlog", format!("a tag {tag}"), "a stage of the result");
    }
    rows(&lines, result, audit);
}

fn rows(lines: &[LogLine], result: &RunResult, audit: &mut Audit) {
    let whole_s = result.interval_s();
    for (place, app) in result.apps.iter().enumerate() {
        // A late entry of an interval that was closed is a line more.
        let mut by_row: BTreeMap<usize, NonZeroCounts> = BTreeMap::new();
        let tag = format!("{}.end_to_end", app.name);
        for line in lines.iter().filter(|line| line.tag == tag) {
            if (line.length_s - whole_s).abs() > 1e-6 {
                // A long run's log has several intervals to the line.
                return;
            }
            let at = (line.from_s / whole_s).round() as usize;
            by_row.entry(at).or_default().add(&line.counts);
        }
        for (at, row) in result.series.iter().enumerate() {
            let Some(row) = row.apps.get(place) else { continue };
            let counts = by_row.remove(&at).unwrap_or_default();
            let total = counts.total();
            let name = format!("series[{at}].apps.{}", app.name);
            // What has no place in a histogram is in the row and not in the log.
            let stage = &app.end_to_end;
            let is_outside = stage.zero_or_negative + stage.over_range > 0;
            if row.count > 0 && !is_outside {
                audit.same(format!("{name}.count"), row.count, total + row.never_delivered);
            }
            let count = total + row.never_delivered;
            for (figure, says, rank) in [
                ("p50_ns", row.p50_ns, count.div_ceil(2)),
                ("p99_ns", row.p99_ns, (count * 99).div_ceil(100)),
                ("max_ns", row.max_ns, count),
            ] {
                let Some(ns) = says else { continue };
                let found = counts.at(rank.max(1));
                let holds = is_outside
                    || found.is_some_and(|(low, high)| {
                        u64::try_from(ns).is_ok_and(|ns| low <= ns && ns <= high)
                    });
                let is =
                    found.map_or("nothing".to_owned(), |(low, high)| format!("{low} to {high}"));
                audit.require(
                    format!("{name}.{figure}"),
                    holds,
                    ns,
                    format!("{is}, by latency.hlog"),
                );
            }
        }
    }
}

/// The log begins when the result says that the run did.
fn start(text: &str, result: &RunResult, audit: &mut Audit) {
    let line = text.lines().find_map(|line| line.strip_prefix("#[StartTime: "));
    let seconds: Option<f64> = line.and_then(|line| line.split(' ').next()?.parse().ok());
    let says = chrono::DateTime::parse_from_rfc3339(&result.started);
    let (Some(seconds), Ok(says)) = (seconds, says) else {
        audit.fault("started", &result.started, "a date, and one in latency.hlog");
        return;
    };
    let off_s = (says.timestamp_millis() as f64 / 1e3 - seconds).abs();
    audit.require("started", off_s < 0.002, &result.started, format!("{seconds} s since 1970"));
}

fn read(line: &str) -> Result<LogLine, String> {
    let parts: Vec<&str> = line.splitn(5, ',').collect();
    let [tag, from, length, _, histogram] = parts.as_slice() else {
        return Err("five fields: tag, start, length, greatest, histogram".to_owned());
    };
    let seconds = |text: &str| text.parse::<f64>().map_err(|_| format!("{text:?} is not a time"));
    Ok(LogLine {
        tag: tag.trim_start_matches("Tag=").to_owned(),
        from_s: seconds(from)?,
        length_s: seconds(length)?,
        counts: NonZeroCounts::read(histogram)?,
    })
}
