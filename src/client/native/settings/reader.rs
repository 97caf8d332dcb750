//! Reads properties one by one, and notes which of them nobody asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// What says nothing to this client: how librdkafka logs, counts and queues inside.
const WITHOUT_MEANING: &[&str] = &[
    "allow.auto.create.topics",
    "api.version.request",
    "broker.address.family",
    "debug",
    "enable.metrics.push",
    "log_level",
    "socket.keepalive.enable",
    "socket.nagle.disable",
    "statistics.interval.ms",
];

/// One side's properties, and what is wrong with them.
#[derive(Debug)]
pub(super) struct PropertyReader<'a> {
    side: &'static str,
    properties: &'a BTreeMap<String, String>,
    asked: BTreeSet<&'static str>,
    faults: Vec<String>,
}

impl<'a> PropertyReader<'a> {
    /// Of the producer or of a consumer.
    pub(super) fn new(side: &'static str, properties: &'a BTreeMap<String, String>) -> Self {
        let asked = WITHOUT_MEANING.iter().copied().collect();
        Self { side, properties, asked, faults: Vec::new() }
    }

    /// A property by the first of its names that is set.
    pub(super) fn text(&mut self, names: &[&'static str]) -> Option<&'a str> {
        self.named(names).map(|(_, text)| text)
    }

    fn named(&mut self, names: &[&'static str]) -> Option<(&'static str, &'a str)> {
        self.asked.extend(names);
        names.iter().find_map(|name| Some((*name, self.properties.get(*name)?.as_str())))
    }

    fn refuse(&mut self, name: &str, text: &str, expected: &str) {
        let side = self.side;
        self.faults.push(format!("kafka.{side}: {name}={text}: {expected}"));
    }

    /// A whole number; fractions, which librdkafka takes for `linger.ms`, are rounded.
    pub(super) fn number(
        &mut self,
        names: &[&'static str],
        default: u64,
        range: RangeInclusive<u64>,
    ) -> u64 {
        let Some((name, text)) = self.named(names) else { return default };
        let number = text.parse::<f64>().ok().map(f64::round);
        let (low, high) = (*range.start(), *range.end());
        match number.filter(|number| (low as f64..=high as f64).contains(number)) {
            Some(number) => number as u64,
            None => {
                self.refuse(name, text, &format!("expected a number from {low} to {high}"));
                default
            }
        }
    }

    /// A number of bytes or things.
    pub(super) fn size(&mut self, names: &[&'static str], default: usize) -> usize {
        let number = self.number(names, default as u64, 1..=u64::from(u32::MAX));
        usize::try_from(number).unwrap_or(default)
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, names: &[&'static str], default: bool) -> bool {
        self.choice(names, default, &[("true", true), ("false", false)])
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        names: &[&'static str],
        default: T,
        words: &[(&str, T)],
    ) -> T {
        let Some((name, text)) = self.named(names) else { return default };
        let lower = text.to_ascii_lowercase();
        match words.iter().find(|(word, _)| *word == lower) {
            Some((_, meaning)) => *meaning,
            None => {
                let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                let expected = format!("the native client has {} only", known.join(", "));
                self.refuse(name, text, &expected);
                default
            }
        }
    }

    /// A property that may only have values that change nothing; `does` is what the client does.
    pub(super) fn only(&mut self, name: &'static str, values: &[&str], does: &str) {
        if let Some((name, text)) = self.named(&[name])
            && !values.contains(&text.to_ascii_lowercase().as_str())
        {
            let known = values.join(" or ");
            self.refuse(name, text, &format!("the native client {does}; expected {known}"));
        }
    }

    /// Notes what does not go together.
    pub(super) fn contradiction(&mut self, what: &str) {
        let side = self.side;
        self.faults.push(format!("kafka.{side}: {what}"));
    }

    /// The faults, a line each; among them every property that nobody asked for.
    pub(super) fn finish(mut self) -> Vec<String> {
        for name in self.properties.keys().filter(|name| !self.asked.contains(name.as_str())) {
            let side = self.side;
            self.faults.push(format!(
                "kafka.{side}: {name}: the native client does not have it; expected it left out, \
                 or client = \"librdkafka\""
            ));
        }
        self.faults
    }
}
