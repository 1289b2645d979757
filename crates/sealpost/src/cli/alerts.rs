//! `sealpost alerts`: changes of rules and ways out that look like the work of an intruder.

use std::io::{self, Write};

use net::Clock;
use service::{AlertQuery, AlertView};

use super::ask::Read;
use super::screen::{COLUMNS, labelled, moment};
use super::values::Since;
use crate::control::protocol::Ask;

/// Spaces before the lines of an alert.
const INDENT: usize = 2;
/// Effects of an alert that are told; the rest is counted.
const EFFECTS_TOLD: usize = 2;

/// Lists changes of rules and of ways out that looked dangerous when they were made, newest first.
/// Nobody is told of them: somebody has to look here.
#[derive(Debug, clap::Args)]
pub(crate) struct Alerts {
    /// Nothing older: 90m, 12h, 7d, or a day such as 2026-11-23.
    #[arg(long)]
    since: Option<Since>,
    /// How many at most.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    limit: u16,
    #[command(flatten)]
    read: Read,
}

impl Alerts {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let now = Clock::real().now();
        let limit = usize::from(self.limit);
        let query = AlertQuery {
            since_s: self.since.map(|since| since.timestamp(now).seconds()),
            limit,
        };
        let found = self.read.place.client()?.ask(Ask::AlertList(query))?;
        if self.read.format.json {
            return Ok(self.read.format.list(out, &found, &[])?);
        }
        let alerts: Vec<AlertView> = serde_json::from_value(found)?;
        let flags = self.read.place.flags();
        for alert in &alerts {
            tell(out, alert, &flags)?;
        }
        eprintln!("{}", summary(alerts.len(), limit));
        Ok(())
    }
}

fn summary(found: usize, limit: usize) -> String {
    let count = match found {
        0 => return "No alert: no change of a rule or of a way out looked dangerous.".to_owned(),
        1 if limit == 1 => "The newest alert; there may be more (--limit)".to_owned(),
        1 => "1 alert".to_owned(),
        count if count == limit => {
            format!("The newest {count} alerts; there may be more (--limit)")
        }
        count => format!("{count} alerts, newest first"),
    };
    format!(
        "{count}. Times are UTC. This version tells nobody of alerts: look here from time to time."
    )
}

fn tell(out: &mut dyn Write, alert: &AlertView, flags: &str) -> io::Result<()> {
    let head = format!(
        "{}  {}: {} {}",
        alert.codes.join(" "),
        alert.standing.to_uppercase(),
        alert.kind.replace('_', " "),
        alert.object,
    );
    let when = moment(&alert.at);
    let width = COLUMNS - when.len() - INDENT;
    writeln!(out, "{head:width$}  {when}")?;
    let mut effects: Vec<_> = alert.effects.iter().take(EFFECTS_TOLD).cloned().collect();
    let more = alert.effects.len() - effects.len();
    if more > 0 {
        let effect = if more == 1 { "effect" } else { "effects" };
        effects.push(format!("({more} more {effect}.)"));
    }
    labelled(out, "", &effects.join(" "), INDENT)?;
    labelled(out, "", &made(alert), INDENT)?;
    let why = format!("Looks dangerous, since {}.", alert.reasons.join("; "));
    labelled(out, "", &why, INDENT)?;
    writeln!(out, "  {}{flags}\n", alert.explain)
}

/// Who made the change, and how.
fn made(alert: &AlertView) -> String {
    let mut words = format!("By {} through {}", alert.who, alert.door);
    if let Some(from) = &alert.from {
        words.push_str(&format!(", from {from}"));
    }
    if let Some(session) = alert.session {
        words.push_str(&format!(", session {session}"));
    }
    format!("{words}; entry {}.", alert.entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_fits_a_screen_and_ends_with_what_to_run() {
        let alert = AlertView {
            entry: 17,
            at: "2026-11-23T22:14:03.123456Z".to_owned(),
            codes: vec!["R1".to_owned(), "R7".to_owned()],
            reasons: vec!["it is new".to_owned(), "it is wide".to_owned()],
            effects: vec!["Copies, for all 14 mailboxes, mail to a\u{202e}b.".to_owned(); 5],
            who: "ben@example.org (account removed)".to_owned(),
            door: "the command line".to_owned(),
            from: Some("203.0.113.77".to_owned()),
            session: Some(types::SessionId(12)),
            kind: "rule".to_owned(),
            object: "r_2".to_owned(),
            standing: "gone".to_owned(),
            explain: "sealpost explain rule r_2".to_owned(),
        };
        let mut out = Vec::new();
        tell(&mut out, &alert, " --data d").unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("R1 R7  GONE: rule r_2  "), "{text}");
        assert!(
            text.ends_with("\n  sealpost explain rule r_2 --data d\n\n"),
            "{text}"
        );
        assert!(
            text.lines().all(|line| line.chars().count() <= COLUMNS),
            "{text}"
        );
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "a\\u{202e}b. Copies",
            "(3 more effects.)",
            "from 203.0.113.77, session s_12; entry 17.",
            "since it is new; it is wide.",
        ] {
            assert!(flat.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn the_summary_says_that_nobody_is_told() {
        for (found, words) in [
            (0, "No alert"),
            (1, "1 alert."),
            (5, "5 alerts"),
            (9, "newest 9"),
        ] {
            let said = summary(found, 9);
            assert!(said.contains(words), "{said}");
            assert_eq!(said.contains("tells nobody"), found > 0);
        }
        assert!(summary(1, 1).contains("may be more"));
    }
}
