//! Where a replay begins and ends: as typed, and as offsets.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::error::{Error, Result};
use crate::client::topic_reader::{OffsetRange, TopicReader};
use crate::event::date::timestamp_us;
use crate::plan::toml::units;

/// Either end of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayEnd {
    /// The first records to read.
    From,
    /// The records to end before.
    Until,
}

impl ReplayEnd {
    const fn flag(self) -> &'static str {
        match self {
            Self::From => "--from",
            Self::Until => "--until",
        }
    }

    const fn edge(self) -> &'static str {
        match self {
            Self::From => "beginning",
            Self::Until => "end",
        }
    }
}

/// One end, as somebody wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplayPlace {
    /// Where each partition begins, or ends.
    Edge,
    /// One offset for every partition.
    Offset(i64),
    /// An offset for some partitions; the edge for the others.
    Offsets(BTreeMap<i32, i64>),
    /// Kafka's timestamp of the records, in microseconds since 1970.
    Time(i64),
}

/// How many words belong to a place that is typed as one or two: `offset 5`, `offset:5`.
#[must_use]
pub fn words_of(words: &[String]) -> usize {
    let two = words.first().is_some_and(|w| ["offset", "timestamp", "duration"].contains(&&**w));
    if two { 2 } else { 1 }.min(words.len())
}

impl ReplayPlace {
    /// Reads a place; `now_us` is what a duration counts back from.
    ///
    /// # Errors
    /// [`Error::Usage`] with what is wrong and what was expected.
    pub fn parse(side: ReplayEnd, words: &[String], now_us: i64) -> Result<Self> {
        let typed = words.join(" ");
        let (kind, value) = match words {
            [one] => one.split_once(':').map_or((&**one, ""), |(kind, value)| (kind, value)),
            [kind, value] => (&**kind, &**value),
            _ => ("", ""),
        };
        let fault = |what: &str| {
            Error::usage(format!(
                "{}: {typed:?} {what}; expected {}, offset 5, offset 0=5,3=7, timestamp \
                 2024-01-15T10:30:45Z or duration 1h",
                side.flag(),
                side.edge()
            ))
        };
        match kind {
            edge if edge == side.edge() && value.is_empty() => Ok(Self::Edge),
            "offset" if value.contains('=') => offsets(value).map_err(|what| fault(&what)),
            "offset" => offset(value).map(Self::Offset).map_err(|what| fault(&what)),
            "timestamp" => {
                let at_us = timestamp_us(value);
                at_us.map(Self::Time).ok_or_else(|| fault("has no date by RFC 3339"))
            }
            "duration" => match units::duration(value) {
                Ok(ago) => Ok(Self::Time(before(now_us, ago))),
                Err(what) => Err(Error::usage(format!("{} duration: {what}", side.flag()))),
            },
            _ => Err(fault("is not a place in a topic")),
        }
    }

    /// The offset that is asked for by its number, if it is.
    fn offset_of(&self, partition: i32) -> Option<i64> {
        match self {
            Self::Offset(offset) => Some(*offset),
            Self::Offsets(offsets) => offsets.get(&partition).copied(),
            Self::Edge | Self::Time(_) => None,
        }
    }

    /// The partitions that are named.
    fn named(&self) -> Vec<i32> {
        match self {
            Self::Offsets(offsets) => offsets.keys().copied().collect(),
            _ => Vec::new(),
        }
    }
}

fn offset(text: &str) -> Result<i64, String> {
    let offset = text.parse::<i64>().ok().filter(|offset| *offset >= 0);
    offset.ok_or_else(|| format!("has no offset {text:?}"))
}

fn offsets(text: &str) -> Result<ReplayPlace, String> {
    let mut offsets = BTreeMap::new();
    for pair in text.split(',') {
        let (partition, at) = pair.split_once('=').ok_or(format!("has no offset in {pair:?}"))?;
        let number = partition.parse::<i32>().ok().filter(|number| *number >= 0);
        let number = number.ok_or_else(|| format!("has no partition {partition:?}"))?;
        if offsets.insert(number, offset(at)?).is_some() {
            return Err(format!("names partition {number} twice"));
        }
    }
    Ok(ReplayPlace::Offsets(offsets))
}

fn before(now_us: i64, ago: Duration) -> i64 {
    now_us.saturating_sub(i64::try_from(ago.as_micros()).unwrap_or(i64::MAX)).max(0)
}

/// What of a topic is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayRange {
    /// Where it begins.
    pub from: ReplayPlace,
    /// Where it ends; what stands there is not read any more.
    pub until: ReplayPlace,
    /// Only these partitions; empty for all.
    pub partitions: Vec<i32>,
}

