//! Places for connections, and what connections hold of requests that are not served yet.
//!
//! A limit alone would let a thousand silent strangers shut out everybody else. So where a limit
//! is reached, room is made: the connection goes that has been of no use for longest, one that
//! has never made a whole request before any other. Only where none can go is the newcomer
//! refused. The same holds for memory: what has arrived of requests, and waits for its rest or
//! for its answer, has a bound of its own, which is a part of the broker's.
//!
//! An address has a share of both that is less than the whole, so that one address that takes
//! all it can leaves something to the others.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// What every connection may hold without its being counted.
pub(super) const FREE_BYTES: usize = 4 * 1_024;

/// A request that has been arriving for less may be on its way, whatever others need.
const UNDER_WAY_MS: u64 = 1_000;

/// The bounds on all connections together, and on those of one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SeatLimits {
    pub(super) connections: u64,
    pub(super) connections_per_address: u64,
    pub(super) bytes: u64,
    pub(super) bytes_per_address: u64,
}

/// What is known of a client by what it has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Standing {
    /// It has not made a whole request.
    Stranger,
    /// It has made requests, but neither produces, nor fetches, nor is in a group.
    Guest,
    /// It produces, fetches or is in a group.
    Patron,
}

impl Standing {
    const fn of(number: u8) -> Self {
        match number {
            0 => Self::Stranger,
            1 => Self::Guest,
            _ => Self::Patron,
        }
    }

    /// How long a connection must have been of no use before it has to go for another. Clients
    /// come back by themselves when they want something again.
    const fn idle_min_ms(self) -> u64 {
        match self {
            Self::Stranger => 0,
            Self::Guest => 1_000,
            Self::Patron => 60_000,
        }
    }
}

/// How a connection is getting on: written by its task, read by those who look for room.
#[derive(Debug)]
struct ConnectionMarks {
    standing: AtomicU8,
    is_serving: AtomicBool,
    /// Since it connected, or since its last request was served.
    idle_since_ms: AtomicU64,
    leave: Notify,
}

impl ConnectionMarks {
    fn standing(&self) -> Standing {
        Standing::of(self.standing.load(Ordering::Relaxed))
    }

    /// The lower the sooner it goes; none while it is of use.
    fn rank(&self, now_ms: u64) -> Option<(Standing, u64)> {
        let standing = self.standing();
        let since_ms = self.idle_since_ms.load(Ordering::Relaxed);
        let is_idle = !self.is_serving.load(Ordering::Relaxed)
            && since_ms.saturating_add(standing.idle_min_ms()) <= now_ms;
        is_idle.then_some((standing, since_ms))
    }
}

#[derive(Debug)]
struct SeatPlace {
    address: IpAddr,
    marks: Arc<ConnectionMarks>,
    held_bytes: u64,
    /// Since when it holds anything.
    holds_since_ms: u64,
}

/// What one address has, or all.
#[derive(Debug, Default, Clone, Copy)]
struct Use {
    connections: u64,
    bytes: u64,
}

#[derive(Debug, Default)]
struct SeatCounts {
    next_id: u64,
    places: BTreeMap<u64, SeatPlace>,
    all: Use,
    by_address: BTreeMap<IpAddr, Use>,
    evicted: u64,
}

impl SeatCounts {
    fn of(&self, address: IpAddr) -> Use {
        self.by_address.get(&address).copied().unwrap_or_default()
    }

    fn remove(&mut self, id: u64) {
        let Some(place) = self.places.remove(&id) else {
            return;
        };
        self.all.connections -= 1;
        self.all.bytes -= place.held_bytes;
        if let Some(own) = self.by_address.get_mut(&place.address) {
            own.connections -= 1;
            own.bytes -= place.held_bytes;
            if own.connections == 0 {
                self.by_address.remove(&place.address);
            }
        }
    }

    /// Tells a connection to go; its place is free at once.
    fn evict(&mut self, id: u64) {
        if let Some(place) = self.places.get(&id) {
            place.marks.leave.notify_one();
            self.evicted += 1;
        }
        self.remove(id);
    }

    /// The connection that can best be spared, of one address or of all.
    fn idlest(&self, of: Option<IpAddr>, now_ms: u64) -> Option<u64> {
        let fits = |place: &SeatPlace| of.is_none_or(|address| place.address == address);
        let ranked =
            self.places.iter().filter(|(_, place)| fits(place)).filter_map(|(id, place)| {
                place.marks.rank(now_ms).map(|(standing, since_ms)| (standing, since_ms, *id))
            });
        ranked.min().map(|(_, _, id)| id)
    }

    /// The connection whose bytes can best be spared for one of this standing: a stranger's
    /// before any other's, and then what has been arriving for longest.
    fn slowest(&self, of: Option<IpAddr>, asker: Standing, now_ms: u64) -> Option<u64> {
        let can_go = |place: &SeatPlace| {
            let standing = place.marks.standing();
            let is_slow = place.holds_since_ms.saturating_add(UNDER_WAY_MS) <= now_ms;
            place.held_bytes > 0
                && of.is_none_or(|address| place.address == address)
                && (is_slow || (standing == Standing::Stranger && asker > standing))
        };
        let slow = self.places.iter().filter(|(_, place)| can_go(place)).map(|(id, place)| {
            (place.marks.standing().min(Standing::Guest), place.holds_since_ms, *id)
        });
        slow.min().map(|(_, _, id)| id)
    }
}

/// All places.
#[derive(Debug)]
pub(super) struct Seats {
    limits: SeatLimits,
    taken: Mutex<SeatCounts>,
}

