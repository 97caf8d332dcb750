//! One session from its first event to its last, as a person reads it.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::event::codec::EventParser;
use crate::event::{Event, EventType};
use crate::load::generate::Persona;

/// Widest text in a column, in characters.
const TEXT_CHARS: usize = 34;

/// A whole session.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionPreview {
    /// How the user shops.
    pub persona: Persona,
    /// Who.
    pub user_id: String,
    /// Which session.
    pub session_id: String,
    /// City and country.
    pub place: String,
    /// Kind, system and browser.
    pub device: String,
    /// Whether its last events are due after the schedule's end, and so are not sent.
    pub outlasts_schedule: bool,
    /// Its events.
    pub steps: Vec<SessionStep>,
}

/// One event of a session.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionStep {
    /// Since the session's first event, in seconds.
    pub since_start_s: f64,
    /// Since the session's event before, in seconds.
    pub pause_s: f64,
    /// What happened.
    pub event_type: EventType,
    /// Where.
    pub page_url: String,
    /// Where the user was before.
    pub referrer: String,
    /// What was searched for.
    pub search_query: Option<String>,
    /// The product's name.
    pub product_name: Option<String>,
    /// Its price, in dollars.
    pub price_usd: Option<f64>,
    /// The sum of the cart, in dollars.
    pub cart_value_usd: Option<f64>,
}

impl SessionStep {
    /// An event's payload, `since_start_ns` after the session's first and `pause_ns` after the one
    /// before; `None` if it is none.
    pub(super) fn of(
        payload: &[u8],
        parser: &mut dyn EventParser,
        since_start_ns: u64,
        pause_ns: u64,
    ) -> Option<Self> {
        let event = parser.parse(payload).ok()?;
        let properties = &event.properties;
        Some(Self {
            since_start_s: Duration::from_nanos(since_start_ns).as_secs_f64(),
            pause_s: Duration::from_nanos(pause_ns).as_secs_f64(),
            event_type: event.event_type,
            page_url: event.page_url.to_owned(),
            referrer: event.referrer.unwrap_or_default().to_owned(),
            search_query: properties.search_query.map(str::to_owned),
            product_name: properties.product_name.map(str::to_owned),
            price_usd: properties.price,
            cart_value_usd: properties.cart_value,
        })
    }
}

impl SessionPreview {
    /// A session without events.
    pub(super) const fn new(persona: Persona) -> Self {
        Self {
            persona,
            user_id: String::new(),
            session_id: String::new(),
            place: String::new(),
            device: String::new(),
            outlasts_schedule: false,
            steps: Vec::new(),
        }
    }

    /// Takes the next event; the first one says whose session it is.
    pub(super) fn push(
        &mut self,
        step: Option<SessionStep>,
        payload: &[u8],
        parser: &mut dyn EventParser,
    ) {
        if self.steps.is_empty()
            && let Ok(event) = parser.parse(payload)
        {
            self.introduce(&event);
        }
        self.steps.extend(step);
    }

    fn introduce(&mut self, event: &Event<'_>) {
        let join = |parts: &[Option<&str>], between: &str| {
            parts.iter().copied().flatten().collect::<Vec<_>>().join(between)
        };
        let (device, location) = (&event.device, &event.location);
        self.user_id = event.user_id.to_owned();
        self.session_id = event.session_id.to_owned();
        self.place = join(&[location.city, location.country], ", ");
        self.device = join(&[device.kind, device.os, device.browser], " ");
    }

    /// Lines for a person: who, and a row for each event.
    pub(super) fn text(&self) -> String {
        let persona = match self.persona {
            Persona::Browser => "browser",
            Persona::Buyer => "buyer",
            Persona::Researcher => "researcher",
        };
        let end = if self.outlasts_schedule { "; the schedule ends before it does" } else { "" };
        let mut out = format!(
            "a {persona}'s visit: {} from {} with {}, {}{end}\n",
            self.user_id, self.place, self.device, self.session_id
        );
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_header(["time", "pause", "event", "page", "from", "about", "price", "cart"]);
        for step in &self.steps {
            let about = step.product_name.clone().or_else(|| step.search_query.clone());
            table.add_row([
                format!("{:.1} s", step.since_start_s),
                format!("{:.1} s", step.pause_s),
                step.event_type.name().to_owned(),
                shortened(&step.page_url),
                shortened(if step.referrer.is_empty() { "-" } else { &step.referrer }),
                shortened(&about.unwrap_or_default()),
                dollars(step.price_usd),
                dollars(step.cart_value_usd),
            ]);
        }
        for (place, column) in table.column_iter_mut().enumerate() {
            if matches!(place, 0 | 1 | 6 | 7) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for line in table.lines() {
            out.push_str(&format!("  {}\n", line.trim_end()));
        }
        out
    }
}

fn dollars(sum: Option<f64>) -> String {
    sum.map_or_else(String::new, |sum| format!("{sum:.2}"))
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= TEXT_CHARS {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(TEXT_CHARS - 1).collect();
    short.push('…');
    short
}
