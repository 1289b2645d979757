//! Comparators (RFC 4790) and match types: values of a message against keys of a script.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use memchr::memmem;

use super::meter::Meter;
use super::{Fault, wildcard};
use crate::ast::{Comparator, MatchKind, Matching, Relation};
use crate::limits::MATCH_VARIABLES_MAX;
use crate::pattern::{self, Pattern};

/// Compiled regular expressions that a run keeps.
const PATTERNS_MAX: usize = 64;
/// Steps for compiling a regular expression, and for each octet of it.
const PATTERN_STEPS: usize = 500;
const PATTERN_STEPS_PER_OCTET: usize = 64;
/// How many times an octet counts that a regular expression reads, however small that is.
const PATTERN_READ_FACTOR: usize = 4;
/// The square of the weight of a regular expression for which an octet counts once more: small ones
/// run as a table, large ones sign by sign.
const PATTERN_WEIGHT_SQUARE: usize = 32;
/// Octets that count as one where a text is only looked for: so a whole list of words can be
/// looked for in a long body.
const OCTETS_SKIMMED: usize = 16;

/// A text that is compared, with the same in small ASCII letters once that is needed.
pub(super) struct Value<'v> {
    text: Cow<'v, str>,
    folded: OnceCell<Box<str>>,
}

impl<'v> Value<'v> {
    pub(super) fn new(text: impl Into<Cow<'v, str>>) -> Self {
        let (text, folded) = (text.into(), OnceCell::new());
        Self { text, folded }
    }

    /// As the comparator sees it; places of octets are the same.
    fn under(&self, comparator: Comparator) -> &str {
        match comparator {
            Comparator::Octet => &self.text,
            Comparator::AsciiCasemap | Comparator::AsciiNumeric => self
                .folded
                .get_or_init(|| self.text.to_ascii_lowercase().into_boxed_str()),
        }
    }
}

impl From<Cow<'_, str>> for Value<'static> {
    fn from(text: Cow<'_, str>) -> Self {
        Self::new(text.into_owned())
    }
}

/// The regular expressions of a run, each compiled once; `None` for what is no expression.
#[derive(Default)]
pub(super) struct Patterns {
    compiled: HashMap<(String, bool), Rc<Result<Pattern, String>>>,
}

/// What a test came to.
pub(super) struct Verdict {
    /// Whether some value matches some key.
    pub(super) held: bool,
    /// What `${0}`, `${1}`… stand for from here on; `None` leaves them.
    pub(super) variables: Option<Vec<String>>,
    /// Why a regular expression could not be used.
    pub(super) bad_pattern: Option<String>,
}

impl Verdict {
    fn plain(held: bool) -> Self {
        Self {
            held,
            variables: None,
            bad_pattern: None,
        }
    }
}

/// Compares each value with each key until one pair matches.
pub(super) fn compare(
    matching: Matching,
    values: &[Value],
    keys: &[Value],
    patterns: &mut Patterns,
    meter: &Meter,
) -> Result<Verdict, Fault> {
    let mut verdict = Verdict::plain(false);
    if let MatchKind::Count(relation) = matching.kind {
        let count = Value::new(values.len().to_string());
        verdict.held = keys
            .iter()
            .any(|key| relates(relation, order(matching.comparator, &count, key)));
        meter.steps(keys.len())?;
        return Ok(verdict);
    }
    for value in values {
        for key in keys {
            meter.step()?;
            meter.read(match matching.kind {
                MatchKind::Contains => value.text.len() / OCTETS_SKIMMED,
                _ => value.text.len(),
            })?;
            let found = pair(
                matching,
                value,
                key,
                patterns,
                meter,
                &mut verdict.bad_pattern,
            )?;
            if let Some(ranges) = found {
                verdict.held = true;
                verdict.variables = match matching.kind {
                    MatchKind::Matches | MatchKind::Regex => Some(taken(value, &ranges)),
                    _ => None,
                };
                return Ok(verdict);
            }
        }
    }
    Ok(verdict)
}

