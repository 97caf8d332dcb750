//! Live progress on stderr: a few moving lines on a terminal, a plain line now and then in CI.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::run_lines;
use crate::result::live::{Live, LiveApp};
use crate::result::run_event::{Listener, RunEvent};

/// How often a plain line is written where there is no terminal.
const PLAIN_EVERY_S: u64 = 10;

/// Where progress goes.
#[derive(Debug)]
pub enum Progress {
    /// Nowhere.
    Quiet,
    /// A bar that moves.
    Bar(ProgressBar),
    /// A line every ten seconds.
    Lines {
        /// The next line is due at this many seconds.
        next_s: u64,
    },
}

impl Progress {
    /// What fits standard error.
    #[must_use]
    pub fn on_stderr(quiet: bool) -> Self {
        if quiet {
            Self::Quiet
        } else if std::io::stderr().is_terminal() && !is_dumb() {
            let bar = ProgressBar::with_draw_target(Some(1_000), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{wide_bar:.cyan/blue} {msg}") {
                bar.set_style(style);
            }
            Self::Bar(bar)
        } else {
            Self::Lines { next_s: PLAIN_EVERY_S }
        }
    }

    fn say(&mut self, text: &str) {
        match self {
            Self::Quiet => {}
            Self::Bar(bar) => bar.println(text),
            Self::Lines { .. } => write_line(text),
        }
    }

    /// Clears what moves.
    fn finish(&mut self) {
        match self {
            Self::Quiet => {}
            Self::Bar(bar) => bar.finish_and_clear(),
            // The next run of a sweep begins anew.
            Self::Lines { next_s } => *next_s = PLAIN_EVERY_S,
        }
    }
}

impl Listener for Progress {
    fn on(&mut self, event: &RunEvent) {
        if let Some(text) = run_lines::line(event) {
            self.say(&text);
        }
        if matches!(event, RunEvent::Stopped) {
            self.finish();
        }
    }

    fn look(&mut self, live: &Live<'_>) {
        match self {
            Self::Quiet => {}
            Self::Bar(bar) => {
                let share = live.elapsed.as_secs_f64() / live.total.as_secs_f64().max(1e-9);
                bar.set_position((share.min(1.0) * 1_000.0) as u64);
                bar.set_message(message(live));
            }
            Self::Lines { next_s } => {
                if live.elapsed.as_secs() >= *next_s {
                    write_line(&one_line(live));
                    *next_s =
                        live.elapsed.as_secs() / PLAIN_EVERY_S * PLAIN_EVERY_S + PLAIN_EVERY_S;
                }
            }
        }
    }
}

/// Whether the terminal says that it knows no escape sequences, as that of an editor does.
#[must_use]
pub fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Progress must never end a run: when nobody reads it, so be it.
fn write_line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn head(live: &Live<'_>) -> String {
    format!(
        "{:>5.1}/{:.0}s {} · offered {}/s sent {}/s acked {}/s",
        live.elapsed.as_secs_f64(),
        live.total.as_secs_f64(),
        live.phase.unwrap_or("drain"),
        count(live.offered_per_s),
        count(live.sent_per_s),
        count(live.acked_per_s),
    )
}

fn app(app: &LiveApp<'_>) -> String {
    let p99 = app.p99_ns.map_or_else(|| "-".to_owned(), |ns| format!("{:.1} ms", ns as f64 / 1e6));
    format!(
        "{:<9} {:>6}/s  p99 {p99:>8}  lag {}",
        app.name,
        count(app.seen_per_s),
        count(app.lag_records as f64)
    )
}

fn message(live: &Live<'_>) -> String {
    let mut text = head(live);
    for one in &live.apps {
        text.push_str("\n  ");
        text.push_str(&app(one));
    }
    text
}

fn one_line(live: &Live<'_>) -> String {
    let apps: Vec<String> = live.apps.iter().map(app).collect();
    format!("{} | {}", head(live), apps.join(" | "))
}

/// A count as a person says it: three digits and a letter.
fn count(value: f64) -> String {
    match value {
        v if v >= 999_500.0 => format!("{:.2}M", v / 1e6),
        v if v >= 9_995.0 => format!("{:.1}k", v / 1e3),
        v if v >= 10.0 || v == 0.0 => format!("{v:.0}"),
        v => format!("{v:.1}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn counts_are_short() {
        let shown: Vec<String> =
            [0.0, 0.5, 12.0, 9_000.0, 20_000.0, 1_250_000.0].map(count).to_vec();
        assert_eq!(shown, ["0", "0.5", "12", "9000", "20.0k", "1.25M"]);
    }

    #[test]
    fn a_plain_line_names_phase_rates_and_every_app() {
        let live = Live {
            elapsed: Duration::from_millis(12_300),
            total: Duration::from_secs(60),
            phase: Some("peak"),
            offered_per_s: 20_000.0,
            sent_per_s: 19_990.0,
            acked_per_s: 19_980.0,
            apps: vec![LiveApp {
                name: "fraud",
                seen_per_s: 19_970.0,
                p99_ns: Some(4_210_000),
                lag_records: 31,
                ..LiveApp::default()
            }],
            ..Live::default()
        };
        assert_eq!(
            one_line(&live),
            " 12.3/60s peak · offered 20.0k/s sent 20.0k/s acked 20.0k/s \
             | fraud      20.0k/s  p99   4.2 ms  lag 31"
        );
    }
}
