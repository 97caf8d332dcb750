//! The codecs of record batches. A batch is compressed once, as a whole, but for its header.

mod snappy;
#[cfg(feature = "zstd")]
mod zstandard;

use std::io::{Read, Write};

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

use super::codec::BatchCodec;
use super::fault::BatchFault;

/// Most bytes that one batch may unpack to: some 250 times what a broker takes by default. What
/// would be more is an error, so that a corrupt or hostile batch can't take all memory.
pub const UNPACKED_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Compresses batches, one after the other, with what one codec keeps between them.
#[allow(missing_debug_implementations, reason = "holds the codecs' own state")]
pub struct Compressor {
    codec: BatchCodec,
    state: Packing,
}

enum Packing {
    None,
    Gzip(flate2::Compression),
    Snappy(Box<snap::raw::Encoder>),
    Lz4(Box<FrameEncoder<Vec<u8>>>),
    #[cfg(feature = "zstd")]
    Zstd(zstandard::ZstdPacker),
}

impl Compressor {
    /// For a codec at a level of its own scale (`compression.gzip.level`, 1 to 9, and
    /// `compression.zstd.level`, up to 22); without one at Kafka's default, 6 and 3. LZ4 and Snappy
    /// have one level here.
    ///
    /// # Errors
    /// [`BatchFault::Missing`] for a codec that this build does not have.
    pub fn new(codec: BatchCodec, level: Option<i32>) -> Result<Self, BatchFault> {
        let state = match codec {
            BatchCodec::None => Packing::None,
            BatchCodec::Gzip => {
                let level = level.and_then(|level| u32::try_from(level).ok());
                Packing::Gzip(flate2::Compression::new(level.unwrap_or(6).min(9)))
            }
            BatchCodec::Snappy => Packing::Snappy(Box::new(snap::raw::Encoder::new())),
            BatchCodec::Lz4 => Packing::Lz4(Box::new(lz4_encoder())),
            #[cfg(feature = "zstd")]
            BatchCodec::Zstd => {
                let packer = zstandard::ZstdPacker::new(level.unwrap_or(3));
                Packing::Zstd(packer.map_err(|why| codec.compressing(why))?)
            }
            #[cfg(not(feature = "zstd"))]
            BatchCodec::Zstd => return Err(BatchFault::Missing(codec.name())),
        };
        Ok(Self { codec, state })
    }

    /// Which codec it has.
    #[must_use]
    pub const fn codec(&self) -> BatchCodec {
        self.codec
    }

    /// Appends `plain`, compressed, to `packed`.
    pub(super) fn compress(
        &mut self,
        plain: &[u8],
        packed: &mut Vec<u8>,
    ) -> Result<(), BatchFault> {
        let codec = self.codec;
        match &mut self.state {
            Packing::None => packed.extend_from_slice(plain),
            Packing::Gzip(level) => {
                let mut encoder = GzEncoder::new(packed, *level);
                let written = encoder.write_all(plain).and_then(|()| encoder.finish().map(drop));
                written.map_err(|why| codec.compressing(why))?;
            }
            Packing::Snappy(encoder) => {
                snappy::compress(encoder, plain, packed).map_err(|why| codec.compressing(why))?;
            }
            Packing::Lz4(encoder) => {
                // One that has written something before makes no frame of nothing.
                if plain.is_empty() {
                    **encoder = lz4_encoder();
                }
                // The encoder owns what it writes to: it has the caller's buffer for a moment.
                std::mem::swap(encoder.get_mut(), packed);
                let written = encoder.write_all(plain);
                let ended = encoder.try_finish();
                std::mem::swap(encoder.get_mut(), packed);
                written.map_err(|why| codec.compressing(why))?;
                ended.map_err(|why| codec.compressing(why))?;
            }
            #[cfg(feature = "zstd")]
            Packing::Zstd(packer) => {
                packer.compress(plain, packed).map_err(|why| codec.compressing(why))?;
            }
        }
        Ok(())
    }
}

/// Writes what Kafka's readers take: they refuse linked blocks.
fn lz4_encoder() -> FrameEncoder<Vec<u8>> {
    let frame = FrameInfo::new().block_mode(BlockMode::Independent).block_size(BlockSize::Max64KB);
    FrameEncoder::with_frame_info(frame, Vec::new())
}

/// Unpacks batches, one after the other, with what the codecs keep between them.
#[derive(Default)]
#[allow(missing_debug_implementations, reason = "holds the codecs' own state")]
pub struct Decompressor {
    #[cfg(feature = "zstd")]
    zstd: zstandard::ZstdUnpacker,
}

impl Decompressor {
    /// Replaces what is in `plain` by what is in `packed`.
    ///
    /// # Errors
    /// When the codec refuses it, this build does not have it, or more than `limit_bytes` come out.
    pub(super) fn decompress(
        &mut self,
        codec: BatchCodec,
        packed: &[u8],
        plain: &mut Vec<u8>,
        limit_bytes: usize,
    ) -> Result<(), BatchFault> {
        plain.clear();
        match codec {
            BatchCodec::None => {
                plain.extend_from_slice(packed);
                Ok(())
            }
            BatchCodec::Gzip => read(codec, MultiGzDecoder::new(packed), plain, limit_bytes),
            BatchCodec::Snappy => snappy::decompress(packed, plain, limit_bytes),
            BatchCodec::Lz4 => read(codec, FrameDecoder::new(packed), plain, limit_bytes),
            #[cfg(feature = "zstd")]
            BatchCodec::Zstd => self.zstd.decompress(packed, plain, limit_bytes),
            #[cfg(not(feature = "zstd"))]
            BatchCodec::Zstd => Err(BatchFault::Missing(codec.name())),
        }
    }
}

/// Reads all that a decoder gives, and gives up at the limit: no length that the data states is
/// believed.
fn read(
    codec: BatchCodec,
    decoder: impl Read,
    plain: &mut Vec<u8>,
    limit_bytes: usize,
) -> Result<(), BatchFault> {
    let mut decoder = decoder.take(limit_bytes as u64 + 1);
    decoder.read_to_end(plain).map_err(|why| codec.corrupt(why))?;
    if plain.len() > limit_bytes {
        plain.clear();
        return Err(codec.too_large(limit_bytes));
    }
    Ok(())
}
