//! A member's course, told by hand: what it reports, and what it makes of each answer.

use std::time::Duration;

use kafka_protocol::error::ResponseError as E;

use super::*;
use MemberChange::{Failed, Gained, GiveUp, LostAll, OtherCoordinator};

const TOPIC: TopicShape = TopicShape { partitions: 6, id: Uuid::from_u128(7) };

/// A member, and a clock that only goes when it is told to.
struct Course {
    member: ConsumerMember,
    now: Instant,
}

impl Course {
    fn new(instance_id: Option<&str>) -> Self {
        let settings = MemberSettings {
            group: "g".to_owned(),
            topic: "clicks".to_owned(),
            instance_id: instance_id.map(str::to_owned),
            session_timeout: Duration::ZERO,
            rebalance_timeout: Duration::from_secs(300),
            heartbeat_interval: Duration::ZERO,
            retry: Duration::from_millis(100),
            rack: Some("r".to_owned()),
        };
        let now = Instant::now();
        Self { member: ConsumerMember::new(settings, Some("uniform".to_owned()), now), now }
    }

    fn report(&mut self) -> ConsumerGroupHeartbeatRequest {
        match self.member.ask(self.now) {
            Some(MemberAsk::Report(report)) => report,
            other => panic!("it asks {other:?}; expected a heartbeat"),
        }
    }

    /// The next heartbeat once its time has come.
    fn later(&mut self) -> ConsumerGroupHeartbeatRequest {
        assert!(self.member.ask(self.now).is_none(), "not yet");
        self.now += Duration::from_secs(5);
        self.report()
    }

    fn told(&mut self, epoch: i32, assignment: Option<&[(u128, &[i32])]>) -> MemberChange {
        let topic = |(id, partitions): &(u128, &[i32])| (Uuid::from_u128(*id), partitions.to_vec());
        let answer = ReportAnswer {
            epoch,
            interval: Duration::from_secs(5),
            assignment: assignment.map(|topics| topics.iter().map(topic).collect()),
            ..ReportAnswer::default()
        };
        self.member.reported(answer, TOPIC, self.now)
    }

    fn refused(&mut self, error: E) -> MemberChange {
        let answer = ReportAnswer { error_code: error.code(), ..ReportAnswer::default() };
        self.member.reported(answer, TOPIC, self.now)
    }

    /// A member with these partitions, which the coordinator knows of.
    fn with(instance_id: Option<&str>, partitions: &[i32]) -> Self {
        let mut course = Self::new(instance_id);
        course.report();
        assert_eq!(course.told(1, Some(&[(7, partitions)])), Gained(partitions.to_vec()));
        course.report();
        assert_eq!(course.told(1, None), MemberChange::None);
        course
    }
}

/// The partitions that a heartbeat says the member has; `None` where it says nothing of them.
fn owned(report: &ConsumerGroupHeartbeatRequest) -> Option<Vec<i32>> {
    let topics = report.topic_partitions.as_ref()?;
    assert!(topics.iter().all(|it| it.topic_id == TOPIC.id));
    Some(topics.iter().flat_map(|it| it.partitions.clone()).collect())
}

#[test]
fn it_joins_with_all_that_is_to_be_said_and_then_says_only_what_is_new() {
    let mut course = Course::new(None);
    let join = course.report();
    assert_eq!((join.member_epoch, join.rebalance_timeout_ms), (0, 300_000));
    let names = join.subscribed_topic_names.as_ref().unwrap();
    assert!(names.iter().map(|name| name.as_str()).eq(["clicks"]));
    assert_eq!(join.server_assignor.as_deref(), Some("uniform"));
    assert_eq!((join.rack_id.as_deref(), owned(&join)), (Some("r"), Some(vec![])));
    let parsed = Uuid::parse_str(&join.member_id).unwrap();
    assert_eq!(parsed.get_version_num(), 4, "an id of its own");
    assert!(course.member.ask(course.now).is_none(), "one question at a time");
    assert_eq!(course.told(3, Some(&[(7, &[2, 0])])), Gained(vec![0, 2]));
    let acknowledged = course.report();
    assert_eq!((acknowledged.member_epoch, owned(&acknowledged)), (3, Some(vec![0, 2])));
    assert_eq!(acknowledged.member_id, join.member_id);
    assert_eq!(acknowledged.subscribed_topic_names, None);
    assert_eq!(course.told(3, None), MemberChange::None);
    let quiet = course.later();
    assert_eq!((owned(&quiet), quiet.rebalance_timeout_ms), (None, -1));
    assert_eq!(course.told(4, None), MemberChange::None);
    assert_eq!(course.later().member_epoch, 4);
}

