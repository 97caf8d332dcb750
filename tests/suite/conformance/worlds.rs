//! The test world itself: nothing stays behind, and `dev/kafka` tells what is wrong.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::admin::await_until;
use crate::cluster::{dev_kafka, ready_line};
use crate::probe::Probe;
use crate::world::{Kind, World};

pub fn probes() -> Vec<Probe> {
    vec![
        Probe::new("worlds::end_with_their_supervisor", end_with_supervisor).only(&[Kind::Kafka]),
        Probe::new("worlds::end_with_their_stdin", end_with_stdin).only(&[Kind::Kafka]),
        Probe::new("worlds::usage_errors", usage_errors).only(&[Kind::Loopback]),
    ]
}

/// Starts Kafka, ends it in that way, and makes sure that neither process nor folder stays.
fn assert_ends(end: fn(&mut Child)) {
    let mut child =
        dev_kafka(["run"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("dev/kafka");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("its stdout");
    BufReader::new(stdout).read_line(&mut line).expect("its line");
    let (address, dir) = ready_line(&line).expect("the address and the folder");
    TcpStream::connect(address).expect("a broker that listens");
    assert!(Path::new(dir).exists());
    end(&mut child);
    await_until("the broker and its folder are gone", Duration::from_secs(10), || {
        TcpStream::connect(address).is_err() && !Path::new(dir).exists()
    });
    child.wait().expect("its end");
}

fn end_with_stdin(_: &World) {
    // What the kernel does when the parent is killed.
    assert_ends(|child| drop(child.stdin.take()));
}

fn end_with_supervisor(_: &World) {
    assert_ends(|child| child.kill().expect("a signal"));
}

fn usage_errors(_: &World) {
    let cases: [(&[&str], i32); 5] = [
        (&["bogus"], 2),
        (&["start", "--brokers", "2"], 2),
        (&["start", "--nonsense", "1"], 2),
        (&["stop", "/nonexistent"], 7),
        (&["tool", "--bootstrap-server", "127.0.0.1:1", "bogus"], 2),
    ];
    for (args, code) in cases {
        let output = dev_kafka(args.iter().copied()).output().expect("dev/kafka");
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), words.lines().count()), (Some(code), 1), "{words}");
    }
    let output = dev_kafka(["help"]).output().expect("dev/kafka");
    assert!(output.status.success() && output.stdout.starts_with(b"dev/kafka:"));
}
