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
}
