//! What Kafka's own tools write into a properties file, in librdkafka's words.

/// What a line of Java's client means to librdkafka.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Java {
    /// These properties instead.
    Means(Vec<(&'static str, String)>),
    /// Nothing.
    Dropped,
    /// Just what it says.
    Same,
}

/// Translates what has a plain counterpart.
pub(super) fn meaning(name: &str, value: &str) -> Java {
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
    fn java_s_login_becomes_user_and_password() {
        let jaas = "org.apache.kafka.common.security.plain.PlainLoginModule required \
                    username=\"me\" password='pa ss';";
        let means = vec![("sasl.username", "me".into()), ("sasl.password", "pa ss".into())];
        assert_eq!(meaning("sasl.jaas.config", jaas), Java::Means(means));
        assert_eq!(meaning("sasl.jaas.config", "Krb5LoginModule required;"), Java::Same);
        assert_eq!(meaning("key.serializer", "x"), Java::Dropped);
        assert_eq!(meaning("acks", "all"), Java::Same);
    }
}
