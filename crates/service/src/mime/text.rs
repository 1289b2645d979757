//! The text of a message: for search and for previews.

use super::content_type::{word, word_and_parameters};
use super::{Mime, Part, decode, parameter, value_of};
use crate::header::fields;

/// Characters of a preview (RFC 8970 §3.1 allows 256).
const PREVIEW_CHARS: usize = 200;
/// Octets of a text part that a preview looks at.
const PREVIEW_OCTETS: usize = 16_384;
/// Characters that nobody sees; newsletters fill the first line with them.
const INVISIBLE: [char; 7] = [
    '\u{ad}', '\u{34f}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}',
];
/// Octets of a character reference of HTML, without its `&`.
const ENTITY_MAX_OCTETS: usize = 10;

impl Mime {
    /// Whether the decoded text of a part contains this text, without regard to case.
    ///
    /// Parts are decoded one after the other, so no more than one is in memory. Markup of HTML is
    /// not text.
    pub fn body_contains(&self, message: &[u8], wanted: &str) -> bool {
        let wanted = wanted.to_lowercase();
        let mut found = wanted.is_empty();
        self.root.walk(&mut |part| {
            if !found && part.is_text() {
                let text = part.text(message, usize::MAX);
                found = text.to_lowercase().contains(&wanted);
            }
        });
        found
    }

    /// Whether the decoded header fields or the decoded text contain this text, without regard to
    /// case.
    pub fn text_contains(&self, message: &[u8], wanted: &str) -> bool {
        let lower = wanted.to_lowercase();
        let mut found = self.body_contains(message, wanted);
        self.root.walk(&mut |part| {
            if !found {
                let head = message.get(part.header.clone()).unwrap_or_default();
                found = decoded_header(head).to_lowercase().contains(&lower)
                    || part.has_file_name(head, &lower);
            }
        });
        found
    }

    /// The first words of the message, in one line.
    pub fn preview(&self, message: &[u8]) -> String {
        let mut preview = String::new();
        self.root.walk(&mut |part| {
            if preview.is_empty() && part.is_text() && !part.is_attached(message) {
                let mut text = part.text(message, PREVIEW_OCTETS);
                text.retain(|c| !INVISIBLE.contains(&c));
                let words: Vec<&str> = text.split_whitespace().collect();
                preview = words.join(" ").chars().take(PREVIEW_CHARS).collect();
            }
        });
        preview
    }
}

impl Part {
    /// Whether a file name of this part, decoded, contains this text in small letters.
    fn has_file_name(&self, head: &[u8], lower: &str) -> bool {
        let names = self.file_names(head);
        names.iter().any(|name| name.to_lowercase().contains(lower))
    }

    /// Whether it has a file name.
    pub(super) fn has_any_file_name(&self, head: &[u8]) -> bool {
        !self.file_names(head).is_empty()
    }

    /// The file names of this part, decoded.
    fn file_names(&self, head: &[u8]) -> Vec<String> {
        let disposition = value_of(head, "Content-Disposition").and_then(word_and_parameters);
        let mut names = parameter::texts(&self.content.parameters, "name");
        if let Some((_, parameters)) = disposition {
            names.extend(parameter::texts(&parameters, "filename"));
        }
        names
    }

    /// Whether it is a file beside the text (RFC 2183 §2.2).
    pub(super) fn is_attached(&self, message: &[u8]) -> bool {
        let head = message.get(self.header.clone()).unwrap_or_default();
        let disposition = value_of(head, "Content-Disposition").map(word);
        disposition.is_some_and(|word| word.eq_ignore_ascii_case(b"attachment"))
    }

    /// The decoded text of at most `max_octets` of a text part.
    fn text(&self, message: &[u8], max_octets: usize) -> String {
        let body = message.get(self.body.clone()).unwrap_or_default();
        let decoded = decode::transfer(&self.encoding, &body[..body.len().min(max_octets)]);
        let charset = self.content.parameter("charset");
        let text = decode::charset(charset.as_deref(), &decoded);
        if self.content.subtype.eq_ignore_ascii_case(b"html") {
            without_markup(&text)
        } else {
            text
        }
    }
}

