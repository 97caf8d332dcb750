//! The digest of a result: one number over every figure and over the files beside it, so that
//! whoever edits one of them is found out, unless they make the digest anew. It is not a signature:
//! anybody can compute it, and a forger can, too. Against those, figures are recomputed.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::RunResult;
use crate::base::error::{Error, Result};

/// The member of `result.json` that holds it.
pub(super) const MEMBER: &str = "digest";

/// What stands before the hexadecimal number.
const KIND: &str = "sha256:";

/// The digest of some bytes: `sha256:` and 64 hexadecimal digits.
#[must_use]
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    shown(Sha256::new().chain_update(bytes))
}

/// The digest of a whole `result.json`: of its canonical text without the digest itself.
///
/// Canonical is JSON without blanks, the members of each object in the order of their names (by
/// bytes), texts as JSON escapes them at least, numbers in the shortest form that reads back to
/// the same.
#[must_use]
pub(super) fn of_result(value: &Value) -> String {
    let mut text = Vec::new();
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, _)| *name != MEMBER);
            object(kept, &mut text);
        }
        other => canonical(other, &mut text),
    }
    of_bytes(&text)
}

fn shown(hash: Sha256) -> String {
    let digits = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("{KIND}{digits}")
}

fn canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Array(items) => {
            out.push(b'[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                canonical(item, out);
            }
            out.push(b']');
        }
        Value::Object(members) => object(members.iter(), out),
        leaf => out.extend_from_slice(leaf.to_string().as_bytes()),
    }
}

/// Sorted here: the order of serde_json's own objects depends on who else is in the build.
fn object<'v>(members: impl Iterator<Item = (&'v String, &'v Value)>, out: &mut Vec<u8>) {
    let sorted: BTreeMap<&String, &Value> = members.collect();
    out.push(b'{');
    for (place, (name, value)) in sorted.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        out.extend_from_slice(Value::from(name.as_str()).to_string().as_bytes());
        out.push(b':');
        canonical(value, out);
    }
    out.push(b'}');
}

/// Puts the digests of the files and of the result itself into a result.
///
/// # Errors
/// [`Error::Internal`] when the result is no JSON.
pub(super) fn seal(result: &mut RunResult, files: &[(&str, &str)]) -> Result<()> {
    result.files =
        files.iter().map(|(name, text)| ((*name).to_owned(), of_bytes(text.as_bytes()))).collect();
    result.digest = None;
    // From the text, as whoever checks it has it: a float has one shortest form only there.
    let text = serde_json::to_string(result)
        .map_err(|error| Error::Internal(format!("writing the result: {error}")))?;
    let value = serde_json::from_str(&text)
        .map_err(|error| Error::Internal(format!("reading the result back: {error}")))?;
    result.digest = Some(of_result(&value));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_is_sha_256() {
        // From FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_bytes(b"abc"), format!("sha256:{expected}"));
    }

    #[test]
    fn order_and_blanks_are_nothing_to_it_and_every_figure_is_something() {
        let of = |text: &str| of_result(&serde_json::from_str(text).unwrap());
        let one = of(r#"{"b": [1, 2.5, "x\n"], "a": {"d": null, "c": true}}"#);
        assert_eq!(one, of(r#"{"a":{"c":true,"d":null},"b":[1,2.50,"x\u000a"],"digest":"any"}"#));
        for other in [
            r#"{"b": [2, 1, "x\n"], "a": {"d": null, "c": true}}"#,
            r#"{"b": [1, 2.5, "x\n"], "a": {"d": null, "c": false}}"#,
            r#"{"b": [1, 2.5, "x\n"], "a": {"d": null}}"#,
            r#"{"b": [1, 2.5, "x"], "a": {"d": null, "c": true}}"#,
        ] {
            assert_ne!(one, of(other), "{other}");
        }
        let mut text = Vec::new();
        canonical(&json!({"é\"": [1.0, -3], "a": {}}), &mut text);
        assert_eq!(String::from_utf8(text).unwrap(), r#"{"a":{},"é\"":[1.0,-3]}"#);
    }
}
