//! `latency.hlog`: latency over time as an HdrHistogram interval log, version 1.3 of its text
//! format (HdrHistogram's `HistogramLogWriter` and `HistogramLogReader` define it), with V2
//! histograms and a tag for each series. Values are nanoseconds, in the interval in which their
//! events were due.

use std::io::Write;
use std::time::{Duration, UNIX_EPOCH};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};

use crate::base::error::{Error, Result};
use crate::measure::latency::{IntervalLog, Latency};

/// One series of the log.
#[derive(Debug)]
pub struct LogSeries<'a> {
    /// `send_delay`, `ack`, or `<app>.end_to_end`; no comma, no blank.
    pub tag: String,
    /// Its histograms by interval of the run's clock.
    pub log: &'a mut IntervalLog,
    /// What has no place in them.
    pub outside: Outside,
}

/// Samples that have no place in a histogram.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outside {
    /// At or below zero.
    pub zero_or_negative: u64,
    /// Above an hour.
    pub over_range: u64,
    /// Without end.
    pub never_delivered: u64,
}

impl Outside {
    /// Those of a distribution.
    #[must_use]
    pub fn of(latency: &Latency) -> Self {
        Self {
            zero_or_negative: latency.zero_or_negative(),
            over_range: latency.over_range(),
            never_delivered: latency.never_delivered(),
        }
    }

    /// A line for each kind.
    fn notices(&self, tag: &str) -> Vec<String> {
        let Self { zero_or_negative: zero, over_range: over, never_delivered: never } = *self;
        let mut notices = Vec::new();
        if zero + over > 0 {
            notices.push(format!(
                "[{tag}: {zero} samples at or below zero and {over} above an hour are not in here]"
            ));
        }
        if never > 0 {
            notices.push(format!(
                "[{tag}: {never} events that were offered and never delivered, samples without \
                 end, are not in here]"
            ));
        }
        notices
    }
}

/// Writes the log. `start_wall_us` is the schedule's start, which is interval `first` of
/// `interval_ns` each.
///
/// # Errors
/// [`Error::Internal`] when a histogram can't be read back.
pub fn interval_log(
    series: Vec<LogSeries<'_>>,
    start_wall_us: i64,
    first: u64,
    interval_ns: u64,
) -> Result<String> {
    let fault = |error: &dyn std::fmt::Display| {
        Error::Internal(format!("writing the interval log: {error}"))
    };
    let start = UNIX_EPOCH + Duration::from_micros(start_wall_us.max(0).unsigned_abs());
    let mut builder = IntervalLogWriterBuilder::new();
    builder.add_comment("[Histogram log format version 1.3]");
    builder.add_comment(
        "[kbench: latencies in nanoseconds, by the interval in which their events were due; time \
         since the schedule's start]",
    );
    for part in &series {
        for notice in part.outside.notices(&part.tag) {
            builder.add_comment(&notice);
        }
    }
    builder.with_base_time(start).with_start_time(start).with_max_value_divisor(1.0);
    let (mut out, mut serializer) = (Vec::new(), V2DeflateSerializer::new());
    let mut writer =
        builder.begin_log_with(&mut out, &mut serializer).map_err(|error| fault(&error))?;
    let mut deserializer = Deserializer::new();
    for part in series {
        let tag = Tag::new(&part.tag).ok_or_else(|| fault(&"a tag with a comma"))?;
        for (index, width, mut encoded) in part.log.entries() {
            let histogram: Histogram<u64> =
                deserializer.deserialize(&mut encoded).map_err(|error| fault(&error))?;
            let from_ns = index.saturating_sub(first).saturating_mul(interval_ns);
            writer
                .write_histogram(
                    &histogram,
                    Duration::from_nanos(from_ns),
                    Duration::from_nanos(width.saturating_mul(interval_ns)),
                    Some(tag),
                )
                .map_err(|error| fault(&error))?;
        }
    }
    out.flush().map_err(|error| fault(&error))?;
    String::from_utf8(out).map_err(|error| fault(&error))
}

/// Two logs of one schedule as one: the second one's series behind the first one's, and what it
/// says of them at the head.
#[must_use]
pub fn joined(first: &str, second: &str) -> String {
    let (notices, rows) = (
        second.lines().filter(|line| is_notice(line)),
        second.lines().filter(|line| line.starts_with("Tag=")),
    );
    let is_head = |line: &&str| line.starts_with("#[") && !is_base_time(line);
    let (head, rest): (Vec<&str>, Vec<&str>) =
        (first.lines().take_while(is_head).collect(), first.lines().skip_while(is_head).collect());
    let all = head.into_iter().chain(notices).chain(rest).chain(rows);
    all.flat_map(|line| [line, "\n"]).collect()
}

/// A comment about what is not in the log.
fn is_notice(line: &str) -> bool {
    line.starts_with('#') && line.contains(" are not in here]")
}

fn is_base_time(line: &str) -> bool {
    line.starts_with("#[BaseTime") || line.starts_with("#[StartTime")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::latency::Series;
    use crate::measure::latency::window::Stage;

    /// The log holds histograms, and these have no place for what has no end: it says so, for each
    /// series by itself.
    #[test]
    fn what_has_no_place_in_the_log_is_said_at_its_head() {
        let mut series = [Series::new(Stage::Ack, 1), Series::new(Stage::EndToEnd, 1)];
        let text = |series: &mut [Series; 2], outside: [Outside; 2]| {
            let all = series.iter_mut().zip(["ack", "fraud.end_to_end"]).zip(outside);
            let all = all.map(|((series, tag), outside)| LogSeries {
                tag: tag.to_owned(),
                log: series.log(),
                outside,
            });
            interval_log(all.collect(), 0, 0, 1_000_000_000).unwrap()
        };
        let none = Outside::default();
        assert!(!text(&mut series, [none; 2]).contains("not in here"));
        let never = Outside { never_delivered: 36, ..none };
        let log = text(&mut series, [none, never]);
        let notice = "#[fraud.end_to_end: 36 events that were offered and never delivered, samples \
                      without end, are not in here]\n";
        assert!(log.contains(notice) && log.matches("not in here").count() == 1, "{log}");
        let log = text(&mut series, [Outside { zero_or_negative: 2, over_range: 1, ..none }, none]);
        let notice = "#[ack: 2 samples at or below zero and 1 above an hour are not in here]\n";
        assert!(log.contains(notice) && log.matches("not in here").count() == 1, "{log}");
    }

    #[test]
    fn what_a_distribution_holds_beside_its_histogram_is_counted_by_kind() {
        let mut latency = Latency::default();
        [-5, 0, 7, 4_000_000_000_000].into_iter().for_each(|ns| latency.record(ns));
        latency.never(3, 30_000_000_000);
        let expected = Outside { zero_or_negative: 2, over_range: 1, never_delivered: 3 };
        assert_eq!(Outside::of(&latency), expected);
    }
}
