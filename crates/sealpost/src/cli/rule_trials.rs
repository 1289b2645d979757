//! `sealpost rules test` and `run`, and what a rule would have matched: rules on mail that is here.

use std::io::{Read as _, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;
use service::{
    MessageOctets, RulePreview, RuleRun, RuleSource, RuleTrial, RunOver, TRIAL_MESSAGE_MAX_OCTETS,
    TrialMessage,
};
use types::{Address, MailboxName, RuleId};

use super::ask::{Beside, Change, Read};
use super::rules::{Content, Level};
use crate::control::client::Client;
use crate::control::protocol::Ask;
use crate::exit::Failure;
use crate::output;

/// A rule on a message.
#[derive(Debug, clap::Args)]
pub(crate) struct Test {
    /// A rule that is there, such as r_1; else say what one would do with --when and --then, or
    /// --script.
    rule: Option<RuleId>,
    #[command(flatten)]
    level: Level,
    #[command(flatten)]
    content: Content,
    /// The message; `-` reads it from standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "id")]
    message: Option<PathBuf>,
    /// A message that came here, by its Message-ID or the id that `trace` shows.
    #[arg(long)]
    id: Option<String>,
    /// Who sent it (the reverse-path of the envelope).
    #[arg(long, conflicts_with = "id")]
    from: Option<Address>,
    /// For whom it came.
    #[arg(long)]
    to: Option<Address>,
    /// The address of the server that brought it.
    #[arg(long, value_name = "IP", conflicts_with = "id")]
    source: Option<IpAddr>,
    #[command(flatten)]
    read: Read,
}

/// A rule over a folder.
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// The rule, such as r_1.
    rule: RuleId,
    /// Whose mail.
    #[arg(long)]
    account: Address,
    /// In which folder.
    #[arg(long, default_value = "INBOX")]
    folder: MailboxName,
    #[command(flatten)]
    change: Change,
}

impl Test {
    /// Carries it out.
    pub(super) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let content = self.content.content()?;
        let rule = match (self.rule, content) {
            (Some(id), None) => RuleSource::Rule(id),
            (Some(id), Some(content)) => RuleSource::Changed { id, content },
            (None, Some(content)) => RuleSource::New {
                at: self.level.expected()?,
                content,
            },
            (None, None) => {
                let words =
                    "which rule? Name one, such as r_1, or say --then ACTION or --script FILE";
                return Err(Failure::usage(words).into());
            }
        };
        let message = match (self.message, self.id) {
            (Some(path), _) => TrialMessage::Given {
                message: MessageOctets(read_message(&path)?),
                from: self.from.map_or_else(String::new, |from| from.to_string()),
                to: self.to,
                source: self.source,
            },
            (None, Some(id)) => TrialMessage::Stored { id, to: self.to },
            (None, None) => {
                let words = "which message? Add --message FILE, or --id ID of one that came here";
                return Err(Failure::usage(words).into());
            }
        };
        let client = self.read.place.client()?;
        let told = client.ask(Ask::RuleTest { rule, message })?;
        if self.read.format.json {
            return Ok(output::json_line(out, &told)?);
        }
        for line in verdict(&serde_json::from_value(told)?) {
            writeln!(out, "{}", output::visible(&line))?;
        }
        Ok(())
    }
}

impl Run {
    /// Carries it out.
    pub(super) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let plan = |client: &Client| self.over_all(client, true);
        let act = |client: &Client| self.over_all(client, false);
        self.change.act_by(out, (&plan, &act), run_words)
    }

    /// The whole folder, one run after the other, each below the last.
    fn over_all(&self, client: &Client, dry_run: bool) -> anyhow::Result<Value> {
        let mut all = RuleRun::default();
        loop {
            let ask = Ask::RuleRun {
                rule: RuleSource::Rule(self.rule),
                over: RunOver {
                    account: self.account.clone(),
                    folder: self.folder.clone(),
                    below: all.next,
                },
                dry_run,
            };
            let run: RuleRun = serde_json::from_value(client.ask(ask)?)?;
            all.add(&run);
            if all.next.is_none() {
                return Ok(serde_json::to_value(all)?);
            }
        }
    }
}

/// A message with the line ends that mail has.
fn read_message(path: &Path) -> anyhow::Result<Vec<u8>> {
    let shown = path.display();
    let limit = TRIAL_MESSAGE_MAX_OCTETS as u64 + 1;
    let mut octets = Vec::new();
    if path.as_os_str() == "-" {
        let mut input = std::io::stdin().lock().take(limit);
        input.read_to_end(&mut octets).context("standard input")?;
    } else {
        let file = std::fs::File::open(path).with_context(|| shown.to_string())?;
        let mut file = file.take(limit);
        file.read_to_end(&mut octets)
            .with_context(|| shown.to_string())?;
    }
    if octets.len() > TRIAL_MESSAGE_MAX_OCTETS {
        let most = policy::shown::octets(TRIAL_MESSAGE_MAX_OCTETS as u64);
        let words =
            format!("{shown} is larger than {most}; name a message that came here with --id");
        return Err(Failure::usage(&words).into());
    }
    if octets.windows(2).any(|pair| pair == b"\r\n") {
        return Ok(octets);
    }
    let ends = octets.split(|octet| *octet == b'\n').collect::<Vec<_>>();
    Ok(ends.join(&b"\r\n"[..]))
}

