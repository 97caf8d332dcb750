//! Who and what the load is about: planted fraud, hot keys, sales, sizes, recordings.

use super::*;
use crate::plan::{HotPlan, PaddingPlan, SalePlan, Shape};

fn with(more: &str) -> String {
    format!("{LEAST}{more}")
}

/// A scenario with one phase; these lines start at its seventh line.
fn phase(lines: &str) -> String {
    format!(
        "seed = 1\n[load]\nwarmup = \"0s\"\n[[load.phase]]\nkind = \"constant\"\n\
         rate_per_s = 100\n{lines}duration = \"1s\"\n\
         [population]\nusers = 100_000\n"
    )
}

#[test]
fn a_little_fraud_is_planted_unless_the_scenario_says_otherwise() {
    assert_eq!(plan_of(LEAST).population.fraud, [0.0002; 4]);
    let text = with("[population.fraud]\ncard_testing = 0\nbot_velocity = 0.5\n");
    assert_eq!(plan_of(&text).population.fraud, [0.0, 0.005, 0.0002, 0.0002]);
    let no_purchases = "[population.mix]\npage_view = 62\nclick = 25\nsearch = 10\n\
                        add_to_cart = 3\npurchase = 0\n";
    assert_eq!(plan_of(&with(no_purchases)).population.fraud, [0.0, 0.0002, 0.0, 0.0]);
    // No room for the default: nothing is planted, and nobody is bothered.
    let few = "[population.mix]\npage_view = 64.99\nclick = 25\nsearch = 10\n\
               add_to_cart = 0.005\npurchase = 0.005\n";
    assert_eq!(plan_of(&with(few)).population.fraud, [0.0; 4]);
    // Nor does the default stand in the way of what was asked for.
    let bots = format!("{few}[population.fraud]\nbot_velocity = 0.5\n");
    assert_eq!(plan_of(&with(&bots)).population.fraud, [0.0, 0.005, 0.0, 0.0]);
    let none = format!("{few}[population.fraud]\ncard_testing = 0\n");
    assert_eq!(plan_of(&with(&none)).population.fraud, [0.0; 4]);
}

#[test]
fn at_most_half_of_the_sessions_are_planted() {
    let text = |burst: &str| {
        with(&format!(
            "[population.mix]\npage_view = 34\nclick = 0\nsearch = 0\nadd_to_cart = 33\n\
             purchase = 33\n[population.fraud]\ncard_testing = 20\nbot_velocity = 0\n\
             account_takeover = 20\nhigh_value_burst = {burst}\n"
        ))
    };
    assert_eq!(
        faults_of(&text("10.1")),
        "a.toml:11:1: population.fraud: planted shares sum to 50.1 %; expected at most 50 %"
    );
    assert_eq!(plan_of(&text("10")).population.fraud, [0.2, 0.0, 0.2, 0.1]);
}

#[test]
fn fraud_that_the_mix_can_not_hold_is_refused() {
    let text = with(
        "[population.fraud]\ncard_testing = 21\nbot_velocity = \"1\"\ntakeover = 1\n\
         high_value_burst = -1\n",
    );
    assert_eq!(
        faults_of(&text),
        "a.toml:6:16: population.fraud.card_testing: 21 is out of range; expected 0 to 20 %\n\
         a.toml:7:16: population.fraud.bot_velocity: \"1\" is wrong here; expected a number\n\
         a.toml:8:1: population.fraud.takeover: unknown key; expected one of card_testing, \
         bot_velocity, account_takeover and high_value_burst\n\
         a.toml:9:20: population.fraud.high_value_burst: -1 is out of range; expected 0 to 20 %"
    );
    let text = with("[population.fraud]\ncard_testing = 5\n");
    assert_eq!(
        faults_of(&text),
        "a.toml:5:1: population.fraud: planted sessions need 5.80 % of the events to be purchase, \
         and may have four fifths of the mix's 2.00 %; expected smaller shares"
    );
    let text = with(
        "[population]\nmix = { page_view = 65, click = 25, search = 10, add_to_cart = 0, \
         purchase = 0 }\nfraud.card_testing = 1\n",
    );
    assert_eq!(
        faults_of(&text),
        "a.toml:7:22: population.fraud.card_testing: needs add_to_cart, which the mix has none \
         of; expected 0, or a mix that has some"
    );
}

