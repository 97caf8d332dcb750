//! What the clients have sent over the wire, counted when the last event has its answer.

use std::thread;
use std::time::{Duration, Instant};

use crate::workers::produce::{Sink, WireBytes};

/// The most time that a run waits for its clients' last count: two of their intervals.
pub(super) const LAST_COUNT: Duration = Duration::from_millis(2_200);

/// How often it looks.
const LOOK: Duration = Duration::from_millis(10);

/// The clients' counts together, once they cover `records` or no newer one comes within `limit`;
/// `None` where there is no wire, or where a run was over before anybody counted.
pub(super) fn count(sinks: &[Box<dyn Sink>], records: u64, limit: Duration) -> Option<WireBytes> {
    let began = Instant::now();
    loop {
        let whole = sum(sinks);
        let covers = whole.is_some_and(|wire| wire.records >= records);
        let has_wire = whole.is_some() || sinks.iter().any(|sink| sink.has_wire());
        if covers || !has_wire || began.elapsed() > limit {
            return whole;
        }
        thread::sleep(LOOK);
    }
}

fn sum(sinks: &[Box<dyn Sink>]) -> Option<WireBytes> {
    let mut whole = WireBytes::default();
    for sink in sinks {
        whole.add(sink.wire()?);
    }
    (!sinks.is_empty()).then_some(whole)
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::sync::Mutex;

    use super::*;
    use crate::base::error::Result;
    use crate::workers::produce::{Batch, Handover};

    /// A client that counts a record more each time it is asked.
    struct Counting(Mutex<WireBytes>, bool);

    impl Sink for Counting {
        fn send(&mut self, _: &Batch, range: Range<usize>) -> Result<Handover> {
            Ok(Handover { taken: range.len(), refusal: None })
        }

        fn has_wire(&self) -> bool {
            self.1
        }

        fn wire(&self) -> Option<WireBytes> {
            let mut wire = self.0.lock().unwrap();
            wire.add(WireBytes { records: 1, payload_bytes: 100, wire_bytes: 50 });
            self.1.then_some(*wire)
        }
    }

    fn sink(has_wire: bool) -> Box<dyn Sink> {
        Box::new(Counting(Mutex::default(), has_wire))
    }

    #[test]
    fn it_waits_until_the_last_record_is_counted() {
        let wire = count(&[sink(true), sink(true)], 8, LAST_COUNT).unwrap();
        assert_eq!((wire.records, wire.payload_bytes), (8, 800));
        assert_eq!(wire.ratio(), Some(2.0));
    }

    #[test]
    fn it_waits_for_nobody_where_there_is_no_wire() {
        let began = Instant::now();
        assert_eq!(count(&[sink(false)], 8, LAST_COUNT), None);
        assert_eq!(count(&[], 8, LAST_COUNT), None);
        assert!(began.elapsed() < LAST_COUNT);
    }

    #[test]
    fn a_count_that_never_comes_does_not_hold_a_run_up() {
        let began = Instant::now();
        assert!(count(&[sink(true)], u64::MAX, LAST_COUNT).is_some());
        assert!(began.elapsed() < 3 * LAST_COUNT);
    }
}
