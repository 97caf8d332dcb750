use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::scan::{INTERRUPTED, ScanUntil};
use super::*;
use crate::base::clock::SystemClock;
use crate::base::error::Error;
use crate::client::loopback::Cluster;
use crate::client::loopback::hooks::LoopbackHooks;
use crate::client::target::Target;
use crate::event::codec::StampPlace;
use crate::event::format::JSON;

/// A topic in which some offsets hold nothing, as a compacted one does: what each partition holds,
/// where it ends, and what the reader has asked for.
#[derive(Default)]
struct Sparse {
    partitions: Vec<(Vec<i64>, i64)>,
    next: Vec<(i32, i64)>,
    stopped: Arc<Mutex<Vec<i32>>>,
    /// Says nothing any more.
    silent: bool,
}

impl Sparse {
    fn new(partitions: &[(&[i64], i64)]) -> Self {
        let partitions = partitions.iter().map(|(held, end)| (held.to_vec(), *end)).collect();
        Self { partitions, ..Self::default() }
    }
}

impl TopicLog for Sparse {
    fn spans(&self) -> Result<Vec<(i64, i64)>> {
        Ok(self.partitions.iter().map(|(held, end)| (held[0], *end)).collect())
    }

    fn span(&self, partition: i32, _wait: Duration) -> Result<Result<(i64, i64), String>> {
        if self.silent {
            return Ok(Err("timed out".to_owned()));
        }
        Ok(Ok(self.spans()?[partition as usize]))
    }

    fn offsets_at(&self, partitions: usize, at_ms: i64) -> Result<Vec<Option<i64>>> {
        Ok((0..partitions).map(|place| (place > 0).then_some(at_ms)).collect())
    }

    fn seek(&mut self, starts: &[(i32, i64)], _is_apart: bool) -> Result<()> {
        self.next = starts.to_vec();
        Ok(())
    }

