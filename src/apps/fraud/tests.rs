//! What the application does besides counting: late events, and alerts for who asks.

use super::*;
use crate::apps::sample;

#[test]
fn a_late_event_is_in_the_totals_and_judged_by_nobody() {
    let mut state = Fraud::new(&sample::plan(&[("high_value_usd", 1.0)]));
    let mut sample = sample::events(1, 1, 1, 0).remove(0);
    let newest_us = sample.due_us;
    sample.cart_value = 5.0;
    sample.event_type = crate::event::EventType::AddToCart;
    for _ in 0..4 {
        state.observe(&sample.event(), newest_us);
    }
    sample.event_type = crate::event::EventType::Purchase;
    for behind_us in [0, 60_000_000, 60_000_001] {
        state.observe(&sample.event(), newest_us - behind_us);
    }
    let summary = state.summary();
    assert_eq!((summary.totals.purchases, state.watermark.late()), (3, 1));
    let hits = |rule| summary.flags.iter().find(|flag| flag.rule == rule).map(|flag| flag.hits);
    assert_eq!(hits("high_value"), Some(2));
}

#[test]
fn a_crowded_address_is_told_when_it_becomes_one() {
    let mut state = Fraud::new(&sample::plan(&[("address_users_max", 2.0)]));
    state.watch_alerts(100);
    let mut sample = sample::events(1, 1, 1, 0).remove(0);
    for user in 0..6 {
        sample.user_id = format!("user-{user}");
        sample.event_type = crate::event::EventType::PageView;
        state.observe(&sample.event(), sample.due_us + user);
    }
    let alerts = state.take_alerts().list;
    assert_eq!(alerts.len(), 1);
    assert_eq!((alerts[0].rule, alerts[0].at_us), ("crowded_address", sample.due_us + 2));
    assert!(state.take_alerts().list.is_empty());
    assert_eq!(state.summary().flags[0].evidence, alerts[0].evidence);
}
