//! Changes of one value of a document. Places that differ in nothing but the numbers of list items
//! are one: every place gets every change, and the seed says in which item.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Number, Value, json};

/// What tells one member or item from its like.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Member(String),
    Item(usize),
}

/// A change of one value of one of several documents.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) document: usize,
    path: Vec<Step>,
    with: With,
}

/// What becomes of a value.
#[derive(Debug, Clone)]
enum With {
    Value(Value),
    /// A list without its items, with its first one twice, many times, or without its last one.
    Emptied,
    Repeated(usize),
    Cut,
    /// An object without one of its members, or with its name changed.
    Without(usize),
    Renamed(usize, &'static str),
    /// A text without its second half, or with one letter changed.
    Halved,
    Flipped,
    /// A number by so much more, or so many times as large.
    Plus(i64),
    Times(f64),
}

/// Texts that something obeys, follows, or fails at.
const TEXTS: [&str; 16] = [
    "",
    "../../escaped",
    "x/../../escaped",
    "/etc/passwd",
    "a\u{1b}]0;owned\u{7}\u{1b}[2Jb",
    "a\nVALID  forged on Kafka\nb",
    "a,b\"c",
    "a|b`<img src=x onerror=alert(1)>[c](javascript:d)",
    "\u{202e}\u{2066}tfel\u{200b}\u{9b}2J",
    "NaN",
    "-1",
    "99999999999999999999999",
    "2026-13-45T99:99:99Z",
    ".",
    "\0",
    "ä\u{feff}🚀",
];

/// Numbers at the ends of what is counted, and beyond.
fn numbers() -> Vec<Value> {
    let whole =
        [0, 1, 7, 1 << 16, 1 << 31, 1 << 53, (1 << 53) + 1, (1 << 63) - 1, 1 << 63, u64::MAX];
    let floats = [0.5, -0.5, 1e-308, 1e18, 1e19, 1e308, -1e308];
    let mut all: Vec<Value> = whole.iter().map(|number: &u64| json!(number)).collect();
    all.extend([-1, i64::MIN].map(|number| json!(number)));
    all.extend(floats.map(|number| json!(number)));
    all
}

fn of_other_kinds() -> Vec<With> {
    let all = [Value::Null, json!(true), json!(3), json!("x"), json!([]), json!({}), json!([[]])];
    all.map(With::Value).to_vec()
}

/// Every change that is worth a try of such a value.
fn changes_of(value: &Value) -> Vec<With> {
    let mut all = of_other_kinds();
    match value {
        Value::Null | Value::Number(_) => {
            all.extend(numbers().into_iter().map(With::Value));
            all.extend([With::Plus(1), With::Plus(-1), With::Plus(1_000_000)]);
            all.extend([With::Times(2.0), With::Times(1e6), With::Times(-1.0)]);
        }
        Value::Bool(is) => all.push(With::Value(json!(!is))),
        Value::String(_) => {
            all.extend(TEXTS.map(|text| With::Value(json!(text))));
            all.push(With::Value(json!("A".repeat(100_000))));
            all.extend([With::Halved, With::Flipped]);
        }
        Value::Array(_) => {
            all.extend([With::Emptied, With::Cut, With::Repeated(2), With::Repeated(300)]);
        }
        Value::Object(members) => {
            all.extend((0..members.len()).map(With::Without));
            all.extend([0, 1].map(|at| With::Renamed(at, "-1")));
            all.extend([0, 1].map(|at| With::Renamed(at, "18446744073709551615")));
            all.extend([0, 1].map(|at| With::Renamed(at, "a\u{1b}[2J\nb")));
            all.push(With::Emptied);
        }
    }
    all
}

/// All changes of some documents.
pub(crate) struct Changes {
    /// By place: where it is in its document, each time, and the changes there.
    places: Vec<(usize, Vec<Vec<Step>>, Vec<With>)>,
    seed: u64,
}

impl Changes {
    pub(crate) fn of(documents: &[&Value], seed: u64) -> Self {
        let mut places = Vec::new();
        for (document, value) in documents.iter().enumerate() {
            let mut found = BTreeMap::new();
            look(value, &mut Vec::new(), &mut found);
            places.extend(found.into_values().map(|(paths, changes)| (document, paths, changes)));
        }
        Self { places, seed }
    }

    pub(crate) fn places(&self) -> usize {
        self.places.len()
    }

