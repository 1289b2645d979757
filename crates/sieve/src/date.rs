//! Dates of header fields and what is asked of them (RFC 5260 §4).

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

use crate::address_list::after_comment;
use crate::ast::DatePart;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
/// The Modified Julian Day of 1970-01-01.
const UNIX_EPOCH_MJD: i64 = 40_587;
const SECONDS_PER_DAY: i64 = 86_400;
/// Octets of a field in which a date is looked for.
const FIELD_MAX_OCTETS: usize = 4_096;

/// A moment and the zone in which it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Seconds since 1970-01-01 00:00:00 UTC.
    pub(crate) seconds: i64,
    /// Minutes east of UTC.
    pub(crate) offset: i32,
}

/// The date of a field: all of it, or what follows its last semicolon, with the old forms
/// (RFC 5322 §4.3). `None` if there is none or if no calendar has it.
pub(crate) fn read(field: &str) -> Option<Moment> {
    let text = field.rsplit(';').next()?;
    if text.len() > FIELD_MAX_OCTETS {
        return None;
    }
    let text = without_comments(text);
    let mut words = text
        .split([' ', '\t', '\r', '\n', ','])
        .filter(|word| !word.is_empty())
        .peekable();
    words.next_if(|word| WEEKDAYS.iter().any(|day| begins_with(word, day)));
    let day = number(words.next()?, 2)?;
    let month = words.next()?;
    let month = MONTHS.iter().position(|name| begins_with(month, name))? + 1;
    let year = year(words.next()?)?;
    let (time, leap) = time(words.next()?)?;
    let offset = words.next().map_or(Some(0), zone)?;
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let utc = Offset::UTC.to_timestamp(date.to_datetime(time)).ok()?;
    let seconds = utc.as_second() - i64::from(offset) * 60 + i64::from(leap);
    Some(Moment { seconds, offset })
}

/// One part of a moment as told in its zone; `None` for what no calendar has.
pub(crate) fn part(moment: Moment, part: DatePart) -> Option<String> {
    let there = local(moment)?;
    let (date, time) = (there.date(), there.time());
    let weekday = date.weekday().to_sunday_zero_offset();
    let day = || format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day());
    let clock = || {
        format!(
            "{:02}:{:02}:{:02}",
            time.hour(),
            time.minute(),
            time.second()
        )
    };
    Some(match part {
        DatePart::Year => format!("{:04}", date.year()),
        DatePart::Month => format!("{:02}", date.month()),
        DatePart::Day => format!("{:02}", date.day()),
        DatePart::Date => day(),
        DatePart::Julian => {
            let seconds = moment.seconds.checked_add(i64::from(moment.offset) * 60)?;
            (seconds.div_euclid(SECONDS_PER_DAY) + UNIX_EPOCH_MJD).to_string()
        }
        DatePart::Hour => format!("{:02}", time.hour()),
        DatePart::Minute => format!("{:02}", time.minute()),
        DatePart::Second => format!("{:02}", time.second()),
        DatePart::Time => clock(),
        DatePart::Iso8601 => format!("{}T{}{}", day(), clock(), iso_zone(moment.offset)),
        DatePart::Std11 => format!(
            "{}, {:02} {} {:04} {} {}",
            WEEKDAYS[usize::try_from(weekday).ok()?],
            date.day(),
            MONTHS[usize::try_from(date.month() - 1).ok()?],
            date.year(),
            clock(),
            offset_text(moment.offset, "")
        ),
        DatePart::Zone => offset_text(moment.offset, ""),
        DatePart::Weekday => weekday.to_string(),
    })
}

fn local(moment: Moment) -> Option<DateTime> {
    let offset = Offset::from_seconds(moment.offset.checked_mul(60)?).ok()?;
    let there = offset.to_datetime(Timestamp::from_second(moment.seconds).ok()?);
    (0..=9999).contains(&there.year()).then_some(there)
}

fn iso_zone(offset: i32) -> String {
    match offset {
        0 => "Z".to_owned(),
        offset => offset_text(offset, ":"),
    }
}

fn offset_text(offset: i32, between: &str) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.unsigned_abs();
    format!("{sign}{:02}{between}{:02}", minutes / 60, minutes % 60)
}

fn without_comments(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('(') {
        plain.push_str(&rest[..at]);
        plain.push(' ');
        rest = after_comment(&rest[at..]);
    }
    plain + rest
}

fn begins_with(word: &str, name: &str) -> bool {
    word.get(..name.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(name))
}

/// A number of at most `digits` digits.
fn number(word: &str, digits: usize) -> Option<i32> {
    let plain = word.len() <= digits && word.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| word.parse().ok()).flatten()
}

