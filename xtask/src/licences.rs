//! Every dependency may be used under a licence that asks nothing but its text and a name.

use std::path::Path;

use anyhow::{Context as _, bail};

use crate::workspace;

/// Licences (SPDX identifiers) that we accept.
const ALLOWED: [&str; 14] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates that would bring a second cryptography provider or a library of the system.
const BANNED: [&str; 4] = ["openssl", "openssl-sys", "native-tls", "libgssapi-sys"];

/// Where dependencies may come from, as `cargo metadata` writes it.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks the licence, name and origin of every package in the lock file.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let metadata = workspace::metadata(root, &["--locked", "--offline"])
        .or_else(|_| workspace::metadata(root, &["--locked"]))?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    let mut refused = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let licence = package["license"].as_str();
        if let Some(reason) = refuse(name, licence, package["source"].as_str()) {
            refused.push(format!(
                "{name} {}: {reason}",
                package["version"].as_str().unwrap_or("")
            ));
        }
    }
    if !refused.is_empty() {
        bail!("{}", refused.join("\n"));
    }
    println!("{} packages, all under accepted licences", packages.len());
    Ok(())
}

/// Why a package may not be used. Our own packages have no source.
fn refuse(name: &str, licence: Option<&str>, source: Option<&str>) -> Option<String> {
    if BANNED.contains(&name) {
        return Some("is banned".to_owned());
    }
    if source.is_some_and(|source| source != REGISTRY) {
        return Some("does not come from crates.io".to_owned());
    }
    match licence {
        None => Some("names no licence expression".to_owned()),
        Some(expression) => match Expression::satisfied(expression) {
            Some(true) => None,
            Some(false) => Some(format!("licence {expression} is not accepted")),
            None => Some(format!("licence {expression} is not understood")),
        },
    }
}

/// Reads an SPDX licence expression. `AND` binds closer than `OR`; a slash is an old `OR`.
struct Expression<'a> {
    words: Vec<&'a str>,
    at: usize,
}

impl<'a> Expression<'a> {
    /// Whether accepted licences satisfy the expression; `None` if it is malformed.
    fn satisfied(text: &'a str) -> Option<bool> {
        let mut words = Vec::new();
        for word in text.split_inclusive(['(', ')', '/', ' ']) {
            let (word, sign) = match word.char_indices().next_back() {
                Some((at, '(' | ')' | '/')) => word.split_at(at),
                _ => (word, ""),
            };
            words.extend(
                [word.trim(), sign]
                    .into_iter()
                    .filter(|word| !word.is_empty()),
            );
        }
        let mut reader = Self { words, at: 0 };
        let satisfied = reader.any()?;
        (reader.at == reader.words.len()).then_some(satisfied)
    }

    fn take(&mut self, accepted: &[&str]) -> bool {
        let found = self
            .words
            .get(self.at)
            .is_some_and(|word| accepted.contains(word));
        self.at += usize::from(found);
        found
    }

    fn any(&mut self) -> Option<bool> {
        let mut satisfied = self.all()?;
        while self.take(&["OR", "/"]) {
            satisfied |= self.all()?;
        }
        Some(satisfied)
    }

    fn all(&mut self) -> Option<bool> {
        let mut satisfied = self.one()?;
        while self.take(&["AND"]) {
            satisfied &= self.one()?;
        }
        Some(satisfied)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take(&["("]) {
            let satisfied = self.any()?;
            return self.take(&[")"]).then_some(satisfied);
        }
        let name = self.name()?;
        if self.take(&["WITH"]) {
            let exception = self.name()?;
            return Some(ALLOWED.contains(&format!("{name} WITH {exception}").as_str()));
        }
        Some(ALLOWED.contains(&name))
    }

    fn name(&mut self) -> Option<&'a str> {
        let word = *self.words.get(self.at)?;
        self.at += 1;
        (!["AND", "OR", "WITH", "(", ")", "/"].contains(&word)).then_some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read_as_spdx_says() {
        for (expression, expected) in [
            ("MIT", Some(true)),
            ("MIT/Apache-2.0", Some(true)),
            ("GPL-3.0-only", Some(false)),
            ("MIT OR GPL-3.0-only", Some(true)),
            ("MIT AND GPL-3.0-only", Some(false)),
            ("GPL-2.0-only OR MIT AND AGPL-3.0-only", Some(false)),
            ("ISC AND (Apache-2.0 OR OpenSSL)", Some(true)),
            ("ISC AND OpenSSL", Some(false)),
            ("Apache-2.0 WITH LLVM-exception", Some(true)),
            ("GPL-2.0-only WITH Classpath-exception-2.0", Some(false)),
            ("(MIT", None),
            ("MIT)", None),
            ("MIT MIT", None),
            ("AND", None),
            ("", None),
        ] {
            assert_eq!(Expression::satisfied(expression), expected, "{expression}");
        }
    }

    #[test]
    fn banned_unlicensed_and_foreign_packages_are_refused() {
        assert_eq!(refuse("a", Some("MIT"), Some(REGISTRY)), None);
        assert_eq!(refuse("ours", Some("MIT OR Apache-2.0"), None), None);
        for (name, licence, source, reason) in [
            ("openssl-sys", Some("MIT"), Some(REGISTRY), "is banned"),
            ("a", None, Some(REGISTRY), "names no licence"),
            (
                "a",
                Some("MIT"),
                Some("git+https://git.example.org/a"),
                "does not come",
            ),
            (
                "a",
                Some("AGPL-3.0-only"),
                Some(REGISTRY),
                "is not accepted",
            ),
            ("a", Some("MIT OR"), Some(REGISTRY), "is not understood"),
        ] {
            let said = refuse(name, licence, source).unwrap_or_default();
            assert!(said.contains(reason), "{said}");
        }
    }
}
