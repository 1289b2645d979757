//! What rules can ask beside the message (RFC 5183, RFC 5228 §5.4, RFC 5490, RFC 7352, RFC 8579).

use std::net::IpAddr;

use policy::change::{SenderList, SendersOf};
use policy::{Config, RuleLevel};
use sieve::{Message, Script, World};
use store::rule::{Memory, MemoryKind};
use store::{ReadTx, mailbox};
use types::{AccountId, Address, MailboxName, SpecialUse, Timestamp};

use crate::mime::Filterable;
use crate::scan::Verdict;

/// How a message came, the same for all rules.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    /// The sender of the envelope; empty for the null path.
    pub(crate) from: String,
    /// Who signed in to send it.
    pub(crate) signed_in: Option<Address>,
    /// Where it came from.
    pub(crate) source: IpAddr,
    /// The name that the client gave.
    pub(crate) helo: String,
    /// The name of this server.
    pub(crate) host: String,
    pub(crate) at: Timestamp,
    /// What scanners said of it.
    pub(crate) verdict: Verdict,
}

/// The world of one level's rules for one recipient.
pub(super) struct RuleWorld<'a> {
    pub(super) tx: &'a ReadTx<'a>,
    pub(super) config: &'a Config,
    pub(super) arrived: &'a Arrived,
    pub(super) level: RuleLevel,
    /// The recipient of the envelope, or who got a message that was sent on.
    pub(super) to: &'a Address,
    /// Whose mailboxes are meant; `None` above the mailbox level.
    pub(super) account: Option<AccountId>,
    pub(super) message: &'a Filterable<'a>,
}

impl RuleWorld<'_> {
    /// Whether an address of these fields is the recipient's own.
    fn me_in(&self, fields: &[&str]) -> bool {
        self.addresses(fields)
            .iter()
            .any(|address| self.is_me(address))
    }

    pub(super) fn is_me(&self, address: &Address) -> bool {
        let own = self.account.or_else(|| {
            let expansion = self.config.expand(self.to).ok()?;
            expansion.accounts.first().copied()
        });
        address.folded() == self.to.folded()
            || own.is_some_and(|account| self.config.may_send_as(account, address))
    }

    pub(super) fn addresses(&self, names: &[&str]) -> Vec<Address> {
        let fields = self
            .message
            .parts()
            .iter()
            .take(1)
            .flat_map(|part| &part.fields);
        fields
            .filter(|field| {
                names
                    .iter()
                    .any(|name| field.name.eq_ignore_ascii_case(name))
            })
            .flat_map(|field| sieve::addresses(&field.raw))
            .filter_map(|address| address.parse().ok())
            .collect()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let fields = self
            .message
            .parts()
            .iter()
            .take(1)
            .flat_map(|part| &part.fields);
        let mut named = fields.filter(|field| field.name.eq_ignore_ascii_case(name));
        named.next().map(|field| field.decoded.as_str())
    }

    /// `high`, `normal` or `low`, by the fields that mail programs write.
    fn priority(&self) -> &'static str {
        let first = |name| self.header(name).and_then(|value| value.chars().next());
        match first("X-Priority") {
            Some('1' | '2') => return "high",
            Some('4' | '5') => return "low",
            _ => {}
        }
        let word = self
            .header("Importance")
            .or_else(|| self.header("Priority"));
        match word.unwrap_or_default().to_ascii_lowercase().as_str() {
            "high" | "urgent" => "high",
            "low" | "non-urgent" => "low",
            _ => "normal",
        }
    }

    /// Whether a program sent it: what no person answers to (RFC 3834 §2).
    pub(super) fn is_automated(&self) -> bool {
        is_automated(self.message)
    }

    fn is_trusted(&self) -> bool {
        let from = self.addresses(&["From"]);
        let standing = |address: &Address| match (self.account, self.level) {
            (Some(account), _) => self.config.sender_standing(account, address),
            (None, RuleLevel::Domain(id)) => {
                let lists = self.config.senders(SendersOf::Domain(id))?;
                lists.standing(address)
            }
            (None, _) => None,
        };
        let trusted = |address: &Address| standing(address) == Some(SenderList::Trusted);
        !from.is_empty() && from.iter().all(trusted)
    }

    fn all_headers(&self) -> String {
        let fields = self
            .message
            .parts()
            .iter()
            .take(1)
            .flat_map(|part| &part.fields);
        let lines = fields.map(|field| format!("{}: {}\n", field.name, field.decoded));
        lines.collect()
    }
}

