//! What goes out and what comes in, against a socket of this process.

use std::net::{TcpListener, TcpStream as Plain};
use std::time::Duration;

use kafka_protocol::messages::{MetadataRequest, RequestKind};
use kafka_protocol::protocol::{Decodable, decode_request_header_from_buffer};

use super::*;

const MOST: usize = 8 << 20;

/// A connection and its other end.
fn pair() -> (Connection, Plain) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client_id = Some(StrBytes::from_static_str("kb"));
    let connection = Connection::connect(listener.local_addr().unwrap(), client_id, MOST).unwrap();
    let (peer, _) = listener.accept().unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    while !connection.is_connected().unwrap() {
        std::thread::yield_now();
    }
    (connection, peer)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

/// Writes all of it, as the socket takes it.
fn write(connection: &mut Connection) {
    while !connection.write_some().unwrap() {
        std::thread::yield_now();
    }
}

/// Reads until so many answers are there, or an error.
fn read(connection: &mut Connection, count: usize) -> io::Result<Vec<Answer>> {
    let mut answers = Vec::new();
    let until = soon();
    while answers.len() < count {
        connection.read_some(&mut answers, false)?;
        assert!(Instant::now() < until, "{} of {count} answers", answers.len());
    }
    Ok(answers)
}

/// A framed answer of this id and so many bytes behind it.
fn framed(id: i32, body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len() + 4).unwrap();
    [&length.to_be_bytes()[..], &id.to_be_bytes(), body].concat()
}

#[test]
fn a_request_arrives_as_the_codec_reads_it_and_pieces_arrive_joined_in_order() {
    let (mut connection, mut peer) = pair();
    let id = connection.send(4, &MetadataRequest::default(), soon()).unwrap();
    let (other, head) = connection.begin(ApiKey::Produce, 9).unwrap();
    let large = Bytes::from((0..3_000_000_u32).map(|n| n as u8).collect::<Vec<_>>());
    let pieces = vec![head.freeze(), Bytes::from_static(b"ab"), large.clone()];
    connection.finish((other, ApiKey::Produce, 9), pieces, None).unwrap();
    assert_eq!((id, other, connection.awaited().len()), (1, 2, 1));
    assert!(!connection.is_whole(&connection.awaited()[0]));
    let reader = std::thread::spawn(move || {
        let mut frame = || {
            let mut length = [0; 4];
            peer.read_exact(&mut length).unwrap();
            let mut frame = vec![0; u32::from_be_bytes(length) as usize];
            peer.read_exact(&mut frame).unwrap();
            Bytes::from(frame)
        };
        (frame(), frame())
    });
    write(&mut connection);
    assert!(connection.is_whole(&connection.awaited()[0]));
    let (mut first, mut second) = reader.join().unwrap();
    let header = decode_request_header_from_buffer(&mut first).unwrap();
    assert_eq!((header.correlation_id, header.request_api_version), (1, 4));
    assert_eq!(header.client_id.as_deref(), Some("kb"));
    assert_eq!(MetadataRequest::decode(&mut first, 4).unwrap(), MetadataRequest::default());
    let header = decode_request_header_from_buffer(&mut second).unwrap();
    assert_eq!((header.correlation_id, header.request_api_key), (2, 0));
    assert!(second.starts_with(b"ab") && second[2..] == large);
    assert!(RequestKind::decode(ApiKey::Produce, &mut second, 9).is_err(), "no Produce at all");
}

