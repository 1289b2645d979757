//! What goes to standard output: tables and details for people, JSON for programs.
//!
//! Standard output carries data only; all talk goes to standard error. Text that others chose (an
//! address, a header field) is printed so that it cannot steer the terminal.

use std::io::{self, IsTerminal as _, Write};

use serde::Serialize;
use serde_json::Value;

/// Spaces between two columns of a table.
const GAP: &str = "  ";
/// Characters of one cell; what is longer is cut with an ellipsis, the JSON has it whole.
const CELL_MAX_CHARS: usize = 100;
/// Characters of a line of a table where a terminal does not say how wide it is.
const USUAL_WIDTH: usize = 100;

/// A column of a table: its title, and the path of the value in a row, such as `actor.kind`.
pub(crate) struct Column(pub(crate) &'static str, pub(crate) &'static str);

/// How a listing command prints.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct Format {
    /// JSON for programs: one object a line in lists.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Format {
    /// Prints rows as a table with these columns, or as JSON lines.
    pub(crate) fn list(
        self,
        out: &mut dyn Write,
        rows: &Value,
        columns: &[Column],
    ) -> io::Result<()> {
        self.list_with(out, rows, columns, &|_| Vec::new())
    }

    /// As [`Self::list`], with further lines below each row of the table.
    pub(crate) fn list_with(
        self,
        out: &mut dyn Write,
        rows: &Value,
        columns: &[Column],
        below: &dyn Fn(&Value) -> Vec<String>,
    ) -> io::Result<()> {
        let rows = rows.as_array().map_or(&[][..], Vec::as_slice);
        if self.json {
            return rows.iter().try_for_each(|row| json_line(out, row));
        }
        let rows: Vec<Value> = rows.iter().map(outside_marked).collect();
        table(out, (&rows, columns), below, screen_width())
    }

    /// Prints one thing with all its values, or as one JSON line.
    pub(crate) fn details(self, out: &mut dyn Write, thing: &Value) -> io::Result<()> {
        if self.json {
            return json_line(out, thing);
        }
        details(out, &outside_marked(thing), "")
    }
}

/// The thing with a word at each address that it counts as outside, in place of the list of those.
fn outside_marked(thing: &Value) -> Value {
    let mut marked = thing.clone();
    let Some(fields) = marked.as_object_mut() else {
        return marked;
    };
    let Some(Value::Array(outside)) = fields.remove("outside") else {
        return thing.clone();
    };
    let lists = fields.values_mut().filter_map(Value::as_array_mut);
    for address in lists.flatten().filter(|item| outside.contains(item)) {
        *address = Value::String(format!("{} (OUTSIDE)", plain(address)));
    }
    marked
}

/// Prints one JSON value on a line of its own.
pub(crate) fn json_line(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value).map_err(io::Error::from)?;
    writeln!(out)
}

/// The text with all that steers a terminal or reorders letters made visible.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let reorders = matches!(
            c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
                | '\u{feff}'
        );
        if c.is_control() || reorders {
            shown.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// How wide the terminal is that shows standard output; none if it goes elsewhere.
fn screen_width() -> Option<usize> {
    let out = io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&out).ok();
    let columns = size.map(|size| usize::from(size.ws_col));
    Some(
        columns
            .filter(|columns| *columns > 0)
            .unwrap_or(USUAL_WIDTH),
    )
}