/// HTML without tags, comments, styles and scripts, and with its commonest entities decoded. For
/// search and previews only: never shown as HTML again.
pub(super) fn without_markup(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((plain, tag)) = rest.split_once('<') {
        text.push_str(plain);
        let hidden = [
            ("!--", "-->"),
            ("style", "</style"),
            ("script", "</script"),
            ("title", "</title"),
        ];
        let starts = |word: &str| {
            let start = tag.as_bytes().get(..word.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
        };
        let end = hidden
            .iter()
            .find(|(start, _)| starts(start))
            .map_or(">", |(_, end)| end);
        let Some(at) = find_ignoring_case(tag, end) else {
            // Unclosed: all that follows is text, so that nothing hides behind it.
            rest = tag;
            break;
        };
        // A comment parts no word either: one inside a word would hide it from a filter.
        let inline = [
            "b>", "i>", "em", "span", "a ", "/b>", "/i>", "/em", "/span", "/a>", "!--",
        ];
        if !inline.iter().any(|word| starts(word)) {
            text.push(' ');
        }
        let after = &tag[at + end.len()..];
        rest = match end {
            ">" | "-->" => after,
            _ => after.split_once('>').map_or("", |(_, after)| after),
        };
    }
    text.push_str(rest);
    without_entities(&text)
}

/// The text with its character references replaced, each once; what is none stays.
fn without_entities(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        rest = after;
        match entity(after) {
            Some((character, octets)) => {
                plain.push(character);
                rest = &after[octets..];
            }
            None => plain.push('&'),
        }
    }
    plain.push_str(rest);
    plain
}

/// The character that a reference stands for, and the octets behind its `&`.
fn entity(text: &str) -> Option<(char, usize)> {
    let octets = text.bytes().take(ENTITY_MAX_OCTETS);
    let end = octets.into_iter().position(|c| c == b';')?;
    let named = [
        ("nbsp", ' '),
        ("lt", '<'),
        ("gt", '>'),
        ("quot", '"'),
        ("apos", '\''),
        ("amp", '&'),
        ("zwnj", '\u{200c}'),
        ("shy", '\u{ad}'),
        ("ndash", '\u{2013}'),
        ("mdash", '\u{2014}'),
        ("hellip", '\u{2026}'),
        ("euro", '\u{20ac}'),
    ];
    let name = &text[..end];
    let character = match name.strip_prefix('#') {
        None => named
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, c)| *c),
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => number.parse().ok(),
        }
        .and_then(char::from_u32),
    };
    Some((character?, end + 1))
}

/// Where ASCII text begins in another, without regard to case.
fn find_ignoring_case(text: &str, wanted: &str) -> Option<usize> {
    let windows = text.as_bytes().windows(wanted.len()).enumerate();
    let mut matches = windows.filter(|(_, window)| window.eq_ignore_ascii_case(wanted.as_bytes()));
    matches.next().map(|(at, _)| at)
}

/// All fields of a header block as `Name: decoded value` lines.
pub fn decoded_header(head: &[u8]) -> String {
    let mut text = String::with_capacity(head.len());
    for field in fields(head) {
        text.push_str(&String::from_utf8_lossy(field.name));
        text.push_str(": ");
        text.push_str(&decoded_value(field.value));
        text.push('\n');
    }
    text
}

/// Whether a field of this name has this text in its decoded value, without regard to case; every
/// value has the empty text (RFC 9051 §6.4.4).
pub fn matches_header(head: &[u8], name: &str, wanted: &str) -> bool {
    let wanted = wanted.to_lowercase();
    fields(head)
        .filter(|field| field.is(name))
        .any(|field| decoded_value(field.value).to_lowercase().contains(&wanted))
}

pub(super) fn decoded_value(value: &[u8]) -> String {
    let decoded = decode::encoded_words(value);
    decoded.trim_start().replace("\r\n", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_not_text() {
        for (html, expected) in [
            ("<p>a<b>b</b>c</p>d", " abc d"),
            ("a<style>x{}</STYLE >b<!-- c > -->d", "a bd"),
            ("a<script>\"</p>\"</script>b", "a b"),
            ("a &lt;b&gt; &amp;amp;", "a <b> &amp;"),
            (
                "it&#8217;s &#x20AC;5 &euro;&nope; &#0x; & &#99999999;",
                "it\u{2019}s €5 €&nope; &#0x; & &#99999999;",
            ),
            ("<title>t</title>a", " a"),
            ("1 < 2", "1  2"),
            ("a<!-- open", "a!-- open"),
        ] {
            assert_eq!(without_markup(html), expected, "{html}");
        }
    }
}
