use super::*;

const NOW_US: i64 = 1_767_225_600_000_000;

fn parse(side: ReplayEnd, text: &str) -> Result<ReplayPlace> {
    let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    ReplayPlace::parse(side, &words, NOW_US)
}

fn place(text: &str) -> ReplayPlace {
    let side = if text.starts_with("until ") { ReplayEnd::Until } else { ReplayEnd::From };
    parse(side, text.trim_start_matches("until ")).unwrap()
}

fn wanted(from: &str, until: &str, partitions: &[i32]) -> ReplayRange {
    ReplayRange { from: place(from), until: place(until), partitions: partitions.to_vec() }
}

/// Three partitions; a time is found at the offset of so many seconds since `NOW_US`.
fn resolve(wanted: &ReplayRange) -> Result<Vec<(i32, i64, i64)>> {
    let spans = [(0, 100), (50, 60), (0, 0)];
    let offsets_at = |at_us: i64| {
        let at = (at_us - NOW_US) / 1_000_000;
        Ok(spans.map(|(start, end)| at.clamp(start, end)).to_vec())
    };
    let stretches = wanted.resolve("t", &spans, &offsets_at)?;
    Ok(stretches.iter().map(|s| (s.partition, s.from, s.until)).collect())
}

#[test]
fn one_word_and_two_say_the_same() {
    for (one, two, expected) in [
        ("offset:5", "offset 5", ReplayPlace::Offset(5)),
        ("offset:0=5,3=7", "offset 0=5,3=7", ReplayPlace::Offsets([(0, 5), (3, 7)].into())),
        (
            "timestamp:2026-01-01T00:00:01Z",
            "timestamp 2026-01-01T00:00:01Z",
            ReplayPlace::Time(NOW_US + 1_000_000),
        ),
        ("duration:1h", "duration 1h", ReplayPlace::Time(NOW_US - 3_600_000_000)),
        ("duration:200000d", "duration 200000d", ReplayPlace::Time(0)),
    ] {
        for side in [ReplayEnd::From, ReplayEnd::Until] {
            assert_eq!(parse(side, one).unwrap(), expected);
            assert_eq!(parse(side, two).unwrap(), expected);
        }
    }
    assert_eq!(parse(ReplayEnd::From, "beginning").unwrap(), ReplayPlace::Edge);
    assert_eq!(parse(ReplayEnd::Until, "end").unwrap(), ReplayPlace::Edge);
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for (text, count) in [
        ("beginning fraud", 1),
        ("offset 5", 2),
        ("offset:5 fraud", 1),
        ("offset", 1),
        ("timestamp x", 2),
        ("duration 1h", 2),
    ] {
        assert_eq!(words_of(&words(text)), count, "{text}");
    }
}

#[test]
fn what_is_no_place_is_told_with_what_was_expected() {
    for (text, expected) in [
        ("end", "--from: \"end\" is not a place in a topic; expected beginning, offset 5, "),
        ("beginning:5", "--from: \"beginning:5\" is not a place"),
        ("5", "--from: \"5\" is not a place"),
        ("offset", "--from: \"offset\" has no offset \"\""),
        ("offset -5", "--from: \"offset -5\" has no offset \"-5\""),
        ("offset 99999999999999999999", "has no offset \"99999999999999999999\""),
        ("offset 0=5,7", "has no offset in \"7\""),
        ("offset 0=x", "has no offset \"x\""),
        ("offset -1=5", "has no partition \"-1\""),
        ("offset 1=5,1=6", "names partition 1 twice"),
        ("timestamp yesterday", "has no date by RFC 3339"),
        ("timestamp", "has no date by RFC 3339"),
        ("duration 5", "--from duration: \"5\" has no unit"),
        ("duration 1h 2", "is not a place"),
    ] {
        let error = parse(ReplayEnd::From, text).unwrap_err();
        assert!(matches!(error, Error::Usage(_)), "{error}");
        let error = error.to_string();
        assert!(error.contains(expected) && error.contains("expected"), "{error}");
    }
    let error = parse(ReplayEnd::Until, "beginning").unwrap_err().to_string();
    assert!(error.starts_with("--until: \"beginning\" is not a place in a topic; expected end, "));
}

