//! A light reader of Rust text: comments, literals, words and signs with their line numbers.
//!
//! It knows only what the checks need, so that no check mistakes a string for code.

/// What a piece of Rust text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Comment,
    /// A string, byte string or character literal, with its quotes.
    Literal,
    /// A keyword, name or number.
    Word,
    /// Any other single character.
    Sign,
}

/// One piece of Rust text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
    /// Line of its first character, counted from 1.
    pub(crate) line: usize,
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function<'a> {
    pub(crate) name: &'a str,
    pub(crate) first_line: usize,
    pub(crate) last_line: usize,
}

/// Splits Rust text into its pieces; white space falls away.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (text, 1);
    loop {
        let trimmed = rest.trim_start();
        line += rest[..rest.len() - trimmed.len()].matches('\n').count();
        if trimmed.is_empty() {
            return found;
        }
        let (kind, octets) = measure(trimmed);
        let (piece, after) = trimmed.split_at(octets);
        found.push(Token {
            kind,
            text: piece,
            line,
        });
        line += piece.matches('\n').count();
        rest = after;
    }
}

/// Every function that has a body, in the order of their first lines.
pub(crate) fn functions<'a>(tokens: &[Token<'a>]) -> Vec<Function<'a>> {
    let code: Vec<Token<'a>> = tokens
        .iter()
        .copied()
        .filter(|token| token.kind != Kind::Comment)
        .collect();
    let mut found = Vec::new();
    for (at, pair) in code.windows(2).enumerate() {
        let [keyword, name] = pair else { continue };
        if keyword.text == "fn"
            && name.kind == Kind::Word
            && let Some(last_line) = body_end(&code[at..])
        {
            found.push(Function {
                name: name.text,
                first_line: keyword.line,
                last_line,
            });
        }
    }
    found
}

/// Line of the brace that closes the body; `None` for a declaration without a body.
fn body_end(code: &[Token<'_>]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut in_body = false;
    for token in code.iter().filter(|token| token.kind == Kind::Sign) {
        match token.text {
            ";" if depth == 0 => return None,
            "(" | "[" | "{" => {
                in_body |= depth == 0 && token.text == "{";
                depth += 1;
            }
            ")" | "]" | "}" => {
                depth = depth.saturating_sub(1);
                if in_body && depth == 0 {
                    return Some(token.line);
                }
            }
            _ => {}
        }
    }
    None
}

/// Kind and length in octets of the piece that `rest` begins with; `rest` is not empty.
fn measure(rest: &str) -> (Kind, usize) {
    if rest.starts_with("//") {
        return (Kind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::Comment, block_comment_octets(rest));
    }
    if let Some(octets) = string_octets(rest).or_else(|| character_octets(rest)) {
        return (Kind::Literal, octets);
    }
    let word = rest
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    if word > 0 {
        return (Kind::Word, word);
    }
    (Kind::Sign, rest.chars().next().map_or(0, char::len_utf8))
}

fn block_comment_octets(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

fn string_octets(rest: &str) -> Option<usize> {
    let prefix = rest
        .find(|c| !matches!(c, 'b' | 'c' | 'r'))
        .filter(|octets| *octets <= 2)?;
    let raw = rest[..prefix].ends_with('r');
    let hashes = rest[prefix..]
        .bytes()
        .take_while(|octet| raw && *octet == b'#')
        .count();
    let body = rest[prefix + hashes..].strip_prefix('"')?;
    let opened = prefix + hashes + 1;
    if raw {
        let close = format!("\"{}", "#".repeat(hashes));
        return Some(
            body.find(&close)
                .map_or(rest.len(), |at| opened + at + close.len()),
        );
    }
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(opened + at + 1),
            _ => {}
        }
    }
    Some(rest.len())
}

/// A character literal; a lifetime gives `None`.
fn character_octets(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix('\'')?;
    let first = body.chars().next()?;
    let least = if first == '\\' { 2 } else { first.len_utf8() };
    let tail = body.get(least..)?;
    let close = if first == '\\' { tail.find('\'')? } else { 0 };
    tail[close..]
        .starts_with('\'')
        .then_some(1 + least + close + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str, kind: Kind) -> Vec<&str> {
        tokens(source)
            .iter()
            .filter(|t| t.kind == kind)
            .map(|t| t.text)
            .collect()
    }

    #[test]
    fn literals_hide_what_looks_like_code() {
        let source =
            r####"let a = "fn x() { \" // no"; let b = br#"/* " */"#; '"' '\'' b'{' 'é'"####;
        let expected = [
            r#""fn x() { \" // no""#,
            r###"br#"/* " */"#"###,
            "'\"'",
            "'\\''",
            "'{'",
            "'é'",
        ];
        assert_eq!(texts(source, Kind::Literal), expected);
        assert!(functions(&tokens(source)).is_empty());
    }

    #[test]
    fn lifetimes_are_not_characters() {
        assert!(texts("fn f<'a>(x: &'a str, y: &'static u8);", Kind::Literal).is_empty());
    }

    #[test]
    fn comments_may_nest_and_end_anywhere() {
        assert_eq!(
            texts("/* a /* b */ c */ d // e", Kind::Comment),
            ["/* a /* b */ c */", "// e"]
        );
        assert_eq!(texts("/* open", Kind::Comment), ["/* open"]);
    }

    #[test]
    fn functions_are_measured_from_keyword_to_brace() {
        let source =
            "trait T {\n fn none(&self);\n}\nfn one(a: [u8; 3])\nwhere\n{\n if a {\n }\n}\n";
        let found = functions(&tokens(source));
        assert_eq!(
            found,
            [Function {
                name: "one",
                first_line: 4,
                last_line: 9
            }]
        );
    }
}
