//! The APIs that are served: their versions, and the shape of their requests.

use kafka_protocol::messages::ApiKey;

use crate::base::message_shape::{BLOB, Field, INTS, Malformed, TEXT, TEXTS, Walk, fixed, list};

/// One API as it is advertised.
#[derive(Debug, Clone, Copy)]
pub(super) struct Api {
    pub(super) key: ApiKey,
    /// The lowest version advertised.
    pub(super) min: i16,
    /// The highest version advertised.
    pub(super) max: i16,
    /// The first version with variable-length integers and tagged fields.
    flexible: i16,
    fields: &'static [Field],
}

/// Never: the API has no flexible version.
const NEVER: i16 = i16::MAX;

const fn api(key: ApiKey, min: i16, max: i16, flexible: i16, fields: &'static [Field]) -> Api {
    Api { key, min, max, flexible, fields }
}

/// Every API served.
///
/// Topic ids come with Fetch 13 and Produce 13 and are left out. Produce is advertised from 0,
/// as Apache Kafka does, because librdkafka looks for it; versions below 3 carry the message
/// formats that Kafka 4 no longer takes, and close the connection.
#[rustfmt::skip]
pub(super) const APIS: &[Api] = &[
    api(ApiKey::Produce, 0, 11, 9,
        &[TEXT, fixed(2), fixed(4), list(&[TEXT, list(&[fixed(4), BLOB])])]),
    api(ApiKey::Fetch, 4, 12, 12,
        &[fixed(4), fixed(4), fixed(4), fixed(4), fixed(1), fixed(4).since(7), fixed(4).since(7),
          list(&[TEXT, list(&[fixed(4), fixed(4).since(9), fixed(8), fixed(4).since(12),
                              fixed(8).since(5), fixed(4)])]),
          list(&[TEXT, INTS]).since(7), TEXT.since(11)]),
    api(ApiKey::ListOffsets, 1, 9, 6,
        &[fixed(4), fixed(1).since(2),
          list(&[TEXT, list(&[fixed(4), fixed(4).since(4), fixed(8)])])]),
    api(ApiKey::Metadata, 0, 12, 9,
        &[list(&[fixed(16).since(10), TEXT]), fixed(1).since(4), fixed(1).since(8).until(10),
          fixed(1).since(8)]),
    api(ApiKey::OffsetCommit, 2, 9, 8,
        &[TEXT, fixed(4), TEXT, TEXT.since(7), fixed(8).until(4),
          list(&[TEXT, list(&[fixed(4), fixed(8), fixed(4).since(6), TEXT])])]),
    api(ApiKey::OffsetFetch, 1, 9, 6,
        &[TEXT.until(7), list(&[TEXT, INTS]).until(7),
          list(&[TEXT, TEXT.since(9), fixed(4).since(9), list(&[TEXT, INTS])]).since(8),
          fixed(1).since(7)]),
    api(ApiKey::FindCoordinator, 0, 6, 3, &[TEXT.until(3), fixed(1).since(1), TEXTS.since(4)]),
    api(ApiKey::JoinGroup, 0, 9, 6,
        &[TEXT, fixed(4), fixed(4).since(1), TEXT, TEXT.since(5), TEXT, list(&[TEXT, BLOB]),
          TEXT.since(8)]),
    api(ApiKey::Heartbeat, 0, 4, 4, &[TEXT, fixed(4), TEXT, TEXT.since(3)]),
    api(ApiKey::LeaveGroup, 0, 5, 4,
        &[TEXT, TEXT.until(2), list(&[TEXT, TEXT, TEXT.since(5)]).since(3)]),
    api(ApiKey::SyncGroup, 0, 5, 4,
        &[TEXT, fixed(4), TEXT, TEXT.since(3), TEXT.since(5), TEXT.since(5), list(&[TEXT, BLOB])]),
    api(ApiKey::DescribeGroups, 0, 6, 5, &[TEXTS, fixed(1).since(3)]),
    api(ApiKey::ListGroups, 0, 5, 3, &[TEXTS.since(4), TEXTS.since(5)]),
    api(ApiKey::ApiVersions, 0, 4, 3, &[TEXT.since(3), TEXT.since(3)]),
    api(ApiKey::CreateTopics, 2, 7, 5,
        &[list(&[TEXT, fixed(4), fixed(2), list(&[fixed(4), INTS]), list(&[TEXT, TEXT])]),
          fixed(4), fixed(1)]),
    api(ApiKey::DeleteTopics, 1, 6, 4,
        &[list(&[TEXT, fixed(16)]).since(6), TEXTS.until(5), fixed(4)]),
    api(ApiKey::DeleteRecords, 0, 2, 2, &[list(&[TEXT, list(&[fixed(4), fixed(8)])]), fixed(4)]),
    api(ApiKey::InitProducerId, 0, 5, 2,
        &[TEXT, fixed(4), fixed(8).since(3), fixed(2).since(3)]),
    api(ApiKey::DescribeConfigs, 1, 4, 4,
        &[list(&[fixed(1), TEXT, TEXTS]), fixed(1), fixed(1).since(3)]),
    api(ApiKey::AlterConfigs, 0, 2, 2, &[list(&[fixed(1), TEXT, list(&[TEXT, TEXT])]), fixed(1)]),
    api(ApiKey::CreatePartitions, 0, 3, 2,
        &[list(&[TEXT, fixed(4), list(&[INTS])]), fixed(4), fixed(1)]),
    api(ApiKey::DeleteGroups, 0, 2, 2, &[TEXTS]),
    api(ApiKey::IncrementalAlterConfigs, 0, 1, 1,
        &[list(&[fixed(1), TEXT, list(&[TEXT, fixed(1), TEXT])]), fixed(1)]),
    api(ApiKey::OffsetDelete, 0, 0, NEVER, &[TEXT, list(&[TEXT, INTS])]),
    api(ApiKey::DescribeCluster, 0, 2, 0, &[fixed(1), fixed(1).since(1), fixed(1).since(2)]),
];

