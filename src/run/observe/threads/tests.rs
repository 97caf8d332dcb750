use super::*;
use crate::base::clock::{Clock, SystemClock};
use std::sync::mpsc::channel;
use std::thread;

const MS: u64 = 1_000_000;
const S: u64 = 1_000 * MS;

/// Works until the thread has used so much CPU, however long that takes.
fn work(cpu_ns: u64) {
    let used = || {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: only writes into the struct.
        unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    };
    let end_ns = used() + cpu_ns;
    while used() < end_ns {
        std::hint::spin_loop();
    }
}

fn of_kind(rows: &[ThreadCpu], kind: &str) -> ThreadCpu {
    rows.iter().find(|row| row.kind == kind).cloned().unwrap_or_default()
}

#[test]
fn a_thread_that_ends_before_the_last_look_loses_no_cpu() {
    let roster = Arc::new(ThreadRegistry::default());
    let (go, wait) = channel::<()>();
    let (entered, is_in) = channel::<()>();
    let seats = roster.clone();
    let thread = thread::spawn(move || {
        let _seat = seats.enter(ThreadKind::Producer, "producer-0");
        work(100_000_000);
        entered.send(()).unwrap();
        wait.recv().unwrap();
        work(60_000_000);
    });
    is_in.recv().unwrap();
    let clock = SystemClock::start();
    let mut threads = Threads::begin(roster, clock.now_ns());
    go.send(()).unwrap();
    thread.join().unwrap();
    threads.look(clock.now_ns());
    threads.end();
    let row = of_kind(&threads.by_kind(1_000), "producer");
    assert_eq!(row.threads, 1);
    // What it did before the first look does not count.
    assert!((0.06..0.09).contains(&row.cpu_s), "{row:?}");
    assert!((row.cpu_us_per_event.unwrap() - row.cpu_s * 1e3).abs() < 1e-9, "{row:?}");
}

#[test]
fn a_thread_that_works_all_the_time_is_the_busiest() {
    let roster = Arc::new(ThreadRegistry::default());
    let clock = SystemClock::start();
    let mut threads = Threads::begin(roster.clone(), clock.now_ns());
    let worker = thread::spawn(move || {
        let _seat = roster.enter(ThreadKind::Worker("fraud".to_owned()), "fraud-0");
        work(200_000_000);
    });
    worker.join().unwrap();
    // As if no time had gone by but the thread's own: others may take the core meanwhile.
    threads.look(threads.first_ns + 200_000_000);
    threads.end();
    let busiest = threads.busiest().unwrap();
    assert!(busiest.share > 0.99, "{busiest:?}");
}

/// A minute and a half after the clock's origin, without a thread.
fn nobody() -> Threads {
    Threads::new(Arc::default(), 90 * S)
}

impl Threads {
    /// What a thread has used so far, as the kernel would say.
    fn used(&mut self, tid: i32, cpu_ns: u64) {
        let usage = Usage { cpu_ns, ..Usage::default() };
        let is_first = self.last_ns == self.first_ns;
        self.note(ThreadId::new(tid), ThreadKind::Other, format!("thread-{tid}"), usage, is_first);
    }

    fn busiest_of(&self) -> (String, f64) {
        let busiest = self.busiest().unwrap();
        assert_eq!(busiest.wait_mean_ns, None);
        (busiest.thread, busiest.share)
    }
}

#[test]
fn a_peak_of_ten_seconds_is_not_hidden_in_the_mean_and_a_second_is_no_peak() {
    let mut threads = nobody();
    threads.used(1, 5 * S);
    // All of a second, then nothing until ten are over; nine of ten seconds; two of ten.
    for (at_s, cpu_s) in [(91, 6), (100, 6), (110, 15), (120, 17)] {
        threads.used(1, cpu_s * S);
        // As busy as the first one, but later.
        threads.used(2, if at_s == 120 { 9 * S } else { 0 });
        threads.looked(at_s * S);
    }
    threads.end();
    assert_eq!(threads.busiest_of(), ("thread-1".to_owned(), 0.9));
}

