//! Whether a broker is on this host.

use std::ffi::CStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};

/// Whether an advertised broker (`id@host:port`) is on this host: at its loopback, under its name,
/// or at the address of one of its interfaces.
///
/// A name is looked up as a client does. A container's own address on a bridge is not known.
#[must_use]
pub fn is_local(advertised: &str) -> bool {
    let host = host(advertised);
    if is_named_so(host, own_name().as_deref()) {
        return true;
    }
    // No service is meant, so that any port will do.
    let Ok(found) = (host, 0).to_socket_addrs() else { return false };
    let own = own_addresses();
    found.into_iter().any(|address| is_own(address.ip(), &own))
}

/// Whether a host of this name is this one, without asking anybody.
fn is_named_so(host: &str, own_name: Option<&str>) -> bool {
    host.eq_ignore_ascii_case("localhost") || own_name == Some(host)
}

/// `1@[::1]:9092` is at `::1`.
fn host(advertised: &str) -> &str {
    let address = advertised.rsplit_once('@').map_or(advertised, |(_, address)| address);
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

fn is_own(address: IpAddr, own: &[IpAddr]) -> bool {
    let address = address.to_canonical();
    address.is_loopback() || address.is_unspecified() || own.contains(&address)
}

fn own_name() -> Option<String> {
    let mut name = [0_u8; 256];
    // SAFETY: there is room for as many bytes as it is told.
    let known = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len()) } == 0;
    let name = CStr::from_bytes_until_nul(&name).ok().filter(|_| known)?;
    Some(name.to_str().ok()?.to_owned()).filter(|name| !name.is_empty())
}

/// The addresses of this host's interfaces; none where the system does not say.
fn own_addresses() -> Vec<IpAddr> {
    let mut list: *mut libc::ifaddrs = std::ptr::null_mut();
    // SAFETY: it writes a list's start, which is given back below.
    if unsafe { libc::getifaddrs(&raw mut list) } != 0 {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut next = list;
    // SAFETY: an entry of the list, or its end; it lives until the list is given back.
    while let Some(entry) = unsafe { next.as_ref() } {
        found.extend(address_of(entry.ifa_addr));
        next = entry.ifa_next;
    }
    // SAFETY: given back once, and not used after.
    unsafe { libc::freeifaddrs(list) };
    found
}

fn address_of(address: *const libc::sockaddr) -> Option<IpAddr> {
    // SAFETY: null, or an address that says by its family what it is.
    let family = i32::from(unsafe { address.as_ref() }?.sa_family);
    match family {
        libc::AF_INET => {
            // SAFETY: of this family; it need not be aligned as one.
            let address: libc::sockaddr_in =
                unsafe { address.cast::<libc::sockaddr_in>().read_unaligned() };
            Some(Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let address: libc::sockaddr_in6 =
                unsafe { address.cast::<libc::sockaddr_in6>().read_unaligned() };
            Some(Ipv6Addr::from(address.sin6_addr.s6_addr).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_at_an_address_of_this_host_is_on_it() {
        for local in ["1@localhost:9092", "127.0.0.1:9092", "1@127.8.9.10:1", "2@[::1]:9092"] {
            assert!(is_local(local), "{local}");
        }
        let own = own_addresses();
        assert!(own.contains(&Ipv4Addr::LOCALHOST.into()), "{own:?}");
        for address in own {
            let of = |text: String| is_local(&text);
            let bracketed = address.is_ipv6();
            let text = if bracketed { format!("[{address}]") } else { address.to_string() };
            assert!(of(format!("1@{text}:9092")), "{address}");
        }
        let name = own_name().unwrap();
        let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        assert_eq!(name, kernel.trim_end());
        assert!(is_local(&format!("1@{name}:9092")), "{name}");
    }

    #[test]
    fn the_host_of_a_broker_is_between_its_number_and_its_port() {
        assert_eq!(host("1@broker-7.example:9092"), "broker-7.example");
        assert_eq!(host("broker-7.example"), "broker-7.example");
        assert_eq!(host("2@[2001:db8::7]:9092"), "2001:db8::7");
    }

    #[test]
    fn this_host_is_known_by_its_names_where_no_lookup_knows_them() {
        assert!(is_named_so("LocalHost", None) && is_named_so("localhost", Some("db-7")));
        assert!(is_named_so("db-7", Some("db-7")));
        assert!(!is_named_so("db-7", None) && !is_named_so("db-7", Some("db-8")));
    }

    #[test]
    fn an_address_is_own_if_it_is_the_loopback_s_none_or_an_interface_s() {
        let of = |text: &str| text.parse::<IpAddr>().unwrap();
        let own = [of("192.0.2.7")];
        for address in ["192.0.2.7", "::ffff:192.0.2.7", "127.8.9.10", "::1", "0.0.0.0", "::"] {
            assert!(is_own(of(address), &own), "{address}");
        }
        assert!(!is_own(of("192.0.2.8"), &own) && !is_own(of("192.0.2.7"), &[]));
    }

    #[test]
    fn an_address_is_read_by_its_family() {
        // SAFETY: all-zero addresses are valid values.
        let (mut v4, mut v6): (libc::sockaddr_in, libc::sockaddr_in6) =
            unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        v4.sin_family = libc::AF_INET as libc::sa_family_t;
        v4.sin_addr.s_addr = u32::from_be_bytes([192, 0, 2, 7]).to_be();
        v6.sin6_family = libc::AF_INET6 as libc::sa_family_t;
        v6.sin6_addr.s6_addr = "2001:db8::7".parse::<Ipv6Addr>().unwrap().octets();
        let of_v6 = |address: &libc::sockaddr_in6| address_of((&raw const *address).cast());
        assert_eq!(address_of((&raw const v4).cast()), Some("192.0.2.7".parse().unwrap()));
        assert_eq!(of_v6(&v6), Some("2001:db8::7".parse().unwrap()));
        v6.sin6_family = libc::AF_PACKET as libc::sa_family_t;
        assert_eq!((of_v6(&v6), address_of(std::ptr::null())), (None, None));
    }

    #[test]
    fn a_broker_elsewhere_is_not() {
        // Addresses for documentation (RFC 5737, RFC 3849), and a name that never resolves.
        for other in ["1@198.51.100.77:9092", "1@[2001:db8::7]:9092", "1@broker-127.invalid:9092"] {
            assert!(!is_local(other), "{other}");
        }
    }

    #[test]
    fn an_interface_s_address_is_read_as_it_is() {
        let own = own_addresses();
        let v4: Vec<&IpAddr> = own.iter().filter(|address| address.is_ipv4()).collect();
        // Only an address of this host can be bound: bytes in the wrong order are none.
        let binds = |address: &&IpAddr| std::net::UdpSocket::bind((**address, 0)).is_ok();
        assert!(!v4.is_empty() && v4.iter().all(binds), "{own:?}");
    }
}
