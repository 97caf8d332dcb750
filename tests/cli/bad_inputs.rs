//! Bad inputs, as a user gives them: what the program says about each, and with which code.
//!
//! Whatever ends with 2 was given an address at which somebody listens, and nobody came.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]
// Nothing outside this binary sees it.
#![allow(unreachable_pub)]

#[path = "bad_inputs/broker.rs"]
mod broker;
#[path = "bad_inputs/garbage.rs"]
mod garbage;
#[path = "bad_inputs/program.rs"]
mod program;
#[path = "bad_inputs/walk.rs"]
mod walk;

use program::{Case, LEAST, faults};

/// Checks `(further lines of the least scenario, how each fault begins)`, in this order.
fn check(cases: &[(&str, &[&str])]) {
    for (text, expected) in cases {
        Case::new(&format!("{LEAST}{text}")).refused(expected);
    }
}

/// The same for a scenario whose line 3 or 4 is another.
fn check_line(line: usize, key: &str, cases: &[(&str, &str)]) {
    for (value, expected) in cases {
        let mut lines: Vec<&str> = LEAST.lines().collect();
        let other = format!("{key} = {value}");
        lines[line - 1] = &other;
        Case::new(&format!("{}\n", lines.join("\n"))).refused(&[expected]);
    }
}

#[test]
fn item_01_an_unknown_key_is_refused_with_the_nearest() {
    check(&[
        ("warm_up = \"1s\"\n", &["case.toml:5:1: load.warm_up: unknown key; did you mean load.wa"]),
        ("[topik]\n", &["case.toml:5:2: topik: unknown key; did you mean topic?"]),
        (
            "[apps.fraud]\nworker = 2\n[topic]\npartitoins = 2\n",
            &[
                "case.toml:6:1: apps.fraud.worker: unknown key; did you mean apps.fraud.workers?",
                "case.toml:8:1: topic.partitoins: unknown key; did you mean topic.partitions?",
            ],
        ),
    ]);
}

#[test]
fn item_02_a_wrong_type_is_refused() {
    check(&[(
        "producers = \"2\"\n[topic]\nreuse = 1\nname = [\"x\"]\n[population]\nusers = 1.5\n",
        &[
            "case.toml:5:13: load.producers: \"2\" is wrong here; expected a whole number",
            "case.toml:7:9: topic.reuse: 1 is wrong here; expected true or false",
            "case.toml:8:8: topic.name: a list is wrong here; expected text in quotes",
            "case.toml:10:9: population.users: 1.5 is wrong here; expected a whole number",
        ],
    )]);
}

#[test]
fn item_03_a_missing_duration_or_rate_is_named() {
    for (text, expected) in [
        ("seed = 1\n", "case.toml:1:1: load: no load; expected rate_per_s and duration, or"),
        (
            "seed = 1\n[load]\nrate_per_s = 1\n",
            "case.toml:2:1: load.duration: missing; expected a duration such as \"30s\"",
        ),
        (
            "seed = 1\n[load]\nduration = \"1s\"\n",
            "case.toml:2:1: load.rate_per_s: missing; expected events per second, such as 1000",
        ),
    ] {
        Case::new(text).refused(&[expected]);
    }
}

#[test]
fn item_04_a_rate_is_refused_with_its_range() {
    const RANGE: &str = "is out of range; expected 0 to 10000000 events/s";
    let cases = [("-1", "-1"), ("nan", "NaN"), ("inf", "inf"), ("-inf", "-inf"), ("1e18", "1e18")];
    for (value, shown) in cases {
        let expected = format!("case.toml:3:14: load.rate_per_s: {shown} {RANGE}");
        check_line(3, "rate_per_s", &[(value, &expected)]);
    }
    let nothing = "case.toml:3:14: load.rate_per_s: the whole schedule sends less than one event";
    check_line(3, "rate_per_s", &[("0", nothing), ("1e-9", nothing)]);
}

#[test]
fn item_05_a_duration_has_a_unit_and_a_sign_that_makes_sense() {
    check_line(
        4,
        "duration",
        &[
            ("\"30\"", "case.toml:4:12: load.duration: \"30\" has no unit; expected a duration su"),
            ("30", "case.toml:4:12: load.duration: 30 has no unit; expected a duration such as"),
            ("\"5 mins\"", "case.toml:4:12: load.duration: \"5 mins\" is not a duration; expected"),
            ("\"-1s\"", "case.toml:4:12: load.duration: \"-1s\" is negative; expected a duration"),
            (
                "\"0s\"",
                "case.toml:4:12: load.duration: \"0s\" is out of range; expected 1ms to 30d",
            ),
            ("\"\"", "case.toml:4:12: load.duration: is empty; expected a duration such as"),
            (
                "\"999999999999999999d\"",
                "case.toml:4:12: load.duration: \"999999999999999999d\" is",
            ),
        ],
    );
}

