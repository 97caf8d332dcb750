//! Texts that came from somewhere else, made fit to be shown: one place for every form.
//!
//! A name out of a file, a record or a broker's answer may hold what a terminal obeys (escape
//! sequences, line ends) or what turns the order of letters around. Whatever is shown to a person
//! goes through here, so that it can be read and does nothing.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Whether a character is not seen where it stands, or is obeyed: controls (C0, DEL, C1), line and
/// paragraph separators, those that set the direction of text ("Trojan Source", CVE-2021-42574),
/// those without width, fillers, and tags.
#[must_use]
pub const fn is_hidden(c: char) -> bool {
    matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}')
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// A text on one line, in which every hidden character is written out as JSON would: `\n`,
/// `\u001b`, `\u202e`.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hidden(c) { write_out(c, &mut out) } else { out.push(c) }
    }
    Cow::Owned(out)
}

fn write_out(c: char, out: &mut String) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        _ => {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
}

/// A page for a terminal: its line ends and our colours stay, every other hidden character is
/// written out; JSON reads back to the same. The second line of defence: what goes into a page is
/// [`visible`] already.
#[must_use]
pub fn page(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| is_hidden(c) && c != '\n') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let colour = if c == '\u{1b}' { colour(after) } else { 0 };
        if colour > 0 || c == '\n' || !is_hidden(c) {
            out.push_str(&rest[..c.len_utf8() + colour]);
        } else {
            write_out(c, &mut out);
        }
        rest = &after[colour..];
    }
    Cow::Owned(out)
}

/// The length of a colour's code behind its escape character, `[1;32m`; 0 where it is none.
fn colour(text: &str) -> usize {
    let Some(codes) = text.strip_prefix('[') else { return 0 };
    let rest = codes.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
    if rest.starts_with('m') { codes.len() - rest.len() + 2 } else { 0 }
}

