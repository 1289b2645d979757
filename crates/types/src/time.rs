//! Points in time as microseconds, and their spellings.

use std::fmt;

use jiff::fmt::strtime;
use jiff::tz::TimeZone;

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

const MICROS_PER_SECOND: i64 = 1_000_000;
/// The first and the last point that have a spelling; what lies outside is written as these.
const YEAR_0001_US: i64 = -62_135_596_800_000_000;
const YEAR_9999_US: i64 = 253_370_764_800_000_000;
/// A `date-time`: digits for `d`, letters for `a`, a sign for `+`.
const IMAP_LAYOUT: &[u8; 26] = b"dd-aaa-dddd dd:dd:dd +dddd";

impl Timestamp {
    /// The point `seconds` later (or earlier); stays at the end of the range where it would pass it.
    pub fn plus_s(self, seconds: i64) -> Self {
        Self(
            self.0
                .saturating_add(seconds.saturating_mul(MICROS_PER_SECOND)),
        )
    }

    /// Whole seconds since 1970.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// `2026-11-23T10:09:40.123456Z`: UTC, always six digits (RFC 3339 §5.6).
    pub fn to_rfc3339(self) -> String {
        self.format("%Y-%m-%dT%H:%M:%S.%6fZ")
    }

    /// Reads what [`Self::to_rfc3339`] wrote, and nothing else.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let time = Self(text.parse::<jiff::Timestamp>().ok()?.as_microsecond());
        (time.to_rfc3339() == text).then_some(time)
    }

    /// `Mon, 23 Nov 2026 10:09:40 +0000` (RFC 5322 §3.3).
    pub fn to_rfc5322(self) -> String {
        self.format("%a, %d %b %Y %H:%M:%S +0000")
    }

    /// `23-Nov-2026 10:09:40 +0000`, without quotes (RFC 9051 §9, `date-time`).
    pub fn to_imap(self) -> String {
        self.format("%d-%b-%Y %H:%M:%S +0000")
    }

    /// Reads an IMAP `date-time` without its quotes; the day may begin with a space. A time that
    /// has no spelling in UTC is none.
    pub fn from_imap(text: &str) -> Option<Self> {
        let fits = |(octet, place): (u8, u8)| match place {
            b'd' => octet.is_ascii_digit(),
            b'a' => octet.is_ascii_alphabetic(),
            b'+' => matches!(octet, b'+' | b'-'),
            _ => octet == place,
        };
        let day = text.strip_prefix(' ').unwrap_or(text);
        let layout = &IMAP_LAYOUT[text.len() - day.len()..];
        if day.len() != layout.len() || !day.bytes().zip(layout.iter().copied()).all(fits) {
            return None;
        }
        let parsed = strtime::parse("%d-%b-%Y %H:%M:%S %z", day).ok()?;
        let time = parsed.to_timestamp().ok()?.as_microsecond();
        (YEAR_0001_US..=YEAR_9999_US)
            .contains(&time)
            .then_some(Self(time))
    }

    /// The UTC day, such as `2026-11-23`.
    pub fn day(self) -> String {
        self.format("%Y-%m-%d")
    }

    fn format(self, pattern: &str) -> String {
        let bounded = self.0.clamp(YEAR_0001_US, YEAR_9999_US);
        jiff::Timestamp::from_microsecond(bounded)
            .map(|time| strtime::format(pattern, &time.to_zoned(TimeZone::UTC)).unwrap_or_default())
            .unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp(1_795_428_580_123_456);

    #[test]
    fn spellings_follow_their_standards() {
        assert_eq!(NOON.to_rfc3339(), "2026-11-23T10:09:40.123456Z");
        assert_eq!(NOON.to_rfc5322(), "Mon, 23 Nov 2026 10:09:40 +0000");
        assert_eq!(NOON.to_imap(), "23-Nov-2026 10:09:40 +0000");
        assert_eq!(NOON.day(), "2026-11-23");
        assert_eq!(Timestamp(i64::MAX).to_rfc3339().len(), 27);
    }

    #[test]
    fn what_was_written_is_read_back() {
        assert_eq!(Timestamp::from_rfc3339(&NOON.to_rfc3339()), Some(NOON));
        assert_eq!(Timestamp::from_rfc3339("2026-11-23T10:09:40Z"), None);
        assert_eq!(
            Timestamp::from_imap(" 3-Nov-2026 12:09:40 +0200")
                .map(Timestamp::to_imap)
                .as_deref(),
            Some("03-Nov-2026 10:09:40 +0000")
        );
        for odd in [
            "31-Feb-2026 12:09:40 +0200",
            " 1-Feb--994 21:52:25 +0100",
            " 1-Feb-+994 21:52:25 +0100",
            "01-Jan-0000 12:00:00 +0000",
            "01-Jan-0001 00:00:00 +0100",
            "31-Dec-9999 12:00:00 +0000",
            "1-Feb-2026 21:52:25 +0100",
            "01-Feb-2026 21:52:25 +01000",
            "",
            " ",
        ] {
            assert_eq!(Timestamp::from_imap(odd), None, "{odd}");
        }
    }
}
