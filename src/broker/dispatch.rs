//! From the bytes of a request to the bytes of its answer.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use kafka_protocol::messages::{
    AlterConfigsRequest, ApiKey, CreatePartitionsRequest, CreateTopicsRequest, DeleteGroupsRequest,
    DeleteRecordsRequest, DeleteTopicsRequest, DescribeClusterRequest, DescribeConfigsRequest,
    DescribeGroupsRequest, FindCoordinatorRequest, HeartbeatRequest,
    IncrementalAlterConfigsRequest, InitProducerIdRequest, JoinGroupRequest, LeaveGroupRequest,
    ListGroupsRequest, ListOffsetsRequest, MetadataRequest, OffsetCommitRequest,
    OffsetDeleteRequest, OffsetFetchRequest, ProduceRequest, SyncGroupRequest,
};
use kafka_protocol::protocol::Decodable;

use super::api::{self, Api};
use super::client::Client;
use super::frame::{self, Pieces};
use super::hooks::WireFault;
use super::produce::{self, Produced};
use super::seats::Standing;
use super::shared::BrokerState;
use super::{
    code, commits, config_admin, discovery, fetch, fetch_codec, group_admin, membership, offsets,
    topic_admin,
};

/// The largest request that is not a Produce.
const SMALL_REQUEST_BYTES_MAX: usize = 8 * 1_024 * 1_024;

/// What to do after a request.
#[derive(Debug)]
pub(super) enum DispatchOutcome {
    Answer(Pieces),
    /// The connection closes behind the answer.
    LastAnswer(Pieces),
    /// The client wants no answer.
    Silence,
    /// Close the connection, though the request was one.
    Close,
    /// It was not a request.
    Malformed,
}

/// A request's header.
struct RequestHeader {
    api: &'static Api,
    version: i16,
    correlation_id: i32,
    client_id: String,
}

/// Serves one request, which may wait long.
pub(super) async fn serve(
    shared: &Arc<BrokerState>,
    client: &mut Client,
    mut frame: Bytes,
) -> DispatchOutcome {
    let header = match read_header(&mut frame) {
        Ok(header) => header,
        Err(outcome) => return outcome,
    };
    let (api, version) = (header.api, header.version);
    let is_small = frame.len() <= SMALL_REQUEST_BYTES_MAX || api.key == ApiKey::Produce;
    // A fetch's reader checks what it reads.
    let is_sound = api.key == ApiKey::Fetch || api.check(&frame, version).is_ok();
    if !is_small || !is_sound {
        return DispatchOutcome::Malformed;
    }
    shared.counters.request(api.key as i16);
    client.id = header.client_id;
    client.standing = client.standing.max(standing(api.key));
    let fault = shared.faults.next_on_wire(api.key as i16);
    if fault == Some(WireFault::Unserved) {
        return DispatchOutcome::Close;
    }
    let outcome = route(shared, client, api.key, version, header.correlation_id, frame).await;
    shared.faults.hold_back(api.key as i16).await;
    match (fault, outcome) {
        (Some(fault), DispatchOutcome::Answer(pieces)) => spoilt(fault, &pieces),
        (_, outcome) => outcome,
    }
}

/// An answer with a planted fault.
fn spoilt(fault: WireFault, pieces: &[Bytes]) -> DispatchOutcome {
    match fault.spoil(pieces) {
        None => DispatchOutcome::Close,
        Some((left, true)) => DispatchOutcome::LastAnswer(vec![left]),
        Some((left, false)) => DispatchOutcome::Answer(vec![left]),
    }
}

/// What somebody is who makes this request.
const fn standing(key: ApiKey) -> Standing {
    match key {
        ApiKey::Produce
        | ApiKey::Fetch
        | ApiKey::JoinGroup
        | ApiKey::SyncGroup
        | ApiKey::Heartbeat
        | ApiKey::OffsetCommit => Standing::Patron,
        _ => Standing::Guest,
    }
}

fn read_header(frame: &mut Bytes) -> Result<RequestHeader, DispatchOutcome> {
    if frame.len() < 8 {
        return Err(DispatchOutcome::Malformed);
    }
    let (api_key, version, correlation_id) = (frame.get_i16(), frame.get_i16(), frame.get_i32());
    let api = api::find(api_key).ok_or(DispatchOutcome::Malformed)?;
    if !(api.min..=api.max).contains(&version) {
        if api.key != ApiKey::ApiVersions {
            return Err(DispatchOutcome::Malformed);
        }
        // A client that is newer than the broker learns from this what it may use.
        let response = discovery::api_versions(code::UNSUPPORTED_VERSION, 0);
        let answer = frame::encode(correlation_id, 0, &response);
        return Err(answer.map_or(DispatchOutcome::Malformed, DispatchOutcome::Answer));
    }
    let tail = api.header_tail_bytes(frame, version).map_err(|_| DispatchOutcome::Malformed)?;
    let tail = frame.split_to(tail);
    let client_id = match i16::from_be_bytes([tail[0], tail[1]]) {
        1.. => {
            let length = usize::from(u16::from_be_bytes([tail[0], tail[1]]));
            String::from_utf8_lossy(&tail[2..2 + length]).into_owned()
        }
        _ => String::new(),
    };
    Ok(RequestHeader { api, version, correlation_id, client_id })
}