/// Whether a connection may hold what it wants to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    Yes,
    /// There is no room now; there may be soon.
    NotNow,
    /// It has to go.
    Gone,
}

impl Seats {
    pub(super) const fn new(limits: SeatLimits) -> Self {
        let taken = SeatCounts {
            next_id: 0,
            places: BTreeMap::new(),
            all: Use { connections: 0, bytes: 0 },
            by_address: BTreeMap::new(),
            evicted: 0,
        };
        Self { limits, taken: Mutex::new(taken) }
    }

    /// The largest request that can arrive at all.
    pub(super) const fn request_bytes_max(&self) -> u64 {
        self.limits.bytes_per_address
    }

    /// Each step under it leaves the sums right.
    fn lock(&self) -> MutexGuard<'_, SeatCounts> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a newcomer; none when all are taken, and none can be spared.
    pub(super) fn open(self: &Arc<Self>, address: IpAddr, now_ms: u64) -> Option<Seat> {
        let mut taken = self.lock();
        if taken.of(address).connections >= self.limits.connections_per_address {
            let idlest = taken.idlest(Some(address), now_ms)?;
            taken.evict(idlest);
        }
        if taken.all.connections >= self.limits.connections {
            let idlest = taken.idlest(None, now_ms)?;
            taken.evict(idlest);
        }
        let marks = Arc::new(ConnectionMarks {
            standing: AtomicU8::new(Standing::Stranger as u8),
            is_serving: AtomicBool::new(false),
            idle_since_ms: AtomicU64::new(now_ms),
            leave: Notify::new(),
        });
        let id = taken.next_id;
        taken.next_id += 1;
        taken.all.connections += 1;
        taken.by_address.entry(address).or_default().connections += 1;
        let place =
            SeatPlace { address, marks: Arc::clone(&marks), held_bytes: 0, holds_since_ms: 0 };
        taken.places.insert(id, place);
        Some(Seat { id, marks, held_bytes: AtomicU64::new(0), seats: Arc::clone(self) })
    }

    /// Sends away the connection that can best be spared, where the process itself can't take
    /// one more.
    pub(super) fn spare_one(&self, now_ms: u64) {
        let mut taken = self.lock();
        if let Some(idlest) = taken.idlest(None, now_ms) {
            taken.evict(idlest);
        }
    }

    /// Open connections, those sent away for others since the start, and the bytes that
    /// connections hold.
    pub(super) fn figures(&self) -> (u64, u64, u64) {
        let taken = self.lock();
        (taken.all.connections, taken.evicted, taken.all.bytes)
    }

    fn hold(&self, id: u64, bytes: u64, now_ms: u64) -> Hold {
        let mut taken = self.lock();
        loop {
            let Some(place) = taken.places.get(&id) else {
                return Hold::Gone;
            };
            let (address, before) = (place.address, place.held_bytes);
            let asker = place.marks.standing();
            let more = bytes.saturating_sub(before);
            let own = taken.of(address).bytes + more > self.limits.bytes_per_address;
            if more == 0 || (!own && taken.all.bytes + more <= self.limits.bytes) {
                taken.set_held(id, bytes, now_ms);
                return Hold::Yes;
            }
            match taken.slowest(own.then_some(address), asker, now_ms) {
                Some(slowest) => taken.evict(slowest),
                None => return Hold::NotNow,
            }
        }
    }
}

impl SeatCounts {
    fn set_held(&mut self, id: u64, bytes: u64, now_ms: u64) {
        let Some(place) = self.places.get_mut(&id) else {
            return;
        };
        if place.held_bytes == 0 {
            place.holds_since_ms = now_ms;
        }
        let before = std::mem::replace(&mut place.held_bytes, bytes);
        self.all.bytes = self.all.bytes - before + bytes;
        if let Some(own) = self.by_address.get_mut(&place.address) {
            own.bytes = own.bytes - before + bytes;
        }
    }
}

/// One connection's place; it comes free when this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    id: u64,
    marks: Arc<ConnectionMarks>,
    /// As the place has it, for as long as there is one.
    held_bytes: AtomicU64,
    seats: Arc<Seats>,
}

impl Seat {
    /// Waits until this connection has to go.
    pub(super) async fn has_to_go(&self) {
        self.marks.leave.notified().await;
    }

    pub(super) fn standing(&self) -> Standing {
        self.marks.standing()
    }

    /// A whole request is being served.
    pub(super) fn begin(&self) {
        self.marks.is_serving.store(true, Ordering::Relaxed);
    }

    /// It is served.
    pub(super) fn end(&self, standing: Standing, now_ms: u64) {
        self.marks.idle_since_ms.store(now_ms, Ordering::Relaxed);
        self.marks.standing.fetch_max(standing as u8, Ordering::Relaxed);
        self.marks.is_serving.store(false, Ordering::Relaxed);
    }

    /// Sets what this connection holds, in bytes.
    pub(super) fn hold(&self, bytes: usize, now_ms: u64) -> Hold {
        let bytes = bytes.saturating_sub(FREE_BYTES) as u64;
        // Mostly nothing, before and after: without the lock.
        if self.held_bytes.load(Ordering::Relaxed) == bytes {
            return Hold::Yes;
        }
        let held = self.seats.hold(self.id, bytes, now_ms);
        if held == Hold::Yes {
            self.held_bytes.store(bytes, Ordering::Relaxed);
        }
        held
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.lock().remove(self.id);
    }
}

#[cfg(test)]
mod tests;
