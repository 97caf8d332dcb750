//! The walk over simd-json's tape that makes an event: a flat loop over the members, which steps
//! over unknown values of any depth by their node count.

use simd_json::{Node, StaticNode};

use crate::event::garbage::Misfit;
use crate::event::{Device, Event, EventType, Location, Properties};

/// The members of one object on the tape: key and the nodes from its value on.
struct TapeMembers<'t, 'p> {
    rest: &'t [Node<'p>],
    left: usize,
}

impl<'t, 'p> TapeMembers<'t, 'p> {
    /// `None` when the first node is not an object.
    fn of(nodes: &'t [Node<'p>]) -> Option<Self> {
        match nodes.split_first() {
            Some((Node::Object { len, .. }, rest)) => Some(Self { rest, left: *len }),
            _ => None,
        }
    }
}

impl<'t, 'p> Iterator for TapeMembers<'t, 'p> {
    type Item = (&'p str, &'t [Node<'p>]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let (Node::String(key), value) = self.rest.split_first()? else {
            return None;
        };
        let nodes = match value.first()? {
            // The count is of the nodes inside.
            Node::Object { count, .. } | Node::Array { count, .. } => count + 1,
            Node::String(_) | Node::Static(_) => 1,
        };
        self.rest = value.get(nodes..)?;
        Some((key, value))
    }
}

/// Puts a value into its place, once.
fn put<T>(place: &mut Option<T>, name: &'static str, value: T) -> Result<(), Misfit> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Misfit::Twice(name)),
    }
}

fn text<'p>(value: &[Node<'p>], name: &'static str) -> Result<&'p str, Misfit> {
    match value.first() {
        Some(Node::String(text)) => Ok(text),
        _ => Err(Misfit::WrongType(name)),
    }
}

fn is_null(value: &[Node<'_>]) -> bool {
    matches!(value.first(), Some(Node::Static(StaticNode::Null)))
}

fn text_or_null<'p>(value: &[Node<'p>], name: &'static str) -> Result<Option<&'p str>, Misfit> {
    if is_null(value) { Ok(None) } else { text(value, name).map(Some) }
}

fn number_or_null(value: &[Node<'_>], name: &'static str) -> Result<Option<f64>, Misfit> {
    match value.first() {
        Some(Node::Static(StaticNode::F64(number))) => Ok(Some(*number)),
        Some(Node::Static(StaticNode::U64(number))) => Ok(Some(*number as f64)),
        Some(Node::Static(StaticNode::I64(number))) => Ok(Some(*number as f64)),
        Some(Node::Static(StaticNode::Null)) => Ok(None),
        _ => Err(Misfit::WrongType(name)),
    }
}

/// The members of a nested object; none of them for `null`.
fn nested<'t, 'p>(
    value: &'t [Node<'p>],
    name: &'static str,
) -> Result<Option<TapeMembers<'t, 'p>>, Misfit> {
    if is_null(value) {
        return Ok(None);
    }
    TapeMembers::of(value).map(Some).ok_or(Misfit::WrongType(name))
}

fn read_event_type(value: &[Node<'_>], name: &'static str) -> Result<EventType, Misfit> {
    let name = text(value, name)?;
    EventType::ALL
        .into_iter()
        .find(|event_type| event_type.name() == name)
        .ok_or(Misfit::UnknownEventType)
}

/// Writes a reader of one nested object whose fields are all optional: `null` and "not there"
/// are the same, unknown members are skipped.
macro_rules! reader {
    ($reader:ident, $object:ident, $name:literal, $($field:ident: $key:literal $read:ident),+) => {
        fn $reader<'p>(value: &[Node<'p>]) -> Result<$object<'p>, Misfit> {
            $(let mut $field = None;)+
            let Some(members) = nested(value, $name)? else {
                return Ok($object::default());
            };
            for (key, value) in members {
                match key {
                    $($key => put(&mut $field, $key, $read(value, $key)?)?,)+
                    _ => {}
                }
            }
            Ok($object { $($field: $field.flatten()),+ })
        }
    };
}

reader!(read_properties, Properties, "properties",
    product_id: "product_id" text_or_null,
    product_name: "product_name" text_or_null,
    price: "price" number_or_null,
    category: "category" text_or_null,
    search_query: "search_query" text_or_null,
    cart_value: "cart_value" number_or_null);

reader!(read_device, Device, "device",
    kind: "type" text_or_null,
    os: "os" text_or_null,
    browser: "browser" text_or_null);

reader!(read_location, Location, "location",
    country: "country" text_or_null,
    city: "city" text_or_null,
    timezone: "timezone" text_or_null);

/// Writes the reader of the event itself: fields that must be there, fields that may be `null`
/// and nested objects.
macro_rules! event_reader {
    (
        must $($must:ident $read:ident),+;
        may $($may:ident),+;
        nested $($nested:ident $nested_read:ident),+
    ) => {
        pub(super) fn read_event<'p>(nodes: &[Node<'p>]) -> Result<Event<'p>, Misfit> {
            $(let mut $must = None;)+
            $(let mut $may = None;)+
            $(let mut $nested = None;)+
            for (key, value) in TapeMembers::of(nodes).ok_or(Misfit::NotAnObject)? {
                match key {
                    $(stringify!($must) => {
                        put(&mut $must, stringify!($must), $read(value, stringify!($must))?)?;
                    })+
                    $(stringify!($may) => {
                        put(&mut $may, stringify!($may), text_or_null(value, stringify!($may))?)?;
                    })+
                    $(stringify!($nested) => {
                        put(&mut $nested, stringify!($nested), $nested_read(value)?)?;
                    })+
                    _ => {}
                }
            }
            Ok(Event {
                $($must: $must.ok_or(Misfit::Missing(stringify!($must)))?,)+
                $($may: $may.flatten(),)+
                $($nested: $nested.unwrap_or_default(),)+
            })
        }
    };
}

event_reader!(
    must event_id text, timestamp text, user_id text, session_id text,
        event_type read_event_type, page_url text;
    may referrer, user_agent, ip_address;
    nested properties read_properties, device read_device, location read_location
);
