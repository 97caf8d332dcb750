//! A topic's id: what tells a topic from one that was made anew under its name. The wrapper has
//! no call for it, so librdkafka's own is made.

use std::ffi::{CStr, CString};
use std::time::Duration;

use rdkafka::client::Client;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka::{ClientContext, bindings as native};

/// The id of a cluster that knows of none: all zeros.
const NONE: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// Asks for a topic's id, in base64 as Kafka's tools print it; `None` where the cluster has none.
///
/// # Errors
/// librdkafka's code, where the topic is not there or nobody answers within `wait`.
pub(super) fn ask<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    wait: Duration,
) -> Result<Option<String>, RDKafkaErrorCode> {
    let name = CString::new(topic).map_err(|_| RDKafkaErrorCode::InvalidTopic)?;
    let wait_ms = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
    let mut names = [name.as_ptr()];
    // SAFETY: client and name outlive the calls. Queue, collection and event are made here, looked
    // at before they are given back, and given back once.
    unsafe {
        let queue = native::rd_kafka_queue_new(client.native_ptr());
        let topics = native::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), 1);
        native::rd_kafka_DescribeTopics(client.native_ptr(), topics, std::ptr::null(), queue);
        native::rd_kafka_TopicCollection_destroy(topics);
        let event = native::rd_kafka_queue_poll(queue, wait_ms);
        let found = if event.is_null() {
            Err(RDKafkaErrorCode::OperationTimedOut)
        } else {
            let found = read(event);
            native::rd_kafka_event_destroy(event);
            found
        };
        native::rd_kafka_queue_destroy(queue);
        found
    }
}

/// The id in an answer.
///
/// # Safety
/// The event must be alive, and the answer to one request for one topic.
unsafe fn read(event: *mut native::rd_kafka_event_t) -> Result<Option<String>, RDKafkaErrorCode> {
    const FINE: RDKafkaRespErr = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
    // SAFETY: as of this function; what is returned lives as long as the event.
    unsafe {
        let code = native::rd_kafka_event_error(event);
        if code != FINE {
            return Err(code.into());
        }
        let result = native::rd_kafka_event_DescribeTopics_result(event);
        if result.is_null() {
            return Err(RDKafkaErrorCode::Unknown);
        }
        let mut count = 0;
        let found = native::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        if count == 0 || found.is_null() {
            return Err(RDKafkaErrorCode::UnknownTopicOrPartition);
        }
        let description = *found;
        let error = native::rd_kafka_TopicDescription_error(description);
        if !error.is_null() && native::rd_kafka_error_code(error) != FINE {
            return Err(native::rd_kafka_error_code(error).into());
        }
        let id = native::rd_kafka_TopicDescription_topic_id(description);
        let text = native::rd_kafka_Uuid_base64str(id);
        if text.is_null() {
            return Ok(None);
        }
        let text = CStr::from_ptr(text).to_string_lossy().into_owned();
        Ok(Some(text).filter(|text| text.trim_end_matches('=') != NONE))
    }
}
