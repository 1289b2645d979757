//! Answers of DNS that a person wrote.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{DnsError, Kind, Mx, Record, Srv, plain};

/// Aliases that are followed from one name.
const ALIASES_MAX: usize = 8;
/// The word for a server that fails.
const FAILS: &str = "SERVFAIL";

/// Why a text holds no answers.
#[derive(Debug, thiserror::Error)]
pub enum AnswersError {
    /// It has another form.
    #[error("the answers of DNS must be an object of names: {0}")]
    Form(#[from] serde_json::Error),
    /// A value is none of its type.
    #[error("{name}: {kind} {value:?} cannot be read")]
    Value {
        /// The name.
        name: String,
        /// The type of the record.
        kind: String,
        /// As it was written.
        value: String,
    },
}

/// All names with their records.
#[derive(Debug)]
pub(super) struct Answers(BTreeMap<String, Option<Name>>);

/// What a name has; a type without records fails.
#[derive(Debug, Default)]
struct Name {
    alias: Option<String>,
    records: Vec<(Kind, Option<Vec<Record>>)>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenName {
    Fails(String),
    Types(BTreeMap<String, WrittenType>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenType {
    Fails(String),
    Values(Vec<String>),
}

impl Answers {
    pub(super) fn parse(json: &str) -> Result<Self, AnswersError> {
        let written: BTreeMap<String, WrittenName> = serde_json::from_str(json)?;
        let mut names = BTreeMap::new();
        for (name, written) in written {
            let known = match written {
                WrittenName::Fails(word) if word == FAILS => None,
                WrittenName::Fails(value) => return Err(wrong(&name, "", &value)),
                WrittenName::Types(types) => Some(Name::read(&name, types)?),
            };
            names.insert(plain(&name), known);
        }
        Ok(Self(names))
    }

    pub(super) fn find(&self, name: &str, kind: Kind) -> Result<Vec<Record>, DnsError> {
        let fails = || DnsError::Failed(FAILS.to_owned());
        let mut name = plain(name);
        for _ in 0..=ALIASES_MAX {
            let found = self.0.get(&name).ok_or(DnsError::NoSuchName)?;
            let found = found.as_ref().ok_or_else(fails)?;
            if let Some((_, records)) = found.records.iter().find(|(known, _)| *known == kind) {
                return records.clone().ok_or_else(fails);
            }
            match &found.alias {
                Some(alias) => name.clone_from(alias),
                None => return Err(DnsError::NoRecords),
            }
        }
        Err(DnsError::Failed("its aliases lead in a circle".to_owned()))
    }
}

impl Name {
    fn read(name: &str, types: BTreeMap<String, WrittenType>) -> Result<Self, AnswersError> {
        let mut read = Self::default();
        for (kind, written) in types {
            let values = match &written {
                WrittenType::Values(values) => Some(values),
                WrittenType::Fails(word) if word == FAILS => None,
                WrittenType::Fails(value) => return Err(wrong(name, &kind, value)),
            };
            if let ("CNAME", Some([alias])) = (kind.as_str(), values.map(Vec::as_slice)) {
                read.alias = Some(plain(alias));
                continue;
            }
            let known = Kind::by_name(&kind).ok_or_else(|| wrong(name, &kind, ""))?;
            let records = values.map(|values| {
                let read = |value: &String| {
                    let record = known.read(value);
                    record.ok_or_else(|| wrong(name, &kind, value))
                };
                values.iter().map(read).collect::<Result<Vec<_>, _>>()
            });
            read.records.push((known, records.transpose()?));
        }
        Ok(read)
    }
}

impl Kind {
    fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "A" => Self::A,
            "AAAA" => Self::Aaaa,
            "MX" => Self::Mx,
            "TXT" => Self::Txt,
            "SRV" => Self::Srv,
            "PTR" => Self::Ptr,
            _ => return None,
        })
    }

    /// A value as it stands in a zone file, a text without its quotes.
    fn read(self, value: &str) -> Option<Record> {
        Some(match self {
            Self::A => Record::Address(std::net::IpAddr::V4(value.parse().ok()?)),
            Self::Aaaa => Record::Address(std::net::IpAddr::V6(value.parse().ok()?)),
            Self::Mx => {
                let (preference, host) = value.split_once(' ')?;
                Record::Mx(Mx {
                    preference: preference.parse().ok()?,
                    host: plain(host.trim()),
                })
            }
            Self::Srv => {
                let mut words = value.split_ascii_whitespace().skip(2);
                let port = words.next()?.parse().ok()?;
                let host = plain(words.next()?);
                Record::Srv(Srv { port, host })
            }
            Self::Ptr => Record::Name(plain(value)),
            Self::Txt => Record::Txt(value.as_bytes().to_vec()),
        })
    }
}

fn wrong(name: &str, kind: &str, value: &str) -> AnswersError {
    AnswersError::Value {
        name: name.to_owned(),
        kind: kind.to_owned(),
        value: value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_named() {
        for (json, words) in [
            ("[]", "the answers of DNS must be an object of names"),
            (r#"{"a.test": "GONE"}"#, "a.test:  \"GONE\" cannot be read"),
            (
                r#"{"a.test": {"A": ["::1"]}}"#,
                "a.test: A \"::1\" cannot be read",
            ),
            (
                r#"{"a.test": {"MX": ["mx"]}}"#,
                "a.test: MX \"mx\" cannot be read",
            ),
            (
                r#"{"a.test": {"HINFO": []}}"#,
                "a.test: HINFO \"\" cannot be read",
            ),
            (
                r#"{"a.test": {"A": "X"}}"#,
                "a.test: A \"X\" cannot be read",
            ),
        ] {
            let err = Answers::parse(json).unwrap_err().to_string();
            assert!(err.starts_with(words), "{json}: {err}");
        }
    }

    #[test]
    fn aliases_are_followed_and_circles_end() {
        let answers = Answers::parse(
            r#"{
                "www.test": {"CNAME": ["Host.test."]},
                "host.test": {"A": ["192.0.2.1"]},
                "a.test": {"CNAME": ["b.test"]},
                "b.test": {"CNAME": ["a.test"]}
            }"#,
        )
        .unwrap();
        assert_eq!(answers.find("www.test", Kind::A).unwrap().len(), 1);
        let circle = answers.find("a.test", Kind::A).unwrap_err().to_string();
        assert!(circle.contains("circle"), "{circle}");
    }
}
