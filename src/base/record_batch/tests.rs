//! Held against `kafka-protocol`'s own records, against bytes made by hand, and against what
//! no broker should ever send.

use bytes::{Bytes, BytesMut};
use kafka_protocol::records::{
    Compression, Record, RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};

use super::*;

mod faults;
mod properties;

/// One record as the tests compare it: time, key, header and value.
type Given = (i64, Option<Vec<u8>>, Option<(String, Vec<u8>)>, Option<Vec<u8>>);

/// And as it was read: offset, time, key, headers and value.
type Taken = (i64, i64, Option<Vec<u8>>, Vec<(String, Option<Vec<u8>>)>, Option<Vec<u8>>);

const PRODUCER: ProducerSequence =
    ProducerSequence { producer_id: 77, epoch: 3, base_sequence: 1_000 };

pub(super) fn sealed(codec: BatchCodec, records: &[Given]) -> Vec<u8> {
    let (mut writer, mut bytes) = (BatchWriter::default(), Vec::new());
    for (at_ms, key, header, value) in records {
        let header = header.as_ref().map(|(name, value)| (&**name, &**value));
        writer.append(*at_ms, key.as_deref(), header, value.as_deref());
    }
    let mut compressor = Compressor::new(codec, None).unwrap();
    writer.seal(&mut compressor, PRODUCER, &mut bytes).unwrap();
    bytes
}

fn numbered(count: i64) -> Vec<Given> {
    let value = |n| format!("the value of record {n}, {}", "which is long ".repeat(9)).into_bytes();
    let header = |n| ("name".to_owned(), format!("{n}").into_bytes());
    (0..count)
        .map(|n| (5_000 + n, Some(vec![b'k', n as u8]), Some(header(n)), Some(value(n))))
        .collect()
}

fn built_in() -> impl Iterator<Item = BatchCodec> {
    BatchCodec::ALL.into_iter().filter(|codec| codec.is_built_in())
}

fn walk(walker: &mut BatchWalker, set: &[u8]) -> Result<Vec<Taken>, BatchError> {
    let mut taken = Vec::new();
    while let Some(record) = walker.next(set)? {
        let headers = record.headers.map(|(name, value)| {
            (String::from_utf8_lossy(name).into_owned(), value.map(<[u8]>::to_vec))
        });
        let (key, value) = (record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec));
        taken.push((record.offset, record.timestamp_ms, key, headers.collect(), value));
    }
    Ok(taken)
}

fn read_from(wanted: i64, set: &[u8]) -> Result<Vec<Taken>, BatchError> {
    let mut walker = BatchWalker::new(true);
    walker.begin(wanted, &[]);
    walk(&mut walker, set)
}

/// What should be read of a batch that was placed at `base`.
fn expected(base: i64, records: &[Given]) -> Vec<Taken> {
    let taken = |(n, (at_ms, key, header, value)): (usize, &Given)| {
        let headers = header.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
        (base + n as i64, *at_ms, key.clone(), headers.collect(), value.clone())
    };
    records.iter().enumerate().map(taken).collect()
}

fn placed(base: i64, mut bytes: Vec<u8>) -> Vec<u8> {
    place(&mut bytes, base);
    bytes
}

fn offsets(taken: &[Taken]) -> Vec<i64> {
    taken.iter().map(|it| it.0).collect()
}

/// A batch of two records, by the format's description and by hand; its checksum is that of
/// another implementation of CRC-32C (the table of RFC 3720, bit by bit).
#[test]
fn a_batch_is_the_bytes_of_the_formats_description() {
    let records = [
        (1_000, Some(b"k".to_vec()), None, Some(b"one".to_vec())),
        (1_070, None, Some(("h".to_owned(), b"x".to_vec())), None),
    ];
    let mut wanted = Vec::new();
    wanted.extend(0_i64.to_be_bytes());
    wanted.extend((49_i32 + 11 + 13).to_be_bytes());
    wanted.extend((-1_i32).to_be_bytes());
    wanted.push(2);
    wanted.extend([0; 4]);
    wanted.extend(0_i16.to_be_bytes());
    wanted.extend(1_i32.to_be_bytes());
    wanted.extend(1_000_i64.to_be_bytes());
    wanted.extend(1_070_i64.to_be_bytes());
    wanted.extend(77_i64.to_be_bytes());
    wanted.extend(3_i16.to_be_bytes());
    wanted.extend(1_000_i32.to_be_bytes());
    wanted.extend(2_i32.to_be_bytes());
    // Length 10; attributes; time 0; delta 0; key of 1; value of 3; no headers.
    wanted.extend(*b"\x14\x00\x00\x00\x02k\x06one\x00");
    // Length 12; attributes; time 70; delta 1; no key; no value; one header.
    wanted.extend(*b"\x16\x00\x8c\x01\x02\x01\x01\x02\x02h\x02x");
    let length = i32::try_from(wanted.len() - 12).unwrap();
    wanted[8..12].copy_from_slice(&length.to_be_bytes());
    let checksum = bitwise_crc32c(&wanted[21..]);
    wanted[17..21].copy_from_slice(&checksum.to_be_bytes());
    assert_eq!(sealed(BatchCodec::None, &records), wanted);
    assert_eq!(read_from(0, &wanted).unwrap(), expected(0, &records));
}

