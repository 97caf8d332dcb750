//! What a run tells, in lines for people.

use std::path::Path;
use std::time::Duration;

use crate::base::text;
use crate::measure::latency::Reading;
use crate::plan::sweep::{Excluded, shown};
use crate::result::run_event::{Awaited, NotReady, RaceEvent, RunEvent, SweepEvent};
use crate::result::run_outcome::RunOutcome;

/// The line of an event; `None` where people are told nothing of it.
#[must_use]
pub fn line(event: &RunEvent) -> Option<String> {
    Some(match event {
        RunEvent::EmbeddedStarted { repeated: true, .. }
        | RunEvent::Connected { repeated: true, .. }
        | RunEvent::Ready { repeated: true }
        | RunEvent::Started { .. }
        | RunEvent::PhaseBegan { .. }
        | RunEvent::MeasuringBegan { .. }
        | RunEvent::Acted(_)
        | RunEvent::LoadEnded { .. }
        | RunEvent::Drained
        | RunEvent::Stopped
        | RunEvent::Saved { .. } => return None,
        RunEvent::EmbeddedStarted { address, one_of_many, repeated: false } => {
            let each = if *one_of_many { ", a new one for each run" } else { "" };
            format!(
                "no broker was named: started the embedded one at {address}{each}; its figures \
                 are not Kafka's"
            )
        }
        RunEvent::Connected { facts, repeated: false } => facts.introduction(),
        RunEvent::ReplayBegan { topic, records, span_s, speed } => format!(
            "replaying topic {topic}: {records} records of {span_s:.1} s, at {speed} times the \
             recorded speed"
        ),
        RunEvent::NotReadyYet { left, missing } => format!(
            "not ready yet, for at most {:.0} s more: {}",
            left.as_secs_f64(),
            NotReady::words(missing)
        ),
        RunEvent::Ready { repeated: false } => {
            "every group reads every partition; the schedule starts".to_owned()
        }
        RunEvent::Draining { left, outstanding } => {
            format!("draining for at most {:.0} s more: {outstanding}", left.as_secs_f64())
        }
        RunEvent::InDoubt => "some events are in doubt: reading the topic once more".to_owned(),
        RunEvent::Waiting { what, left } => {
            format!("waiting for {}, for at most {:.1} s more", awaited(what), left.as_secs_f64())
        }
        RunEvent::NotWhole { folder, why } => not_whole(folder, why),
        RunEvent::ClientsLeftBehind => "the clients do not close: they are left behind".to_owned(),
        RunEvent::TopicStays { topic, at, why } => format!("topic {topic} stays at {at}: {why}"),
        RunEvent::Sweep(event) => of_sweep(event),
        RunEvent::Race(event) => of_race(event),
    })
}

fn of_sweep(event: &SweepEvent) -> String {
    match event {
        SweepEvent::LeftOut(excluded) => left_out(excluded),
        SweepEvent::TrialBegan { place, trials, settings, repeat, repeats, left } => format!(
            "trial {} of {trials}: {}, repeat {} of {repeats}; {} left",
            place + 1,
            shown(settings),
            repeat + 1,
            minutes(*left)
        ),
        SweepEvent::TrialEnded(came_to) => format!("  {}", outcome(came_to)),
        SweepEvent::TrialFailed { place, why } => format!("trial {}: {why}", place + 1),
        SweepEvent::CutShort { done, trials, folder } => {
            format!("{done} of {trials} trials are saved; to go on: --resume {}", folder.display())
        }
    }
}

fn of_race(event: &RaceEvent) -> String {
    match event {
        RaceEvent::Resumed { pairs } => format!("{pairs} pairs have run"),
        RaceEvent::LapBegan { pair, pairs, at_most, side } => {
            let most = if *at_most { " at most" } else { "" };
            format!("pair {} of {pairs}{most}: {side}", pair + 1)
        }
        RaceEvent::LapEnded(came_to) => format!("  {}", outcome(came_to)),
        RaceEvent::NotComparable { reasons } => {
            format!("can't be compared so far: {}", reasons.join("; "))
        }
        RaceEvent::Decided { pairs } => format!("decided after {pairs} pairs"),
        RaceEvent::Undecided { pairs, open } => {
            let first = open.first().map_or("", String::as_str);
            format!("after {pairs} pairs {} undecided: {first}", open.len())
        }
    }
}

