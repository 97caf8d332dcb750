//! What is known of each user, with a limit on their number.

use compact_str::CompactString;

use super::table::NameTable;

/// What is known of one user.
pub(crate) trait PerUser: Default {
    /// The time of the user's last event: microseconds since 1970.
    fn last_us(&self) -> i64;
    /// Takes in what is known of the same user from another partition.
    fn absorb(&mut self, other: Self);
}

/// A table of users. When it is full, the eighth that has been idle the longest falls out.
#[derive(Debug, Clone)]
pub(crate) struct Users<U> {
    table: NameTable<U>,
    users_max: usize,
    /// Users that fell out.
    dropped: u64,
}

impl<U: PerUser> Users<U> {
    pub(crate) fn new(users_max: usize) -> Self {
        Self { table: NameTable::new(), users_max: users_max.max(1), dropped: 0 }
    }

    /// What is known of a user; `gone` gets each user who has to make room for a new one.
    pub(crate) fn get(&mut self, user_id: &str, gone: impl FnMut(&str, U)) -> &mut U {
        if self.table.len() >= self.users_max && self.table.get(user_id).is_none() {
            self.make_room(gone);
        }
        self.table.get_or_insert_with(user_id, U::default)
    }

    /// Has what is known of a user brought into the cache, while the caller does something else:
    /// in a table of a million users, waiting for memory is most of a look-up.
    #[inline]
    pub(crate) fn prefetch(&self, user_id: &[u8]) {
        self.table.prefetch(user_id);
    }

    /// An eighth at a time, so that finding the idle costs a few steps for each new user.
    #[cold]
    fn make_room(&mut self, mut gone: impl FnMut(&str, U)) {
        let mut idle: Vec<(i64, CompactString)> =
            self.table.iter().map(|(name, user)| (user.last_us(), name.clone())).collect();
        let count = (idle.len() / 8).max(1);
        idle.select_nth_unstable(count - 1);
        for (_, name) in idle.drain(..count) {
            if let Some((name, user)) = self.table.remove(&name) {
                gone(&name, user);
                self.dropped += 1;
            }
        }
    }

    /// Forgets users who don't matter any more; they are not counted as dropped.
    pub(crate) fn retain(&mut self, keep: impl FnMut(&U) -> bool) {
        self.table.retain(keep);
    }

    /// Takes in the users of another partition. The limit is per partition, so none applies here.
    pub(crate) fn merge(&mut self, other: Self) {
        self.table.merge(other.table, PerUser::absorb);
        self.dropped += other.dropped;
    }

    /// Changes every user, before a merge.
    pub(crate) fn renumber(&mut self, change: impl FnMut(&mut U)) {
        self.table.values_mut().for_each(change);
    }

    /// All users, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &U)> {
        self.table.iter().map(|(name, user)| (name.as_str(), user))
    }

    /// What is known of a user, if there is such a user.
    pub(crate) fn known(&self, user_id: &str) -> Option<&U> {
        self.table.get(user_id)
    }

    /// How many are known.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// How many fell out.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct Seen(i64);

    impl PerUser for Seen {
        fn last_us(&self) -> i64 {
            self.0
        }

        fn absorb(&mut self, other: Self) {
            self.0 = self.0.max(other.0);
        }
    }

    #[test]
    fn the_longest_idle_fall_out_first() {
        let mut users = Users::<Seen>::new(16);
        let mut gone = Vec::new();
        for number in 0..17_i64 {
            // The highest numbers are idle the longest.
            users.get(&format!("u{number}"), |name, _| gone.push(name.to_owned())).0 = 100 - number;
        }
        gone.sort();
        assert_eq!(gone, ["u14", "u15"]);
        assert_eq!((users.len(), users.dropped()), (15, 2));
    }

    #[test]
    fn a_known_user_never_makes_others_fall_out() {
        let mut users = Users::<Seen>::new(2);
        for name in ["a", "b", "a", "b"] {
            users.get(name, |_, _| {}).0 += 1;
        }
        assert_eq!(users.dropped(), 0);
        assert_eq!(users.get("a", |_, _| {}).0, 2);
    }
}