fn bitwise_crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[test]
fn the_other_implementation_reads_what_the_writer_wrote() {
    let records = numbered(300);
    let mut bytes = Bytes::from(placed(40, sealed(BatchCodec::None, &records)));
    let read = RecordBatchDecoder::decode(&mut bytes).unwrap();
    assert_eq!(read.version, 2);
    let taken = read.records.iter().map(|it| {
        let header = |(name, value): (_, &Option<Bytes>)| {
            let name: &kafka_protocol::protocol::StrBytes = name;
            (name.to_string(), value.as_ref().map(|it| it.to_vec()))
        };
        let headers = it.headers.iter().map(header).collect();
        let bytes = |field: &Option<Bytes>| field.as_ref().map(|it| it.to_vec());
        (it.offset, it.timestamp, bytes(&it.key), headers, bytes(&it.value))
    });
    assert_eq!(taken.collect::<Vec<Taken>>(), expected(40, &records));
    let ids = read.records.iter().map(|it| (it.producer_id, it.producer_epoch, it.sequence));
    assert!(ids.enumerate().all(|(n, ids)| ids == (77, 3, 1_000 + n as i32)));
}

#[test]
fn the_walker_reads_what_the_other_implementation_wrote() {
    let record = |n: i64| Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: 9,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset: 500 + n,
        sequence: -1,
        timestamp: 90 - n,
        key: (n % 3 != 0).then(|| Bytes::from(vec![n as u8; n as usize])),
        value: (n % 5 != 0).then(|| Bytes::from(format!("value {n}"))),
        headers: (0..n % 4).map(|h| (format!("h{h}").into(), None)).collect(),
    };
    let records: Vec<_> = (0..200).map(record).collect();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    let mut bytes = BytesMut::new();
    RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();
    let wanted = records.iter().map(|it| {
        let headers = it.headers.iter().map(|(name, _)| (name.to_string(), None)).collect();
        let bytes = |field: &Option<Bytes>| field.as_ref().map(|it| it.to_vec());
        (it.offset, it.timestamp, bytes(&it.key), headers, bytes(&it.value))
    });
    assert_eq!(read_from(500, &bytes).unwrap(), wanted.collect::<Vec<_>>());
}

#[test]
fn every_codec_gives_back_what_it_got_and_a_batch_of_likeness_becomes_smaller() {
    let records = numbered(700);
    let plain = sealed(BatchCodec::None, &records).len();
    for codec in built_in() {
        let bytes = sealed(codec, &records);
        assert_eq!(BatchHeader::read(&bytes).unwrap().codec_number(), codec as i16);
        assert!((bytes.len() < plain / 3) == (codec != BatchCodec::None), "{codec:?}");
        assert_eq!(read_from(0, &bytes).unwrap(), expected(0, &records), "{codec:?}");
    }
}

#[test]
fn a_writer_and_a_compressor_serve_batch_after_batch() {
    for codec in built_in() {
        let mut compressor = Compressor::new(codec, None).unwrap();
        let (mut writer, mut bytes, mut walker) =
            (BatchWriter::default(), Vec::new(), BatchWalker::new(true));
        for count in [1, 900, 3, 0, 40] {
            let records = numbered(count);
            for (at_ms, key, _, value) in &records {
                writer.append(*at_ms, key.as_deref(), None, value.as_deref());
            }
            assert_eq!(i64::from(writer.records()), count);
            let header = writer.seal(&mut compressor, PRODUCER, &mut bytes).unwrap();
            assert_eq!(i64::from(header.records), count);
            assert!(writer.is_empty() && writer.bytes() == HEADER_BYTES);
            walker.begin(0, &[]);
            let read = walk(&mut walker, &bytes).unwrap();
            assert_eq!(read.iter().map(|it| &it.4).collect::<Vec<_>>(), values(&records));
        }
    }
}

