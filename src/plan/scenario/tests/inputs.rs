//! Bad inputs, each with the very lines that it gives.

use super::*;

#[test]
fn an_unknown_key_is_refused_with_the_nearest() {
    let text = "sede = 1\n\
                seed = 1\n\
                [load]\n\
                rate_per_sec = 10\n\
                rate_per_s = 1\n\
                duration = \"1s\"\n\
                [xyz]\n\
                [apps]\n\
                frauds.workers = 2\n\
                fraud.window_ms = \"2s\"\n";
    assert_eq!(
        faults_of(text),
        "a.toml:1:1: sede: unknown key; did you mean seed?\n\
         a.toml:4:1: load.rate_per_sec: unknown key; did you mean load.rate_per_s?\n\
         a.toml:7:2: xyz: unknown key; expected one of seed, name, description, topic, load, \
         population, event, apps, \
         kafka, measure, thresholds and sweep\n\
         a.toml:9:1: apps.frauds: unknown key; did you mean apps.fraud?\n\
         a.toml:10:7: apps.fraud.window_ms: unknown key; did you mean apps.fraud.window?"
    );
}

#[test]
fn a_wrong_type_is_refused() {
    let text = "seed = \"1\"\n\
                name = 5\n\
                topic = 1\n\
                apps.run = \"fraud\"\n\
                measure.interval = 1979-05-27\n\
                [load]\n\
                producers = 1.5\n\
                arrivals = true\n\
                phase = [1]\n\
                [population]\n\
                user_skew = [0.8]\n\
                users = \"atuo\"\n";
    assert_eq!(
        faults_of(text),
        "a.toml:1:8: seed: \"1\" is wrong here; expected a whole number\n\
         a.toml:2:8: name: 5 is wrong here; expected text in quotes\n\
         a.toml:3:9: topic: 1 is wrong here; expected a table, [topic]\n\
         a.toml:4:12: apps.run: \"fraud\" is wrong here; expected a list of names such as \
         [\"analytics\"]\n\
         a.toml:5:20: measure.interval: 1979-05-27 is wrong here; expected a duration such as \
         \"30s\" or \"5m\"\n\
         a.toml:7:13: load.producers: 1.5 is wrong here; expected a whole number\n\
         a.toml:8:12: load.arrivals: true is wrong here; expected one of \"uniform\", \"poisson\"\n\
         a.toml:9:10: load.phase[0]: 1 is wrong here; expected a table\n\
         a.toml:11:13: population.user_skew: a list is wrong here; expected a number\n\
         a.toml:12:9: population.users: \"atuo\" is wrong here; expected a whole number or \
         \"auto\""
    );
}

#[test]
fn the_seed_is_mandatory_and_fits_toml() {
    let load = "[load]\nrate_per_s = 1\nduration = \"1s\"\n";
    assert_eq!(
        faults_of(load),
        "a.toml:1:1: seed: missing; expected a whole number, such as seed = 42"
    );
    for seed in ["-1", "9223372036854775808", "99999999999999999999999999999999999999999999"] {
        let fault = faults_of(&format!("seed = {seed}\n{load}"));
        assert!(fault.starts_with("a.toml:1:8: seed: "), "{fault}");
        assert!(fault.ends_with(" is out of range; expected 0 to 9223372036854775807"), "{fault}");
    }
    assert_eq!(plan_of(&format!("seed = 9223372036854775807\n{load}")).seed, u64::MAX >> 1);
    assert_eq!(plan_of(&format!("seed = 0x2A\n{load}")).seed, 42);
}

#[test]
fn a_population_has_to_add_up() {
    let text = format!(
        "{LEAST}[population]\n\
         users = 0\n\
         user_skew = nan\n\
         product_skew = -0.1\n\
         products = 3\n\
         [population.mix]\n\
         click = -5\n\
         search = 11\n\
         [population.personas]\n\
         browsers = 60.5\n"
    );
    assert_eq!(
        faults_of(&text),
        "a.toml:6:9: population.users: 0 is out of range; expected 1 to 100000000 users\n\
         a.toml:7:13: population.user_skew: NaN is out of range; expected 0 to 3\n\
         a.toml:8:16: population.product_skew: -0.1 is out of range; expected 0 to 3\n\
         a.toml:9:12: population.products: 3 is out of range; expected 4 to 1000000 products\n\
         a.toml:10:1: population.mix: shares sum to 101 %; expected 100 %\n\
         a.toml:11:9: population.mix.click: -5 is out of range; expected 0 to 100 %\n\
         a.toml:13:1: population.personas: shares sum to 100.5 %; expected 100 %"
    );
}

