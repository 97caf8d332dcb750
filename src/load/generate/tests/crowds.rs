//! What a scenario plants: fraud, hot keys, flash sales.

use crate::event::FraudKind;
use std::collections::{HashMap, HashSet};

use super::visits::is_under_way;
use super::*;
use crate::plan::{Arrivals, HotPlan, LoadPlan, PhasePlan, RateSegment, SalePlan, Shape, fraud};

fn with_fraud() -> PopulationPlan {
    // About a third of the purchases, so that the mix has room.
    PopulationPlan { fraud: [0.002, 0.003, 0.004, 0.005], ..population() }
}

#[test]
fn planted_sessions_make_sense_too() {
    let visits = check_visits(&with_fraud(), 11, 300_000, 3_000);
    assert!(visits.purchases > 5_000, "{}", visits.purchases);
}

#[test]
fn fraud_is_planted_as_often_as_the_plan_says_and_the_mix_holds() {
    let plan = with_fraud();
    let mut generator = Generator::new(&plan, 3_000.0, 12, 0, 1);
    let (mut books, mut begun) = (Books::default(), 0_u64);
    drive(&mut generator, 1_000_000, 3_000, |_, draft| {
        // Who was there before is not planted.
        begun += u64::from(draft.facts.session_starts && !is_under_way(draft));
        books.observe(&draft.facts);
    });
    for kind in FraudKind::ALL {
        let planted = books.fraud[kind.index()];
        let expected = plan.fraud[kind.index()] * begun as f64;
        // Four standard deviations of a Poisson count, and what was not over at the end.
        let slack = 4.0 * expected.sqrt() + 0.1 * expected;
        assert!((planted.sessions as f64 - expected).abs() < slack, "{kind:?}: {planted:?}");
        let length = planted.events as f64 / planted.sessions as f64;
        assert!((length / fraud::events(kind) - 1.0).abs() < 0.15, "{kind:?}: {length}");
        assert_eq!(planted.bought_cents > 0, kind != FraudKind::BotVelocity);
    }
    for (count, wanted) in books.by_type.iter().zip(plan.mix) {
        let seen = *count as f64 / 1e6;
        assert!((seen - wanted).abs() < 0.005, "{seen} for {wanted}");
    }
}

/// What each kind is there for: pace, sums, and places that give it away.
#[test]
fn each_kind_of_fraud_can_be_seen_by_what_it_does() {
    let mut sessions = HashMap::<u64, (FraudKind, u64, u64, u64, u64)>::new();
    let mut cards_max = 0;
    drive(
        &mut Generator::new(&with_fraud(), 5_000.0, 13, 0, 1),
        500_000,
        5_000,
        |due_ns, draft| {
            let Some(kind) = draft.facts.fraud else { return };
            let seen = sessions.entry(draft.facts.session).or_insert((kind, 0, due_ns, due_ns, 0));
            (seen.1, seen.3) = (seen.1 + 1, due_ns);
            seen.4 = seen.4.max(draft.facts.cart_cents);
            if kind == FraudKind::CardTesting {
                cards_max = cards_max.max(draft.facts.cart_cents);
            }
        },
    );
    let of = |kind: FraudKind| sessions.values().filter(move |seen| seen.0 == kind && seen.1 > 10);
    let pause_ms = |kind: FraudKind| {
        let mut pauses: Vec<_> =
            of(kind).map(|seen| (seen.3 - seen.2) / 1_000_000 / (seen.1 - 1)).collect();
        pauses.sort_unstable();
        pauses[pauses.len() / 2]
    };
    assert!((120..=180).contains(&pause_ms(FraudKind::BotVelocity)));
    assert!((550..=750).contains(&pause_ms(FraudKind::CardTesting)));
    assert!(cards_max < 5_000, "{cards_max}");
    let burst = |least: u64| {
        let all = of(FraudKind::HighValueBurst).count() as f64;
        of(FraudKind::HighValueBurst).filter(|seen| seen.4 > least).count() as f64 / all
    };
    assert!(burst(200_000) > 0.9, "{}", burst(200_000));
}

/// A plan as good as any: one event in a second.
pub(super) fn plan() -> Plan {
    let text = "seed = 5\n[load]\nrate_per_s = 1\nduration = \"1s\"\n";
    let source = crate::plan::toml::source::ScenarioSource::new("crowds.toml", text);
    crate::client::tests::planned(&source)
}

