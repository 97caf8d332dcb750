//! Snappy in the frames of xerial's stream, which Kafka's Java client and the brokers write and
//! read: a header of 16 bytes, then blocks, each behind its length. Other clients write one block
//! without frames; both are read.

use super::super::codec::BatchCodec;
use super::super::fault::BatchFault;

/// `\x82SNAPPY\0`, then the version and the oldest version that can read it, both 1.
const STREAM_HEADER: [u8; 16] = *b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";

/// How much of the header tells a stream from a block.
const STREAM_MAGIC_BYTES: usize = 8;

/// How much goes into one block: Snappy itself looks no further back.
const BLOCK_BYTES: usize = 64 * 1024;

/// Most that a byte of a block can unpack to: a copy of 64 bytes takes three.
const EXPANSION_MAX: usize = 32;

const CODEC: BatchCodec = BatchCodec::Snappy;

pub(super) fn compress(
    encoder: &mut snap::raw::Encoder,
    plain: &[u8],
    packed: &mut Vec<u8>,
) -> Result<(), snap::Error> {
    packed.extend_from_slice(&STREAM_HEADER);
    for block in plain.chunks(BLOCK_BYTES) {
        let length_at = packed.len();
        let begin = length_at + 4;
        packed.resize(begin + snap::raw::max_compress_len(block.len()), 0);
        let length = encoder.compress(block, &mut packed[begin..])?;
        packed.truncate(begin + length);
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        packed[length_at..begin].copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

pub(super) fn decompress(
    packed: &[u8],
    plain: &mut Vec<u8>,
    limit_bytes: usize,
) -> Result<(), BatchFault> {
    if !packed.starts_with(&STREAM_HEADER[..STREAM_MAGIC_BYTES]) {
        return decompress_block(packed, plain, limit_bytes);
    }
    let Some(mut rest) = packed.get(STREAM_HEADER.len()..) else {
        return Err(CODEC.corrupt("the stream's header is cut off"));
    };
    while !rest.is_empty() {
        let block = rest.split_first_chunk::<4>().and_then(|(length, after)| {
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            after.split_at_checked(length)
        });
        let Some((block, after)) = block else {
            return Err(CODEC.corrupt("a block is cut off"));
        };
        decompress_block(block, plain, limit_bytes)?;
        rest = after;
    }
    Ok(())
}

/// Appends what one block unpacks to.
fn decompress_block(
    block: &[u8],
    plain: &mut Vec<u8>,
    limit_bytes: usize,
) -> Result<(), BatchFault> {
    // The length is what the block says of itself: it is held against what can be true before
    // there is room made for it.
    let length = snap::raw::decompress_len(block).map_err(|why| CODEC.corrupt(why))?;
    if length > block.len().saturating_mul(EXPANSION_MAX) {
        return Err(CODEC.corrupt("a block states a length that it can't unpack to"));
    }
    let begin = plain.len();
    if length > limit_bytes.saturating_sub(begin) {
        return Err(CODEC.too_large(limit_bytes));
    }
    plain.resize(begin + length, 0);
    snap::raw::Decoder::new()
        .decompress(block, &mut plain[begin..])
        .map_err(|why| CODEC.corrupt(why))?;
    Ok(())
}
