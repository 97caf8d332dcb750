//! What an application says at once, without waiting for a summary.

use serde::Serialize;

/// Something to look at now: the first event that met a rule, for one user and session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// The rule's name.
    pub rule: &'static str,
    /// Who; empty where the alert is about an address.
    pub user_id: String,
    /// In which session; empty where the alert is about an address.
    pub session_id: String,
    /// Why, in a few words with the numbers.
    pub evidence: String,
    /// The event's time: microseconds since 1970, UTC.
    pub at_us: i64,
}

/// New alerts, as many as somebody wants to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alerts {
    /// In the order of their coming.
    pub list: Vec<Alert>,
    /// Further ones that were not kept.
    pub left_out: u64,
    most: usize,
}

impl Alerts {
    /// Keeps up to `most`.
    pub(super) fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// Keeps one more, or counts it.
    pub(super) fn push(&mut self, alert: impl FnOnce() -> Alert) {
        if self.list.len() < self.most {
            self.list.push(alert());
        } else {
            self.left_out += 1;
        }
    }

    /// Empties the list.
    pub(super) fn take(&mut self) -> Self {
        let next = Self::new(self.most);
        std::mem::replace(self, next)
    }

    /// Takes in another partition's.
    pub(super) fn merge(&mut self, other: Self) {
        self.most = self.most.max(other.most);
        self.left_out += other.left_out;
        for alert in other.list {
            self.push(|| alert);
        }
    }
}
