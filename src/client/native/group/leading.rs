//! What a classic group's leader does for all of its members.

use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;

use super::super::assign::{AssignmentCandidate, AssignmentStrategy, assign};
use super::protocol::{read_subscription, write_assignment};

/// Shares the topic's partitions out. Members that don't read it get nothing, and what they read
/// this one does not know.
pub(super) fn share_out(
    strategy: AssignmentStrategy,
    partitions: usize,
    topic: &str,
    members: &[JoinGroupResponseMember],
) -> Vec<SyncGroupRequestAssignment> {
    let candidate = |member: &JoinGroupResponseMember| {
        let said = read_subscription(&member.metadata, topic).filter(|it| it.subscribes)?;
        Some(AssignmentCandidate {
            member_id: member.member_id.to_string(),
            instance_id: member.group_instance_id.as_ref().map(ToString::to_string),
            owned: said.owned,
            generation: said.generation,
        })
    };
    let candidates: Vec<_> = members.iter().filter_map(candidate).collect();
    let shares = assign(strategy, partitions, &candidates);
    let share = |member: &JoinGroupResponseMember| {
        let id = member.member_id.as_str();
        let place = candidates.iter().position(|candidate| candidate.member_id == id);
        let share = place.map_or(&[][..], |place| &shares[place]);
        SyncGroupRequestAssignment::default()
            .with_member_id(member.member_id.clone())
            .with_assignment(write_assignment(topic, share))
    };
    members.iter().map(share).collect()
}
