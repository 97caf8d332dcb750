//! JSON of results: every number is one that a run can have before anything is made of it.

use serde_json::{Number, Value};

/// The greatest count, either way: what a 64-bit float holds to the unit, a million events a
/// second for 285 years. Thousands of them add up within 64 bits.
const COUNT_MAX: u64 = 1 << 53;

/// Names whose numbers are times or sizes, which a wrong clock or an unlimited limit makes large.
const WIDE: [&str; 3] = ["_ns", "_us", "_bytes"];

/// Names that hold any number: seeds, and figures in whatever unit.
const ANY: [&str; 2] = ["seed", "actual"];

/// The member that is a plan, which whoever uses it reads by its own rules.
const PLAN: &str = "plan";

/// Checks every number of a document: counts and seconds up to 2^53, times in ns or µs and sizes
/// up to 2^63.
///
/// # Errors
/// The first that is beyond: where it stands, what it is, and what was expected.
pub fn check(value: &Value) -> Result<(), String> {
    inside(value, "", &mut String::new())
}

fn inside(value: &Value, name: &str, path: &mut String) -> Result<(), String> {
    let end = path.len();
    match value {
        Value::Number(number) => number_of(name, number).map_err(|most| {
            format!("{path}: {number} is out of range; expected -{most} to {most}")
        }),
        Value::Array(items) => items.iter().enumerate().try_for_each(|(place, item)| {
            path.push_str(&format!("[{place}]"));
            inside(item, name, path)?;
            path.truncate(end);
            Ok(())
        }),
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            if name == PLAN {
                return Ok(());
            }
            if end > 0 {
                path.push('.');
            }
            path.push_str(name);
            inside(member, name, path)?;
            path.truncate(end);
            Ok(())
        }),
        _ => Ok(()),
    }
}

fn number_of(name: &str, number: &Number) -> Result<(), u64> {
    if ANY.contains(&name) {
        return Ok(());
    }
    let most = if WIDE.iter().any(|end| name.ends_with(end)) { 1 << 63 } else { COUNT_MAX };
    let is_legal = match (number.as_u64(), number.as_i64()) {
        (Some(number), _) => number <= most.min(i64::MAX.unsigned_abs()),
        (None, Some(number)) => number.unsigned_abs() <= most,
        (None, None) => number.as_f64().is_some_and(|number| number.abs() <= most as f64),
    };
    if is_legal { Ok(()) } else { Err(most) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_no_run_has_are_told_with_their_place() {
        let says = |text: &str| check(&serde_json::from_str(text).unwrap());
        let most = (1_u64 << 53).to_string();
        for legal in [
            &format!(r#"{{"a": [{most}, -{most}, 0.5, null, "x"], "b": {{"c": true}}}}"#),
            r#"{"seed": 18446744073709551615, "plan": {"x": 18446744073709551615}}"#,
            r#"{"max_ns": 9223372036854775807, "at_us": -9223372036854775808, "actual": 1e300}"#,
            r#"{"memory_bytes": 9223372036854771712}"#,
        ] {
            assert_eq!(says(legal), Ok(()), "{legal}");
        }
        for (text, place) in [
            (r#"{"a": {"b": [0, 9007199254740993]}}"#, "a.b[1]: 9007199254740993 is out of range"),
            (r#"[{"from_s": 1e308}]"#, "[0].from_s: 1e+308 is out of range"),
            (r#"{"x": -9223372036854775808}"#, "x: -9223372036854775808 is out of range"),
            (r#"{"x_ns": 9223372036854775808}"#, "x_ns: 9223372036854775808 is out of range"),
            (r#"{"x_ns": 1e19}"#, "x_ns: 1e+19 is out of range"),
        ] {
            let said = says(text).unwrap_err();
            assert!(said.starts_with(place) && said.contains("; expected -"), "{said}");
        }
    }
}
