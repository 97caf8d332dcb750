//! Which version a broker is: asked by an `ApiVersions` request of our own, since librdkafka
//! keeps the answer to itself.
//!
//! No answer of Kafka's protocol names its release. From 3.3 on a broker of a KRaft cluster says
//! which levels of `metadata.version` it supports, and which the cluster has finalized; the
//! highest supported one is that of its release.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, MetadataRequest, RequestHeader, ResponseHeader,
};
use kafka_protocol::protocol::{
    Decodable, Encodable, HeaderVersion, StrBytes, encode_request_header_into_buffer,
};

use crate::client::embedded::VERSION_FEATURE;
use crate::client::facts::BrokerVersion;

/// Longest wait for a connection and for an answer.
const WAIT: Duration = Duration::from_secs(2);

/// The first version of the request whose answer has features.
const REQUEST_VERSION: i16 = 3;

/// A version of `Metadata` that every broker of this decade has.
const METADATA_VERSION_ASKED: i16 = 4;

/// The largest answer that is believed.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// The feature that follows Kafka's releases.
const METADATA_VERSION: &str = "metadata.version";

/// The lowest level of `metadata.version` by release, rising; from the enumeration
/// `org.apache.kafka.server.common.MetadataVersion` of Kafka 4.3.0.
const RELEASES: &[(i16, &str)] = &[
    (7, "3.3"),
    (8, "3.4"),
    (9, "3.5"),
    (12, "3.6"),
    (15, "3.7"),
    (20, "3.8"),
    (21, "3.9"),
    (22, "4.0"),
    (26, "4.1"),
    (28, "4.2"),
    (30, "4.3"),
    (31, "4.4"),
];

/// The highest level in [`RELEASES`] that is known not to be a later release's.
const LEVEL_MAX: i16 = 31;

/// Asks each broker (`id@host:port`) for its version. With `plain` off, where connections are
/// encrypted, nobody is asked.
pub(super) fn of(brokers: &[String], plain: bool) -> Vec<BrokerVersion> {
    let one = |broker: &String| {
        let answer = if plain {
            let address = broker.split_once('@').map_or(broker.as_str(), |(_, rest)| rest);
            ask(address)
        } else {
            Err("connections are encrypted: only librdkafka speaks to it".to_owned())
        };
        match answer {
            Ok(response) => told(broker, &response),
            Err(why) => BrokerVersion {
                broker: broker.clone(),
                unknown: Some(why),
                ..BrokerVersion::default()
            },
        }
    };
    std::thread::scope(|scope| {
        let asked: Vec<_> =
            brokers.iter().map(|broker| (broker, scope.spawn(move || one(broker)))).collect();
        asked
            .into_iter()
            .map(|(broker, asked)| {
                asked.join().unwrap_or_else(|_| BrokerVersion {
                    broker: broker.clone(),
                    unknown: Some("its answer could not be read".to_owned()),
                    ..BrokerVersion::default()
                })
            })
            .collect()
    })
}

/// Those of the brokers (`id@host:port`) whose address takes no connection, each with the reason.
pub(super) fn unreachable(brokers: &[String]) -> Vec<String> {
    let one = |broker: &String| {
        let address = broker.split_once('@').map_or(broker.as_str(), |(_, rest)| rest);
        reach(address).err().map(|why| format!("{broker} ({why})"))
    };
    std::thread::scope(|scope| {
        let asked: Vec<_> = brokers.iter().map(|broker| scope.spawn(move || one(broker))).collect();
        asked.into_iter().filter_map(|asked| asked.join().ok().flatten()).collect()
    })
}

/// What an answer tells.
fn told(broker: &str, response: &ApiVersionsResponse) -> BrokerVersion {
    let supported = |name: &str| {
        let features = response.supported_features.iter();
        features.filter(|feature| *feature.name == *name).map(|feature| feature.max_version).max()
    };
    let metadata_version_max = supported(METADATA_VERSION);
    let metadata_version = response
        .finalized_features
        .iter()
        .find(|feature| *feature.name == *METADATA_VERSION)
        .map(|feature| feature.max_version_level);
    let release = match supported(VERSION_FEATURE) {
        Some(level) => Some(kbench_release(level)),
        None => metadata_version_max.map(kafka_release),
    };
    let unknown = release.is_none().then(|| "it names no feature of a known broker".to_owned());
    BrokerVersion {
        broker: broker.to_owned(),
        release,
        metadata_version_max,
        metadata_version,
        protocol_version: None,
        unknown,
    }
}

/// The release whose highest level of `metadata.version` it is, or lies in.
fn kafka_release(level: i16) -> String {
    if level > LEVEL_MAX {
        return format!("Kafka later than {}", RELEASES[RELEASES.len() - 1].1);
    }
    RELEASES
        .iter()
        .rfind(|(lowest, _)| *lowest <= level)
        .map_or_else(|| "Kafka 3.3 or earlier".to_owned(), |(_, name)| format!("Kafka {name}"))
}

