//! `ListGroups`, `DescribeGroups` and `DeleteGroups`.

use std::collections::BTreeSet;

use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse,
    GroupId, ListGroupsRequest, ListGroupsResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::code;
use super::discovery::OPERATIONS_UNKNOWN;
use super::group::{Group, Phase};
use super::shared::BrokerState;

/// All groups, or those in the states and of the types asked for.
pub(super) fn list(
    shared: &BrokerState,
    request: &ListGroupsRequest,
    version: i16,
) -> ListGroupsResponse {
    let matches = |filter: &[StrBytes], value: &str| {
        filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(value))
    };
    let groups = shared.groups.lock();
    let listed = groups
        .iter()
        .filter(|(_, group)| matches(&request.states_filter, phase_name(group)))
        .filter(|_| matches(&request.types_filter, "classic"))
        .map(|(id, group)| {
            let listed = ListedGroup::default()
                .with_group_id(GroupId(text(id)))
                .with_protocol_type(text(&group.protocol_type));
            let listed = if version >= 4 {
                listed.with_group_state(text(phase_name(group)))
            } else {
                listed
            };
            if version >= 5 { listed.with_group_type(text("classic")) } else { listed }
        });
    ListGroupsResponse::default().with_groups(listed.collect())
}

/// The groups' states and members.
pub(super) fn describe(
    shared: &BrokerState,
    request: DescribeGroupsRequest,
    version: i16,
) -> DescribeGroupsResponse {
    // Each group once, however often it is named: an answer may be large.
    let ids: BTreeSet<GroupId> = request.groups.into_iter().collect();
    let groups = ids.into_iter().map(|id| {
        let described = shared.groups.with(&id, |group| describe_one(group));
        let missing = || {
            let described = DescribedGroup::default().with_group_state(text("Dead"));
            if version >= 6 {
                let message = format!("Group {} not found.", id.as_str());
                return described
                    .with_error_code(code::GROUP_ID_NOT_FOUND)
                    .with_error_message(Some(text(&message)));
            }
            described
        };
        let described = described.unwrap_or_else(missing);
        described.with_group_id(id).with_authorized_operations(OPERATIONS_UNKNOWN)
    });
    DescribeGroupsResponse::default().with_groups(groups.collect())
}

fn describe_one(group: &Group) -> DescribedGroup {
    // While members join, nobody has a strategy or an assignment.
    let is_settled = matches!(group.phase, Phase::Stable | Phase::CompletingRebalance);
    let members = group.members.iter().map(|(id, member)| {
        let ask = &member.ask;
        let described = DescribedGroupMember::default()
            .with_member_id(text(id))
            .with_group_instance_id(ask.instance_id.as_deref().map(text))
            .with_client_id(text(&ask.client_id))
            .with_client_host(text(&ask.client_host));
        if !is_settled {
            return described;
        }
        let chosen = ask.protocols.iter().find(|(name, _)| *name == group.protocol);
        described
            .with_member_metadata(chosen.map(|(_, bytes)| bytes.clone()).unwrap_or_default())
            .with_member_assignment(member.assignment.clone())
    });
    DescribedGroup::default()
        .with_group_state(text(phase_name(group)))
        .with_protocol_type(text(&group.protocol_type))
        .with_protocol_data(if is_settled { text(&group.protocol) } else { StrBytes::new() })
        .with_members(members.collect())
}

/// Forgets groups that nobody is a member of, with their offsets.
pub(super) fn delete(shared: &BrokerState, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let mut groups = shared.groups.lock();
    let results = request.groups_names.into_iter().map(|id| {
        let error = match groups.get(id.as_str()) {
            None => code::GROUP_ID_NOT_FOUND,
            Some(group) if group.phase != Phase::Empty => code::NON_EMPTY_GROUP,
            Some(_) => {
                groups.remove(id.as_str());
                code::NONE
            }
        };
        DeletableGroupResult::default().with_group_id(id).with_error_code(error)
    });
    DeleteGroupsResponse::default().with_results(results.collect())
}

const fn phase_name(group: &Group) -> &'static str {
    match group.phase {
        Phase::Empty => "Empty",
        Phase::PreparingRebalance => "PreparingRebalance",
        Phase::CompletingRebalance => "CompletingRebalance",
        Phase::Stable => "Stable",
    }
}

fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}