#[test]
fn what_it_gives_up_is_reported_only_once_it_is_given_up() {
    let mut course = Course::with(None, &[0, 1, 2]);
    course.later();
    assert_eq!(course.told(2, Some(&[(7, &[0, 5])])), GiveUp(vec![1, 2]));
    // It goes on being there, and says nothing new meanwhile.
    assert_eq!(owned(&course.later()), None);
    // Something newer comes in between: that is the next step.
    assert_eq!(course.told(3, Some(&[(7, &[5])])), MemberChange::None);
    assert_eq!(course.member.gave_up(course.now), Gained(vec![5]));
    assert_eq!(owned(&course.report()), Some(vec![0, 5]));
    assert_eq!(course.member.look(TOPIC, course.now), GiveUp(vec![0]));
    assert_eq!(course.told(3, None), MemberChange::None);
    assert_eq!(course.member.gave_up(course.now), MemberChange::None);
    assert_eq!(owned(&course.report()), Some(vec![5]));
}

#[test]
fn a_topic_that_is_not_known_is_asked_for_and_another_of_its_name_has_other_partitions() {
    let mut course = Course::with(None, &[0, 1]);
    course.later();
    assert_eq!(course.told(2, Some(&[(8, &[1])])), MemberChange::None);
    assert!(course.member.needs_metadata());
    let anew = TopicShape { id: Uuid::from_u128(8), ..TOPIC };
    assert_eq!(course.member.look(anew, course.now), GiveUp(vec![0, 1]));
    assert!(!course.member.needs_metadata());
    assert_eq!(course.member.gave_up(course.now), Gained(vec![1]));
    let topics = course.report().topic_partitions.unwrap();
    assert_eq!((topics[0].topic_id, &*topics[0].partitions), (anew.id, &[1][..]));
}

#[test]
fn a_member_that_is_fenced_or_not_known_has_lost_everything_and_joins_again() {
    for error in [E::FencedMemberEpoch, E::UnknownMemberId] {
        let mut course = Course::with(None, &[0, 1]);
        let id = course.later().member_id;
        assert_eq!(course.refused(error), LostAll);
        let join = course.report();
        assert_eq!((join.member_epoch, owned(&join)), (0, Some(vec![])));
        assert_eq!(join.member_id, id);
        assert!(join.subscribed_topic_names.is_some());
        // Not at once again.
        assert_eq!(course.refused(error), MemberChange::None);
        assert!(course.member.ask(course.now).is_none());
        course.now += Duration::from_millis(100);
        course.report();
        // By the answer to a commit, too, while a heartbeat is under way and something is given up.
        let mut course = Course::with(None, &[0, 1]);
        course.later();
        assert_eq!(course.told(2, Some(&[(7, &[0])])), GiveUp(vec![1]));
        course.later();
        assert_eq!(course.member.commit_refused(error, course.now), LostAll);
        assert_eq!(course.member.gave_up(course.now), MemberChange::None);
        assert_eq!(course.report().member_epoch, 0);
    }
    let mut stale = Course::with(None, &[0]);
    assert!(stale.member.ask(stale.now).is_none());
    assert_eq!(stale.member.commit_refused(E::StaleMemberEpoch, stale.now), MemberChange::None);
    assert_eq!(stale.report().member_epoch, 1, "its answer brings the epoch");
}

#[test]
fn what_may_not_have_been_heard_is_said_once_more() {
    let mut course = Course::with(None, &[0, 1]);
    course.later();
    course.member.disconnected();
    let again = course.report();
    assert_eq!((again.member_epoch, owned(&again)), (1, Some(vec![0, 1])));
    assert!(again.subscribed_topic_names.is_some() && again.rebalance_timeout_ms > 0);
    assert_eq!(course.refused(E::NotCoordinator), OtherCoordinator);
    course.now += Duration::from_millis(100);
    assert!(course.report().subscribed_topic_names.is_some());
    assert_eq!(course.refused(E::CoordinatorLoadInProgress), MemberChange::None);
    assert!(course.member.ask(course.now).is_none(), "not at once");
    course.now += Duration::from_millis(100);
    course.report();
}

#[test]
fn it_leaves_for_good_or_for_a_while() {
    for (instance, epoch) in [(None, -1), (Some("i"), -2)] {
        let mut course = Course::with(instance, &[0]);
        let Some(MemberAsk::Report(last)) = course.member.leave(course.now) else {
            panic!("it says nothing");
        };
        assert_eq!((last.member_epoch, last.instance_id.as_deref()), (epoch, instance));
        assert!(!last.member_id.is_empty());
        assert_eq!(course.report().member_epoch, 0, "it would join as one with nothing");
    }
    let mut early = Course::new(None);
    assert!(early.member.leave(early.now).is_none(), "it never joined");
}

#[test]
fn what_can_not_pass_is_said_in_one_line() {
    let cases = [
        (E::UnreleasedInstanceId, "\"i\" (group.instance.id) and has not left"),
        (E::UnsupportedAssignor, "no assignor \"uniform\" (group.remote.assignor)"),
        (E::GroupMaxSizeReached, "the group is full; expected fewer workers"),
        (E::UnsupportedVersion, "expected group.protocol = \"classic\", or Kafka 4.0"),
        (E::GroupAuthorizationFailed, "expected a group that this member may join"),
    ];
    for (error, words) in cases {
        let mut course = Course::new(Some("i"));
        course.report();
        let Failed(why) = course.refused(error) else { panic!("{error:?}: it goes on") };
        assert!(why.starts_with("group g refuses a member: "), "{why}");
        assert!(why.contains(words), "{why}");
    }
}
