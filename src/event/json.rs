//! The event's JSON: written from prebuilt fragments, read with simd-json.

mod encode;
mod parse;
mod restamp;
mod stamp;

use super::Stamp;
use super::codec::{Codec, EventParser, EventParts, EventPiece, EventRestamper, StampPlace};
use parse::Parser;
use restamp::Restamper;

/// JSON as the specification has it; the stamp lies in `event_id` and `timestamp`.
#[derive(Debug, Clone, Copy)]
pub(super) struct JsonCodec;

impl Codec for JsonCodec {
    fn stamp_place(&self) -> StampPlace {
        StampPlace::Payload
    }

    fn prepare(&self, piece: &EventPiece<'_>, out: &mut Vec<u8>) {
        encode::prepare(piece, out);
    }

    fn encode(&self, stamp: &Stamp, parts: &EventParts<'_>, out: &mut Vec<u8>) {
        encode::encode(stamp, parts, out);
    }

    fn encoded_len(&self, parts: &EventParts<'_>) -> usize {
        encode::encoded_len(parts)
    }

    fn padding_letters(&self, bytes: usize) -> Option<usize> {
        bytes.checked_sub(encode::PADDING_FRAME)
    }

    fn probe(&self, stamp: &Stamp, out: &mut Vec<u8>) {
        encode::probe(stamp, out);
    }

    fn write_header(&self, _: &Stamp, _: &mut Vec<u8>) {}

    fn stamp(&self, _: Option<&[u8]>, payload: Option<&[u8]>) -> Option<Stamp> {
        stamp::read(payload?)
    }

    fn parser(&self) -> Box<dyn EventParser> {
        Box::new(Parser::new())
    }

    fn restamper(&self) -> Box<dyn EventRestamper> {
        Box::new(Restamper::default())
    }

    fn join(&self, stamp: &Stamp, tail: &[u8], out: &mut Vec<u8>) {
        restamp::join(stamp, tail, out);
    }
}
