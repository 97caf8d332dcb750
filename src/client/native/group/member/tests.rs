//! A group's course, told by hand: what the member asks, and what it makes of each answer.

use bytes::Bytes;
use kafka_protocol::error::ResponseError as E;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use uuid::Uuid;

use super::super::protocol::{read_subscription, write_assignment};
use super::*;
use AssignmentStrategy::{CooperativeSticky, Range};
use MemberChange::{Failed, Gained, GiveUp, LostAll, OtherCoordinator};

fn settings() -> MemberSettings {
    MemberSettings {
        group: "g".to_owned(),
        topic: "clicks".to_owned(),
        instance_id: None,
        session_timeout: Duration::from_secs(45),
        rebalance_timeout: Duration::from_secs(300),
        heartbeat_interval: Duration::from_secs(3),
        retry: Duration::from_millis(100),
        rack: None,
    }
}

/// A member, and a clock that only goes when it is told to.
struct Course {
    member: ClassicMember,
    now: Instant,
}

impl Course {
    fn new(strategy: AssignmentStrategy) -> Self {
        let now = Instant::now();
        Self { member: ClassicMember::new(settings(), vec![strategy], now), now }
    }

    fn join(&mut self) -> JoinGroupRequest {
        match self.member.ask(self.now) {
            Some(MemberAsk::Join(request)) => request,
            other => panic!("it asks {other:?}; expected a join"),
        }
    }

    fn sync(&mut self) -> SyncGroupRequest {
        match self.member.ask(self.now) {
            Some(MemberAsk::Sync(request)) => request,
            other => panic!("it asks {other:?}; expected a sync"),
        }
    }

    fn heartbeat(&mut self) -> HeartbeatRequest {
        assert!(self.member.ask(self.now).is_none(), "not yet");
        self.now += Duration::from_secs(3);
        match self.member.ask(self.now) {
            Some(MemberAsk::Heartbeat(request)) => request,
            other => panic!("it asks {other:?}; expected a heartbeat"),
        }
    }

    /// The answer to a join: of this generation, and led by somebody else.
    fn joined(&mut self, generation: i32) -> MemberChange {
        let answer = answer(generation, "somebody");
        self.member.joined(&answer, 6, self.now)
    }

    fn synced(&mut self, partitions: &[i32]) -> MemberChange {
        let given = write_assignment("clicks", partitions);
        let answer = SyncGroupResponse::default().with_assignment(given);
        self.member.synced(&answer, self.now)
    }

    fn heard(&mut self, error: Option<E>) -> MemberChange {
        self.member.heard(error.map_or(0, |error| error.code()), self.now)
    }

    fn look(&mut self, partitions: usize) -> MemberChange {
        self.member.look(TopicShape { partitions, id: Uuid::nil() }, self.now)
    }

    /// A member with these partitions.
    fn with(strategy: AssignmentStrategy, partitions: &[i32]) -> Self {
        let mut course = Self::new(strategy);
        course.join();
        course.joined(1);
        course.sync();
        course.synced(partitions);
        course
    }
}

fn answer(generation: i32, leader: &'static str) -> JoinGroupResponse {
    JoinGroupResponse::default()
        .with_generation_id(generation)
        .with_protocol_name(Some(StrBytes::from_static_str("range")))
        .with_leader(StrBytes::from_static_str(leader))
        .with_member_id(StrBytes::from_static_str("me"))
}

#[test]
fn a_member_without_an_id_comes_back_with_the_one_that_it_is_given() {
    let mut course = Course::new(Range);
    let first = course.join();
    assert_eq!((first.member_id.as_str(), first.group_id.as_str()), ("", "g"));
    assert_eq!((first.session_timeout_ms, first.rebalance_timeout_ms), (45_000, 300_000));
    assert!(course.member.ask(course.now).is_none(), "one question at a time");
    let id = StrBytes::from_static_str("me");
    let refused =
        JoinGroupResponse::default().with_error_code(E::MemberIdRequired.code()).with_member_id(id);
    assert_eq!(course.member.joined(&refused, 6, course.now), MemberChange::None);
    assert_eq!(course.join().member_id.as_str(), "me");
    assert_eq!(course.joined(4), MemberChange::None);
    let sync = course.sync();
    assert_eq!((sync.generation_id, sync.member_id.as_str()), (4, "me"));
    assert!(sync.assignments.is_empty(), "the leader has them");
    assert_eq!(course.synced(&[2, 1]), Gained(vec![1, 2]));
    assert_eq!(course.heartbeat().generation_id, 4);
    assert_eq!(course.heard(None), MemberChange::None);
    course.heartbeat();
}

#[test]
fn the_leader_shares_out_among_those_who_read_the_topic() {
    let mut course = Course::new(Range);
    course.join();
    let member = |id: &'static str, metadata: Bytes| {
        JoinGroupResponseMember::default()
            .with_member_id(StrBytes::from_static_str(id))
            .with_metadata(metadata)
    };
    let says = |topic| write_subscription(topic, (&[], -1), None);
    let members = vec![
        member("me", says("clicks")),
        member("other", says("views")),
        member("broken", Bytes::from_static(b"?")),
        member("you", says("clicks")),
    ];
    let answer = answer(1, "me").with_members(members);
    assert_eq!(course.member.joined(&answer, 3, course.now), MemberChange::None);
    let shares = course.sync().assignments;
    let shares: Vec<_> = shares
        .iter()
        .map(|it| (it.member_id.as_str(), read_assignment(&it.assignment, "clicks").unwrap()))
        .collect();
    let wanted = [("me", vec![0, 1]), ("other", vec![]), ("broken", vec![]), ("you", vec![2])];
    assert_eq!(shares, wanted);
    assert_eq!(course.synced(&[0, 1]), Gained(vec![0, 1]));
    // The topic has grown: all is shared out anew, by joining again.
    assert_eq!(course.look(3), MemberChange::None);
    assert_eq!(course.look(4), GiveUp(vec![0, 1]));
}