impl ReplayRange {
    /// What is wrong whatever the topic holds.
    ///
    /// # Errors
    /// [`Error::Usage`] when the end is not behind the beginning, or a partition is named that is
    /// not to be read.
    pub fn check(&self) -> Result<()> {
        for (side, place) in [(ReplayEnd::From, &self.from), (ReplayEnd::Until, &self.until)] {
            let left_out = |partition: &i32| !self.partitions.contains(partition);
            if let Some(partition) = place.named().into_iter().find(left_out)
                && !self.partitions.is_empty()
            {
                return Err(Error::usage(format!(
                    "{}: partition {partition} is none of --partition",
                    side.flag()
                )));
            }
        }
        let mut partitions = self.from.named();
        partitions.extend(self.until.named());
        // One that nobody names stands for all of these.
        partitions.extend(self.partitions.first().or(Some(&0)).filter(|_| partitions.is_empty()));
        for partition in partitions {
            let (from, until) = (self.from.offset_of(partition), self.until.offset_of(partition));
            if let (Some(from), Some(until)) = (from, until)
                && until <= from
            {
                return Err(Error::usage(format!(
                    "--until: offset {until} is not behind --from offset {from}"
                )));
            }
        }
        match (&self.from, &self.until) {
            (ReplayPlace::Time(from_us), ReplayPlace::Time(until_us)) if until_us <= from_us => {
                Err(Error::usage("--until: its time is not behind that of --from"))
            }
            _ => Ok(()),
        }
    }

    /// The offsets to read, in the order of partitions; of some there may be none.
    ///
    /// # Errors
    /// [`Error::Broker`] when the topic does not hold what is asked for, or holds nothing there.
    pub fn stretches(&self, reader: &TopicReader) -> Result<Vec<OffsetRange>> {
        let spans = reader.spans()?;
        self.resolve(reader.topic(), &spans, &|at_us| reader.offsets_at(at_us, &spans))
    }

    fn resolve(
        &self,
        topic: &str,
        spans: &[(i64, i64)],
        offsets_at: &dyn Fn(i64) -> Result<Vec<i64>>,
    ) -> Result<Vec<OffsetRange>> {
        let there = |partition: i32| {
            usize::try_from(partition).ok().filter(|place| *place < spans.len()).ok_or_else(|| {
                Error::Broker(format!(
                    "topic {topic} has no partition {partition}; expected 0 to {}",
                    spans.len().saturating_sub(1)
                ))
            })
        };
        for partition in self.from.named().into_iter().chain(self.until.named()) {
            there(partition)?;
        }
        let mut partitions = self.partitions.clone();
        if partitions.is_empty() {
            partitions = (0..).take(spans.len()).collect();
        }
        partitions.sort_unstable();
        partitions.dedup();
        let at = |place: &ReplayPlace| match place {
            ReplayPlace::Time(at_us) => offsets_at(*at_us).map(Some),
            _ => Ok(None),
        };
        let (from_times, until_times) = (at(&self.from)?, at(&self.until)?);
        let mut stretches = Vec::new();
        for partition in partitions {
            let place = there(partition)?;
            let (start, end) = spans[place];
            let edge = |side, wanted: &ReplayPlace, times: &Option<Vec<i64>>, edge: i64| match (
                wanted.offset_of(partition),
                times,
            ) {
                (Some(offset), _) => held(side, partition, offset, (start, end)),
                (None, Some(times)) => Ok(times.get(place).copied().unwrap_or(edge)),
                (None, None) => Ok(edge),
            };
            let from = edge(ReplayEnd::From, &self.from, &from_times, start)?;
            let until = edge(ReplayEnd::Until, &self.until, &until_times, end)?.max(from);
            stretches.push(OffsetRange { partition, from, until });
        }
        if spans.iter().all(|(start, end)| start >= end) {
            return Err(Error::Broker(format!("topic {topic} is empty: nothing can be replayed")));
        }
        if stretches.iter().all(|stretch| stretch.from >= stretch.until) {
            return Err(Error::Broker(format!(
                "topic {topic} holds nothing there: {}",
                ends(spans, &stretches)
            )));
        }
        Ok(stretches)
    }
}

/// An offset that the partition holds, or its end.
fn held(side: ReplayEnd, partition: i32, offset: i64, (start, end): (i64, i64)) -> Result<i64> {
    if (start..=end).contains(&offset) {
        return Ok(offset);
    }
    let what = if offset > end { "beyond the end" } else { "before the beginning" };
    Err(Error::Broker(format!(
        "{}: offset {offset} is {what} of partition {partition}, which holds {start} to {end}",
        side.flag()
    )))
}

/// What was asked for beside what is there, for the first few partitions.
fn ends(spans: &[(i64, i64)], stretches: &[OffsetRange]) -> String {
    let one = |stretch: &OffsetRange| {
        let place = usize::try_from(stretch.partition).unwrap_or(usize::MAX);
        let (start, end) = spans.get(place).copied().unwrap_or_default();
        format!(
            "partition {} from {} until {} of {start} to {end}",
            stretch.partition, stretch.from, stretch.until
        )
    };
    let mut words = stretches.iter().take(3).map(one).collect::<Vec<_>>().join(", ");
    if stretches.len() > 3 {
        words.push_str(", ...");
    }
    words
}

#[cfg(test)]
mod tests;