#[test]
fn a_population_must_not_contradict_itself() {
    let text = format!(
        "{LEAST}producers = 20\n\
         [population]\n\
         users = 10\n\
         sessions_max = 11\n\
         [population.mix]\n\
         page_view = 0\n\
         click = 94\n\
         search = 0\n\
         purchase = 3.5\n\
         add_to_cart = 2.5\n"
    );
    assert_eq!(
        faults_of(&text),
        "a.toml:5:13: load.producers: 20 producers for 10 users; expected at least one user for \
         each\n\
         a.toml:8:16: population.sessions_max: 11 sessions for 10 users; expected at most one for \
         each\n\
         a.toml:13:12: population.mix.purchase: purchases without carts: 3.5 % purchases from \
         2.5 % add_to_cart; expected no more purchases than carts\n\
         a.toml:14:15: population.mix.add_to_cart: carts without products: a user finds a product \
         by page_view or search; expected one of them above 0"
    );
    let few = format!("{LEAST}producers = 5\n[population]\nsessions_max = 4\n");
    assert_eq!(
        faults_of(&few),
        "a.toml:7:16: population.sessions_max: 4 sessions for 5 producers; expected at least one \
         for each"
    );
}

#[test]
fn shares_become_parts_of_one() {
    let text =
        format!("{LEAST}[population]\nusers = 50\n[population.mix]\nclick = 11\npage_view = 74\n");
    let population = plan_of(&text).population;
    assert_eq!(population.mix, [0.74, 0.11, 0.1, 0.03, 0.02]);
    assert_eq!(population.personas, [0.6, 0.25, 0.15]);
    assert_eq!(population.sessions_max, 50);
    assert!((population.think_median_ms - 8000.0).abs() < 1e-9);
}

#[test]
fn more_workers_than_partitions_are_a_warning() {
    let text =
        format!("{LEAST}[topic]\npartitions = 2\n[apps.fraud]\nworkers = 3\nwindow = \"2m\"\n");
    let plan = plan_of(&text);
    assert_eq!(
        plan.warnings,
        ["a.toml:8:11: apps.fraud.workers: 3 workers for 2 partitions; 1 will be idle"]
    );
    assert_eq!(plan.apps[1].workers, 3);
    assert_eq!(plan.apps[1].options["window_ms"], 120_000.0);
    assert_eq!(plan.apps[1].options["velocity_per_min"], 5.0);
    let resting = format!("{text}\n[apps]\nrun = [\"analytics\"]\n");
    assert_eq!(plan_of(&resting).warnings, [""; 0], "fraud does not run");
}

#[test]
fn applications_are_checked_by_their_schemas() {
    let text = format!(
        "{LEAST}[apps]\n\
         run = [\"fruad\", \"fraud\", \"fraud\", \"analytics\"]\n\
         fraud.window = \"10ms\"\n\
         fraud.velocity_per_min = 0\n\
         fraud.workers = 257\n\
         analytics.group = \"fraud-detectors\"\n\
         behavior.group = \"a b\"\n"
    );
    assert_eq!(
        faults_of(&text),
        "a.toml:6:8: apps.run: no application \"fruad\"; did you mean \"fraud\"? expected any of \
         analytics, fraud, dashboard, behavior\n\
         a.toml:6:26: apps.run: \"fraud\" twice; expected it once\n\
         a.toml:7:16: apps.fraud.window: \"10ms\" is out of range; expected 1s to 1h\n\
         a.toml:8:26: apps.fraud.velocity_per_min: 0 is out of range; expected 1 to 1000\n\
         a.toml:9:17: apps.fraud.workers: 257 is out of range; expected 1 to 256 workers\n\
         a.toml:10:19: apps.analytics.group: \"fraud-detectors\" is the group of fraud too; \
         expected a group of its own, or each would see a part of the events\n\
         a.toml:11:18: apps.behavior.group: \"a b\" is not a group name; expected 1 to 255 bytes \
         without blanks"
    );
}

#[test]
fn applications_run_as_listed_or_all() {
    let names = |text: &str| -> Vec<String> {
        plan_of(text).apps.into_iter().map(|app| app.name).collect()
    };
    assert_eq!(names(LEAST), ["analytics", "fraud", "dashboard", "behavior"]);
    let chosen = format!("{LEAST}[apps]\nrun = [\"behavior\", \"fraud\"]\n");
    assert_eq!(names(&chosen), ["behavior", "fraud"]);
    assert_eq!(names(&format!("{LEAST}[apps]\nrun = []\n")), [""; 0]);
}

