//! The mail of campaigns: messages whose whole text follows from their name, sent and read back.

use anyhow::{Context as _, bail, ensure};

use super::dice::Dice;
use crate::PASSWORD;
use crate::dialogue::Dialogue;

/// Most octets of an ordinary body.
const BODY_MAX_OCTETS: u64 = 12_000;
/// Octets of the few bodies that are read in pieces.
const LARGE_BODY_OCTETS: usize = 400_000;
/// One body in so many is large.
const LARGE_EVERY: u64 = 40;

/// Begins the part of a message that is as it was sent, whatever was put before it.
const ID_FIELD: &str = "Message-ID: ";

/// The whole text of the message with this name: its size and content follow from it.
pub(crate) fn text(id: &str) -> String {
    let seed = id.bytes().fold(7, |seed: u64, octet| {
        seed.wrapping_mul(31).wrapping_add(octet.into())
    });
    let mut dice = Dice::new(seed);
    let octets = match dice.below(LARGE_EVERY) {
        0 => LARGE_BODY_OCTETS,
        _ => usize::try_from(dice.below(BODY_MAX_OCTETS)).unwrap_or(0),
    };
    let mut text = format!("{ID_FIELD}<{id}>\r\nSubject: campaign\r\n\r\n");
    let end = text.len() + octets;
    while text.len() < end {
        text.push_str(&format!("{:016x} {id}\r\n", dice.throw()));
    }
    text
}

/// Delivers the message with this name on a connection that has said EHLO.
pub(crate) fn send(client: &mut Dialogue, to: &str, id: &str) -> anyhow::Result<()> {
    client.ask("MAIL FROM:<bob@example.net>", "250")?;
    client.ask(&format!("RCPT TO:<{to}>"), "250")?;
    client.ask("DATA", "354")?;
    client.say(&format!("{}.", text(id)))?;
    client.hears("250").map(drop)
}

/// A connection that may send.
pub(crate) fn greeted(port: u16) -> anyhow::Result<Dialogue> {
    let mut client = Dialogue::smtp(port)?;
    client.ask("EHLO client.example.net", "250")?;
    Ok(client)
}

/// A message as IMAP gave it.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) uid: u32,
    pub(crate) flagged: bool,
    pub(crate) text: Vec<u8>,
}

impl Found {
    /// Its name, if its text is what the name says.
    pub(crate) fn checked_id(&self) -> anyhow::Result<String> {
        let text = String::from_utf8_lossy(&self.text);
        let field = text.find(ID_FIELD).context("a message without its name")?;
        let sent = &text[field..];
        let id = sent[ID_FIELD.len()..].split_once('>').map(|(id, _)| id);
        let id = id
            .and_then(|id| id.strip_prefix('<'))
            .context("a broken name")?;
        ensure!(
            sent == self::text(id),
            "not the octets that were sent: {id}"
        );
        Ok(id.to_owned())
    }
}

/// An IMAP connection that is signed in.
pub(crate) struct Imap {
    dialogue: Dialogue,
    tags: u32,
}

impl Imap {
    /// Signs in.
    pub(crate) fn sign_in(port: u16, user: &str) -> anyhow::Result<Self> {
        let mut dialogue = Dialogue::connect(port)?;
        ensure!(dialogue.line()?.starts_with("* OK"));
        let mut imap = Self { dialogue, tags: 0 };
        imap.ask(&format!("LOGIN {user} \"{PASSWORD}\""))?;
        Ok(imap)
    }

    /// Says a command and gives its tagged answer, whatever it is, with the messages that came.
    pub(crate) fn say(&mut self, command: &str) -> anyhow::Result<(String, Vec<Found>)> {
        self.tags += 1;
        let tag = format!("t{} ", self.tags);
        self.dialogue.say(&format!("{tag}{command}"))?;
        let mut found = Vec::new();
        loop {
            let line = self.dialogue.line()?;
            if let Some(answer) = line.strip_prefix(&tag) {
                return Ok((answer.to_owned(), found));
            }
            if let Some(octets) = literal(&line) {
                let text = self.dialogue.octets(octets)?;
                let rest = self.dialogue.line()?;
                found.push(Found {
                    uid: number_after(&line, "UID ").context("a message without UID")?,
                    flagged: format!("{line}{rest}").contains("\\Flagged"),
                    text,
                });
            }
        }
    }

    /// Says a command that must succeed; gives the words of its answer.
    pub(crate) fn ask(&mut self, command: &str) -> anyhow::Result<String> {
        let (answer, _) = self.say(command)?;
        match answer.strip_prefix("OK") {
            Some(words) => Ok(words.trim().to_owned()),
            None => bail!("{command:?}: {answer}"),
        }
    }

    /// Puts the message with this name into a mailbox; gives its UID.
    pub(crate) fn append(&mut self, mailbox: &str, id: &str) -> anyhow::Result<u32> {
        let text = text(id);
        let length = text.len();
        let answer = self.ask(&format!("APPEND {mailbox} {{{length}+}}\r\n{text}"))?;
        let told = answer.split_once("APPENDUID ").map(|(_, told)| told);
        told.and_then(|told| number_after(told, " "))
            .with_context(|| format!("no APPENDUID: {answer}"))
    }

    /// Opens a mailbox.
    pub(crate) fn select(&mut self, mailbox: &str) -> anyhow::Result<()> {
        self.ask(&format!("SELECT {mailbox}")).map(drop)
    }

    /// All messages of a mailbox, each whole.
    pub(crate) fn all(&mut self, mailbox: &str) -> anyhow::Result<Vec<Found>> {
        self.select(mailbox)?;
        let (answer, found) = self.say("UID FETCH 1:* (UID FLAGS BODY.PEEK[])")?;
        ensure!(answer.starts_with("OK"), "{mailbox}: {answer}");
        let ascend = found.windows(2).all(|pair| pair[0].uid < pair[1].uid);
        ensure!(ascend, "{mailbox}: the UIDs do not ascend");
        Ok(found)
    }
}

/// Octets of the literal that a line announces.
fn literal(line: &str) -> Option<usize> {
    line.strip_suffix('}')?.rsplit_once('{')?.1.parse().ok()
}

fn number_after(line: &str, word: &str) -> Option<u32> {
    let rest = &line[line.find(word)? + word.len()..];
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_follows_from_its_name_and_a_changed_one_is_noticed() {
        let found = |text: String| Found {
            uid: 1,
            flagged: false,
            text: text.into_bytes(),
        };
        let sent = text("r1-1.test");
        let stored = format!("Received: from x\r\n{sent}");
        assert_eq!(found(stored.clone()).checked_id().unwrap(), "r1-1.test");
        assert!(
            found(stored.replacen("campaign", "campaigm", 1))
                .checked_id()
                .is_err()
        );
        assert!(
            found(stored[..stored.len() - 1].to_owned())
                .checked_id()
                .is_err()
        );
        assert!(found("Subject: x\r\n\r\n".to_owned()).checked_id().is_err());
        assert_ne!(text("a"), text("b"));
    }

    #[test]
    fn literals_and_numbers_are_found() {
        assert_eq!(literal("* 1 FETCH (UID 3 BODY[] {12}"), Some(12));
        assert_eq!(literal("* 1 FETCH (UID 3)"), None);
        assert_eq!(number_after("* 1 FETCH (UID 37 FLAGS ()", "UID "), Some(37));
    }
}
