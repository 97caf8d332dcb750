//! `[load]`: the schedule that a scenario resolves into, and what is no schedule.

use super::*;
use crate::plan::{Arrivals, RateSegment, Shape};

/// A scenario of these phases, without warm-up.
fn phases(lines: &str) -> String {
    format!("seed = 1\n[load]\nwarmup = \"0s\"\n[[load.phase]]\n{lines}\n")
}

fn segments(lines: &str) -> Vec<RateSegment> {
    let plan = plan_of(&phases(lines));
    assert_eq!(plan.load.phases.len(), 1);
    plan.load.phases[0].segments.clone()
}

fn linear(duration_ms: u64, from_per_s: f64, to_per_s: f64) -> RateSegment {
    RateSegment {
        duration_ns: duration_ms * 1_000_000,
        shape: Shape::Linear { from_per_s, to_per_s },
    }
}

#[test]
fn each_kind_has_its_segments() {
    assert_eq!(
        segments("kind = \"constant\"\nduration = \"10s\"\nrate_per_s = 5"),
        [linear(10_000, 5.0, 5.0)]
    );
    assert_eq!(
        segments("kind = \"ramp\"\nduration = \"10s\"\nfrom_per_s = 5\nto_per_s = 0"),
        [linear(10_000, 5.0, 0.0)]
    );
    let steps = "kind = \"step\"\nduration = \"9s\"\nfrom_per_s = 10\nto_per_s = 30\nsteps = 3";
    assert_eq!(
        segments(steps),
        [linear(3000, 10.0, 10.0), linear(3000, 20.0, 20.0), linear(3000, 30.0, 30.0)]
    );
    let spike =
        "kind = \"spike\"\nduration = \"10s\"\nbase_per_s = 5\npeak_per_s = 40\nhold = \"3s\"";
    assert_eq!(
        segments(spike),
        [linear(3500, 5.0, 5.0), linear(3000, 40.0, 40.0), linear(3500, 5.0, 5.0)]
    );
    let slow = format!("{spike}\nrise = \"500ms\"");
    assert_eq!(
        segments(&slow),
        [
            linear(3000, 5.0, 5.0),
            linear(500, 5.0, 40.0),
            linear(3000, 40.0, 40.0),
            linear(500, 40.0, 5.0),
            linear(3000, 5.0, 5.0),
        ]
    );
    let sine = "kind = \"sine\"\nduration = \"9s\"\nmean_per_s = 55\n\
                amplitude_per_s = 45\nperiod = \"2s\"";
    let shape = Shape::Sine { mean_per_s: 55.0, amplitude_per_s: 45.0, period_ns: 2_000_000_000 };
    assert_eq!(segments(sine), [RateSegment { duration_ns: 9_000_000_000, shape }]);
}

#[test]
fn the_warm_up_has_the_rate_of_the_start() {
    let warmup = |lines: &str| -> RateSegment {
        let load = plan_of(&phases(lines).replace("\"0s\"", "\"2s\"")).load;
        assert_eq!(load.warmup_ns(), 2_000_000_000);
        assert_eq!(load.phases[0].name, "warm-up");
        assert!(load.phases.iter().skip(1).all(|phase| !phase.warmup));
        load.phases[0].segments[0]
    };
    let ramp = "kind = \"ramp\"\nduration = \"10s\"\nto_per_s = 40\nfrom_per_s =";
    assert_eq!(warmup(&format!("{ramp} 4")), linear(2000, 4.0, 4.0));
    assert_eq!(warmup(&format!("{ramp} 0")), linear(2000, 20.0, 20.0));
    let pause = "kind = \"constant\"\nduration = \"10s\"\nrate_per_s = 0\n[[load.phase]]\n";
    assert_eq!(warmup(&format!("{pause}{ramp} 0")), linear(2000, 20.0, 20.0));
}

#[test]
fn a_plain_load_is_one_phase_after_the_warm_up() {
    let load = plan_of(LEAST).load;
    assert_eq!((load.producers, load.arrivals), (1, Arrivals::Poisson));
    assert_eq!(load.warmup_ns(), 5_000_000_000);
    assert_eq!(load.duration_ns(), 6_000_000_000);
    assert_eq!(load.phases[1].segments, [linear(1000, 10.0, 10.0)]);
    let uniform = format!("{LEAST}arrivals = \"uniform\"\nwarmup = \"0s\"\n");
    assert_eq!(plan_of(&uniform).load.arrivals, Arrivals::Uniform);
    assert_eq!(plan_of(&uniform).load.phases.len(), 1);
}

