//! What a client really runs with: librdkafka's own word, after it has made up its mind.

use super::properties::canonical;
use super::setup;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char};

use rdkafka::{ClientConfig, bindings as native};

use crate::base::error::{Error, Result};
use crate::client::facts::ClientProperties;
use crate::plan::is_secret;

/// What stands in place of a secret.
const MASK: &str = "***";

/// Reads a client's properties back, and compares them with what it was asked to have; `side` is
/// `producer` or `consumer`, for messages.
///
/// # Errors
/// [`Error::Usage`] when a property has another value than it was given.
pub(super) fn read(
    client: *mut native::rd_kafka_t,
    side: &str,
    asked: &BTreeMap<String, String>,
) -> Result<ClientProperties> {
    // SAFETY: the client is alive; the configuration is its own and is only read.
    let conf = unsafe { native::rd_kafka_conf(client) };
    for (name, wanted) in asked {
        let found = get(conf, name).unwrap_or_default();
        if !is_same(name, wanted, &found) {
            let (wanted, found) =
                if is_secret(name) { (MASK, MASK) } else { (wanted.as_str(), found.as_str()) };
            return Err(Error::usage(format!(
                "kafka.{side}.{name}: librdkafka runs with {found:?}; expected {wanted:?}, as the \
                 plan has it"
            )));
        }
    }
    // A topic's property, which no client leaves unset, so that there are topic defaults too.
    let defaults = ClientConfig::new()
        .set("message.timeout.ms", "300000")
        .create_native_config()
        .map(|fresh| dump(fresh.ptr()))
        .map_err(|error| setup::refused(side, &error))?;
    let mut properties = BTreeMap::new();
    for (name, value) in dump(conf) {
        let is_default = defaults.get(&name) == Some(&value);
        let name = canonical(&name).to_owned();
        if (!is_default || asked.contains_key(&name)) && !is_pointer(&name) {
            let value = if is_secret(&name) { MASK.to_owned() } else { value };
            properties.insert(name, value);
        }
    }
    Ok(ClientProperties { client: side.to_owned(), properties })
}

/// Whether a value read back is the one that was asked for. librdkafka cuts units off numbers,
/// and has other words for some values.
fn is_same(name: &str, wanted: &str, found: &str) -> bool {
    let wanted = wanted.trim();
    if wanted == found {
        return true;
    }
    if let (Ok(wanted), Ok(found)) = (wanted.parse::<f64>(), found.parse::<f64>()) {
        return (wanted - found).abs() <= f64::EPSILON * wanted.abs();
    }
    if wanted.starts_with(|first: char| first.is_ascii_digit() || first == '-') {
        return false;
    }
    // By the word that librdkafka has for it before there is a client.
    let mut config = ClientConfig::new();
    config.set(name, wanted);
    config
        .create_native_config()
        .is_ok_and(|fresh| get(fresh.ptr(), name).is_some_and(|word| word == found))
}

/// Function pointers and their like, which differ from run to run and tell nobody anything.
fn is_pointer(name: &str) -> bool {
    name.ends_with("_cb") || ["opaque", "default_topic_conf", "interceptors"].contains(&name)
}

/// One value, by any of its names.
fn get(conf: *const native::rd_kafka_conf_t, name: &str) -> Option<String> {
    let name = CString::new(name).ok()?;
    let mut size = 0_usize;
    // SAFETY: with no room given, only the size is written.
    let known = unsafe {
        native::rd_kafka_conf_get(conf, name.as_ptr(), std::ptr::null_mut(), &raw mut size)
    };
    if known != native::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK {
        return None;
    }
    let mut text = vec![0_u8; size.max(1)];
    // SAFETY: there is room for `size` bytes, its NUL included.
    unsafe {
        let room = text.as_mut_ptr().cast::<c_char>();
        native::rd_kafka_conf_get(conf, name.as_ptr(), room, &raw mut size);
    }
    let text = CStr::from_bytes_until_nul(&text).ok()?;
    Some(text.to_string_lossy().into_owned())
}