#[test]
fn hot_users_and_sales_are_parts_of_a_phase() {
    let plan = plan_of(&phase(
        "hot = { users = 3, percent = 40 }\nsale = { product = 7, percent = 30 }\n",
    ));
    let [phase] = &plan.load.phases[..] else { panic!("one phase") };
    assert_eq!(phase.hot, Some(HotPlan { users: 3, share: 0.4 }));
    assert_eq!(phase.sale, Some(SalePlan { product: 6, share: 0.3 }));
}

#[test]
fn one_can_be_set_from_outside() {
    let text = phase("hot = { users = 3, percent = 40 }\n");
    let plan = planned(&text, &set(&["load.phase.0.hot.percent=50"])).unwrap();
    assert_eq!(plan.load.phases[0].hot, Some(HotPlan { users: 3, share: 0.5 }));
    let sale = ["load.phase.0.sale.product=7", "load.phase.0.sale.percent=30"];
    let plan = planned(&text, &set(&sale)).unwrap();
    assert_eq!(plan.load.phases[0].sale, Some(SalePlan { product: 6, share: 0.3 }));
    assert_eq!(
        faults_with(&text, &set(&["load.phase.0.hot.users=30000"])),
        "--set: load.phase[0].hot.users: 30000 hot users for 1 producers and 100000 users; \
         expected 1 to 25000: one for each producer, and at most a quarter of all"
    );
}

#[test]
fn hot_users_and_sales_that_make_no_sense_are_refused() {
    let text = phase("hot = { users = 0, percent = 140 }\nsale = { product = 7, percnt = 30 }\n");
    assert_eq!(
        faults_of(&text),
        "a.toml:7:17: load.phase[0].hot.users: 0 is out of range; expected 1 to 1000000 users\n\
         a.toml:7:30: load.phase[0].hot.percent: 140 is out of range; expected 0.01 to 100 %\n\
         a.toml:8:8: load.phase[0].sale.percent: missing; expected a share of the events, such as \
         30\n\
         a.toml:8:23: load.phase[0].sale.percnt: unknown key; did you mean \
         load.phase[0].sale.percent?"
    );
    let none = phase("hot = { users = 1, percent = 0 }\n");
    assert!(faults_of(&none).contains("hot.percent: 0 is out of range; expected 0.01 to 100 %"));
    let text = phase("hot = { users = 2, percent = 10 }\nsale = { product = 101, percent = 30 }\n")
        .replace("[load]", "[load]\nproducers = 3");
    assert_eq!(
        faults_of(&text),
        "a.toml:8:17: load.phase[0].hot.users: 2 hot users for 3 producers and 100000 users; \
         expected 3 to 25000: one for each producer, and at most a quarter of all\n\
         a.toml:9:20: load.phase[0].sale.product: no product 101; expected 1 to 100, as many as \
         population.products"
    );
}

#[test]
fn scale_multiplies_every_rate() {
    let text = "seed = 1\n[load]\nwarmup = \"0s\"\n[[load.phase]]\nkind = \"sine\"\n\
                duration = \"1s\"\nmean_per_s = 50\namplitude_per_s = 20\nperiod = \"1s\"\n";
    let plan = planned(text, &set(&["load.scale=2.5"])).unwrap();
    let sine = Shape::Sine { mean_per_s: 125.0, amplitude_per_s: 50.0, period_ns: 1_000_000_000 };
    assert_eq!(plan.load.phases[0].segments[0].shape, sine);
    assert_eq!(
        faults_with(text, &set(&["load.scale=200000"])),
        "--set: load.scale: makes 14000000 events/s; expected at most 10000000"
    );
}