/// What a rule would do to a message, and why.
fn verdict(trial: &RuleTrial) -> Vec<String> {
    let mut lines = vec![format!("For {}:", trial.to)];
    match (&trial.failed, trial.does.as_slice()) {
        (Some(why), _) => lines.push(format!(
            "  The rule fails, and the message is kept in the inbox: {why}."
        )),
        (None, []) => lines.push("  It would do nothing to this message.".to_owned()),
        (None, does) => lines.push(format!("  It would {}.", does.join(", and "))),
    }
    if trial.ends {
        lines.push("  No later rule of its list would look at the message.".to_owned());
    }
    if !trial.found.is_empty() {
        lines.push("Because:".to_owned());
    }
    lines.extend(trial.found.iter().map(|test| {
        let place = match &test.script {
            Some(script) => format!("line {} of {script:?}", test.line),
            None => format!("line {}", test.line),
        };
        format!("  {place}: {}", test.words)
    }));
    lines.extend(trial.notes.iter().map(|note| format!("  {note}")));
    lines.extend(trial.unknown.iter().map(|words| {
        format!("  Nobody can say of this message whether {words}; it was taken not to be so.")
    }));
    lines
}

/// What a run did, or would do.
fn run_words(told: &Value, done: bool) -> Vec<String> {
    let Ok(run) = serde_json::from_value::<RuleRun>(told.clone()) else {
        return vec![told.to_string()];
    };
    let acted = run.removed + run.filed + run.flagged;
    let mut parts = Vec::new();
    for (count, word) in [
        (run.removed, "removed (they can be brought back)"),
        (run.filed, "put into folders"),
        (run.flagged, "flagged"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    let looked = counted(run.messages, "message");
    let mut lines = vec![match (acted, done) {
        (0, _) => format!("Looked at {looked}: nothing to do."),
        (_, true) => format!("Looked at {looked}: {}.", parts.join(", ")),
        (_, false) => format!("Looked at {looked}; would be: {}.", parts.join(", ")),
    }];
    if run.left > 0 {
        lines.push(format!(
            "{} left as they are: what the rule does with them (send on, answer, refuse, change the \
             header) is only done when mail arrives.",
            run.left
        ));
    }
    lines
}

/// What a rule would have matched lately, to be told beside what saving it does.
pub(super) fn preview(read: &Read, source: RuleSource) -> Beside {
    let asked = read
        .place
        .client()
        .and_then(|client| client.ask(Ask::RulePreview(source)));
    match asked {
        Ok(value) => Beside {
            words: serde_json::from_value(value.clone())
                .map_or_else(|_| Vec::new(), |it| preview_words(&it)),
            value: Some(("preview", value)),
        },
        Err(err) => Beside {
            words: vec![format!("What it would have matched is not known: {err}.")],
            value: None,
        },
    }
}

/// `Would have matched 37 messages in the last 30 days, the last on 2026-11-20.`
fn preview_words(preview: &RulePreview) -> Vec<String> {
    let days = preview.days;
    let here = preview.messages;
    let mut words = vec![match (here, preview.matched, &preview.last) {
        (0, ..) => {
            format!("No mail of the last {days} days is here, so there is nothing to compare with.")
        }
        (_, 0, _) => format!(
            "Would have matched none of the {} of the last {days} days that are here.",
            counted(here, "message")
        ),
        (_, matched, last) => format!(
            "Would have matched {} in the last {days} days, of {here} that are here; the last on {}.",
            counted(matched, "message"),
            last.as_deref()
                .unwrap_or("-")
                .split('T')
                .next()
                .unwrap_or("-"),
        ),
    }];
    if preview.more {
        words.push(format!("Only {here} were looked at."));
    }
    if !preview.assumed.is_empty() {
        words.push(format!(
            "Counted as true, since mail that is here cannot tell: {}.",
            preview.assumed.join("; ")
        ));
    }
    if !preview.included.is_empty() {
        words.push(format!(
            "It includes {}: what that asks of where mail comes from is not known of mail that is \
             here, so the count can be wrong.",
            preview.included.join(", ")
        ));
    }
    words
}

fn counted(count: usize, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        count => format!("{count} {thing}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_says_what_it_counted_and_what_it_took_for_granted() {
        let preview = |messages, matched, more, assumed: &[&str]| RulePreview {
            days: 30,
            messages,
            matched,
            more,
            last: (matched > 0).then(|| "2026-11-20T09:41:00.000000Z".to_owned()),
            assumed: assumed.iter().map(|words| (*words).to_owned()).collect(),
            included: Vec::new(),
        };
        let includes = RulePreview {
            included: vec!["lists".to_owned()],
            ..preview(9, 5, false, &[])
        };
        for (preview, words) in [
            (preview(0, 0, false, &[]), "nothing to compare with"),
            (preview(9, 0, false, &[]), "none of the 9 messages"),
            (
                preview(9, 1, false, &[]),
                "1 message in the last 30 days, of 9 that are here; the last on 2026-11-20.",
            ),
            (preview(2_000, 5, true, &[]), "Only 2000 were looked at."),
            (
                preview(9, 5, false, &["it came on 1 May"]),
                "cannot tell: it came on 1 May.",
            ),
            (includes, "It includes lists: "),
        ] {
            let told = preview_words(&preview).join(" ");
            assert!(told.contains(words), "{told}");
        }
    }

    #[test]
    fn a_run_says_what_it_leaves_undone() {
        let told = serde_json::json!({
            "messages": 9, "filed": 0, "removed": 2, "flagged": 0, "left": 1
        });
        let words = run_words(&told, false).join(" ");
        for part in ["9 messages; would be: 2 removed", "1 left"] {
            assert!(words.contains(part), "{words}");
        }
        assert!(run_words(&told, true)[0].starts_with("Looked at 9 messages: 2 removed"));
    }
}
