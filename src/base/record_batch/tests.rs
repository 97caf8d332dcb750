//! Held against `kafka-protocol`'s own records, against bytes made by hand, and against what
//! no broker should ever send.

use bytes::{Bytes, BytesMut};
use kafka_protocol::records::{
    Compression, Record, RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use proptest::prelude::*;

use super::*;

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

/// A marker of a transaction's end, as the brokers write it.
fn marker(base: i64, producer_id: i64, commits: bool) -> Vec<u8> {
    let key = [0, 0, 0, u8::from(commits)];
    let mut bytes = sealed(BatchCodec::None, &[(1, Some(key.to_vec()), None, Some(vec![0; 6]))]);
    restamp(&mut bytes, ProducerSequence { producer_id, epoch: 0, base_sequence: -1 });
    flag(placed(base, bytes), 0x30)
}

fn flag(mut bytes: Vec<u8>, flags: u8) -> Vec<u8> {
    bytes[22] |= flags;
    seal_checksum(&mut bytes);
    bytes
}

fn in_transaction(base: i64, producer_id: i64, count: i64) -> Vec<u8> {
    let mut bytes = sealed(BatchCodec::None, &numbered(count));
    restamp(&mut bytes, ProducerSequence { producer_id, epoch: 0, base_sequence: 0 });
    flag(placed(base, bytes), 0x10)
}

#[test]
fn markers_are_left_out_and_aborted_transactions_where_they_are_listed() {
    let set = [
        in_transaction(0, 1, 2),
        in_transaction(2, 2, 2),
        marker(4, 1, false),
        marker(5, 2, true),
        in_transaction(6, 1, 2),
        placed(8, sealed(BatchCodec::None, &numbered(1))),
        marker(9, 1, true),
        in_transaction(10, 2, 1),
        marker(11, 2, false),
    ]
    .concat();
    let mut walker = BatchWalker::new(true);
    walker.begin(0, &[]);
    assert_eq!(offsets(&walk(&mut walker, &set).unwrap()), [0, 1, 2, 3, 6, 7, 8, 10]);
    assert_eq!(walker.next_offset(), 12, "behind the last marker");
    let aborted = [(2, 10), (1, 0)]
        .map(|(producer_id, first_offset)| AbortedTransaction { producer_id, first_offset });
    walker.begin(0, &aborted);
    assert_eq!(offsets(&walk(&mut walker, &set).unwrap()), [2, 3, 6, 7, 8]);
    assert_eq!(walker.next_offset(), 12);
}

#[test]
fn each_fault_is_told_with_its_offset() {
    let base = || placed(7, sealed(BatchCodec::None, &numbered(2)));
    let told = |bytes: &[u8]| read_from(3, bytes).unwrap_err().to_string();
    let mut bytes = base();
    let value_at = bytes.windows(5).position(|it| it == b"value").unwrap();
    bytes[value_at] ^= 1;
    let words = told(&bytes);
    assert!(words.starts_with("record batch at offset 7: its CRC-32C is 0x"), "{words}");
    let mut walker = BatchWalker::new(false);
    walker.begin(3, &[]);
    assert!(walk(&mut walker, &bytes).is_ok(), "a byte of the value, and it does not check");

    let set = |at: usize, field: &[u8]| {
        let mut bytes = base();
        bytes[at..at + field.len()].copy_from_slice(field);
        seal_checksum(&mut bytes);
        told(&bytes)
    };
    let begins = "record batch at offset";
    assert_eq!(set(16, &[1]), format!("{begins} 3: its message format is 1; expected 2"));
    assert_eq!(set(16, &[3]), format!("{begins} 3: its message format is 3; expected 2"));
    assert_eq!(
        set(8, &[0, 0, 0, 48]),
        format!("{begins} 3: its length is 48; expected at least 49")
    );
    assert_eq!(set(8, &[255; 4]), format!("{begins} 3: its length is -1; expected at least 49"));
    assert_eq!(set(22, &[6]), format!("{begins} 7: its header states codec 6; expected 0 to 4"));
    let offset = set(0, &[255; 8]);
    assert_eq!(offset, format!("{begins} 3: its header states base offset -1; expected 0 or more"));
    assert!(set(57, &3_i32.to_be_bytes()).contains("offset 9: a record's length is cut off"));
    assert!(set(57, &1_i32.to_be_bytes()).contains("offset 8: a record's end leaves bytes over"));
    assert!(set(57, &[255; 4]).contains("records -1"));
    assert!(set(23, &[255; 4]).contains("last offset delta -1"));
    assert!(set(23, &[0; 4]).contains("offset 8: a record's offset is not behind"));
    assert!(set(0, &(i64::MAX - 1).to_be_bytes()).contains("offsets below 2^63"));
}

#[test]
fn a_record_that_is_longer_than_its_fields_is_refused() {
    let record = (5, Some(b"k".to_vec()), None, Some(b"one".to_vec()));
    let mut bytes = sealed(BatchCodec::None, &[record]);
    bytes.push(0);
    // One more byte of the batch, and of its one record; lengths of records are zig-zag.
    bytes[11] += 1;
    bytes[HEADER_BYTES] += 2;
    seal_checksum(&mut bytes);
    let words = read_from(0, &bytes).unwrap_err().to_string();
    assert!(words.contains("headers are not what its length says"), "{words}");
}

#[test]
fn a_batch_that_is_not_wanted_is_not_even_looked_at() {
    let mut first = placed(0, sealed(BatchCodec::None, &numbered(2)));
    *first.last_mut().unwrap() ^= 1;
    let set = [first, placed(2, sealed(BatchCodec::None, &numbered(2)))].concat();
    assert_eq!(offsets(&read_from(2, &set).unwrap()), [2, 3]);
    assert!(read_from(1, &set).is_err());
}

#[test]
fn the_latest_time_is_the_headers_wherever_it_stands() {
    let records = [7, 90, 3].map(|at_ms| (at_ms, None, None, None));
    let bytes = sealed(BatchCodec::None, &records);
    let header = BatchHeader::read(&bytes).unwrap();
    assert_eq!((header.base_timestamp_ms, header.max_timestamp_ms), (7, 90));
    assert_eq!(read_from(0, &bytes).unwrap(), expected(0, &records));
}

#[test]
fn what_unpacks_beyond_the_limit_is_refused_before_it_takes_the_memory() {
    let plain = vec![0; 3_000_000];
    for codec in built_in() {
        let (mut packed, mut out) = (Vec::new(), Vec::new());
        Compressor::new(codec, None).unwrap().compress(&plain, &mut packed).unwrap();
        let mut unpack =
            |limit| Decompressor::default().decompress(codec, &packed, &mut out, limit);
        assert_eq!(unpack(plain.len()), Ok(()), "{codec:?}");
        if codec != BatchCodec::None {
            let refused = unpack(plain.len() - 1).unwrap_err();
            assert_eq!(refused, codec.too_large(plain.len() - 1));
            assert!(out.is_empty() || codec == BatchCodec::Snappy, "{codec:?}");
        }
    }
}

#[test]
fn a_block_of_snappy_without_frames_is_read_and_a_lying_one_is_not() {
    let plain = b"a block as other clients write it, a block as other clients write it".repeat(40);
    let block = snap::raw::Encoder::new().compress_vec(&plain).unwrap();
    let mut out = Vec::new();
    let mut unpack = |packed: &[u8]| {
        let done =
            Decompressor::default().decompress(BatchCodec::Snappy, packed, &mut out, 1 << 30);
        done.map(|()| out.clone())
    };
    assert_eq!(unpack(&block), Ok(plain));
    // States 2^28 bytes, and has five.
    let lie = unpack(&[0x80, 0x80, 0x80, 0x80, 0x01]).unwrap_err();
    assert!(lie.to_string().contains("can't unpack to"), "{lie}");
    assert!(unpack(b"\x82SNAPPY\0").is_err());
    assert!(unpack(b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01\xff\xff\xff\xffabc").is_err());
}

fn any_record() -> impl Strategy<Value = Given> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..200);
    let option = proptest::option::of::<proptest::collection::VecStrategy<_>>;
    let header = proptest::option::of(("[a-z]{0,9}", bytes()));
    (-1_i64..1 << 45, option(bytes()), header, option(bytes()))
}

fn any_codec() -> impl Strategy<Value = BatchCodec> {
    proptest::sample::select(built_in().collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn every_batch_comes_back(
        codec in any_codec(),
        batches in proptest::collection::vec(proptest::collection::vec(any_record(), 1..30), 1..4),
    ) {
        let (mut set, mut want, mut base) = (Vec::new(), Vec::new(), 1_000);
        for records in &batches {
            set.extend(placed(base, sealed(codec, records)));
            want.extend(expected(base, records));
            base += records.len() as i64;
        }
        prop_assert_eq!(read_from(1_000, &set).unwrap(), want);
    }

    /// Offsets rise, and lie within what was asked for, whatever the bytes are: changed bytes
    /// under a checksum that is right, cuts, and repetitions.
    #[test]
    fn bytes_that_were_changed_give_records_in_order_or_a_fault_and_never_a_panic(
        codec in any_codec(),
        records in proptest::collection::vec(any_record(), 1..20),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in proptest::option::of(any::<prop::sample::Index>()),
        wanted in 0_i64..40,
        is_sealed in any::<bool>(),
    ) {
        let mut set = sealed(codec, &records);
        for (at, byte) in changes {
            let at = at.index(set.len());
            set[at] = byte;
        }
        if is_sealed {
            seal_checksum(&mut set);
        }
        set.extend(placed(30, sealed(codec, &records)));
        if let Some(cut) = cut {
            set.truncate(cut.index(set.len() + 1));
        }
        let end = end_of_set(&set, wanted);
        let mut walker = BatchWalker::new(true);
        walker.begin(wanted, &[AbortedTransaction { producer_id: 77, first_offset: 31 }]);
        let mut last = wanted - 1;
        let ended = loop {
            match walker.next(&set) {
                Ok(Some(record)) => {
                    prop_assert!(record.offset > last);
                    last = record.offset;
                    record.headers.count();
                }
                Ok(None) => break Ok(()),
                Err(fault) => break Err(fault),
            }
        };
        prop_assert!(walker.next_offset() > last);
        if ended.is_ok() {
            prop_assert_eq!(walker.next_offset(), end);
        } else {
            prop_assert!(walker.next(&set).is_err(), "a fault stays");
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(
        set in proptest::collection::vec(any::<u8>(), 0..300),
        magic in any::<bool>(),
    ) {
        let mut set = set;
        if magic && set.len() > 61 {
            let length = i32::try_from(set.len() - 12).unwrap();
            set[8..12].copy_from_slice(&length.to_be_bytes());
            (set[0], set[16], set[21]) = (0, 2, 0);
            seal_checksum(&mut set);
        }
        let _ = read_from(0, &set);
    }

    #[test]
    fn any_bytes_are_unpacked_without_a_panic_and_within_the_limit(
        codec in any_codec(),
        packed in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut plain = Vec::new();
        let _ = Decompressor::default().decompress(codec, &packed, &mut plain, 100_000);
        prop_assert!(plain.len() <= 100_000);
    }
}
