//! Connections: one task each, one request at a time, answers in the order of the requests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use super::dispatch::{self, Outcome};
use super::frame::{self, NoFrame};
use super::shared::Shared;
use super::stats::add;

/// How many bytes of later requests are read while one waits. Reading on notices a client that
/// is gone; the limit leaves the rest to TCP.
const READ_AHEAD_BYTES: usize = 64 * 1_024;

/// Who asks.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: String,
    pub(super) address: SocketAddr,
}

/// Takes connections until the runtime ends.
pub(super) async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => take(&shared, stream, address),
            // Out of file descriptors, mostly: closing connections will free some.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

fn take(shared: &Arc<Shared>, stream: TcpStream, address: SocketAddr) {
    let counters = &shared.counters;
    if counters.connections.load(Ordering::Relaxed) >= shared.config.connections_max {
        add(&counters.connections_refused, 1);
        return;
    }
    add(&counters.connections_accepted, 1);
    add(&counters.connections, 1);
    let shared = Arc::clone(shared);
    let open = Open(Arc::clone(&shared));
    tokio::spawn(async move {
        // Moved in, so that it also counts down when the task panics or is dropped.
        let _open = open;
        let mut drops = shared.faults.drops();
        tokio::select! {
            () = converse(&shared, stream, address) => {}
            _ = drops.changed() => {}
        }
    });
}

/// A connection in the count of those that are open.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.counters.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn converse(shared: &Arc<Shared>, mut stream: TcpStream, address: SocketAddr) {
    // Without it, small answers wait for the client's acknowledgement.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let mut client = Client { id: String::new(), address };
    let mut buffer = BytesMut::with_capacity(16 * 1_024);
    loop {
        let frame = match frame::read(shared, &mut stream, &mut buffer).await {
            Ok(frame) => frame,
            Err(NoFrame::Malformed) => break add(&shared.counters.protocol_errors, 1),
            Err(NoFrame::Closed) => break,
        };
        let served = dispatch::serve(shared, &mut client, frame);
        match unless_gone(served, &mut stream, &mut buffer).await {
            Some(Outcome::Answer(pieces)) => {
                if !frame::write(&mut stream, &pieces).await {
                    break;
                }
            }
            Some(Outcome::Silence) => {}
            Some(Outcome::Malformed) => break add(&shared.counters.protocol_errors, 1),
            Some(Outcome::Close) | None => break,
        }
    }
}

/// Waits for the outcome, unless the client hangs up meanwhile.
async fn unless_gone(
    served: impl Future<Output = Outcome>,
    stream: &mut TcpStream,
    buffer: &mut BytesMut,
) -> Option<Outcome> {
    tokio::pin!(served);
    loop {
        tokio::select! {
            biased;
            outcome = &mut served => return Some(outcome),
            read = stream.read_buf(buffer), if buffer.len() < READ_AHEAD_BYTES => {
                if !matches!(read, Ok(bytes) if bytes > 0) {
                    return None;
                }
            }
        }
    }
}