fn values(records: &[Given]) -> Vec<&Option<Vec<u8>>> {
    records.iter().map(|it| &it.3).collect()
}

#[test]
fn what_would_fit_does_fit_and_the_first_record_always_does() {
    let mut writer = BatchWriter::default();
    assert!(writer.would_take(1_000_000, 16_384), "alone");
    let value = [7; 500];
    while writer.would_take(500, 16_384) {
        writer.append(1 << 40, None, Some(("a name", &[])), Some(&value));
    }
    assert!(writer.bytes() <= 16_384, "{}", writer.bytes());
    assert!(writer.bytes() > 16_384 - 600, "{}", writer.bytes());
}

#[test]
fn a_batch_is_stamped_anew_for_another_producer_and_stays_whole() {
    let records = numbered(5);
    let mut bytes = sealed(BatchCodec::None, &records);
    let other = ProducerSequence { producer_id: 1 << 40, epoch: 9, base_sequence: 0 };
    restamp(&mut bytes, other);
    let header = BatchHeader::read(&bytes).unwrap();
    assert_eq!((header.producer_id, header.producer_epoch, header.base_sequence), (1 << 40, 9, 0));
    assert!(checksum_is_right(&bytes));
    assert_eq!(read_from(0, &bytes).unwrap(), expected(0, &records));
    restamp(&mut bytes[..50], other);
}

#[test]
fn records_before_the_wanted_offset_are_left_out_whole_batches_too() {
    for codec in built_in() {
        let set = [
            placed(100, sealed(codec, &numbered(10))),
            placed(110, sealed(codec, &numbered(10))),
            // A gap, as compaction leaves it.
            placed(150, sealed(codec, &numbered(2))),
        ]
        .concat();
        for wanted in [0, 100, 104, 109, 110, 113, 120, 149, 150, 151, 152, 900] {
            let all = (100..120).chain(150..152);
            let want: Vec<_> = all.filter(|offset| *offset >= wanted).collect();
            let mut walker = BatchWalker::new(true);
            walker.begin(wanted, &[]);
            assert_eq!(offsets(&walk(&mut walker, &set).unwrap()), want, "{codec:?} {wanted}");
            assert_eq!(walker.next_offset(), wanted.max(152));
            assert_eq!(end_of_set(&set, wanted), wanted.max(152), "by the headers alone");
        }
    }
}

#[test]
fn a_compacted_batch_ends_where_its_header_says() {
    let mut bytes = placed(10, sealed(BatchCodec::None, &numbered(3)));
    bytes[23..27].copy_from_slice(&9_i32.to_be_bytes());
    seal_checksum(&mut bytes);
    let mut walker = BatchWalker::new(true);
    walker.begin(10, &[]);
    assert_eq!(offsets(&walk(&mut walker, &bytes).unwrap()), [10, 11, 12]);
    assert_eq!(walker.next_offset(), 20);
    // Wanted is one of those that compaction took away.
    walker.begin(15, &[]);
    assert_eq!(walk(&mut walker, &bytes).unwrap(), []);
    assert_eq!(walker.next_offset(), 20);
}

#[test]
fn a_last_batch_that_is_cut_off_is_left_out_in_silence_at_every_cut() {
    let first = placed(0, sealed(BatchCodec::None, &numbered(4)));
    let set = [first.clone(), placed(4, sealed(BatchCodec::None, &numbered(4)))].concat();
    for cut in 0..set.len() {
        let mut walker = BatchWalker::new(true);
        walker.begin(0, &[]);
        let whole = if cut < first.len() { 0 } else { 4 };
        assert_eq!(walk(&mut walker, &set[..cut]).unwrap().len(), whole, "cut at {cut}");
        assert_eq!(walker.next_offset(), whole as i64);
        assert_eq!(end_of_set(&set[..cut], 0), whole as i64);
        assert_eq!(walker.saw_none(), whole == 0);
    }
}

#[test]
fn the_time_is_the_brokers_where_the_topic_wants_that() {
    let mut bytes = sealed(BatchCodec::None, &numbered(3));
    stamp_append_time(&mut bytes, 123);
    assert!(read_from(0, &bytes).unwrap().iter().all(|it| it.1 == 123));
}
