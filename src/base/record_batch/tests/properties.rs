//! Laws that hold for any records, and for any bytes.

use proptest::prelude::*;

use super::*;

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