/// A [`visible`] text that Markdown takes for nothing but text, also within a table.
#[must_use]
pub fn markdown(text: &str) -> String {
    let text = visible(text);
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        let is_special = match c {
            '|' | '`' | '[' | ']' | '*' | '~' | '&' => true,
            // Nothing begins with it before a blank or a digit, as in `p99 < 50ms`.
            '<' => !next.is_some_and(|next| matches!(next, ' ' | '=' | '0'..='9')),
            '\\' => next.is_none_or(|next| next.is_ascii_punctuation()),
            _ => false,
        };
        if is_special {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A text as Markdown's code: a fence longer than any within, since nothing is escaped there.
#[must_use]
pub fn code(text: &str) -> String {
    let text = visible(text);
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    let blank = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{blank}{text}{blank}{fence}")
}

/// A value whose texts are all [`visible`], wherever they stand in it; it itself where they are.
#[must_use]
pub fn shown<T: Serialize + DeserializeOwned + Clone>(value: &T) -> Cow<'_, T> {
    let is_plain = serde_json::to_string(value).is_ok_and(|text| {
        // JSON itself escapes quotation marks and backslashes; any other escape is a control.
        let mut rest = text.as_str();
        let mut plain = !text.contains(is_hidden);
        while let Some((_, after)) = rest.split_once('\\').filter(|_| plain) {
            plain = after.starts_with(['"', '\\']);
            rest = after.get(1..).unwrap_or_default();
        }
        plain
    });
    if is_plain {
        return Cow::Borrowed(value);
    }
    mapped(value, &|text| visible(text).into_owned(), &[]).map_or(Cow::Borrowed(value), Cow::Owned)
}

/// A value whose texts are all fit for [`markdown`], but for the members of these names: they are
/// only [`visible`], to be shown as [`code`].
#[must_use]
pub fn in_markdown<T: Serialize + DeserializeOwned + Clone>(value: &T, code: &[&str]) -> T {
    mapped(value, &markdown, code).unwrap_or_else(|| value.clone())
}

/// `None` where the value does not read back, as with numbers that JSON does not know: those are
/// refused when a result is saved or read.
fn mapped<T: Serialize + DeserializeOwned>(
    value: &T,
    map: &dyn Fn(&str) -> String,
    code: &[&str],
) -> Option<T> {
    let mut value = serde_json::to_value(value).ok()?;
    texts(&mut value, map, code);
    serde_json::from_value(value).ok()
}

fn texts(value: &mut Value, map: &dyn Fn(&str) -> String, code: &[&str]) {
    match value {
        Value::String(text) => *text = map(text),
        Value::Array(items) => items.iter_mut().for_each(|item| texts(item, map, code)),
        Value::Object(members) => {
            let mut mapped = Map::new();
            for (name, mut member) in std::mem::take(members) {
                if code.contains(&name.as_str()) {
                    texts(&mut member, &|text| visible(text).into_owned(), &[]);
                } else {
                    texts(&mut member, map, code);
                }
                mapped.insert(map(&name), member);
            }
            *members = mapped;
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What a terminal obeys, what turns text around, and what has no width.
    const HOSTILE: &str = "a\u{1b}]0;x\u{7}\r\n\u{9b}2J\u{202e}\u{2066}\u{200b}\u{feff}\u{e0041}z";

    #[test]
    fn nothing_hidden_is_left_and_what_can_be_read_stays() {
        let seen = visible(HOSTILE);
        assert!(!seen.contains(is_hidden), "{seen:?}");
        let expected =
            "a\\u001b]0;x\\u0007\\r\\n\\u009b2J\\u202e\\u2066\\u200b\\ufeff\\udb40\\udc41z";
        assert_eq!(seen, expected);
        assert_eq!(visible(&seen), seen, "once is enough");
        let plain = "São Paulo, 価格 µs → p99 ≤ 5 \\ \"x\" 🚀";
        assert!(matches!(visible(plain), Cow::Borrowed(same) if same == plain));
    }

    #[test]
    fn a_page_keeps_its_lines_and_our_colours_and_nothing_else() {
        let text = "\u{1b}[1;32mVALID\u{1b}[0m  x\n  y\n";
        assert_eq!(page(text), text);
        let forged = format!("{text}{HOSTILE}\u{1b}[2J\u{1b}");
        let seen = page(&forged);
        let rest = seen.strip_prefix(text).unwrap();
        assert!(!rest.contains(|c| is_hidden(c) && c != '\n'), "{rest:?}");
        assert!(rest.ends_with("z\\u001b[2J\\u001b"), "{rest}");
    }

    #[test]
    fn json_on_a_page_reads_back_to_the_same() {
        let value = json!({ HOSTILE: [HOSTILE, 1, null, "\u{7f}"] });
        let text = serde_json::to_string_pretty(&value).unwrap();
        let seen = page(&text);
        assert!(!seen.contains(|c| is_hidden(c) && c != '\n'), "{seen}");
        assert_eq!(serde_json::from_str::<Value>(&seen).unwrap(), value);
    }

    #[test]
    fn markdown_takes_a_text_for_text() {
        assert_eq!(
            markdown("<img src=x> a|b `c` [d](e) **f** ~~g~~ &lt; \u{1b}"),
            "\\<img src=x> a\\|b \\`c\\` \\[d\\](e) \\*\\*f\\*\\* \\~\\~g\\~\\~ \\&lt; \\u001b"
        );
        assert_eq!(markdown("p99 < 50ms, x <= 3, <5"), "p99 < 50ms, x <= 3, <5");
        assert_eq!(markdown("a\\|b <"), "a\\\\\\|b \\<", "an escape of its own escapes nothing");
        assert_eq!(code("a `b` ``c"), "```a `b` ``c```");
        assert_eq!(code("`a"), "`` `a ``");
        assert_eq!(code("kbench run \u{1b}"), "`kbench run \\u001b`");
    }

    #[test]
    fn every_text_of_a_value_is_reached() {
        let value = json!({ "a": ["x\n", { "b\u{202e}": "c|" }], "command_line": ["`|"], "n": 1 });
        let seen = json!({ "a": ["x\\n", { "b\\u202e": "c|" }], "command_line": ["`|"], "n": 1 });
        assert_eq!(*shown(&value), seen);
        let plain = json!({ "a": "quotation \" marks \\n and backslashes \\" });
        assert!(matches!(shown(&plain), Cow::Borrowed(_)));
        let mut escaped = seen;
        escaped["a"][1] = json!({ "b\\u202e": "c\\|" });
        assert_eq!(in_markdown(&value, &["command_line"]), escaped);
    }
}
