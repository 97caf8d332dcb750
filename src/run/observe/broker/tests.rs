use crate::run::observe::process;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use super::*;

#[test]
fn a_port_is_followed_to_its_process_which_is_never_this_one() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let nobody = LocalBrokers::default();
    // A test beside this one that starts a process shares all sockets with it for a moment.
    let advertised = [format!("1@127.0.0.1:{port}")];
    let found = (0..10).map(|_| local_brokers(&advertised)).find(|found| *found == nobody);
    assert!(found.is_some(), "{:?} is not {nobody:?}", local_brokers(&advertised));
    assert_eq!(local_brokers(&["1@broker.example:9092".to_owned()]), nobody);
}

/// A process that listens on two ports of this host, and does nothing else.
struct Listener(Child);

impl Listener {
    fn start() -> (Self, [u16; 2]) {
        let sockets = ["127.0.0.1:0", "127.0.0.1:0"].map(|at| TcpListener::bind(at).unwrap());
        let ports = [0, 1].map(|at: usize| sockets[at].local_addr().unwrap().port());
        let [first, second] = sockets.map(|socket| Stdio::from(OwnedFd::from(socket)));
        let child = Command::new("sleep").arg("60").stdin(first).stdout(second).spawn().unwrap();
        (Self(child), ports)
    }

