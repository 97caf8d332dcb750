//! What is left out of a record set, and what is refused.

use super::*;

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
