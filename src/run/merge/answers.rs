//! What the applications answer, beside the books and what was planted.

use crate::apps::Summary;
use crate::event::EventType;
use crate::measure::verify::books::Books;
use crate::measure::verify::detection::{Detection, RuleAlerts, accused, detect};
use crate::result::{AppResult, Check, RecordingResult, RunResult};

/// How many flags of an application the result names.
pub(in crate::run) const FLAGS_KEPT: usize = 100;

/// Puts detection, accused rules and checks into a result that has its applications.
pub(super) fn judge(result: &mut RunResult) {
    // Several processes may have left totals only, or nothing.
    let is_answered = result.apps.iter().any(|app| app.summary.is_some());
    let (detection, rules) = detected(&result.books, &mut result.apps);
    result.detection = if is_answered || result.apps.is_empty() { detection } else { Vec::new() };
    result.rules = rules;
    result.checks = checks(&result.books, &result.apps, result.recording.as_ref());
}

/// The alerts beside what was planted. Of an application's flags only the first stay: a burst of
/// fraud flags every second user, and a result is no place for all their names.
fn detected(books: &Books, apps: &mut [AppResult]) -> (Vec<Detection>, Vec<RuleAlerts>) {
    let summaries = || apps.iter().filter_map(|app| app.summary.as_ref());
    let detection = detect(books, summaries().flat_map(|summary| &summary.flags));
    let rules = accused(books, summaries());
    for summary in apps.iter_mut().filter_map(|app| app.summary.as_mut()) {
        summary.flags.truncate(FLAGS_KEPT);
    }
    (detection, rules)
}

fn checks(books: &Books, apps: &[AppResult], recording: Option<&RecordingResult>) -> Vec<Check> {
    let row = |what: &str, books: u64, pick: &dyn Fn(&Summary) -> Option<u64>| {
        let apps = apps.iter().map(|app| app.summary.as_ref().and_then(pick)).collect();
        Check::new(what, books, apps)
    };
    let mut checks = vec![row("events", books.events, &|summary| Some(summary.totals.events))];
    for kind in EventType::ALL {
        let place = kind.index();
        checks.push(row(kind.name(), books.by_type[place], &|summary| {
            Some(summary.totals.by_type[place])
        }));
    }
    checks.push(row("revenue in cents", books.revenue_cents, &|summary| {
        Some(summary.totals.revenue_cents)
    }));
    checks.push(row("products put into carts", books.carts, &|summary| Some(summary.totals.carts)));
    checks.push(row("products bought", books.purchases, &|summary| Some(summary.totals.purchases)));
    // A user whose events have several keys is several users to those who read the partitions.
    let keyed_by_user = recording.is_none_or(|recording| recording.other_keys == 0);
    checks.push(row("sessions", books.sessions, &|summary| {
        summary.totals.sessions.filter(|_| keyed_by_user)
    }));
    checks
}
