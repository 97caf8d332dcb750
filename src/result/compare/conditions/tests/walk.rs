//! The leaves of a result: where they are, what they are called, and another value for each.

use serde_json::{Value, json};

use crate::result::RunResult;

/// The JSON pointers of all leaves below one.
pub(super) fn leaves(value: &Value, pointer: &str, found: &mut Vec<String>) {
    let entries: Vec<(String, &Value)> = match value {
        Value::Object(entries) => entries.iter().map(|(key, v)| (key.clone(), v)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(n, v)| (n.to_string(), v)).collect(),
        _ => return found.push(pointer.to_owned()),
    };
    for (key, value) in entries {
        leaves(value, &format!("{pointer}/{key}"), found);
    }
}

/// The path under which a leaf is named: lists without their places, clients and the plan's
/// entries by their names.
pub(super) fn path_of(base: &Value, pointer: &str) -> String {
    let mut path = Vec::new();
    let mut here = base;
    for key in pointer.split('/').skip(1) {
        let is_entry = here.is_array();
        here = here.pointer(&format!("/{key}")).unwrap();
        let name = here.get("client").or_else(|| here.get("name")).and_then(Value::as_str);
        match name.filter(|_| is_entry) {
            Some(name) => path.push(name),
            None if is_entry && !pointer.starts_with("/plan") => {}
            None if key == "properties" && pointer.starts_with("/clients") => {}
            None => path.push(key),
        }
    }
    let path = path.join(".");
    path.strip_prefix("plan.").map_or(path.clone(), str::to_owned)
}

/// The result with another value at one place: the first of some that a result can have there.
pub(super) fn changed(base: &Value, pointer: &str) -> Value {
    let candidates = match base.pointer(pointer).unwrap() {
        // Ports and ids are not looked at, hosts are.
        Value::String(_) if pointer.contains("/advertised/") => vec![json!("1@elsewhere:9092")],
        Value::String(_) if pointer.ends_with("/load_before") => vec![json!("99.5")],
        Value::String(text) => vec![json!(format!("{text} changed")), json!("embedded")],
        Value::Number(number) if number.is_f64() => {
            vec![json!(number.as_f64().unwrap().mul_add(2.0, 1.0))]
        }
        Value::Number(number) if number.as_u64() > Some(1 << 60) => vec![json!(7)],
        Value::Number(number) => vec![json!(2 * number.as_i64().unwrap() + 1)],
        Value::Bool(is) => vec![json!(!is)],
        _ => vec![json!("changed"), json!(7), json!(7.5), json!(true)],
    };
    let mut all = candidates.into_iter().map(|value| {
        let mut other = base.clone();
        *other.pointer_mut(pointer).unwrap() = value;
        other
    });
    all.find(|other| serde_json::from_value::<RunResult>(other.clone()).is_ok())
        .unwrap_or_else(|| panic!("{pointer}: no other value can be read back"))
}
