//! What a consumer records that does not know what is measured: samples by when they were due,
//! so that somebody else can cut the warm-up afterwards.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::{Latency, Stage, Window, difference};

/// So many intervals after a run's first one, samples are no longer told apart by their due
/// time: a warm-up is over by then, and a long run must not fill the disk.
pub const TOLD_APART: u64 = 600;

/// Samples of events that were processed in one interval and due in another, by their numbers
/// since 1970.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Page {
    /// When they were processed.
    pub processed: u64,
    /// When they were due; of what was due [`TOLD_APART`] intervals or more after the run's first
    /// event, the first such interval.
    pub due: u64,
    /// How many.
    pub events: u64,
    /// Polled − due, in ns.
    pub arrival: Latency,
    /// Processed − polled, in ns.
    pub service: Latency,
    /// Processed − due, in ns.
    pub end_to_end: Latency,
}

impl Page {
    fn new(processed: u64, due: u64) -> Self {
        let (arrival, service, end_to_end) = Default::default();
        Self { processed, due, events: 0, arrival, service, end_to_end }
    }

    /// As a window of a run whose schedule starts with interval `start`; without its samples
    /// where it was due before `measured_from`.
    #[must_use]
    pub fn window(&self, start: u64, measured_from: u64) -> Window {
        let mut window = Window::new(self.processed.saturating_sub(start));
        window.events = self.events;
        if self.due >= measured_from {
            window.stage(Stage::Arrival).merge(&self.arrival);
            window.stage(Stage::Service).merge(&self.service);
            window.stage(Stage::EndToEnd).merge(&self.end_to_end);
        }
        window
    }
}

/// One run's samples in one process.
#[derive(Debug, Default)]
pub struct Diary {
    interval_ns: u64,
    /// The interval in which the run's first event was due.
    first_due: Option<u64>,
    processed: u64,
    open: BTreeMap<u64, Page>,
    /// Encoded at once: a histogram in memory is a hundred times larger.
    closed: Vec<Box<RawValue>>,
}

impl Diary {
    /// An empty one, with intervals of so many ns.
    #[must_use]
    pub fn new(interval_ns: u64) -> Self {
        Self { interval_ns: interval_ns.max(1), ..Self::default() }
    }

    /// Records an event. All times are in ns since 1970 on the process's own clock.
    pub fn consumed(&mut self, due_ns: i64, polled_ns: i64, processed_ns: i64) {
        let interval = |at_ns: i64| u64::try_from(at_ns).unwrap_or(0) / self.interval_ns;
        let (due, processed) = (interval(due_ns), interval(processed_ns));
        let first = *self.first_due.get_or_insert(due);
        let due = due.min(first.saturating_add(TOLD_APART));
        if processed != self.processed {
            self.close();
            self.processed = processed;
        }
        let page = self.open.entry(due).or_insert_with(|| Page::new(processed, due));
        page.events += 1;
        page.arrival.record(difference(polled_ns, due_ns));
        page.service.record(difference(processed_ns, polled_ns));
        page.end_to_end.record(difference(processed_ns, due_ns));
    }

    fn close(&mut self) {
        for page in std::mem::take(&mut self.open).into_values() {
            // Plain numbers and texts are written without fault.
            self.closed.extend(to_raw_value(&page));
        }
    }

    /// All pages, each as JSON that reads back as a [`Page`]: read them one by one, since a page
    /// takes almost a megabyte.
    #[must_use]
    pub fn into_pages(mut self) -> Vec<Box<RawValue>> {
        self.close();
        self.closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Recorder, Series};

    const S: i64 = 1_000_000_000;

    /// What a run would have recorded is what comes out of the pages.
    #[test]
    fn cut_afterwards_it_is_what_a_run_records_that_knows_its_warm_up() {
        let (start, measured_from) = (100 * S, 102 * S);
        let mut diary = Diary::new(S as u64);
        let mut recorder = Recorder::new(measured_from as u64..u64::MAX, S as u64);
        let mut expected = Series::new(Stage::EndToEnd, 1);
        for number in 0..9_000_i64 {
            let due = start + number * 1_000_000;
            let polled = due + (number % 7) * 300_000_000;
            let processed = polled + 50 + number;
            diary.consumed(due, polled, processed);
            if let Some(window) = recorder.roll(polled as u64) {
                expected.add(&window);
            }
            recorder.consumed((0, 0), due as u64, polled as u64, processed as u64);
        }
        expected.add(&recorder.flush(0));
        let mut found = Series::new(Stage::EndToEnd, 1);
        let mut events = 0;
        for page in diary.into_pages() {
            let page: Page = serde_json::from_str(page.get()).unwrap();
            events += page.events;
            found.add(&page.window(100, 102));
        }
        assert_eq!(events, 9_000);
        for stage in [Stage::Arrival, Stage::Service, Stage::EndToEnd] {
            let (found, expected) = (found.total(stage).unwrap(), expected.total(stage).unwrap());
            assert_eq!(found.histogram(), expected.histogram());
            assert_eq!((found.count(), found.max()), (7_000, expected.max()));
        }
    }

    #[test]
    fn a_long_run_has_a_page_for_each_interval_and_no_more() {
        let mut diary = Diary::new(S as u64);
        for second in 0..2_000 {
            for late_ns in [1_000, S + 1_000] {
                diary.consumed(
                    (second - i64::from(late_ns > S)) * S + 5 * S,
                    0,
                    second * S + 9 * S,
                );
            }
        }
        let lines = diary.into_pages();
        let twice = TOLD_APART as usize;
        assert!((2_000 + twice - 5..2_000 + twice + 5).contains(&lines.len()), "{}", lines.len());
    }
}
