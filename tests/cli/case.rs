//! A scenario in a folder of its own, and what comes of it beside it.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

/// A sweep or a race that a test makes.
pub(crate) struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    pub(crate) fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("case.toml"), text).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn scenario(&self) -> String {
        self.path("case.toml").display().to_string()
    }

    pub(crate) fn out(&self) -> String {
        self.path("out").display().to_string()
    }

    /// The only folder that was made.
    pub(crate) fn made(&self) -> PathBuf {
        let folders: Vec<PathBuf> =
            std::fs::read_dir(self.out()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(folders.len(), 1, "{folders:?}");
        folders[0].clone()
    }

    /// Waits until there are so many results in it, by `has`, with a limit.
    pub(crate) fn wait_for(&self, count: usize, child: &mut Child, has: impl Fn(&Path) -> usize) {
        let began = Instant::now();
        let made = || Some(std::fs::read_dir(self.out()).ok()?.next()?.ok()?.path());
        while made().is_none_or(|folder| has(&folder) < count) {
            assert!(child.try_wait().unwrap().is_none(), "it ended before {count} results");
            let limit = Duration::from_secs(60);
            assert!(began.elapsed() < limit, "no {count} results within a minute");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
