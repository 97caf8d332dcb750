//! Laws that hold for any input.

use super::*;
use proptest::prelude::*;

const KEYS: &str = "seed name rate_per_s duration kind from_per_s to_per_s steps base_per_s \
    peak_per_s rise hold mean_per_s amplitude_per_s period warmup producers users sessions_max \
    run workers group linger.ms acks partitions retention interval x \"ab\" phase mix \
    scale replay replay_speed hot sale product percent file size_median size_sigma size_max \
    compressibility card_testing bot_velocity account_takeover high_value_burst \
    message.max.bytes";

const VALUES: &str = "1 0 -1 5 1e18 nan inf -inf true \"\" \"5\" \"5s\" \"1us\" \"30d\" \
    \"99999999999d\" \"ramp\" \"step\" \"spike\" \"sine\" \"constant\" \"fraud\" [] \
    [\"fraud\"] [[1]] {} {a=1} 1979-05-27 9223372036854775808 0xff \"ä\" 10000000 5.5 \
    \"curve\" \"2kB\" \"1MiB\" \"Cargo.toml\" \"src\" {users=3,percent=40} \
    {product=7,percent=30} 0.02";

const TABLES: &str = "[load] [[load.phase]] [topic] [topic.configs] [population] \
    [population.mix] [population.personas] [apps] [apps.fraud] [kafka] [kafka.producer] \
    [kafka.consumer] [measure] [event] [population.fraud] [ [] ] [load.phase]";

fn one_of(words: &'static str) -> impl Strategy<Value = String> {
    let words: Vec<&str> = words.split_whitespace().collect();
    prop::sample::select(words).prop_map(str::to_owned)
}

/// Lines as people might write them, right and wrong.
fn line() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        one_of(VALUES),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:?}")),
    ];
    prop_oneof![
        3 => (one_of(KEYS), value).prop_map(|(key, value)| format!("{key} = {value}")),
        1 => one_of(TABLES),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(2000)
    })]

    #[test]
    fn no_text_makes_a_check_panic(lines in prop::collection::vec(line(), 0..12)) {
        let _ = planned(&lines.join("\n"), &Overrides::default());
    }

    #[test]
    fn no_text_at_all_makes_a_check_panic(text in any::<String>(), set in any::<String>()) {
        let overrides = Overrides {
            set: vec![set.clone(), format!("{set}=1")],
            properties: vec![set.clone(), format!("{set}=1")],
            command_config: Some(("c".to_owned(), set)),
            ..Overrides::default()
        };
        let _ = planned(&text, &overrides);
        let _ = planned(LEAST, &overrides);
    }

    /// However a phase is cut into segments, they sum to it, in whole microseconds.
    #[test]
    fn segments_sum_to_their_phase(
        us in 1_000_u64..100_000_000_000,
        steps in 2_u64..1000,
        hold in 0.0..1.0,
        from in 0_u32..10_000_000,
        to in 0_u32..10_000_000,
    ) {
        let step =
            format!("kind = \"step\"\nfrom_per_s = {from}\nto_per_s = {to}\nsteps = {steps}");
        let hold_us = (us as f64 * hold) as u64;
        let rise_us = (us - hold_us) / 3;
        prop_assume!(hold_us + rise_us > 0);
        let spike = format!(
            "kind = \"spike\"\nbase_per_s = 5\npeak_per_s = 50\nhold = \"{hold_us}us\"\n\
             rise = \"{rise_us}us\""
        );
        for kind in [step, spike] {
            let busy = "[[load.phase]]\nkind = \"constant\"\nrate_per_s = 5\nduration = \"1s\"\n";
            let text = format!("seed = 1\n{busy}[[load.phase]]\nduration = \"{us}us\"\n{kind}\n");
            let plan = planned(&text, &Overrides::default()).unwrap();
            let phase = &plan.load.phases[2];
            prop_assert_eq!(phase.duration_ns(), us * 1000);
            for segment in &phase.segments {
                prop_assert!(segment.duration_ns > 0 && segment.duration_ns.is_multiple_of(1000));
            }
        }
    }
}