/// The warm-up comes before what `duration` measures, so it can't leave nothing to measure.
#[test]
fn item_06_a_warm_up_longer_than_the_run_takes_nothing_from_it() {
    check(&[(
        "warmup = \"2d\"\n",
        &["case.toml:5:10: load.warmup: \"2d\" is out of range; expected 0s to 1d"],
    )]);
    let plan = Case::new(&format!("{LEAST}warmup = \"1m\"\n")).planned();
    let phases = plan["plan"]["load"]["phases"].as_array().unwrap();
    let lasting: Vec<_> = phases
        .iter()
        .map(|phase| (&phase["warmup"], phase["segments"][0]["duration_ns"].as_u64().unwrap()))
        .collect();
    assert_eq!(lasting, [(&true.into(), 60_000_000_000), (&false.into(), 1_000_000_000)]);
}

/// Phases follow one another; nothing can be written that would make them overlap.
#[test]
fn item_07_phases_have_no_start_of_their_own_and_always_an_end() {
    let load = "seed = 1\n[load]\n";
    let phase = "[[load.phase]]\nkind = \"constant\"\nrate_per_s = 1\nduration = \"1s\"\n";
    let unknown =
        "unknown key; a constant phase has kind, name, duration, rate_per_s, hot and sale";
    Case::new(&format!("{load}{phase}start = \"1s\"\n{phase}start = \"0s\"\n")).refused(&[
        &format!("case.toml:7:1: load.phase[0].start: {unknown}"),
        &format!("case.toml:12:1: load.phase[1].start: {unknown}"),
    ]);
    let ramp = "[[load.phase]]\nkind = \"ramp\"\nfrom_per_s = 10\nto_per_s = 0\n";
    Case::new(&format!("{load}{ramp}")).refused(&[
        "case.toml:3:1: load.phase[0].duration: missing; expected a duration such as \"30s\"",
    ]);
    Case::new(&format!("{load}phase = []\n")).refused(&[
        "case.toml:3:9: load.phase: is an empty list; expected at least one [[load.phase]]",
    ]);
    Case::new(&format!("{LEAST}{phase}")).refused(&[
        "case.toml:3:14: load.rate_per_s: contradicts [[load.phase]]; expected one or the other",
    ]);
}

#[test]
fn item_08_shares_make_100_percent_of_parts_that_are_not_negative() {
    check(&[
        (
            "[population.mix]\nclick = 24\n",
            &["case.toml:5:1: population.mix: shares sum to 99 %; expected 100 %"],
        ),
        (
            "[population.mix]\nclick = -25\n[population.personas]\nbuyers = nan\n",
            &[
                "case.toml:6:9: population.mix.click: -25 is out of range; expected 0 to 100 %",
                "case.toml:8:10: population.personas.buyers: NaN is out of range; expected 0 to",
            ],
        ),
    ]);
}

#[test]
fn item_09_the_seed_is_there_and_has_63_bits() {
    Case::new("[load]\nrate_per_s = 1\nduration = \"1s\"\n")
        .refused(&["case.toml:1:1: seed: missing; expected a whole number, such as seed = 42"]);
    const RANGE: &str = "is out of range; expected 0 to 9223372036854775807";
    for seed in ["-1", "9223372036854775808", "99999999999999999999999999999999999999999"] {
        let case = Case::new(&LEAST.replace("seed = 1", &format!("seed = {seed}")));
        let line = case.output(&[]).faults.remove(0);
        assert!(line.starts_with("case.toml:1:8: seed: ") && line.ends_with(RANGE), "{line}");
    }
    for seed in ["-1", "9223372036854775808", "x", ""] {
        let line = Case::new(LEAST).output(&["--seed", seed]).faults.remove(0);
        let expected = format!("error: invalid value '{seed}' for '--seed <SEED>': expected a who");
        assert!(line.starts_with(&expected), "{line}");
    }
}

