//! What a property takes.

/// What a property takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum PropertyKind {
    /// A whole number; least and most.
    Whole(i64, i64),
    /// A number; least and most.
    Real(f64, f64),
    /// `true` or `false`.
    Flag,
    /// One of these words, in any case.
    Words(&'static [&'static str]),
    /// Any text.
    Text,
    /// A function pointer: nothing that can be written down.
    Callback,
}