/// A plan with one phase after another of 10 s at 20,000/s.
fn phased(producers: u16, phases: &[(Option<HotPlan>, Option<SalePlan>)]) -> Plan {
    let shape = Shape::Linear { from_per_s: 20_000.0, to_per_s: 20_000.0 };
    let phases = phases.iter().map(|(hot, sale)| PhasePlan {
        name: String::new(),
        warmup: false,
        segments: vec![RateSegment { duration_ns: 10 * S, shape }],
        hot: *hot,
        sale: *sale,
    });
    let arrivals = Arrivals::Uniform;
    let load = LoadPlan { producers, arrivals, tick_ns: 0, phases: phases.collect(), replay: None };
    Plan { load, population: population(), ..plan() }
}

/// Events of each phase that `holds`, as a share, over all shards.
fn share_by_phase(plan: &Plan, mut holds: impl FnMut(&Draft<'_>) -> bool) -> Vec<f64> {
    let schedule = crate::load::schedule::Schedule::new(&plan.load, plan.seed);
    let mut counts = vec![(0.0, 0.0); plan.load.phases.len()];
    for (shard, mut generator) in (0..).zip(Generator::for_shards(plan)) {
        for slot in schedule.shard(shard) {
            let (held, all) = &mut counts[schedule.phase_at(slot.due_ns)];
            let draft = generator.next(slot.due_ns);
            *held += f64::from(u8::from(holds(&draft)));
            *all += 1.0;
        }
    }
    counts.into_iter().map(|(held, all)| held / all).collect()
}

#[test]
fn hot_users_send_their_share_in_their_phase_and_nothing_else() {
    let hot = HotPlan { users: 5, share: 0.4 };
    for producers in [1, 3] {
        let plan = phased(producers, &[(None, None), (Some(hot), None), (None, None)]);
        let mut users = HashSet::new();
        let shares = share_by_phase(&plan, |draft| {
            let is_hot = draft.facts.user < 5;
            users.extend(is_hot.then_some(draft.facts.user));
            is_hot
        });
        assert_eq!((shares[0].to_bits(), shares[2].to_bits()), (0, 0));
        assert!((shares[1] - 0.4).abs() < 0.005, "{shares:?}");
        assert_eq!(users.len(), 5);
    }
}

#[test]
fn hot_users_sessions_make_sense_and_the_mix_holds() {
    let hot = HotPlan { users: 2, share: 0.5 };
    let plan = phased(1, &[(Some(hot), None), (None, None), (Some(hot), None)]);
    let (mut visits, mut out, mut books) = (Visits::default(), Vec::new(), Books::default());
    let [mut generator] = <[_; 1]>::try_from(Generator::for_shards(&plan)).unwrap();
    for slot in crate::load::schedule::Schedule::new(&plan.load, plan.seed).shard(0) {
        let draft = generator.next(slot.due_ns);
        let due_wall_us = ORIGIN_WALL_US + (slot.due_ns / 1_000) as i64;
        let stamp = Stamp { run: 1, shard: 0, seq: slot.seq, due_wall_us };
        out.clear();
        JSON.encode(&stamp, &draft.parts, &mut out);
        visits.see(&out, &draft);
        books.observe(&draft.facts);
    }
    for (count, wanted) in books.by_type.iter().zip(plan.population.mix) {
        let seen = *count as f64 / books.events as f64;
        assert!((seen - wanted).abs() < 0.005, "{seen} for {wanted}");
    }
}

#[test]
fn a_flash_sale_is_what_its_share_of_the_events_is_about() {
    let is_about = |draft: &Draft<'_>| {
        let text = |piece| std::str::from_utf8(piece).unwrap();
        let page = text(draft.parts.page_url);
        let searched =
            draft.parts.search_query.is_some_and(|query| text(query).contains("headphones"));
        draft.facts.product == Some(4) || page.ends_with("alder-headphones") || searched
    };
    for share in [0.1, 0.3, 0.6] {
        let sale = SalePlan { product: 4, share };
        let plan = phased(1, &[(None, None), (None, Some(sale)), (None, None)]);
        let shares = share_by_phase(&plan, is_about);
        // Who was looking at something else when it began takes a while to come over.
        let slack = if share > 0.5 { 0.02 } else { 0.01 };
        assert!((shares[1] - share).abs() < slack, "{share}: {shares:?}");
        assert!(shares[0] < 0.07 && shares[2] < share, "{shares:?}");
    }
}
