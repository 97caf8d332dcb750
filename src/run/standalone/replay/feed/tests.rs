use super::*;
use crate::base::clock::ManualClock;
use crate::event::format::JSON;

const SECOND_NS: u64 = 1_000_000_000;

/// Partitions in memory: the second of each event, or a record that is none. A `Pause` is one
/// look that brings nothing.
enum Kept {
    Event(i64),
    Garbage,
    Pause,
}

struct Memory(Vec<Vec<Kept>>, Vec<usize>);

impl RecordStream for Memory {
    fn partitions(&self) -> usize {
        self.0.len()
    }

    fn next(
        &mut self,
        place: usize,
        _wait: Duration,
        each: &mut dyn FnMut(&RecordRef<'_>),
    ) -> Result<NextRecord> {
        let at = self.1[place];
        let Some(kept) = self.0[place].get(at) else { return Ok(NextRecord::End) };
        self.1[place] += 1;
        let payload = match kept {
            Kept::Pause => return Ok(NextRecord::Nothing),
            Kept::Garbage => "no event".to_owned(),
            Kept::Event(second) => format!(
                r#"{{"event_id":"6f1c","user_id":"u","session_id":"s","event_type":"page_view",
                "timestamp":"{}","page_url":"/"}}"#,
                chrono::DateTime::from_timestamp(1_767_225_600 + second, 0).unwrap().to_rfc3339()
            ),
        };
        let payload = Some(payload.as_bytes());
        each(&RecordRef { offset: at as i64, key: Some(b"u"), header: None, payload, at_us: None });
        Ok(NextRecord::Record)
    }
}

/// Reads it all; of each record the partition, the offset and when it came, in seconds. Then the
/// waits that it told of.
fn read(partitions: Vec<Vec<Kept>>, times: f64) -> (Vec<(i32, i64, f64)>, Vec<u64>, Paced) {
    let clock = Arc::new(ManualClock::new(0));
    let places = vec![0; partitions.len()];
    // Not numbered like their places.
    let numbers: Vec<i32> = (0..).map(|place| 10 + place).take(partitions.len()).collect();
    let tape = Box::new(Memory(partitions, places));
    let mut paced = Paced::new(tape, &numbers, times, JSON, clock.clone());
    let (mut came, mut waits) = (Vec::new(), Vec::new());
    loop {
        let polled = paced.poll(2, Duration::from_millis(50), &mut |partition, record| {
            came.push((partition, record.offset, clock.now_ns() as f64 / 1e9));
        });
        match polled.unwrap() {
            Polled::End => return (came, waits, paced),
            Polled::Waiting(left_ns) => waits.push(left_ns),
            Polled::Nothing => clock.advance_ns(SECOND_NS),
            Polled::Records(count) => assert!((1..=2).contains(&count)),
        }
    }
}

fn events(seconds: &[i64]) -> Vec<Kept> {
    seconds.iter().map(|&second| Kept::Event(second)).collect()
}

#[test]
fn gaps_are_kept_over_all_partitions() {
    let kept = || vec![events(&[100, 103, 104]), events(&[101, 101, 110])];
    let (came, _, paced) = read(kept(), 1.0);
    let expected =
        [(10, 0, 0.0), (11, 0, 1.0), (11, 1, 1.0), (10, 1, 3.0), (10, 2, 4.0), (11, 2, 10.0)];
    assert_eq!(came, expected);
    assert_eq!(paced.late_max_ns(), Some(0));
    assert_eq!(paced.left(), Vec::<i32>::new());
    let (came, waits, _) = read(kept(), 10.0);
    assert_eq!(came.last(), Some(&(11, 2, 1.0)));
    // The clock moves by each wait, and what is left shrinks with it.
    assert!(waits.iter().all(|&left_ns| left_ns <= SECOND_NS * 6 / 10), "{waits:?}");
}

#[test]
fn what_has_no_time_comes_right_behind_what_stands_before_it() {
    // In front, in the middle, and an event that goes back in time; 4,000 years ahead is no time.
    let first = vec![Kept::Garbage, Kept::Event(50), Kept::Garbage, Kept::Event(40)];
    let far = 4_000 * 366 * 86_400;
    let (came, ..) = read(vec![first, events(&[50, 60, far])], 1.0);
    let of = |partition: i32| came.iter().filter(move |came| came.0 == partition);
    assert_eq!(of(10).map(|came| came.2).collect::<Vec<_>>(), [0.0, 0.0, 0.0, 0.0]);
    assert_eq!(of(11).map(|came| came.2).collect::<Vec<_>>(), [0.0, 10.0, 10.0]);
    assert!(of(10).zip(0..).all(|(came, offset)| came.1 == offset));
}

#[test]
fn nothing_overtakes_a_partition_that_is_late_and_the_delay_is_told() {
    let mut late = vec![Kept::Event(0), Kept::Pause, Kept::Pause, Kept::Pause];
    late.extend(events(&[1, 9]));
    let (came, _, paced) = read(vec![late, events(&[2])], 1.0);
    let order: Vec<_> = came.iter().map(|came| (came.0, came.1)).collect();
    assert_eq!(order, [(10, 0), (10, 4), (11, 0), (10, 5)]);
    assert_eq!(paced.late_max_ns(), Some(SECOND_NS));
    // What comes later comes at its time again.
    assert_eq!(came.last(), Some(&(10, 5, 9.0)));
}
