//! How far the groups had come when the run ended.

use serde::{Deserialize, Serialize};

use super::flag::Flag;

/// How far the groups had come when the run ended, by two clerks: our own receipts, and the
/// broker's high watermarks. On a topic that nobody else writes to they agree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EndLag {
    /// Unprocessed records of each group up to the last acknowledged one, in the plan's order.
    pub by_receipts: Vec<u64>,
    /// Unprocessed records of each group up to the broker's ends, in the plan's order.
    pub by_broker: Vec<u64>,
    /// Where each partition ends by our receipts: one past the last acknowledged offset; what the
    /// broker says where none of our events went.
    pub acked_ends: Vec<i64>,
    /// Where each partition ends by the broker: its high watermark.
    pub broker_ends: Vec<i64>,
    /// Receipts that had not come by then.
    pub outstanding: u64,
}

impl EndLag {
    /// Records that the broker holds behind the last acknowledged one.
    #[must_use]
    pub fn beyond(&self) -> u64 {
        let ends = self.acked_ends.iter().zip(&self.broker_ends);
        ends.map(|(acked, broker)| u64::try_from(broker - acked).unwrap_or(0)).sum()
    }

    /// What the broker has acknowledged and does not hold any more, a line a partition.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let ends = (0..).zip(self.acked_ends.iter().zip(&self.broker_ends));
        ends.filter(|(_, (acked, broker))| broker < acked)
            .map(|(partition, (acked, broker)): (usize, _)| {
                format!(
                    "partition {partition} ends at {broker}, though the broker has acknowledged \
                     all before {acked}"
                )
            })
            .collect()
    }

    /// What has to stand above the numbers; so many events are in the log without an
    /// acknowledgement.
    #[must_use]
    pub fn flag(&self, unacked: u64) -> Option<Flag> {
        let beyond = self.beyond();
        let unacked = unacked + self.outstanding;
        (beyond > unacked).then_some(Flag::OtherWriters { beyond, unacked })
    }
}
