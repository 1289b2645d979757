//! Automatic answers (RFC 5230, RFC 3834): to whom there is one, and its text.

use sieve::VacationReply;
use types::{Address, Timestamp};

use super::world::{RuleWorld, is_automated};
use crate::header;

/// The fields of a plain text, and the end of the header block.
const PLAIN_TEXT: &[u8] = b"Content-Type: text/plain; charset=utf-8\r\n\
                            Content-Transfer-Encoding: 8bit\r\n\r\n";
/// Octets of a subject that an answer repeats.
const SUBJECT_MAX_OCTETS: usize = 200;
/// Beginnings and ends of local parts behind which nobody reads (RFC 5230 §4.6).
const NOBODY: [&str; 6] = [
    "mailer-daemon",
    "noreply",
    "no-reply",
    "owner-",
    "listserv",
    "majordomo",
];

/// Why this sender gets no answer; `Ok` if it gets one.
pub(super) fn answers(world: &RuleWorld<'_>, reply: &VacationReply) -> Result<(), &'static str> {
    let sender = world.arrived.from.as_str();
    let Ok(address) = sender.parse::<Address>() else {
        return Err("there is nobody to answer");
    };
    let local = address.local().folded().to_string();
    if NOBODY.iter().any(|word| local.starts_with(word)) || local.ends_with("-request") {
        return Err("nobody reads mail there");
    }
    if is_automated(world.message) {
        return Err("a program sent it, or a list");
    }
    if world.is_me(&address) {
        return Err("the owner sent it");
    }
    let fields = ["To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"];
    let named = world.addresses(&fields);
    let also: Vec<Address> = (reply.addresses.iter())
        .filter_map(|text| text.parse().ok())
        .collect();
    let known =
        |one: &Address| world.is_me(one) || also.iter().any(|other| other.folded() == one.folded());
    if !named.iter().any(known) {
        return Err("it does not name the owner as a recipient");
    }
    Ok(())
}

/// What an answer is made of.
pub(crate) struct Answer<'a> {
    pub(crate) reply: &'a VacationReply,
    /// The header block of the message.
    pub(crate) head: &'a [u8],
    pub(crate) from: &'a Address,
    pub(crate) to: &'a Address,
    pub(crate) id: &'a str,
    pub(crate) host: &'a str,
    pub(crate) at: Timestamp,
}

impl Answer<'_> {
    /// The whole message (RFC 5230 §5).
    pub(crate) fn text(&self) -> Vec<u8> {
        let field = |name: &str| header_text(self.head, name);
        let subject = match (&self.reply.subject, field("Subject")) {
            (Some(subject), _) => subject.clone(),
            (None, Some(subject)) => format!("Auto: {}", cut(&subject)),
            (None, None) => "Automatic answer".to_owned(),
        };
        let mut head = Vec::new();
        let message_id = format!("<{}@{}>", self.id, self.host);
        let from = self
            .reply
            .from
            .clone()
            .unwrap_or_else(|| self.from.to_string());
        let mut fields = vec![
            ("From", from),
            ("To", self.to.to_string()),
            ("Subject", subject),
            ("Date", self.at.to_rfc5322()),
            ("Message-ID", message_id),
            ("Auto-Submitted", "auto-replied".to_owned()),
        ];
        if let Some(id) = field("Message-ID") {
            let known =
                field("References").map_or_else(|| id.clone(), |list| format!("{list} {id}"));
            fields.push(("In-Reply-To", id));
            fields.push(("References", known));
        }
        fields.push(("MIME-Version", "1.0".to_owned()));
        for (name, value) in fields {
            head = super::edit::added(&head, name, &value, true);
        }
        if !self.reply.mime {
            head.extend_from_slice(PLAIN_TEXT);
        }
        head.extend_from_slice(lines(&self.reply.reason).as_bytes());
        head
    }
}

/// What a notice by mail is made of (RFC 5436 §2).
pub(crate) struct Notice<'a> {
    /// The `mailto:` URI.
    pub(crate) method: &'a str,
    pub(crate) message: Option<&'a str>,
    pub(crate) importance: u8,
    /// The header block of the message that it is about.
    pub(crate) head: &'a [u8],
    pub(crate) from: &'a Address,
    pub(crate) id: &'a str,
    pub(crate) host: &'a str,
    pub(crate) at: Timestamp,
}

impl Notice<'_> {
    /// To whom it goes, and the whole message.
    pub(crate) fn text(&self) -> Result<(Vec<Address>, Vec<u8>), String> {
        let mailto = sieve::Mailto::parse(self.method).ok_or("its target is no mailto: URI")?;
        let addresses: Result<Vec<Address>, _> = mailto.to.iter().map(|to| to.parse()).collect();
        let to = addresses.map_err(|_| "its target is no address")?;
        let names: Vec<_> = to.iter().map(ToString::to_string).collect();
        let about = header_text(self.head, "Subject").unwrap_or_default();
        let from = header_text(self.head, "From").unwrap_or_default();
        let subject = mailto.subject.or_else(|| self.message.map(str::to_owned));
        let subject = subject.unwrap_or_else(|| format!("New mail: {}", cut(&about)));
        let importance = match self.importance {
            1 => "high",
            3 => "low",
            _ => "normal",
        };
        let mut head = Vec::new();
        for (name, value) in [
            ("From", self.from.to_string()),
            ("To", names.join(", ")),
            ("Subject", subject),
            ("Date", self.at.to_rfc5322()),
            ("Message-ID", format!("<{}@{}>", self.id, self.host)),
            ("Importance", importance.to_owned()),
            ("Auto-Submitted", "auto-notified".to_owned()),
            ("MIME-Version", "1.0".to_owned()),
        ] {
            head = super::edit::added(&head, name, &value, true);
        }
        head.extend_from_slice(PLAIN_TEXT);
        let words = match (&mailto.body, self.message) {
            (Some(body), _) => body.clone(),
            (None, Some(message)) => message.to_owned(),
            (None, None) => format!("A message came.\n\nFrom: {from}\nSubject: {about}"),
        };
        head.extend_from_slice(lines(&words).as_bytes());
        Ok((to, head))
    }
}

fn header_text(head: &[u8], name: &str) -> Option<String> {
    let found = header::fields(head).find(|field| field.is(name));
    let value = found.map(|field| header::unfolded(field.value))?;
    let text = String::from_utf8_lossy(&value).into_owned();
    Some(text).filter(|text| !text.is_empty())
}

/// The text with line ends as mail has them, and one at its end.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\n', "\r\n") + "\r\n"
}

/// The beginning of a text, whole characters.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(SUBJECT_MAX_OCTETS);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
