//! Which broker is to be asked for which partitions.

use std::time::Instant;

use super::fetch_session::FetchPlace;
use super::metadata::ClusterView;
use super::places::{PlaceState, ReadPlaces};

/// What is wanted of one broker.
#[derive(Debug, Default)]
pub(super) struct WantedOfBroker {
    /// Partitions to be fetched, and the turns of their places.
    pub(super) places: Vec<FetchPlace>,
    pub(super) turns: Vec<(i32, u32)>,
    /// Partitions that are to begin at one of their ends, with their turns.
    pub(super) to_reset: Vec<(i32, u32)>,
}

/// What is wanted of each broker, and whether a partition has nobody to be asked for it.
pub(super) fn wanted(
    places: &ReadPlaces,
    view: &ClusterView,
    now: Instant,
) -> (Vec<(i32, WantedOfBroker)>, bool) {
    let mut wanted: Vec<(i32, WantedOfBroker)> = Vec::new();
    let mut is_lacking = false;
    for (partition, place) in places.had() {
        let is_active = matches!(place.state, PlaceState::Reading | PlaceState::ToReset);
        if !is_active || place.not_before > now {
            continue;
        }
        let leader = usize::try_from(partition).ok().and_then(|index| view.leaders().get(index));
        let leader_epoch = leader.map_or(-1, |leader| leader.epoch);
        let broker = place.replica.or_else(|| leader.and_then(|leader| leader.broker));
        let Some(broker) = broker else {
            is_lacking = true;
            continue;
        };
        let index = wanted.iter().position(|(other, _)| *other == broker);
        let index = index.unwrap_or_else(|| {
            wanted.push((broker, WantedOfBroker::default()));
            wanted.len() - 1
        });
        let of = &mut wanted[index].1;
        if place.state == PlaceState::ToReset {
            of.to_reset.push((partition, place.turn));
        } else {
            let offset = place.fetch_offset;
            of.places.push(FetchPlace { partition, offset, leader_epoch });
            of.turns.push((partition, place.turn));
        }
    }
    (wanted, is_lacking)
}
