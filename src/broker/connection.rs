//! Connections: one task each, one request at a time, answers in the order of the requests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use super::client::Client;
use super::dispatch::{self, DispatchOutcome};
use super::frame::{self, NoFrame};
use super::seats::{FREE_BYTES, Seat, Standing};
use super::shared::BrokerState;
use super::stats::add;

/// Takes connections until the runtime ends.
pub(super) async fn accept(shared: Arc<BrokerState>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => take(&shared, stream, address),
            // Out of file descriptors, mostly: the newcomer waits until one is free.
            Err(_) => {
                shared.seats.spare_one(shared.now_ms());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

fn take(shared: &Arc<BrokerState>, stream: TcpStream, address: SocketAddr) {
    let Some(seat) = shared.seats.open(address.ip(), shared.now_ms()) else {
        add(&shared.counters.connections_refused, 1);
        return;
    };
    add(&shared.counters.connections_accepted, 1);
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let mut drops = shared.faults.drops();
        // The seat is owned here, so that it comes free also when the task panics or is dropped.
        tokio::select! {
            () = converse(&shared, &seat, stream, address) => {}
            () = seat.has_to_go() => {}
            _ = drops.changed() => {}
        }
    });
}

async fn converse(
    shared: &Arc<BrokerState>,
    seat: &Seat,
    mut stream: TcpStream,
    address: SocketAddr,
) {
    // Without it, small answers wait for the client's acknowledgement.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let mut client = Client { id: String::new(), address, standing: Standing::Stranger };
    let mut buffer = BytesMut::new();
    loop {
        let frame = match frame::read(shared, seat, &mut stream, &mut buffer).await {
            Ok(frame) => frame,
            Err(NoFrame::Malformed) => break add(&shared.counters.protocol_errors, 1),
            Err(NoFrame::Late) => break add(&shared.counters.connections_timed_out, 1),
            Err(NoFrame::Closed) => break,
        };
        seat.begin();
        let served = dispatch::serve(shared, &mut client, frame);
        let outcome = unless_gone(served, &mut stream, &mut buffer).await;
        seat.end(client.standing, shared.now_ms());
        let is_well = match outcome {
            Some(DispatchOutcome::Answer(pieces)) => frame::write(&mut stream, &pieces).await,
            Some(DispatchOutcome::LastAnswer(pieces)) => {
                frame::write(&mut stream, &pieces).await;
                false
            }
            Some(DispatchOutcome::Silence) => true,
            Some(DispatchOutcome::Malformed) => break add(&shared.counters.protocol_errors, 1),
            Some(DispatchOutcome::Close) | None => false,
        };
        if !is_well || frame::hold(shared, seat, buffer.len()).await.is_err() {
            break;
        }
    }
}

/// Waits for the outcome, unless the client hangs up meanwhile. Reading on notices that; later
/// requests are left to TCP beyond the free bytes.
async fn unless_gone(
    served: impl Future<Output = DispatchOutcome>,
    stream: &mut TcpStream,
    buffer: &mut BytesMut,
) -> Option<DispatchOutcome> {
    tokio::pin!(served);
    loop {
        let room = FREE_BYTES.saturating_sub(buffer.len());
        let mut ahead = (&mut *buffer).limit(room);
        tokio::select! {
            biased;
            outcome = &mut served => return Some(outcome),
            read = stream.read_buf(&mut ahead), if room > 0 => {
                if !matches!(read, Ok(bytes) if bytes > 0) {
                    return None;
                }
            }
        }
    }
}
