//! Words of commands that are told to people, who paste them into a shell.

/// A word as a shell reads it back.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one_word_in_a_shell() {
        for (word, told) in [
            ("ann+x@example.org", "ann+x@example.org"),
            ("2001:db8::1", "2001:db8::1"),
            ("a`id`@example.org", "'a`id`@example.org'"),
            ("o'neil@example.org", "'o'\\''neil@example.org'"),
            ("a;b", "'a;b'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), told);
        }
    }
}