#[test]
fn answers_are_cut_however_they_arrive_and_their_memory_is_used_again() {
    let (mut connection, mut peer) = pair();
    let bodies: Vec<Vec<u8>> = [1, 40_000, 5, 0, 2_500_000, 17, 16_380, 16_384]
        .iter()
        .map(|length| (0..*length).map(|n: u32| (n * 7) as u8).collect())
        .collect();
    for piece in [usize::MAX, 70_001, 3] {
        let ids: Vec<i32> = bodies
            .iter()
            .map(|_| connection.send(0, &MetadataRequest::default(), soon()).unwrap())
            .collect();
        write(&mut connection);
        let short = piece == 3;
        let kept = bodies.iter().zip(ids).filter(|(body, _)| !short || body.len() < 20_000);
        // Small pieces for small answers: those of three bytes would take a day for the others.
        let kept: Vec<_> = kept.collect();
        let bytes: Vec<u8> = kept.iter().flat_map(|(body, id)| framed(*id, body)).collect();
        if short {
            let left: Vec<i32> = kept.iter().map(|(_, id)| *id).collect();
            connection.awaited.retain(|awaited| left.contains(&awaited.id));
        }
        let mut far = peer.try_clone().unwrap();
        let writer = std::thread::spawn(move || {
            bytes.chunks(piece.min(bytes.len())).for_each(|chunk| far.write_all(chunk).unwrap());
        });
        let answers = read(&mut connection, kept.len()).unwrap();
        writer.join().unwrap();
        for (answer, (body, id)) in answers.into_iter().zip(kept) {
            assert_eq!((answer.id, answer.body()), (id, Some(body.as_slice())));
            connection.recycle(answer.into_bytes());
        }
        assert!(!connection.spare.is_empty() && connection.spare.len() <= SPARE_BUFFERS);
    }
    peer.write_all(&[0]).unwrap();
    drop(peer);
    let closed = read(&mut connection, 1).unwrap_err();
    assert!(matches!(closed.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset));
}

#[test]
fn what_is_no_answer_to_what_was_asked_ends_the_connection() {
    let refused = |bytes: &[u8]| {
        let (mut connection, mut peer) = pair();
        connection.send(0, &MetadataRequest::default(), soon()).unwrap();
        write(&mut connection);
        peer.write_all(bytes).unwrap();
        let error = read(&mut connection, 2).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        error.to_string()
    };
    // What was asked is still without an answer, and may have been done.
    let (mut connection, mut peer) = pair();
    let id = connection.send(0, &MetadataRequest::default(), soon()).unwrap();
    write(&mut connection);
    peer.write_all(&framed(7, b"x")).unwrap();
    read(&mut connection, 2).unwrap_err();
    assert_eq!(connection.awaited().iter().map(|it| it.id).collect::<Vec<_>>(), [id]);
    assert!(refused(&framed(7, b"x")).contains("request 7 came; expected that to request 1"));
    assert!(refused(&[framed(1, b""), framed(2, b"")].concat()).contains("none was awaited"));
    let most = i32::try_from(MOST + 1).unwrap();
    for length in [i32::MIN, -1, 0, 3, most, i32::MAX] {
        let told = refused(&length.to_be_bytes());
        assert!(told.contains("is none of Kafka's"), "{length}: {told}");
    }
    assert!(refused(b"HTTP/1.1 400 Bad Request\r\n").contains("none of Kafka's"));
}

/// The end comes together with the last answer, and is told of once.
#[test]
fn the_end_behind_an_answer_is_seen_at_once_where_the_socket_has_told_of_it() {
    let (mut connection, mut peer) = pair();
    connection.send(0, &MetadataRequest::default(), soon()).unwrap();
    write(&mut connection);
    peer.write_all(&framed(1, b"x")).unwrap();
    peer.shutdown(std::net::Shutdown::Write).unwrap();
    // Until both have arrived.
    std::thread::sleep(Duration::from_millis(50));
    let mut answers = Vec::new();
    let end = connection.read_some(&mut answers, true).unwrap_err();
    assert_eq!((end.kind(), answers.len()), (io::ErrorKind::UnexpectedEof, 1));
}

#[test]
fn memory_grows_with_what_arrives_and_not_with_what_is_claimed() {
    let (mut connection, mut peer) = pair();
    connection.send(0, &MetadataRequest::default(), soon()).unwrap();
    write(&mut connection);
    let claimed = i32::try_from(MOST).unwrap().to_be_bytes();
    peer.write_all(&[&claimed[..], &1_i32.to_be_bytes(), &[0; 100]].concat()).unwrap();
    let until = soon();
    while connection.arriving.is_none() && Instant::now() < until {
        connection.read_some(&mut Vec::new(), false).unwrap();
    }
    assert!(connection.arriving.as_ref().unwrap().bytes.capacity() <= 1 << 20);
}
