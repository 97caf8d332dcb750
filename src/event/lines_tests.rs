//! A second codec, for tests: an event is a line of fields between control characters, and its
//! stamp lies in a header. Nothing of it looks like JSON.

use super::codec::{
    Codec, EventParser, EventParts, EventPiece, EventRestamper, StampPlace, Unstamped,
};
use super::garbage::{Garbage, Misfit};
use super::{Device, Event, EventType, Location, PAYLOAD_BYTES_MAX, Properties, Stamp};

/// Between two fields: in no text.
const END: u8 = 0x1f;

/// Run, shard, number and due time, big-endian, behind a byte of their own.
const HEADER_LEN: usize = 1 + 4 + 2 + 8 + 8;
const HEADER_MARK: u8 = b'K';

/// The codec.
#[derive(Debug, Clone, Copy)]
pub(super) struct LinesCodec;

fn put(texts: &[&str], out: &mut Vec<u8>) {
    for text in texts {
        assert!(!text.as_bytes().contains(&END));
        out.extend_from_slice(text.as_bytes());
        out.push(END);
    }
}

impl Codec for LinesCodec {
    fn stamp_place(&self) -> StampPlace {
        StampPlace::Header("stamp")
    }

    fn prepare(&self, piece: &EventPiece<'_>, out: &mut Vec<u8>) {
        match *piece {
            EventPiece::Text(text) => put(&[text], out),
            EventPiece::Session { user_id, session_id } => put(&[user_id, session_id], out),
            EventPiece::Product { id, name, price_cents, category } => {
                put(&[id, name, &price_cents.to_string(), category], out);
            }
            EventPiece::Category(name) => put(&["", "", "", name], out),
            EventPiece::Device { kind, os, browser } => put(&[kind, os, browser], out),
            EventPiece::Place { country, city, timezone } => put(&[country, city, timezone], out),
        }
    }

    fn encode(&self, _: &Stamp, parts: &EventParts<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(parts.who);
        put(&[parts.event_type.name()], out);
        out.extend_from_slice(parts.page_url);
        out.extend_from_slice(parts.referrer);
        out.extend_from_slice(parts.user_agent);
        put(&[parts.ip_address], out);
        out.extend_from_slice(if parts.about.is_empty() { &[END; 4] } else { parts.about });
        out.extend_from_slice(parts.search_query.unwrap_or(&[END]));
        put(&[&parts.cart_cents.map_or(String::new(), |cents| cents.to_string())], out);
        out.extend_from_slice(parts.device);
        out.extend_from_slice(parts.location);
        put(&[parts.padding.unwrap_or("")], out);
    }

    fn encoded_len(&self, parts: &EventParts<'_>) -> usize {
        let mut out = Vec::new();
        self.encode(&Stamp { run: 0, shard: 0, seq: 0, due_wall_us: 0 }, parts, &mut out);
        out.len()
    }

    fn padding_letters(&self, bytes: usize) -> Option<usize> {
        Some(bytes)
    }

    fn probe(&self, _: &Stamp, out: &mut Vec<u8>) {
        put(&["probe", "probe", EventType::PageView.name()], out);
        out.extend_from_slice(&[END; 17]);
    }

    fn write_header(&self, stamp: &Stamp, out: &mut Vec<u8>) {
        out.push(HEADER_MARK);
        out.extend_from_slice(&stamp.run.to_be_bytes());
        out.extend_from_slice(&stamp.shard.to_be_bytes());
        out.extend_from_slice(&stamp.seq.to_be_bytes());
        out.extend_from_slice(&stamp.due_wall_us.to_be_bytes());
    }

    fn stamp(&self, header: Option<&[u8]>, _: Option<&[u8]>) -> Option<Stamp> {
        let header: &[u8; HEADER_LEN] = header?.try_into().ok()?;
        let (mark, header) = header.split_first()?;
        let (run, header) = header.split_first_chunk()?;
        let (shard, header) = header.split_first_chunk()?;
        let (seq, due) = header.split_first_chunk()?;
        (*mark == HEADER_MARK).then_some(Stamp {
            run: u32::from_be_bytes(*run),
            shard: u16::from_be_bytes(*shard),
            seq: u64::from_be_bytes(*seq),
            due_wall_us: i64::from_be_bytes(due.try_into().ok()?),
        })
    }

    fn parser(&self) -> Box<dyn EventParser> {
        Box::new(LinesParser)
    }

    fn restamper(&self) -> Box<dyn EventRestamper> {
        Box::new(LinesParser)
    }

    fn join(&self, _: &Stamp, tail: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(tail);
    }
}

#[derive(Debug)]
struct LinesParser;

impl EventParser for LinesParser {
    fn parse<'s>(&'s mut self, payload: &'s [u8]) -> Result<Event<'s>, Garbage> {
        if payload.is_empty() {
            return Err(Garbage::Empty);
        }
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(Garbage::TooLarge(payload.len()));
        }
        let text = str::from_utf8(payload).map_err(|_| Garbage::NotUtf8)?;
        let fields: Vec<&str> = text.split(char::from(END)).collect();
        let Ok(fields) = <[&str; 21]>::try_from(fields) else {
            return Err(Garbage::Malformed("lines"));
        };
        let given = |place: usize| Some(fields[place]).filter(|text| !text.is_empty());
        let dollars =
            |place| given(place).map(|cents| cents.parse::<u64>().map(|c| c as f64 / 1e2));
        let number = |place, name| match dollars(place) {
            Some(Err(_)) => Err(Garbage::NotAnEvent(Misfit::WrongType(name))),
            Some(Ok(dollars)) => Ok(Some(dollars)),
            None => Ok(None),
        };
        let event_type = EventType::ALL.into_iter().find(|kind| kind.name() == fields[2]);
        Ok(Event {
            event_id: "",
            timestamp: "",
            user_id: fields[0],
            session_id: fields[1],
            event_type: event_type.ok_or(Garbage::NotAnEvent(Misfit::UnknownEventType))?,
            page_url: fields[3],
            referrer: Some(fields[4]),
            user_agent: Some(fields[5]),
            ip_address: Some(fields[6]),
            properties: Properties {
                product_id: given(7),
                product_name: given(8),
                price: number(9, "price")?,
                category: given(10),
                search_query: given(11),
                cart_value: number(12, "cart_value")?,
            },
            device: Device { kind: given(13), os: given(14), browser: given(15) },
            location: Location { country: given(16), city: given(17), timezone: given(18) },
        })
    }
}

impl EventRestamper for LinesParser {
    fn take<'s>(
        &'s mut self,
        header: Option<&[u8]>,
        payload: &'s [u8],
    ) -> Result<Unstamped<'s>, Garbage> {
        let at_us = LinesCodec.stamp(header, None).map(|stamp| stamp.due_wall_us);
        Ok(Unstamped { event: self.parse(payload)?, at_us, tail: payload })
    }
}
