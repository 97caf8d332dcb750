//! Where the applications found otherwise than the books.

use super::RunResult;

impl RunResult {
    /// What the applications found otherwise than the books, total by total, in words.
    pub(crate) fn differences(&self) -> Vec<String> {
        let names = || self.apps.iter().map(|app| app.name.as_str());
        self.checks.iter().filter_map(|check| check.fault(names())).collect()
    }
}