/// Prints a table no wider than `screen`: long cells are broken between words.
fn table(
    out: &mut dyn Write,
    (rows, columns): (&[Value], &[Column]),
    below: &dyn Fn(&Value) -> Vec<String>,
    screen: Option<usize>,
) -> io::Result<()> {
    let title = columns
        .iter()
        .map(|Column(title, _)| (*title).to_owned())
        .collect();
    let cells = |row: &Value| {
        columns
            .iter()
            .map(|Column(_, path)| cell(row, path))
            .collect()
    };
    let lines: Vec<Vec<String>> = std::iter::once(title)
        .chain(rows.iter().map(cells))
        .collect();
    let widths = widths(&lines, columns.len(), screen);
    let title_and_rows = std::iter::once(None).chain(rows.iter().map(Some));
    for (line, row) in lines.iter().zip(title_and_rows) {
        print_row(out, line, &widths)?;
        for line in row.map(below).unwrap_or_default() {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

/// How wide each column is: as its longest cell, or less where all of them pass the screen; never
/// narrower than its longest word.
fn widths(lines: &[Vec<String>], columns: usize, screen: Option<usize>) -> Vec<usize> {
    let longest = |column: usize, of: &dyn Fn(&str) -> usize| {
        let chars = lines.iter().map(|line| of(&line[column]));
        chars.max().unwrap_or_default()
    };
    let word = |text: &str| {
        let words = text.split_whitespace().map(|word| word.chars().count());
        words.max().unwrap_or_default()
    };
    let least: Vec<usize> = (0..columns).map(|at| longest(at, &word)).collect();
    let whole = |text: &str| text.chars().count();
    let mut widths: Vec<usize> = (0..columns).map(|at| longest(at, &whole)).collect();
    let gaps = GAP.len() * columns.saturating_sub(1);
    let room = screen.unwrap_or(usize::MAX).saturating_sub(gaps);
    while widths.iter().sum::<usize>() > room {
        let slack = |at: &usize| widths[*at] > least[*at];
        let Some(widest) = (0..columns).filter(slack).max_by_key(|at| widths[*at]) else {
            break;
        };
        widths[widest] -= 1;
    }
    widths
}

/// One row, which takes several lines where a cell does not fit its column.
fn print_row(out: &mut dyn Write, cells: &[String], widths: &[usize]) -> io::Result<()> {
    let fitted =
        cells
            .iter()
            .zip(widths)
            .map(|(text, width)| match text.chars().count() <= *width {
                true => vec![text.clone()],
                false => broken(text, *width),
            });
    let fitted: Vec<Vec<String>> = fitted.collect();
    let height = fitted.iter().map(Vec::len).max().unwrap_or_default();
    for at in 0..height {
        let mut text = String::new();
        for (lines, width) in fitted.iter().zip(widths) {
            let part = lines.get(at).map_or("", String::as_str);
            text.push_str(&format!("{part:width$}{GAP}"));
        }
        writeln!(out, "{}", text.trim_end())?;
    }
    Ok(())
}

/// Breaks a text between words into lines of at most `width` characters; a longer word stands whole.
pub(crate) fn broken(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn cell(row: &Value, path: &str) -> String {
    let value = path.split('.').try_fold(row, |value, key| value.get(key));
    let text = value.map_or_else(|| "-".to_owned(), |value| amount_or_plain(path, value));
    if text.chars().count() <= CELL_MAX_CHARS {
        return text;
    }
    text.chars().take(CELL_MAX_CHARS - 1).chain(['…']).collect()
}

/// A value for people; an amount of octets with its unit, so that nobody counts digits.
fn amount_or_plain(key: &str, value: &Value) -> String {
    match value.as_u64() {
        Some(octets) if key.ends_with("_octets") => policy::shown::octets(octets),
        _ => plain(value),
    }
}

/// A value without the marks of JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => visible(to_seconds(text).as_deref().unwrap_or(text)),
        Value::Array(values) if values.is_empty() => "-".to_owned(),
        Value::Array(values) => joined(values),
        Value::Object(fields) if fields.is_empty() => "-".to_owned(),
        Value::Object(_) => visible(&value.to_string()),
    }
}

/// A time of RFC 3339 without its fraction; `None` for every other text. The JSON has it whole.
fn to_seconds(text: &str) -> Option<String> {
    let (seconds, fraction) = text.strip_suffix('Z')?.split_once('.')?;
    let is_time = seconds.len() == "2026-11-23T22:14:03".len()
        && fraction.bytes().all(|octet| octet.is_ascii_digit())
        && types::Timestamp::from_rfc3339(text).is_some();
    is_time.then(|| format!("{seconds}Z"))
}

/// Values side by side: sentences as they are, all else with commas.
fn joined(values: &[Value]) -> String {
    let texts: Vec<String> = values.iter().map(plain).collect();
    let sentences = texts.iter().all(|text| text.ends_with('.'));
    texts.join(if sentences { " " } else { ", " })
}

fn details(out: &mut dyn Write, thing: &Value, indent: &str) -> io::Result<()> {
    let Some(fields) = thing.as_object() else {
        return writeln!(out, "{indent}{}", plain(thing));
    };
    let width = fields
        .keys()
        .map(|key| key.chars().count())
        .max()
        .unwrap_or_default();
    for (key, value) in fields {
        let name = visible(&key.replace('_', " "));
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                writeln!(out, "{indent}{name}")?;
                details(out, value, &format!("{indent}{GAP}"))?;
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                writeln!(out, "{indent}{name}")?;
                for item in items {
                    writeln!(out, "{indent}{GAP}-")?;
                    details(out, item, &format!("{indent}{GAP}{GAP}"))?;
                }
            }
            _ => writeln!(
                out,
                "{indent}{name:width$}{GAP}{}",
                amount_or_plain(key, value)
            )?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COLUMNS: &[Column] = &[Column("ADDRESS", "address"), Column("KIND", "actor.kind")];

    fn printed(json: bool, rows: &Value) -> String {
        let mut out = Vec::new();
        Format { json }.list(&mut out, rows, COLUMNS).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_table_is_aligned_and_a_list_is_json_lines() {
        let rows = json!([
            {"address": "ann@example.org", "actor": {"kind": "unix_user"}},
            {"address": "b@example.org"},
        ]);
        let table = "ADDRESS          KIND\nann@example.org  unix_user\nb@example.org    -\n";
        assert_eq!(printed(false, &rows), table);
        let lines = printed(true, &rows);
        assert_eq!(lines.lines().count(), 2);
        assert!(
            lines
                .lines()
                .all(|line| serde_json::from_str::<Value>(line).is_ok())
        );
    }

    #[test]
    fn text_of_others_cannot_steer_the_terminal() {
        let rows = json!([{"address": "a\u{1b}[2Jb\r\n\u{202e}c"}]);
        let shown = printed(false, &rows);
        assert!(
            shown.contains("a\\u{1b}[2Jb\\u{d}\\u{a}\\u{202e}c"),
            "{shown}"
        );
        assert_eq!(shown.lines().count(), 2);
    }

    #[test]
    fn details_show_inner_things_indented() {
        let thing =
            json!({"name": "example.org", "on": true, "dns": {"mx": []}, "list": [{"a": 1}]});
        let mut out = Vec::new();
        Format::default().details(&mut out, &thing).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("name  example.org\n"), "{text}");
        assert!(text.contains("on    yes\n"), "{text}");
        assert!(text.contains("dns\n  mx  -\n"), "{text}");
        assert!(text.contains("list\n  -\n    a  1\n"), "{text}");
    }

    #[test]
    fn sentences_are_set_side_by_side_and_names_with_commas() {
        assert_eq!(plain(&json!(["One mail.", "Two."])), "One mail. Two.");
        assert_eq!(plain(&json!(["a.test", "b.test"])), "a.test, b.test");
        assert_eq!(plain(&json!({})), "-");
    }

    #[test]
    fn addresses_outside_are_marked_for_people_only() {
        let both = ["a@example.org", "b@example.net"];
        let rows = json!([{"address": both, "outside": ["b@example.net"]}]);
        let table = printed(false, &rows);
        let marked = "a@example.org, b@example.net (OUTSIDE)";
        assert!(table.contains(marked), "{table}");
        let json = printed(true, &rows);
        assert!(
            json.contains("\"b@example.net\"]") && !json.contains("OUTSIDE"),
            "{json}"
        );
    }

    #[test]
    fn amounts_have_units_for_people_only() {
        let rows = json!([{"address": "a", "quota_octets": 10_737_418_240_u64}]);
        let columns = &[Column("QUOTA", "quota_octets")];
        for (json, shown) in [(false, "10 GiB"), (true, ":10737418240")] {
            let mut out = Vec::new();
            Format { json }.list(&mut out, &rows, columns).unwrap();
            let out = String::from_utf8(out).unwrap();
            assert!(out.contains(shown), "{out}");
        }
    }

    #[test]
    fn times_have_seconds_for_people_and_all_digits_for_programs() {
        let time = "2026-11-23T22:14:03.123456Z";
        let rows = json!([{"address": time}]);
        assert!(printed(false, &rows).contains("2026-11-23T22:14:03Z "));
        assert!(printed(true, &rows).contains(time));
        for text in ["192.0.2.7", "a.Z", "2026-11-23T22:14:03Z", "x.example.Z"] {
            assert_eq!(to_seconds(text), None, "{text}");
        }
    }

    #[test]
    fn a_table_is_no_wider_than_the_screen_and_loses_no_word() {
        let does = "Copies, for all 14 mailboxes, mail whose subject contains words.";
        let rows = [json!({"address": does, "actor": {"kind": "ben@example.org"}})];
        for (screen, lines) in [(None, 2), (Some(100), 2), (Some(50), 4), (Some(3), 8)] {
            let mut out = Vec::new();
            table(&mut out, (&rows, COLUMNS), &|_| Vec::new(), screen).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text.lines().count(), lines, "{screen:?}: {text}");
            let fits = |line: &str| line.chars().count() <= screen.unwrap_or(usize::MAX).max(27);
            assert!(text.lines().all(fits), "{screen:?}: {text}");
            let words = |text: &str| text.split_whitespace().count();
            assert_eq!(words(&text), words(does) + 3, "{text}");
        }
    }

    #[test]
    fn a_long_cell_is_cut() {
        let rows = json!([{"address": "x".repeat(500)}]);
        assert!(
            printed(false, &rows)
                .lines()
                .all(|line| line.chars().count() < 120)
        );
    }
}
