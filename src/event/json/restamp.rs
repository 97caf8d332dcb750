//! A recorded event, on its way to be sent again under the stamp of another run.
//!
//! What is kept is the event's tail: all of the object but `event_id` and `timestamp`, from the
//! comma after them on. A stamp written in front of it makes the event whole again. Where kbench
//! wrote the event, the stamp stands first and the tail is what follows; a foreign event is cut
//! into its members and put together without the two.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::parse::Parser;
use super::stamp::{self, STAMP_LEN};
use crate::event::codec::{EventRestamper, Unstamped};
use crate::event::date::timestamp_us;
use crate::event::garbage::{Garbage, Misfit};
use crate::event::{PAYLOAD_BYTES_MAX, Stamp};

/// Stands in front of a tail while the event is read: any stamp will do.
const PLACEHOLDER: Stamp = Stamp { run: 0, shard: 0, seq: 0, due_wall_us: 0 };

/// Takes recorded events apart; keeps its buffers from one to the next.
#[derive(Debug, Default)]
pub(super) struct Restamper {
    parser: Parser,
    /// The event put together again behind a placeholder.
    text: Vec<u8>,
}

/// Appends a whole event: the stamp, and the tail of a recorded one.
pub(super) fn join(stamp: &Stamp, tail: &[u8], out: &mut Vec<u8>) {
    out.reserve(STAMP_LEN + tail.len());
    stamp::write(stamp, out);
    out.extend_from_slice(tail);
}

impl EventRestamper for Restamper {
    fn take<'s>(
        &'s mut self,
        _: Option<&[u8]>,
        payload: &'s [u8],
    ) -> Result<Unstamped<'s>, Garbage> {
        Self::take(self, payload)
    }
}

impl Restamper {
    /// Takes one recorded payload apart. `event_id` and `timestamp` may have any value, or be
    /// missing; only twice they must not be there.
    ///
    /// # Errors
    /// [`Garbage`] for whatever would not be an event with a stamp either; the next payload can
    /// be read all the same.
    pub(super) fn take<'a>(&'a mut self, payload: &'a [u8]) -> Result<Unstamped<'a>, Garbage> {
        let (text, at_us) = match stamp::read(payload) {
            Some(stamp) => (payload, Some(stamp.due_wall_us)),
            None => {
                let at_us = rewrite(payload, &mut self.text)?;
                (self.text.as_slice(), at_us)
            }
        };
        let event = self.parser.parse(text)?;
        Ok(Unstamped { event, at_us, tail: &text[STAMP_LEN..] })
    }
}

/// Writes the event behind a placeholder; gives the time that it had.
fn rewrite(payload: &[u8], text: &mut Vec<u8>) -> Result<Option<i64>, Garbage> {
    if payload.is_empty() {
        return Err(Garbage::Empty);
    }
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(Garbage::TooLarge(payload.len()));
    }
    let payload = std::str::from_utf8(payload).map_err(|_| Garbage::NotUtf8)?;
    text.clear();
    stamp::write(&PLACEHOLDER, text);
    let mut reader = serde_json::Deserializer::from_str(payload);
    let found = reader.deserialize_map(MemberCopy { text }).and_then(|found| {
        reader.end()?;
        Ok(found)
    });
    let [event_id, timestamp] = found.map_err(|error| {
        let other_json = error.is_data() && serde_json::from_str::<&RawValue>(payload).is_ok();
        if other_json {
            Garbage::NotAnEvent(Misfit::NotAnObject)
        } else {
            Garbage::Malformed("JSON")
        }
    })?;
    for (name, values) in [("event_id", &event_id), ("timestamp", &timestamp)] {
        if values.count > 1 {
            return Err(Garbage::NotAnEvent(Misfit::Twice(name)));
        }
    }
    text.push(b'}');
    let date = timestamp.last.and_then(|value| serde_json::from_str::<String>(value.get()).ok());
    Ok(date.and_then(|date| timestamp_us(&date)))
}

/// The values that stand under one name.
#[derive(Default)]
struct Values<'p> {
    count: usize,
    last: Option<&'p RawValue>,
}

/// Copies an object's members as they stand, but for `event_id` and `timestamp`: those it gives.
struct MemberCopy<'t> {
    text: &'t mut Vec<u8>,
}

impl<'p> Visitor<'p> for MemberCopy<'_> {
    type Value = [Values<'p>; 2];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'p>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Self::Value::default();
        while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            let place = match &*name(key) {
                "event_id" => 0,
                "timestamp" => 1,
                _ => {
                    self.text.push(b',');
                    self.text.extend_from_slice(key.get().as_bytes());
                    self.text.push(b':');
                    self.text.extend_from_slice(value.get().as_bytes());
                    continue;
                }
            };
            found[place].count += 1;
            found[place].last = Some(value);
        }
        Ok(found)
    }
}

/// A key without its quotes and escapes.
fn name(key: &RawValue) -> Cow<'_, str> {
    let text = key.get();
    if text.contains('\\') {
        // What can't be unescaped is none of the two names, and the parser refuses it later.
        Cow::Owned(serde_json::from_str(text).unwrap_or_default())
    } else {
        Cow::Borrowed(text.trim_matches('"'))
    }
}

#[cfg(test)]
mod tests;