/// Decodes a request, works on it, and encodes the answer.
macro_rules! answer {
    ($body:ident, $version:ident, $id:ident, $request:ident: $type:ty => $work:expr) => {
        match <$type>::decode(&mut $body, $version) {
            Ok($request) => frame::encode($id, $version, &$work),
            Err(_) => None,
        }
    };
}

async fn route(
    shared: &Arc<BrokerState>,
    client: &Client,
    key: ApiKey,
    version: i16,
    id: i32,
    mut body: Bytes,
) -> DispatchOutcome {
    let answer = match key {
        ApiKey::Produce => return produce(shared, version, id, body),
        ApiKey::Fetch => match fetch_codec::read(&body, version) {
            Ok(request) => {
                // The request's buffer goes back to the reader while the fetch waits.
                drop(body);
                fetch::fetch(shared, request, id, version).await
            }
            Err(_) => None,
        },
        ApiKey::JoinGroup => answer!(body, version, id, request: JoinGroupRequest =>
            membership::join(shared, client, request, version).await),
        ApiKey::SyncGroup => answer!(body, version, id, request: SyncGroupRequest =>
            membership::sync(shared, request, version).await),
        ApiKey::Heartbeat => answer!(body, version, id, request: HeartbeatRequest =>
            membership::heartbeat(shared, &request)),
        ApiKey::LeaveGroup => answer!(body, version, id, request: LeaveGroupRequest =>
            membership::leave(shared, &request, version)),
        ApiKey::OffsetCommit => answer!(body, version, id, request: OffsetCommitRequest =>
            commits::commit(shared, request)),
        ApiKey::OffsetFetch => answer!(body, version, id, request: OffsetFetchRequest =>
            commits::fetch(shared, request, version)),
        ApiKey::OffsetDelete => answer!(body, version, id, request: OffsetDeleteRequest =>
            commits::delete(shared, request)),
        ApiKey::ListGroups => answer!(body, version, id, request: ListGroupsRequest =>
            group_admin::list(shared, &request, version)),
        ApiKey::DescribeGroups => answer!(body, version, id, request: DescribeGroupsRequest =>
            group_admin::describe(shared, request, version)),
        ApiKey::DeleteGroups => answer!(body, version, id, request: DeleteGroupsRequest =>
            group_admin::delete(shared, request)),
        _ => administer(shared, key, version, id, body),
    };
    answer.map_or(DispatchOutcome::Malformed, DispatchOutcome::Answer)
}

fn produce(shared: &BrokerState, version: i16, id: i32, mut body: Bytes) -> DispatchOutcome {
    let Ok(request) = ProduceRequest::decode(&mut body, version) else {
        return DispatchOutcome::Malformed;
    };
    match produce::produce(shared, request) {
        Produced::Silence => DispatchOutcome::Silence,
        Produced::Close => DispatchOutcome::Close,
        Produced::Answer(response) => frame::encode(id, version, &response)
            .map_or(DispatchOutcome::Malformed, DispatchOutcome::Answer),
    }
}

fn administer(
    shared: &BrokerState,
    key: ApiKey,
    version: i16,
    id: i32,
    mut body: Bytes,
) -> Option<Pieces> {
    match key {
        ApiKey::ApiVersions => {
            frame::encode(id, version, &discovery::api_versions(code::NONE, version))
        }
        ApiKey::Metadata => answer!(body, version, id, request: MetadataRequest =>
            discovery::metadata(shared, &request, version)),
        ApiKey::DescribeCluster => answer!(body, version, id, request: DescribeClusterRequest =>
            discovery::describe_cluster(shared, &request)),
        ApiKey::FindCoordinator => answer!(body, version, id, request: FindCoordinatorRequest =>
            discovery::find_coordinator(shared, request, version)),
        ApiKey::ListOffsets => answer!(body, version, id, request: ListOffsetsRequest =>
            offsets::list_offsets(shared, request, version)),
        ApiKey::DeleteRecords => answer!(body, version, id, request: DeleteRecordsRequest =>
            offsets::delete_records(shared, request)),
        ApiKey::InitProducerId => answer!(body, version, id, request: InitProducerIdRequest =>
            produce::init_producer_id(shared, &request)),
        ApiKey::CreateTopics => answer!(body, version, id, request: CreateTopicsRequest =>
            topic_admin::create(shared, request, version)),
        ApiKey::DeleteTopics => answer!(body, version, id, request: DeleteTopicsRequest =>
            topic_admin::delete(shared, request, version)),
        ApiKey::CreatePartitions => answer!(body, version, id, request: CreatePartitionsRequest =>
            topic_admin::create_partitions(shared, request)),
        ApiKey::DescribeConfigs => answer!(body, version, id, request: DescribeConfigsRequest =>
            config_admin::describe(shared, request)),
        ApiKey::AlterConfigs => answer!(body, version, id, request: AlterConfigsRequest =>
            config_admin::alter(shared, request)),
        ApiKey::IncrementalAlterConfigs => answer!(
            body, version, id, request: IncrementalAlterConfigsRequest =>
            config_admin::alter_incrementally(shared, request)),
        _ => None,
    }
}