/// A point that is no scenario, and the first reason.
#[must_use]
pub fn left_out(excluded: &Excluded) -> String {
    let why = excluded.why.first().map_or("", String::as_str);
    format!("left out: {}: {why}", shown(&excluded.settings))
}

/// What is waited for.
fn awaited(what: &Awaited) -> String {
    match what {
        Awaited::Leaders => "the partitions' leaders".to_owned(),
        Awaited::Ends => "the partitions' ends".to_owned(),
        Awaited::TopicId => "the topic's id".to_owned(),
        Awaited::Rescan => {
            "the topic to be read once more (the result from before is saved)".to_owned()
        }
        Awaited::ClientsClosed => "the clients to close".to_owned(),
        Awaited::TopicDeleted(topic) => format!("topic {topic} to be deleted"),
        Awaited::ConnectionClosed => "the connection to close".to_owned(),
        Awaited::Committed => "what was read to be committed".to_owned(),
    }
}

/// What to do where a result's data is saved and something else could not be.
#[must_use]
pub fn not_whole(folder: &Path, why: &str) -> String {
    let folder = folder.display();
    format!("{why}; the data is in {folder}: kbench report {folder} draws the page again")
}

/// What came of a run.
fn outcome(of: &RunOutcome) -> String {
    let acked = text::count(of.acked_per_s.round() as u64);
    let p99 = match of.worst_p99 {
        Some(Reading::Endless(ns)) => format!("> {}", text::duration(Some(ns))),
        worst => text::duration(worst.and_then(Reading::value_ns)),
    };
    let said = of.said.as_ref().map_or_else(String::new, |said| format!("; {said}"));
    let word = if of.valid { "" } else { "INVALID: " };
    format!("{word}{acked}/s acknowledged, worst p99 {p99}{said}")
}

