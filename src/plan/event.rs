//! `[event]`: how large an event is, and whether everybody takes one of that size.

use super::kafka::dotted_keys::Setting;
use super::toml::reader::{TomlTable, range};
use super::{EventPlan, PaddingPlan};
use crate::event::PAYLOAD_BYTES_MAX;
use crate::event::codec::Codec;
use crate::event::format::PayloadFormat;

/// Legal sizes, in bytes.
const SIZE: (u64, u64) = (1, 100_000_000);

/// How much larger than the median an event gets, unless the scenario says so.
const MAX_OVER_MEDIAN: f64 = 32.0;

/// No event is larger by its fields alone, in bytes; a test of the generator holds it to that.
pub const NATURAL_BYTES_MAX: u64 = 1_200;

/// What a record takes besides its value: key, lengths, times and headers, in bytes.
const RECORD_OVERHEAD_BYTES: u64 = 100;

/// librdkafka's `message.max.bytes` unless it is set (its CONFIGURATION.md).
const CLIENT_BYTES_MAX: u64 = 1_000_000;

/// Kafka's `max.message.bytes` of a topic unless it is set (Kafka's documentation, topic configs).
const TOPIC_BYTES_MAX: u64 = 1_048_588;

pub(crate) fn resolve(table: TomlTable<'_>) -> EventPlan {
    let median = table.size("size_median", SIZE.0..=SIZE.1);
    let sigma = table.number("size_sigma", range(0.0, 5.0, ""));
    let max = table.size("size_max", SIZE.0..=SIZE.1);
    let percent = table.number("compressibility", range(0.0, 100.0, " %"));
    if !table.has("size_median") {
        for key in ["size_sigma", "size_max", "compressibility"] {
            if table.has(key) {
                table.fault(key, "says nothing without a size; expected size_median too");
            }
        }
    }
    if let (Some(median), Some(max)) = (median, max)
        && max < median
    {
        let what = format!("{max} bytes is below size_median, {median}; expected at least that");
        table.fault("size_max", &what);
    }
    table.finish();
    let padding = median.map(|median| {
        let sigma = sigma.unwrap_or(0.0);
        // One size has no tail; the tail of others ends where a client's default limit does.
        let default_max = if sigma > 0.0 {
            (median as f64 * MAX_OVER_MEDIAN).min((CLIENT_BYTES_MAX - 2_000) as f64)
        } else {
            median as f64
        };
        let max = max.map_or(default_max.max(median as f64), |max| max as f64);
        PaddingPlan {
            median_bytes: median as f64,
            sigma,
            max_bytes: max as u32,
            compressibility: percent.unwrap_or(50.0) / 100.0,
        }
    });
    EventPlan { padding, format: PayloadFormat::default() }
}

/// The limits on an event's size, as the scenario and the flags set them.
#[derive(Debug)]
pub(crate) struct SizeLimits {
    /// The producer's `message.max.bytes`.
    pub(crate) client: Option<Setting>,
    /// The topic's `max.message.bytes`.
    pub(crate) topic: Option<Setting>,
    /// Whether any application reads the events.
    pub(crate) is_read: bool,
}

impl EventPlan {
    /// What writes and reads the events.
    #[must_use]
    pub fn codec(&self) -> &'static dyn Codec {
        self.format.codec()
    }

    /// What the largest event may take with its record, in bytes.
    #[must_use]
    pub fn record_bytes_max(&self) -> u64 {
        let padded = self.padding.map_or(0, |padding| u64::from(padding.max_bytes));
        padded.max(NATURAL_BYTES_MAX) + RECORD_OVERHEAD_BYTES
    }
}

/// Whether the largest event passes the client, the topic and the applications.
pub(crate) fn check(table: &TomlTable<'_>, event: &EventPlan, limits: &SizeLimits) {
    let padded = event.padding.map_or(0, |padding| u64::from(padding.max_bytes));
    let record = event.record_bytes_max();
    let sized = ["size_max", "size_median"].into_iter().find(|key| table.has(key));
    let client = ("kafka.producer.message.max.bytes", &limits.client, CLIENT_BYTES_MAX);
    let topic = ("topic.configs.max.message.bytes", &limits.topic, TOPIC_BYTES_MAX);
    for (name, setting, default) in [client, topic] {
        let set = setting.as_ref().map(|setting| (setting, setting.text.trim().parse::<u64>()));
        let limit = match &set {
            None => default,
            Some((_, Ok(limit))) => *limit,
            Some((setting, Err(_))) => {
                let what = format!(
                    "{}: {:?} is not a whole number of bytes; expected one, such as 2000000",
                    setting.path, setting.text
                );
                table.faults().add(setting.place, what);
                continue;
            }
        };
        if record <= limit {
            continue;
        }
        if let Some(key) = sized {
            let what = format!(
                "an event may take {record} bytes with its record, and {name} is {limit}; \
                 expected smaller events or a higher limit"
            );
            table.fault(key, &what);
        } else if let Some((setting, _)) = set {
            let what = format!(
                "{}: {limit} bytes; expected at least {record}, which an event may take with its \
                 record",
                setting.path
            );
            table.faults().add(setting.place, what);
        }
    }
    if let (Some(key), true) = (sized, limits.is_read && padded > PAYLOAD_BYTES_MAX as u64) {
        let what = format!(
            "an event may take {padded} bytes, and applications read at most \
             {PAYLOAD_BYTES_MAX}; expected smaller events, or apps.run = []"
        );
        table.fault(key, &what);
    }
}
