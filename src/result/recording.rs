//! What a replayed recording was.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
    /// What has to stand above the numbers, in words.
    #[must_use]
    pub fn flags(&self) -> Vec<String> {
        let mut flags = Vec::new();
        if self.late > 0 {
            flags.push(format!(
                "the recording was read too slowly: {} events were read after they were due, \
                 up to {:.1} ms",
                self.late,
                self.late_max_ns as f64 / 1e6
            ));
        }
        let skipped: u64 = self.skipped.values().sum();
        if skipped > 0 {
            let reasons: Vec<String> =
                self.skipped.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
            flags.push(format!(
                "{skipped} of {} records of the recording are no events and were not sent: {}",
                self.read,
                reasons.join(", ")
            ));
        }
        if self.other_keys > 0 {
            flags.push(format!(
                "{} recorded events have another key than their user_id: sessions are not checked",
                self.other_keys
            ));
        }
        if self.disbelieved > 0 {
            flags.push(format!(
                "{} recorded events have a time beyond the recording's end and were sent with \
                 the event before",
                self.disbelieved
            ));
        }
        flags
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
        let flags = recording.flags();
        assert_eq!(flags.len(), 4);
        assert!(flags[0].contains("too slowly: 6 events") && flags[0].ends_with("7.5 ms"));
        assert!(flags[1].starts_with("3 of 10 records") && flags[1].contains("not JSON 2"));
    }
}