#[test]
fn a_topic_has_a_legal_name_and_size() {
    let text = format!(
        "{LEAST}[topic]\n\
         name = \"user activities\"\n\
         partitions = 0\n\
         replication_factor = 0\n\
         retention = \"0s\"\n\
         configs.retention.ms = 5\n\
         configs.min.insync.replicas = [1]\n\
         configs.\"max.message.bytes\" = 5000\n\
         configs.max.message.bytes = 6000\n"
    );
    assert_eq!(
        faults_of(&text),
        "a.toml:6:8: topic.name: \"user activities\" is not a topic name; expected up to 240 \
         letters, digits, '.', '_' and '-'\n\
         a.toml:7:14: topic.partitions: 0 is out of range; expected 1 to 100000 partitions\n\
         a.toml:8:22: topic.replication_factor: 0 is out of range; expected 1 to 100 copies\n\
         a.toml:9:13: topic.retention: \"0s\" is out of range; expected 1s to 36500d\n\
         a.toml:10:24: topic.configs.retention.ms: has a key of its own; expected \
         topic.retention = \"7d\"\n\
         a.toml:11:31: topic.configs.min.insync.replicas: a list is wrong here; expected text, a \
         number, true or false\n\
         a.toml:13:29: topic.configs.max.message.bytes: set twice; expected it once"
    );
    let compact = format!("{LEAST}[topic.configs]\ncleanup.policy = \"compact\"\n");
    assert_eq!(
        faults_of(&compact),
        "a.toml:6:18: topic.configs.cleanup.policy: compaction drops all but a user's last event, \
         so that nothing can be accounted for; expected delete"
    );
    let kept = format!("{LEAST}[topic.configs]\ncleanup.policy = \"delete\"\n");
    assert_eq!(plan_of(&kept).topic.configs["cleanup.policy"], "delete");
}

#[test]
fn a_name_is_fit_for_a_folder() {
    for name in ["", "a/b", "..", ".x", "ä"] {
        let fault = faults_of(&format!("name = {name:?}\n{LEAST}"));
        let expected =
            format!("a.toml:1:8: name: {name:?} can't name a folder; expected up to 100");
        assert!(fault.starts_with(&expected), "{fault}");
    }
    assert_eq!(plan_of(&format!("name = \"b-2\"\n{LEAST}")).name, "b-2");
    assert_eq!(plan_of(LEAST).name, "a");
}

#[test]
fn empty_text_is_refused_and_a_mark_or_crlf_is_not() {
    for text in ["", "\n \n", "\u{feff}"] {
        assert_eq!(
            faults_of(text),
            "a.toml:1:1: the scenario is empty; expected at least seed and [load]"
        );
    }
    let crlf = LEAST.replace('\n', "\r\n");
    assert_eq!(plan_of(&format!("\u{feff}{crlf}")), plan_of(LEAST));
    let broken = crlf.replace("seed = 1", "seed = -1");
    assert!(faults_of(&format!("\u{feff}{broken}")).starts_with("a.toml:1:8: seed: -1 is out of"));
}

#[test]
fn broken_toml_is_named_line_by_line() {
    let fault = faults_of("seed = \nname = 1\nname = 2\n[load\n");
    let places: Vec<&str> = fault.lines().filter_map(|line| line.split(" not").next()).collect();
    assert_eq!(places, ["a.toml:1:8:", "a.toml:3:1:", "a.toml:4:6:"], "{fault}");
}

#[test]
fn all_faults_of_a_file_come_at_once() {
    let text = "seeed = 1\n\
                [topic]\n\
                partitions = \"6\"\n\
                [[load.phase]]\n\
                kind = \"rampp\"\n\
                duration = \"5\"\n\
                [population]\n\
                users = -5\n\
                [apps]\n\
                run = [\"froud\"]\n\
                [kafka.producer]\n\
                linger.ms = \"5s\"\n\
                [measure]\n\
                interval = \"1 s\"\n";
    assert_eq!(
        faults_of(text),
        "a.toml:1:1: seed: missing; expected a whole number, such as seed = 42\n\
         a.toml:1:1: seeed: unknown key; did you mean seed?\n\
         a.toml:3:14: topic.partitions: \"6\" is wrong here; expected a whole number\n\
         a.toml:5:8: load.phase[0].kind: no such word: \"rampp\"; did you mean \"ramp\"? expected \
         one of \"constant\", \"ramp\", \"step\", \"spike\", \"sine\", \"curve\"\n\
         a.toml:6:12: load.phase[0].duration: \"5\" has no unit; expected a duration such as \
         \"30s\" or \"5m\"\n\
         a.toml:8:9: population.users: -5 is out of range; expected 1 to 100000000 users\n\
         a.toml:10:8: apps.run: no application \"froud\"; did you mean \"fraud\"? expected any of \
         analytics, fraud, dashboard, behavior\n\
         a.toml:12:13: kafka.producer.linger.ms: \"5s\" is not a number; expected 0 to 900000 of \
         milliseconds, without a unit\n\
         a.toml:14:12: measure.interval: \"1 s\" is not a duration; expected a duration such as \
         \"30s\" or \"5m\" (units are us, ms, s, m, h and d)"
    );
}
