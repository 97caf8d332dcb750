//! librdkafka's own word on a property: only it knows all that it was built with.

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;

use crate::plan::is_secret;

/// The ways to assign partitions that librdkafka has; it looks at them only when it starts.
const STRATEGIES: [&str; 3] = ["range", "roundrobin", "cooperative-sticky"];

/// Whether librdkafka takes a value, asked without making a client.
///
/// # Errors
///
/// What is wrong and what was expected, without the property's name.
pub(super) fn check(name: &str, text: &str) -> Result<(), String> {
    if name == "partition.assignment.strategy" {
        return strategies(text);
    }
    match ClientConfig::new().set(name, text).create_native_config() {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("librdkafka refuses it: {}", words(&error))),
    }
}

/// Its error without the secret that it may quote.
pub(in crate::client::librdkafka) fn words(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, what, name, value) if is_secret(name) && !value.is_empty() => {
            what.replace(value.as_str(), "***")
        }
        KafkaError::ClientConfig(_, what, ..) => what.clone(),
        KafkaError::Nul(_) => "a NUL character is in it; expected text without".to_owned(),
        other => other.to_string(),
    }
}

fn strategies(text: &str) -> Result<(), String> {
    let all: Vec<&str> = text.split(',').map(str::trim).collect();
    let expected = STRATEGIES.join(", ");
    if let Some(unknown) = all.iter().find(|name| !STRATEGIES.contains(name)) {
        return Err(format!("no such strategy: {unknown:?}; expected {expected}"));
    }
    let cooperative = all.iter().filter(|name| **name == "cooperative-sticky").count();
    if cooperative != 0 && cooperative != all.len() {
        return Err("cooperative-sticky can't stand beside the others; expected it alone".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_librdkafka_takes_is_taken() {
        for (name, text) in [
            ("debug", "broker,topic"),
            ("client.id", "a b"),
            ("partition.assignment.strategy", "range, roundrobin"),
            ("partition.assignment.strategy", "cooperative-sticky"),
        ] {
            assert_eq!(check(name, text), Ok(()), "{name}");
        }
    }

    #[test]
    fn what_librdkafka_refuses_is_refused() {
        for (name, text, what) in [
            ("debug", "nonsense", "librdkafka refuses it: Invalid value \"nonsense\""),
            ("client.id", "a\0b", "librdkafka refuses it: a NUL character is in it"),
            ("partition.assignment.strategy", "foo", "no such strategy: \"foo\"; expected range"),
            ("partition.assignment.strategy", "range,cooperative-sticky", "cooperative-sticky"),
        ] {
            let fault = check(name, text).unwrap_err();
            assert!(fault.starts_with(what), "{fault}");
        }
    }

    #[test]
    fn a_secret_that_librdkafka_quotes_is_masked() {
        let fault = |name: &str| {
            let what = "no good: hunter2".to_owned();
            let code = rdkafka::types::RDKafkaConfRes::RD_KAFKA_CONF_INVALID;
            words(&KafkaError::ClientConfig(code, what, name.to_owned(), "hunter2".to_owned()))
        };
        assert_eq!(fault("ssl.key.password"), "no good: ***");
        assert_eq!(fault("client.id"), "no good: hunter2");
    }
}
