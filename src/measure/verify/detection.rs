//! What the fraud application found of the fraud that was planted.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::books::Books;
use crate::apps::{Flag, Summary, fraud_of, rules_of};
use crate::event::FraudKind;

/// What begins the id of a session that kbench made; its number follows in hexadecimal.
const SESSION_PREFIX: &str = "sess-";

/// One planted kind of fraud beside the alerts of the rules that speak for it.
///
/// A session counts once, however many alerts there are of it. One that was planted for another
/// kind is not a false alarm, but does not count as found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Detection {
    /// The kind.
    pub kind: FraudKind,
    /// Sessions planted.
    pub planted: u64,
    /// Of these, found by a rule that speaks for the kind.
    pub found: u64,
    /// Of these, found by any rule.
    pub found_by_any: u64,
    /// Sessions with an alert of a rule that speaks for the kind.
    pub alerts: u64,
    /// Of these, planted for another kind.
    pub other_kind: u64,
    /// Of these, not planted at all.
    pub false_alarms: u64,
}

impl Detection {
    /// The part of the planted sessions that the kind's own rules found; none without any.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        share(self.found, self.planted)
    }

    /// The part of the sessions with an alert that were planted, for whatever kind; none without
    /// any.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        share(self.found + self.other_kind, self.alerts)
    }
}

/// One rule's alerts, and whom they accuse of what they have not done.
///
/// A session counts once, however often it met the rule. An alert about an address accuses no
/// session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RuleAlerts {
    /// The rule's name.
    pub rule: String,
    /// The kind of fraud that it speaks for, where it speaks for one.
    pub kind: Option<FraudKind>,
    /// All its alerts.
    pub alerts: u64,
    /// Sessions that they accuse.
    pub sessions: u64,
    /// Of these, not planted at all.
    pub false_alarms: u64,
    /// All sessions of the run that were not planted.
    pub not_planted: u64,
}

impl RuleAlerts {
    /// The part of the sessions that were not planted which the rule accuses; none without any.
    #[must_use]
    pub fn false_share(&self) -> Option<f64> {
        share(self.false_alarms, self.not_planted)
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Every kind that was planted or alerted of, in the order of the kinds; nothing where the books
/// don't know all planted sessions.
#[must_use]
pub fn detect<'f>(books: &Books, flags: impl IntoIterator<Item = &'f Flag>) -> Vec<Detection> {
    if books.planted_unlisted > 0 {
        return Vec::new();
    }
    // Another producer's session may be the number of none of ours; it is a false alarm then.
    let mut by_any = BTreeSet::<u64>::new();
    let mut by_kind = BTreeMap::<FraudKind, BTreeSet<(Option<u64>, &str)>>::new();
    for flag in flags.into_iter().filter(|flag| !flag.session_id.is_empty()) {
        let session = session(&flag.session_id);
        by_any.extend(session);
        if let Some(kind) = fraud_of(&flag.rule) {
            by_kind.entry(kind).or_default().insert((session, &flag.session_id));
        }
    }
    let nothing = BTreeSet::new();
    let kinds = FraudKind::ALL.into_iter().map(|kind| {
        let planted: BTreeSet<u64> = sessions_of(books, kind).collect();
        let alerts = by_kind.get(&kind).unwrap_or(&nothing);
        let kind_of = |session: &Option<u64>| books.planted.get(session.as_ref()?).copied();
        let count = |of: fn(Option<FraudKind>, FraudKind) -> bool| {
            alerts.iter().filter(|(session, _)| of(kind_of(session), kind)).count() as u64
        };
        Detection {
            kind,
            planted: planted.len() as u64,
            found: count(|planted, kind| planted == Some(kind)),
            found_by_any: planted.intersection(&by_any).count() as u64,
            alerts: alerts.len() as u64,
            other_kind: count(|planted, kind| planted.is_some_and(|other| other != kind)),
            false_alarms: count(|planted, _| planted.is_none()),
        }
    });
    kinds.filter(|detection| detection.planted + detection.alerts > 0).collect()
}

/// Every rule of the applications that answered, in the rules' order, whether it was met or not;
/// nothing where the books don't know all planted sessions, as with a recorded topic.
#[must_use]
pub fn accused<'s>(
    books: &Books,
    summaries: impl IntoIterator<Item = &'s Summary>,
) -> Vec<RuleAlerts> {
    // Recorded events have no persona, and whoever planted among them has kept no list here.
    if books.planted_unlisted > 0 || books.by_persona.iter().sum::<u64>() == 0 {
        return Vec::new();
    }
    let not_planted = books.sessions.saturating_sub(books.planted.len() as u64);
    let of_rule = |rule: &str, flags: &[Flag]| {
        let own = || flags.iter().filter(|flag| flag.rule == rule);
        let named = own().filter(|flag| !flag.session_id.is_empty());
        let sessions: BTreeSet<&str> = named.map(|flag| &*flag.session_id).collect();
        let is_planted =
            |id: &&&str| session(id).is_some_and(|number| books.planted.contains_key(&number));
        let planted = sessions.iter().filter(is_planted).count();
        RuleAlerts {
            rule: rule.to_owned(),
            kind: fraud_of(rule),
            alerts: own().count() as u64,
            sessions: sessions.len() as u64,
            false_alarms: (sessions.len() - planted) as u64,
            not_planted,
        }
    };
    let each = |summary: &'s Summary| {
        rules_of(&summary.app).into_iter().map(move |rule| of_rule(rule, &summary.flags))
    };
    summaries.into_iter().flat_map(each).collect()
}

fn sessions_of(books: &Books, kind: FraudKind) -> impl Iterator<Item = u64> {
    books.planted.iter().filter(move |(_, planted)| **planted == kind).map(|(session, _)| *session)
}

/// The number of a session that kbench made.
fn session(session_id: &str) -> Option<u64> {
    let digits = session_id.strip_prefix(SESSION_PREFIX).filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests;
