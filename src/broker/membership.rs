//! `JoinGroup`, `SyncGroup`, Heartbeat and `LeaveGroup`.

use bytes::Bytes;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::{
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
    LeaveGroupResponse, SyncGroupRequest, SyncGroupResponse,
};
use kafka_protocol::protocol::StrBytes;
use tokio::sync::oneshot;

use super::client::Client;
use super::code;
use super::group::{Group, JoinAsk, Joined, Synced};
use super::shared::BrokerState;

/// The most bytes of subscriptions that one member may bring.
const SUBSCRIPTIONS_MAX_BYTES: usize = 256 * 1_024;

/// Joins a group; the answer comes when its rebalance is over.
pub(super) async fn join(
    shared: &BrokerState,
    client: &Client,
    request: JoinGroupRequest,
    version: i16,
) -> JoinGroupResponse {
    let joined = match ask(shared, client, &request, version) {
        Ok(ask) => wait_to_join(shared, &request.group_id, ask).await,
        Err(error) => {
            let member_id = request.member_id.to_string();
            Joined { error, generation: -1, member_id, ..Joined::default() }
        }
    };
    let members = joined.members.into_iter().map(|(id, instance, metadata)| {
        JoinGroupResponseMember::default()
            .with_member_id(text(id))
            .with_group_instance_id(instance.map(text))
            .with_metadata(metadata)
    });
    // Null protocols are allowed from version 7 on only.
    let or_null = |value: String| (version < 7 || !value.is_empty()).then(|| text(value));
    JoinGroupResponse::default()
        .with_error_code(joined.error)
        .with_generation_id(joined.generation)
        .with_protocol_type(if version < 7 { None } else { or_null(joined.protocol_type) })
        .with_protocol_name(or_null(joined.protocol))
        .with_leader(text(joined.leader))
        .with_member_id(text(joined.member_id))
        .with_members(members.collect())
}

/// Checks a request, and copies out of it what a group keeps: a slice would hold on to the
/// whole read buffer.
fn ask(
    shared: &BrokerState,
    client: &Client,
    request: &JoinGroupRequest,
    version: i16,
) -> Result<JoinAsk, i16> {
    shared.faults.misled()?;
    let (least, most) =
        (shared.config.session_timeout_min_ms, shared.config.session_timeout_max_ms);
    if !(least..=most).contains(&request.session_timeout_ms) {
        return Err(code::INVALID_SESSION_TIMEOUT);
    }
    let bytes: usize = request.protocols.iter().map(|p| p.name.len() + p.metadata.len()).sum();
    if bytes > SUBSCRIPTIONS_MAX_BYTES {
        return Err(code::INVALID_REQUEST);
    }
    // Version 0 knows no rebalance timeout.
    let rebalance_timeout_ms = match request.rebalance_timeout_ms {
        -1 => request.session_timeout_ms,
        timeout_ms => timeout_ms,
    };
    let copied = request
        .protocols
        .iter()
        .map(|protocol| (protocol.name.to_string(), Bytes::copy_from_slice(&protocol.metadata)));
    Ok(JoinAsk {
        member_id: request.member_id.to_string(),
        instance_id: request.group_instance_id.as_ref().map(ToString::to_string),
        client_id: client.id.clone(),
        client_host: format!("/{}", client.address.ip()),
        session_timeout_ms: u64::try_from(request.session_timeout_ms).unwrap_or(0),
        rebalance_timeout_ms: u64::try_from(rebalance_timeout_ms).unwrap_or(0),
        protocol_type: request.protocol_type.to_string(),
        protocols: copied.collect(),
        must_know_id: version >= 4,
    })
}

