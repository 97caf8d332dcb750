//! Kafka's record batches (message format 2): the one home of their layout, for the client that
//! writes and reads them and for the embedded broker that keeps them.
//!
//! [`BatchWriter`] appends records to an open batch in place and seals it; [`BatchWalker`] reads
//! the record set of a fetch response in place. Neither allocates for a record. Source: the
//! "Record Batch" pages of Apache Kafka's documentation, and KIP-98.

mod aborted;
mod codec;
mod compression;
mod fault;
mod layout;
mod varint;
mod walker;
mod writer;

pub use aborted::AbortedTransaction;
pub use codec::BatchCodec;
pub use compression::{Compressor, Decompressor, UNPACKED_BYTES_MAX};
pub use fault::{BatchError, BatchFault};
pub use layout::{
    BatchHeader, HEADER_BYTES, LOG_APPEND_TIME, MAGIC_AT, base_offset, checksum_is_right,
    length_with_frame, place, seal_checksum, set_leader_epoch, stamp_append_time,
};
pub use varint::read_varint;
pub use walker::{BatchWalker, RecordHeaders, WalkedRecord, end_of_set};
pub use writer::{BatchWriter, ProducerSequence, RECORD_OVERHEAD_BYTES_MAX, restamp};

#[cfg(test)]
mod tests;
