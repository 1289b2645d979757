//! Domains that people take for another one.
//!
//! Letters that look alike are brought to one form (a small part of Unicode TR39); two names are
//! confusable if these forms are equal, or one letter apart.

use types::Domain;

/// Shorter names are one letter apart too easily.
const DISTANCE_MIN_CHARS: usize = 6;

/// Whether somebody may take the first domain for the second, which is another one.
pub(super) fn looks_like(domain: &Domain, known: &Domain) -> bool {
    if domain == known || is_below(domain, known) {
        return false;
    }
    let (form, known) = (form(domain), form(known));
    form == known || (known.len() >= DISTANCE_MIN_CHARS && one_apart(&form, &known))
}

/// A name within another one belongs to the same people.
fn is_below(domain: &Domain, known: &Domain) -> bool {
    let name = domain.as_str().strip_suffix(known.as_str());
    name.is_some_and(|rest| rest.ends_with('.'))
}

/// The name with letters that look alike written the same.
fn form(domain: &Domain) -> Vec<char> {
    let name = domain.to_unicode();
    let name = name
        .replace("rn", "m")
        .replace("vv", "w")
        .replace("cl", "d");
    name.chars().filter_map(plain).collect()
}

/// The ASCII letter that a character looks like; hyphens are overlooked.
fn plain(c: char) -> Option<char> {
    Some(match c {
        '-' => return None,
        '0' | 'о' | 'ο' | 'ö' | 'ó' | 'ò' | 'ô' | 'ø' => 'o',
        '1' | 'i' | 'і' | 'ı' | 'ί' | 'ι' | 'í' | 'ì' | 'ï' => 'l',
        'а' | 'α' | 'ä' | 'á' | 'à' | 'â' | 'å' => 'a',
        'е' | 'ε' | 'é' | 'è' | 'ê' | 'ë' | '3' => 'e',
        'с' | 'ç' => 'c',
        'р' | 'ρ' => 'p',
        'х' | 'χ' => 'x',
        'у' | 'γ' => 'y',
        'ü' | 'ú' | 'ù' | 'û' | 'υ' => 'u',
        'ѕ' | '5' => 's',
        'ν' => 'v',
        'к' | 'κ' => 'k',
        'м' => 'm',
        'н' => 'h',
        'т' | 'τ' => 't',
        'ñ' => 'n',
        other => other,
    })
}

/// Whether one letter put in, left out, changed or swapped with its neighbour makes one the other.
fn one_apart(a: &[char], b: &[char]) -> bool {
    let same_start = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[same_start..], &b[same_start..]);
    match (a, b) {
        ([_, a @ ..], [_, b_rest @ ..]) if a.len() == b_rest.len() && a == b_rest => true,
        ([a1, a2, a @ ..], [b1, b2, b @ ..]) if (a1, a2, a) == (b2, b1, b) => true,
        ([_, rest @ ..], b) if rest == b => true,
        (a, [_, rest @ ..]) if rest == a => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alikes_are_known() {
        for (domain, known, alike) in [
            ("examp1e.org", "example.org", true),
            ("exarnple.org", "example.org", true),
            ("exmaple.org", "example.org", true),
            ("exaample.org", "example.org", true),
            ("exmple.org", "example.org", true),
            ("ex-ample.org", "example.org", true),
            ("еxample.org", "example.org", true),
            ("example.org", "example.org", false),
            ("sub.example.org", "example.org", false),
            ("example.net", "example.org", false),
            ("other.org", "example.org", false),
            ("b.io", "a.io", false),
        ] {
            let found = looks_like(&domain.parse().unwrap(), &known.parse().unwrap());
            assert_eq!(found, alike, "{domain} {known}");
        }
    }
}
