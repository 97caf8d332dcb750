//! The topics and their partitions.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use uuid::Uuid;

use super::code;
use super::log::Partition;
use super::topic_config::{self, ConfigOverrides};

/// The most partitions over all topics, so that requests alone can't fill the memory.
const PARTITIONS_MAX: usize = 50_000;

/// One topic.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) name: String,
    pub(super) id: Uuid,
    partitions: RwLock<Vec<Arc<Partition>>>,
    overrides: Mutex<ConfigOverrides>,
    limits: AppendLimits,
}

/// The configs that every append looks at.
#[derive(Debug)]
struct AppendLimits {
    message_bytes_max: AtomicU64,
    is_log_append_time: AtomicBool,
    before_max_ms: AtomicI64,
    after_max_ms: AtomicI64,
}

impl Topic {
    /// The partition, or none of that number.
    pub(super) fn partition(&self, index: i32) -> Option<Arc<Partition>> {
        let partitions = self.partitions.read().unwrap_or_else(PoisonError::into_inner);
        partitions.get(usize::try_from(index).ok()?).cloned()
    }

    /// All partitions in order.
    pub(super) fn partitions(&self) -> Vec<Arc<Partition>> {
        self.partitions.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The number of partitions.
    pub(super) fn partition_count(&self) -> i32 {
        let partitions = self.partitions.read().unwrap_or_else(PoisonError::into_inner);
        i32::try_from(partitions.len()).unwrap_or(i32::MAX)
    }

    /// The configs that differ from the defaults.
    pub(super) fn overrides(&self) -> ConfigOverrides {
        self.lock_overrides().clone()
    }

    /// Replaces the configs that differ from the defaults; they must have been checked.
    pub(super) fn set_overrides(&self, overrides: ConfigOverrides) {
        let mut held = self.lock_overrides();
        self.limits.set(&overrides);
        *held = overrides;
    }

    fn lock_overrides(&self) -> MutexGuard<'_, ConfigOverrides> {
        self.overrides.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `max.message.bytes`.
    pub(super) fn message_bytes_max(&self) -> u64 {
        self.limits.message_bytes_max.load(Ordering::Relaxed)
    }

    /// Whether the broker writes the time of the append into the batches.
    pub(super) fn is_log_append_time(&self) -> bool {
        self.limits.is_log_append_time.load(Ordering::Relaxed)
    }

    /// Whether a producer's timestamp may be that far from the broker's own time.
    pub(super) fn takes_timestamp(&self, timestamp_ms: i64, now_ms: i64) -> bool {
        let ahead_ms = timestamp_ms.saturating_sub(now_ms);
        ahead_ms <= self.limits.after_max_ms.load(Ordering::Relaxed)
            && ahead_ms.saturating_neg() <= self.limits.before_max_ms.load(Ordering::Relaxed)
    }
}

impl AppendLimits {
    fn of(overrides: &ConfigOverrides) -> Self {
        let limits = Self {
            message_bytes_max: AtomicU64::new(0),
            is_log_append_time: AtomicBool::new(false),
            before_max_ms: AtomicI64::new(0),
            after_max_ms: AtomicI64::new(0),
        };
        limits.set(overrides);
        limits
    }

    fn set(&self, overrides: &ConfigOverrides) {
        let number = |name, default: i64| {
            topic_config::value(overrides, name).and_then(|v| v.parse().ok()).unwrap_or(default)
        };
        let bytes = number("max.message.bytes", 1_048_588).max(0);
        self.message_bytes_max.store(bytes.cast_unsigned(), Ordering::Relaxed);
        let after_ms = number("message.timestamp.after.max.ms", 3_600_000);
        self.after_max_ms.store(after_ms, Ordering::Relaxed);
        let before_ms = number("message.timestamp.before.max.ms", i64::MAX);
        self.before_max_ms.store(before_ms, Ordering::Relaxed);
        let kind = topic_config::value(overrides, "message.timestamp.type");
        self.is_log_append_time.store(kind == Some("LogAppendTime"), Ordering::Relaxed);
    }
}

/// All topics by name.
#[derive(Debug)]
pub(super) struct Topics {
    by_name: RwLock<BTreeMap<String, Arc<Topic>>>,
    /// The upper half of every topic id: differs between brokers.
    id_seed: u64,
    ids: AtomicU64,
}

impl Topics {
    pub(super) const fn new(id_seed: u64) -> Self {
        Self { by_name: RwLock::new(BTreeMap::new()), id_seed, ids: AtomicU64::new(1) }
    }

    /// The topic of that name.
    pub(super) fn get(&self, name: &str) -> Option<Arc<Topic>> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The topic with that id.
    pub(super) fn by_id(&self, id: Uuid) -> Option<Arc<Topic>> {
        let by_name = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        by_name.values().find(|topic| topic.id == id).cloned()
    }

    /// The partition of that topic and number.
    pub(super) fn partition(&self, name: &str, index: i32) -> Option<Arc<Partition>> {
        self.get(name)?.partition(index)
    }

    /// All topics in the order of their names.
    pub(super) fn all(&self) -> Vec<Arc<Topic>> {
        let by_name = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        by_name.values().cloned().collect()
    }