#[test]
fn a_tick_is_half_a_millisecond_unless_the_scenario_says_so() {
    let tick_ns = |text: &str| plan_of(text).load.tick_ns;
    assert_eq!(tick_ns(LEAST), 500_000);
    assert_eq!(tick_ns(&format!("{LEAST}tick = \"0us\"\n")), 0);
    assert_eq!(tick_ns(&format!("{LEAST}tick = \"100ms\"\n")), 100_000_000);
    assert_eq!(
        faults_of(&format!("{LEAST}tick = \"1s\"\n")),
        "a.toml:5:8: load.tick: \"1s\" is out of range; expected 0s to 100ms"
    );
    let replay = "seed = 1\n[load]\nreplay = \"old\"\ntick = \"2ms\"\n[kafka]\n\
                  bootstrap_servers = \"127.0.0.1:1\"\n[topic]\nname = \"new\"\n";
    assert_eq!(tick_ns(replay), 2_000_000);
}

#[test]
fn phases_have_names_of_their_own() {
    let names = |text: &str| -> Vec<String> {
        plan_of(text).load.phases.into_iter().map(|phase| phase.name).collect()
    };
    let phase = "kind = \"constant\"\nduration = \"1s\"\nrate_per_s = 5\n";
    let three = phases(&format!("{phase}[[load.phase]]\n{phase}[[load.phase]]\n{phase}"));
    assert_eq!(names(&three), ["constant", "constant-2", "constant-3"]);
    let named = |name: &str| format!("{phase}name = \"{name}\"\n[[load.phase]]\n");
    let text = phases(&format!("{}{}{}{phase}", named("x"), named("x"), named("warm-up")));
    assert_eq!(
        faults_of(&text),
        "a.toml:13:8: load.phase[1].name: \"x\" names an earlier phase; expected another name\n\
         a.toml:18:8: load.phase[2].name: \"warm-up\" is what load.warmup makes; expected another \
         name"
    );
}

#[test]
fn an_empty_list_of_phases_is_no_load() {
    assert_eq!(
        faults_of("seed = 1\n[load]\nphase = []\n"),
        "a.toml:3:9: load.phase: is an empty list; expected at least one [[load.phase]]"
    );
}

#[test]
fn what_is_missing_is_named_with_an_example() {
    assert_eq!(
        faults_of("seed = 1\n[load]\nproducers = 1\n"),
        "a.toml:2:1: load: no load; expected rate_per_s and duration, or [[load.phase]]"
    );
    assert_eq!(
        faults_of("seed = 1\n[load]\nrate_per_s = 1\n"),
        "a.toml:2:1: load.duration: missing; expected a duration such as \"30s\""
    );
    assert_eq!(
        faults_of("seed = 1\n[load]\nduration = \"1s\"\n"),
        "a.toml:2:1: load.rate_per_s: missing; expected events per second, such as 1000"
    );
    assert_eq!(
        faults_of(&phases("kind = \"sine\"\nduration = \"1s\"\n[[load.phase]]\nkind = \"step\"")),
        "a.toml:4:1: load.phase[0].mean_per_s: missing; expected events per second, such as 1000\n\
         a.toml:4:1: load.phase[0].amplitude_per_s: missing; expected events per second, such as \
         1000\n\
         a.toml:4:1: load.phase[0].period: missing; expected the length of a swing, such as \
         \"60s\"\n\
         a.toml:7:1: load.phase[1].duration: missing; expected a duration such as \"30s\"\n\
         a.toml:7:1: load.phase[1].from_per_s: missing; expected events per second, such as 1000\n\
         a.toml:7:1: load.phase[1].to_per_s: missing; expected events per second, such as 1000\n\
         a.toml:7:1: load.phase[1].steps: missing; expected a number of steps, such as 5"
    );
    assert_eq!(
        faults_of(&phases("rate_per_s = 1")),
        "a.toml:4:1: load.phase[0].kind: missing; expected constant, ramp, step, spike, sine or \
         curve"
    );
}

#[test]
fn a_rate_is_finite_and_within_reason() {
    for rate in ["-1", "nan", "inf", "1e18", "10000001"] {
        let fault = faults_of(&LEAST.replace("rate_per_s = 10", &format!("rate_per_s = {rate}")));
        assert!(fault.starts_with("a.toml:3:14: load.rate_per_s: "), "{fault}");
        assert!(fault.ends_with("is out of range; expected 0 to 10000000 events/s"), "{fault}");
        assert_eq!(fault.lines().count(), 1);
    }
    assert_eq!(
        faults_of(&LEAST.replace("= 10", "= 0")),
        "a.toml:3:14: load.rate_per_s: the whole schedule sends less than one event; expected a \
         rate above 0"
    );
}