#[test]
fn an_eager_member_gives_up_all_before_it_joins_again() {
    let mut course = Course::with(Range, &[0, 1]);
    course.heartbeat();
    assert_eq!(course.heard(Some(E::RebalanceInProgress)), GiveUp(vec![0, 1]));
    assert!(course.member.ask(course.now).is_none(), "its offsets are still to be committed");
    assert_eq!(course.member.gave_up(course.now), MemberChange::None);
    assert_eq!(course.join().member_id.as_str(), "me");
    course.joined(2);
    course.sync();
    assert_eq!(course.synced(&[1, 2]), Gained(vec![1, 2]), "the whole list");
}

#[test]
fn a_cooperative_member_keeps_what_it_has_and_joins_again_once_it_gave_something_up() {
    let mut course = Course::with(CooperativeSticky, &[0, 1, 2]);
    course.heartbeat();
    assert_eq!(course.heard(Some(E::RebalanceInProgress)), MemberChange::None);
    let join = course.join();
    let said = read_subscription(&join.protocols[0].metadata, "clicks").unwrap();
    assert_eq!((said.owned, said.generation), (vec![0, 1, 2], 1));
    course.joined(2);
    course.sync();
    assert_eq!(course.synced(&[0, 1, 5]), GiveUp(vec![2]));
    assert_eq!(course.member.gave_up(course.now), Gained(vec![5]));
    let said = read_subscription(&course.join().protocols[0].metadata, "clicks").unwrap();
    assert_eq!((said.owned, said.generation), (vec![0, 1, 5], 2));
    course.joined(3);
    course.sync();
    assert_eq!(course.synced(&[0, 1, 5]), Gained(vec![]));
    course.heartbeat();
}

#[test]
fn a_member_that_is_no_longer_known_has_lost_everything_and_joins_as_a_new_one() {
    for (error, id) in [(E::UnknownMemberId, ""), (E::IllegalGeneration, "me")] {
        let mut course = Course::with(Range, &[0, 1]);
        course.heartbeat();
        assert_eq!(course.heard(Some(error)), LostAll);
        assert_eq!(course.join().member_id.as_str(), id);
        // By the answer to a commit, too, while a heartbeat is under way.
        let mut course = Course::with(Range, &[0, 1]);
        course.heartbeat();
        assert_eq!(course.member.commit_refused(error, course.now), LostAll);
        course.join();
    }
    let mut course = Course::new(Range);
    course.join();
    let refused = JoinGroupResponse::default().with_error_code(E::UnknownMemberId.code());
    assert_eq!(course.member.joined(&refused, 6, course.now), MemberChange::None, "it had none");
}

#[test]
fn another_coordinator_is_looked_for_and_a_busy_one_is_asked_again() {
    let mut course = Course::with(Range, &[0]);
    course.heartbeat();
    assert_eq!(course.heard(Some(E::NotCoordinator)), OtherCoordinator);
    course.member.disconnected();
    course.heartbeat();
    assert_eq!(course.heard(Some(E::CoordinatorLoadInProgress)), MemberChange::None);
    // A connection that breaks within a rebalance: what was asked is asked again.
    let mut course = Course::new(Range);
    course.join();
    course.member.disconnected();
    course.join();
    course.joined(1);
    course.sync();
    course.member.disconnected();
    assert_eq!(course.join().member_id.as_str(), "me");
    course.joined(2);
    course.sync();
    let refused = SyncGroupResponse::default().with_error_code(E::RebalanceInProgress.code());
    assert_eq!(course.member.synced(&refused, course.now), MemberChange::None);
    course.now += Duration::from_millis(100);
    course.join();
}

#[test]
fn what_can_not_pass_is_said_in_one_line() {
    let mut course = Course::new(Range);
    course.join();
    let refused = JoinGroupResponse::default().with_error_code(E::GroupAuthorizationFailed.code());
    let Failed(why) = course.member.joined(&refused, 6, course.now) else { panic!("it goes on") };
    assert!(why.contains("group g refuses a member") && why.contains("expected"), "{why}");
    let mut fenced = Course::with(Range, &[0]);
    fenced.member.settings.instance_id = Some("i".to_owned());
    fenced.heartbeat();
    assert!(
        matches!(fenced.heard(Some(E::FencedInstanceId)), Failed(why) if why.contains("\"i\""))
    );
    assert!(fenced.member.leave(fenced.now).is_none(), "its place waits for its return");
    let mut odd = Course::new(Range);
    odd.join();
    let answer = answer(1, "you").with_protocol_name(Some(StrBytes::from_static_str("sticky")));
    assert!(
        matches!(odd.member.joined(&answer, 6, odd.now), Failed(why) if why.contains("sticky"))
    );
}
