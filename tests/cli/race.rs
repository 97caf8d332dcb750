//! `kbench race` as a user calls it, on the embedded broker.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::process::Stdio;

use kbench::result::{Saved, load_all};
use kbench::run::race::RaceManifest;

use super::case::Case;
use super::compare::{command, kbench, output};

const SHORT: &str = "seed = 1\n[load]\nrate_per_s = 1000\nduration = \"600ms\"\nwarmup = \"0s\"\n";

/// The command line of a race; a host that is busy with other tests does not end it.
fn args<'a>(scenario: &'a str, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["race", scenario, "--out", out, "--allow", "limited"], more].concat()
}

/// The runs of one side, by their place in the race.
fn laps(race: &Path, side: &str) -> Vec<Saved> {
    let mut runs = load_all(&race.join(side)).unwrap_or_default();
    runs.sort_by_key(|saved| saved.result.race.as_ref().unwrap().place);
    runs
}

fn book(race: &Path) -> RaceManifest {
    serde_json::from_slice(&std::fs::read(race.join("race.json")).unwrap()).unwrap()
}

#[test]
fn a_race_until_decided_takes_turns_and_ends_when_its_gate_is_decided() {
    let case = Case::new(SHORT);
    let (scenario, out) = (case.scenario(), case.out());
    let gate = "analytics.e2e.p50 > +20%";
    let more = ["--a", "-X linger.ms=0", "--b", "-X 'linger.ms=150'", "--until", "decided"];
    let more = [&more[..], &["--max", "9", "--fail-on", gate, "--order-seed", "1"]].concat();
    let (code, stdout, stderr) = kbench(&args(&scenario, &out, &more));
    assert_eq!(code, 5, "a batch waits for 150 ms: {stdout}{stderr}");
    assert!(stdout.contains(&format!("FAILED: {gate}")), "{stdout}");
    assert!(stdout.contains("linger.ms: 0 → 150"), "{stdout}");
    let race = case.made();
    let (a, b) = (laps(&race, "a"), laps(&race, "b"));
    let pairs = a.len();
    assert_eq!(b.len(), pairs);
    assert!((4..9).contains(&pairs), "three decide nothing, and no more than it takes: {pairs}");
    assert!(stderr.contains(&format!("decided after {pairs} pairs")), "{stderr}");
    assert!(stdout.contains(&format!("compared as {pairs} pairs")), "{stdout}");
    assert!(book(&race).until_decided && book(&race).pairs == 9);
    for (pair, (a, b)) in (0..).zip(a.iter().zip(&b)) {
        let [a, b] = [a, b].map(|saved| saved.result.race.clone().unwrap());
        assert_eq!((a.side.as_str(), b.side.as_str()), ("a", "b"));
        assert_eq!((a.pair, b.pair, a.place + b.place), (pair, pair, 4 * pair + 1));
        assert!(a.until_decided && a.race == b.race && a.race == book(&race).race);
        // Of every two pairs the second is turned round.
        if pair % 2 == 1 {
            let before = laps(&race, "a")[pair as usize - 1].result.race.clone().unwrap();
            assert_ne!(before.place % 2, a.place % 2, "A B B A");
        }
    }
    // Compared once more, by hand, it is no other.
    let sides = ["a", "b"].map(|side| race.join(side).display().to_string());
    let again = ["compare", &sides[0], &sides[1], "--allow", "limited", "--fail-on", gate];
    let (code, again, stderr) = kbench(&again);
    assert_eq!((code, &again), (5, &stdout), "{stderr}");
}

#[test]
fn a_race_that_is_interrupted_keeps_whole_pairs_and_goes_on() {
    let case = Case::new(SHORT);
    let (scenario, out) = (case.scenario(), case.out());
    let first = args(&scenario, &out, &["--pairs", "3"]);
    let mut child = command(&first).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    case.wait_for(3, &mut child, |race| laps(race, "a").len() + laps(race, "b").len());
    let id = i32::try_from(child.id()).unwrap();
    // SAFETY: a signal to a child that has not been waited for.
    assert_eq!(unsafe { libc::kill(id, libc::SIGINT) }, 0);
    let ended = child.wait_with_output().unwrap();
    let told = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{told}");
    assert!(told.contains("to go on: the same with --resume"), "{told}");
    assert_eq!(String::from_utf8(ended.stdout).unwrap(), "");
    let race = case.made();
    let kept = [laps(&race, "a"), laps(&race, "b")];
    assert!(kept[0].len() == kept[1].len() && kept[0].len() < 3, "half a pair is set aside");
    let resume = race.display().to_string();
    let refused = |more: &[&str]| {
        let (code, _, stderr) = kbench(&args(&scenario, &out, more));
        assert_eq!((code, stderr.lines().count()), (2, 1), "{stderr}");
        stderr
    };
    assert!(refused(&["--resume", &resume, "--pairs", "9"]).contains("a race of 3 pairs"));
    let other = ["--resume", &resume, "--b", "-X linger.ms=9"];
    assert!(refused(&other).contains("is a race of other plans"));
    let (code, stdout, stderr) = kbench(&args(&scenario, &out, &["--resume", &resume]));
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("compared as 3 pairs"), "{stdout}");
    let runs = laps(&race, "a");
    assert_eq!((runs.len(), laps(&race, "b").len()), (3, 3));
    assert!(kept[0].iter().all(|old| runs.iter().any(|run| run.folder == old.folder)));
}

#[test]
fn what_a_race_can_get_wrong_is_one_line_and_opens_nothing() {
    let case = Case::new(SHORT);
    let sweep = case.path("sweep.toml");
    std::fs::write(&sweep, format!("{SHORT}[sweep.axes]\nacks = [\"1\", \"all\"]\n")).unwrap();
    let (scenario, out, sweep) = (case.scenario(), case.out(), sweep.display().to_string());
    let says = |args: &[&str], words: &str| {
        let (code, stdout, stderr) = output(&mut command(args));
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        assert!(stderr.contains(words), "{words}: {stderr}");
        stderr
    };
    let race = |more: &[&str], words: &str| says(&args(&scenario, &out, more), words);
    race(&["--until", "decided"], "nothing to decide; expected --fail-on, --require or --metric");
    race(&["--a", "--strict"], "expected flags that change a scenario");
    race(&["--b", "-X 'linger.ms=1"], "a quote (') is not closed");
    race(&["--b", "-X linger.ms=x"], "linger.ms");
    race(&["--fail-on", "analytics.e2e.p98 > +10%"], "nearest are analytics.e2e.p9");
    race(&["--pairs", "5", "--until", "decided"], "cannot be used with");
    race(&["--max", "5"], "--until");
    let told = says(&["race", "nowhere.toml", "--out", &out], "nowhere.toml");
    assert_eq!(told.lines().count(), 1, "{told}");
    says(&["race", &sweep, "--out", &out], "expected a scenario of one run");
    says(&args(&scenario, &out, &["--resume", "/nowhere"]), "expected the folder of a race");
    assert!(!Path::new(&out).exists(), "nothing was opened");
    let (code, help, _) = kbench(&["race", "--help"]);
    assert_eq!(code, 0);
    for words in ["Exit codes:", "--until", "--resume", "can't be compared"] {
        assert!(help.contains(words), "{help}");
    }
}
