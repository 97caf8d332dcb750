//! Tests of the group state machine, on a clock that only the tests move.

use bytes::Bytes;
use tokio::sync::oneshot::{self, Receiver};

use super::code;
use super::group::{Group, JoinAsk, Joined, Phase, Synced};

const SESSION_MS: u64 = 6_000;
const REBALANCE_MS: u64 = 60_000;
const DELAY_MS: u64 = 100;

/// A group with its clock.
struct Table {
    group: Group,
    now_ms: u64,
    ids: u32,
}

impl Table {
    fn new() -> Self {
        Self { group: Group::new(DELAY_MS, 0), now_ms: 0, ids: 0 }
    }

    fn ask(member_id: &str, protocols: &[&str]) -> JoinAsk {
        let metadata = |name: &&str| ((*name).to_owned(), Bytes::from(format!("wants {name}")));
        JoinAsk {
            member_id: member_id.to_owned(),
            session_timeout_ms: SESSION_MS,
            rebalance_timeout_ms: REBALANCE_MS,
            protocol_type: "consumer".to_owned(),
            protocols: protocols.iter().map(metadata).collect(),
            ..JoinAsk::default()
        }
    }

    fn send(&mut self, ask: JoinAsk) -> Receiver<Joined> {
        self.ids += 1;
        let (reply, joined) = oneshot::channel();
        self.group.join(ask, format!("m{}", self.ids), reply, self.now_ms);
        joined
    }

    fn join(&mut self, member_id: &str) -> Receiver<Joined> {
        self.send(Self::ask(member_id, &["range"]))
    }