fn taken(value: &Value, ranges: &[Range<usize>]) -> Vec<String> {
    ranges
        .iter()
        .map(|range| value.text[range.clone()].to_owned())
        .collect()
}

/// Where the match and its wildcards lie; `None` if there is no match.
fn pair(
    matching: Matching,
    value: &Value,
    key: &Value,
    patterns: &mut Patterns,
    meter: &Meter,
    bad: &mut Option<String>,
) -> Result<Option<Vec<Range<usize>>>, Fault> {
    let comparator = matching.comparator;
    let held = match matching.kind {
        MatchKind::Is => order(comparator, value, key) == Ordering::Equal,
        MatchKind::Value(relation) => relates(relation, order(comparator, value, key)),
        // What is counted was compared before, and numbers have no parts (RFC 4790 §9.1).
        MatchKind::Count(_) => false,
        _ if comparator == Comparator::AsciiNumeric => false,
        MatchKind::Contains => {
            let (value, key) = (value.under(comparator), key.under(comparator));
            memmem::find(value.as_bytes(), key.as_bytes()).is_some()
        }
        MatchKind::Matches => {
            let (pattern, text) = (key.under(comparator), value.under(comparator));
            let found = wildcard::matches(pattern, text, meter)?;
            let whole = 0..text.len();
            return Ok(found.map(|found| std::iter::once(whole).chain(found).collect()));
        }
        MatchKind::Regex => return regex(comparator, value, key, patterns, meter, bad),
    };
    Ok(held.then(Vec::new))
}

fn regex(
    comparator: Comparator,
    value: &Value,
    key: &Value,
    patterns: &mut Patterns,
    meter: &Meter,
    bad: &mut Option<String>,
) -> Result<Option<Vec<Range<usize>>>, Fault> {
    let compiled = patterns.compiled(&key.text, comparator != Comparator::Octet, meter)?;
    let Pattern { regex, weight } = match compiled.as_ref() {
        Ok(pattern) => pattern,
        Err(reason) => {
            *bad = Some(reason.clone());
            return Ok(None);
        }
    };
    let text = value.under(comparator);
    let heavy = weight.saturating_mul(*weight) / PATTERN_WEIGHT_SQUARE;
    let cost = text.len().saturating_mul(PATTERN_READ_FACTOR + heavy);
    meter.read(cost)?;
    if !regex.is_match(text) {
        return Ok(None);
    }
    meter.read(cost)?;
    let Some(captures) = regex.captures(text) else {
        return Ok(None);
    };
    let ranges = captures
        .iter()
        .take(MATCH_VARIABLES_MAX + 1)
        .map(|group| group.map_or(0..0, |group| group.range()))
        .collect();
    Ok(Some(ranges))
}

impl Patterns {
    fn compiled(
        &mut self,
        pattern: &str,
        folded: bool,
        meter: &Meter,
    ) -> Result<Rc<Result<Pattern, String>>, Fault> {
        let key = (pattern.to_owned(), folded);
        if let Some(known) = self.compiled.get(&key) {
            return Ok(Rc::clone(known));
        }
        meter.steps(PATTERN_STEPS + pattern.len().saturating_mul(PATTERN_STEPS_PER_OCTET))?;
        let compiled = Rc::new(pattern::compile(pattern, folded));
        if self.compiled.len() == PATTERNS_MAX {
            self.compiled.clear();
        }
        self.compiled.insert(key, Rc::clone(&compiled));
        Ok(compiled)
    }
}

fn relates(relation: Relation, order: Ordering) -> bool {
    match relation {
        Relation::Gt => order.is_gt(),
        Relation::Ge => order.is_ge(),
        Relation::Lt => order.is_lt(),
        Relation::Le => order.is_le(),
        Relation::Eq => order.is_eq(),
        Relation::Ne => order.is_ne(),
    }
}