    fn next(
        &mut self,
        place: Option<usize>,
        _wait: Duration,
        each: &mut dyn FnMut(i32, &RecordRef<'_>),
    ) -> Result<LogStep> {
        let stopped = self.stopped.lock().unwrap();
        let running = |(partition, _): &&mut (i32, i64)| !stopped.contains(partition);
        let next = match place {
            Some(place) => self.next.get_mut(place),
            None => self.next.iter_mut().find(running),
        };
        let Some((partition, next)) = next else { return Ok(LogStep::Nothing) };
        let (held, _) = &self.partitions[*partition as usize];
        // A client may give again what lies just before.
        let Some(&offset) = held.iter().find(|offset| **offset >= *next - 1) else {
            return Ok(LogStep::End(*partition));
        };
        *next = offset + 2;
        each(
            *partition,
            &RecordRef { offset, key: None, header: None, payload: None, at_us: None },
        );
        Ok(LogStep::Record)
    }

    fn stop(&mut self, partition: i32) -> Result<()> {
        self.stopped.lock().unwrap().push(partition);
        Ok(())
    }

    fn quiet(&self) -> Duration {
        Duration::ZERO
    }
}

fn range(partition: i32, from: i64, until: i64) -> OffsetRange {
    OffsetRange { partition, from, until }
}

fn poll(reader: &mut TopicReader, max: usize) -> Vec<(i32, i64)> {
    let mut seen = Vec::new();
    let mut each = |partition, record: &RecordRef<'_>| seen.push((partition, record.offset));
    let count = reader.poll(max, Duration::ZERO, &mut each).unwrap();
    assert_eq!(count, seen.len());
    seen
}

#[test]
fn what_lies_outside_of_a_range_is_not_read_and_its_partition_ends_where_the_range_does() {
    let log = Sparse::new(&[(&[0, 3, 7, 9], 12), (&[5], 9), (&[1, 2], 3)]);
    let stopped = log.stopped.clone();
    let mut reader = TopicReader::new("t", Box::new(log));
    // The first ends at its end, the second beyond all that it holds, of the third nothing is
    // wanted.
    reader.read(&[range(0, 4, 9), range(1, 0, 9), range(2, 2, 2)]).unwrap();
    assert_eq!(poll(&mut reader, 1), [(0, 7)]);
    assert_eq!(reader.left().copied().collect::<Vec<_>>(), [range(0, 8, 9), range(1, 0, 9)]);
    assert_eq!(poll(&mut reader, 10), [(1, 5)]);
    assert_eq!((reader.left().count(), poll(&mut reader, 10)), (0, vec![]));
    assert_eq!(*stopped.lock().unwrap(), [0, 1], "each once");
}

#[test]
fn read_apart_each_range_goes_its_own_way_and_ends_by_itself() {
    let log = Sparse::new(&[(&[0, 3, 7, 9], 12), (&[5], 9)]);
    let mut reader = TopicReader::new("t", Box::new(log));
    reader.read_apart(&[range(1, 0, 9), range(0, 3, 8), range(0, 2, 2)]).unwrap();
    assert_eq!(reader.partitions(), 3);
    let mut next = |place| {
        let mut seen = None;
        let step = reader.next(place, Duration::ZERO, &mut |it| seen = Some(it.offset)).unwrap();
        (step, seen)
    };
    assert_eq!(next(1), (NextRecord::Record, Some(3)));
    assert_eq!(next(0), (NextRecord::Record, Some(5)));
    assert_eq!(next(0), (NextRecord::End, None), "the rest is not there");
    assert_eq!(next(1), (NextRecord::Record, Some(7)));
    assert_eq!(next(1), (NextRecord::End, None), "9 lies behind the end");
    assert_eq!((next(2), next(3)), ((NextRecord::End, None), (NextRecord::End, None)));
}

#[test]
fn a_time_is_an_offset_within_what_a_partition_holds() {
    let reader = TopicReader::new("t", Box::new(Sparse::default()));
    let at = |at_us| reader.offsets_at(at_us, &[(0, 9), (4, 9), (0, 3)]).unwrap();
    // The first partition has no such record.
    assert_eq!(at(5_001), [9, 6, 3], "rounded up to a whole millisecond");
    assert_eq!(at(-7), [9, 4, 0]);
}

/// What a scan of a loopback saw, and why it did not see all.
fn scan(cluster: &Cluster, starts: &[i64], until: &ScanUntil<'_>) -> (Vec<u8>, Option<String>) {
    let mut seen = Vec::new();
    let mut reader = cluster.reader(None, StampPlace::Payload).unwrap();
    let why =
        reader.scan(starts, until, &mut |record| seen.push(record.payload.unwrap()[0])).unwrap();
    (seen, why)
}

#[test]
fn a_scan_reads_from_its_starts_to_the_ends_and_says_why_it_did_not() {
    let clock = Arc::new(SystemClock::start());
    let cluster = Cluster::new(2, JSON, clock, LoopbackHooks::default());
    (0..6).for_each(|number| cluster.probe(usize::from(number % 2), None, &[number]));
    let later = Instant::now() + Duration::from_secs(60);
    let until = ScanUntil { deadline: later, stop: &|| false };
    assert_eq!(scan(&cluster, &[0, 2], &until), (vec![0, 2, 4, 5], None));
    let over = ScanUntil { deadline: Instant::now(), ..until };
    let why = "6 records were not read in time".to_owned();
    assert_eq!(scan(&cluster, &[0, 0], &over), (vec![], Some(why)));
    let stopped = ScanUntil { deadline: later, stop: &|| true };
    assert_eq!(scan(&cluster, &[0, 0], &stopped), (vec![], Some(INTERRUPTED.to_owned())));
}

#[test]
fn a_scan_names_what_was_deleted_and_a_log_that_does_not_answer_is_an_error() {
    let until = ScanUntil { deadline: Instant::now() + Duration::from_secs(60), stop: &|| false };
    let mut seen = 0;
    let mut reader = TopicReader::new("t", Box::new(Sparse::new(&[(&[4, 6], 7), (&[2], 3)])));
    let why = reader.scan(&[1, 0], &until, &mut |_| seen += 1).unwrap();
    let expected = "records 1 to 3 of partition 0 were deleted before";
    assert_eq!((seen, why.as_deref()), (3, Some(expected)));
    let silent = Sparse { silent: true, ..Sparse::new(&[(&[0], 1)]) };
    let error = TopicReader::new("t", Box::new(silent)).scan(&[0], &until, &mut |_| ());
    let expected = "the broker did not say where it ends (timed out): no answer for 3 s";
    assert!(matches!(&error, Err(Error::Broker(words)) if words == expected), "{error:?}");
}