#[test]
fn events_are_padded_to_a_size() {
    let padding = |more: &str| plan_of(&with(&format!("[event]\n{more}"))).event.padding;
    assert_eq!(plan_of(LEAST).event.padding, None);
    let one = PaddingPlan { median_bytes: 2e3, sigma: 0.0, max_bytes: 2_000, compressibility: 0.5 };
    assert_eq!(padding("size_median = \"2kB\"\n"), Some(one));
    let spread = PaddingPlan { sigma: 0.5, max_bytes: 65_536, compressibility: 0.9, ..one };
    let text = "size_median = \"2kB\"\nsize_sigma = 0.5\nsize_max = \"64KiB\"\n\
                compressibility = 90\n";
    assert_eq!(padding(text), Some(spread));
    let tail = padding("size_median = \"2kB\"\nsize_sigma = 0.5\n").unwrap();
    assert_eq!(tail.max_bytes, 64_000);
}

#[test]
fn sizes_that_make_no_sense_are_refused() {
    assert_eq!(
        faults_of(&with("[event]\nsize_sigma = 1\ncompressibility = 101\n")),
        "a.toml:6:14: event.size_sigma: says nothing without a size; expected size_median too\n\
         a.toml:7:19: event.compressibility: 101 is out of range; expected 0 to 100 %\n\
         a.toml:7:19: event.compressibility: says nothing without a size; expected size_median too"
    );
    assert_eq!(
        faults_of(&with("[event]\nsize_median = 2000\n")),
        "a.toml:6:15: event.size_median: \"2000\" has no unit; expected a size such as \"512B\", \
         \"2kB\" or \"1MiB\""
    );
    assert_eq!(
        faults_of(&with("[event]\nsize_median = \"2kB\"\nsize_max = \"1kB\"\n")),
        "a.toml:7:12: event.size_max: 1000 bytes is below size_median, 2000; expected at least \
         that"
    );
}

#[test]
fn an_event_larger_than_client_or_topic_take_is_refused() {
    let text = with("[event]\nsize_median = \"1MB\"\n");
    assert_eq!(
        faults_of(&text),
        "a.toml:6:15: event.size_median: an event may take 1000100 bytes with its record, and \
         kafka.producer.message.max.bytes is 1000000; expected smaller events or a higher limit"
    );
    let text = with(
        "[event]\nsize_median = \"2MB\"\n[kafka.producer]\n\"message.max.bytes\" = 3000000\n\
         [topic.configs]\n\"max.message.bytes\" = 2000000\n[apps]\nrun = []\n",
    );
    assert_eq!(
        faults_of(&text),
        "a.toml:6:15: event.size_median: an event may take 2000100 bytes with its record, and \
         topic.configs.max.message.bytes is 2000000; expected smaller events or a higher limit"
    );
    let text = with("[topic]\nconfigs.\"max.message.bytes\" = 1000\n");
    assert_eq!(
        faults_of(&text),
        "a.toml:6:31: topic.configs.max.message.bytes: 1000 bytes; expected at least 1300, which \
         an event may take with its record"
    );
    let flag = |text: &str| Overrides { properties: vec![text.to_owned()], ..Overrides::default() };
    assert_eq!(
        faults_with(LEAST, &flag("message.max.bytes=1299")),
        "-X: message.max.bytes: 1299 bytes; expected at least 1300, which an event may take with \
         its record"
    );
    assert!(planned(LEAST, &flag("message.max.bytes=1300")).is_ok());
    assert!(
        planned(REPLAY, &flag("message.max.bytes=1000")).is_ok(),
        "the recording's are smaller"
    );
    let text = with("[topic]\nconfigs.\"max.message.bytes\" = \"1MB\"\n");
    assert_eq!(
        faults_of(&text),
        "a.toml:6:31: topic.configs.max.message.bytes: \"1MB\" is not a whole number of bytes; \
         expected one, such as 2000000"
    );
}

