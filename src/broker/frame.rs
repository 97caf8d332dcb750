//! Requests off the wire, and answers onto it.

use std::io::IoSlice;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::protocol::{Encodable, HeaderVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::shared::Shared;

/// How long a connection may be silent, as Kafka's `connections.max.idle.ms`.
const IDLE_MAX: Duration = Duration::from_secs(600);

/// How long a request may take to arrive once it has begun.
const ARRIVAL_MAX: Duration = Duration::from_secs(60);

/// How long an answer may take to be taken. A client that is stopped for longer has to connect
/// again; one that never reads does not hold its answers in memory for ever.
const DEPARTURE_MAX: Duration = Duration::from_secs(120);

/// Requests up to this size are not counted while they arrive.
const SMALL_BYTES: usize = 64 * 1_024;

/// A read buffer that has grown beyond this is not kept.
const BUFFER_KEPT_BYTES: usize = 4 * 1_024 * 1_024;

/// Why no request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoFrame {
    /// The client is gone, or was silent for too long.
    Closed,
    /// It sent what is no request.
    Malformed,
}

/// Reads the next request, without its length. The buffer grows with what arrives, never by
/// what the client claims.
pub(super) async fn read(
    shared: &Shared,
    from: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
) -> Result<Bytes, NoFrame> {
    if buffer.is_empty() {
        if buffer.capacity() > BUFFER_KEPT_BYTES {
            *buffer = BytesMut::new();
        }
        fill(from, buffer, IDLE_MAX).await?;
    }
    match timeout(ARRIVAL_MAX, rest(shared, from, buffer)).await {
        Ok(frame) => frame,
        Err(_) => Err(NoFrame::Malformed),
    }
}

async fn rest(
    shared: &Shared,
    from: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
) -> Result<Bytes, NoFrame> {
    while buffer.len() < 4 {
        fill(from, buffer, ARRIVAL_MAX).await?;
    }
    let claimed = i32::from_be_bytes([buffer[0], buffer[1], buffer[2], buffer[3]]);
    let length = usize::try_from(claimed).map_err(|_| NoFrame::Malformed)?;
    if length > shared.config.request_bytes_max {
        return Err(NoFrame::Malformed);
    }
    let mut arriving = Arriving { shared, bytes: 0 };
    while buffer.len() < 4 + length {
        fill(from, buffer, ARRIVAL_MAX).await?;
        arriving.count(buffer.len())?;
    }
    buffer.advance(4);
    Ok(buffer.split_to(length).freeze())
}

/// What has arrived of a large request, in the sum over all connections. What a client claims
/// and does not send takes no room from the others.
struct Arriving<'a> {
    shared: &'a Shared,
    bytes: u64,
}

impl Arriving<'_> {
    fn count(&mut self, bytes: usize) -> Result<(), NoFrame> {
        if bytes <= SMALL_BYTES {
            return Ok(());
        }
        let more = (bytes as u64).saturating_sub(self.bytes);
        self.bytes += more;
        let all = self.shared.arriving_bytes.fetch_add(more, Ordering::Relaxed) + more;
        // The client will connect and try again; a wait could last until somebody else's request
        // is whole, which it may never be.
        if all > self.shared.arriving_bytes_max() { Err(NoFrame::Closed) } else { Ok(()) }
    }
}

impl Drop for Arriving<'_> {
    fn drop(&mut self) {
        self.shared.arriving_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

async fn fill(
    from: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
    patience: Duration,
) -> Result<(), NoFrame> {
    if buffer.capacity() - buffer.len() < 4_096 {
        // Doubling keeps the copying linear in what has arrived.
        buffer.reserve(buffer.len().max(SMALL_BYTES));
    }
    match timeout(patience, from.read_buf(buffer)).await {
        Ok(Ok(bytes)) if bytes > 0 => Ok(()),
        _ => Err(NoFrame::Closed),
    }
}

/// An answer as the pieces that make it up, length and header first.
pub(super) type Pieces = Vec<Bytes>;

/// Begins an answer: room for the length, the correlation id, and the tagged fields of a
/// flexible header.
pub(super) fn begin(correlation_id: i32, header_version: i16) -> BytesMut {
    let mut answer = BytesMut::with_capacity(256);
    answer.put_i32(0);
    answer.put_i32(correlation_id);
    if header_version >= 1 {
        answer.put_u8(0);
    }
    answer
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