/// A year, also of two or three digits (RFC 5322 §4.3).
fn year(word: &str) -> Option<i16> {
    let written = number(word, 4)?;
    let year = match (word.len(), written) {
        (1 | 2, 0..=49) => written + 2000,
        (1..=3, _) => written + 1900,
        _ => written,
    };
    i16::try_from(year).ok()
}

/// A time of day, and the leap second that it has beyond that.
fn time(word: &str) -> Option<(Time, i32)> {
    let mut numbers = word.split(':').map(|part| number(part, 2));
    let (hour, minute) = (numbers.next()??, numbers.next()??);
    let second = numbers.next().unwrap_or(Some(0))?;
    if numbers.next().is_some() {
        return None;
    }
    let leap = i32::from(second == 60);
    let [hour, minute, second] =
        [hour, minute, second - leap].map(|number| i8::try_from(number).ok());
    Some((Time::new(hour?, minute?, second?, 0).ok()?, leap))
}

/// Minutes east of UTC. Zones that nobody knows are UTC (RFC 5322 §4.3).
pub(crate) fn zone(word: &str) -> Option<i32> {
    let digits = word.get(1..).unwrap_or_default();
    let minutes = || {
        let (hours, minutes) = (digits.get(..2)?, digits.get(2..)?);
        let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
        (digits.len() == 4 && minutes < 60 && hours < 24).then_some(hours * 60 + minutes)
    };
    match word.as_bytes().first()? {
        b'+' => minutes(),
        b'-' => minutes().map(|minutes| -minutes),
        _ => Some(match word.to_ascii_uppercase().as_str() {
            "EDT" => -4 * 60,
            "EST" | "CDT" => -5 * 60,
            "CST" | "MDT" => -6 * 60,
            "MST" | "PDT" => -7 * 60,
            "PST" => -8 * 60,
            _ => 0,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(field: &str) -> Option<String> {
        read(field).and_then(|moment| part(moment, DatePart::Iso8601))
    }

    #[test]
    fn dates_are_read_in_new_and_old_forms() {
        for (field, expected) in [
            (
                "Mon, 23 Nov 2026 10:09:40 +0100",
                "2026-11-23T10:09:40+01:00",
            ),
            ("23 Nov 2026 10:09 -0330", "2026-11-23T10:09:00-03:30"),
            (
                "from a by b; Thu, 1 Jan 1970 00:00:00 +0000",
                "1970-01-01T00:00:00Z",
            ),
            (
                "Mon, 23 Nov 26 10:09:40 EST (a (b) comment)",
                "2026-11-23T10:09:40-05:00",
            ),
            ("23 november 99 1:02:03 X", "1999-11-23T01:02:03Z"),
            ("29 Feb 2024 12:00:00 GMT", "2024-02-29T12:00:00Z"),
            ("31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00Z"),
            ("1 Jan 126 00:00:00", "2026-01-01T00:00:00Z"),
        ] {
            assert_eq!(iso(field).as_deref(), Some(expected), "{field}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for field in [
            "",
            ";",
            "yesterday",
            "29 Feb 2026 12:00:00 +0000",
            "32 Jan 2026 12:00:00 +0000",
            "1 Jan 2026 24:00:00 +0000",
            "1 Jan 2026 10:60:00 +0000",
            "1 Jan 2026 10:00:00:00 +0000",
            "1 Jan 2026 10 +0000",
            "1 Jan 2026 10:00:00 +2560",
            "1 Jan 20260 10:00:00 +0000",
            "1 Jan 2026 +1:00:00 +0000",
            "2026-01-01T00:00:00Z",
        ] {
            assert_eq!(read(field), None, "{field}");
        }
    }

    #[test]
    fn parts_follow_the_zone() {
        let moment = Moment {
            seconds: 1_795_428_580,
            offset: 840,
        };
        for (asked, expected) in [
            (DatePart::Year, "2026"),
            (DatePart::Month, "11"),
            (DatePart::Day, "24"),
            (DatePart::Date, "2026-11-24"),
            (DatePart::Julian, "61368"),
            (DatePart::Hour, "00"),
            (DatePart::Minute, "09"),
            (DatePart::Second, "40"),
            (DatePart::Time, "00:09:40"),
            (DatePart::Iso8601, "2026-11-24T00:09:40+14:00"),
            (DatePart::Std11, "Tue, 24 Nov 2026 00:09:40 +1400"),
            (DatePart::Zone, "+1400"),
            (DatePart::Weekday, "2"),
        ] {
            assert_eq!(part(moment, asked).as_deref(), Some(expected), "{asked:?}");
        }
        for beyond in [(i64::MAX, 0), (0, i32::MAX), (0, 100_000)] {
            let (seconds, offset) = beyond;
            assert_eq!(part(Moment { seconds, offset }, DatePart::Julian), None);
        }
    }
}