    fn pid(&self) -> i32 {
        self.0.id().cast_signed()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn who_alone_has_the_ports_open_is_found_once() {
    let (listener, ports) = Listener::start();
    // Another port of this host, which is nobody's business.
    let _beside = TcpListener::bind("127.0.0.1:0").unwrap();
    let advertised = ports.map(|port| format!("1@127.0.0.1:{port}"));
    let expected = LocalBrokers { pids: vec![listener.pid()], in_container: false };
    // A test beside this one that starts a process shares all sockets with it for a moment.
    let found = (0..10).map(|_| local_brokers(&advertised)).find(|found| *found == expected);
    assert!(found.is_some(), "{:?} is not {expected:?}", local_brokers(&advertised));
}

#[test]
fn an_inmate_is_seen_from_its_port_where_its_namespace_is_another() {
    let (listener, [port, other_port]) = Listener::start();
    let ours = fs::read_link("/proc/self/ns/net").unwrap();
    let at_home = inmates(Some(&ours), port);
    assert!(at_home.iter().all(|inmate| inmate.pid != listener.pid()), "{at_home:?}");
    // As seen from elsewhere it is one.
    let seen_from = |port| {
        let all = inmates(Some(Path::new("net:[1]")), port);
        all.into_iter().find(|inmate| inmate.pid == listener.pid()).unwrap()
    };
    let (inmate, other) = (seen_from(port), seen_from(other_port));
    assert!(inmate.listening.len() == 1 && other.listening.len() == 1, "{inmate:?} {other:?}");
    assert!(inmate.sockets.is_superset(&inmate.listening), "{inmate:?}");
    assert!(other.listening.is_disjoint(&inmate.listening), "{inmate:?} {other:?}");
    let table = fs::read_to_string("/proc/self/net/fib_trie").unwrap_or_default();
    assert_eq!(inmate.addresses, addresses(&table));
}

#[test]
fn all_who_answer_are_told_once_each_and_none_where_one_does_not() {
    let found = [Some((7, true)), Some((8, false)), Some((7, false))];
    let expected = LocalBrokers { pids: vec![7, 8], in_container: true };
    assert_eq!(together(found.into_iter()), expected);
    assert_eq!(together([Some((7, true)), None].into_iter()), LocalBrokers::default());
}

#[test]
fn a_process_s_ticks_are_the_user_s_and_the_system_s() {
    let mut stat = Process::myself().unwrap().stat().unwrap();
    (stat.utime, stat.stime) = (250, 150);
    assert_eq!(ticks(&stat), 400);
}

/// The witness is `getrusage`, for this process.
#[test]
fn processes_cpu_is_in_seconds_and_of_all_together() {
    let own = std::process::id().cast_signed();
    super::super::process::tests::work_until(|| process::cpu_s() >= 0.1);
    let before_s = process::cpu_s();
    let (one_s, two_s) = (cpu_s(&[own]).unwrap(), cpu_s(&[own, own]).unwrap());
    let after_s = process::cpu_s();
    // Ticks are of 10 ms, the user's and the system's.
    assert!((before_s - 0.03..after_s + 0.01).contains(&one_s), "{before_s} {one_s} {after_s}");
    let twice_s = 2.0 * before_s - 0.06..2.0 * after_s + 0.02;
    assert!(twice_s.contains(&two_s), "{twice_s:?} {two_s}");
    assert_eq!((cpu_s(&[]), cpu_s(&[own, i32::MAX])), (None, None));
}

/// A process that looks like somebody's Kafka beside a port whose owner we can't see (it is
/// this process): a look-alike is not taken.
#[test]
fn somebody_else_s_kafka_is_never_taken() {
    let folder = tempfile::tempdir().unwrap();
    let java = folder.path().join("java");
    fs::copy("/bin/sh", &java).unwrap();
    let mut foreign = Command::new(&java)
        .args(["-c", "read line", "kafka.Kafka", "server.properties"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = foreign.id().cast_signed();
    let name = || Process::new(pid).unwrap().stat().unwrap().comm;
    while name() != "java" {
        std::thread::yield_now();
    }
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let found = local_brokers(&[format!("1@127.0.0.1:{port}")]);
    // Nobody listens there at all, and some kernel rule may lead to a container.
    drop(socket);
    let unheard = local_brokers(&[format!("1@127.0.0.1:{port}")]);
    drop(foreign.stdin.take());
    foreign.wait().unwrap();
    let nobody = LocalBrokers::default();
    assert_eq!((found, unheard), (nobody.clone(), nobody), "the look-alike is {pid}");
}

fn process(pid: i32, name: &str, sockets: &[u64]) -> Candidate {
    let sockets = sockets.iter().copied().collect();
    Candidate { pid, name: name.to_owned(), sockets, target: None }
}

#[test]
fn who_has_the_port_open_alone_is_the_broker() {
    let here = HashSet::from([7]);
    // Whatever it is called, and whoever else is a Kafka.
    let others = [process(10, "kbench", &[5, 7]), process(20, "java", &[8])];
    assert_eq!(owner(&here, &others), Some(Owner::Process(10)));
    assert_eq!(owner(&here, &[process(10, "a", &[7]), process(11, "b", &[7])]), None);
    assert_eq!(owner(&here, &[process(10, "ssh", &[7]), process(30, "java", &[9])]), None);
    // Its open files are not for us to see, or one of two sockets is not: it is nobody.
    assert_eq!(owner(&here, &[process(20, "java", &[])]), None);
    assert_eq!(owner(&HashSet::from([7, 8]), &[process(10, "java", &[7])]), None);
    // Nothing listens here: the kernel alone leads on.
    assert_eq!(owner(&HashSet::new(), &[process(20, "java", &[8])]), None);
}

#[test]
fn a_proxy_is_followed_to_the_address_that_it_says_and_no_further() {
    let (here, address) = (HashSet::from([7]), IpAddr::from([172, 17, 0, 2]));
    let words = "/usr/bin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 9092 \
                 -container-ip 172.17.0.2 -container-port 19092";
    let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
    let mut proxy = process(10, "docker-proxy", &[7]);
    assert_eq!(owner(&here, &[process(20, "java", &[8])]), None);
    proxy.target = target(&words);
    assert_eq!(owner(&here, &[proxy]), Some(Owner::Container(address, 19_092)));
    // This one is told by a pipe what nobody else can read.
    assert_eq!(owner(&here, &[process(10, "rootlessport", &[7])]), None);

    let inmate = |pid, sockets: &[u64], listening: &[u64], host: u8| Inmate {
        pid,
        sockets: sockets.iter().copied().collect(),
        listening: listening.iter().copied().collect(),
        addresses: HashSet::from([IpAddr::from([172, 17, 0, host])]),
    };
    let broker = || inmate(30, &[5, 9], &[9], 2);
    // Another container's Kafka, and somebody in the same one who has not the socket.
    let others = || [inmate(20, &[8], &[8], 3), inmate(31, &[6], &[9], 2)];
    let [foreign, beside] = others();
    assert_eq!(inside(address, &[foreign, beside, broker()]), Some(30));
    assert_eq!(inside(address, &others()), None);
    assert_eq!(inside(address, &[broker(), inmate(32, &[9], &[9], 2)]), None, "two share it");
}

#[test]
fn a_namespace_s_own_addresses_are_read_from_its_routes() {
    let table = "Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n\
                 \x20    |-- 172.17.0.2\n        /32 host LOCAL\n     |-- 172.17.255.255\n\
                 \x20       /32 link BROADCAST\n";
    assert_eq!(addresses(table), HashSet::from([IpAddr::from([172, 17, 0, 2])]));
    let own = fs::read_to_string("/proc/self/net/fib_trie").unwrap_or_default();
    // A host without a loopback device has no table.
    assert_eq!(addresses(&own).contains(&IpAddr::from([127, 0, 0, 1])), own.contains("LOCAL"));
}
