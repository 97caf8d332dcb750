//! What can't be replayed: one clear line, and the code that is documented for it.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::servers::Server;
use super::{ORIGIN_MS, event, fill, three, utf8};

/// The one line that it ends with, and its code.
fn refused(server: &Server, args: &[&str]) -> (i32, String) {
    let mut all = vec!["replay"];
    all.extend(args);
    let output = server.kbench(&all).output().unwrap();
    let stderr = utf8(&output.stderr);
    assert_eq!(utf8(&output.stdout), "", "{args:?}");
    (output.status.code().unwrap(), stderr)
}

fn assert_refused(server: &Server, args: &[&str], code: i32, expected: &str) {
    let (found, line) = refused(server, args);
    assert_eq!(found, code, "{args:?}: {line}");
    assert!(line.starts_with("kbench: ") && line.contains(expected), "{args:?}: {line}");
    assert_eq!(line.lines().count(), 1, "{args:?}: {line}");
}

/// Nobody listens there: whatever is told, it is told before a broker is asked.
#[test]
fn wrong_words_are_told_before_anything_is_opened() {
    let mut server = Server::embedded();
    server.kill();
    for (args, expected) in [
        (&["analitics"][..], "\"analitics\" is not an application; did you mean \"analytics\"? "),
        (&["--from", "beginning", "frawd"], "did you mean \"fraud\"?"),
        (&["--from", "yesterday"], "--from: \"yesterday\" is not a place in a topic; expected"),
        (&["--from", "end"], "--from: \"end\" is not a place in a topic"),
        (&["--until", "beginning"], "--until: \"beginning\" is not a place in a topic"),
        (&["--from", "offset"], "--from: \"offset\" has no offset"),
        (&["--from", "offset", "-5"], "--from: \"offset -5\" has no offset"),
        (&["--from", "offset:x"], "--from: \"offset:x\" has no offset"),
        (&["--from", "timestamp", "noon"], "has no date by RFC 3339"),
        (&["--from", "duration", "1"], "--from duration: \"1\" has no unit"),
        (&["--from", "offset", "9", "--until", "offset", "3"], "offset 3 is not behind --from"),
        (&["--from", "duration:1h", "--until", "duration:2h"], "is not behind that of --from"),
        (&["--partition", "1", "--from", "offset", "2=5"], "partition 2 is none of --partition"),
        (&["--topic", "a\nb"], "--topic: \"a\\nb\" is not a topic name; expected up to 249"),
        (&["--topic", ""], "--topic: \"\" is not a topic name"),
        (&["--speed", "fast"], "--speed: \"fast\" is not a speed; expected max, 1x or 10x"),
        (&["--speed", "0x"], "--speed: \"0x\" is not a speed"),
        (&["--every", "0"], "--every: 0 events; expected at least 1"),
        (&["--set", "apps.fraud.velocty_per_min=3"], "velocity_per_min"),
        (&["--set", "apps.run=[\"fraud\"]", "analytics"], "\"analytics\" is not in the scenario's"),
        (&["--scenario", "no-such.toml"], "no-such.toml"),
    ] {
        assert_refused(&server, args, 2, expected);
    }
    // By the reader of the command line, which tells how it is used in more than a line.
    for args in [&["--partition", "x"][..], &["--partition", "-1"], &["--from"]] {
        assert_eq!(refused(&server, args).0, 2, "{args:?}");
    }
}

#[test]
fn what_the_topic_does_not_hold_is_told_by_what_it_holds() {
    let server = Server::embedded();
    three(&server, "three");
    fill(&server, "empty", 2, &[]);
    for (args, expected) in [
        (&["-t", "none"][..], "topic none can't be replayed: "),
        (&["-t", "empty"], "topic empty is empty: nothing can be replayed"),
        (
            &["-t", "three", "-p", "0", "--from", "offset", "101"],
            "--from: offset 101 is beyond the end of partition 0, which holds 0 to 100",
        ),
        (
            &["-t", "three", "--until", "offset", "1=51"],
            "--until: offset 51 is beyond the end of partition 1, which holds 0 to 50",
        ),
        (&["-t", "three", "-p", "3"], "topic three has no partition 3; expected 0 to 2"),
        (&["-t", "three", "-p", "2"], "topic three holds nothing there: partition 2 from 0 until"),
        (
            &["-t", "three", "--from", "timestamp", "2026-02-01T00:00:00Z"],
            "topic three holds nothing there: partition 0 from 100 until 100 of 0 to 100, ",
        ),
        (&["-t", "three", "--from", "duration", "1ms"], "topic three holds nothing there"),
    ] {
        assert_refused(&server, args, 3, expected);
    }
    // Asking for a topic makes none.
    assert_refused(&server, &["-t", "none"], 3, "topic none can't be replayed: ");
}

#[test]
fn nobody_at_the_address_is_told_within_ten_seconds() {
    let mut server = Server::embedded();
    server.kill();
    let began = Instant::now();
    assert_refused(&server, &[], 3, "no Kafka broker answers at 127.0.0.1:");
    assert!(began.elapsed() < Duration::from_secs(12));
}

#[test]
fn a_broker_that_goes_away_ends_it() {
    let mut server = Server::embedded();
    // More than a client fetches ahead.
    let filler = "x".repeat(500_000);
    let big = |n: i64| event("u", ORIGIN_MS + n * 100).replace("6f1c", &format!("6f1c{filler}"));
    let records: Vec<_> = (0..400).map(|n| (0, ORIGIN_MS, big(n))).collect();
    fill(&server, "big", 1, &records);
    let args = ["replay", "-t", "big", "fraud", "--speed", "10x", "--every", "1"];
    let mut command = server.kbench(&args);
    command.args(["-X", "consumer.fetch.message.max.bytes=1000000"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It has begun to read, and is in the middle of it: ten events a second are replayed at 100.
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut shown = String::new();
    assert!(lines.read_line(&mut shown).unwrap() > 0);
    server.kill();
    let began = Instant::now();
    lines.read_to_string(&mut shown).unwrap();
    let output = child.wait_with_output().unwrap();
    let words = utf8(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{words}");
    let last = words.lines().last().unwrap();
    assert!(last.contains("topic big: no record came within 20 s from partitions [0]"), "{words}");
    assert!(shown.contains("PARTIAL replay of big"), "what was found is not lost: {shown}");
    assert!(began.elapsed() < Duration::from_secs(60));
}