/// Finds an API by its number on the wire.
pub(super) fn find(api_key: i16) -> Option<&'static Api> {
    APIS.iter().find(|api| api.key as i16 == api_key)
}

impl Api {
    /// Checks what follows the header, see [`crate::base::message_shape`].
    pub(super) fn check(&self, body: &[u8], version: i16) -> Result<(), Malformed> {
        Walk::new(body, version, version >= self.flexible).fields(self.fields)
    }

    /// The length of the header's variable part: the client id and the tagged fields.
    pub(super) fn header_tail_bytes(&self, bytes: &[u8], version: i16) -> Result<usize, Malformed> {
        let mut walk = Walk::new(bytes, version, version >= self.flexible);
        walk.short_text()?;
        walk.tags()?;
        Ok(bytes.len() - walk.rest().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::{Bytes, BytesMut};
    use kafka_protocol::messages::RequestKind;

    /// The codec and the table must agree on where a request ends, in every version: bytes that
    /// the codec decodes from zeros are a request with empty fields.
    #[test]
    fn the_table_agrees_with_the_codec_on_empty_requests() {
        for api in APIS {
            for version in api.key.valid_versions().min.max(api.min)..=api.max {
                let mut zeros = Bytes::from(vec![0_u8; 512]);
                let Ok(request) = RequestKind::decode(api.key, &mut zeros, version) else {
                    continue;
                };
                let mut encoded = BytesMut::new();
                if request.encode(&mut encoded, version).is_err() {
                    continue;
                }
                let mut walk = Walk::new(&encoded, version, version >= api.flexible);
                assert_eq!(walk.fields(api.fields), Ok(()), "{:?} v{version}", api.key);
                assert_eq!(walk.rest().len(), 0, "{:?} v{version}", api.key);
            }
        }
    }
}
