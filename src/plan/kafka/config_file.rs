//! The properties file of `--command-config`, in the form that Kafka's own tools read.

use crate::plan::toml::diagnostics::{Diagnostics, ValueLocation};

/// A line of the file: its place, name and value.
pub(crate) type ConfigLine = (ValueLocation, String, String);

/// Reads `name=value` lines; `#` and `!` start a comment, a backslash at the end goes on.
pub(crate) fn parse(text: &str, faults: &Diagnostics) -> Vec<ConfigLine> {
    let mut lines = Vec::new();
    let mut numbered = (1..).zip(text.strip_prefix('\u{feff}').unwrap_or(text).lines());
    while let Some((number, first)) = numbered.next() {
        let mut line = first.trim().to_owned();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        while goes_on(&line) {
            line.pop();
            let Some((_, next)) = numbered.next() else {
                break;
            };
            line.push_str(next.trim());
        }
        let place = ValueLocation::Config(number);
        let Some((name, value)) = line.split_once(['=', ':']) else {
            // Not shown: it may be a password that lost its name.
            faults.add(place, "no '=' in the line; expected name=value");
            continue;
        };
        if name.trim().is_empty() {
            faults.add(place, "no name before the '='; expected name=value");
            continue;
        }
        lines.push((place, name.trim().to_owned(), unescape(value.trim())));
    }
    lines
}

fn goes_on(line: &str) -> bool {
    let backslashes = line.len() - line.trim_end_matches('\\').len();
    !backslashes.is_multiple_of(2)
}

fn unescape(value: &str) -> String {
    let mut plain = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => plain.push('\n'),
                Some('t') => plain.push('\t'),
                Some('r') => plain.push('\r'),
                Some(other) => plain.push(other),
                None => {}
            },
            other => plain.push(other),
        }
    }
    plain
}

/// What a line of Java's client means to librdkafka.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Java {
    /// These properties instead.
    Means(Vec<(&'static str, String)>),
    /// Nothing.
    Dropped,
    /// Just what it says.
    Same,
}

/// Translates what has a plain counterpart.
pub(crate) fn from_java(name: &str, value: &str) -> Java {
    match name {
        "sasl.jaas.config" => {
            let user = quoted(value, "username");
            let password = quoted(value, "password");
            match (user, password) {
                (Some(user), Some(password)) => {
                    Java::Means(vec![("sasl.username", user), ("sasl.password", password)])
                }
                _ => Java::Same,
            }
        }
        // Java turns the check of the host's name off by an empty value.
        "ssl.endpoint.identification.algorithm" if value.is_empty() => {
            Java::Means(vec![("ssl.endpoint.identification.algorithm", "none".to_owned())])
        }
        "key.serializer" | "value.serializer" | "key.deserializer" | "value.deserializer" => {
            Java::Dropped
        }
        _ => Java::Same,
    }
}

/// The value of `key="value"` within a JAAS line.
fn quoted(jaas: &str, key: &str) -> Option<String> {
    let start = jaas.find(&format!("{key}="))?;
    let rest = jaas.get(start + key.len() + 1..)?.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (value, _) = rest.get(1..)?.split_once(quote)?;
    Some(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_comments_and_continuations_are_read() {
        let faults = Diagnostics::new("", "c.properties");
        let text = "# c\n\nacks = all\r\nsasl.password=a\\\\b=c\nssl.ca.location: x\\\n  y\n! z\n";
        let config = |line| ValueLocation::Config(line);
        assert_eq!(
            parse(text, &faults),
            [
                (config(3), "acks".into(), "all".into()),
                (config(4), "sasl.password".into(), "a\\b=c".into()),
                (config(5), "ssl.ca.location".into(), "xy".into()),
            ]
        );
        assert!(faults.check().is_ok());
        assert!(parse("hunter2", &faults).is_empty());
        assert_eq!(
            faults.check().unwrap_err().to_string(),
            "c.properties:1: no '=' in the line; expected name=value"
        );
    }

    #[test]
    fn java_s_login_becomes_user_and_password() {
        let jaas = "org.apache.kafka.common.security.plain.PlainLoginModule required \
                    username=\"me\" password='pa ss';";
        let means = vec![("sasl.username", "me".into()), ("sasl.password", "pa ss".into())];
        assert_eq!(from_java("sasl.jaas.config", jaas), Java::Means(means));
        assert_eq!(from_java("sasl.jaas.config", "Krb5LoginModule required;"), Java::Same);
        assert_eq!(from_java("key.serializer", "x"), Java::Dropped);
        assert_eq!(from_java("acks", "all"), Java::Same);
    }
}
