//! What is at an address that no plain Kafka client gets on with: looked at by ourselves, since
//! librdkafka only says that the connection broke.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::version::{self, reach};

/// Longest wait for a connection, and for an answer.
const WAIT: Duration = Duration::from_secs(2);

/// The first bytes of an answer that are looked at.
const LOOKED_AT: usize = 16;

/// How a TLS server answers what is not TLS: a record of kind 21 (an alert) of version 3.x
/// (RFC 8446, section 5.1).
const TLS_ALERT: [u8; 2] = [0x15, 0x03];

/// Why no plain client gets on there, if that can be told: of the first address of a
/// comma-separated list that says something.
pub(super) fn look(bootstrap: &str) -> Option<String> {
    bootstrap.split(',').take(3).find_map(|address| {
        let address = address.trim();
        let address = address.split_once("://").map_or(address, |(_, rest)| rest);
        look_at(address).map(|words| format!("{address} {words}"))
    })
}

fn look_at(address: &str) -> Option<String> {
    let mut stream = reach(address).ok()?;
    stream.set_read_timeout(Some(WAIT)).ok()?;
    stream.set_write_timeout(Some(WAIT)).ok()?;
    match ask(&mut stream, &version::request().ok()?) {
        AddressAnswer::Silence => Some(format!(
            "takes connections and says nothing within {} s: is it Kafka's port?",
            WAIT.as_secs()
        )),
        AddressAnswer::Closed => Some(
            "closes the connection at Kafka's first request: is it Kafka's port, or one for TLS \
             (security.protocol=ssl or sasl_ssl)?"
                .to_owned(),
        ),
        AddressAnswer::Bytes(bytes) if bytes.starts_with(&TLS_ALERT) => Some(
            "looks like TLS: it answers with an alert; expected security.protocol=ssl or sasl_ssl"
                .to_owned(),
        ),
        AddressAnswer::Bytes(bytes) if bytes.starts_with(b"HTTP/") => {
            Some("is an HTTP server; expected Kafka's own port".to_owned())
        }
        // Kafka's answer begins with its length, below 64 KiB, and the number of the request.
        AddressAnswer::Bytes(bytes)
            if bytes.starts_with(&[0, 0]) && bytes[4..8] == [0, 0, 0, 1] =>
        {
            wants_sasl(&mut stream)
        }
        AddressAnswer::Bytes(bytes) => Some(format!(
            "answers with {:?}, which is not Kafka's protocol",
            String::from_utf8_lossy(&bytes)
        )),
    }
}

/// Kafka answers `ApiVersions` to everybody; where SASL is asked for, the next request of a client
/// that has not said who it is ends the connection.
fn wants_sasl(stream: &mut TcpStream) -> Option<String> {
    let closed = matches!(ask(stream, &version::metadata_request().ok()?), AddressAnswer::Closed);
    closed.then(|| {
        "wants to know who asks: it looks like SASL; expected security.protocol=sasl_plaintext \
         with sasl.mechanism, sasl.username and sasl.password"
            .to_owned()
    })
}

enum AddressAnswer {
    Silence,
    Closed,
    /// At least eight bytes, or all there were.
    Bytes(Vec<u8>),
}

/// The start of the answer to a request; where it is Kafka's, the rest of it is read, too.
fn ask(stream: &mut TcpStream, request: &[u8]) -> AddressAnswer {
    if stream.write_all(request).is_err() {
        return AddressAnswer::Closed;
    }
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4_096]);
    while bytes.len() < 8 || bytes.len() < framed(&bytes) {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) if is_patience(&error) => {
                return if bytes.is_empty() { AddressAnswer::Silence } else { shown(bytes) };
            }
            Err(_) => break,
        }
    }
    if bytes.is_empty() { AddressAnswer::Closed } else { shown(bytes) }
}

/// How long an answer is whose length stands before it, as Kafka's do.
fn framed(bytes: &[u8]) -> usize {
    match bytes {
        [0, 0, high, low, ..] => 4 + usize::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    }
}

fn shown(mut bytes: Vec<u8>) -> AddressAnswer {
    bytes.truncate(LOOKED_AT);
    bytes.resize(bytes.len().max(8), 0);
    AddressAnswer::Bytes(bytes)
}

fn is_patience(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// What is said of a server that gives these answers, one to each request, and then closes.
    fn said_of(answers: &'static [&'static [u8]]) -> Option<String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for answer in answers {
                let _ = stream.read(&mut [0; 1_024]);
                stream.write_all(answer).unwrap();
            }
            let _ = stream.read(&mut [0; 1_024]);
        });
        let words = look(&format!("PLAINTEXT://{address}"));
        server.join().unwrap();
        words.map(|words| words.replace(&address, "it"))
    }

    const API_VERSIONS: &[u8] = &[0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];

    #[test]
    fn a_server_that_is_not_plain_kafka_is_told_by_its_first_bytes() {
        let tls = said_of(&[&[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46]]).unwrap();
        assert!(tls.starts_with("it looks like TLS"), "{tls}");
        assert!(tls.ends_with("expected security.protocol=ssl or sasl_ssl"), "{tls}");
        let http = said_of(&[b"HTTP/1.1 400 Bad Request\r\n\r\n"]).unwrap();
        assert_eq!(http, "it is an HTTP server; expected Kafka's own port");
        let ssh = said_of(&[b"SSH-2.0-x"]).unwrap();
        assert_eq!(ssh, "it answers with \"SSH-2.0-x\", which is not Kafka's protocol");
        let closed = said_of(&[]).unwrap();
        assert!(closed.starts_with("it closes the connection"), "{closed}");
    }

    #[test]
    fn kafka_that_closes_at_the_second_request_wants_sasl() {
        let sasl = said_of(&[API_VERSIONS]).unwrap();
        assert!(sasl.contains("looks like SASL; expected security.protocol=sasl_"), "{sasl}");
        // One that goes on is plain: whatever failed, it was not that.
        assert_eq!(said_of(&[API_VERSIONS, API_VERSIONS]), None);
    }

    #[test]
    fn where_nobody_listens_there_is_nothing_to_say() {
        assert_eq!(look("127.0.0.1:1"), None);
        assert!(reach("127.0.0.1:1").unwrap_err().contains("refused"));
        assert!(reach("no such host:1").is_err());
    }
}
