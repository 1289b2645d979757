//! Regular expressions (draft-ietf-sieve-regex-01): POSIX extended ones, run in linear time.
//!
//! A pattern is translated sign by sign, so that what POSIX does not have cannot slip through:
//! lazy repetition, look-around, inline options. Differences to POSIX that remain:
//!
//! * the leftmost match is found, and among those that begin there the one that the pattern tries
//!   first, not the longest. Whether there is a match is the same; the match variables may differ;
//! * letters, digits and cases are those of ASCII, and `.` is a character, not an octet;
//! * `\w \W \s \S \d \D \b \B \< \>` are understood, since people write them; other letters and
//!   digits behind a backslash are refused, back-references among them.

use regex::{Regex, RegexBuilder};

use crate::limits::{REGEX_COMPILED_MAX_OCTETS, REGEX_MAX_OCTETS};

/// Characters that mean themselves only behind a backslash.
pub(crate) const SPECIAL: &str = "\\^$.[]|()?*+{}";
/// The highest number of a repetition (POSIX `RE_DUP_MAX`).
const REPEAT_MAX: u16 = 255;
/// Groups within each other.
const GROUPS_MAX: usize = 32;

/// A compiled pattern.
pub(crate) struct Pattern {
    /// What is run.
    pub(crate) regex: Regex,
    /// Signs of the pattern with repetitions written out: each octet of a text costs at most as many
    /// steps.
    pub(crate) weight: usize,
}

/// Compiles a pattern.
///
/// `folded`: it is run on text in small letters, and its own letters are taken as small ones.
///
/// # Errors
///
/// Words for people that say what is wrong.
pub(crate) fn compile(pattern: &str, folded: bool) -> Result<Pattern, String> {
    if pattern.len() > REGEX_MAX_OCTETS {
        return Err(format!("it is longer than {REGEX_MAX_OCTETS} octets"));
    }
    let (translated, weight) = Translator::new(pattern, folded).translate()?;
    let regex = RegexBuilder::new(&translated)
        .dot_matches_new_line(true)
        .size_limit(REGEX_COMPILED_MAX_OCTETS)
        .dfa_size_limit(REGEX_COMPILED_MAX_OCTETS)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "it repeats too much".to_owned(),
            _ => "it is no regular expression".to_owned(),
        })?;
    Ok(Pattern { regex, weight })
}

/// Writes a POSIX pattern as one of the crate `regex`.
struct Translator<'p> {
    rest: std::iter::Peekable<std::str::Chars<'p>>,
    folded: bool,
    out: String,
    /// The last item, if a repetition can follow.
    item: Option<Item>,
    /// Where each open group begins, and the weight before it.
    groups: Vec<(usize, usize)>,
    /// The weight of the innermost open group, or of the whole.
    weight: usize,
}

/// Something that can be repeated.
#[derive(Clone, Copy)]
struct Item {
    start: usize,
    weight: usize,
    repeated: bool,
}

impl<'p> Translator<'p> {
    fn new(pattern: &'p str, folded: bool) -> Self {
        Self {
            rest: pattern.chars().peekable(),
            folded,
            out: String::new(),
            item: None,
            groups: Vec::new(),
            weight: 0,
        }
    }

    fn translate(mut self) -> Result<(String, usize), String> {
        while let Some(c) = self.rest.next() {
            match c {
                '\\' => self.escape()?,
                '[' => self.bracket()?,
                '(' => self.open()?,
                ')' if !self.groups.is_empty() => self.close(),
                '|' => self.plain('|'),
                '^' => self.plain('^'),
                '$' => self.plain('$'),
                '*' | '+' | '?' => self.repeat(&c.to_string(), 1)?,
                '{' if self.rest.peek().is_some_and(char::is_ascii_digit) => self.interval()?,
                '.' => self.add("."),
                c => self.literal(c),
            }
        }
        match self.groups.is_empty() {
            true => Ok((self.out, self.weight)),
            false => Err("a parenthesis is not closed".to_owned()),
        }
    }

    /// Adds what can be repeated.
    fn add(&mut self, item: &str) {
        self.item = Some(Item {
            start: self.out.len(),
            weight: 1,
            repeated: false,
        });
        self.weight += 1;
        self.out.push_str(item);
    }

    /// Adds what cannot be repeated.
    fn plain(&mut self, sign: char) {
        self.item = None;
        self.out.push(sign);
    }

