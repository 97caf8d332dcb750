//! Whether brokers held the clients back for a quota.

use serde::{Deserialize, Serialize};

use super::flag::Flag;
use crate::measure::latency::Throttled;

/// How long brokers held each side's clients back for a quota.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Throttling {
    /// The producers; `None` where they would not say so.
    pub producers: Option<Throttled>,
    /// All applications' consumers; `None` where they would not say so.
    pub consumers: Option<Throttled>,
}

impl Throttling {
    /// What has to stand above the numbers: a quota is the limit then, and not the brokers.
    pub(crate) fn flags(&self) -> Vec<Flag> {
        let sides = [("producers", self.producers), ("consumers", self.consumers)];
        let flag = |(side, throttled): (&'static str, Option<Throttled>)| {
            let Throttled { longest_ms, of_time } = throttled?;
            (longest_ms > 0.0).then_some(Flag::Throttled { side, longest_ms, of_time })
        };
        sides.into_iter().filter_map(flag).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_told_of_with_the_longest_wait_and_its_share_of_the_time() {
        let throttled = |longest_ms, of_time| Some(Throttled { longest_ms, of_time });
        let of = |producers, consumers| -> Vec<String> {
            let flags = Throttling { producers, consumers }.flags();
            flags.iter().map(ToString::to_string).collect()
        };
        assert_eq!(of(None, None), Vec::<String>::new());
        assert_eq!(of(throttled(0.0, 0.0), throttled(0.0, 0.0)), Vec::<String>::new());
        let words = |side: &str, rest: &str| {
            format!("throttled: brokers held the {side} back by quota, up to {rest} of the time")
        };
        assert_eq!(
            of(throttled(812.0, 0.834), throttled(1.0, 0.001)),
            [words("producers", "812 ms at once, 83 %"), words("consumers", "1 ms at once, 0 %")]
        );
    }
}
