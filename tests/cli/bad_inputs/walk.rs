//! What a stranger might try besides: flags, files and streams.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::broker::{scenario, start};
use super::program::{Case, LEAST, faults};

#[test]
fn a_set_that_leads_nowhere_is_refused() {
    for (set, expected) in [
        ("=5", "--set: \"\" is not a key; expected a path such as load.rate_per_s"),
        ("load", "--set: number 1 has no '='; expected KEY=VALUE"),
        ("load.rate_per_s=", "--set: load.rate_per_s: \"\" is wrong here; expected a number"),
        ("lo\nad=b", "--set: lo\\nad: unknown key; did you mean load?"),
        ("seed.x=1", "--set: seed.x: seed is 1 and has no key \"x\""),
        (
            "apps.run=[fraud]",
            "--set: apps.run: \"[fraud]\" is wrong here; expected a list of names",
        ),
        (
            "name=\u{1f4a5}",
            "--set: name: \"\u{1f4a5}\" can't name a folder; expected up to 100 let",
        ),
        ("topic.configs.\"retention.ms\"=1", "--set: topic.configs.retention.ms: has a key of its"),
    ] {
        faults(&["--set", set], &[expected]);
    }
    let long = format!("name={}", "x".repeat(50_000));
    let ended = Case::new(LEAST).output(&["--set", &long]);
    assert!(ended.code == 2 && ended.stderr.len() < 700, "{}", ended.stderr.len());
}

