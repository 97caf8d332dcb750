//! Whose turn it is on this host: tests that look at times have it to themselves, also where two
//! suites run at once. The system's file locks end with the process that holds them.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::num::NonZero;
use std::thread;
use std::time::Duration;

/// So many tests that don't mind others run at once on a host, or one on each of its cores where
/// there are more: of all suites together, or two suites would wait for each other's time-outs.
const SEATS_MIN: usize = 6;

/// The host, with others or alone, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _room: File,
    _seat: Option<File>,
}

impl Turn {
    /// Beside others that don't mind.
    pub(crate) fn shared() -> Self {
        let _gate = gate();
        let room = open("room");
        room.lock_shared().expect("a lock");
        Self { _room: room, _seat: None }
    }

    /// Beside not too many of them.
    pub(crate) fn seated() -> Self {
        // Before the room: whoever waits for a seat keeps nobody from being alone.
        let seat = seat();
        Self { _seat: Some(seat), ..Self::shared() }
    }

    /// With no other test that takes a turn.
    pub(crate) fn alone() -> Self {
        // Kept while it waits for those in the room to leave: whoever comes later queues behind.
        let _gate = gate();
        let room = open("room");
        room.lock().expect("a lock");
        Self { _room: room, _seat: None }
    }
}

fn seat() -> File {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    loop {
        for number in 0..cores.max(SEATS_MIN) {
            let seat = open(&format!("seat-{number}"));
            if seat.try_lock().is_ok() {
                return seat;
            }
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn gate() -> File {
    let gate = open("gate");
    gate.lock().expect("a lock");
    gate
}

/// A file that nobody removes: one that was, and was made anew, would be two.
fn open(name: &str) -> File {
    let path = std::env::temp_dir().join(format!("kbench-tests.{name}"));
    match OpenOptions::new().read(true).append(true).create(true).open(&path) {
        Ok(file) => file,
        // Another user's: reading is enough for a lock.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            File::open(&path).expect("a file that can be read")
        }
        Err(error) => panic!("{}: {error}", path.display()),
    }
}
