//! The addresses to start from.

use crate::plan::inputs::Inputs;
use crate::plan::toml::diagnostics::ValueLocation;
use crate::plan::toml::reader::TomlTable;

/// The specification's variable for the brokers.
const ENV: &str = "KAFKA_BOOTSTRAP_SERVERS";

const EXPECTED: &str = "expected host:port, such as localhost:9092";

/// The bootstrap servers by flag, environment or scenario, in this order; `None` if nobody names
/// any. `config` is what a properties file says: it came by a flag too, but `-b` is nearer.
pub(crate) fn resolve(
    table: &TomlTable<'_>,
    inputs: &Inputs<'_>,
    config: Option<(ValueLocation, String)>,
) -> Option<String> {
    let typed = table.text("bootstrap_servers");
    let faults = table.faults();
    let (place, path, servers) = if let Some(flag) = &inputs.overrides.bootstrap_servers {
        (ValueLocation::Given("-b"), "", flag.clone())
    } else if let Some((place, servers)) = config {
        (place, "bootstrap.servers: ", servers)
    } else if let Some(servers) = inputs.environment.get(ENV, faults) {
        (ValueLocation::Given(ENV), "", servers)
    } else {
        (table.place("bootstrap_servers"), "kafka.bootstrap_servers: ", typed?)
    };
    if servers.is_empty() {
        faults.add(place, format!("{path}is empty; {EXPECTED}"));
    } else {
        for server in servers.split(',') {
            if let Err(what) = check(server) {
                faults.add(place, format!("{path}{what}"));
            }
        }
    }
    Some(servers)
}

fn check(server: &str) -> Result<(), String> {
    if server.trim().is_empty() {
        return Err(format!("an address is empty; {EXPECTED}, with one comma between two"));
    }
    if server.contains(char::is_whitespace) {
        return Err(format!("{server:?} has a blank in it; {EXPECTED}"));
    }
    if server.contains('@') {
        // Not shown: it holds a password, most likely.
        let expected = "host:port, and sasl.username and sasl.password as properties";
        return Err(format!("an address has a user or a password in it; expected {expected}"));
    }
    if let Some((scheme, rest)) = server.split_once("://") {
        return Err(format!("{server:?} has a scheme, {scheme}://; expected {rest:?}"));
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || "-._:[]%".contains(c);
    if let Some(c) = server.chars().find(|c| !legal(*c)) {
        let between = if c == ';' { ", with a comma between two" } else { "" };
        return Err(format!("{server:?} has {c:?} in it; {EXPECTED}{between}"));
    }
    // An IPv6 address stands in brackets, or its colons would hide the port's.
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) if !server.ends_with(']') => (host, port),
        _ => return Err(format!("{server:?} has no port; {EXPECTED}")),
    };
    let bare_v6 = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
    if host.is_empty() || bare_v6 {
        return Err(format!("{server:?} names no host; {EXPECTED} or [::1]:9092"));
    }
    match port.parse::<u16>() {
        Ok(1..) if port.bytes().all(|byte| byte.is_ascii_digit()) => Ok(()),
        _ => Err(format!("{server:?} has no legal port; {EXPECTED}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_are_enough() {
        for server in ["localhost:9092", "10.0.0.1:1", "[::1]:9092", "a-b.example.com:65535"] {
            assert_eq!(check(server), Ok(()), "{server}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (server, reason) in [
            ("localhost", "has no port"),
            ("[::1]", "has no port"),
            ("::1:9092", "names no host"),
            (":9092", "names no host"),
            ("localhost:0", "has no legal port"),
            ("localhost:+1", "has '+' in it"),
            ("localhost:65536", "has no legal port"),
            ("localhost:", "has no legal port"),
            ("tcp://10.0.0.1:9092", "has a scheme, tcp://; expected \"10.0.0.1:9092\""),
            (" localhost:9092", "has a blank in it"),
            ("a:1;b:2", "has ';' in it"),
            ("a\u{1}:1", "has '\\u{1}' in it"),
            ("\u{1f4a5}:1", "in it; expected host:port"),
            ("", "an address is empty"),
        ] {
            let fault = check(server).unwrap_err();
            assert!(fault.contains(reason), "{server}: {fault}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        for server in ["me:hunter2@a:1", "https://me:hunter2@a:1"] {
            let fault = check(server).unwrap_err();
            assert!(fault.contains("sasl.password") && !fault.contains("hunter2"), "{fault}");
        }
    }
}