    fn sync(&mut self, joined: &Joined, plan: &[(&str, &'static str)]) -> Receiver<Synced> {
        let (reply, synced) = oneshot::channel();
        let plan =
            plan.iter().map(|(id, part)| ((*id).to_owned(), Bytes::from_static(part.as_bytes())));
        let (id, generation) = (&joined.member_id, joined.generation);
        self.group.sync(id, None, generation, plan.collect(), reply, self.now_ms);
        synced
    }

    fn pass(&mut self, ms: u64) {
        self.now_ms += ms;
        self.group.tick(self.now_ms);
    }

    fn heartbeat(&mut self, joined: &Joined) -> i16 {
        self.group.heartbeat(&joined.member_id, None, joined.generation, self.now_ms)
    }

    /// Two members, settled.
    fn of_two() -> (Self, Joined, Joined) {
        let mut table = Self::new();
        let (mut one, mut two) = (table.join(""), table.join(""));
        table.pass(DELAY_MS);
        let (one, two) = (one.try_recv().unwrap(), two.try_recv().unwrap());
        let mut follower = table.sync(&two, &[]);
        assert!(follower.try_recv().is_err(), "the leader has not assigned yet");
        let mut leader = table.sync(&one, &[("m1", "part 1"), ("m2", "part 2")]);
        assert_eq!(leader.try_recv().unwrap().assignment, "part 1");
        assert_eq!(follower.try_recv().unwrap().assignment, "part 2");
        assert_eq!(table.group.phase, Phase::Stable);
        (table, one, two)
    }
}

#[test]
fn the_first_rebalance_waits_for_more_members_and_then_tells_one_of_them_to_lead() {
    let mut table = Table::new();
    let mut one = table.join("");
    table.pass(DELAY_MS - 1);
    let mut two = table.join("");
    table.pass(DELAY_MS - 1);
    assert!(one.try_recv().is_err(), "the second member has extended the delay");
    table.pass(1);
    let (one, two) = (one.try_recv().unwrap(), two.try_recv().unwrap());
    assert_eq!((one.generation, two.generation), (1, 1));
    assert_eq!((one.leader.as_str(), two.leader.as_str()), ("m1", "m1"));
    assert_eq!((one.members.len(), two.members.len()), (2, 0));
}

#[test]
fn a_joining_member_waits_until_all_others_have_come_again() {
    let (mut table, one, two) = Table::of_two();
    let mut three = table.join("");
    assert_eq!(table.heartbeat(&one), code::REBALANCE_IN_PROGRESS);
    let mut one = table.join(&one.member_id);
    assert!(three.try_recv().is_err() && one.try_recv().is_err());
    let mut two = table.join(&two.member_id);
    let generations = [&mut one, &mut two, &mut three].map(|m| m.try_recv().unwrap().generation);
    assert_eq!(generations, [2, 2, 2]);
}

#[test]
fn who_does_not_come_again_within_the_rebalance_timeout_is_out() {
    let (mut table, one, two) = Table::of_two();
    let mut three = table.join("");
    let mut again = table.join(&one.member_id);
    for _ in 0..REBALANCE_MS / 1_000 - 1 {
        table.pass(1_000);
        assert_eq!(table.heartbeat(&two), code::REBALANCE_IN_PROGRESS);
    }
    assert!(again.try_recv().is_err());
    table.pass(1_000);
    let again = again.try_recv().unwrap();
    assert_eq!((again.generation, again.members.len()), (2, 2));
    assert_eq!(three.try_recv().unwrap().generation, 2);
    assert_eq!(table.heartbeat(&two), code::UNKNOWN_MEMBER_ID);
}

#[test]
fn a_silent_member_goes_when_its_session_ends_and_not_before() {
    let (mut table, one, two) = Table::of_two();
    table.pass(SESSION_MS - 1);
    assert_eq!(table.heartbeat(&one), code::NONE);
    assert_eq!(table.group.members.len(), 2);
    table.pass(1);
    assert_eq!(table.group.members.len(), 1);
    assert_eq!(table.heartbeat(&two), code::UNKNOWN_MEMBER_ID);
    let mut again = table.join(&one.member_id);
    assert_eq!(again.try_recv().unwrap().generation, 2, "nobody else to wait for");
}

#[test]
fn leaving_begins_a_rebalance_at_once_and_the_last_one_leaves_an_empty_group() {
    let (mut table, one, two) = Table::of_two();
    assert_eq!(table.group.leave(&two.member_id, None, table.now_ms), code::NONE);
    assert_eq!(table.heartbeat(&one), code::REBALANCE_IN_PROGRESS);
    assert_eq!(table.group.leave(&two.member_id, None, table.now_ms), code::UNKNOWN_MEMBER_ID);
    assert_eq!(table.group.leave(&one.member_id, None, table.now_ms), code::NONE);
    assert_eq!((table.group.phase, table.group.members.len()), (Phase::Empty, 0));
}

#[test]
fn commits_need_the_present_generation_or_an_empty_group() {
    let (mut table, one, _) = Table::of_two();
    let now_ms = table.now_ms;
    let mut check = |id: &str, generation| table.group.check_commit(id, None, generation, now_ms);
    assert_eq!(check(&one.member_id, 1), Ok(()));
    assert_eq!(check(&one.member_id, 0), Err(code::ILLEGAL_GENERATION));
    assert_eq!(check("stranger", 1), Err(code::UNKNOWN_MEMBER_ID));
    assert_eq!(check("", -1), Err(code::UNKNOWN_MEMBER_ID));
    let mut empty = Group::new(0, 0);
    assert_eq!(empty.check_commit("", None, -1, 0), Ok(()));
    assert!(empty.check_commit("", None, 1, 0).is_err());
}

#[test]
fn a_member_may_commit_what_it_had_while_the_others_join_again() {
    let (mut table, one, _) = Table::of_two();
    let mut three = table.join("");
    let now_ms = table.now_ms;
    assert_eq!(table.group.check_commit(&one.member_id, None, 1, now_ms), Ok(()));
    table.join("m1");
    table.join("m2");
    let three = three.try_recv().unwrap();
    let early = table.group.check_commit(&three.member_id, None, 2, now_ms);
    assert_eq!(early, Err(code::REBALANCE_IN_PROGRESS));
}

#[test]
fn a_new_client_is_told_its_id_first_and_the_rebalance_waits_for_it() {
    let mut table = Table::new();
    let ask = JoinAsk { must_know_id: true, ..Table::ask("", &["range"]) };
    let told = table.send(ask.clone()).try_recv().unwrap();
    assert_eq!((told.error, told.member_id.as_str()), (code::MEMBER_ID_REQUIRED, "m1"));
    let unknown = table.join("made up").try_recv().unwrap();
    assert_eq!(unknown.error, code::UNKNOWN_MEMBER_ID);
    let mut joined = table.send(JoinAsk { member_id: told.member_id, ..ask.clone() });
    let late = table.send(ask).try_recv().unwrap();
    table.pass(DELAY_MS);
    assert!(joined.try_recv().is_err(), "{} has still to come", late.member_id);
    table.pass(SESSION_MS);
    assert_eq!(joined.try_recv().unwrap().error, code::NONE);
}

#[test]
fn the_strategy_is_one_that_all_know() {
    let mut table = Table::new();
    let mut one = table.send(Table::ask("", &["sticky", "range"]));
    let mut two = table.send(Table::ask("", &["range", "roundrobin"]));
    let foreign = table.send(Table::ask("", &["roundrobin"])).try_recv().unwrap();
    assert_eq!(foreign.error, code::INCONSISTENT_GROUP_PROTOCOL);
    let other = JoinAsk { protocol_type: "connect".to_owned(), ..Table::ask("", &["range"]) };
    assert_eq!(table.send(other).try_recv().unwrap().error, code::INCONSISTENT_GROUP_PROTOCOL);
    table.pass(DELAY_MS);
    let one = one.try_recv().unwrap();
    assert_eq!(
        (one.protocol.as_str(), two.try_recv().unwrap().protocol.as_str()),
        ("range", "range")
    );
    assert!(one.members.iter().all(|(_, _, metadata)| metadata == "wants range"));
}

#[test]
fn a_leader_that_never_assigns_is_put_out() {
    let mut table = Table::new();
    let (mut one, mut two) = (table.join(""), table.join(""));
    table.pass(DELAY_MS);
    let (one, two) = (one.try_recv().unwrap(), two.try_recv().unwrap());
    let mut synced = table.sync(&two, &[]);
    for _ in 0..REBALANCE_MS / 1_000 {
        table.pass(1_000);
        table.heartbeat(&one);
    }
    assert_eq!(synced.try_recv().unwrap().error, code::REBALANCE_IN_PROGRESS);
    assert_eq!(table.heartbeat(&one), code::UNKNOWN_MEMBER_ID);
    assert_eq!(table.heartbeat(&two), code::REBALANCE_IN_PROGRESS);
}

#[test]
fn a_static_member_comes_back_to_its_assignment_and_fences_its_old_self() {
    let mut table = Table::new();
    let ask = JoinAsk { instance_id: Some("i".to_owned()), ..Table::ask("", &["range"]) };
    let mut first = table.send(ask.clone());
    table.pass(DELAY_MS);
    let first = first.try_recv().unwrap();
    let (reply, _synced) = oneshot::channel();
    let plan = vec![(first.member_id.clone(), Bytes::from_static(b"all"))];
    table.group.sync(&first.member_id, Some("i"), 1, plan, reply, table.now_ms);
    let second = table.send(ask).try_recv().unwrap();
    assert_eq!((second.error, second.generation), (code::NONE, 1));
    assert_ne!(second.member_id, first.member_id);
    assert_eq!(second.leader, first.member_id, "so that it does not assign again");
    let (reply, mut synced) = oneshot::channel();
    table.group.sync(&second.member_id, Some("i"), 1, Vec::new(), reply, table.now_ms);
    assert_eq!(synced.try_recv().unwrap().assignment, "all");
    let old = table.group.heartbeat(&first.member_id, Some("i"), 1, table.now_ms);
    assert_eq!(old, code::FENCED_INSTANCE_ID);
}

#[test]
fn a_follower_that_asks_again_is_answered_at_once_but_the_leader_begins_a_rebalance() {
    let (mut table, one, two) = Table::of_two();
    assert_eq!(table.join(&two.member_id).try_recv().unwrap().generation, 1);
    assert_eq!(table.group.phase, Phase::Stable);
    let mut again = table.join(&one.member_id);
    assert!(again.try_recv().is_err());
    assert_eq!(table.group.phase, Phase::PreparingRebalance);
}
