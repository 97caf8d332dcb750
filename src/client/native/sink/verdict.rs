//! What an error of Kafka's means for a batch.

use kafka_protocol::error::ResponseError;

/// What is to become of a batch that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProduceVerdict {
    /// It is in the log.
    Written,
    /// It is to be sent again after a while: perhaps somewhere else, perhaps it is in the log.
    Retry { elsewhere: bool, is_perhaps_written: bool },
    /// An earlier batch of its partition is missing.
    OutOfOrder,
    /// The broker does not know the producer, or another epoch of it: it has to begin anew.
    Unknown,
    /// It never will be written; perhaps it is all the same.
    Refused { is_perhaps_written: bool },
}

/// Judges the error code of an answer.
pub(super) fn judge(error: i16) -> ProduceVerdict {
    let Some(error) = ResponseError::try_from_code(error) else { return ProduceVerdict::Written };
    match error {
        // It came again, and the log has it.
        ResponseError::DuplicateSequenceNumber => ProduceVerdict::Written,
        ResponseError::OutOfOrderSequenceNumber => ProduceVerdict::OutOfOrder,
        ResponseError::UnknownProducerId | ResponseError::InvalidProducerEpoch => {
            ProduceVerdict::Unknown
        }
        // The leader has it, and the others perhaps.
        ResponseError::RequestTimedOut
        | ResponseError::NotEnoughReplicasAfterAppend
        | ResponseError::NetworkException => {
            ProduceVerdict::Retry { elsewhere: true, is_perhaps_written: true }
        }
        // Whatever it was, it may have come after the write.
        ResponseError::UnknownServerError | ResponseError::Unknown(_) => {
            ProduceVerdict::Refused { is_perhaps_written: true }
        }
        error if error.is_retriable() => {
            let elsewhere = error != ResponseError::NotEnoughReplicas;
            ProduceVerdict::Retry { elsewhere, is_perhaps_written: false }
        }
        _ => ProduceVerdict::Refused { is_perhaps_written: false },
    }
}

/// An error in Kafka's words.
pub(super) fn told(error: i16, message: &str) -> String {
    let name = ResponseError::try_from_code(error)
        .map_or_else(|| "no error".to_owned(), |error| error.to_string());
    if message.is_empty() {
        format!("the broker answered {name} ({error})")
    } else {
        format!("the broker answered {name} ({error}): {message}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_answer_has_its_consequence() {
        let retry =
            |elsewhere, is_perhaps_written| ProduceVerdict::Retry { elsewhere, is_perhaps_written };
        for (error, verdict) in [
            (0, ProduceVerdict::Written),
            (46, ProduceVerdict::Written),
            (45, ProduceVerdict::OutOfOrder),
            (59, ProduceVerdict::Unknown),
            (47, ProduceVerdict::Unknown),
            (6, retry(true, false)),
            (3, retry(true, false)),
            (74, retry(true, false)),
            (19, retry(false, false)),
            (2, retry(true, false)),
            (7, retry(true, true)),
            (20, retry(true, true)),
            (10, ProduceVerdict::Refused { is_perhaps_written: false }),
            (87, ProduceVerdict::Refused { is_perhaps_written: false }),
            (29, ProduceVerdict::Refused { is_perhaps_written: false }),
            (-1, ProduceVerdict::Refused { is_perhaps_written: true }),
            (9_999, ProduceVerdict::Refused { is_perhaps_written: true }),
        ] {
            assert_eq!(judge(error), verdict, "{error}");
        }
        assert_eq!(told(10, ""), "the broker answered MessageTooLarge (10)");
        assert_eq!(told(87, "no key"), "the broker answered InvalidRecord (87): no key");
    }
}
