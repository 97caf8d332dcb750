//! What a replayed recording was.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::flag::Flag;

/// A recorded topic that was the load of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RecordingResult {
    /// The topic.
    pub topic: String,
    /// Offsets between its starts and ends when the run began: more than there are records where
    /// the topic is compacted, was written in transactions, or lost some to its retention.
    pub records: u64,
    /// Records that were read: fewer when the run ended early.
    pub read: u64,
    /// Events among them, all of which were to be sent.
    pub events: u64,
    /// Records of kbench's own that only ask whether somebody reads: left out.
    pub probes: u64,
    /// Records that are no events of the schema, by the reason: left out.
    pub skipped: BTreeMap<String, u64>,
    /// Events whose record has another key than their `user_id`.
    pub other_keys: u64,
    /// Events with a time beyond the recording's end: due with the event before.
    pub disbelieved: u64,
    /// The first event's time: RFC 3339, UTC.
    pub first: String,
    /// The last event's time.
    pub last: String,
    /// From the first event to the last, as recorded, in seconds.
    pub span_s: f64,
    /// Events that were read only after they were due in this run.
    pub late: u64,
    /// The longest such delay, in nanoseconds.
    pub late_max_ns: u64,
}

impl RecordingResult {
    /// What has to stand above the numbers.
    #[must_use]
    pub fn flags(&self) -> Vec<Flag> {
        let skipped: u64 = self.skipped.values().sum();
        let reason = |(reason, count): (&String, &u64)| format!("{reason} {count}");
        let flags = [
            (self.late, Flag::RecordingLate { events: self.late, late_max_ns: self.late_max_ns }),
            (
                skipped,
                Flag::RecordingSkipped {
                    skipped,
                    read: self.read,
                    reasons: self.skipped.iter().map(reason).collect(),
                },
            ),
            (self.other_keys, Flag::RecordingKeys { events: self.other_keys }),
            (self.disbelieved, Flag::RecordingTimes { events: self.disbelieved }),
        ];
        flags.into_iter().filter(|(count, _)| *count > 0).map(|(_, flag)| flag).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shortcoming_has_its_flag_and_a_clean_recording_none() {
        assert!(RecordingResult { read: 9, events: 9, ..Default::default() }.flags().is_empty());
        let recording = RecordingResult {
            read: 10,
            skipped: BTreeMap::from([("empty payload".to_owned(), 1), ("not JSON".to_owned(), 2)]),
            other_keys: 4,
            disbelieved: 5,
            late: 6,
            late_max_ns: 7_500_000,
            ..Default::default()
        };
        let flags: Vec<String> = recording.flags().iter().map(ToString::to_string).collect();
        assert_eq!(flags.len(), 4);
        assert!(flags[0].contains("too slowly: 6 events") && flags[0].ends_with("7.5 ms"));
        assert!(flags[1].starts_with("3 of 10 records") && flags[1].contains("not JSON 2"));
    }
}