    /// Whether a topic could be made, see [`Topics::create`].
    pub(super) fn check(&self, name: &str, partitions: i32) -> Result<(), i16> {
        if !is_valid_name(name) {
            return Err(code::INVALID_TOPIC);
        }
        if self.get(name).is_some() {
            return Err(code::TOPIC_ALREADY_EXISTS);
        }
        if partitions < 1 {
            return Err(code::INVALID_PARTITIONS);
        }
        self.check_room(partitions)
    }

    fn check_room(&self, more: i32) -> Result<(), i16> {
        let held: usize =
            self.all().iter().map(|t| t.partition_count().unsigned_abs() as usize).sum();
        let more = usize::try_from(more).unwrap_or(usize::MAX);
        if held.saturating_add(more) > PARTITIONS_MAX {
            Err(code::POLICY_VIOLATION)
        } else {
            Ok(())
        }
    }

    /// Makes a topic of so many partitions.
    ///
    /// # Errors
    /// The protocol's error code: a bad name, one that is taken, or too many partitions.
    pub(super) fn create(
        &self,
        name: &str,
        partitions: i32,
        overrides: ConfigOverrides,
    ) -> Result<Arc<Topic>, i16> {
        self.check(name, partitions)?;
        let serial = self.ids.fetch_add(1, Ordering::Relaxed);
        let topic = Arc::new(Topic {
            name: name.to_owned(),
            id: Uuid::from_u64_pair(self.id_seed, serial),
            partitions: RwLock::new((0..partitions).map(|_| Arc::default()).collect()),
            limits: AppendLimits::of(&overrides),
            overrides: Mutex::new(overrides),
        });
        let mut by_name = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        if by_name.contains_key(name) {
            return Err(code::TOPIC_ALREADY_EXISTS);
        }
        by_name.insert(name.to_owned(), Arc::clone(&topic));
        Ok(topic)
    }

    /// Raises a topic's number of partitions to `count`.
    ///
    /// # Errors
    /// `INVALID_PARTITIONS` when there are as many already, `POLICY_VIOLATION` when too many.
    pub(super) fn grow(&self, topic: &Topic, count: i32, validate_only: bool) -> Result<(), i16> {
        let has = topic.partition_count();
        if count <= has {
            return Err(code::INVALID_PARTITIONS);
        }
        self.check_room(count - has)?;
        if !validate_only {
            let count = usize::try_from(count).unwrap_or(0);
            let mut partitions = topic.partitions.write().unwrap_or_else(PoisonError::into_inner);
            if partitions.len() < count {
                partitions.resize_with(count, Arc::default);
            }
        }
        Ok(())
    }

    /// Removes a topic with its records. Gives the bytes that became free, or none of that name.
    pub(super) fn delete(&self, name: &str) -> Option<u64> {
        let mut by_name = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        let topic = by_name.remove(name)?;
        drop(by_name);
        Some(topic.partitions().iter().map(|partition| partition.lock().delete()).sum())
    }
}

/// Kafka's rule: 1 to 249 letters, digits, dots, underscores and hyphens, not `.` or `..`.
fn is_valid_name(name: &str) -> bool {
    let is_sound = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=249).contains(&name.len()) && name != "." && name != ".." && name.bytes().all(is_sound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_kafkas_rule() {
        for good in ["a", "user-activities", "A.b_c-9", &"x".repeat(249)] {
            assert!(is_valid_name(good), "{good}");
        }
        for bad in ["", ".", "..", "a b", "a/b", "ä", &"x".repeat(250)] {
            assert!(!is_valid_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_topic_is_made_once_grows_and_never_shrinks() {
        let topics = Topics::new(1);
        let topic = topics.create("t", 3, ConfigOverrides::new()).unwrap();
        assert!(topics.create("t", 3, ConfigOverrides::new()).is_err());
        assert_eq!(topics.by_id(topic.id).map(|found| found.name.clone()).as_deref(), Some("t"));
        assert_eq!(topics.grow(&topic, 3, false), Err(code::INVALID_PARTITIONS));
        topics.grow(&topic, 5, true).unwrap();
        assert_eq!(topic.partition_count(), 3);
        topics.grow(&topic, 5, false).unwrap();
        assert_eq!(topic.partition_count(), 5);
        assert!(topic.partition(5).is_none() && topic.partition(-1).is_none());
    }

    #[test]
    fn partitions_are_bounded_over_all_topics() {
        let topics = Topics::new(1);
        assert_eq!(topics.check("t", i32::MAX), Err(code::POLICY_VIOLATION));
        topics.create("t", 49_999, ConfigOverrides::new()).unwrap();
        assert!(topics.check("u", 1).is_ok());
        assert_eq!(topics.check("u", 2), Err(code::POLICY_VIOLATION));
    }

    #[test]
    fn a_timestamp_may_lie_an_hour_ahead_unless_the_topic_says_otherwise() {
        let topics = Topics::new(1);
        let topic = topics.create("t", 1, ConfigOverrides::new()).unwrap();
        assert!(topic.takes_timestamp(3_600_000, 0) && !topic.takes_timestamp(3_600_001, 0));
        assert!(topic.takes_timestamp(-1, i64::MAX) && topic.takes_timestamp(0, i64::MAX));
        let name = "message.timestamp.before.max.ms".to_owned();
        topic.set_overrides(ConfigOverrides::from([(name, "10".to_owned())]));
        assert!(topic.takes_timestamp(0, 10) && !topic.takes_timestamp(0, 11));
    }
}
