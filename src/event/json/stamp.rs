//! The stamp: run, shard, number and due time, at fixed places at the head of every event.
//!
//! ```text
//! {"event_id":"rrrrrrrr-ssss-8ccc-vccc-nnnnnnnnnnnn","timestamp":"YYYY-MM-DDTHH:MM:SS.ffffffZ"
//! ```
//!
//! `r` is the run, `s` the shard, `n` the number in the shard, all big-endian hexadecimal; 26
//! check bits are in `c` and the low bits of `v`, around the version 8 and the variant `10` of
//! RFC 9562. They depend on all three numbers, so that somebody else's UUID of version 8 is not
//! mistaken for ours.

use crate::event::Stamp;
use crate::event::date::{self, TIME_LEN};

/// How many bytes [`write()`] appends; the next byte is a comma.
pub(super) const STAMP_LEN: usize = ID_AT + ID_LEN + MIDDLE.len() + TIME_LEN + 1;

const HEAD: &[u8; 13] = b"{\"event_id\":\"";
const MIDDLE: &[u8; 15] = b"\",\"timestamp\":\"";
const ID_AT: usize = HEAD.len();
const ID_LEN: usize = 36;
const TIME_AT: usize = ID_AT + ID_LEN + MIDDLE.len();

const SEQ_MAX: u64 = (1 << 48) - 1;

/// Appends the event's opening brace, its `event_id` and its `timestamp`.
///
/// Numbers above 48 bits lose their upper bits, and a date outside the years 0 to 9999 is
/// moved to the nearest end; neither happens within a run.
pub(super) fn write(stamp: &Stamp, out: &mut Vec<u8>) {
    let mut text = [0_u8; STAMP_LEN];
    text[..ID_AT].copy_from_slice(HEAD);
    write_id(stamp, &mut text[ID_AT..ID_AT + ID_LEN]);
    text[ID_AT + ID_LEN..TIME_AT].copy_from_slice(MIDDLE);
    date::write(stamp.due_wall_us, &mut text[TIME_AT..TIME_AT + TIME_LEN]);
    text[STAMP_LEN - 1] = b'"';
    out.extend_from_slice(&text);
}

/// Reads a stamp back from the head of an event; `None` for every event that kbench didn't make.
#[inline]
pub(super) fn read(payload: &[u8]) -> Option<Stamp> {
    let text: &[u8; STAMP_LEN] = payload.first_chunk()?;
    if &text[..ID_AT] != HEAD
        || &text[ID_AT + ID_LEN..TIME_AT] != MIDDLE
        || text[STAMP_LEN - 1] != b'"'
    {
        return None;
    }
    let id = read_id(text[ID_AT..ID_AT + ID_LEN].try_into().ok()?)?;
    let due_wall_us = date::read_own(text[TIME_AT..TIME_AT + TIME_LEN].try_into().ok()?)?;
    let (run, shard, seq) = id;
    Some(Stamp { run, shard, seq, due_wall_us })
}

fn write_id(stamp: &Stamp, text: &mut [u8]) {
    let seq = stamp.seq & SEQ_MAX;
    let check = check_bits(stamp.run, stamp.shard, seq);
    let version = u32::from(stamp.shard) << 16 | 0x8000 | check >> 14;
    let variant = 0x8000_0000 | (check & 0x3FFF) << 16 | (seq >> 32) as u32;
    let (version, variant) = (hex_of(version), hex_of(variant));
    text[..8].copy_from_slice(&hex_of(stamp.run));
    text[9..13].copy_from_slice(&version[..4]);
    text[14..18].copy_from_slice(&version[4..]);
    text[19..23].copy_from_slice(&variant[..4]);
    text[24..28].copy_from_slice(&variant[4..]);
    text[28..].copy_from_slice(&hex_of(seq as u32));
    for at in [8, 13, 18, 23] {
        text[at] = b'-';
    }
}

fn read_id(text: &[u8; ID_LEN]) -> Option<(u32, u16, u64)> {
    if text[8] != b'-' || text[13] != b'-' || text[18] != b'-' || text[23] != b'-' {
        return None;
    }
    let run = number_of(*text.first_chunk()?)?;
    let version = number_of(joined(text, 9, 14)?)?;
    let variant = number_of(joined(text, 19, 24)?)?;
    let seq = u64::from(variant & 0xFFFF) << 32 | u64::from(number_of(*text.last_chunk()?)?);
    let shard = (version >> 16) as u16;
    let check = (version & 0xFFF) << 14 | variant >> 16 & 0x3FFF;
    let marks = version & 0xF000 == 0x8000 && variant >> 30 == 0b10;
    (marks && check == check_bits(run, shard, seq)).then_some((run, shard, seq))
}

/// Four bytes from one place and four from another.
fn joined(text: &[u8; ID_LEN], first: usize, second: usize) -> Option<[u8; 8]> {
    let mut both = [0; 8];
    both[..4].copy_from_slice(text.get(first..first + 4)?);
    both[4..].copy_from_slice(text.get(second..second + 4)?);
    Some(both)
}

/// One in every byte of a word; times n it is n in every byte.
const BYTES: u64 = 0x0101_0101_0101_0101;
/// The lower four bits of every byte.
const LOW_HALVES: u64 = 0x0F * BYTES;

/// Eight lower-case hexadecimal digits, all at once: a digit in each byte of a word.
const fn hex_of(number: u32) -> [u8; 8] {
    let mut digits = number as u64;
    digits = (digits << 16 | digits) & 0x0000_FFFF_0000_FFFF;
    digits = (digits << 8 | digits) & 0x00FF_00FF_00FF_00FF;
    digits = (digits << 4 | digits) & 0x0F0F_0F0F_0F0F_0F0F;
    let letters = (digits + 6 * BYTES) >> 4 & BYTES;
    (digits + b'0' as u64 * BYTES + letters * (b'a' - b'0' - 10) as u64).to_be_bytes()
}

/// The inverse of [`hex_of`]: reads whatever it is given, and refuses what reads otherwise.
fn number_of(text: [u8; 8]) -> Option<u32> {
    let word = u64::from_be_bytes(text);
    let letters = word >> 6 & BYTES;
    let mut digits = (word & LOW_HALVES).wrapping_add(letters * 9) & LOW_HALVES;
    digits = (digits | digits >> 4) & 0x00FF_00FF_00FF_00FF;
    digits = (digits | digits >> 8) & 0x0000_FFFF_0000_FFFF;
    let number = (digits | digits >> 16) as u32;
    (hex_of(number) == text).then_some(number)
}

/// 26 bits of all three numbers; the constants are those of splitmix64 (Steele et al. 2014).
const fn check_bits(run: u32, shard: u16, seq: u64) -> u32 {
    // One up, or the UUID of nothing but zeros would check.
    let mut mixed = ((run as u64) << 16 ^ shard as u64) + 1;
    mixed = mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ seq;
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed >> 38) as u32
}

#[cfg(test)]
mod tests;