#[test]
fn an_event_larger_than_applications_read_is_refused() {
    let text = |size: &str, run: &str| {
        with(&format!(
            "[event]\nsize_median = {size:?}\n[kafka.producer]\nmessage.max.bytes = 3000000\n\
             [topic.configs]\nmax.message.bytes = 3000000\n[apps]\nrun = {run}\n"
        ))
    };
    assert_eq!(
        faults_of(&text("2MB", "[\"fraud\"]")),
        "a.toml:6:15: event.size_median: an event may take 2000000 bytes, and applications read \
         at most 1048576; expected smaller events, or apps.run = []"
    );
    assert!(planned(&text("1MiB", "[\"fraud\"]"), &Overrides::default()).is_ok());
    assert!(planned(&text("2MB", "[]"), &Overrides::default()).is_ok());
}

const REPLAY: &str =
    "seed = 1\n[load]\nreplay = \"old\"\n[kafka]\nbootstrap_servers = \"k:9092\"\n";

#[test]
fn a_recording_is_a_load() {
    let plan = plan_of(REPLAY);
    let replay = plan.load.replay.unwrap();
    assert_eq!(
        (replay.topic.as_str(), replay.speed, replay.warmup_ns),
        ("old", 1.0, 5_000_000_000)
    );
    assert!(plan.load.phases.is_empty());
    let fast = REPLAY.replace("[kafka]", "replay_speed = 10\nproducers = 2\n[kafka]");
    assert_eq!(plan_of(&fast).load.replay.unwrap().speed, 10.0);
}

#[test]
fn what_contradicts_a_recording_is_refused() {
    let text = "seed = 1\n[load]\nreplay = \"o l d\"\nrate_per_s = 1\nduration = \"1s\"\n\
                arrivals = \"uniform\"\n[population]\nusers = 5\n";
    assert_eq!(
        faults_of(text),
        "a.toml:3:10: load.replay: \"o l d\" is not a topic name; expected up to 249 letters, \
         digits, '.', '_' and '-'\n\
         a.toml:3:10: load.replay: a recording is on a Kafka; expected kafka.bootstrap_servers, \
         KAFKA_BOOTSTRAP_SERVERS or -b\n\
         a.toml:4:14: load.rate_per_s: contradicts load.replay: the recording decides that; \
         expected it left out\n\
         a.toml:5:12: load.duration: contradicts load.replay: the recording decides that; \
         expected it left out\n\
         a.toml:6:12: load.arrivals: contradicts load.replay: the recording decides that; \
         expected it left out\n\
         a.toml:7:1: population: contradicts load.replay: the recording decides that; \
         expected it left out"
    );
    let servers = "[kafka]\nbootstrap_servers = \"k:9092\"\n";
    let more = "scale = 2\n[event]\nsize_median = \"1kB\"\n[[load.phase]]\nkind = \"sine\"\n";
    assert_eq!(
        faults_of(&format!("seed = 1\n[load]\nreplay = \"old\"\n{more}{servers}")),
        "a.toml:4:9: load.scale: contradicts load.replay: the recording decides that; expected it \
         left out\n\
         a.toml:5:1: event: contradicts load.replay: the recording decides that; expected it left \
         out\n\
         a.toml:7:1: load.phase: contradicts load.replay: the recording decides that; expected it \
         left out"
    );
    for (speed, fits) in [("0.001", true), ("1000", true), ("0", false), ("1001", false)] {
        let text = REPLAY.replace("[kafka]", &format!("replay_speed = {speed}\n[kafka]"));
        match planned(&text, &Overrides::default()) {
            Ok(plan) => assert!(fits, "{:?}", plan.load.replay),
            Err(error) => assert_eq!(
                (fits, error.to_string()),
                (
                    false,
                    format!(
                        "a.toml:4:16: load.replay_speed: {speed} is out of range; expected 0.001 \
                         to 1000"
                    )
                )
            ),
        }
    }
    assert_eq!(
        faults_of(&REPLAY.replace("\"old\"", "5")),
        "a.toml:3:10: load.replay: 5 is wrong here; expected text in quotes"
    );
    assert_eq!(
        faults_of(&LEAST.replace("[load]", "[load]\nreplay_speed = 2")),
        "a.toml:3:16: load.replay_speed: says nothing without a recording; expected replay too"
    );
}
