//! The check of one librdkafka property.

use super::property_kind::PropertyKind;
use super::property_table::{ALIASES, TABLE};
use crate::base::suggest::nearest;
use crate::plan::kafka::checker::ClientSide;

/// The name that kbench goes on with.
pub(in crate::client::librdkafka) fn canonical(name: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, canonical)| canonical)
}

/// The clients that have a property of this canonical name, and what it takes.
pub(super) fn find(name: &str) -> Option<(ClientSide, PropertyKind)> {
    TABLE.iter().find(|(known, ..)| *known == name).map(|(_, side, kind)| (*side, *kind))
}

/// The known property that is nearest to a name.
pub(super) fn suggest(name: &str) -> Option<&'static str> {
    nearest(name, TABLE.iter().map(|row| row.0).chain(ALIASES.iter().map(|row| row.0)))
}

/// Checks a value; gives it in its plainest form, so that `True`, `T` and `1` compare as one.
///
/// # Errors
///
/// What is wrong and what was expected, without the property's name.
pub(super) fn check(name: &str, kind: PropertyKind, text: &str) -> Result<String, String> {
    let text = text.trim();
    match kind {
        PropertyKind::Whole(..) if name == "acks" && text.eq_ignore_ascii_case("all") => {
            Ok("all".into())
        }
        PropertyKind::Whole(..) if name == "acks" && text == "-1" => Ok("all".into()),
        // librdkafka takes up to 1000, which no broker has known for years.
        PropertyKind::Whole(..) if name == "acks" && !matches!(text, "0" | "1") => {
            Err(format!("{text:?} is not a number of acknowledgements; expected 0, 1 or all"))
        }
        PropertyKind::Whole(least, most) => match text.parse::<i64>() {
            Ok(number) if (least..=most).contains(&number) => Ok(number.to_string()),
            Ok(number) => Err(format!("{number} is out of range; expected {least} to {most}")),
            Err(_) => Err(no_number(name, text, "a whole number", &least, &most)),
        },
        PropertyKind::Real(least, most) => match text.parse::<f64>() {
            Ok(number) if (least..=most).contains(&number) => Ok(number.to_string()),
            Ok(number) => Err(format!("{number} is out of range; expected {least} to {most}")),
            Err(_) => Err(no_number(name, text, "a number", &least, &most)),
        },
        PropertyKind::Flag => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "1" => Ok("true".into()),
            "false" | "f" | "0" => Ok("false".into()),
            _ => Err(format!("{text:?} is neither true nor false; expected one of them")),
        },
        PropertyKind::Words(words) => {
            match words.iter().find(|word| word.eq_ignore_ascii_case(text)) {
                Some(word) => Ok((*word).to_owned()),
                None => {
                    let words = words.join(", ");
                    Err(format!("no such choice: {text:?}; expected one of {words}"))
                }
            }
        }
        PropertyKind::Text => Ok(text.to_owned()),
        PropertyKind::Callback => Err("is set by programs only; expected it left out".into()),
    }
}

/// librdkafka would take `5s` for 5 and say nothing.
fn no_number(
    name: &str,
    text: &str,
    what: &str,
    least: &dyn std::fmt::Display,
    most: &dyn std::fmt::Display,
) -> String {
    let unit = if name.ends_with("kbytes") {
        " of KiB, without a unit"
    } else if name.ends_with("bytes") || name == "batch.size" {
        " of bytes, without a unit"
    } else if name.ends_with(".ms") {
        " of milliseconds, without a unit"
    } else {
        ""
    };
    format!("{text:?} is not {what}; expected {least} to {most}{unit}")
}

/// What this build of kbench lacks for the value, if anything.
pub(super) fn lacking(name: &str, value: &str) -> Option<&'static str> {
    let (tls, zstd) = (cfg!(feature = "tls"), cfg!(feature = "zstd"));
    match (name, value) {
        ("compression.type", "zstd") if !zstd => {
            Some("this build has no zstd; expected a build with `--features zstd`")
        }
        ("security.protocol", "ssl" | "sasl_ssl") if !tls => {
            Some("this build has no TLS; expected a build with `--features tls`")
        }
        (name, _) if !tls && (name.starts_with("ssl.") || name.starts_with("enable.ssl.")) => {
            Some("this build has no TLS; expected a build with `--features tls`")
        }
        ("sasl.mechanism", "GSSAPI") => {
            Some("Kerberos is in no build of kbench; expected PLAIN, SCRAM or OAUTHBEARER")
        }
        ("sasl.mechanism", mechanism) if !tls && mechanism != "PLAIN" => {
            Some("this build has SASL PLAIN only; expected a build with `--features tls`")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(name: &str, text: &str) -> Result<String, String> {
        let (_, kind) = find(canonical(name)).unwrap();
        check(name, kind, text)
    }

    #[test]
    fn a_number_with_a_unit_is_refused() {
        assert_eq!(
            checked("linger.ms", "5s").unwrap_err(),
            "\"5s\" is not a number; expected 0 to 900000 of milliseconds, without a unit"
        );
        assert_eq!(
            checked("batch.size", "1MB").unwrap_err(),
            "\"1MB\" is not a whole number; expected 1 to 2147483647 of bytes, without a unit"
        );
        assert!(checked("queue.buffering.max.kbytes", "1 GiB").unwrap_err().contains("of KiB"));
        assert_eq!(
            checked("batch.size", "0").unwrap_err(),
            "0 is out of range; expected 1 to 2147483647"
        );
        assert!(checked("linger.ms", "NaN").is_err());
    }

    #[test]
    fn values_come_out_plain() {
        assert_eq!(checked("acks", "-1").unwrap(), "all");
        assert_eq!(checked("acks", "ALL").unwrap(), "all");
        assert_eq!(checked("acks", "1").unwrap(), "1");
        assert!(checked("acks", "2").unwrap_err().ends_with("expected 0, 1 or all"));
        assert_eq!(checked("enable.idempotence", "T").unwrap(), "true");
        assert_eq!(checked("security.protocol", "SASL_SSL").unwrap(), "sasl_ssl");
        assert_eq!(checked("linger.ms", "0.5").unwrap(), "0.5");
        assert_eq!(checked("linger.ms", "5.0").unwrap(), "5");
        assert!(checked("enable.idempotence", "yes").is_err());
        assert!(checked("compression.type", "brotli").is_err());
        assert!(checked("error_cb", "0x0").is_err());
    }

    #[test]
    fn the_table_is_in_order_and_every_alias_leads_into_it() {
        assert!(TABLE.is_sorted_by(|left, right| left.0 < right.0), "sorted, without doubles");
        for (alias, name) in ALIASES {
            assert!(find(name).is_some(), "{alias}");
            assert!(find(alias).is_none(), "{alias} is in the table too");
        }
    }
}
