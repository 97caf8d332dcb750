//! The events of a load, read as JSON: by what a stranger sees of them, and nothing else.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

/// The specification's mix, in the order of its types.
pub(super) const MIX: [(&str, f64); 5] = [
    ("page_view", 0.60),
    ("click", 0.25),
    ("search", 0.10),
    ("add_to_cart", 0.03),
    ("purchase", 0.02),
];

/// Places in [`MIX`].
pub(super) const VIEW: u8 = 0;
pub(super) const CART: u8 = 3;
pub(super) const PURCHASE: u8 = 4;

/// One event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// Since midnight UTC of the day on which the load starts.
    pub(super) at_us: i64,
    /// Places in the order in which each was first seen.
    pub(super) session: u32,
    pub(super) user: u32,
    pub(super) kind: u8,
    /// Whether its visitor comes from elsewhere, or from nowhere: a session begins.
    pub(super) comes: bool,
    /// Places in [`Load::cities`] and [`Load::devices`].
    pub(super) city: u8,
    pub(super) device: u8,
}

/// The first events of a scenario.
#[derive(Debug, Default)]
pub(super) struct Load {
    pub(super) events: Vec<Seen>,
    pub(super) cities: Vec<String>,
    /// Kind, system and browser.
    pub(super) devices: Vec<String>,
    pub(super) sessions: u32,
    pub(super) users: u32,
}

/// What is read of an event.
#[derive(serde::Deserialize)]
struct Line<'a> {
    timestamp: &'a str,
    #[serde(borrow)]
    user_id: Cow<'a, str>,
    #[serde(borrow)]
    session_id: Cow<'a, str>,
    event_type: &'a str,
    #[serde(borrow)]
    referrer: Cow<'a, str>,
    device: Device<'a>,
    #[serde(borrow)]
    location: Location<'a>,
}

#[derive(serde::Deserialize)]
struct Device<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    os: &'a str,
    browser: &'a str,
}

#[derive(serde::Deserialize)]
struct Location<'a> {
    #[serde(borrow)]
    city: Cow<'a, str>,
}

/// Numbers for texts, in the order in which they are met.
#[derive(Default)]
struct Numbers(HashMap<String, u32>);

impl Numbers {
    fn of(&mut self, text: &str) -> u32 {
        if let Some(number) = self.0.get(text) {
            return *number;
        }
        let number = u32::try_from(self.0.len()).unwrap();
        self.0.insert(text.to_owned(), number);
        number
    }

    fn texts(&self) -> Vec<String> {
        let mut texts: Vec<_> = self.0.iter().collect();
        texts.sort_by_key(|(_, number)| **number);
        texts.into_iter().map(|(text, _)| text.clone()).collect()
    }
}

/// When every load here starts: the day of its events is this one, or runs into the next.
const START: &str = "2024-01-15T10:00:00Z";

/// The first events of a scenario, with these arguments besides. Read once, however many tests
/// look at them.
pub(super) fn load(args: &[&str], count: usize) -> Arc<Load> {
    type Shelf = Mutex<HashMap<String, Arc<OnceLock<Arc<Load>>>>>;
    static SHELF: LazyLock<Shelf> = LazyLock::new(Shelf::default);
    let place = SHELF.lock().unwrap().entry(format!("{args:?} {count}")).or_default().clone();
    place.get_or_init(|| Arc::new(read(args, count))).clone()
}

fn read(args: &[&str], count: usize) -> Load {
    let mut command = crate::kbench();
    command.args(["produce", "--dry-run", "--start", START]).args(args);
    command.args(["--count", &count.to_string()]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::with_capacity(1 << 18, child.stdout.take().unwrap());
    let (mut sessions, mut users) = (Numbers::default(), Numbers::default());
    let (mut cities, mut devices) = (Numbers::default(), Numbers::default());
    let (mut load, mut line) = (Load::default(), Vec::new());
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line).unwrap() == 0 {
            break;
        }
        let event: Line<'_> = serde_json::from_slice(&line).unwrap();
        let kind = MIX.iter().position(|(kind, _)| *kind == event.event_type).unwrap();
        let Device { kind: form, os, browser } = event.device;
        let device = format!("{form} {os} {browser}");
        load.events.push(Seen {
            at_us: since_midnight_us(event.timestamp),
            session: sessions.of(&event.session_id),
            user: users.of(&event.user_id),
            kind: u8::try_from(kind).unwrap(),
            comes: !event.referrer.starts_with('/'),
            city: u8::try_from(cities.of(&event.location.city)).unwrap(),
            device: u8::try_from(devices.of(&device)).unwrap(),
        });
    }
    assert!(child.wait().unwrap().success());
    (load.cities, load.devices) = (cities.texts(), devices.texts());
    load.sessions = u32::try_from(sessions.0.len()).unwrap();
    load.users = u32::try_from(users.0.len()).unwrap();
    load
}

/// `2024-01-15T10:00:00.000123Z`, whose fraction may be shorter, as microseconds of its day.
fn since_midnight_us(timestamp: &str) -> i64 {
    let (time, day) = (timestamp.get(11..19).unwrap(), timestamp.get(..10).unwrap());
    let number =
        |range| -> i64 { time.get(range).and_then(|text: &str| text.parse().ok()).unwrap() };
    let seconds = number(0..2) * 3_600 + number(3..5) * 60 + number(6..8);
    let fraction = timestamp[19..].trim_start_matches('.').trim_end_matches('Z');
    let micros: i64 = format!("{fraction:0<6}").parse().unwrap();
    let days = i64::from(day != &START[..10]);
    (days * 86_400 + seconds) * 1_000_000 + micros
}

impl Load {
    /// When an event was, in seconds since the first one.
    pub(super) fn at_s(&self, event: &Seen) -> f64 {
        (event.at_us - self.events[0].at_us) as f64 / 1e6
    }

    /// How long it lasts, in seconds.
    pub(super) fn whole_s(&self) -> f64 {
        self.events.last().map_or(0.0, |event| self.at_s(event))
    }

    /// Sessions that are seen to begin.
    pub(super) fn begun(&self) -> usize {
        self.events.iter().filter(|event| event.comes).count()
    }
}
