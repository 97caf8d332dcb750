//! Requests off the wire, and answers onto it.

use std::io::IoSlice;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::protocol::{Encodable, HeaderVersion};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::seats::{FREE_BYTES, Hold, Seat, Standing};
use super::shared::BrokerState;

/// How long an answer may take to be taken. A client that is stopped for longer has to connect
/// again; one that never reads does not hold its answers in memory for ever.
const DEPARTURE_MAX: Duration = Duration::from_secs(120);

/// How often a request that there is no room for looks again.
const ROOM_LOOK: Duration = Duration::from_millis(10);

/// A large request's memory begins with this at most, and then grows with what arrives.
const LARGE_BYTES: usize = 1_024 * 1_024;

/// How much of a large request is read at a time.
const CHUNK_BYTES: usize = 128 * 1_024;

/// Why no request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoFrame {
    /// The client is gone, or has to go.
    Closed,
    /// It was silent for too long, or took too long for a request.
    Late,
    /// It sent what is not a request.
    Malformed,
}

/// Reads the next request, without its length. `buffer` takes the beginnings, and small requests
/// whole; a larger one gets memory of its own, which is free again once it is served. That grows
/// with what arrives, never by what the client claims, and is counted before it is filled.
pub(super) async fn read(
    shared: &BrokerState,
    seat: &Seat,
    from: &mut TcpStream,
    buffer: &mut BytesMut,
) -> Result<Bytes, NoFrame> {
    let arrival_max = Duration::from_millis(shared.config.request_arrival_max_ms);
    // Every client begins with a request: who says nothing is none.
    let idle_max = match seat.standing() {
        Standing::Stranger => arrival_max,
        _ => Duration::from_millis(shared.config.connections_idle_max_ms),
    };
    if buffer.is_empty() {
        timeout(idle_max, fill(from, buffer)).await.map_err(|_| NoFrame::Late)??;
    }
    let frame = timeout(arrival_max, rest(shared, seat, from, buffer)).await;
    frame.unwrap_or(Err(NoFrame::Late))
}

async fn rest(
    shared: &BrokerState,
    seat: &Seat,
    from: &mut TcpStream,
    buffer: &mut BytesMut,
) -> Result<Bytes, NoFrame> {
    while buffer.len() < 4 {
        fill(from, buffer).await?;
    }
    let claimed = i32::from_be_bytes([buffer[0], buffer[1], buffer[2], buffer[3]]);
    let length = usize::try_from(claimed).map_err(|_| NoFrame::Malformed)?;
    if length > shared.request_bytes_max() {
        return Err(NoFrame::Malformed);
    }
    if shared.faults.cuts_request() {
        return Err(NoFrame::Closed);
    }
    let whole = 4 + length;
    if whole > FREE_BYTES {
        return large(shared, seat, from, buffer, whole).await;
    }
    while buffer.len() < whole {
        fill(from, buffer).await?;
    }
    buffer.advance(4);
    Ok(buffer.split_to(length).freeze())
}

/// Reads once into what is left of the free bytes. By the runtime's own read: that takes what
/// comes short for the end of what is there, and saves the system call that would say so.
async fn fill(from: &mut TcpStream, buffer: &mut BytesMut) -> Result<(), NoFrame> {
    let room = FREE_BYTES - buffer.len();
    buffer.reserve(room);
    match from.read_buf(&mut buffer.limit(room)).await {
        Ok(bytes) if bytes > 0 => Ok(()),
        _ => Err(NoFrame::Closed),
    }
}

/// Reads the rest of a request that `buffer` has the beginning of, and nothing but that.
async fn large(
    shared: &BrokerState,
    seat: &Seat,
    from: &TcpStream,
    buffer: &mut BytesMut,
    whole: usize,
) -> Result<Bytes, NoFrame> {
    let mut frame = BytesMut::with_capacity(whole.min(LARGE_BYTES));
    frame.put_slice(buffer);
    buffer.clear();
    while frame.len() < whole {
        from.readable().await.map_err(|_| NoFrame::Closed)?;
        let room = (whole - frame.len()).min(CHUNK_BYTES);
        hold(shared, seat, frame.len() + room).await?;
        read_some(from, &mut frame, room)?;
        hold(shared, seat, frame.len()).await?;
    }
    frame.advance(4);
    Ok(frame.freeze())
}