#[test]
fn an_end_before_its_beginning_is_refused_before_anything_is_opened() {
    for (from, until, partitions, fault) in [
        ("offset 10", "until offset 5", &[][..], Some("offset 5 is not behind --from offset 10")),
        ("offset 5", "until offset 5", &[], Some("--until: offset 5 is not behind")),
        ("offset 5", "until offset 6", &[], None),
        ("offset 2=9", "until offset 9", &[], Some("offset 9 is not behind --from offset 9")),
        ("offset 9", "until offset 1=8,2=10", &[], Some("offset 8 is not behind")),
        ("offset 0=9", "until offset 1=8", &[], None),
        ("offset 10", "until offset 5", &[3], Some("offset 5 is not behind")),
        ("duration 1h", "until duration 2h", &[], Some("its time is not behind that of --from")),
        ("duration 2h", "until duration 1h", &[], None),
        ("offset 0=1,4=1", "until end", &[0, 3], Some("--from: partition 4 is none of")),
        ("beginning", "until offset 4=1", &[0, 3], Some("--until: partition 4 is none of")),
    ] {
        let checked = wanted(from, until, partitions).check();
        match (checked, fault) {
            (Ok(()), None) => {}
            (Err(Error::Usage(lines)), Some(fault)) => {
                assert!(lines[0].contains(fault), "{lines:?}");
            }
            other => panic!("{from} {until}: {other:?}"),
        }
    }
}

#[test]
fn places_become_offsets_by_partition() {
    for (from, until, partitions, expected) in [
        ("beginning", "until end", &[][..], vec![(0, 0, 100), (1, 50, 60), (2, 0, 0)]),
        ("beginning", "until end", &[1, 0, 1], vec![(0, 0, 100), (1, 50, 60)]),
        ("offset 55", "until end", &[0, 1], vec![(0, 55, 100), (1, 55, 60)]),
        ("offset 0=99", "until offset 1=51", &[], vec![(0, 99, 100), (1, 50, 51), (2, 0, 0)]),
        (
            "timestamp 2026-01-01T00:00:55Z",
            "until end",
            &[],
            vec![(0, 55, 100), (1, 55, 60), (2, 0, 0)],
        ),
        // What ends before it begins is nothing.
        (
            "offset 0=70",
            "until timestamp 2026-01-01T00:00:55Z",
            &[],
            vec![(0, 70, 70), (1, 50, 55), (2, 0, 0)],
        ),
        ("offset 0=100", "until end", &[], vec![(0, 100, 100), (1, 50, 60), (2, 0, 0)]),
    ] {
        let wanted = wanted(from, until, partitions);
        assert_eq!(resolve(&wanted).unwrap(), expected, "{from} {until}");
    }
}

#[test]
fn what_the_topic_does_not_hold_is_told_with_what_it_holds() {
    for (from, until, partitions, fault) in [
        (
            "offset 101",
            "until end",
            &[0][..],
            "--from: offset 101 is beyond the end of partition 0, which holds 0 to 100",
        ),
        (
            "offset 10",
            "until end",
            &[1],
            "--from: offset 10 is before the beginning of partition 1, which holds 50 to 60",
        ),
        (
            "beginning",
            "until offset 61",
            &[1],
            "--until: offset 61 is beyond the end of partition 1, which holds 50 to 60",
        ),
        ("beginning", "until end", &[3], "topic t has no partition 3; expected 0 to 2"),
        ("offset 7=1", "until end", &[], "topic t has no partition 7; expected 0 to 2"),
        (
            "timestamp 2026-01-02T00:00:00Z",
            "until end",
            &[],
            "topic t holds nothing there: partition 0 from 100 until 100 of 0 to 100, partition 1 \
             from 60 until 60 of 50 to 60, partition 2 from 0 until 0 of 0 to 0",
        ),
    ] {
        let error = resolve(&wanted(from, until, partitions)).unwrap_err();
        assert!(matches!(error, Error::Broker(_)), "{error}");
        assert_eq!(error.to_string(), fault);
    }
    let all = wanted("beginning", "until end", &[]);
    let error = all.resolve("t", &[(7, 7), (0, 0)], &|_| Ok(Vec::new())).unwrap_err();
    assert_eq!(error.to_string(), "topic t is empty: nothing can be replayed");
}
