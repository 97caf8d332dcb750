//! Which properties are secret, whatever client has them.

/// Whether the value must never be shown, logged or saved.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    ["password", "passphrase", "secret", ".pem", "jaas", "oauthbearer.config"]
        .iter()
        .any(|part| name.contains(part))
        && !name.starts_with("ssl.ca.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        for name in ["sasl.password", "ssl.key.password", "ssl.key.pem", "sasl.jaas.config"] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["sasl.username", "ssl.ca.pem", "linger.ms"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
