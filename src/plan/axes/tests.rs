use super::*;
use crate::apps::schemas;
use crate::plan::ClientKind;
use crate::plan::sweep::shown;

const BASE: &str = "seed = 1\n[load]\nrate_per_s = 100\nduration = \"5s\"\nwarmup = \"1s\"\n";

fn read(sweep_text: &str, set: &[&str]) -> Result<Option<Sweep>> {
    let overrides =
        Overrides { set: set.iter().map(ToString::to_string).collect(), ..Overrides::default() };
    let environment = Environment::from_pairs::<String, String>([]);
    let source = ScenarioSource::new("a.toml", format!("{BASE}{sweep_text}"));
    sweep(&source, &overrides, &environment, &schemas(), crate::client::CHECKERS)
}

fn swept(text: &str) -> Sweep {
    read(text, &[]).unwrap().unwrap()
}

fn faults(text: &str, set: &[&str]) -> String {
    read(text, set).unwrap_err().to_string()
}

#[test]
fn a_scenario_without_sweep_is_none() {
    assert_eq!(read("", &[]).unwrap(), None);
}

#[test]
fn axes_span_points_whether_their_keys_are_short_long_or_dotted() {
    let text = "[sweep]\nrepeats = 2\n[sweep.axes]\npartitions = [1, 3]\nworkers = [1, 2]\n\
                linger.ms = [0, 5]\n\"apps.run\" = []\n";
    assert!(faults(text, &[]).contains("a.toml:12:14: sweep.axes.apps.run: is an empty list"));
    let sweep = swept(&text.replace("\"apps.run\" = []\n", ""));
    assert_eq!((sweep.points.len(), sweep.repeats), (8, 2));
    let last = &sweep.points[7];
    assert_eq!(shown(&last.settings), "linger.ms=5 partitions=3 workers=2");
    assert_eq!(last.plan.topic.partitions, 3);
    assert!(last.plan.apps.iter().all(|app| app.workers == 2));
    assert_eq!(last.plan.kafka.producer["linger.ms"], "5");
    assert_eq!(sweep.duration_ns(), 8 * 2 * 6_000_000_000);
}

#[test]
fn an_axis_stands_above_what_the_file_says() {
    let text = "[topic]\npartitions = 9\n[kafka.producer]\n\"linger.ms\" = 7\n\
                [sweep.axes]\n\"topic.partitions\" = [2]\n\"linger.ms\" = [3]\n";
    let plan = &swept(text).points[0].plan;
    assert_eq!((plan.topic.partitions, &*plan.kafka.producer["linger.ms"]), (2, "3"));
}

#[test]
fn impossible_points_are_left_out_and_say_why() {
    let text = "[sweep.axes]\nacks = [1, \"all\"]\n\"enable.idempotence\" = [true, false]\n";
    let sweep = swept(text);
    assert_eq!(sweep.points.len(), 3);
    let [excluded] = sweep.excluded.as_slice() else { panic!("{:?}", sweep.excluded) };
    assert_eq!(shown(&excluded.settings), "acks=1 enable.idempotence=true");
    assert!(excluded.why[0].contains("idempotence"), "{:?}", excluded.why);
}

#[test]
fn a_value_that_no_point_can_have_is_a_fault() {
    let text = "[sweep.axes]\npartitions = [3, 0]\nworkers = [1, 2]\n";
    let line = faults(text, &[]);
    assert!(line.starts_with("a.toml:7:18: topic.partitions: 0 is out of range"), "{line}");
    let line = faults("[sweep.axes]\npartitoins = [3]\n", &[]);
    assert!(line.starts_with("a.toml:7:15: kafka.producer.partitoins"), "{line}");
}

#[test]
fn what_contradicts_itself_is_a_fault() {
    let text = "[sweep]\nrepeats = 0\nrepeat = 1\n[sweep.axes]\npartitions = [3, 3]\n\
                rate = 5\n\"topic.partitions\" = [1]\nseed = [[1]]\n";
    let lines = faults(text, &["load.rate_per_s=7"]);
    for expected in [
        "a.toml:7:11: sweep.repeats: 0 is out of range",
        "a.toml:8:1: sweep.repeat: unknown key; did you mean sweep.repeats?",
        "a.toml:10:18: sweep.axes.partitions: 3 twice",
        "a.toml:11:8: sweep.axes.rate: 5 is not a list",
        "a.toml:12:23: sweep.axes.topic.partitions: is the axis partitions again",
        "a.toml:13:9: sweep.axes.seed: a list is wrong here",
    ] {
        assert!(lines.contains(expected), "{expected} in\n{lines}");
    }
    let line = faults("[sweep.axes]\nrate = [5]\n", &["load.rate_per_s=7"]);
    assert!(line.starts_with("--set: load.rate_per_s is an axis of the sweep"), "{line}");
}

#[test]
fn a_sweep_of_a_million_points_is_refused() {
    let many: Vec<String> = (1..=1_000).map(|n| n.to_string()).collect();
    let many = many.join(", ");
    let line = faults(&format!("[sweep.axes]\npartitions = [{many}]\nrate = [{many}]\n"), &[]);
    assert!(line.contains("1000000 points; expected at most 10000"), "{line}");
}

#[test]
fn all_points_have_one_client_where_one_sets_what_the_native_lacks() {
    use ClientKind::{Librdkafka, Native};
    let clients = |text: &str| -> Vec<(ClientKind, bool)> {
        let points = swept(text).points.into_iter().map(|point| point.plan.kafka);
        points.map(|kafka| (kafka.client, kafka.client_reason.is_some())).collect()
    };
    let axis = "[sweep.axes]\n\"kafka.producer.partitioner\" = ";
    let both = format!("{axis}[\"murmur2_random\", \"random\"]\n");
    assert_eq!(clients(&both), [(Librdkafka, true); 2]);
    let ours = format!("{axis}[\"murmur2_random\", \"murmur2\"]\n");
    assert_eq!(clients(&ours), [(Native, false); 2]);
    // Whoever names them gets them.
    let named = format!("{axis}[\"murmur2\"]\nkafka.client = [\"native\", \"librdkafka\"]\n");
    assert_eq!(clients(&named), [(Native, false), (Librdkafka, false)]);
}

#[test]
fn repeats_are_interleaved_and_each_second_round_runs_backwards() {
    let sweep = swept("[sweep]\nrepeats = 4\n[sweep.axes]\npartitions = [1, 2, 3, 4, 6]\n");
    let turns = sweep.turns();
    assert_eq!(turns.len(), 20);
    let rounds: Vec<Vec<usize>> =
        turns.chunks(5).map(|round| round.iter().map(|turn| turn.point).collect()).collect();
    for (number, round) in rounds.iter().enumerate() {
        let mut sorted = round.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3, 4], "round {number} has every point once");
    }
    let backwards: Vec<usize> = rounds[0].iter().rev().copied().collect();
    assert_eq!(rounds[1], backwards);
    assert_ne!(rounds[0], [0, 1, 2, 3, 4], "shuffled by seed 1");
    assert_eq!(turns, sweep.turns(), "the seed decides");
    let other = Sweep { seed: 2, ..sweep.clone() };
    assert_ne!(other.turns(), turns);
}