/// kbench's own broker writes its version as one number.
fn kbench_release(level: i16) -> String {
    format!("kbench {}.{}.{}", level / 1_000, level / 10 % 100, level % 10)
}

/// Sends the request to `host:port` and reads the answer.
fn ask(address: &str) -> Result<ApiVersionsResponse, String> {
    let fail = |error: std::io::Error| format!("{address}: {error}");
    let mut stream = reach(address).map_err(|why| format!("{address}: {why}"))?;
    stream.set_read_timeout(Some(WAIT)).map_err(fail)?;
    stream.set_write_timeout(Some(WAIT)).map_err(fail)?;
    stream.write_all(&request().map_err(|error| format!("{address}: {error}"))?).map_err(fail)?;
    let mut size = [0; 4];
    stream.read_exact(&mut size).map_err(fail)?;
    let size = u32::from_be_bytes(size) as usize;
    if size > ANSWER_BYTES_MAX {
        return Err(format!("{address}: an answer of {size} bytes is none of Kafka's"));
    }
    let mut answer = vec![0; size];
    stream.read_exact(&mut answer).map_err(fail)?;
    response(Bytes::from(answer)).map_err(|error| format!("{address}: {error}"))
}

/// Whether a connection to `host:port` comes about; the system's words where none does.
pub(super) fn reach(address: &str) -> Result<TcpStream, String> {
    let found = address.to_socket_addrs().map_err(|error| error.to_string())?;
    let mut why = "no such host".to_owned();
    for place in found {
        match TcpStream::connect_timeout(&place, WAIT) {
            Ok(stream) => return Ok(stream),
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

/// An `ApiVersions` request, number 1 of its connection.
pub(super) fn request() -> Result<Vec<u8>, String> {
    let body = ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str("kbench"))
        .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
    framed(ApiKey::ApiVersions, REQUEST_VERSION, 1, &body)
}

/// A `Metadata` request for all topics, number 2 of its connection.
pub(super) fn metadata_request() -> Result<Vec<u8>, String> {
    framed(ApiKey::Metadata, METADATA_VERSION_ASKED, 2, &MetadataRequest::default())
}

fn framed(
    key: ApiKey,
    version: i16,
    number: i32,
    body: &impl Encodable,
) -> Result<Vec<u8>, String> {
    let header = RequestHeader::default()
        .with_request_api_key(key as i16)
        .with_request_api_version(version)
        .with_correlation_id(number)
        .with_client_id(Some(StrBytes::from_static_str("kbench")));
    let mut bytes = BytesMut::new();
    encode_request_header_into_buffer(&mut bytes, &header).map_err(|error| error.to_string())?;
    body.encode(&mut bytes, version).map_err(|error| error.to_string())?;
    let size = u32::try_from(bytes.len()).map_err(|error| error.to_string())?;
    Ok([&size.to_be_bytes(), bytes.as_ref()].concat())
}

fn response(mut answer: Bytes) -> Result<ApiVersionsResponse, String> {
    let refuse = |error: &dyn std::fmt::Display| format!("its answer can't be read: {error}");
    let header = ApiVersionsResponse::header_version(REQUEST_VERSION);
    ResponseHeader::decode(&mut answer, header).map_err(|error| refuse(&error))?;
    let response = ApiVersionsResponse::decode(&mut answer, REQUEST_VERSION)
        .map_err(|error| refuse(&error))?;
    match response.error_code {
        0 => Ok(response),
        code => Err(format!("it refuses to tell its version: error {code}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_has_the_name_of_its_release() {
        for (level, name) in [
            (3, "Kafka 3.3 or earlier"),
            (7, "Kafka 3.3"),
            (14, "Kafka 3.6"),
            (19, "Kafka 3.7"),
            (25, "Kafka 4.0"),
            (30, "Kafka 4.3"),
            (99, "Kafka later than 4.4"),
        ] {
            assert_eq!(kafka_release(level), name);
        }
        assert_eq!(kbench_release(10), "kbench 0.1.0");
        assert_eq!(kbench_release(2_137), "kbench 2.13.7");
    }

    #[test]
    fn what_is_no_kafka_is_unknown_and_says_why() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("7@{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
            let _ = stream.read(&mut [0; 1_024]);
        });
        let found = &of(std::slice::from_ref(&address), true)[0];
        assert_eq!((&found.broker, &found.release), (&address, &None));
        assert!(found.unknown.as_deref().is_some_and(|why| why.contains("none of Kafka's")));
        let found = &of(&["1@127.0.0.1:1".to_owned()], true)[0];
        assert!(found.unknown.is_some() && found.release.is_none());
        assert!(of(&[address], false)[0].unknown.as_deref().unwrap().contains("encrypted"));
    }
}