#[test]
fn what_is_left_of_a_run_counts_from_half_a_stretch_on_or_where_it_is_all() {
    let run = |first_s: u64, rest_ns: u64| {
        let mut threads = nobody();
        threads.used(1, 0);
        if first_s > 0 {
            // A fifth of it.
            threads.used(1, first_s * S / 5);
            threads.looked((90 + first_s) * S);
        }
        threads.used(1, first_s * S / 5 + rest_ns / 2);
        threads.looked((90 + first_s) * S + rest_ns);
        threads.end();
        threads.busiest_of().1
    };
    assert_eq!((run(10, 5 * S), run(10, 4_999 * MS)), (0.5, 0.2));
    assert_eq!((run(0, S), run(0, 3 * S)), (0.5, 0.5));
}

#[test]
fn where_nobody_worked_nobody_is_the_busiest() {
    let mut threads = nobody();
    assert_eq!((threads.busiest(), threads.most_waiting()), (None, None));
    threads.used(1, 5 * S);
    threads.looked(91 * S);
    threads.end();
    assert_eq!(threads.busiest(), None);
}

#[test]
fn who_waits_long_at_a_time_comes_before_who_waits_often() {
    let mut threads = nobody();
    let mut wait = |tid, name: &str, wait_ns, turns, is_first| {
        let usage = Usage { cpu_ns: 0, wait_ns, turns };
        threads.note(ThreadId::new(tid), ThreadKind::Other, name.to_owned(), usage, is_first);
    };
    wait(1, "often", 7 * S, 1_000, true);
    wait(2, "long", 9 * S, 100, true);
    wait(1, "often", 7 * S + 400 * MS, 11_000, false);
    wait(2, "long", 9 * S + 100 * MS, 150, false);
    threads.looked(92 * S);
    let most = threads.most_waiting().unwrap();
    let expected =
        ThreadShare { thread: "long".to_owned(), share: 0.05, wait_mean_ns: Some(2_000_000.0) };
    assert_eq!(most, expected, "100 of 2,000 ms, 50 times");
}

#[test]
fn a_kind_s_cpu_is_the_sum_of_its_threads_and_for_each_event() {
    let mut threads = nobody();
    let mut note = |tid, kind: &ThreadKind, cpu_ns, wait_ns, is_first| {
        let usage = Usage { cpu_ns, wait_ns, turns: 1 };
        threads.note(ThreadId::new(tid), kind.clone(), format!("thread-{tid}"), usage, is_first);
    };
    for tid in [1, 2] {
        note(tid, &ThreadKind::Producer, S, 50 * MS, true);
    }
    note(1, &ThreadKind::Producer, S + 1_500 * MS, 80 * MS, false);
    note(2, &ThreadKind::Producer, S + 500 * MS, 70 * MS, false);
    // It began since: all of it counts.
    note(3, &ThreadKind::Client, 300 * MS, 4 * MS, false);
    let row = |kind: &str, threads, cpu_s, wait_s, per_event| ThreadCpu {
        kind: kind.to_owned(),
        threads,
        cpu_s,
        wait_s,
        cpu_us_per_event: per_event,
    };
    assert_eq!(
        threads.by_kind(4_000),
        [
            row("producer", 2, 2.0, 0.05, Some(500.0)),
            row("client library", 1, 0.3, 0.004, Some(75.0))
        ]
    );
    assert_eq!(threads.by_kind(0)[0], row("producer", 2, 2.0, 0.05, None));
}

#[test]
fn the_main_thread_is_the_harness_s_and_one_that_nobody_knows_is_not() {
    let (done, wait) = channel::<()>();
    let (named, is_named) = channel::<()>();
    let body = move || {
        named.send(()).unwrap();
        wait.recv()
    };
    let stranger = thread::Builder::new().name("stranger".to_owned()).spawn(body).unwrap();
    is_named.recv().unwrap();
    let threads = Threads::begin(Arc::default(), 0);
    drop(done);
    assert!(stranger.join().unwrap().is_err());
    let main = Process::myself().unwrap().task_main_thread().unwrap();
    let (id, ..) = read(&main).unwrap();
    assert_eq!(threads.tracks[&id].kind, ThreadKind::Harness);
    let strangers = threads.tracks.values().filter(|track| track.name == "stranger");
    assert_eq!(strangers.map(|track| track.kind.clone()).collect::<Vec<_>>(), [ThreadKind::Other]);
}
