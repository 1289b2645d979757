//! Days of the calendar.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A day such as `2026-05-01` (RFC 3339 §5.6, `full-date`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(Date);

/// A text is no day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no day: write year, month and day such as 2026-05-01")]
pub struct DayError(String);

impl Day {
    /// `1 May 2026`
    pub fn words(self) -> String {
        self.0.strftime("%-d %B %Y").to_string()
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let day = text.parse().map(Self);
        // One spelling only, and years from 0 to 9999: others are longer.
        match day {
            Ok(day) if text.len() == 10 && day.to_string() == text => Ok(day),
            _ => Err(DayError(text.chars().take(40).collect())),
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for Day {
    type Error = DayError;

    fn try_from(text: String) -> Result<Self, DayError> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_one_spelling() {
        let day: Day = "2028-02-29".parse().unwrap();
        assert_eq!(day.to_string(), "2028-02-29");
        assert_eq!(day.words(), "29 February 2028");
        for bad in [
            "",
            "2026-02-29",
            "2026-13-01",
            "20260501",
            "2026-5-1",
            "2026-05-01T00:00",
            "-000001-01-01",
            "01.05.2026",
        ] {
            assert!(bad.parse::<Day>().is_err(), "{bad:?}");
        }
    }
}
