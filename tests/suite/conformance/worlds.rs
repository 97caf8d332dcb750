//! The test world itself: nothing stays behind, and `dev/kafka` tells what is wrong.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
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
        Probe::new("worlds::a_taken_port_is_no_broker_of_ones_own", taken_port)
            .only(&[Kind::Loopback]),
        Probe::new("worlds::another_cluster_is_not_taken_for_ones_own", another_cluster)
            .only(&[Kind::Kafka]),
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

/// Whatever listens there: nothing is started beside it, and one line says so.
fn taken_port(_: &World) {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = socket.local_addr().expect("its address").port().to_string();
    let before = (port.parse::<u16>().expect("a port") - 1).to_string();
    for args in [["--brokers", "1", "--port", &port], ["--brokers", "3", "--port", &before]] {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().join("kafka");
        let mut command = dev_kafka(["start", "--dir", dir.to_str().expect("a name")]);
        let output = command.args(args).stdin(Stdio::null()).output().expect("dev/kafka");
        let words = String::from_utf8_lossy(&output.stderr);
        let expected = format!("dev/kafka: port {port} is taken: somebody listens there already\n");
        // Before the one that is taken another may be, by whoever else is here.
        let is_said = words == expected || (args[1] == "3" && words.contains("is taken"));
        assert!(is_said && words.lines().count() == 1, "{words}");
        assert_eq!((output.status.code(), dir.exists()), (Some(6), false), "{words}");
        assert!(output.stdout.is_empty(), "nobody is ready");
    }
}

/// A broker that took the port after the look, while ours was starting: what `dev/kafka` waits for
/// is its own. The process that it started is this shell itself, which lives on.
fn another_cluster(world: &World) {
    const SCRIPT: &str = r#"
        set -u; export LC_ALL=C; dir=$1; why=
        . dev/kafka-broker.sh
        echo "$$" >"$dir/broker-1.pid"
        await_ready 1 1; code=$?
        echo "$code $why"
    "#;
    let port = world.bootstrap().rsplit(':').next().expect("a port").to_owned();
    let id = world.cluster().id();
    let look = |id: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path();
        fs::create_dir(dir.join("data-1")).expect("a folder");
        fs::write(dir.join("broker-1.state"), format!("port={port}\n")).expect("a file");
        fs::write(dir.join("data-1/meta.properties"), format!("node.id=1\ncluster.id={id}\n"))
            .expect("a file");
        let mut command = Command::new("bash");
        command.args(["-c", SCRIPT, "bash"]).arg(dir).current_dir(env!("CARGO_MANIFEST_DIR"));
        let output = command.stdin(Stdio::null()).output().expect("bash");
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    assert_eq!(look(&id), "0 \n");
    let other: String = id.chars().rev().collect();
    for other in [&other, &id[1..], ""] {
        let expected = format!(
            "1 a broker of another cluster answers on port {port}; expected broker 1 of cluster \
             {other}\n"
        );
        assert_eq!(look(other), expected);
    }
}
