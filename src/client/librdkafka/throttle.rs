//! What brokers said of quotas, out of librdkafka's statistics.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::measure::latency::Throttles;

/// What a client heard since it began: for each of its statistics that tells of a quota, when it
/// came, and the longest and the sum of what answers asked for, in ms.
#[derive(Debug, Default)]
pub(super) struct Heard(Mutex<Vec<(Instant, u64, u64)>>);

impl Heard {
    /// Takes a client's statistics in. This is the thread that receipts or records come on, so
    /// they are searched and not parsed: that costs as much as to copy them.
    pub(super) fn listen(&self, statistics: &[u8]) {
        let (longest_ms, sum_ms) = throttle_ms(statistics);
        if longest_ms > 0 {
            let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            heard.push((Instant::now(), longest_ms, sum_ms));
        }
    }

    /// All of it on a clock that shows `now_ns`.
    pub(super) fn throttles(&self, now_ns: u64) -> Throttles {
        const MS: u64 = 1_000_000;
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut throttles = Throttles::default();
        for &(at, longest_ms, sum_ms) in &*heard {
            let ago_ns = at.elapsed().as_nanos().try_into().unwrap_or(u64::MAX);
            throttles.note(
                now_ns.saturating_sub(ago_ns),
                Duration::from_millis(STATISTICS_MS.into()).as_nanos() as u64,
                longest_ms.saturating_mul(MS),
                sum_ms.saturating_mul(MS),
            );
        }
        throttles
    }
}

/// The longest and the greatest sum, over the brokers, of the times for which answers asked to
/// wait: `"throttle": { "min":0, "max":812, "avg":…, "sum":1604, … }` for each broker (librdkafka's
/// STATISTICS.md, "Window stats").
fn throttle_ms(statistics: &[u8]) -> (u64, u64) {
    let text = std::str::from_utf8(statistics).unwrap_or_default();
    text.split("\"throttle\"").skip(1).fold((0, 0), |(longest_ms, most_ms), window| {
        let window = window.split('}').next().unwrap_or_default();
        let of = |name: &str| number_behind(window, name).unwrap_or(0);
        (of("\"max\"").max(longest_ms), of("\"sum\"").max(most_ms))
    })
}

/// The number of a member of a flat object.
fn number_behind(window: &str, name: &str) -> Option<u64> {
    let rest = window.split_once(name)?.1.trim_start().strip_prefix(':')?.trim_start();
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// How often the client says what it has sent. A run waits for the last word, so it can't be much
/// longer; and making it costs the client's own thread, so it can't be much shorter.
pub const STATISTICS_MS: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// As librdkafka 2.12 writes it, shortened.
    const STATISTICS: &str = r#"{ "name": "rdkafka#producer-1", "ts":5016, "brokers":{
        "127.0.0.1:9092/1": { "nodename":"127.0.0.1:9092", "rtt": { "min":9, "max":99000,
        "avg":4, "sum":990000, "stddev": 0, "cnt":3}, "throttle": { "min":0, "max":812, "avg":401,
        "sum":1604, "stddev": 0, "p50": 0, "hdrsize": 17520, "cnt":4}, "toppars":{ } },
        "127.0.0.1:9093/2": { "throttle": { "min":0, "max":90, "avg":30, "sum":1900, "cnt":9} } },
        "topics":{ "t": { "batchsize": { "min":1, "max":77777, "sum":88888 } } } }"#;

    #[test]
    fn the_longest_and_the_greatest_sum_over_the_brokers_are_found_in_the_statistics() {
        assert_eq!(throttle_ms(STATISTICS.as_bytes()), (812, 1_900));
        for none in ["", "{}", "no JSON", "\"throttle\"", "\"throttle\": { \"max\":-5 }"] {
            assert_eq!(throttle_ms(none.as_bytes()), (0, 0), "{none}");
        }
        let vast = "\"throttle\": { \"max\":99999999999999999999 }";
        assert_eq!(throttle_ms(vast.as_bytes()), (0, 0), "more than a number holds");
    }

    #[test]
    fn only_what_tells_of_a_quota_is_kept_and_lies_where_it_came() {
        let heard = Heard::default();
        let quiet = STATISTICS.replace("812", "0").replace("\"max\":90,", "\"max\":0,");
        heard.listen(quiet.as_bytes());
        assert_eq!(heard.throttles(50_000_000_000), Throttles::default());
        heard.listen(STATISTICS.as_bytes());
        let found = heard.throttles(50_000_000_000).within(&(40_000_000_000..50_000_000_000));
        // The second before: the clock has gone on by some microseconds since.
        let near = |value: f64, expected: f64| (value / expected - 1.0).abs() < 0.1;
        assert!(near(found.longest_ms, 812.0) && near(found.of_time, 0.1), "{found:?}");
    }
}
