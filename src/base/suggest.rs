//! What somebody may have meant who typed an unknown word.

/// So many characters of what was typed are compared: a word of megabytes is near to none, and
/// would take minutes to be told so.
const COMPARED_CHARS_MAX: usize = 100;

/// The known word nearest to what was typed, if any is near.
pub(crate) fn nearest<'w>(typed: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let typed: String = typed.chars().take(COMPARED_CHARS_MAX).collect();
    let typed = typed.to_lowercase();
    let scored = known.map(|word| (strsim::jaro_winkler(&typed, word), word));
    scored
        .filter(|(score, _)| *score > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, word)| word)
}

/// The known words, the nearest to what was typed first.
pub(crate) fn distances<'w>(typed: &str, known: impl Iterator<Item = &'w str>) -> Vec<&'w str> {
    let typed: String = typed.chars().take(COMPARED_CHARS_MAX).collect();
    let mut scored: Vec<(f64, &str)> = known
        .map(|word| {
            // Letters that differ first: metrics share their beginnings and ends.
            let near = strsim::normalized_damerau_levenshtein(&typed, word);
            (near + strsim::jaro_winkler(&typed, word) / 10.0, word)
        })
        .collect();
    scored.sort_by(|left, right| right.0.total_cmp(&left.0));
    scored.into_iter().map(|(_, word)| word).collect()
}