#[test]
fn an_address_that_is_none_is_refused_without_its_password() {
    for (servers, expected) in [
        ("", "-b: is empty; expected host:port, such as localhost:9092"),
        (
            "h:1,",
            "-b: an address is empty; expected host:port, such as localhost:9092, with one co",
        ),
        (
            "h:1;g:2",
            "-b: \"h:1;g:2\" has ';' in it; expected host:port, such as localhost:9092, wi",
        ),
        (
            "\u{1f4a5}:1",
            "-b: \"\u{1f4a5}:1\" has '\u{1f4a5}' in it; expected host:port, such as lo",
        ),
        ("https://me:hunter2@h:1", "-b: an address has a user or a password in it; expected host"),
    ] {
        let case = Case::new(LEAST);
        let ended = case.end(&mut case.command(&["run", "case.toml", "-b", servers]));
        assert_eq!((ended.code, ended.faults.len()), (2, 1), "{}", ended.stderr);
        assert!(ended.faults[0].starts_with(expected), "{}", ended.stderr);
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
}

#[test]
fn every_fault_of_every_scenario_and_file_comes_at_once() {
    let case = Case::new(LEAST)
        .file("b.toml", b"seed = -1\n[load]\nrate_per_s = 1\nduration = \"1s\"\n")
        .file("c.properties", b"acks\n=5\nfoo=1\nlinger.ms=\nsasl.jaas.config=x hunter2\n");
    let jaas = "c.properties:5: sasl.jaas.config: is a property of Java's client; use sasl.use";
    let of_file = [
        "c.properties:1: no '=' in the line; expected name=value",
        "c.properties:2: no name before the '='; expected name=value",
        "c.properties:3: foo: unknown property; expected one of librdkafka's",
        "c.properties:4: linger.ms: \"\" is not a number; expected 0 to 900000 of milliseconds",
        jaas,
    ];
    case.refused_as("case.toml", &["-F", "c.properties"], &of_file);
    let expected = [
        "none.properties: can't be read: No such file or directory (os error 2); expected a prop",
        "b.toml:1:8: seed: -1 is out of range; expected 0 to 9223372036854775807",
        "none.toml: can't be read: No such file or directory (os error 2); expected a scenario, T",
    ];
    case.refused_as("case.toml", &["b.toml", "none.toml", "-F", "none.properties"], &expected);
    let png = Case::new(LEAST).file("x.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    png.refused_as("x.png", &[], &["x.png:1:1: not UTF-8; expected a scenario, TOML such as"]);
    png.refused_as("case.toml", &["-F", "x.png"], &["x.png:1:1: not UTF-8; expected a properties"]);
}

#[test]
fn a_broker_that_cannot_be_reached_is_told_with_the_reason() {
    let case = Case::new(LEAST);
    for (servers, reason) in
        [("127.0.0.1:1", "Connection refused"), ("none.invalid:1", "Failed to resolve")]
    {
        let ended = case.end(&mut case.command(&["run", "case.toml", "-q", "-b", servers]));
        assert_eq!((ended.code, ended.faults.len()), (3, 1), "{}", ended.stderr);
        let expected = format!("no Kafka broker answers at {servers}, for ");
        assert!(ended.faults[0].starts_with(&expected), "{}", ended.stderr);
        assert!(ended.faults[0].contains(&format!("{servers}/boot")), "{}", ended.stderr);
        assert!(ended.faults[0].contains(reason), "{}", ended.stderr);
    }
}

#[test]
fn what_the_embedded_broker_lacks_is_refused_before_it_starts() {
    let case = Case::new(LEAST);
    for property in ["group.protocol=consumer", "security.protocol=sasl_plaintext"] {
        let ended = case.end(&mut case.command(&["run", "case.toml", "-X", property]));
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert!(ended.faults[0].contains("the embedded broker has"), "{}", ended.stderr);
    }
    case.assert_nothing_opened();
}

#[test]
fn a_results_folder_that_is_a_file_is_told_before_the_load() {
    for out in ["case.toml", "/dev/full"] {
        let expected = format!("can't write results to {out}: no folder; expected one, by --out");
        faults(&["--out", out], &[&expected]);
    }
    // Not UTF-8, which a path may be.
    let case = Case::new(LEAST);
    let out = OsStr::from_bytes(b"case.toml/\xff");
    let ended = case.end(case.command(&["run", "case.toml", "--out"]).arg(out));
    assert!(ended.code == 2 && ended.faults[0].starts_with("can't write"), "{}", ended.stderr);
}

/// A reader that leaves is not a failure; a disk without room is one, and neither is a panic.
#[test]
fn a_closed_or_full_stdout_ends_in_order() {
    let case = Case::new(LEAST);
    for args in [&["plan", "case.toml"][..], &["completions", "bash"]] {
        let mut child = case
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{args:?}");
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = case.command(args).stdout(full).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            told,
            "kbench: writing to standard output: No space left on device (os error 28)\n"
        );
    }
    let full = File::options().write(true).open("/dev/full").unwrap();
    let status = case.command(&["plan", "none.toml"]).stderr(full).status().unwrap();
    assert_eq!(status.code(), Some(2), "nobody can read the fault, and the code still tells");
}

/// The disk is full when the result is saved: the summary is all that is left of the run.
#[test]
fn a_result_that_cannot_be_saved_is_printed_all_the_same() {
    let broker = start();
    let case = Case::new(&scenario(""));
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$@\"";
    let mut command = Command::new("sh");
    command
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_kbench"), "run", "case.toml", "--quiet"])
        .args(["-b", &broker.address().to_string()])
        .current_dir(case.folder())
        .stdin(Stdio::null())
        .env("NO_COLOR", "1");
    let ended = case.end(&mut command);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stdout.starts_with("VALID  case on"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("result:"), "{}", ended.stdout);
    assert!(ended.faults[0].contains("File too large"), "{}", ended.stderr);
    let left = std::fs::read_dir(case.folder().join("results")).unwrap();
    assert_eq!(left.count(), 0, "something half-written was left behind");
}

/// `script` of util-linux gives the program a terminal.
#[test]
fn a_dumb_terminal_gets_plain_lines() {
    let broker = start();
    let case = Case::new(&scenario(""));
    let program = env!("CARGO_BIN_EXE_kbench");
    let run = format!("{program} run case.toml -b {}", broker.address());
    let mut command = Command::new("script");
    command.args(["-qec", &run, "/dev/null"]).current_dir(case.folder()).stdin(Stdio::null());
    let ended = case.end(command.env("TERM", "dumb").env_remove("NO_COLOR"));
    assert_eq!(ended.code, 0, "{}", ended.stdout);
    assert!(ended.stdout.contains("the schedule starts"), "{}", ended.stdout);
    assert!(!ended.stdout.contains('\u{1b}'), "{}", ended.stdout);
}

#[test]
fn no_password_is_printed_or_saved() {
    let broker = start();
    let text = scenario(
        "[kafka.producer]\n\"sasl.password\" = \"hunter2\"\n\
         [kafka.consumer]\nsasl = { username = \"me\", password = \"hunter2\" }\n",
    );
    let jaas = b"sasl.jaas.config=x required username=\"me\" password=\"hunter2\";\n";
    let case = Case::new(&text).file("c.properties", jaas);
    let address = broker.address().to_string();
    let mut command = case.command(&["run", "case.toml", "-b", &address, "-F", "c.properties"]);
    command.args(["-X", "sasl.password=hunter2", "-Xproducer.sasl.password=hunter2"]);
    command.args(["--set", "kafka.consumer.\"sasl.password\"=hunter2"]);
    let ended = case.end(&mut command);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(!ended.stdout.contains("hunter2") && !ended.stderr.contains("hunter2"));
    let mut files = 0;
    look(&case.folder().join("results"), &mut |text| {
        assert!(!text.contains("hunter2"), "{text}");
        files += usize::from(text.contains("***"));
    });
    assert!(files >= 2, "the result and the scenario say that something was masked");
}

/// Calls `each` with the text of every file under a folder.
fn look(folder: &Path, each: &mut impl FnMut(&str)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            look(&path, each);
        } else {
            each(&String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
        }
    }
}
