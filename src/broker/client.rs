//! A client as its connection knows it.

use std::net::SocketAddr;

use super::seats::Standing;

/// Who asks.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: String,
    pub(super) address: SocketAddr,
    pub(super) standing: Standing,
}
