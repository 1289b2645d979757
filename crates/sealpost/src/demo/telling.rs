//! What the demo says about its story: what happened, and the commands that find it out and undo
//! it.

use std::io::{self, Write};
use std::path::Path;

use service::shell::quoted;

use super::replay::Told;

/// Columns of the screen.
const COLUMNS: usize = 80;

/// A function of the shell that runs this program on this demo, so that commands are as short as
/// those of an installation.
pub(crate) fn shell_function(out: &mut dyn Write, data: &Path) -> io::Result<()> {
    writeln!(out, "In another terminal, paste this first:")?;
    writeln!(out, "  sealpost() {{")?;
    let (program, data) = (quoted(&program()), quoted(&data.display().to_string()));
    writeln!(out, "    command {program} \"$@\" --data {data}")?;
    writeln!(out, "  }}")
}

/// This program, as a shell in any folder finds it.
fn program() -> String {
    let called = std::env::args().next().filter(|name| !name.contains('/'));
    let path = || std::env::current_exe().ok();
    let name = called.or_else(|| path().map(|path| path.display().to_string()));
    name.unwrap_or_else(|| "sealpost".to_owned())
}

impl Told {
    /// Tells it to people.
    pub(crate) fn tell(&self, out: &mut dyn Write, data: &Path) -> io::Result<()> {
        let title = "WHAT HAPPENED while this started (in 2017 it was night):";
        writeln!(out, "{title}\n")?;
        for (number, event) in (1..).zip(self.events()) {
            item(out, number, &event)?;
        }
        writeln!(out)?;
        paragraph(out, &self.played())?;
        writeln!(out)?;
        shell_function(out, data)?;
        self.suggest(out)
    }

    /// One sentence or two for each thing that happened.
    fn events(&self) -> [String; 5] {
        let [deletes, copies] = [self.rules[0].id, self.rules[1].id];
        let Self {
            source,
            account,
            failures,
            stranger,
            reported_to,
            ..
        } = self;
        [
            "Mail came in, as every day.".to_owned(),
            format!(
                "Somebody at {source}, an address never seen here, signed in as {account}, the \
                 admin of the domain: {failures} wrong passwords, then the right one."
            ),
            format!(
                "That session made two rules for everybody's mail, then ended: {deletes}, which \
                 deletes all that contains \"tucows\", and {copies}, which copies each \"Checkout \
                 Notice\" to {stranger}, OUTSIDE."
            ),
            format!(
                "More mail came in. {deletes} deleted {}. {copies} copied {}.",
                messages(self.deleted),
                messages(self.copied)
            ),
            format!(
                "The stranger's mailbox was full, so one copy came back. Its report lies in \
                 {account}'s inbox, sent to an address that names the rule: {reported_to}."
            ),
        ]
    }

    /// What is real and what is played.
    fn played(&self) -> String {
        let ([trusted, ended], [deletes, copies]) = (self.proxy_entries, &self.rules);
        format!(
            "The server's own doors and gates made every record of this, at the time you see. Two \
             things are played: the address comes by a proxy that entry {trusted} trusts and entry \
             {ended} no longer, and since there are no web pages yet, the demo itself hands over \
             the two rules (entries {} and {}), in that session.",
            deletes.entry, copies.entry
        )
    }

    /// The commands that find it out and undo it.
    fn suggest(&self, out: &mut dyn Write) -> io::Result<()> {
        let ([deletes, copies], loser) = ([self.rules[0].id, self.rules[1].id], &self.loser);
        writeln!(out, "Then find out what happened, by whom and how:")?;
        writeln!(out, "  sealpost alerts")?;
        writeln!(out, "  sealpost explain rule {copies}")?;
        writeln!(out, "  sealpost exits list")?;
        writeln!(out, "and undo it:")?;
        writeln!(out, "  sealpost recoverable list {loser}")?;
        writeln!(out, "  sealpost recoverable restore {loser} --since 1h")?;
        // The last one first: what stands behind a rule that deletes would see more mail.
        writeln!(out, "  sealpost rules rm {copies}")?;
        writeln!(out, "  sealpost rules rm {deletes}")?;
        writeln!(out, "What the rules did stays known:")?;
        writeln!(out, "  sealpost trace --rule {deletes}")?;
        writeln!(out, "  sealpost ledger verify")
    }
}

fn messages(count: usize) -> String {
    match count {
        1 => "1 message".to_owned(),
        count => format!("{count} messages"),
    }
}

/// A numbered item, its lines below each other.
fn item(out: &mut dyn Write, number: usize, text: &str) -> io::Result<()> {
    let mark = format!("  {number}. ");
    let indent = " ".repeat(mark.len());
    for (at, line) in wrapped(text, COLUMNS - mark.len()).iter().enumerate() {
        writeln!(out, "{}{line}", if at == 0 { &mark } else { &indent })?;
    }
    Ok(())
}

fn paragraph(out: &mut dyn Write, text: &str) -> io::Result<()> {
    let mut lines = wrapped(text, COLUMNS).into_iter();
    lines.try_for_each(|line| writeln!(out, "{line}"))
}

/// The text in lines of so many columns; a longer word stands alone.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines
            .last_mut()
            .expect("it begins with a line and only grows");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= columns {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use types::RuleId;

    use super::super::replay::MadeRule;
    use super::*;

    fn told() -> Told {
        let rule = |number| MadeRule {
            id: RuleId(number),
            entry: 27 + number,
        };
        Told {
            source: "203.0.113.77".parse().unwrap(),
            account: "ben@demo.test".parse().unwrap(),
            failures: 3,
            rules: [rule(1), rule(2)],
            deleted: 1,
            loser: "ana@demo.test".parse().unwrap(),
            copied: 2,
            stranger: "drop@webmail.test".parse().unwrap(),
            reported_to: "postmaster+r_2@demo.test".parse().unwrap(),
            proxy_entries: [27, 30],
        }
    }

    #[test]
    fn it_fits_a_screen_and_names_who_what_and_the_way_out() {
        let mut out = Vec::new();
        told().tell(&mut out, Path::new("/nonexistent/d")).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let wide = |line: &&&str| line.chars().count() > COLUMNS && !line.contains("command");
        assert_eq!(lines.iter().find(wide), None);
        assert!(lines.len() <= 45, "{} lines", lines.len());
        for part in [
            "203.0.113.77",
            "deleted 1 message.",
            "copied 2 messages.",
            "postmaster+r_2@demo.test",
            "\n  sealpost explain rule r_2\n",
            "\n  sealpost recoverable restore ana@demo.test --since 1h\n",
        ] {
            assert!(text.contains(part), "{part:?} is missing in {text}");
        }
    }

    #[test]
    fn words_for_the_shell_are_one_word_each() {
        for (word, expected) in [
            ("/tmp/demo-1", "/tmp/demo-1"),
            ("/tmp/my demo", "'/tmp/my demo'"),
            ("a'b;c", "'a'\\''b;c'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }

    #[test]
    fn lines_end_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(
            wrapped("incomprehensible a b", 5),
            ["incomprehensible", "a b"]
        );
    }
}
