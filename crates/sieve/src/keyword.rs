//! The words of closed choices, read by the parser and written by the printer from one table.

use crate::ast::{AddressPart, Comparator, DatePart, FlagChange, Modifier, Relation};

/// A choice whose values each have one word.
pub(crate) trait Word: Copy + PartialEq + 'static {
    /// Every value with its word, in small letters.
    const ALL: &'static [(Self, &'static str)];

    /// The value of a word in small letters.
    fn read(word: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, known)| *known == word);
        found.map(|(value, _)| *value)
    }

    /// The word.
    fn word(self) -> &'static str {
        let found = Self::ALL.iter().find(|(value, _)| *value == self);
        found.map_or("", |(_, word)| word)
    }

    /// All words, for a person who wrote another one.
    fn list() -> String {
        let words: Vec<_> = Self::ALL.iter().map(|(_, word)| *word).collect();
        words.join(", ")
    }
}

impl Word for AddressPart {
    const ALL: &'static [(Self, &'static str)] = &[
        (Self::All, "all"),
        (Self::LocalPart, "localpart"),
        (Self::Domain, "domain"),
        (Self::User, "user"),
        (Self::Detail, "detail"),
    ];
}

impl Word for Comparator {
    const ALL: &'static [(Self, &'static str)] = &[
        (Self::AsciiCasemap, "i;ascii-casemap"),
        (Self::Octet, "i;octet"),
        (Self::AsciiNumeric, "i;ascii-numeric"),
    ];
}

impl Word for Relation {
    const ALL: &'static [(Self, &'static str)] = &[
        (Self::Gt, "gt"),
        (Self::Ge, "ge"),
        (Self::Lt, "lt"),
        (Self::Le, "le"),
        (Self::Eq, "eq"),
        (Self::Ne, "ne"),
    ];
}

impl Word for FlagChange {
    const ALL: &'static [(Self, &'static str)] = &[
        (Self::Set, "setflag"),
        (Self::Add, "addflag"),
        (Self::Remove, "removeflag"),
    ];
}

impl Word for Modifier {
    const ALL: &'static [(Self, &'static str)] = &[
        (Self::Lower, "lower"),
        (Self::Upper, "upper"),
        (Self::LowerFirst, "lowerfirst"),
        (Self::UpperFirst, "upperfirst"),
        (Self::QuoteWildcard, "quotewildcard"),
        (Self::QuoteRegex, "quoteregex"),
        (Self::EncodeUrl, "encodeurl"),
        (Self::Length, "length"),
    ];
}

impl Modifier {
    /// The higher is applied first; a command has one of each (RFC 5229 §4.1, RFC 5435 §6).
    pub(crate) fn precedence(self) -> u8 {
        match self {
            Self::Lower | Self::Upper => 40,
            Self::LowerFirst | Self::UpperFirst => 30,
            Self::QuoteWildcard | Self::QuoteRegex => 20,
            Self::EncodeUrl => 15,
            Self::Length => 10,
        }
    }
}

impl Word for DatePart {
    const ALL: &'static [(Self, &'static str)] = &[
        (Self::Year, "year"),
        (Self::Month, "month"),
        (Self::Day, "day"),
        (Self::Date, "date"),
        (Self::Julian, "julian"),
        (Self::Hour, "hour"),
        (Self::Minute, "minute"),
        (Self::Second, "second"),
        (Self::Time, "time"),
        (Self::Iso8601, "iso8601"),
        (Self::Std11, "std11"),
        (Self::Zone, "zone"),
        (Self::Weekday, "weekday"),
    ];
}