#[test]
fn item_10_a_population_has_users_and_a_skew_that_is_a_number() {
    check(&[
        (
            "[population]\nusers = 0\nuser_skew = -1\nproduct_skew = nan\n",
            &[
                "case.toml:6:9: population.users: 0 is out of range; expected 1 to 100000000 use",
                "case.toml:7:13: population.user_skew: -1 is out of range; expected 0 to 3",
                "case.toml:8:16: population.product_skew: NaN is out of range; expected 0 to 3",
            ],
        ),
        (
            "[population]\nusers = 10\nsessions_max = 11\n",
            &["case.toml:7:16: population.sessions_max: 11 sessions for 10 users; expected at mo"],
        ),
    ]);
}

#[test]
fn item_15_a_property_with_a_unit_is_refused() {
    check(&[(
        "[kafka.producer]\nlinger.ms = \"5s\"\nbatch.size = \"1MB\"\n\
         [kafka.consumer]\nfetch.min.bytes = \"1KB\"\n",
        &[
            "case.toml:6:13: kafka.producer.linger.ms: \"5s\" is not a number; expected 0 to 90000",
            "case.toml:7:14: kafka.producer.batch.size: \"1MB\" is not a whole number; expected 1",
            "case.toml:9:19: kafka.consumer.fetch.min.bytes: \"1KB\" is not a whole number; expect",
        ],
    )]);
    faults(&["-X", "socket.timeout.ms=5s"], &["-X: socket.timeout.ms: \"5s\" is not a whole numb"]);
}

#[test]
fn item_16_an_unknown_or_java_only_property_is_refused_with_a_hint() {
    check(&[(
        "[kafka.producer]\nbuffer.memory = 1\nlingerms = 1\n\
         [kafka.consumer]\nmax.poll.records = 1\nlinger.ms = 1\n",
        &[
            "case.toml:6:17: kafka.producer.buffer.memory: is a property of Java's client; use que",
            "case.toml:7:12: kafka.producer.lingerms: unknown property; did you mean linger.ms?",
            "case.toml:9:20: kafka.consumer.max.poll.records: is a property of Java's client; leav",
            "case.toml:10:13: kafka.consumer.linger.ms: only producers have it; expected [kafka.p",
        ],
    )]);
    faults(
        &["-X", "max.block.ms=1", "-X", "qwertz=1", "-X", "=1"],
        &[
            "-X: max.block.ms: is a property of Java's client; leave it out: a full queue is coun",
            "-X: qwertz: unknown property; expected one of librdkafka's",
            "-X: number 3 has no name; expected KEY=VALUE",
        ],
    );
}

#[cfg(not(feature = "tls"))]
#[test]
fn item_17_what_is_not_built_in_is_refused_with_the_build_that_has_it() {
    const BUILD: &str = "this build has no TLS; expected a build with `--features tls`";
    faults(
        &["-X", "security.protocol=ssl", "-X", "ssl.ca.location=/x", "-X", "sasl.mechanism=GSSAPI"],
        &[
            &format!("-X: security.protocol: ssl: {BUILD}"),
            &format!("-X: ssl.ca.location: /x: {BUILD}"),
            "-X: sasl.mechanism: GSSAPI: Kerberos is in no build of kbench; expected PLAIN, SCRAM",
        ],
    );
    faults(
        &["-X", "compression.type=brotli", "-X", "debug=x"],
        &[
            "-X: compression.type: no such choice: \"brotli\"; expected one of none, gzip, snappy",
            "-X: debug: librdkafka refuses it: Invalid value \"x\"",
        ],
    );
}

#[test]
fn item_18_contradictions_and_reserved_properties_are_refused() {
    check(&[(
        "[kafka.producer]\nenable.idempotence = true\nacks = 1\n\
         delivery.report.only.error = true\n\
         [kafka.consumer]\nenable.auto.commit = false\ngroup.id = \"x\"\n\
         statistics.interval.ms = 1\nenable.auto.offset.store = true\n",
        &[
            "case.toml:7:8: kafka.producer.acks: 1 contradicts enable.idempotence; expected acks=",
            "case.toml:8:30: kafka.producer.delivery.report.only.error: is kbench's to set; every",
            "case.toml:10:22: kafka.consumer.enable.auto.commit: can't be false; without commits a",
            "case.toml:11:12: kafka.consumer.group.id: is kbench's to set; use apps.NAME.group",
            "case.toml:12:26: kafka.consumer.statistics.interval.ms: is kbench's to set; kbench as",
            "case.toml:13:28: kafka.consumer.enable.auto.offset.store: is kbench's to set; a worke",
        ],
    )]);
    faults(
        &["-X", "acks=2"],
        &["-X: acks: \"2\" is not a number of acknowledgements; expected 0, 1"],
    );
}

