//! Zig-zag variable-length integers, as records are made of.

/// Most bytes that one takes.
pub(super) const VARINT_BYTES_MAX: usize = 10;

/// Reads one from the front of `rest`, which is then what follows it; `None` where it does not
/// end, or does not fit in 64 bits.
#[inline]
pub fn read_varint(rest: &mut &[u8]) -> Option<i64> {
    let (&first, after) = rest.split_first()?;
    if first & 0x80 == 0 {
        *rest = after;
        return Some(i64::from(first >> 1) ^ -i64::from(first & 1));
    }
    read_long(rest)
}

fn read_long(rest: &mut &[u8]) -> Option<i64> {
    let mut value = 0_u64;
    for (index, &byte) in rest.iter().take(VARINT_BYTES_MAX).enumerate() {
        // The tenth byte has room for the last bit only.
        if index + 1 == VARINT_BYTES_MAX && byte > 1 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            *rest = &rest[index + 1..];
            return Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
        }
    }
    None
}

/// Appends one.
#[inline]
pub(super) fn write_varint(bytes: &mut Vec<u8>, value: i64) {
    let mut rest = zigzag(value);
    if rest < 0x80 {
        bytes.push(rest as u8);
        return;
    }
    let (mut digits, mut count) = ([0_u8; VARINT_BYTES_MAX], 0);
    while rest >= 0x80 {
        digits[count] = rest as u8 | 0x80;
        rest >>= 7;
        count += 1;
    }
    digits[count] = rest as u8;
    bytes.extend_from_slice(&digits[..=count]);
}

/// How many bytes one takes.
#[inline]
pub(super) const fn varint_bytes(value: i64) -> usize {
    // Seven bits a byte, and one byte for zero.
    let bits = 64 - (zigzag(value) | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The examples of the protocol's documentation: 0, −1, 1, −2 are 0, 1, 2, 3.
    #[test]
    fn small_numbers_of_either_sign_take_one_byte() {
        let written = |value| {
            let mut bytes = Vec::new();
            write_varint(&mut bytes, value);
            bytes
        };
        assert_eq!([0, -1, 1, -2, 63, -64].map(written), [[0], [1], [2], [3], [126], [127]]);
        assert_eq!(written(64), [0x80, 0x01]);
        assert_eq!(written(300), [0xd8, 0x04]);
        assert_eq!(written(i64::MIN), [[0xff; 9].as_slice(), &[0x01]].concat());
    }

    #[test]
    fn what_does_not_end_or_does_not_fit_is_refused() {
        for bytes in [&[][..], &[0x80], &[0xff; 9], &[0xff; 11]] {
            assert_eq!(read_varint(&mut &*bytes), None, "{bytes:?}");
        }
        let over = [[0xff; 9].as_slice(), &[0x02]].concat();
        assert_eq!(read_varint(&mut &*over), None);
    }

    proptest! {
        #[test]
        fn every_number_comes_back_and_takes_what_was_foreseen(
            value in any::<i64>(),
            shift in 0_u32..64,
        ) {
            let value = value >> shift;
            let mut bytes = Vec::new();
            write_varint(&mut bytes, value);
            prop_assert_eq!(bytes.len(), varint_bytes(value));
            bytes.push(0xee);
            let mut rest = &*bytes;
            prop_assert_eq!(read_varint(&mut rest), Some(value));
            prop_assert_eq!(rest, &[0xee][..]);
        }
    }
}
