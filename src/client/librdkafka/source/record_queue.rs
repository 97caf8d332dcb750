//! A consumer's records in a queue of their own, taken many at a time.
//!
//! librdkafka has one queue for a consumer's records and its events. `rd_kafka_consume_batch_queue`
//! can't be used on that one beneath the wrapper: it serves what is not a record by callbacks that
//! the wrapper has not set. A rebalance would be answered with an empty assignment, statistics
//! would be dropped, and the answer to a commit ends the process (`rd_kafka_poll_cb` and
//! `rd_kafka_message_get` of 2.12.1). So each partition that is assigned has its records forwarded
//! to a queue that holds nothing else, and the events stay where the wrapper polls them.

use std::ffi::{CStr, CString};
use std::ptr::NonNull;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::bindings as native;

/// The queue of a consumer's records. It belongs to one client, and is closed before that is.
#[derive(Default)]
pub(super) struct RecordQueue(RwLock<Option<Handles>>);

#[derive(Clone, Copy)]
struct Handles {
    client: NonNull<native::rd_kafka_t>,
    records: NonNull<native::rd_kafka_queue_t>,
    events: NonNull<native::rd_kafka_queue_t>,
}

// SAFETY: librdkafka's handles may be used from any thread.
unsafe impl Send for Handles {}
// SAFETY: as above; a queue has a lock of its own.
unsafe impl Sync for Handles {}

impl RecordQueue {
    /// Opens it for a consumer of a group, which must outlive it until [`Self::close`].
    pub(super) fn open(&self, client: *mut native::rd_kafka_t) -> bool {
        // SAFETY: the client is alive, as the caller says; both calls give references that are
        // ours, and that `close` gives back.
        let (records, events) = unsafe {
            (native::rd_kafka_queue_new(client), native::rd_kafka_queue_get_consumer(client))
        };
        let handles = NonNull::new(client).zip(NonNull::new(records).zip(NonNull::new(events)));
        let handles =
            handles.map(|(client, (records, events))| Handles { client, records, events });
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = handles;
        handles.is_some()
    }

    /// Has the records of these partitions come here from now on. To be called before they are
    /// assigned: what was fetched before would lie in the other queue. librdkafka ends it when
    /// the partition is taken away, before its group goes on.
    pub(super) fn forward(&self, partitions: &TopicPartitionList) {
        let place = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(Handles { client, records, .. }) = *place else { return };
        for element in partitions.elements() {
            let Ok(topic) = CString::new(element.topic()) else { continue };
            // SAFETY: client and queue are alive while the lock is held; the partition's queue is
            // a reference of ours that is given back once, and may be none.
            unsafe {
                let partition = native::rd_kafka_queue_get_partition(
                    client.as_ptr(),
                    topic.as_ptr(),
                    element.partition(),
                );
                if !partition.is_null() {
                    native::rd_kafka_queue_forward(partition, records.as_ptr());
                    native::rd_kafka_queue_destroy(partition);
                }
            }
        }
    }

    /// Ends the wait of a [`RecordBatch::take`]; the next one, if none waits.
    pub(super) fn wake(&self) {
        let place = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(Handles { records, .. }) = *place {
            // SAFETY: the queue is alive while the lock is held.
            unsafe { native::rd_kafka_queue_yield(records.as_ptr()) };
        }
    }

    /// Whether the client has events to be polled.
    pub(super) fn has_events(&self) -> bool {
        let place = self.0.read().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the queue is alive while the lock is held.
        place.is_some_and(|handles| unsafe {
            native::rd_kafka_queue_length(handles.events.as_ptr()) > 0
        })
    }

    /// Gives the queues back; records in there are thrown away, and so are those that still come.
    pub(super) fn close(&self) {
        // Out of the lock first: nothing of librdkafka's is taken while it is held for writing.
        let handles = self.0.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Handles { records, events, .. }) = handles {
            // SAFETY: both are ours, and nobody finds them any more.
            unsafe {
                native::rd_kafka_queue_destroy(records.as_ptr());
                native::rd_kafka_queue_destroy(events.as_ptr());
            }
        }
    }
}

/// The memory for records that are taken together. They are given back with the next ones.
#[derive(Default)]
pub(super) struct RecordBatch {
    places: Vec<*mut native::rd_kafka_message_t>,
    taken: usize,
}

// SAFETY: the records are the batch's own, and librdkafka lets any thread give them back.
unsafe impl Send for RecordBatch {}