    /// The change of a case: each place in turn, so that any number of cases reaches all of them.
    pub(crate) fn number(&self, number: usize) -> Change {
        let (document, paths, changes) = &self.places[number % self.places.len()];
        let round = number / self.places.len();
        let drawn = mixed(self.seed ^ (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let path = paths[drawn as usize % paths.len()].clone();
        // Each place begins elsewhere, so that few rounds try every kind of change somewhere.
        let with = changes[(round + number % self.places.len() * 7) % changes.len()].clone();
        Change { document: *document, path, with }
    }
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators").
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

type Found = BTreeMap<(Vec<Option<String>>, u8), (Vec<Vec<Step>>, Vec<With>)>;

fn look(value: &Value, path: &mut Vec<Step>, found: &mut Found) {
    let kind = match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    };
    let shape = path.iter().map(|step| match step {
        // Numbers as names are items, too: partitions, runs, intervals.
        Step::Member(name) if name.parse::<u64>().is_err() => Some(name.clone()),
        _ => None,
    });
    let entry = found.entry((shape.collect(), kind)).or_default();
    entry.0.push(path.clone());
    let changes = changes_of(value);
    if changes.len() > entry.1.len() {
        entry.1 = changes;
    }
    let mut inside = |step: Step, value: &Value| {
        path.push(step);
        look(value, path, found);
        path.pop();
    };
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| inside(Step::Item(at), item));
        }
        Value::Object(members) => {
            members.iter().for_each(|(name, item)| inside(Step::Member(name.clone()), item));
        }
        _ => {}
    }
}

impl Change {
    /// The documents' value after the change.
    pub(crate) fn on(&self, document: &Value) -> Value {
        let mut changed = document.clone();
        let mut place = &mut changed;
        for step in &self.path {
            place = match step {
                Step::Member(name) => &mut place[name.as_str()],
                Step::Item(at) => &mut place[*at],
            };
        }
        self.with.on(place);
        changed
    }
}

impl With {
    fn on(&self, place: &mut Value) {
        match (self, place) {
            (Self::Value(value), place) => *place = value.clone(),
            (Self::Emptied, Value::Array(items)) => items.clear(),
            (Self::Emptied, Value::Object(members)) => members.clear(),
            (Self::Cut, Value::Array(items)) => drop(items.pop()),
            (Self::Repeated(times), Value::Array(items)) => {
                if let Some(first) = items.first().cloned() {
                    items.extend(std::iter::repeat_n(first, *times));
                }
            }
            (Self::Without(at), Value::Object(members)) => {
                let name = members.keys().nth(*at).cloned();
                name.map(|name| members.remove(&name));
            }
            (Self::Renamed(at, to), Value::Object(members)) => {
                let renamed = std::mem::take(members).into_iter().enumerate();
                let renamed = renamed.map(|(place, (name, value))| {
                    (if place == *at { (*to).to_owned() } else { name }, value)
                });
                *members = renamed.collect::<Map<_, _>>();
            }
            (Self::Halved, Value::String(text)) => {
                *text = text.chars().take(text.chars().count() / 2).collect();
            }
            (Self::Flipped, Value::String(text)) => {
                let middle = text.chars().count() / 2;
                let flip = |(at, c): (usize, char)| match c {
                    _ if at != middle => c,
                    'A' => 'B',
                    _ => 'A',
                };
                *text = text.chars().enumerate().map(flip).collect();
            }
            (Self::Plus(more), place @ Value::Number(_)) => {
                *place = match place.as_i64() {
                    Some(number) => json!(number.saturating_add(*more)),
                    None => json!(place.as_f64().unwrap_or(0.0) + *more as f64),
                };
            }
            (Self::Times(factor), place @ Value::Number(_)) => {
                let product = place.as_f64().unwrap_or(0.0) * factor;
                *place = match place.as_i64() {
                    Some(_) if product.abs() < 9e18 => json!(product as i64),
                    _ => Number::from_f64(product).map_or(Value::Null, Value::Number),
                };
            }
            // A change of another kind of value: of a place that is now one, now the other.
            (_, place) => *place = json!(-1),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "document {} ", self.document)?;
        for step in &self.path {
            match step {
                Step::Member(name) => write!(f, ".{name}")?,
                Step::Item(at) => write!(f, "[{at}]")?,
            }
        }
        let with: String = format!("{:?}", self.with).chars().take(100).collect();
        write!(f, " becomes {with}")
    }
}
