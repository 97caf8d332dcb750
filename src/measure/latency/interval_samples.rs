//! What a consumer records that does not know what is measured: samples by when they were due,
//! so that somebody else can cut the warm-up afterwards.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::window::{Stage, difference};
use super::{Latency, Series};

/// Most pages that are open at a time: each takes almost a megabyte.
const OPEN_MAX: usize = 16;

/// Samples of events that were due in one interval, by its number since 1970. What came through
/// much later than the rest of its interval is on a further page.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SampleCell {
    /// When they were due.
    pub due: u64,
    /// How many of them were processed in which interval.
    pub processed: BTreeMap<u64, u64>,
    /// Polled − due, in ns.
    pub arrival: Latency,
    /// Processed − polled, in ns.
    pub service: Latency,
    /// Processed − due, in ns.
    pub end_to_end: Latency,
}

impl SampleCell {
    fn new(due: u64) -> Self {
        let (arrival, service, end_to_end) = Default::default();
        Self { due, processed: BTreeMap::new(), arrival, service, end_to_end }
    }

    /// Checks what comes from a file: each stage has as many samples as events were processed, and
    /// none of them in interval `end` or later.
    ///
    /// # Errors
    /// What is wrong, and what was expected.
    pub fn check(&self, end: u64) -> Result<(), String> {
        let processed = self.processed.values().try_fold(0, |sum: u64, &it| sum.checked_add(it));
        for (name, stage) in [
            ("arrival", &self.arrival),
            ("service", &self.service),
            ("end_to_end", &self.end_to_end),
        ] {
            let count = stage.count();
            if processed != Some(count) || stage.never_delivered() > 0 {
                let processed = processed.map_or("too many".to_owned(), |sum| sum.to_string());
                return Err(format!(
                    "due {}: {processed} events processed and {count} samples of {name}; expected \
                     as many",
                    self.due
                ));
            }
        }
        match self.processed.keys().next_back() {
            Some(last) if *last >= end => Err(format!(
                "due {}: processed in the interval {last}; expected one before {end}",
                self.due
            )),
            _ => Ok(()),
        }
    }

    /// Adds it to those of a run whose schedule starts with interval `start`; without its samples
    /// where it was due before `measured_from`.
    pub fn enter(&self, series: &mut Series, start: u64, measured_from: u64) {
        for (&at, &events) in &self.processed {
            series.came_through(at.saturating_sub(start), events);
        }
        if self.due >= measured_from {
            let due = self.due.saturating_sub(start);
            series.take(Stage::Arrival, due, &self.arrival);
            series.take(Stage::Service, due, &self.service);
            series.take(Stage::EndToEnd, due, &self.end_to_end);
        }
    }
}

/// One run's samples in one process.
#[derive(Debug, Default)]
pub struct IntervalSamples {
    interval_ns: u64,
    processed: u64,
    /// Each with the interval in which it was written to last.
    open: BTreeMap<u64, (u64, SampleCell)>,
    /// Encoded at once: a histogram in memory is a hundred times larger.
    closed: Vec<Box<RawValue>>,
}

impl IntervalSamples {
    /// An empty one, with intervals of so many ns.
    #[must_use]
    pub fn new(interval_ns: u64) -> Self {
        Self { interval_ns: interval_ns.max(1), ..Self::default() }
    }

    /// Records an event. All times are in ns since 1970 on the process's own clock.
    pub fn consumed(&mut self, due_ns: i64, polled_ns: i64, processed_ns: i64) {
        let interval = |at_ns: i64| u64::try_from(at_ns).unwrap_or(0) / self.interval_ns;
        let (due, processed) = (interval(due_ns), interval(processed_ns));
        if processed != self.processed {
            // What nothing came for in the interval before is over, as far as anybody can tell.
            let before = std::mem::replace(&mut self.processed, processed);
            self.close(|last| last < before);
        }
        if self.open.len() >= OPEN_MAX && !self.open.contains_key(&due) {
            let oldest = self.open.values().map(|(last, _)| *last).min().unwrap_or(0);
            self.close(|last| last <= oldest);
        }
        let (last, page) =
            self.open.entry(due).or_insert_with(|| (processed, SampleCell::new(due)));
        *last = processed;
        *page.processed.entry(processed).or_default() += 1;
        page.arrival.record(difference(polled_ns, due_ns));
        page.service.record(difference(processed_ns, polled_ns));
        page.end_to_end.record(difference(processed_ns, due_ns));
    }

    /// Closes the pages that were written to last in such an interval.
    fn close(&mut self, is_over: impl Fn(u64) -> bool) {
        let (over, open) =
            std::mem::take(&mut self.open).into_iter().partition(|(_, (last, _))| is_over(*last));
        self.open = open;
        let over: BTreeMap<u64, (u64, SampleCell)> = over;
        for (_, page) in over.into_values() {
            // Plain numbers and texts are written without fault.
            self.closed.extend(to_raw_value(&page));
        }
    }

