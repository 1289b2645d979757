//! Values as people write them on the command line.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use policy::Role;
use types::{Domain, Timestamp};

const KIB: u64 = 1_024;
const SECONDS_PER_DAY: i64 = 86_400;

/// `owner`, `domain_admin`, `mailbox_owner` or `auditor`: the words that entries and JSON use. Their
/// forms with a hyphen are understood too.
pub(crate) fn role() -> impl TypedValueParser<Value = Role> {
    let value = |role: Role| {
        let named = PossibleValue::new(role.as_str());
        match role {
            Role::Owner => named.help("may change everything"),
            Role::DomainAdmin => named.alias("domain-admin").help(
                "may change accounts, aliases and addresses of its domain; gets its postmaster mail",
            ),
            Role::MailboxOwner => named.alias("mailbox-owner").help("has a mailbox, no more"),
            Role::Auditor => named.help("may read all settings and records"),
        }
    };
    PossibleValuesParser::new(Role::ALL.map(value)).try_map(|word| {
        Role::ALL
            .into_iter()
            .find(|role| role.as_str() == word.replace('-', "_"))
            .ok_or("no such role")
    })
}

/// A quota: `none`, or a number with K, M, G or T for powers of 1,024 octets, or B for octets. A
/// number alone is refused: who writes 10 hardly means 10 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota(pub(crate) Option<u64>);

impl std::str::FromStr for Quota {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        let wrong = || format!("{text:?} is no quota: write none, or a size such as 500M or 10G");
        let (digits, unit) = match text.char_indices().next_back() {
            Some((at, 'B' | 'b')) => (&text[..at], 1),
            Some((at, 'K' | 'k')) => (&text[..at], KIB),
            Some((at, 'M' | 'm')) => (&text[..at], KIB.pow(2)),
            Some((at, 'G' | 'g')) => (&text[..at], KIB.pow(3)),
            Some((at, 'T' | 't')) => (&text[..at], KIB.pow(4)),
            Some(_) if text.bytes().all(|c| c.is_ascii_digit()) => {
                return Err(format!(
                    "{text} has no unit: write {text}M, {text}G, or {text}B for octets"
                ));
            }
            _ => return Err(wrong()),
        };
        if !digits.bytes().all(|c| c.is_ascii_digit()) {
            return Err(wrong());
        }
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        number
            .checked_mul(unit)
            .map(|octets| Self(Some(octets)))
            .ok_or_else(wrong)
    }
}

/// A point in the past: `90m`, `12h` or `7d` ago, or a UTC day such as `2026-11-23`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// Seconds before now.
    AgoS(i64),
    /// From this moment on.
    At(Timestamp),
}

impl Since {
    /// The moment it stands for.
    pub(crate) fn timestamp(self, now: Timestamp) -> Timestamp {
        match self {
            Self::AgoS(seconds) => now.plus_s(-seconds),
            Self::At(time) => time,
        }
    }
}

impl std::str::FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is no time: write 90m, 12h, 7d or a day such as 2026-11-23");
        if let Some(time) = Timestamp::from_rfc3339(&format!("{text}T00:00:00.000000Z")) {
            return Ok(Self::At(time));
        }
        let (at, unit) = text.char_indices().next_back().ok_or_else(wrong)?;
        let seconds = match unit {
            'm' => 60,
            'h' => 3_600,
            'd' => SECONDS_PER_DAY,
            _ => return Err(wrong()),
        };
        let number: u32 = text[..at].parse().map_err(|_| wrong())?;
        Ok(Self::AgoS(i64::from(number) * seconds))
    }
}

/// A length of time: `30m`, `2h` or `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// In seconds.
    pub(crate) seconds: u64,
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no length of time: write 30m, 2h or 7d");
        let (at, unit) = text.char_indices().next_back().ok_or_else(wrong)?;
        let unit_s = match unit {
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        let number: u32 = text[..at].parse().map_err(|_| wrong())?;
        Ok(Self {
            seconds: u64::from(number) * unit_s,
        })
    }
}

/// `on` or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Switch {
    /// From now on.
    On,
    /// No longer.
    Off,
}

/// Only what belongs to one domain.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct OfDomain {
    /// Only those of this domain.
    #[arg(long)]
    pub(crate) domain: Option<Domain>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_none_or_a_size() {
        let cases = [
            ("none", Some(None)),
            ("1500B", Some(Some(1_500))),
            ("3m", Some(Some(3_145_728))),
            ("1500", None),
            ("2K", Some(Some(2_048))),
            ("10G", Some(Some(10_737_418_240))),
            ("", None),
            ("G", None),
            ("-1", None),
            ("+1", None),
            ("1.5G", None),
            ("99999999999T", None),
        ];
        for (text, expected) in cases {
            assert_eq!(
                text.parse::<Quota>().ok().map(|quota| quota.0),
                expected,
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_span_has_a_unit() {
        let cases = [
            ("30m", Some(1_800)),
            ("2h", Some(7_200)),
            ("7d", Some(604_800)),
            ("7", None),
            ("h", None),
            ("-1h", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let span = text.parse::<Span>().ok();
            assert_eq!(span.map(|span| span.seconds), expected, "{text:?}");
        }
    }

    #[test]
    fn since_is_a_span_or_a_day() {
        let now = Timestamp::from_rfc3339("2026-11-23T12:00:00.000000Z").unwrap();
        let cases = [
            ("90m", Some("2026-11-23T10:30:00.000000Z")),
            ("12h", Some("2026-11-23T00:00:00.000000Z")),
            ("7d", Some("2026-11-16T12:00:00.000000Z")),
            ("2026-02-28", Some("2026-02-28T00:00:00.000000Z")),
            ("2026-02-30", None),
            ("", None),
            ("7", None),
            ("-7d", None),
            ("dé", None),
            ("99999999999d", None),
        ];
        for (text, expected) in cases {
            let since = text.parse::<Since>().ok();
            let shown = since.map(|since| since.timestamp(now).to_rfc3339());
            assert_eq!(shown.as_deref(), expected, "{text:?}");
        }
    }
}
