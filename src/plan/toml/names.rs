//! What a name may hold.

/// Longest name of a scenario and of a phase, in characters.
pub(crate) const NAME_CHARS_MAX: usize = 100;

/// What a name may hold that becomes part of a path or of a topic.
pub(crate) const fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}
