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
    if host.eq_ignore_ascii_case("localhost") || own_name().is_some_and(|name| name == host) {
        return true;
    }
    // No service is meant, so that any port will do.
    let Ok(found) = (host, 0).to_socket_addrs() else { return false };
    let own = own_addresses();
    found.into_iter().any(|address| is_own(address.ip(), &own))
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
        assert!(is_local(&format!("1@{name}:9092")), "{name}");
    }

    #[test]
    fn a_broker_elsewhere_is_not() {
        // Addresses for documentation (RFC 5737, RFC 3849), and a name that never resolves.
        for other in ["1@192.0.2.7:9092", "1@[2001:db8::7]:9092", "1@broker-127.invalid:9092"] {
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