/// Whether a program sent a message, or it went to a list (RFC 3834 §2, RFC 5230 §4.6).
pub(super) fn is_automated(message: &Filterable<'_>) -> bool {
    let fields = message.parts().iter().take(1).flat_map(|part| &part.fields);
    fields.into_iter().any(|field| {
        let value = field.raw.to_ascii_lowercase();
        match field.name.to_ascii_lowercase().as_str() {
            "auto-submitted" => !value.starts_with("no"),
            "precedence" => matches!(value.as_str(), "bulk" | "list" | "junk"),
            name => name.starts_with("list-") || name == "x-auto-response-suppress",
        }
    })
}

impl World for RuleWorld<'_> {
    fn now(&self) -> i64 {
        self.arrived.at.seconds()
    }

    /// The server goes by UTC.
    fn local_offset(&self, _at: i64) -> i32 {
        0
    }

    fn envelope(&self, part: &str) -> Option<String> {
        match part {
            "from" => Some(self.arrived.from.clone()),
            "to" => Some(self.to.to_string()),
            "auth" => self.arrived.signed_in.as_ref().map(ToString::to_string),
            _ => None,
        }
    }

    fn environment(&self, name: &str) -> Option<String> {
        let truth = |holds: bool| Some(if holds { "true" } else { "false" }.to_owned());
        match name {
            "domain" => Some(self.to.domain().to_string()),
            "host" => Some(self.arrived.host.clone()),
            "location" => Some("MDA".to_owned()),
            "name" => Some("Sealpost".to_owned()),
            "phase" => Some("during".to_owned()),
            "remote-host" => Some(self.arrived.helo.clone()),
            "remote-ip" | "vnd.sealpost.sending-ip" => Some(self.arrived.source.to_string()),
            "version" => Some(env!("CARGO_PKG_VERSION").to_owned()),
            "vnd.sealpost.trusted-sender" => truth(self.is_trusted()),
            "vnd.sealpost.authenticated-sender" => truth(self.arrived.signed_in.is_some()),
            "vnd.sealpost.automated" => truth(self.is_automated()),
            "vnd.sealpost.only-to-me" => {
                let all = self.addresses(&["To", "Cc"]);
                truth(!all.is_empty() && all.iter().all(|address| self.is_me(address)))
            }
            "vnd.sealpost.me-in-to" => truth(self.me_in(&["To"])),
            "vnd.sealpost.me-in-to-or-cc" => truth(self.me_in(&["To", "Cc"])),
            "vnd.sealpost.has-attachment" => truth(self.message.largest_attachment().is_some()),
            "vnd.sealpost.largest-attachment" => {
                Some(self.message.largest_attachment().unwrap_or(0).to_string())
            }
            "vnd.sealpost.priority" => Some(self.priority().to_owned()),
            "vnd.sealpost.headers" => Some(self.all_headers()),
            _ => None,
        }
    }

    fn mailbox_exists(&self, name: &str) -> bool {
        let (Some(account), Ok(name)) = (self.account, name.parse::<MailboxName>()) else {
            return false;
        };
        mailbox::find(self.tx, account, &name).is_ok_and(|found| found.is_some())
    }

    fn special_use(&self, attribute: &str) -> Option<String> {
        let special_use = special_use(attribute)?;
        let found = mailbox::find_special(self.tx, self.account?, special_use).ok()??;
        Some(found.name.to_string())
    }

    fn spam_percent(&self) -> Option<u8> {
        let percent = self.arrived.verdict.spam_percent?;
        Some(u8::try_from(percent.min(100)).unwrap_or(100))
    }

    /// A message with a virus is refused before rules see it, so what is left is clean.
    fn virus_level(&self) -> Option<u8> {
        self.arrived.verdict.is_clean.then_some(1)
    }

    fn is_duplicate(&self, handle: &str, id: &str, _seconds: u64) -> bool {
        let memory = Memory {
            owner: self.level.to_string(),
            kind: MemoryKind::Seen,
            handle: handle.to_owned(),
            mark: id.to_owned(),
        };
        store::rule::remembers(self.tx, &memory, self.arrived.at).unwrap_or(false)
    }

    fn script(&self, name: &str) -> Option<&Script> {
        self.config
            .script_named(self.level, name)?
            .script
            .as_deref()
    }
}

/// The special use of this attribute, such as `\Junk`.
pub(crate) fn special_use(attribute: &str) -> Option<SpecialUse> {
    let known = SpecialUse::ALL.iter();
    let mut named = known.filter(|(use_, ..)| use_.attribute().eq_ignore_ascii_case(attribute));
    named.next().map(|(special_use, ..)| *special_use)
}