impl RecordBatch {
    /// Takes up to `max` records, and waits at most that long for the first.
    pub(super) fn take(&mut self, queue: &RecordQueue, max: usize, wait: Duration) {
        self.give_back();
        self.places.resize(max.max(self.places.len()), std::ptr::null_mut());
        let place = queue.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(Handles { records, .. }) = *place else { return };
        let mut take = |from: usize, to: usize, wait_ms: i32| {
            let free = &mut self.places[from..to];
            // SAFETY: the queue is alive while the lock is held; librdkafka writes at most as many
            // pointers as there are places, and says how many.
            let count = unsafe {
                native::rd_kafka_consume_batch_queue(
                    records.as_ptr(),
                    wait_ms,
                    free.as_mut_ptr(),
                    free.len(),
                )
            };
            usize::try_from(count).unwrap_or(0)
        };
        // It waits until all places are taken or time is up: so none while it takes many, and for
        // one alone if there are none.
        self.taken = take(0, max, 0);
        if self.taken == 0 && !wait.is_zero() && max > 0 {
            self.taken = take(0, 1, i32::try_from(wait.as_millis()).unwrap_or(i32::MAX));
            if self.taken == 1 {
                self.taken += take(1, max, 0);
            }
        }
    }

    /// What was taken.
    pub(super) fn records(&self) -> impl Iterator<Item = TakenRecord<'_>> {
        // SAFETY: each is a record that was given to us and not given back; it lives as long as
        // the batch is borrowed.
        self.places[..self.taken].iter().filter_map(|place| unsafe { TakenRecord::of(*place) })
    }

    fn give_back(&mut self) {
        for place in &self.places[..std::mem::take(&mut self.taken)] {
            // SAFETY: given back once, and not used after: `taken` says so.
            unsafe { native::rd_kafka_message_destroy(*place) };
        }
    }
}

impl Drop for RecordBatch {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// A record as librdkafka has it, or an error in its place.
#[derive(Clone, Copy)]
pub(super) struct TakenRecord<'a>(&'a native::rd_kafka_message_t);

impl<'a> TakenRecord<'a> {
    /// # Safety
    /// The record lives for `'a`, unless it is null.
    pub(super) unsafe fn of(record: *const native::rd_kafka_message_t) -> Option<Self> {
        // SAFETY: as the caller says.
        unsafe { record.as_ref() }.map(Self)
    }

    /// What is there in place of a record, with librdkafka's words.
    pub(super) fn error(self) -> Option<(native::rd_kafka_resp_err_t, String)> {
        if self.0.err == native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return None;
        }
        // SAFETY: the record is alive; its text ends with a NUL and is copied at once.
        let words = unsafe { CStr::from_ptr(native::rd_kafka_message_errstr(self.0)) };
        Some((self.0.err, words.to_string_lossy().into_owned()))
    }

    pub(super) fn partition(self) -> i32 {
        self.0.partition
    }

    pub(super) fn offset(self) -> i64 {
        self.0.offset
    }

    pub(super) fn key(self) -> Option<&'a [u8]> {
        // SAFETY: librdkafka's words on the record's own memory.
        unsafe { slice(self.0.key.cast(), self.0.key_len) }
    }

    pub(super) fn payload(self) -> Option<&'a [u8]> {
        // SAFETY: as above.
        unsafe { slice(self.0.payload.cast(), self.0.len) }
    }

    /// The record's own time in ms since 1970.
    pub(super) fn at_ms(self) -> Option<i64> {
        let mut kind = native::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the record is alive, and the kind is written to our own memory.
        let at_ms = unsafe { native::rd_kafka_message_timestamp(self.0, &raw mut kind) };
        let is_known = kind != native::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        (is_known && at_ms != -1).then_some(at_ms)
    }

    /// The value of its header of that name; the last, where there are several.
    pub(super) fn header(self, name: &CStr) -> Option<&'a [u8]> {
        let ok = native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
        let (mut headers, mut value, mut length) = (std::ptr::null_mut(), std::ptr::null(), 0);
        // SAFETY: the record is alive and keeps its headers, which are parsed at the first call;
        // the value is part of the record.
        unsafe {
            if native::rd_kafka_message_headers(self.0, &raw mut headers) != ok {
                return None;
            }
            let found = native::rd_kafka_header_get_last(
                headers,
                name.as_ptr(),
                &raw mut value,
                &raw mut length,
            );
            if found == ok { slice(value.cast(), length) } else { None }
        }
    }
}

/// # Safety
/// So many bytes are there for `'a`, unless it is null.
unsafe fn slice<'a>(bytes: *const u8, length: usize) -> Option<&'a [u8]> {
    // SAFETY: as the caller says.
    NonNull::new(bytes.cast_mut())
        .map(|bytes| unsafe { std::slice::from_raw_parts(bytes.as_ptr(), length) })
}
