//! "Not ready" says why, and what can't work is refused before it starts: as a user sees it.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::alone::Broker;

/// A short run without a warm-up.
const SHORT: &str = "seed = 1\n[load]\nrate_per_s = 100\nduration = \"1s\"\nwarmup = \"0s\"\n";

/// Starts it with that run as its input, and somewhere to leave a result.
fn started(command: &mut Command, results: &Path) -> Child {
    let mut child = command
        .env_remove("KAFKA_BOOTSTRAP_SERVERS")
        .env("KBENCH_OUT", results)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(SHORT.as_bytes()).unwrap();
    child
}

/// Exit code and stderr.
fn told(command: &mut Command) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let child = started(command, folder.path());
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn plan_and_run_refuse_what_can_t_work_in_the_same_line() {
    let cases = [
        (&["load.rate_per_s=10_000_000", "load.duration=\"30d\""][..], &[][..], "of memory, "),
        (&[], &["max.poll.interval.ms=1"], "must be >= `session.timeout.ms`"),
        (&["topic.configs.\"cleanup.policy\"=compact"], &[], "compaction drops all but"),
    ];
    for (set, properties, expected) in cases {
        let lines = ["plan", "run"].map(|verb| {
            let mut command = crate::kbench();
            command.args([verb, "-"]);
            for text in set {
                command.args(["--set", text]);
            }
            for text in properties {
                command.args(["-X", text]);
            }
            let (code, stderr) = told(command.args(["-b", "127.0.0.1:1"]));
            assert_eq!(code, 2, "{stderr}");
            stderr
        });
        assert!(lines[0].contains(expected) && lines[0].lines().count() == 1, "{lines:?}");
        assert_eq!(lines[0], lines[1]);
    }
}

#[test]
fn limits_of_the_shell_are_told_by_their_name() {
    let program = crate::kbench().get_program().to_owned();
    for (limit, value, name) in [("-n", "30", "file handles"), ("-v", "500000", "address space")] {
        let line = format!("ulimit {limit} {value}; exec \"$0\" run -");
        let (code, stderr) = told(Command::new("sh").args(["-c", &line]).arg(&program));
        assert_eq!(code, 2, "{stderr}");
        let expected = format!("expected a higher limit (ulimit {limit})");
        assert!(stderr.contains(name) && stderr.contains(&expected), "{stderr}");
    }
}

#[test]
fn five_thousand_phases_are_refused_at_once() {
    let phase = "[[load.phase]]\nkind = \"constant\"\nrate_per_s = 1\nduration = \"1s\"\n";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("many.toml");
    std::fs::write(&file, format!("seed = 1\n{}", phase.repeat(5_000))).unwrap();
    let began = Instant::now();
    let (code, stderr) = told(crate::kbench().arg("plan").arg(&file));
    assert_eq!(code, 2);
    assert!(stderr.ends_with("load.phase: 5000 phases; expected at most 1000\n"), "{stderr}");
    // It took 21 s.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn a_port_that_is_not_plain_kafka_s_is_told_and_the_time_is_the_true_one() {
    let answers: [(&[u8], &str); 2] = [
        (&[0x15, 3, 3, 0, 2, 2, 70], "looks like TLS"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "is an HTTP server; expected Kafka's own port"),
    ];
    for (answer, words) in answers {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut stream = stream;
                let _ = stream.read(&mut [0; 1_024]);
                let _ = stream.write_all(answer);
            }
        });
        let began = Instant::now();
        let (code, stderr) = told(crate::kbench().args(["run", "-", "-b", &address]));
        let took = began.elapsed().as_secs_f64();
        assert_eq!(code, 3, "{stderr}");
        assert!(stderr.contains(words) && stderr.lines().count() == 1, "{stderr}");
        let waited = stderr.split(", for ").nth(1).unwrap().split(" s (").next().unwrap();
        assert!(waited.parse::<f64>().unwrap() <= took, "{stderr} after {took} s");
    }
}