    fn literal(&mut self, c: char) {
        let c = if self.folded {
            c.to_ascii_lowercase()
        } else {
            c
        };
        self.add(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }

    fn open(&mut self) -> Result<(), String> {
        if self.groups.len() == GROUPS_MAX {
            return Err(format!("more than {GROUPS_MAX} parentheses are open"));
        }
        self.groups.push((self.out.len(), self.weight));
        self.weight = 0;
        self.plain('(');
        Ok(())
    }

    fn close(&mut self) {
        self.out.push(')');
        let weight = self.weight.max(1);
        if let Some((start, before)) = self.groups.pop() {
            self.weight = before.saturating_add(weight);
            self.item = Some(Item {
                start,
                weight,
                repeated: false,
            });
        }
    }

    fn escape(&mut self) -> Result<(), String> {
        let Some(c) = self.rest.next() else {
            return Err("it ends with a backslash".to_owned());
        };
        match c {
            'w' => self.add("[0-9A-Za-z_]"),
            'W' => self.add("[^0-9A-Za-z_]"),
            's' => self.add("[ \\t\\n\\x0b\\x0c\\r]"),
            'S' => self.add("[^ \\t\\n\\x0b\\x0c\\r]"),
            'd' => self.add("[0-9]"),
            'D' => self.add("[^0-9]"),
            'b' => self.add("(?-u:\\b)"),
            'B' => return Err("\\B is not supported".to_owned()),
            '<' => self.add("(?-u:\\b{start})"),
            '>' => self.add("(?-u:\\b{end})"),
            c if c.is_ascii_digit() => {
                return Err(format!(
                    "\\{c} means an earlier group, which is not supported"
                ));
            }
            c if c.is_ascii_alphabetic() => return Err(format!("\\{c} means nothing")),
            c => self.literal(c),
        }
        Ok(())
    }

    /// A repetition; what is repeated already is grouped first, since `a+?` is no lazy `a+`.
    fn repeat(&mut self, sign: &str, times: usize) -> Result<(), String> {
        let Some(item) = &mut self.item else {
            return Err(format!("`{sign}` has nothing to repeat"));
        };
        if item.repeated {
            self.out.insert_str(item.start, "(?:");
            self.out.push(')');
        }
        self.out.push_str(sign);
        let more = item.weight.saturating_mul(times.saturating_sub(1));
        item.weight = item.weight.saturating_add(more);
        item.repeated = true;
        self.weight = self.weight.saturating_add(more);
        Ok(())
    }

    fn interval(&mut self) -> Result<(), String> {
        let mut inner = String::new();
        loop {
            match self.rest.next() {
                Some('}') => break,
                Some(c) if inner.len() < 16 => inner.push(c),
                _ => return Err("a `{` is not closed".to_owned()),
            }
        }
        let (least, most) = inner.split_once(',').unwrap_or((&inner, &inner));
        let number = |text: &str| text.parse().ok().filter(|n: &u16| *n <= REPEAT_MAX);
        let most = match (number(least), most.is_empty(), number(most)) {
            (Some(least), true, _) => Some(least + 1),
            (Some(least), false, Some(most)) if least <= most => Some(most),
            _ => None,
        };
        let Some(most) = most else {
            return Err(format!(
                "{{{inner}}} is no repetition; numbers go up to {REPEAT_MAX}"
            ));
        };
        self.repeat(&format!("{{{inner}}}"), usize::from(most))
    }

    /// A bracket expression, in which a backslash is a character like others.
    fn bracket(&mut self) -> Result<(), String> {
        let unclosed = || "a `[` is not closed".to_owned();
        let mut set = String::from("[");
        if self.rest.next_if_eq(&'^').is_some() {
            set.push('^');
        }
        let mut first = true;
        loop {
            let c = self.rest.next().ok_or_else(unclosed)?;
            if c == ']' && !first {
                break;
            }
            first = false;
            let kind = self.rest.peek().copied().filter(|_| c == '[');
            if kind == Some(':') {
                set.push_str(&self.class()?);
                continue;
            }
            let low = self.member(c)?;
            let mut ahead = self.rest.clone();
            let range = ahead.next() == Some('-') && ahead.next().is_some_and(|c| c != ']');
            if !range {
                self.push_range(&mut set, low, low);
                continue;
            }
            self.rest.next();
            let next = self.rest.next().ok_or_else(unclosed)?;
            let high = self.member(next)?;
            if high < low {
                return Err(format!("the range {low}-{high} is empty"));
            }
            self.push_range(&mut set, low, high);
        }
        set.push(']');
        self.add(&set);
        Ok(())
    }

    /// A character of a set: itself, `[=c=]` or `[.c.]`.
    fn member(&mut self, c: char) -> Result<char, String> {
        let Some(kind) = self
            .rest
            .next_if(|next| c == '[' && matches!(next, '=' | '.'))
        else {
            return Ok(c);
        };
        let member = self.rest.next();
        match (member, self.rest.next(), self.rest.next()) {
            (Some(member), Some(end), Some(']')) if end == kind => Ok(member),
            _ => Err(format!("[{kind}…{kind}] takes one character")),
        }
    }

    /// `[:name:]`, whose first sign is read already.
    fn class(&mut self) -> Result<String, String> {
        self.rest.next();
        let mut name = String::new();
        while let Some(c) = self.rest.next_if(char::is_ascii_lowercase) {
            name.push(c);
        }
        let known = [
            "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
            "space", "upper", "xdigit",
        ];
        let closed = self.rest.next() == Some(':') && self.rest.next() == Some(']');
        if !closed || !known.contains(&name.as_str()) {
            return Err(format!("[:{name}:] is no class of characters"));
        }
        // Of folded text every letter is of either case.
        let name = match name.as_str() {
            "lower" | "upper" if self.folded => "alpha",
            name => name,
        };
        Ok(format!("[:{name}:]"))
    }

    fn push_range(&self, set: &mut String, low: char, high: char) {
        let mut push = |low: char, high: char| {
            let code = |c: char| format!("\\x{{{:x}}}", u32::from(c));
            set.push_str(&format!("{}-{}", code(low), code(high)));
        };
        push(low, high);
        let (first, last) = (low.max('A'), high.min('Z'));
        if self.folded && first <= last {
            push(first.to_ascii_lowercase(), last.to_ascii_lowercase());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched<'v>(pattern: &str, value: &'v str) -> Option<&'v str> {
        compile(pattern, false)
            .unwrap()
            .regex
            .find(value)
            .map(|found| found.as_str())
    }

    #[test]
    fn posix_patterns_match() {
        for (pattern, value, expected) in [
            ("^[^[:lower:]]+$", "LOUD 1!", Some("LOUD 1!")),
            ("^[^[:lower:]]+$", "Loud", None),
            (
                "me(\\+.*)?@example\\.org",
                "<me+x@example.org>",
                Some("me+x@example.org"),
            ),
            ("a{2,3}", "caaaat", Some("aaa")),
            ("a{2}", "a", None),
            ("a{2,}", "aaaa", Some("aaaa")),
            ("[]x]+", "]x]", Some("]x]")),
            ("[^]]", "]a", Some("a")),
            ("[a\\]", "\\", Some("\\")),
            ("[a-]+", "a-a", Some("a-a")),
            ("[[.-.]a]+", "-a", Some("-a")),
            ("[[=a=]]", "a", Some("a")),
            ("(a|b)*c", "abac", Some("abac")),
            ("a+?b", "aab", Some("aab")),
            ("a{x", "a{x", Some("a{x")),
            (".", "ä", Some("ä")),
            ("a.b", "a\nb", Some("a\nb")),
            ("x$", "x\ny", None),
            ("\\bcat\\>", "a cat.", Some("cat")),
            ("\\d+\\s\\w", "12 a", Some("12 a")),
            ("\\.\\*\\\\", ".*\\", Some(".*\\")),
            ("[&&~~[a]+", "&[", Some("&[")),
            ("", "any", Some("")),
            ("a)", "a)", Some("a)")),
        ] {
            assert_eq!(matched(pattern, value), expected, "{pattern} on {value}");
        }
    }

    #[test]
    fn folded_patterns_know_no_case() {
        for (pattern, value, expected) in [
            ("ABC", "abc", true),
            ("[A-C]+$", "abc", true),
            ("[Z-a]", "b", false),
            ("[^A-Z]", "b", false),
            ("[[:upper:]]", "b", true),
            ("Ä", "ä", false),
        ] {
            assert_eq!(
                compile(pattern, true).unwrap().regex.is_match(value),
                expected,
                "{pattern}"
            );
        }
    }

    #[test]
    fn repetitions_weigh() {
        for (pattern, weight) in [
            ("", 0),
            ("abc", 3),
            ("a[b-d]*.", 3),
            ("(ab){3}c", 7),
            ("(a{1,200}){1,5}b", 1_001),
            ("a{2,}", 3),
            ("(a|bc)+?", 3),
            ("()", 1),
        ] {
            assert_eq!(compile(pattern, false).unwrap().weight, weight, "{pattern}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_words() {
        for (pattern, part) in [
            ("(a", "not closed"),
            ("[a", "not closed"),
            ("[", "not closed"),
            ("a{2", "not closed"),
            ("a{3,2}", "no repetition"),
            ("a{256}", "no repetition"),
            ("*a", "nothing to repeat"),
            ("a|*", "nothing to repeat"),
            ("(*a)", "nothing to repeat"),
            ("(?i)a", "nothing to repeat"),
            ("a\\", "backslash"),
            ("(a)\\1", "earlier group"),
            ("\\q", "means nothing"),
            ("[b-a]", "is empty"),
            ("[[:word:]]", "no class"),
            ("[[.ab.]]", "one character"),
            ("((a{255}){255}){255}", "too much"),
        ] {
            let refused = compile(pattern, false).err().unwrap();
            assert!(refused.contains(part), "{pattern}: {refused}");
        }
        assert!(compile(&"a".repeat(REGEX_MAX_OCTETS + 1), false).is_err());
        assert!(compile(&"(".repeat(REGEX_MAX_OCTETS), false).is_err());
    }
}