async fn wait_to_join(shared: &BrokerState, group_id: &str, ask: JoinAsk) -> Joined {
    let member_id = ask.member_id.clone();
    let failed = |error| Joined { error, generation: -1, member_id, ..Joined::default() };
    let fresh_id = shared.next_member_id(ask.instance_id.as_deref().unwrap_or(&ask.client_id));
    let now_ms = shared.now_ms();
    let (reply, joined) = oneshot::channel();
    // Members that have their id were counted when they came.
    if ask.member_id.is_empty() && shared.groups.is_full() {
        return failed(code::GROUP_MAX_SIZE_REACHED);
    }
    let work = |group: &mut Group| group.join(ask, fresh_id, reply, now_ms);
    match shared.groups.with_new(group_id, now_ms, work) {
        // The channel ends without an answer when the same member has asked again.
        Ok(()) => joined.await.unwrap_or_else(|_| failed(code::REBALANCE_IN_PROGRESS)),
        Err(error) => failed(error),
    }
}

/// Fetches a member's assignment; the answer comes when the leader has brought it.
pub(super) async fn sync(
    shared: &BrokerState,
    request: SyncGroupRequest,
    version: i16,
) -> SyncGroupResponse {
    let (reply, synced) = oneshot::channel();
    let assignments = request.assignments.iter().map(|assignment| {
        (assignment.member_id.to_string(), Bytes::copy_from_slice(&assignment.assignment))
    });
    let assignments = assignments.collect();
    let now_ms = shared.now_ms();
    let known = shared.groups.with(&request.group_id, |group| {
        shared.faults.misled()?;
        let fits = |named: Option<&StrBytes>, held: &str| named.is_none_or(|name| **name == *held);
        if fits(request.protocol_type.as_ref(), &group.protocol_type)
            && fits(request.protocol_name.as_ref(), &group.protocol)
        {
            let instance_id = request.group_instance_id.as_deref();
            let generation = request.generation_id;
            group.sync(&request.member_id, instance_id, generation, assignments, reply, now_ms);
            Ok(())
        } else {
            Err(code::INCONSISTENT_GROUP_PROTOCOL)
        }
    });
    let failed = |error| Synced { error, ..Synced::default() };
    let synced = match known {
        None => failed(code::UNKNOWN_MEMBER_ID),
        Some(Err(error)) => failed(error),
        Some(Ok(())) => synced.await.unwrap_or_else(|_| failed(code::REBALANCE_IN_PROGRESS)),
    };
    let response = SyncGroupResponse::default()
        .with_error_code(synced.error)
        .with_assignment(synced.assignment);
    if version < 5 || synced.error != code::NONE {
        return response;
    }
    response
        .with_protocol_type(Some(text(synced.protocol_type)))
        .with_protocol_name(Some(text(synced.protocol)))
}

/// A member says that it lives.
pub(super) fn heartbeat(shared: &BrokerState, request: &HeartbeatRequest) -> HeartbeatResponse {
    let now_ms = shared.now_ms();
    if let Err(error) = shared.faults.misled() {
        return HeartbeatResponse::default().with_error_code(error);
    }
    let error = shared.groups.with(&request.group_id, |group| {
        let instance_id = request.group_instance_id.as_deref();
        group.heartbeat(&request.member_id, instance_id, request.generation_id, now_ms)
    });
    HeartbeatResponse::default().with_error_code(error.unwrap_or(code::UNKNOWN_MEMBER_ID))
}

/// Members leave: one before version 3, as many as are named from then on.
pub(super) fn leave(
    shared: &BrokerState,
    request: &LeaveGroupRequest,
    version: i16,
) -> LeaveGroupResponse {
    let now_ms = shared.now_ms();
    let leave = |member_id: &str, instance_id: Option<&str>| {
        let left =
            shared.groups.with(&request.group_id, |g| g.leave(member_id, instance_id, now_ms));
        left.unwrap_or(code::UNKNOWN_MEMBER_ID)
    };
    if version < 3 {
        return LeaveGroupResponse::default().with_error_code(leave(&request.member_id, None));
    }
    let members = request.members.iter().map(|member| {
        MemberResponse::default()
            .with_error_code(leave(&member.member_id, member.group_instance_id.as_deref()))
            .with_member_id(member.member_id.clone())
            .with_group_instance_id(member.group_instance_id.clone())
    });
    LeaveGroupResponse::default().with_members(members.collect())
}

fn text(value: String) -> StrBytes {
    StrBytes::from_string(value)
}