/// `40 s`, `12 min`, `2 h 5 min`.
#[must_use]
pub fn minutes(time: Duration) -> String {
    match time.as_secs() {
        s if s < 90 => format!("{s} s"),
        s if s < 5_400 => format!("{} min", s.div_ceil(60)),
        s => format!("{} h {} min", s / 3_600, s % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::run_event::Outstanding;

    fn settings() -> crate::plan::sweep::PointSettings {
        [("topic.partitions".to_owned(), "3".to_owned())].into()
    }

    fn ended(valid: bool, worst_p99: Option<Reading>, said: Option<&str>) -> RunEvent {
        let said = said.map(str::to_owned);
        RunEvent::Sweep(SweepEvent::TrialEnded(RunOutcome {
            valid,
            acked_per_s: 499.6,
            worst_p99,
            said,
        }))
    }

    #[test]
    fn each_event_has_its_line() {
        let s = Duration::from_secs_f64;
        let topic = || "t-1".to_owned();
        let unassigned = NotReady::Unassigned {
            group: "g".to_owned(),
            joined: 1,
            workers: 2,
            assigned: 3,
            partitions: 6,
        };
        let unprobed = NotReady::Unprobed { group: "h".to_owned(), partition: 4 };
        let missing = vec![unassigned, unprobed, NotReady::ClientsSay("no route".to_owned())];
        let waiting = |what| RunEvent::Waiting { what, left: s(1.26) };
        for (event, expected) in [
            (
                RunEvent::EmbeddedStarted {
                    address: ([127, 0, 0, 1], 4_567).into(),
                    one_of_many: true,
                    repeated: false,
                },
                "no broker was named: started the embedded one at 127.0.0.1:4567, a new one for \
                 each run; its figures are not Kafka's",
            ),
            (
                RunEvent::ReplayBegan { topic: topic(), records: 77, span_s: 3.25, speed: 2.0 },
                "replaying topic t-1: 77 records of 3.2 s, at 2 times the recorded speed",
            ),
            (
                RunEvent::NotReadyYet { left: s(23.7), missing },
                "not ready yet, for at most 24 s more: group g has 1 of 2 workers and 3 of 6 \
                 partitions assigned; group h has seen no probe on partition 4; the clients say: \
                 no route",
            ),
            (
                RunEvent::Ready { repeated: false },
                "every group reads every partition; the schedule starts",
            ),
            (
                RunEvent::Draining {
                    left: s(27.9),
                    outstanding: Outstanding { receipts: 5, unread: vec![1, 0] },
                },
                "draining for at most 28 s more: 5 receipts are outstanding, unread are [1, 0]",
            ),
            (RunEvent::InDoubt, "some events are in doubt: reading the topic once more"),
            (
                waiting(Awaited::TopicDeleted(topic())),
                "waiting for topic t-1 to be deleted, for at most 1.3 s more",
            ),
            (
                waiting(Awaited::Rescan),
                "waiting for the topic to be read once more (the result from before is saved), \
                 for at most 1.3 s more",
            ),
            (RunEvent::ClientsLeftBehind, "the clients do not close: they are left behind"),
            (
                RunEvent::TopicStays {
                    topic: topic(),
                    at: "k:9092".to_owned(),
                    why: "it is gone".to_owned(),
                },
                "topic t-1 stays at k:9092: it is gone",
            ),
            (
                RunEvent::NotWhole { folder: "out/a".into(), why: "page.html: full".to_owned() },
                "page.html: full; the data is in out/a: kbench report out/a draws the page again",
            ),
        ] {
            assert_eq!(line(&event).as_deref(), Some(expected), "{event:?}");
        }
    }

    #[test]
    fn each_event_of_a_sweep_and_of_a_race_has_its_line() {
        let s = Duration::from_secs_f64;
        let began = SweepEvent::TrialBegan {
            place: 1,
            trials: 6,
            settings: settings(),
            repeat: 0,
            repeats: 2,
            left: s(700.0),
        };
        let left_out = Excluded {
            settings: settings(),
            why: vec!["too few".to_owned(), "and more".to_owned()],
        };
        let lap =
            |at_most| RunEvent::Race(RaceEvent::LapBegan { pair: 2, pairs: 9, at_most, side: "b" });
        for (event, expected) in [
            (
                RunEvent::Sweep(SweepEvent::LeftOut(left_out)),
                "left out: topic.partitions=3: too few",
            ),
            (
                RunEvent::Sweep(began),
                "trial 2 of 6: topic.partitions=3, repeat 1 of 2; 12 min left",
            ),
            (
                ended(true, Some(Reading::Value(4_200_000)), None),
                "  500/s acknowledged, worst p99 4.20 ms",
            ),
            (
                ended(false, Some(Reading::Endless(2_000_000_000)), Some("3 are missing")),
                "  INVALID: 500/s acknowledged, worst p99 > 2.00 s; 3 are missing",
            ),
            (
                RunEvent::Sweep(SweepEvent::CutShort {
                    done: 3,
                    trials: 6,
                    folder: "out/s".into(),
                }),
                "3 of 6 trials are saved; to go on: --resume out/s",
            ),
            (lap(true), "pair 3 of 9 at most: b"),
            (lap(false), "pair 3 of 9: b"),
            (
                RunEvent::Race(RaceEvent::Undecided {
                    pairs: 4,
                    open: vec!["p99: 3 %".to_owned(), "more".to_owned()],
                }),
                "after 4 pairs 2 undecided: p99: 3 %",
            ),
        ] {
            assert_eq!(line(&event).as_deref(), Some(expected), "{event:?}");
        }
    }

    #[test]
    fn what_another_run_of_a_sweep_has_told_is_not_told_again() {
        let address = ([127, 0, 0, 1], 4_567).into();
        let started = RunEvent::EmbeddedStarted { address, one_of_many: true, repeated: true };
        for event in [started, RunEvent::Ready { repeated: true }, RunEvent::Stopped] {
            assert_eq!(line(&event), None, "{event:?}");
        }
    }
}