/// All values, by librdkafka's own names: of the client, and of topics where it has no such.
fn dump(conf: *const native::rd_kafka_conf_t) -> BTreeMap<String, String> {
    let (mut count, mut topic_count) = (0_usize, 0_usize);
    // SAFETY: it only reads the configuration, and gives `count` strings.
    let strings = unsafe { native::rd_kafka_conf_dump(conf.cast_mut(), &raw mut count) };
    let mut all = take(strings, count);
    // SAFETY: a part of the configuration, or null; it lives as long.
    let topic = unsafe { native::rd_kafka_conf_get_default_topic_conf(conf.cast_mut()) };
    if !topic.is_null() {
        // SAFETY: as above.
        let strings = unsafe { native::rd_kafka_topic_conf_dump(topic, &raw mut topic_count) };
        for (name, value) in take(strings, topic_count) {
            all.entry(name).or_insert(value);
        }
    }
    all
}

/// Takes names and values out of a dump, and gives it back.
fn take(strings: *mut *const c_char, count: usize) -> BTreeMap<String, String> {
    if strings.is_null() {
        return BTreeMap::new();
    }
    // SAFETY: the dump holds `count` strings, and lives until it is freed below.
    let text = |place: usize| unsafe {
        CStr::from_ptr(*strings.add(place)).to_string_lossy().into_owned()
    };
    let all = (0..count / 2).map(|pair| (text(2 * pair), text(2 * pair + 1))).collect();
    // SAFETY: given back once, and not used after.
    unsafe { native::rd_kafka_conf_dump_free(strings, count) };
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::producer::{BaseProducer, Producer};

    fn asked(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    /// Reads back a producer that was made with some properties and asked to have others.
    fn read_back(made: &[(&str, &str)], wanted: &[(&str, &str)]) -> Result<ClientProperties> {
        let mut config: ClientConfig = asked(made).into_iter().collect();
        config.set("bootstrap.servers", "127.0.0.1:1").set("log_level", "0");
        let producer: BaseProducer = config.create().unwrap();
        read(producer.client().native_ptr(), "producer", &asked(wanted))
    }

    #[test]
    fn what_was_asked_for_comes_back_and_the_defaults_do_not() {
        let given = [
            ("acks", "all"),
            ("compression.type", "gzip"),
            ("enable.idempotence", "true"),
            ("linger.ms", "5.0"),
            ("message.timeout.ms", "30000"),
        ];
        let read = read_back(&given, &given).unwrap().properties;
        assert_eq!(read["compression.type"], "gzip");
        assert_eq!(read["message.timeout.ms"], "30000");
        // Nobody asked for it: idempotence brings it.
        assert_eq!(read["max.in.flight.requests.per.connection"], "5");
        assert_eq!(read["bootstrap.servers"], "127.0.0.1:1");
        assert!(!read.contains_key("socket.timeout.ms"), "a default: {read:?}");
        assert!(!read.keys().any(|name| is_pointer(name)) && read.len() < 40, "{read:?}");
    }

    #[test]
    fn a_unit_that_librdkafka_cut_off_is_seen() {
        for (name, text, found) in [("linger.ms", "5s", "\"5\""), ("batch.size", "1MB", "\"1\"")] {
            let error = read_back(&[(name, text)], &[(name, text)]).unwrap_err().to_string();
            let expected = format!("kafka.producer.{name}: librdkafka runs with {found}");
            assert!(error.starts_with(&expected) && error.lines().count() == 1, "{error}");
        }
    }

    #[test]
    fn a_value_that_librdkafka_has_changed_is_seen() {
        let error = read_back(&[("linger.ms", "7")], &[("linger.ms", "8")]).unwrap_err();
        assert!(error.to_string().contains("\"7\"; expected \"8\""), "{error}");
    }

    #[test]
    fn no_secret_is_read_back() {
        let given = [
            ("security.protocol", "sasl_plaintext"),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.username", "me"),
            ("sasl.password", "hunter2"),
        ];
        let read = read_back(&given, &given).unwrap();
        assert_eq!(read.properties["sasl.password"], MASK);
        assert_eq!(read.properties["sasl.username"], "me");
        assert!(!serde_json::to_string(&read).unwrap().contains("hunter2"));
        let error = read_back(&given, &[("sasl.password", "hunter3")]).unwrap_err().to_string();
        assert!(error.contains("sasl.password") && !error.contains("hunter"), "{error}");
    }
}
