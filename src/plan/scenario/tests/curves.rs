//! Phases whose rates stand in a file of their own.

use super::*;
use crate::base::error::Error;
use crate::plan::Shape;

/// Writes a scenario with a curve beside its file, and plans it.
fn curve(csv: &[u8], lines: &str) -> Result<Plan> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rates.csv"), csv).unwrap();
    let text = format!(
        "seed = 1\n[load]\nwarmup = \"0s\"\n[[load.phase]]\nkind = \"curve\"\n\
         file = \"rates.csv\"\n{lines}"
    );
    let path = folder.path().join("a.toml");
    std::fs::write(&path, text).unwrap();
    let planned = ScenarioSource::read(path.to_str().unwrap()).and_then(|source| {
        plan(&source, &Overrides::default(), &environment(), APPS, client::CHECKERS)
    });
    // So that messages can be compared.
    let shown = |line: String| line.replace(&format!("{}/", folder.path().display()), "");
    planned.map_err(|error| match error {
        Error::Usage(lines) => Error::Usage(lines.into_iter().map(shown).collect()),
        other => other,
    })
}

const CSV: &[u8] = b"at_s,rate_per_s\n# the morning\n0,10\n1.5,100\n\n2.5, 0\n";

#[test]
fn a_curve_goes_in_straight_lines_from_point_to_point() {
    let segments = |lines: &str| {
        let plan = curve(CSV, lines).unwrap();
        let pieces = plan.load.phases[0].segments.iter();
        pieces
            .map(|piece| match piece.shape {
                Shape::Linear { from_per_s, to_per_s } => {
                    (piece.duration_ns / 1_000_000, from_per_s, to_per_s)
                }
                Shape::Sine { .. } => panic!("no line"),
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(segments(""), [(1_500, 10.0, 100.0), (1_000, 100.0, 0.0)]);
    assert_eq!(
        segments("scale = 3\nduration = \"5s\"\n"),
        [(3_000, 30.0, 300.0), (2_000, 300.0, 0.0)]
    );
}

fn fault(csv: &[u8]) -> String {
    curve(csv, "").unwrap_err().to_string()
}

#[test]
fn a_curve_s_faults_have_the_line_of_its_file() {
    assert_eq!(
        fault(b"at_s,rate_per_s\n0,10\n1,ten\n1\n0.5,-1\n2,5\n2,6\nsoon,1\n3,1\n"),
        "a.toml:6:8: rates.csv:3: \"ten\" is not a rate; expected 0 to 10000000\n\
         a.toml:6:8: rates.csv:4: \"1\" is not a point; expected a time and a rate\n\
         a.toml:6:8: rates.csv:5: 0.5 s is not after 1 s; expected rising times\n\
         a.toml:6:8: rates.csv:5: \"-1\" is not a rate; expected 0 to 10000000\n\
         a.toml:6:8: rates.csv:7: 2 s is not after 2 s; expected rising times\n\
         a.toml:6:8: rates.csv:8: \"soon\" is not a time; expected seconds such as 1.5"
    );
    // One slip is one fault: what follows it is fine.
    for first in ["0,ten", "x,5"] {
        let faults = fault(format!("at_s,rate_per_s\n{first}\n1,5\n2,6\n").as_bytes());
        assert!(faults.starts_with("a.toml:6:8: rates.csv:2: "), "{faults}");
        assert_eq!(faults.lines().count(), 1, "{faults}");
    }
    assert_eq!(
        fault(b"at_s,rate_per_s\n1,5\n2,6\n"),
        "a.toml:6:8: rates.csv:2: begins at 1 s; expected 0"
    );
    for (header, said) in [("0,10", "\"0,10\" is not a"), ("time,rate", "no"), ("at_s", "no")] {
        assert_eq!(
            fault(format!("{header}\n0.0,10\n1,20\n").replace("0,10\n0.0,10", "0,10").as_bytes()),
            format!("a.toml:6:8: rates.csv:1: {said} header; expected at_s,rate_per_s")
        );
    }
}

/// A scenario may come from somebody else, and name any file of the reader's.
#[test]
fn a_file_that_is_no_curve_is_not_shown() {
    let said = fault(b"root:x:0:0:root:/root:/bin/sh\nbackup:secret:1,2\n");
    assert_eq!(said, "a.toml:6:8: rates.csv:1: no header; expected at_s,rate_per_s");
    let long = format!("at_s,rate_per_s\n0,{}\n1,2\n", "s".repeat(1_000));
    let said = fault(long.as_bytes());
    assert!(said.contains(&format!("{:?} is not a rate", "s".repeat(20))), "{said}");
}

#[test]
fn comments_and_empty_lines_count_as_lines() {
    for (csv, line) in [
        ("# c\n\nat_s,rate_per_s\n\n0,1\n\n# x\n\n1,ten\n", 9),
        ("at_s,rate_per_s\r\n0,1\r\n\r\n1,ten\r\n", 4),
        ("\u{feff}at_s,rate_per_s\n0,1\n1,ten", 3),
        ("\"at_s\",\"rate_per_s\"\n0,1\n#\n\"1\",\"ten\"\n", 4),
    ] {
        assert_eq!(
            fault(csv.as_bytes()),
            format!("a.toml:6:8: rates.csv:{line}: \"ten\" is not a rate; expected 0 to 10000000")
        );
    }
}

#[test]
fn a_curve_has_a_hundred_thousand_points_at_most() {
    let rows = |count: usize| {
        let rows: String = (0..count).map(|at_s| format!("{at_s},5\n")).collect();
        format!("at_s,rate_per_s\n{rows}")
    };
    let most = curve(rows(100_000).as_bytes(), "").unwrap();
    assert_eq!(most.load.phases[0].segments.len(), 99_999);
    assert_eq!(
        fault(rows(100_100).as_bytes()),
        "a.toml:6:8: rates.csv:100002: more than 100000 points; expected fewer"
    );
    let wrong = fault(rows(100).replace(",5", ",x").as_bytes());
    assert_eq!(wrong.lines().count(), 21);
    let last = "a.toml:6:8: rates.csv:21: the lines after this one were not looked at";
    assert!(wrong.ends_with(last), "{wrong}");
}

#[test]
fn a_file_that_is_no_curve_is_one_fault() {
    let expected = "; expected a CSV file with at_s,rate_per_s";
    assert_eq!(fault(b""), "a.toml:6:8: rates.csv:1: 0 points; expected at least two");
    assert_eq!(
        fault(b"at_s,rate_per_s\n0,5\n"),
        "a.toml:6:8: rates.csv:1: 1 points; expected at least two"
    );
    assert_eq!(
        fault(b"at_s,rate_per_s\n\xff"),
        format!("a.toml:6:8: load.phase[0].file: rates.csv:2:1: not UTF-8{expected}")
    );
    assert_eq!(
        fault(&vec![b'0'; (10 << 20) + 1]),
        format!("a.toml:6:8: load.phase[0].file: rates.csv: is larger than 10 MiB{expected}")
    );
    let named = |file: &str| {
        let file = if file.is_empty() { String::new() } else { format!("file = {file:?}\n") };
        faults_of(&format!("seed = 1\n[[load.phase]]\nkind = \"curve\"\n{file}"))
    };
    assert_eq!(named(""), format!("a.toml:2:1: load.phase[0].file: missing{expected}"));
    let missing = named("no.csv");
    assert!(missing.starts_with("a.toml:4:8: load.phase[0].file: no.csv: can't be read: "));
    assert!(missing.ends_with(expected), "{missing}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    assert_eq!(
        named(&path),
        format!("a.toml:4:8: load.phase[0].file: {path}: is a folder{expected}")
    );
    // Endless, and read to the limit only.
    if std::path::Path::new("/dev/zero").exists() {
        assert!(named("/dev/zero").contains("/dev/zero: is not a plain file"));
    }
}

#[test]
fn what_a_curve_is_stretched_or_scaled_to_stays_legal() {
    assert_eq!(
        curve(CSV, "scale = 1e6\n").unwrap_err().to_string(),
        "a.toml:7:9: load.phase[0].scale: 100 times 1000000 is above 10000000 events/s; expected \
         less"
    );
    let zero = curve(CSV, "scale = 0\n").unwrap_err().to_string();
    assert!(zero.starts_with("a.toml:7:9: load.phase[0].scale: 0 is out of range"), "{zero}");
    assert_eq!(
        curve(CSV, "rate_per_s = 5\n").unwrap_err().to_string(),
        "a.toml:7:1: load.phase[0].rate_per_s: unknown key; a curve phase has kind, name, \
         duration, file, scale, hot and sale"
    );
    let short = fault(b"at_s,rate_per_s\n0,5\n0.0001,5\n");
    assert!(short.contains("file: the curve lasts less than a millisecond"), "{short}");
    // The whole stays what was asked for, however the points are rounded.
    let thirds = b"at_s,rate_per_s\n0,5000\n0.3333333,7000\n0.6666667,9000\n1,11000\n";
    let phase = &curve(thirds, "duration = \"1001us\"\n").unwrap().load.phases[0];
    assert_eq!(phase.duration_ns(), 1_001_000);
    assert!(phase.segments.iter().all(|piece| piece.duration_ns.is_multiple_of(1_000)));
}