/// Counts what has arrived as held; waits where there is no room, and the client with it.
pub(super) async fn hold(shared: &BrokerState, seat: &Seat, bytes: usize) -> Result<(), NoFrame> {
    loop {
        match seat.hold(bytes, shared.now_ms()) {
            Hold::Yes => return Ok(()),
            Hold::Gone => return Err(NoFrame::Closed),
            Hold::NotNow => sleep(ROOM_LOOK).await,
        }
    }
}

/// Reads what is there, at most `bytes_max`; false when nothing is.
fn read_some(from: &TcpStream, buffer: &mut BytesMut, bytes_max: usize) -> Result<bool, NoFrame> {
    // Grows by doubling, which keeps the copying linear in what has arrived.
    buffer.reserve(bytes_max);
    match from.try_read_buf(&mut buffer.limit(bytes_max)) {
        Ok(0) => Err(NoFrame::Closed),
        Ok(_) => Ok(true),
        // It was ready no longer.
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(false),
        Err(_) => Err(NoFrame::Closed),
    }
}

/// An answer as the pieces that make it up, length and header first.
pub(super) type Pieces = Vec<Bytes>;

/// Begins an answer: room for the length, the correlation id, and the tagged fields of a
/// flexible header.
pub(super) fn begin(correlation_id: i32, header_version: i16) -> BytesMut {
    let mut answer = BytesMut::with_capacity(256);
    begin_into(&mut answer, correlation_id, header_version);
    answer
}

/// The same into memory of the caller's.
pub(super) fn begin_into(answer: &mut BytesMut, correlation_id: i32, header_version: i16) {
    answer.put_i32(0);
    answer.put_i32(correlation_id);
    if header_version >= 1 {
        answer.put_u8(0);
    }
}

/// Writes the length, which is that of `answer` and of `more` bytes that follow it.
pub(super) fn finish(mut answer: BytesMut, more: usize) -> Option<Bytes> {
    let length = i32::try_from(answer.len() - 4 + more).ok()?;
    answer[0..4].copy_from_slice(&length.to_be_bytes());
    Some(answer.freeze())
}

/// Encodes an answer; none when the codec can't.
pub(super) fn encode<R: Encodable + HeaderVersion>(
    correlation_id: i32,
    version: i16,
    response: &R,
) -> Option<Pieces> {
    let mut answer = begin(correlation_id, R::header_version(version));
    response.encode(&mut answer, version).ok()?;
    finish(answer, 0).map(|answer| vec![answer])
}

/// Writes an answer without joining its pieces; false when the client does not take it.
pub(super) async fn write(to: &mut (impl AsyncWrite + Unpin), pieces: &[Bytes]) -> bool {
    matches!(timeout(DEPARTURE_MAX, write_all(to, pieces)).await, Ok(Ok(())))
}

async fn write_all(
    to: &mut (impl AsyncWrite + Unpin),
    mut pieces: &[Bytes],
) -> std::io::Result<()> {
    /// As many pieces as one system call takes with a small array on the stack.
    const AT_ONCE: usize = 32;
    let mut done = 0;
    loop {
        while pieces.first().is_some_and(|piece| piece.len() == done) {
            pieces = &pieces[1..];
            done = 0;
        }
        let Some(first) = pieces.first() else {
            return Ok(());
        };
        let mut slices = [IoSlice::new(&[]); AT_ONCE];
        slices[0] = IoSlice::new(&first[done..]);
        for (slice, piece) in slices.iter_mut().zip(pieces).skip(1) {
            *slice = IoSlice::new(piece);
        }
        let mut written = to.write_vectored(&slices[..pieces.len().min(AT_ONCE)]).await?;
        if written == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        while let Some(first) = pieces.first() {
            let left = first.len() - done;
            if written < left {
                break;
            }
            written -= left;
            pieces = &pieces[1..];
            done = 0;
        }
        done += written;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pieces_arrive_whole_and_in_order_through_a_narrow_pipe() {
        let pieces: Pieces =
            (0..200_u8).map(|n| Bytes::from(vec![n; usize::from(n) * 7])).collect();
        let whole: Vec<u8> = pieces.iter().flatten().copied().collect();
        let (mut near, mut far) = tokio::io::duplex(1_000);
        let writer = tokio::spawn(async move { write(&mut near, &pieces).await });
        let mut read = Vec::new();
        far.read_to_end(&mut read).await.unwrap();
        assert!(writer.await.unwrap());
        assert_eq!(read, whole);
    }
}
