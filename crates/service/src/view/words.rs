//! Names and words that views share: who an id is, through which door, whether a thing still exists.

use ledger::{Door, Entry, Object};
use policy::{Config, RuleLevel};
use types::AccountId;

use crate::Service;

/// The address of an account; of one that is gone, the address it had.
pub(crate) fn account_name(config: &Config, id: AccountId) -> String {
    match (config.account(id), config.former_address(id)) {
        (Some(account), _) => account.address.to_string(),
        (None, Some(address)) => format!("{address} (account removed)"),
        (None, None) => id.to_string(),
    }
}

/// Whose mail the rules of a level are about, in words.
pub(crate) fn level(config: &Config, level: RuleLevel) -> String {
    match level {
        RuleLevel::Server => "all mail of this server".to_owned(),
        RuleLevel::Domain(id) => match config.domain_by_id(id) {
            Some(domain) => format!("everyone at {}", domain.name),
            None => format!("a domain that is gone ({id})"),
        },
        RuleLevel::Account(id) => account_name(config, id),
    }
}

/// A door as people call it.
pub(crate) fn door(door: Door) -> &'static str {
    match door {
        Door::Web => "the web pages",
        Door::Api => "the programming interface",
        Door::Cli => "the command line",
        Door::Managesieve => "ManageSieve",
        Door::Imap => "IMAP",
        Door::Jmap => "JMAP",
        Door::Dav => "CalDAV",
        Door::Import => "an import",
        Door::Restore => "a restored backup",
        Door::Recovery => "a recovery",
        Door::Schedule => "a plan that came due",
        Door::Boot => "the start of the server",
    }
}

/// What became of the thing that an entry is about: `in force`, `paused`, `gone`, or nothing for
/// things that cannot go.
pub(crate) fn standing(config: &Config, object: &Object) -> Option<&'static str> {
    let here = |there: bool| Some(if there { "in force" } else { "gone" });
    let id = object.id.as_str();
    match object.kind.as_str() {
        "rule" => match id.parse().ok().and_then(|id| config.rule(id)) {
            Some(rule) if !rule.enabled => Some("paused"),
            found => here(found.is_some()),
        },
        "exit" => here(id.parse().ok().and_then(|id| config.exit(id)).is_some()),
        "alias" => here(id.parse().ok().and_then(|id| config.alias(id)).is_some()),
        "account" => here(id.parse().ok().and_then(|id| config.account(id)).is_some()),
        "send_as" => here(id.parse().ok().and_then(|id| config.grant(id)).is_some()),
        "domain" => here(
            id.parse()
                .ok()
                .and_then(|id| config.domain_by_id(id))
                .is_some(),
        ),
        "catch_all" => {
            let domain = id.parse().ok().and_then(|id| config.domain_by_id(id));
            here(domain.is_some_and(|domain| !domain.catch_all.is_empty()))
        }
        _ => None,
    }
}

impl Service {
    /// The address from which an entry was made: the client's, or else where its session came
    /// from. None at the console and for the server itself.
    pub(crate) async fn entry_source(&self, entry: &Entry) -> Option<String> {
        if let Some(peer) = entry.via.client.or(entry.via.peer) {
            return self.opened(peer).await.ok();
        }
        let id = entry.actor.session?;
        let read = (self.inner.store).read(move |tx| store::session::find(tx, id));
        let session = read.await.ok()??;
        Some(session.begin.source)
    }
}
