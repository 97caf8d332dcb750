//! What a replay says: at its end, meanwhile, and when it is interrupted.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::servers::Server;
use super::{interrupt, three, utf8};

#[test]
fn people_read_the_answers_and_a_table() {
    let server = Server::embedded();
    three(&server, "three");
    let args = ["replay", "-t", "three", "analytics", "fraud"];
    let output = server.kbench(&args).output().unwrap();
    let (text, words) = (utf8(&output.stdout), utf8(&output.stderr));
    assert!(words.contains("no group is joined and nothing is committed"), "{words}");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].contains("analytics  150 events  page_view 0  click 150"), "{text}");
    assert!(text.contains("\nreplayed three at 127.0.0.1:"), "{text}");
    assert!(text.contains("150 offsets of 3 partitions, speed max\n"), "{text}");
    for (line, app) in lines[lines.len() - 2..].iter().zip(["analytics", "fraud"]) {
        let cells: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(cells[..3], [app, "150", "0"], "{text}");
    }
    let output = server.kbench(&args).args(["--format", "markdown", "-q"]).output().unwrap();
    let text = utf8(&output.stdout);
    assert!(text.starts_with("# Replay of three\n\n- replayed three at "), "{text}");
    assert!(text.contains("\n| app ") && text.contains("\n## fraud\n\n```text\n"), "{text}");
    assert_eq!(utf8(&output.stderr), "");
}

#[test]
fn every_says_what_was_found_so_far() {
    let server = Server::embedded();
    three(&server, "three");
    let args = ["replay", "-t", "three", "analytics", "--speed", "5x", "--format", "json", "-q"];
    let output = server.kbench(&args).args(["--every", "10"]).output().unwrap();
    let lines: Vec<Value> =
        utf8(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, meanwhile) = lines.split_last().unwrap();
    assert!(meanwhile.len() >= 2, "{}", meanwhile.len());
    let seen: Vec<u64> =
        meanwhile.iter().map(|line| line["read"]["events"].as_u64().unwrap()).collect();
    assert!(
        seen.is_sorted() && seen[0] >= 10 && meanwhile.iter().all(|line| line["last"] == false)
    );
    assert_eq!(last["apps"][0]["read"]["events"], 150);
}

#[test]
fn ctrl_c_ends_it_with_what_was_read() {
    let server = Server::embedded();
    three(&server, "three");
    // It would take a thousand seconds, of which the first event comes at once.
    let args = ["replay", "-t", "three", "--speed", "0.01x", "--every", "1", "--format", "json"];
    let mut child =
        server.kbench(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    interrupt(child.id());
    let began = Instant::now();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(began.elapsed() < Duration::from_secs(5));
    let result: Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
    assert_eq!(result["interrupted_by"], 130);
    for app in result["apps"].as_array().unwrap() {
        let (records, left) = (app["records"].as_u64().unwrap(), app["left"].as_u64().unwrap());
        assert!(app["complete"] == false && app["drain_s"] == Value::Null, "{app}");
        assert!(records < 150 && records + left == 150, "{app}");
        assert_eq!(app["summary"]["totals"]["events"], records);
    }
}
