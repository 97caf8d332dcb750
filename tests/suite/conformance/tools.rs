//! Other people's tools: kcat, and Kafka's own command-line tools.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::admin::{led_partitions, topic_config};
use crate::client::{Rec, read_all};
use crate::cluster::dev_kafka;
use crate::needs::Need;
use crate::probe::Probe;
use crate::sender::produce;
use crate::world::World;

pub fn probes() -> Vec<Probe> {
    vec![
        Probe::new("tools::kafka_topics_and_groups", kafka_tools).needs(&[Need::Java]),
        Probe::new("tools::kafka_partitions_keys_alike", kafka_keys).needs(&[Need::Java]),
        Probe::new("tools::kcat", kcat).needs(&[Need::Kcat]),
        Probe::new("tools::kcat_group", kcat_group).needs(&[Need::Kcat]),
    ]
}

/// Runs a command with that input and returns what it prints.
fn output(command: &mut Command, input: &str) -> String {
    let mut child = command
        // Cargo's points at the librdkafka that this crate was built with: not kcat's own.
        .env_remove("LD_LIBRARY_PATH")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a process");
    let mut stdin = child.stdin.take().expect("its stdin");
    stdin.write_all(input.as_bytes()).expect("its input");
    drop(stdin);
    let output = child.wait_with_output().expect("its end");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{words}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

fn kafka_tool(world: &World, args: &[&str], input: &str) -> String {
    let mut command = dev_kafka(["tool", "--bootstrap-server", world.bootstrap()]);
    output(command.args(args), input)
}

fn lines(count: usize) -> String {
    (0..count).map(|number| format!("line {number}\n")).collect()
}

fn kafka_tools(world: &World) {
    let topic = world.name("console");
    let group = world.name("console");
    let tool = |args: &[&str], input: &str| kafka_tool(world, args, input);
    let create = ["topics", "--create", "--topic", &topic, "--partitions", "2"];
    tool(&[&create[..], &["--config", "retention.ms=86400000"]].concat(), "");
    assert_eq!(led_partitions(world, &topic), Ok(vec![0, 1]));
    assert_eq!(topic_config(world, &topic)["retention.ms"], "86400000");
    let text = tool(&["topics", "--describe", "--topic", &topic], "");
    assert!(text.contains("PartitionCount: 2") && text.contains("retention.ms=86400000"), "{text}");
    assert!(tool(&["topics", "--list"], "").lines().any(|line| line == topic));

    tool(&["console-producer", "--topic", &topic], &lines(50));
    let consume = ["console-consumer", "--topic", &topic, "--group", &group, "--from-beginning"];
    let text = tool(&[&consume[..], &["--max-messages", "50"]].concat(), "");
    let (mut got, mut sent): (Vec<_>, Vec<_>) =
        (text.lines().map(str::to_owned).collect(), lines(50).lines().map(str::to_owned).collect());
    got.sort_unstable();
    sent.sort_unstable();
    assert_eq!(got, sent);

    let text = tool(&["consumer-groups", "--describe", "--group", &group], "");
    let lag: Vec<(&str, &str)> = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words.first() == Some(&group.as_str()))
        .map(|words| (words[4], words[5]))
        .collect();
    let total: i64 = lag.iter().map(|(end, _)| end.parse::<i64>().expect("an offset")).sum();
    assert_eq!(total, 50, "{text}");
    assert!(lag.iter().all(|(_, lag)| *lag == "0"), "{text}");

    tool(&["topics", "--delete", "--topic", &topic], "");
    assert!(!tool(&["topics", "--list"], "").lines().any(|line| line == topic));
}

fn kafka_keys(world: &World) {
    let topic = world.topic("keys", 6);
    let keys: Vec<String> = (0..200).map(|number| format!("user_{:06}", number * 7919)).collect();
    let input: String = keys.iter().map(|key| format!("{key}:{key}\n")).collect();
    let settings = ["--reader-property", "parse.key=true", "--reader-property", "key.separator=:"];
    kafka_tool(world, &[&["console-producer", "--topic", &topic], &settings[..]].concat(), &input);
    let text = kafka_tool(world, &["get-offsets", "--topic", &topic], "");
    let java: Vec<i64> = text
        .lines()
        .map(|line| line.rsplit(':').next().expect("an offset").parse().expect("a number"))
        .collect();
    let recs: Vec<Rec> = keys.iter().map(|key| Rec::keyed(key.as_str(), key.as_str())).collect();
    let mut ours = vec![0; 6];
    let other = world.topic("keys", 6);
    for (partition, _) in produce(world, &other, &[], &recs) {
        ours[partition as usize] += 1;
    }
    assert_eq!(java, ours, "records for each partition");
}

fn run_kcat(world: &World, args: &[&str], input: &str) -> String {
    output(Command::new("kcat").args(["-b", world.bootstrap()]).args(args), input)
}

fn kcat(world: &World) {
    let topic = world.topic("kcat", 1);
    let text = run_kcat(world, &["-L", "-t", &topic], "");
    assert!(text.contains(&format!("topic \"{topic}\" with 1 partitions")), "{text}");
    run_kcat(world, &["-P", "-t", &topic, "-K:", "-z", "gzip"], "a:1\nb:2\n");
    let recs = read_all(world, &topic, 2);
    assert_eq!((recs[0].key.as_deref(), recs[0].text()), (Some(&b"a"[..]), "1"));
    let text = run_kcat(world, &["-C", "-t", &topic, "-o", "beginning", "-e", "-q", "-K:"], "");
    assert_eq!(text, "a:1\nb:2\n");
    let text = run_kcat(world, &["-Q", "-t", &format!("{topic}:0:-1")], "");
    assert!(text.contains("[0] offset 2"), "{text}");
}

fn kcat_group(world: &World) {
    let topic = world.topic("kcat", 3);
    let group = world.name("kcat");
    run_kcat(world, &["-P", "-t", &topic], &lines(30));
    let consume = |count: &str| {
        let settings = ["-q", "-c", count, "-X", "auto.offset.reset=earliest"];
        let text = run_kcat(world, &[&settings[..], &["-G", &group, &topic]].concat(), "");
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let mut got = consume("10");
    got.extend(consume("20"));
    got.sort_unstable();
    let mut sent: Vec<_> = lines(30).lines().map(str::to_owned).collect();
    sent.sort_unstable();
    assert_eq!(got, sent, "the second member goes on where the first one left");
}
