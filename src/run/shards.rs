//! What the producers' threads leave behind.

use crate::base::clock::Promptness;
use crate::load::generate::SessionStats;
use crate::measure::verify::books::Books;
use crate::workers::produce::{ShardResult, Sink};

/// That of all of them, by shard.
#[derive(Default)]
pub(super) struct Shards {
    pub(super) books: Vec<Books>,
    pub(super) sessions: SessionStats,
    /// Still open.
    pub(super) sinks: Vec<Box<dyn Sink>>,
    /// The worst of them.
    pub(super) promptness: Promptness,
}

impl Shards {
    pub(super) fn of(done: Vec<ShardResult>) -> Self {
        done.into_iter().fold(Self::default(), |mut all, shard| {
            all.promptness = all.promptness.or_worse(shard.promptness);
            all.books.push(shard.books);
            all.sessions.merge(&shard.sessions);
            all.sinks.push(shard.sink);
            all
        })
    }
}
