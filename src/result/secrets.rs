//! Nothing secret gets into a result, which people mail and publish.

use crate::plan::is_secret;

/// What stands in place of a secret.
const MASK: &str = "***";

/// `-X sasl.password=…`, `--set kafka.producer."sasl.password"=…` and their like: masked from
/// the first `=` after a secret name. An argument without one stays.
#[must_use]
fn mask_argument(argument: &str) -> String {
    for (at, _) in argument.match_indices('=') {
        let (key, _) = argument.split_at(at);
        if is_secret(key) {
            return format!("{key}={MASK}");
        }
    }
    argument.to_owned()
}

/// The arguments of a command line without their secrets.
pub fn mask_arguments(arguments: &mut [String]) {
    let mut value_follows = false;
    for argument in arguments {
        if std::mem::take(&mut value_follows) {
            MASK.clone_into(argument);
            continue;
        }
        *argument = mask_argument(argument);
        // `--sasl-password hunter2`, should there ever be such a flag.
        value_follows =
            argument.starts_with("--") && !argument.contains('=') && is_secret(argument);
    }
}

/// A scenario's text without its secrets. Comments and layout stay where that is safe.
#[must_use]
pub fn mask_toml(text: &str) -> String {
    let Ok(original) = toml::from_str::<toml::Table>(text) else {
        // Nothing can be said about what can't be read: no line that might hold a secret stays.
        let lines = text.lines().map(|line| if is_secret(line) { "# ***" } else { line });
        return lines.collect::<Vec<_>>().join("\n");
    };
    let mut secrets = Vec::new();
    let mut masked = toml::Value::Table(original.clone());
    mask_toml_value(&mut masked, &mut secrets);
    if secrets.is_empty() {
        return text.to_owned();
    }
    let in_place = secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, MASK));
    let safe = toml::from_str::<toml::Table>(&in_place)
        .is_ok_and(|table| toml::Value::Table(table) == masked);
    // Escapes, or a secret that is a part of something else: write it anew, without comments.
    if safe { in_place } else { toml::to_string(&masked).unwrap_or_default() }
}

fn mask_toml_value(value: &mut toml::Value, secrets: &mut Vec<String>) {
    match value {
        toml::Value::Table(fields) => {
            for (key, value) in fields {
                if is_secret(key) {
                    // A table or number too: the text is written anew then.
                    secrets.push(value.as_str().unwrap_or("\0").to_owned());
                    *value = toml::Value::String(MASK.into());
                } else {
                    mask_toml_value(value, secrets);
                }
            }
        }
        toml::Value::Array(items) => {
            items.iter_mut().for_each(|item| mask_toml_value(item, secrets));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_keep_their_names_and_lose_their_secrets() {
        for (argument, masked) in [
            ("sasl.password=a=b", "sasl.password=***"),
            ("-Xsasl.password=hunter2", "-Xsasl.password=***"),
            ("--set=kafka.producer.sasl.password=x", "--set=kafka.producer.sasl.password=***"),
            ("linger.ms=5", "linger.ms=5"),
            ("scenarios/password.toml", "scenarios/password.toml"),
        ] {
            assert_eq!(mask_argument(argument), masked);
        }
        let mut arguments = ["--sasl-password", "hunter2", "run"].map(String::from);
        mask_arguments(&mut arguments);
        assert_eq!(arguments, ["--sasl-password", "***", "run"]);
    }

    #[test]
    fn a_scenario_keeps_its_comments_where_that_is_safe() {
        let text = "# load\nseed = 1\n[kafka.producer]\n\"sasl.password\" = \"hunter2\" # why\n";
        let masked = mask_toml(text);
        assert_eq!(masked, text.replace("hunter2", "***"));
        assert_eq!(mask_toml("a = 1 # password\n"), "a = 1 # password\n");
    }

    #[test]
    fn no_spelling_of_a_secret_survives_in_a_scenario() {
        for text in [
            "p = { \"sasl.password\" = \"hunter2\" }",
            "\"ssl.key.pem\" = \"\"\"\nhunter2\nhunter2\n\"\"\"",
            "password = \"hunter2\\\"\\u0041\"\nother = \"x\"",
            "[secret]\ninner = \"hunter2\"",
            "name = \"hunter2 here\"\nsecret = \"hunter2 here\"\nseed = 1",
            "password = \"hunter2",
            "secret = \"e\"\nseed = 1",
        ] {
            let masked = mask_toml(text);
            let left = masked.replace("name = \"hunter2 here\"", "");
            assert!(!left.contains("hunter2"), "{masked}");
            assert!(!masked.contains("secret = \"e\""), "{masked}");
        }
    }
}
