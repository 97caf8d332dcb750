//! Zstandard by its own C library, whose contexts are kept from batch to batch.

use std::io;

use zstd::bulk::Compressor as BulkCompressor;
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

use super::super::codec::BatchCodec;
use super::super::fault::BatchFault;

const CODEC: BatchCodec = BatchCodec::Zstd;

/// How much room is made at first, where there was less.
const FIRST_BYTES: usize = 64 * 1024;

pub(super) struct ZstdPacker(BulkCompressor<'static>);

impl ZstdPacker {
    pub(super) fn new(level: i32) -> io::Result<Self> {
        BulkCompressor::new(level).map(Self)
    }

    /// Appends the compressed bytes.
    pub(super) fn compress(&mut self, plain: &[u8], packed: &mut Vec<u8>) -> io::Result<()> {
        packed.reserve(zstd::zstd_safe::compress_bound(plain.len()));
        let begin = packed.len() as u64;
        let mut at_end = io::Cursor::new(packed);
        at_end.set_position(begin);
        self.0.compress_to_buffer(plain, &mut at_end).map(drop)
    }
}

/// Its context is made with the first batch: most readers never meet one.
#[derive(Default)]
pub(super) struct ZstdUnpacker(Option<Decoder<'static>>);

impl ZstdUnpacker {
    pub(super) fn decompress(
        &mut self,
        packed: &[u8],
        plain: &mut Vec<u8>,
        limit_bytes: usize,
    ) -> Result<(), BatchFault> {
        let decoder = match &mut self.0 {
            Some(decoder) => decoder,
            none => none.insert(Decoder::new().map_err(|why| CODEC.corrupt(why))?),
        };
        decoder.reinit().map_err(|why| CODEC.corrupt(why))?;
        let mut input = InBuffer::around(packed);
        loop {
            if plain.len() == plain.capacity() {
                plain.reserve(FIRST_BYTES);
            }
            let begin = plain.len();
            let mut output = OutBuffer::around_pos(plain, begin);
            let missing = decoder.run(&mut input, &mut output).map_err(|why| CODEC.corrupt(why))?;
            if plain.len() > limit_bytes {
                plain.clear();
                return Err(CODEC.too_large(limit_bytes));
            }
            if input.pos() < packed.len() {
                continue;
            }
            if missing == 0 {
                return Ok(());
            }
            // With room left, it has nothing more to give.
            if plain.len() < plain.capacity() {
                return Err(CODEC.corrupt("it ends too early"));
            }
        }
    }
}
