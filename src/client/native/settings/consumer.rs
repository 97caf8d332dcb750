//! A consumer's settings.

use std::time::Duration;

use super::reader::PropertyReader;

/// Where a group begins that has no offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OffsetReset {
    /// At the first record that is still there.
    Earliest,
    /// At the end.
    Latest,
    /// Nowhere: that is an error.
    Error,
}

/// What only consumers have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConsumerSettings {
    /// Java's `auto.offset.reset`: latest.
    pub(crate) offset_reset: OffsetReset,
    /// Java's `fetch.min.bytes`: 1.
    pub(crate) fetch_bytes_min: usize,
    /// Java's `fetch.max.bytes`: 50 MiB.
    pub(crate) fetch_bytes_max: usize,
    /// Java's `max.partition.fetch.bytes`: 1 MiB; librdkafka's `fetch.message.max.bytes`.
    pub(crate) partition_bytes_max: usize,
    /// Java's `fetch.max.wait.ms`: 500.
    pub(crate) fetch_wait: Duration,
    /// What may lie fetched and unread, in bytes: librdkafka's `queued.max.messages.kbytes`,
    /// 64 MiB.
    pub(crate) prefetch_bytes: usize,
    /// Java's `enable.auto.commit`: true.
    pub(crate) commits: bool,
    /// Java's `auto.commit.interval.ms`: 5 s.
    pub(crate) commit_interval: Duration,
    /// Java's `session.timeout.ms`: 45 s.
    pub(crate) session_timeout: Duration,
    /// Java's `heartbeat.interval.ms`: 3 s.
    pub(crate) heartbeat_interval: Duration,
    /// Java's `max.poll.interval.ms`: 5 min.
    pub(crate) poll_interval_max: Duration,
    /// Java's `group.protocol=consumer`: the broker assigns (KIP-848); else classic.
    pub(crate) is_broker_assigned: bool,
    /// Java's `group.remote.assignor`: the broker's assignor; without it, the broker chooses.
    pub(crate) assignor: Option<String>,
    /// Java's `group.instance.id`: static membership.
    pub(crate) instance_id: Option<String>,
    /// Java's `client.rack`: which replica is near (KIP-392).
    pub(crate) rack: Option<String>,
    /// Java's `isolation.level=read_committed`; else all records are read.
    pub(crate) reads_committed: bool,
    /// Java's `check.crcs`: true; librdkafka's is false.
    pub(crate) checks_crc: bool,
    /// The strategies that are offered, in order: Java's `partition.assignment.strategy`.
    pub(crate) strategies: Vec<String>,
}

impl ConsumerSettings {
    pub(super) fn read(reader: &mut PropertyReader<'_>) -> Self {
        let ms = |reader: &mut PropertyReader<'_>, name: &'static str, default: u64| {
            Duration::from_millis(reader.number(&[name], default, 0..=u64::from(u32::MAX)))
        };
        let reset = [
            ("earliest", OffsetReset::Earliest),
            ("smallest", OffsetReset::Earliest),
            ("beginning", OffsetReset::Earliest),
            ("latest", OffsetReset::Latest),
            ("largest", OffsetReset::Latest),
            ("end", OffsetReset::Latest),
            ("error", OffsetReset::Error),
            ("none", OffsetReset::Error),
        ];
        // How librdkafka fills its queue, and what kbench keeps for itself.
        for idle in ["fetch.queue.backoff.ms", "fetch.error.backoff.ms", "queued.min.messages"] {
            reader.text(&[idle]);
        }
        reader.only("enable.partition.eof", &["false"], "tells of no ends");
        reader.only("enable.auto.offset.store", &["false"], "stores what was processed");
        let wait = ["fetch.max.wait.ms", "fetch.wait.max.ms"];
        let strategies = reader.text(&["partition.assignment.strategy"]);
        let strategies = strategies.unwrap_or("range,roundrobin").split(',');
        let protocols = [("classic", false), ("consumer", true)];
        let is_broker_assigned = reader.choice(&["group.protocol"], false, &protocols);
        let assignor = reader.text(&["group.remote.assignor"]);
        if assignor.is_some() && !is_broker_assigned {
            reader.contradiction(
                "group.remote.assignor: needs group.protocol=consumer; expected both, or neither",
            );
        }
        let kib = reader.number(&["queued.max.messages.kbytes"], 65_536, 1..=2_097_151);
        Self {
            offset_reset: reader.choice(&["auto.offset.reset"], OffsetReset::Latest, &reset),
            fetch_bytes_min: reader.size(&["fetch.min.bytes"], 1),
            fetch_bytes_max: reader.size(&["fetch.max.bytes"], 50 << 20),
            partition_bytes_max: reader
                .size(&["max.partition.fetch.bytes", "fetch.message.max.bytes"], 1 << 20),
            fetch_wait: Duration::from_millis(reader.number(&wait, 500, 0..=300_000)),
            prefetch_bytes: usize::try_from(kib * 1_024).unwrap_or(usize::MAX),
            commits: reader.flag(&["enable.auto.commit"], true),
            commit_interval: ms(reader, "auto.commit.interval.ms", 5_000),
            session_timeout: ms(reader, "session.timeout.ms", 45_000),
            heartbeat_interval: ms(reader, "heartbeat.interval.ms", 3_000),
            poll_interval_max: ms(reader, "max.poll.interval.ms", 300_000),
            is_broker_assigned,
            assignor: assignor.map(str::to_owned),
            instance_id: reader.text(&["group.instance.id"]).map(str::to_owned),
            rack: reader.text(&["client.rack"]).map(str::to_owned),
            reads_committed: reader.choice(
                &["isolation.level"],
                false,
                &[("read_uncommitted", false), ("read_committed", true)],
            ),
            checks_crc: reader.flag(&["check.crcs"], true),
            strategies: strategies.map(|one| one.trim().to_owned()).collect(),
        }
    }

    /// The settings that decide a figure, by their Kafka names.
    pub(crate) fn decisive(&self) -> [(&'static str, String); 12] {
        let ms = |time: Duration| time.as_millis().to_string();
        let reset = match self.offset_reset {
            OffsetReset::Earliest => "earliest",
            OffsetReset::Latest => "latest",
            OffsetReset::Error => "error",
        };
        [
            ("auto.commit.interval.ms", ms(self.commit_interval)),
            ("auto.offset.reset", reset.to_owned()),
            ("check.crcs", self.checks_crc.to_string()),
            ("enable.auto.commit", self.commits.to_string()),
            ("fetch.max.bytes", self.fetch_bytes_max.to_string()),
            ("fetch.max.wait.ms", ms(self.fetch_wait)),
            ("fetch.min.bytes", self.fetch_bytes_min.to_string()),
            ("heartbeat.interval.ms", ms(self.heartbeat_interval)),
            ("max.partition.fetch.bytes", self.partition_bytes_max.to_string()),
            ("max.poll.interval.ms", ms(self.poll_interval_max)),
            ("partition.assignment.strategy", self.strategies.join(",")),
            ("session.timeout.ms", ms(self.session_timeout)),
        ]
    }
}