#[test]
fn item_22_a_scenario_is_a_page_of_text() {
    let whole = format!("{LEAST}x = 1\n").into_bytes();
    let unknown = "case.toml:5:1: load.x: unknown key; expected one of";
    let marked = [b"\xef\xbb\xbf".to_vec(), whole.clone()].concat();
    let crlf = String::from_utf8(whole).unwrap().replace('\n', "\r\n");
    for (bytes, expected) in [
        (Vec::new(), "case.toml:1:1: the scenario is empty; expected at least seed and [load]"),
        (b"\xef\xbb\xbf \r\n".to_vec(), "case.toml:1:1: the scenario is empty; expected at least"),
        (marked, unknown),
        (crlf.into_bytes(), unknown),
        (
            b"seed = 1\nn = \"\xff\"\n".to_vec(),
            "case.toml:2:6: not UTF-8; expected a scenario, TOML",
        ),
        (b"\xff\xfes\0e\0".to_vec(), "case.toml:1:1: not UTF-8; expected a scenario, TOML"),
        (b"seed = 1\0\n".to_vec(), "case.toml:1:8: not TOML: "),
        (b"seed = = 1\n".to_vec(), "case.toml:1:8: not TOML: "),
        (vec![b'#'; 100 << 20], "case.toml: is larger than 10 MiB; expected a scenario, TOML"),
        (
            [b"x=".to_vec(), vec![b'['; 1 << 20]].concat(),
            "case.toml:1:83: not TOML: cannot recurse",
        ),
    ] {
        Case::bytes(&bytes).refused(&[expected]);
    }
    for (name, expected) in [
        (".", ".: is a folder; expected a scenario, TOML such as scenarios/peak.toml"),
        ("none.toml", "none.toml: can't be read: No such file or directory (os error 2); expected"),
        ("", "\"\": can't be read: No such file or directory (os error 2); expected a scenario"),
        ("a\nb", "a\\nb: can't be read: No such file or directory (os error 2); expected a scen"),
        ("-", "-:1:1: the scenario is empty; expected at least seed and [load]"),
    ] {
        Case::new(LEAST).refused_as(name, &[], &[expected]);
    }
    let (code, stdout, _) = Case::new(LEAST).plan_of_stdin();
    assert!(code == 0 && stdout.starts_with("stdin (seed 1)"), "{stdout}");
    let twice = "-: standard input can be read once only; expected one \"-\"";
    Case::new(LEAST).refused_as(
        "-",
        &["-"],
        &[twice, "-:1:1: the scenario is empty", "-:1:1: the scenario is empty"],
    );
}

#[test]
fn item_24_a_bad_environment_is_refused_by_name() {
    const SERVERS: &str = "KAFKA_BOOTSTRAP_SERVERS";
    for (name, value, expected) in [
        (
            SERVERS,
            &b""[..],
            "KAFKA_BOOTSTRAP_SERVERS: is set but empty; expected a value, or unset",
        ),
        (
            SERVERS,
            b"localhost",
            "KAFKA_BOOTSTRAP_SERVERS: \"localhost\" has no port; expected host",
        ),
        (SERVERS, b"tcp://h:1", "KAFKA_BOOTSTRAP_SERVERS: \"tcp://h:1\" has a scheme, tcp://; exp"),
        (SERVERS, b" h:1", "KAFKA_BOOTSTRAP_SERVERS: \" h:1\" has blanks around it; expected a v"),
        (
            SERVERS,
            b"h:1, g:2",
            "KAFKA_BOOTSTRAP_SERVERS: \" g:2\" has a blank in it; expected host",
        ),
        (
            SERVERS,
            b"\xff:1",
            "KAFKA_BOOTSTRAP_SERVERS: is not UTF-8; expected a value, or unset it",
        ),
        (SERVERS, b"me:hunter2@h:1", "KAFKA_BOOTSTRAP_SERVERS: an address has a user or a passwo"),
        (
            "KAFKA_ACTIVITIES_TOPIC",
            b"a/b",
            "KAFKA_ACTIVITIES_TOPIC: \"a/b\" is not a topic name; exp",
        ),
        ("KAFKA_FRAUD_GROUP", b"", "KAFKA_FRAUD_GROUP: is set but empty; expected a value, or uns"),
        ("KBENCH_OUT", b"", "error: invalid value '' for '--out <DIR>': is empty; expected a fold"),
    ] {
        Case::new(LEAST).refused_in((name, value), expected);
    }
}
