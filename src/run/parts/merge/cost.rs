//! What an event has cost all processes together: each is counted once, whatever it ran.

use super::app::pure;
use crate::result::RunResult;
use crate::run::parts::part::{ConsumerPart, ProducerPart};

/// What a consumer process used in the measured part, in seconds; `None` where nobody counted it
/// at its begin and its end, or where it read other events, too.
pub(super) fn measured_s(part: &ConsumerPart, producer: &ProducerPart) -> Option<f64> {
    let run = producer.outcomes.run;
    let at = |interval: u64| part.cpu_s_at.get(&(producer.start_interval + interval)).copied();
    let used_s = at(producer.measured.end)? - at(producer.measured.start)?;
    part.apps.iter().all(|app| pure(app, run)).then_some(used_s)
}

/// Sums the processes up. `is_whole` says whether each of them has left its part.
pub(super) fn fill(
    result: &mut RunResult,
    producer: &ProducerPart,
    consumers: &[&ConsumerPart],
    is_whole: bool,
) {
    let watch = &mut result.watch;
    watch.cpu_s = result.processes.iter().map(|process| process.cpu_s).sum();
    // The producer's own: events acknowledged while it was looked at.
    let events = watch.cpu_measured_s.zip(watch.cpu_us_per_event);
    let events = events.map(|(cpu_s, us_per_event)| cpu_s * 1e6 / us_per_event);
    // Who has read nothing of the run, and was not there all the time, had no part in it.
    let run = producer.outcomes.run;
    let has_read =
        |part: &ConsumerPart| part.apps.iter().any(|app| app.notes.runs.contains_key(&run));
    let used = consumers.iter().map(|part| (measured_s(part, producer), has_read(part)));
    let used: Option<f64> = used
        .filter(|(used_s, has_read)| *has_read || used_s.is_some())
        .map(|(used_s, _)| used_s)
        .sum();
    let all_s = watch.cpu_measured_s.zip(used).map(|(sender, readers)| sender + readers);
    watch.cpu_measured_s = all_s.filter(|_| is_whole);
    let us = |(cpu_s, events): (f64, f64)| cpu_s * 1e6 / events;
    watch.cpu_us_per_event = watch.cpu_measured_s.zip(events).map(us);
    // Of each second, and of an idle one, only the producer knows what it used.
    watch.cpu_idle_ms_per_s = None;
    watch.cpu_us_per_event_more = None;
    watch.cpu_us_per_event_more_unknown = Some("several processes".to_owned());
}