    /// All cells, each as JSON that reads back as a [`SampleCell`]: read them one by one, since one
    /// takes almost a megabyte.
    #[must_use]
    pub fn into_pages(mut self) -> Vec<Box<RawValue>> {
        self.close(|_| true);
        self.closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::latency::Recorder;

    const S: i64 = 1_000_000_000;

    fn dues(diary: IntervalSamples) -> Vec<u64> {
        let page = |page: Box<RawValue>| serde_json::from_str::<SampleCell>(page.get()).unwrap();
        diary.into_pages().into_iter().map(|raw| page(raw).due).collect()
    }

    #[test]
    fn a_page_is_over_once_nothing_came_for_it_in_a_whole_interval() {
        let mut diary = IntervalSamples::new(10);
        diary.consumed(5, 5, 5);
        diary.consumed(15, 15, 15);
        // Nothing came for 0 while 1 was processed; 1 goes on.
        diary.consumed(5, 25, 25);
        diary.consumed(15, 26, 26);
        assert_eq!(dues(diary), [0, 0, 1]);
    }

    #[test]
    fn where_too_many_pages_are_open_those_untouched_for_longest_are_closed() {
        let mut diary = IntervalSamples::new(10);
        let open = |diary: &IntervalSamples| diary.open.keys().copied().collect::<Vec<_>>();
        (0..16).for_each(|due| diary.consumed(due * 10, 165, 165));
        diary.consumed(30, 175, 175);
        assert_eq!(open(&diary), (0..16).collect::<Vec<_>>(), "one that is open needs no room");
        diary.consumed(160, 176, 176);
        assert_eq!((open(&diary), diary.closed.len()), (vec![3, 16], 15));
    }

    /// What a run would have recorded is what comes out of the pages.
    #[test]
    fn cut_afterwards_it_is_what_a_run_records_that_knows_its_warm_up() {
        let (start, measured_from) = (100 * S, 102 * S);
        let mut diary = IntervalSamples::new(S as u64);
        let mut recorder = Recorder::new(measured_from as u64..u64::MAX, S as u64);
        let mut expected = Series::new(Stage::EndToEnd, 1);
        let mut processed_in = BTreeMap::new();
        for number in 0..9_000_i64 {
            let due = start + number * 1_000_000;
            let polled = due + (number % 7) * 300_000_000;
            let processed = polled + 50 + number;
            diary.consumed(due, polled, processed);
            *processed_in.entry((processed / S) as u64).or_insert(0) += 1;
            if let Some(window) = recorder.roll(polled as u64) {
                expected.add(&window);
            }
            recorder.consumed((0, 0), due as u64, polled as u64, processed as u64);
        }
        expected.add(&recorder.flush(0));
        let mut found = Series::new(Stage::EndToEnd, 1);
        let mut events = 0;
        for page in diary.into_pages() {
            let page: SampleCell = serde_json::from_str(page.get()).unwrap();
            events += page.processed.values().sum::<u64>();
            page.enter(&mut found, 100, 102);
        }
        assert_eq!(events, 9_000);
        for stage in [Stage::Arrival, Stage::Service, Stage::EndToEnd] {
            let (found, expected) = (found.total(stage).unwrap(), expected.total(stage).unwrap());
            assert_eq!(found.histogram(), expected.histogram());
            assert_eq!((found.count(), found.max()), (7_000, expected.max()));
        }
        // Over time, too: by the interval in which they were due, and were processed.
        let (found, expected) = (found.rows(), expected.rows());
        for second in 0..11 {
            let (mut found, expected) = (found[&second], expected[&(second + 100)]);
            assert_eq!(found.events, processed_in[&(second + 100)]);
            found.events = expected.events;
            assert_eq!(found, expected);
        }
    }

    /// Whether late events are few or all are late: the file grows with the run and no faster.
    #[test]
    fn a_long_run_has_a_page_for_each_interval_and_few_more() {
        for (lag_s, more) in [(0, 0), (60, 0), (3, 2_000 / 100)] {
            let mut diary = IntervalSamples::new(S as u64);
            for second in 0..2_000 {
                let processed = (second + lag_s + 100) * S;
                for ms in [0, 300, 999] {
                    diary.consumed((second + 100) * S + ms * 1_000_000, processed, processed + 1);
                }
                // Now and then one that is very late.
                if more > 0 && second % 100 == 50 {
                    diary.consumed((second + 60) * S, processed, processed + 1);
                }
            }
            assert_eq!(diary.into_pages().len(), 2_000 + more);
        }
    }

    #[test]
    fn a_backlog_is_written_down_in_a_bounded_memory() {
        let mut diary = IntervalSamples::new(S as u64);
        for number in 0..4_000 {
            // Four partitions, each with its backlog of 1,000 seconds, read in turn.
            diary.consumed((number % 1_000) * S, 5_000 * S, 5_000 * S + 1);
            assert!(diary.open.len() <= OPEN_MAX);
        }
        let mut series = Series::new(Stage::EndToEnd, 1);
        for page in diary.into_pages() {
            serde_json::from_str::<SampleCell>(page.get()).unwrap().enter(&mut series, 0, 0);
        }
        let rows = series.rows();
        assert!((0..1_000).all(|due| rows[&due].count == 4) && rows[&5_000].events == 4_000);
    }
}