/// The order of two texts; letters are compared as large ones (RFC 4790 §9.2.1).
fn order(comparator: Comparator, value: &Value, key: &Value) -> Ordering {
    let (value, key) = (&value.text, &key.text);
    match comparator {
        Comparator::Octet => value.as_bytes().cmp(key.as_bytes()),
        Comparator::AsciiCasemap => {
            let large = |text: &str| -> Vec<u8> { text.to_ascii_uppercase().into_bytes() };
            match value.len() == key.len() && value.eq_ignore_ascii_case(key) {
                true => Ordering::Equal,
                false => large(value).cmp(&large(key)),
            }
        }
        Comparator::AsciiNumeric => match (digits(value), digits(key)) {
            (Some(value), Some(key)) => value.len().cmp(&key.len()).then(value.cmp(key)),
            (value, key) => value.is_none().cmp(&key.is_none()),
        },
    }
}

/// The digits with which a text begins, without leading zeros; what has none is greater than all
/// numbers (RFC 4790 §9.1.1).
fn digits(text: &str) -> Option<&str> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    (end > 0).then(|| text[..end].trim_start_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(comparator: Comparator, kind: MatchKind, value: &str, key: &str) -> bool {
        let matching = Matching { comparator, kind };
        let (values, keys) = ([Value::new(value)], [Value::new(key)]);
        compare(
            matching,
            &values,
            &keys,
            &mut Patterns::default(),
            &Meter::new(),
        )
        .unwrap()
        .held
    }

    #[test]
    fn comparators_order_as_registered() {
        use Comparator::{AsciiCasemap, AsciiNumeric, Octet};
        use Relation::{Eq, Ge, Gt, Le, Lt, Ne};
        for (comparator, relation, value, key, expected) in [
            (AsciiNumeric, Eq, "007", "7th", true),
            (AsciiNumeric, Gt, "10", "9", true),
            (AsciiNumeric, Gt, "none", "99999999999999999999999999", true),
            (AsciiNumeric, Eq, "none", "", true),
            (AsciiNumeric, Eq, "0", "000", true),
            (AsciiNumeric, Lt, "-1", "0", false),
            (AsciiCasemap, Eq, "aB", "Ab", true),
            (AsciiCasemap, Gt, "_", "a", true),
            (AsciiCasemap, Ne, "ä", "Ä", true),
            (AsciiCasemap, Lt, "a", "ab", true),
            (Octet, Lt, "A", "a", true),
            (Octet, Ge, "_", "a", false),
            (Octet, Le, "", "a", true),
        ] {
            let kind = MatchKind::Value(relation);
            assert_eq!(
                held(comparator, kind, value, key),
                expected,
                "{value} {relation:?} {key}"
            );
        }
    }

    #[test]
    fn match_types_follow_their_comparator() {
        use Comparator::{AsciiCasemap, AsciiNumeric, Octet};
        use MatchKind::{Contains, Is, Matches, Regex};
        for (comparator, kind, value, key, expected) in [
            (AsciiCasemap, Is, "Hello", "hELLO", true),
            (Octet, Is, "Hello", "hELLO", false),
            (AsciiCasemap, Contains, "Hello", "ELL", true),
            (Octet, Contains, "Hello", "ELL", false),
            (AsciiCasemap, Contains, "", "", true),
            (AsciiNumeric, Contains, "12", "1", false),
            (AsciiCasemap, Matches, "Hello", "H*LO", true),
            (Octet, Matches, "Hello", "H*LO", false),
            (AsciiCasemap, Regex, "Hello", "^HEL+O$", true),
            (Octet, Regex, "Hello", "^HEL+O$", false),
            (AsciiCasemap, Regex, "Hello", "(", false),
        ] {
            assert_eq!(
                held(comparator, kind, value, key),
                expected,
                "{value} {kind:?} {key}"
            );
        }
    }
}