#[test]
fn a_broker_that_is_killed_while_the_groups_get_ready_ends_the_run_with_its_words() {
    let (mut broker, folder) = (Broker::start(), tempfile::tempdir().unwrap());
    let mut command = crate::kbench();
    let mut child = started(command.args(["run", "-", "-b", &broker.address]), folder.path());
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("6 partitions at"), "{line}");
    broker.kill();
    let began = Instant::now();
    line.clear();
    stderr.read_to_string(&mut line).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3), "{line}");
    // It took 60 s, and was exit 4.
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    assert!(line.contains("the broker is gone: no answer for "), "{line}");
    assert!(line.contains("Connection refused"), "{line}");
    // Nothing but kbench's own lines.
    let own = ["kbench: ", "topic user-activities-"];
    assert!(line.lines().all(|line| own.iter().any(|own| line.starts_with(own))), "{line}");
}

#[test]
fn a_member_that_was_killed_is_named_while_its_group_waits_for_it() {
    let (broker, folder) = (Broker::start(), tempfile::tempdir().unwrap());
    let run = || {
        let mut command = crate::kbench();
        command.args(["run", "-", "-b", &broker.address, "--set", "apps.run=[\"fraud\"]"]);
        started(command.args(["-X", "consumer.session.timeout.ms=14000"]), folder.path())
    };
    let starts = |child: &mut Child| {
        let (mut said, mut line) = (String::new(), String::new());
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        while !line.contains("the schedule starts") {
            line.clear();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "{said}");
            said.push_str(&line);
        }
        said
    };
    let mut killed = run();
    starts(&mut killed);
    killed.kill().unwrap();
    killed.wait().unwrap();
    // It was silent until the dead member's session was over.
    let mut next = run();
    let said = starts(&mut next);
    next.kill().unwrap();
    next.wait().unwrap();
    let line = said.lines().find(|line| line.starts_with("not ready yet, for at most "));
    let line = line.unwrap_or_else(|| panic!("{said}"));
    assert!(line.contains(" has 0 of 1 workers and 0 of 6 partitions assigned"), "{line}");
}

#[test]
fn a_session_timeout_that_the_broker_refuses_is_told_at_once() {
    let broker = Broker::start();
    for (client, words) in [
        ("librdkafka", ["not ready: the broker refuses ", "JoinGroup failed: Broker: Invalid"]),
        ("native", ["not ready: group ", " refuses a member: invalid session timeout; expected "]),
    ] {
        let began = Instant::now();
        let to = ["run", "-", "-b", &broker.address, "--client", client];
        let short = ["-X", "session.timeout.ms=1", "-X", "heartbeat.interval.ms=1"];
        let (code, stderr) = told(crate::kbench().args(to).args(short));
        assert_eq!(code, 3, "{stderr}");
        assert!(words.iter().all(|words| stderr.contains(words)), "{stderr}");
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    }
}

#[test]
fn consume_looks_at_its_folder_before_it_looks_for_a_broker() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let folder = file.path().join("below a file");
    let began = Instant::now();
    let (code, stderr) = told(
        crate::kbench().args(["consume", "fraud", "-b", "127.0.0.1:1", "--record"]).arg(&folder),
    );
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("can't write results to "), "{stderr}");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn the_idle_time_of_consume_counts_from_the_first_assignment() {
    let broker = Broker::start();
    let args = ["consume", "analytics", "--idle", "4s", "--format", "json", "-q"];
    let child = broker.kbench(&args).stdout(Stdio::piped()).spawn().unwrap();
    // Longer than the idle time: the topic is not there yet.
    std::thread::sleep(Duration::from_secs(5));
    let sent = broker.fill();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let last = crate::alone::last_lines(&output.stdout);
    assert_eq!(crate::alone::events(&last[0]), sent);
    // A topic that never comes is not waited for without an end.
    let mut args = args.to_vec();
    args.extend(["--set", "topic.name=nowhere", "--set", "measure.ready_timeout=1s"]);
    let output = broker.kbench(&args).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("no partition of nowhere was assigned within 1 s"), "{stderr}");
    assert!(stderr.contains("nknown topic"), "{stderr}");
}
