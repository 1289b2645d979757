//! Secrets that the server makes for people and programs to type: random letters in groups, none
//! easily taken for another. Being random they need no slow hash: a salted SHA-256 is kept.

use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use net::Random;
use types::{CredentialId, Secret};

/// The letters, five bits each.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Letters between two hyphens.
const GROUP_LETTERS: usize = 4;
/// Letters of an app password or a token: 140 bits.
pub(crate) const LONG: usize = 28;
/// Letters of a recovery code: 80 bits, used once.
pub(crate) const SHORT: usize = 16;
/// Octets of a typed secret that are looked at.
const TYPED_MAX_OCTETS: usize = 128;
const SALT_OCTETS: usize = 16;
/// What a line of digests begins with.
const MARK: &str = "$sha256$";
/// What every token begins with; the number of its credential and its letters follow.
const TOKEN_MARK: &str = "spt_";

/// Fresh letters, in groups.
pub(crate) fn make(random: &Random, letters: usize) -> Secret {
    random_letters(random, letters, GROUP_LETTERS)
}

/// So many random letters, five bits each, none easily taken for another; a hyphen between two
/// groups.
pub fn random_letters(random: &Random, letters: usize, group: usize) -> Secret {
    let mut octets = vec![0; letters];
    random.fill(&mut octets);
    let mut text = Vec::with_capacity(letters + letters / group);
    for (at, octet) in octets.into_iter().enumerate() {
        if at > 0 && at % group == 0 {
            text.push(b'-');
        }
        text.push(LETTERS[usize::from(octet) % LETTERS.len()]);
    }
    Secret::new(text)
}

/// What was typed, without hyphens and spaces and in small letters; `None` if it cannot be a secret
/// of so many letters.
pub(crate) fn plain(typed: &Secret, letters: usize) -> Option<Secret> {
    let typed = typed.expose();
    if typed.len() > TYPED_MAX_OCTETS {
        return None;
    }
    let mut plain = Vec::with_capacity(typed.len());
    plain.extend(
        typed
            .iter()
            .filter(|c| !matches!(c, b'-' | b' '))
            .map(u8::to_ascii_lowercase),
    );
    let plain = Secret::new(plain);
    let fits =
        plain.expose().len() == letters && plain.expose().iter().all(|c| LETTERS.contains(c));
    fits.then_some(plain)
}

/// The line that is kept of secrets, under one fresh salt.
pub(crate) fn line(random: &Random, secrets: &[Secret], letters: usize) -> String {
    let salt = random.array::<SALT_OCTETS>();
    let mut line = format!("{MARK}{}", STANDARD_NO_PAD.encode(salt));
    for secret in secrets {
        // What was made here has the right number of letters; anything else would match nothing.
        let plain = plain(secret, letters).unwrap_or_else(|| Secret::new(Vec::new()));
        line.push('$');
        line.push_str(&STANDARD_NO_PAD.encode(salted(&salt, &plain)));
    }
    line
}

/// The place, in a line of [`line`], of the secret that these plain letters are.
pub(crate) fn place(line: &str, plain: &Secret) -> Option<u64> {
    let mut fields = line.strip_prefix(MARK)?.split('$');
    let salt = STANDARD_NO_PAD.decode(fields.next()?).ok()?;
    let found = salted(&salt, plain);
    let same = |known: &str| {
        let known = STANDARD_NO_PAD.decode(known).unwrap_or_default();
        constant_time::verify_slices_are_equal(&known, &found).is_ok()
    };
    (0..)
        .zip(fields)
        .find(|(_, known)| same(known))
        .map(|(place, _)| place)
}

/// How many secrets a line of [`line`] has.
pub(crate) fn count(line: &str) -> u64 {
    let fields = line.strip_prefix(MARK).map(|rest| rest.split('$').skip(1));
    fields.map_or(0, |fields| fields.count() as u64)
}

/// The token as it is told once.
pub(crate) fn token(id: CredentialId, letters: &Secret) -> Secret {
    let mut text = format!("{TOKEN_MARK}{}_", id.0).into_bytes();
    text.extend(letters.expose().iter().filter(|c| **c != b'-'));
    Secret::new(text)
}

/// The credential that a token names, and its letters.
pub(crate) fn token_parts(token: &Secret) -> Option<(CredentialId, Secret)> {
    let text = std::str::from_utf8(token.expose()).ok()?;
    let (number, typed) = text.strip_prefix(TOKEN_MARK)?.split_once('_')?;
    let typed = Secret::new(typed.as_bytes().to_vec());
    Some((format!("k_{number}").parse().ok()?, plain(&typed, LONG)?))
}

fn salted(salt: &[u8], plain: &Secret) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(salt);
    context.update(plain.expose());
    let mut octets = [0; 32];
    octets.copy_from_slice(context.finish().as_ref());
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.as_bytes().to_vec())
    }

    #[test]
    fn what_is_made_is_typed_in_many_ways_and_found() {
        let random = Random::seeded(1);
        let (one, two) = (make(&random, SHORT), make(&random, SHORT));
        let text = std::str::from_utf8(one.expose()).unwrap();
        assert_eq!(text.split('-').map(str::len).collect::<Vec<_>>(), [4; 4]);
        let kept = line(&random, &[one.clone(), two.clone()], SHORT);
        for typed in [
            text.to_owned(),
            text.to_uppercase(),
            text.replace('-', ""),
            text.replace('-', " "),
        ] {
            let plain = plain(&secret(&typed), SHORT).unwrap();
            assert_eq!(place(&kept, &plain), Some(0), "{typed}");
        }
        let second = plain(&two, SHORT).unwrap();
        assert_eq!(place(&kept, &second), Some(1));
        let other = plain(&make(&random, SHORT), SHORT).unwrap();
        assert_eq!(place(&kept, &other), None);
        assert_eq!(count(&kept), 2);
        assert!(!kept.contains(text) && !kept.contains(&text.replace('-', "")));
    }

    #[test]
    fn a_token_names_its_credential() {
        let made = make(&Random::seeded(2), LONG);
        let text = token(CredentialId(12), &made);
        let shown = std::str::from_utf8(text.expose()).unwrap();
        assert!(shown.starts_with("spt_12_") && shown.len() == 35, "{shown}");
        let (id, letters) = token_parts(&text).unwrap();
        let expected = plain(&made, LONG).unwrap();
        assert_eq!(
            (id, letters.expose()),
            (CredentialId(12), expected.expose())
        );
        for odd in [
            "",
            "spt_",
            "spt_12",
            "spt_12_abc",
            "spt_012_",
            "spt__",
            &shown[4..],
        ] {
            assert!(token_parts(&secret(odd)).is_none(), "{odd}");
        }
    }

    #[test]
    fn what_cannot_be_such_a_secret_is_not_looked_for() {
        for typed in [
            "",
            "abcd",
            "abcd-efgh-ijkm-np0q",
            "abcd-efgh-ijkm-npqé",
            &"a".repeat(9_999),
        ] {
            assert!(plain(&secret(typed), SHORT).is_none(), "{typed}");
        }
        let letters = plain(&secret("abcdefghijkmnpqr"), SHORT).unwrap();
        for odd in ["", "$sha256$", "$sha256$!$!", "$argon2id$v=19$x$y"] {
            assert_eq!(place(odd, &letters), None, "{odd}");
        }
    }
}
