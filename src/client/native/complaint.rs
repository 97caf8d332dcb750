//! What the clients of a target complain about, in one line.

use std::sync::{Arc, Mutex, PoisonError};

use kafka_protocol::error::ResponseError;

/// Shared by the clients of a target.
#[derive(Debug, Clone, Default)]
pub(super) struct Complaint(Arc<Mutex<Said>>);

#[derive(Debug, Default)]
struct Said {
    newest: Option<String>,
    refusal: Option<String>,
}

impl Complaint {
    /// Says why there is no progress, or that there is some again.
    pub(super) fn set(&self, why: Option<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).newest = why;
    }

    /// Says why there will never be any: nobody takes that back.
    pub(super) fn refuse(&self, why: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).refusal = Some(why);
    }

    /// The newest one.
    pub(super) fn get(&self) -> Option<String> {
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.refusal.clone().or_else(|| said.newest.clone())
    }

    /// What no waiting mends.
    pub(super) fn refusal(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).refusal.clone()
    }
}

/// A broker's error in words, as Kafka names it.
pub(super) fn words(error: ResponseError) -> String {
    let mut words = String::new();
    for letter in error.to_string().chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_stays_whatever_else_is_said() {
        let complaint = Complaint::default();
        complaint.clone().set(Some("slow".to_owned()));
        assert_eq!((complaint.get().as_deref(), complaint.refusal()), (Some("slow"), None));
        complaint.clone().refuse("never".to_owned());
        complaint.set(None);
        assert_eq!(complaint.get().as_deref(), Some("never"));
        assert_eq!(complaint.refusal().as_deref(), Some("never"));
    }

    #[test]
    fn an_error_has_the_words_of_its_name() {
        assert_eq!(words(ResponseError::UnknownTopicOrPartition), "unknown topic or partition");
        assert_eq!(words(ResponseError::NotCoordinator), "not coordinator");
    }
}
