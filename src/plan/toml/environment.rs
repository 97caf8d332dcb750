//! The environment variables of the specification, and no others.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::diagnostics::{Diagnostics, ValueLocation};

/// Where environment variables come from.
///
/// Each is looked up by its exact name. A sweeping `KAFKA_*` would take in what others mean by
/// it: Kubernetes sets `KAFKA_PORT=tcp://...` for any service called kafka.
#[derive(Debug, Clone)]
pub struct Environment(Origin);

#[derive(Debug, Clone)]
enum Origin {
    Process,
    Pairs(BTreeMap<String, OsString>),
}

impl Environment {
    /// The environment of this process, read when a variable is asked for.
    #[must_use]
    pub const fn from_process() -> Self {
        Self(Origin::Process)
    }

    /// A given environment, for tests and for callers that bring their own.
    pub fn from_pairs<K: Into<String>, V: Into<OsString>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self(Origin::Pairs(pairs.collect()))
    }

    /// The value of a variable. One that is set but empty, padded with blanks or not UTF-8 is a
    /// fault: it is never what was meant.
    pub(crate) fn get(&self, name: &'static str, faults: &Diagnostics) -> Option<String> {
        let value = match &self.0 {
            Origin::Process => std::env::var_os(name),
            Origin::Pairs(pairs) => pairs.get(name).cloned(),
        }?;
        let fault = |what: &str| {
            faults
                .add(ValueLocation::Given(name), format!("{what}; expected a value, or unset it"));
            None
        };
        match value.into_string() {
            Err(_) => fault("is not UTF-8"),
            Ok(value) if value.trim().is_empty() => fault("is set but empty"),
            Ok(value) if value.trim() != value => fault(&format!("{value:?} has blanks around it")),
            Ok(value) => Some(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_value_is_a_fault_and_a_missing_one_is_not() {
        let environment = Environment::from_pairs([("A", "x"), ("B", ""), ("C", " x")]);
        let faults = Diagnostics::new("", "");
        assert_eq!(environment.get("A", &faults).as_deref(), Some("x"));
        assert_eq!(environment.get("Z", &faults), None);
        assert!(faults.check().is_ok());
        assert_eq!(environment.get("B", &faults), None);
        assert_eq!(environment.get("C", &faults), None);
        assert_eq!(
            faults.check().unwrap_err().to_string(),
            "B: is set but empty; expected a value, or unset it\n\
             C: \" x\" has blanks around it; expected a value, or unset it"
        );
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_no_text_are_a_fault() {
        use std::os::unix::ffi::OsStringExt;
        let environment = Environment::from_pairs([("A", OsString::from_vec(vec![0xff]))]);
        let faults = Diagnostics::new("", "");
        assert_eq!(environment.get("A", &faults), None);
        assert!(faults.check().unwrap_err().to_string().starts_with("A: is not UTF-8"));
    }
}
