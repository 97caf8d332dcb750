//! All consumer groups.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::group::{Group, Phase};
use super::{code, memory};

/// The most groups, and the most members of all groups together.
const GROUPS_MAX: usize = 1_000;
const MEMBERS_MAX: usize = 5_000;

/// How long a group that holds nothing is remembered, in milliseconds.
const IDLE_MAX_MS: u64 = 60_000;

/// All groups by name. One lock does: groups are asked a few times a second.
#[derive(Debug)]
pub(super) struct Groups {
    by_id: Mutex<BTreeMap<String, Group>>,
    initial_delay_ms: u64,
}

impl Groups {
    /// `initial_delay_ms`: how long the first rebalance of an empty group waits for more members.
    pub(super) const fn new(initial_delay_ms: u64) -> Self {
        Self { by_id: Mutex::new(BTreeMap::new()), initial_delay_ms }
    }

    /// All groups by name.
    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Group>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on a group that exists, or gives none.
    pub(super) fn with<T>(&self, id: &str, work: impl FnOnce(&mut Group) -> T) -> Option<T> {
        self.lock().get_mut(id).map(work)
    }

    /// Works on a group, which is made when it does not exist.
    ///
    /// # Errors
    /// `INVALID_GROUP_ID` without a name, `GROUP_MAX_SIZE_REACHED` when there are too many.
    pub(super) fn with_new<T>(
        &self,
        id: &str,
        now_ms: u64,
        work: impl FnOnce(&mut Group) -> T,
    ) -> Result<T, i16> {
        if id.is_empty() {
            return Err(code::INVALID_GROUP_ID);
        }
        let mut groups = self.lock();
        if groups.len() >= GROUPS_MAX && !groups.contains_key(id) {
            return Err(code::GROUP_MAX_SIZE_REACHED);
        }
        let group = groups
            .entry(id.to_owned())
            .or_insert_with(|| Group::new(self.initial_delay_ms, now_ms));
        Ok(work(group))
    }

    /// Whether one member more would be too many.
    pub(super) fn is_full(&self) -> bool {
        let members = |group: &Group| group.members.len() + group.pending.len();
        self.lock().values().map(members).sum::<usize>() >= MEMBERS_MAX
    }

    /// Lets time pass for all groups, and forgets those that hold nothing.
    pub(super) fn tick(&self, now_ms: u64) {
        self.lock().retain(|_, group| {
            group.tick(now_ms);
            let holds_nothing =
                group.phase == Phase::Empty && group.commits.is_empty() && group.pending.is_empty();
            !(holds_nothing && group.used_ms + IDLE_MAX_MS < now_ms)
        });
    }

    /// See [`memory::read_floors`].
    pub(super) fn read_floors(&self, topic: &str) -> Option<BTreeMap<i32, i64>> {
        memory::read_floors(self.lock().values(), topic)
    }

    /// Forgets what was committed for a topic that is gone.
    pub(super) fn forget_topic(&self, topic: &str) {
        for group in self.lock().values_mut() {
            group.commits.retain(|(name, _), _| name != topic);
        }
    }
}
