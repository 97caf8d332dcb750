use std::net::Ipv4Addr;

use super::*;

const KIB: usize = 1_024;

fn seats() -> Arc<Seats> {
    Arc::new(Seats::new(SeatLimits {
        connections: 6,
        connections_per_address: 4,
        bytes: 600 * KIB as u64,
        bytes_per_address: 400 * KIB as u64,
    }))
}

fn address(host: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, host).into()
}

fn is_gone(seat: &Seat) -> bool {
    !seat.seats.lock().places.contains_key(&seat.id)
}

fn serve(seat: &Seat, standing: Standing, now_ms: u64) {
    seat.begin();
    seat.end(standing, now_ms);
}

#[test]
fn the_stranger_that_came_first_goes_first_and_who_works_stays() {
    let seats = seats();
    let open = |at_ms| seats.open(address(1), at_ms).unwrap();
    let (patron, first, second, guest) = (open(0), open(10), open(20), open(30));
    serve(&patron, Standing::Patron, 40);
    serve(&guest, Standing::Guest, 50);
    let _third = open(60);
    assert!(is_gone(&first) && ![&patron, &second, &guest].map(is_gone).contains(&true));
    let fourth = open(70);
    assert!(is_gone(&second) && !is_gone(&fourth));
    assert_eq!(seats.figures(), (4, 2, 0));
}

#[test]
fn a_newcomer_is_refused_only_where_nobody_can_be_spared() {
    let seats = seats();
    let patrons: Vec<_> = (0..4).map(|_| seats.open(address(1), 0).unwrap()).collect();
    patrons.iter().for_each(|patron| serve(patron, Standing::Patron, 100));
    assert!(seats.open(address(1), 60_099).is_none(), "who worked a minute ago may do so again");
    patrons[0].begin();
    let newcomer = seats.open(address(1), 60_100).unwrap();
    assert!(!is_gone(&patrons[0]) && is_gone(&patrons[1]), "one that is being served stays");
    serve(&newcomer, Standing::Guest, 60_200);
    serve(&patrons[2], Standing::Patron, 60_200);
    serve(&patrons[3], Standing::Patron, 60_200);
    assert!(seats.open(address(1), 61_199).is_none());
    assert!(
        seats.open(address(1), 61_200).is_some() && is_gone(&newcomer),
        "a guest is idle sooner"
    );
}

#[test]
fn an_address_at_its_limit_makes_room_among_its_own_and_leaves_the_rest_to_others() {
    let seats = seats();
    let others: Vec<_> = (0..2).map(|at_ms| seats.open(address(2), at_ms).unwrap()).collect();
    let many: Vec<_> = (10..20).map(|at_ms| seats.open(address(1), at_ms)).collect();
    assert!(!others.iter().any(is_gone), "they came first and are idle for longest");
    assert_eq!(many.iter().flatten().filter(|seat| !is_gone(seat)).count(), 4);
    assert_eq!(seats.figures().0, 6);
    let _third = seats.open(address(3), 30).unwrap();
    assert!(is_gone(&others[0]), "all places are taken: the idlest of all");
    assert_eq!(seats.figures().0, 6);
}

#[test]
fn a_place_and_its_bytes_come_free_with_the_connection() {
    let seats = seats();
    let held: Vec<_> = (0..4).map(|_| seats.open(address(1), 0).unwrap()).collect();
    for seat in &held {
        assert_eq!(seat.hold(104 * KIB, 0), Hold::Yes);
    }
    assert_eq!(seats.figures(), (4, 0, 400 * KIB as u64), "4 KiB of each are free");
    assert_eq!(held[0].hold(5 * KIB, 0), Hold::Yes);
    assert_eq!(seats.figures().2, 301 * KIB as u64);
    drop(held);
    assert_eq!(seats.figures(), (0, 0, 0));
    assert!(seats.lock().by_address.is_empty());
}

#[test]
fn bytes_are_bounded_for_an_address_and_for_all() {
    let seats = seats();
    let [a, b, c] = [1, 2, 3].map(|host| seats.open(address(host), 0).unwrap());
    for seat in [&a, &b, &c] {
        serve(seat, Standing::Patron, 0);
    }
    assert_eq!(a.hold(405 * KIB, 0), Hold::NotNow, "more than an address has");
    assert_eq!(a.hold(404 * KIB, 0), Hold::Yes);
    assert_eq!(b.hold(205 * KIB, 0), Hold::NotNow, "more than is left");
    assert_eq!(b.hold(204 * KIB, 0), Hold::Yes);
    assert_eq!((c.hold(4 * KIB, 0), c.hold(4 * KIB + 1, 0)), (Hold::Yes, Hold::NotNow));
    assert_eq!(a.hold(0, 0), Hold::Yes);
    assert_eq!(c.hold(54 * KIB, 0), Hold::Yes);
}

#[test]
fn half_a_request_of_a_stranger_goes_for_a_client_at_once_and_for_a_stranger_after_a_second() {
    let seats = seats();
    let [first, second, other] = [0; 3].map(|at_ms| seats.open(address(1), at_ms).unwrap());
    assert_eq!((first.hold(204 * KIB, 0), second.hold(204 * KIB, 10)), (Hold::Yes, Hold::Yes));
    assert_eq!(other.hold(104 * KIB, 999), Hold::NotNow);
    serve(&other, Standing::Guest, 999);
    assert_eq!(other.hold(104 * KIB, 999), Hold::Yes);
    assert!(is_gone(&first) && !is_gone(&second), "the one that takes longest, and only that");
    let third = seats.open(address(1), 999).unwrap();
    assert_eq!((third.hold(204 * KIB, 1_009), is_gone(&second)), (Hold::NotNow, false));
    assert_eq!((third.hold(204 * KIB, 1_010), is_gone(&second)), (Hold::Yes, true));
}

#[test]
fn a_request_that_takes_longest_gives_way_even_to_itself() {
    let seats = seats();
    let slow = seats.open(address(1), 0).unwrap();
    serve(&slow, Standing::Patron, 0);
    assert_eq!(slow.hold(304 * KIB, 0), Hold::Yes);
    assert_eq!(slow.hold(604 * KIB, 999), Hold::NotNow);
    assert_eq!(slow.hold(604 * KIB, 1_000), Hold::Gone);
    assert_eq!(seats.figures(), (0, 1, 0));
}

#[test]
fn where_the_process_is_at_its_end_the_idlest_goes() {
    let seats = seats();
    let [first, second] = [5, 4].map(|at_ms| seats.open(address(1), at_ms).unwrap());
    seats.spare_one(10);
    assert!(is_gone(&second) && !is_gone(&first));
}
