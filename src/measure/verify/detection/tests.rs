//! Detection on made-up alerts; `tests/cli/detection.rs` has it on what the generator plants.

use super::*;

fn flag(rule: &str, session_id: &str) -> Flag {
    Flag {
        rule: rule.to_owned(),
        user_id: "user-1".to_owned(),
        session_id: session_id.to_owned(),
        evidence: String::new(),
        hits: 1,
        first_us: 0,
        last_us: 0,
    }
}

#[test]
fn alerts_are_held_against_what_was_planted() {
    let planted = BTreeMap::from([
        (1, FraudKind::CardTesting),
        (2, FraudKind::CardTesting),
        (3, FraudKind::AccountTakeover),
        (0xff, FraudKind::HighValueBurst),
    ]);
    let books = Books { planted, ..Books::default() };
    let flags = [
        flag("purchase_velocity", "sess-0000000000000001"),
        flag("hasty_purchase", "sess-0000000000000002"),
        flag("purchase_velocity", "sess-00000000000000ff"),
        flag("purchase_velocity", "sess-0000000000000004"),
        flag("purchase_velocity", "abc"),
        flag("unusual_country", "sess-0000000000000003"),
        flag("unusual_network", "sess-0000000000000003"),
        flag("crowded_address", ""),
    ];
    let detections = detect(&books, &flags);
    let kinds: Vec<_> = detections.iter().map(|detection| detection.kind).collect();
    assert_eq!(
        kinds,
        [FraudKind::CardTesting, FraudKind::AccountTakeover, FraudKind::HighValueBurst]
    );
    let cards = &detections[0];
    assert_eq!((cards.planted, cards.found, cards.found_by_any), (2, 1, 2));
    assert_eq!((cards.alerts, cards.other_kind, cards.false_alarms), (4, 1, 2));
    assert_eq!((cards.precision(), cards.recall()), (Some(0.5), Some(0.5)));
    assert_eq!((detections[1].alerts, detections[1].found), (1, 1));
    assert_eq!((detections[2].found, detections[2].found_by_any), (0, 1));
    assert_eq!((detections[2].precision(), detections[2].recall()), (None, Some(0.0)));
}

#[test]
fn where_the_books_do_not_know_all_nothing_is_said() {
    let books = Books { planted_unlisted: 1, ..Books::default() };
    assert_eq!(detect(&books, &[flag("velocity", "sess-0000000000000001")]), []);
}

#[test]
fn every_rule_is_held_against_those_who_were_not_planted() {
    let planted = BTreeMap::from([(1, FraudKind::CardTesting), (2, FraudKind::AccountTakeover)]);
    let by_persona = [90, 0, 0];
    let books = Books { planted, sessions: 12, by_persona, ..Books::default() };
    let flags = vec![
        flag("hasty_purchase", "sess-0000000000000001"),
        flag("hasty_purchase", "sess-0000000000000003"),
        flag("hasty_purchase", "abc"),
        flag("hasty_purchase", "abc"),
        flag("unusual_country", "sess-0000000000000002"),
        flag("crowded_address", ""),
    ];
    let summary = Summary { app: "fraud".to_owned(), flags, ..Summary::default() };
    let another = Summary { app: "analytics".to_owned(), ..summary.clone() };
    let rules = accused(&books, [&another, &summary]);
    assert_eq!(rules.len(), rules_of("fraud").len());
    let of = |name: &str| rules.iter().find(|rule| rule.rule == name).unwrap();
    let hasty = of("hasty_purchase");
    assert_eq!((hasty.alerts, hasty.sessions, hasty.false_alarms), (4, 3, 2));
    assert_eq!((hasty.kind, hasty.false_share()), (None, Some(0.2)));
    assert_eq!((of("crowded_address").alerts, of("crowded_address").sessions), (1, 0));
    let own = of("unusual_country");
    assert_eq!((own.kind, own.false_alarms), (Some(FraudKind::AccountTakeover), 0));
    assert_eq!((of("velocity").alerts, of("velocity").false_share()), (0, Some(0.0)));
    let recorded = Books { by_persona: [0; 3], ..books };
    assert_eq!(accused(&recorded, [&summary]), []);
}
