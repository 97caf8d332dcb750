//! Whose turn it is on this host: tests that look at times have it to themselves, also where two
//! suites run at once. The system's file locks end with the process that holds them.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;

/// The host, with others or alone, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _room: File,
}

impl Turn {
    /// Beside others that don't mind.
    pub(crate) fn shared() -> Self {
        let _gate = gate();
        let room = open("room");
        room.lock_shared().expect("a lock");
        Self { _room: room }
    }

    /// With no other test that takes a turn.
    pub(crate) fn alone() -> Self {
        // Kept while it waits for those in the room to leave: whoever comes later queues behind.
        let _gate = gate();
        let room = open("room");
        room.lock().expect("a lock");
        Self { _room: room }
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