#[test]
fn a_duration_has_a_unit_and_an_end() {
    let fault = |value: &str| {
        let lines = faults_of(&LEAST.replace("\"1s\"", value));
        lines.strip_prefix("a.toml:4:12: load.duration: ").unwrap().to_owned()
    };
    let example = "expected a duration such as \"30s\" or \"5m\"";
    assert_eq!(fault("\"30\""), format!("\"30\" has no unit; {example}"));
    assert_eq!(fault("30"), format!("30 has no unit; {example}"));
    assert_eq!(fault("\"-1s\""), format!("\"-1s\" is negative; {example}"));
    assert_eq!(
        fault("\"5 mins\""),
        format!("\"5 mins\" is not a duration; {example} (units are us, ms, s, m, h and d)")
    );
    assert_eq!(fault("\"0s\""), "\"0s\" is out of range; expected 1ms to 30d");
    assert_eq!(fault("\"31d\""), "\"31d\" is out of range; expected 1ms to 30d");
    assert_eq!(
        faults_of(&format!("{LEAST}warmup = \"2d\"\n")),
        "a.toml:5:10: load.warmup: \"2d\" is out of range; expected 0s to 1d"
    );
}

#[test]
fn a_plain_load_and_phases_contradict_each_other() {
    let phase = "[[load.phase]]\nkind = \"constant\"\nrate_per_s = 1\nduration = \"1s\"\n";
    assert_eq!(
        faults_of(&format!("{LEAST}{phase}")),
        "a.toml:3:14: load.rate_per_s: contradicts [[load.phase]]; expected one or the other \
         (load.scale multiplies the rates of all phases)"
    );
    assert_eq!(
        faults_of(&format!("{LEAST}[load.phase]\n")),
        "a.toml:3:14: load.rate_per_s: contradicts [[load.phase]]; expected one or the other \
         (load.scale multiplies the rates of all phases)\n\
         a.toml:5:1: load.phase: a table is wrong here; expected a list of tables, [[load.phase]]"
    );
}

#[test]
fn a_key_of_another_kind_is_refused_with_the_keys_there_are() {
    let ramp = "kind = \"ramp\"\nduration = \"1s\"\nfrom_per_s = 1\nto_per_s = 2\nrate_per_s = 3";
    assert_eq!(
        faults_of(&phases(ramp)),
        "a.toml:9:1: load.phase[0].rate_per_s: unknown key; a ramp phase has kind, name, duration, \
         from_per_s, to_per_s, hot and sale"
    );
}

#[test]
fn a_shape_that_is_none_is_refused() {
    let spike = "kind = \"spike\"\nduration = \"4s\"\nhold = \"3s\"\nrise = \"1s\"\n";
    assert_eq!(
        faults_of(&phases(&format!("{spike}base_per_s = 1\npeak_per_s = 2"))),
        "a.toml:7:8: load.phase[0].hold: the spike (rise, hold, and as long a fall) has to last, \
         and to fit into duration"
    );
    assert_eq!(
        faults_of(&phases(&format!("{spike}base_per_s = 2\npeak_per_s = 2"))),
        "a.toml:10:14: load.phase[0].peak_per_s: 2 is not above base_per_s, 2; expected a peak"
    );
    let sine = "kind = \"sine\"\nduration = \"4s\"\nperiod = \"1s\"\n";
    assert_eq!(
        faults_of(&phases(&format!("{sine}mean_per_s = 5\namplitude_per_s = 6"))),
        "a.toml:9:19: load.phase[0].amplitude_per_s: 6 is more than mean_per_s, 5, so that the \
         rate would fall below 0; expected at most the mean"
    );
    assert_eq!(
        faults_of(&phases(&format!("{sine}mean_per_s = 6e6\namplitude_per_s = 5e6"))),
        "a.toml:9:19: load.phase[0].amplitude_per_s: the crest is above 10000000 events/s; \
         expected less"
    );
    let long = "kind = \"constant\"\nduration = \"20d\"\nrate_per_s = 1\n";
    assert_eq!(
        faults_of(&phases(&format!("{long}[[load.phase]]\n{long}"))),
        "a.toml:4:1: load.phase: the phases last longer than 30d together; expected less"
    );
}
