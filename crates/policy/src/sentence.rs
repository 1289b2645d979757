//! Effects as sentences for people.
//!
//! *Verb – whose mail – which messages – to where, OUTSIDE or inside – does the owner keep a copy?*
//! Names that the viewer may not see are not told; text that somebody typed cannot hide anything.

mod rule;

use std::collections::BTreeSet;

use types::{AccountId, Address, CredentialId, DomainId, ListenerId, Network};

use crate::change::{
    AccessSubject, Blocked, DkimName, DkimUse, IfSilent, Owned, RouteFor, ScannerKind, Service,
};
use crate::config::{Config, CredentialKind};
use crate::effect::{Access, Effect, Grantee, Protection, Refused, Sources, Whose};
use crate::role::Role;
use crate::shown;

/// For whom a sentence is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Viewer {
    /// Somebody who may read the whole configuration.
    Server,
    /// Somebody who may read what belongs to a domain.
    Domain(DomainId),
    /// Somebody who may read what belongs to an account.
    Account(AccountId),
}

/// The sentence for one effect. `config` gives the names: the one before a removal, else the one
/// after the change.
// long: one arm for each effect
pub fn sentence(effect: &Effect, config: &Config, viewer: Viewer) -> String {
    let words = Words { config, viewer };
    match effect {
        Effect::LeavesOrganisation {
            approved: Some(_), ..
        } => rule::leaves(&words, effect),
        Effect::LeavesOrganisation {
            whose,
            targets,
            more,
            keeps_copy,
            mailboxes,
            ..
        } => words.leaves(whose, targets, *more, keeps_copy.then_some(*mailboxes)),
        Effect::DivertsOutgoing { domain } => format!(
            "Delivers all mail to {} here, also what people here send to it.",
            shown::domain(domain)
        ),
        Effect::DeliversElsewhere {
            whose,
            to,
            more,
            when,
            keeps_copy: Some(keeps_copy),
            ..
        } => rule::delivers(&words, (whose, when.as_deref()), to, *more, *keeps_copy),
        Effect::DeliversElsewhere {
            whose,
            to,
            no_longer,
            more,
            ..
        } => words.delivers_elsewhere(whose, to, no_longer, *more),
        Effect::Destroys {
            whose,
            of: Some(of),
            ..
        } => rule::deletes(&words, whose, of),
        Effect::Destroys {
            whose, recoverable, ..
        } => words.destroys(whose, *recoverable),
        Effect::Purges {
            whose,
            messages,
            octets,
        } => words.purges(whose, *messages, *octets),
        Effect::Rejects { .. }
        | Effect::Moves { .. }
        | Effect::Hides { .. }
        | Effect::Alters { .. }
        | Effect::Replies { .. }
        | Effect::Notifies { .. }
        | Effect::AllowsExit { .. }
        | Effect::Trusts { .. } => rule::other(&words, effect),
        Effect::Refuses { what } => words.refuses(what),
        Effect::WeakensProtection { what } => words.weakens(what),
        Effect::BlursRecord { setting } if setting.starts_with("log_") => {
            format!("The log says less ({setting}); the records of what happened stay.")
        }
        Effect::BlursSources { network, listener } => {
            let at = words.at(*listener);
            format!(
                "{network} is this machine itself: every user and program on it can then claim any \
                 source for a client{at}. Blocks, lists of networks and the records of sign-ins \
                 believe what it says."
            )
        }
        Effect::BlursRecord { setting } => {
            format!(
                "Keeps records for a shorter time ({setting}): earlier intrusions could not be explained."
            )
        }
        Effect::GrantsAccess { to, what } => words.grants(*to, *what),
        Effect::CreatesAccess {
            account,
            credential,
        } => words.creates_access(*account, *credential),
        Effect::SigningKey { key, state } => signing_key(key, *state),
        Effect::RoutesMail {
            mail,
            to,
            checked,
            signs_in,
        } => diverts(mail, to.as_deref(), *checked, *signs_in),
        Effect::SendsContent { scanner, to } => {
            format!("Shows all mail that comes in, whole, to {scanner} at {to} before it is taken.")
        }
        Effect::DelegatesVerdict { scanner, if_silent } => delegates(*scanner, *if_silent),
        Effect::AndMore { count } => format!("Does {count} more things of these kinds."),
    }
}

fn signing_key(key: &DkimName, state: Option<DkimUse>) -> String {
    let domain = shown::domain(&key.domain);
    match state {
        Some(DkimUse::Waits) => {
            format!("Makes the key {key}, with which mail of {domain} can be signed.")
        }
        Some(DkimUse::Signs) => format!("Signs mail of {domain} with the key {key}."),
        Some(DkimUse::Rests) => format!("No longer signs mail of {domain} with the key {key}."),
        None => format!("Forgets the key {key}, with which mail of {domain} could be signed."),
    }
}

fn diverts(mail: &RouteFor, to: Option<&str>, checked: bool, signs_in: bool) -> String {
    let mail = match mail {
        RouteFor::All => "all mail for other servers".to_owned(),
        RouteFor::Domain(domain) => format!("all mail for {}", shown::domain(domain)),
    };
    let Some(to) = to else {
        return format!("Hands {mail} to the hosts that DNS names.");
    };
    let (how, then) = match checked {
        true => (", under TLS with a checked certificate", ""),
        false => (
            "",
            " Nobody is kept from reading it on the way, or from taking it.",
        ),
    };
    let signs = if signs_in { ", and signs in there" } else { "" };
    format!("Hands {mail} to {to}, which can read it{how}{signs}.{then}")
}

fn delegates(scanner: ScannerKind, if_silent: IfSilent) -> String {
    let what = match scanner {
        ScannerKind::Clamd => "Refuses mail in which clamd finds a virus.",
        ScannerKind::Rspamd => {
            "Puts mail that rspamd takes for spam into Junk, or into quarantine where it is sure."
        }
    };
    let silent = match if_silent {
        IfSilent::Accept => "is taken unseen",
        IfSilent::Defer => "has to wait",
    };
    format!("{what} Mail for which {scanner} does not answer {silent}.")
}

/// What words are made of: the names, and who may see them.
pub(crate) struct Words<'a> {
    pub(crate) config: &'a Config,
    pub(crate) viewer: Viewer,
}

impl Words<'_> {
    fn leaves(&self, whose: &Whose, targets: &[Address], more: u64, copies: Option<u64>) -> String {
        let verb = if copies.is_some() {
            "Copies"
        } else {
            "Forwards"
        };
        let targets: Vec<_> = targets.iter().map(shown::address).collect();
        let targets = list(&targets, more);
        let copy = match copies {
            None => "No mailbox here keeps a copy.".to_owned(),
            Some(1) => "One mailbox here keeps a copy.".to_owned(),
            Some(count) => format!("{count} mailboxes here keep a copy."),
        };
        let whose = self.whose(whose);
        format!("{verb} all {whose} to {targets}, OUTSIDE your organisation. {copy}")
    }

    fn delivers_elsewhere(
        &self,
        whose: &Whose,
        to: &[AccountId],
        no_longer: &[AccountId],
        more: u64,
    ) -> String {
        let names =
            |ids: &[AccountId]| -> Vec<_> { ids.iter().map(|id| self.account(*id)).collect() };
        let whose = self.whose(whose);
        match (to.is_empty(), no_longer.is_empty()) {
            (false, true) => {
                format!(
                    "Delivers all {whose} to {}, inside, as well.",
                    list(&names(to), more)
                )
            }
            (true, _) => {
                let gone = list(&names(no_longer), more);
                format!("Delivers {whose} no longer to {gone}.")
            }
            (false, false) => {
                let (to, gone) = (list(&names(to), 0), list(&names(no_longer), more));
                format!("Delivers all {whose} to {to}, inside, and no longer to {gone}.")
            }
        }
    }

    fn destroys(&self, whose: &Whose, recoverable: bool) -> String {
        let whose = self.whose(whose);
        if recoverable {
            format!("Deletes all {whose}. Nobody reaches it any more; the server keeps it.")
        } else {
            format!("Deletes removed {whose} for good sooner than before.")
        }
    }

    fn purges(&self, whose: &Whose, messages: u64, octets: u64) -> String {
        let whose = self.whose(whose);
        let count = match messages {
            1 => "1 message".to_owned(),
            count => format!("{count} messages"),
        };
        let octets = shown::octets(octets);
        format!(
            "Deletes for good {count} ({octets}) of removed {whose}, before its time. Nobody can bring \
             it back after that."
        )
    }

    fn refuses(&self, what: &Refused) -> String {
        match what {
            Refused::Address(address) => {
                format!("Refuses all mail for {}.", self.address(address))
            }
            Refused::UnknownIn(domain) => {
                let domain = shown::domain(domain);
                format!("Refuses mail for addresses of {domain} that nobody has.")
            }
            Refused::DetailsIn(domain) => {
                let domain = shown::domain(domain);
                format!("Refuses mail for addresses of {domain} with details in the old form.")
            }
            Refused::Domain(domain) => {
                format!("Refuses all mail for {}.", shown::domain(domain))
            }
            Refused::Listener { service, address } => {
                let who = missed(*service);
                format!("Refuses all connections to {service} at {address}: {who} there.")
            }
            Refused::Sources(sources) => self.refuses_sources(sources),
            Refused::Proxy { network, listener } => {
                let at = self.at(*listener);
                format!(
                    "Believes {network} no longer when it says where a client{at} comes from: connections that it passes on are refused, and open ones end."
                )
            }
            Refused::Source {
                network,
                what,
                until,
            } => {
                let (what, open) = match what {
                    Blocked::Connections => ("all connections", "ones"),
                    Blocked::SignIns => ("all sign-ins", "sessions"),
                };
                format!("Refuses {what} from {network} until {until}; open {open} end too.")
            }
            Refused::PasswordForMail(id) => format!(
                "Refuses the password of {} in mail programs: each needs an app password.",
                self.account(*id)
            ),
            Refused::Senders {
                whose,
                senders,
                more,
            } => rule::blocks(self, whose, senders, *more),
            Refused::Beyond(setting) => {
                format!("Refuses what passes the lower limit of {setting}.")
            }
        }
    }

    fn grants(&self, to: Grantee, what: Access) -> String {
        let who = match to {
            Grantee::Account(id) => self.account(id),
            Grantee::Anyone => "anyone who reaches it".to_owned(),
        };
        match what {
            Access::Role(Role::Auditor) => {
                format!("Lets {who} read all settings and records as auditor.")
            }
            Access::Role(role) => {
                let what = self.manages(to, role);
                let label = role.label();
                format!(
                    "Lets {who} change {what} as {label}; in this version only the console takes \
                     changes."
                )
            }
            Access::SendAs(of) => format!("Lets {who} send as {}.", self.owned(of)),
            Access::Listener {
                service: Service::Metrics,
                address,
            } if !address.ip().is_loopback() => {
                format!("Opens metrics at {address} to {who} with a token.")
            }
            Access::Listener { service, address } => {
                format!("Opens {service} at {address} to {who}.")
            }
        }
    }

    /// How far a role that changes something reaches.
    fn manages(&self, to: Grantee, role: Role) -> String {
        let account = match to {
            Grantee::Account(id) => self.config.account(id),
            Grantee::Anyone => None,
        };
        let domain = account.and_then(|account| self.config.domain_by_id(account.domain));
        match (role, domain) {
            (Role::Owner, _) => "everything on this server".to_owned(),
            (_, Some(domain)) => {
                let name = shown::domain(&domain.name);
                format!("the accounts, aliases and addresses of {name}")
            }
            (_, None) => "the accounts, aliases and addresses of its domain".to_owned(),
        }
    }

    fn weakens(&self, what: &Protection) -> String {
        match what {
            Protection::Setting(key) => format!("Weakens a guard against intruders ({key})."),
            Protection::Certificate { name, certificate } => {
                let name = shown::domain(name);
                format!(
                    "Leaves {name} without its certificate {certificate}: clients will warn or fail."
                )
            }
            Protection::Sources(sources) => self.admits_sources(sources),
            Protection::SourceBy { network, listener } => {
                let at = self.at(*listener);
                format!(
                    "Believes {network} when it says where a client{at} comes from: whoever controls it can pass for any source."
                )
            }
            Protection::Scanner(kind) => {
                let what = match kind {
                    ScannerKind::Clamd => "viruses",
                    ScannerKind::Rspamd => "spam",
                };
                format!("Asks {kind} no longer: nobody looks for {what} in mail that comes in.")
            }
            Protection::Block(source) => {
                format!("Lifts the block of {source}: it is served again.")
            }
            Protection::SecondFactor(id) => format!(
                "Takes the second factor from {}: its password alone is enough again.",
                self.account(*id)
            ),
            Protection::Freeze { first, last, count } => {
                let entries = match count {
                    1 => format!("entry #{last}"),
                    _ => format!("{count} entries, #{first} to #{last}"),
                };
                format!(
                    "Says that somebody has looked at what was changed past the server ({entries}): grave changes go on. Nothing of it is adopted."
                )
            }
        }
    }

    /// What a list guards, as people call it.
    fn guarded(&self, of: AccessSubject) -> String {
        match of {
            AccessSubject::Service(service) => service.to_string(),
            AccessSubject::Listener(id) => match self.config.listener(id) {
                Some(listener) => format!("{} at {}", listener.service, listener.address),
                None => id.to_string(),
            },
            AccessSubject::Role(role) => format!("accounts with the role {}", role.label()),
        }
    }

    fn refuses_sources(&self, sources: &Sources) -> String {
        let (what, open) = match sources.of {
            AccessSubject::Role(role) => {
                let what = format!("sign-ins of accounts with the role {}", role.label());
                (what, "sessions")
            }
            of => (format!("connections to {}", self.guarded(of)), "ones"),
        };
        let from = match (allowed(sources), denied(sources)) {
            (None, None) => "from nowhere".to_owned(),
            (Some(allowed), None) => format!("from anywhere but {allowed}"),
            (None, Some(denied)) => format!("from {denied}"),
            (Some(allowed), Some(denied)) => {
                format!("from anywhere but {allowed}, and from {denied}")
            }
        };
        format!("Refuses {what} {from}; open {open} end too.")
    }

    fn admits_sources(&self, sources: &Sources) -> String {
        let what = match sources.of {
            AccessSubject::Role(role) => {
                format!("Lets accounts with the role {} sign in", role.label())
            }
            of => format!("Lets clients reach {}", self.guarded(of)),
        };
        let from = match (allowed(sources), denied(sources)) {
            (None, None) => "from anywhere".to_owned(),
            (Some(allowed), None) => format!("from {allowed}"),
            (None, Some(denied)) => format!("from anywhere but {denied}"),
            (Some(allowed), Some(denied)) => format!("from {allowed}, but not from {denied}"),
        };
        format!("{what} {from}.")
    }

    /// ` at imap 192.0.2.1:143`, or nothing for all listeners.
    fn at(&self, listener: Option<ListenerId>) -> String {
        listener.map_or_else(String::new, |id| {
            format!(" of {}", self.guarded(AccessSubject::Listener(id)))
        })
    }

    fn creates_access(&self, account: AccountId, id: CredentialId) -> String {
        let who = self.account(account);
        let password = self
            .config
            .account(account)
            .and_then(|known| known.password);
        if password.is_some_and(|password| password.credential == id) {
            let known = self.config.account(account);
            return match known.and_then(|known| self.config.totp(known)) {
                None => format!("Lets {who} sign in with password {id}."),
                Some(_) => format!(
                    "Gives {who} password {id}. It opens no mail program, since {who} has a second \
                     factor: each needs an app password. Nothing of this version asks for both."
                ),
            };
        }
        let Some(credential) = self.config.credential(id) else {
            return format!("Lets {who} sign in with credential {id}.");
        };
        match &credential.kind {
            CredentialKind::AppPassword {
                scopes,
                networks,
                send_as,
                ..
            } => {
                let scopes = list(&texts(scopes), 0);
                let from = limit(", only from ", &texts(networks));
                let senders: Vec<_> = send_as.iter().map(|of| self.owned(*of)).collect();
                let senders = limit(", sending only as ", &senders);
                format!("Lets app password {id} open {scopes} for {who}{from}{senders}.")
            }
            CredentialKind::Token {
                scopes, expires, ..
            } => {
                let scopes = list(&texts(scopes), 0);
                let until = expires
                    .map(|end| format!(", until {end}"))
                    .unwrap_or_default();
                format!("Lets token {id} act for {who} with the scopes {scopes}{until}.")
            }
            CredentialKind::RecoveryCodes => {
                format!("Lets {who} give a recovery code {id} in the place of the second factor.")
            }
            CredentialKind::Totp => format!("Lets {who} give codes of second factor {id}."),
        }
    }

    /// The address of whoever owns it.
    pub(crate) fn owned(&self, of: Owned) -> String {
        match of {
            Owned::Account(id) => self.account(id),
            Owned::Alias(id) => {
                let alias = self.config.alias(id);
                let address = alias.map(|alias| self.address(&alias.address));
                address.unwrap_or_else(|| id.to_string())
            }
        }
    }

    fn whose(&self, whose: &Whose) -> String {
        match whose {
            Whose::Address(address) => format!("mail for {}", self.address(address)),
            Whose::UnknownIn(domain) => {
                let domain = shown::domain(domain);
                format!("mail for addresses of {domain} that nobody has")
            }
            Whose::RoleAddresses => "mail for postmaster and abuse".to_owned(),
            Whose::Account(id) => format!("mail of {}", self.account(*id)),
            Whose::Everyone => "mail of everyone".to_owned(),
            Whose::Domain(domain) => format!("mail for {}", shown::domain(domain)),
            Whose::SentFrom(domain) => format!("mail from {}", shown::domain(domain)),
            Whose::SentByEveryone => "mail that anyone here sends".to_owned(),
        }
    }

    /// The address of an account that the viewer may see.
    pub(crate) fn account(&self, id: AccountId) -> String {
        match self.config.account(id) {
            None => id.to_string(),
            Some(account) if self.may_see(account.domain, Some(id)) => {
                shown::address(&account.address)
            }
            Some(_) => "a mailbox of another domain".to_owned(),
        }
    }

    /// An address that lies outside, or that the viewer may see.
    fn address(&self, address: &Address) -> String {
        let hosted = self.config.domain(address.domain()).map(|domain| domain.id);
        match hosted {
            Some(domain) if !self.may_see(domain, None) => {
                "an address of another domain".to_owned()
            }
            _ => shown::address(address),
        }
    }

    fn may_see(&self, domain: DomainId, account: Option<AccountId>) -> bool {
        match self.viewer {
            Viewer::Server => true,
            Viewer::Domain(own) => domain == own,
            Viewer::Account(own) => {
                let same_domain = self
                    .config
                    .account(own)
                    .is_some_and(|me| me.domain == domain);
                account == Some(own) || same_domain
            }
        }
    }
}

/// Who misses a listener that closes.
fn missed(service: Service) -> &'static str {
    match service {
        Service::Smtp => "no mail of other servers comes in",
        Service::Submission | Service::Submissions => "nobody sends mail",
        Service::Imap | Service::Imaps => "nobody reads mail",
        Service::Pop3 | Service::Pop3s => "nobody fetches mail",
        Service::Managesieve => "no mail program changes its scripts",
        Service::Metrics => "no monitor asks",
    }
}

/// The networks that a list allows, if it says any.
fn allowed(sources: &Sources) -> Option<String> {
    let more = if sources.deny.is_empty() {
        sources.more
    } else {
        0
    };
    networks(&sources.allow, more)
}

/// The networks that a list denies, if it says any; what was cut off counts here.
fn denied(sources: &Sources) -> Option<String> {
    networks(&sources.deny, sources.more)
}

fn networks(networks: &[Network], more: u64) -> Option<String> {
    let names: Vec<_> = networks.iter().map(ToString::to_string).collect();
    (!names.is_empty()).then(|| list(&names, more))
}

/// ` only from a and b`; nothing for an empty list.
fn limit(lead: &str, names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    format!("{lead}{}", list(names, 0))
}

fn texts<T: ToString>(things: &BTreeSet<T>) -> Vec<String> {
    things.iter().map(ToString::to_string).collect()
}

/// `a, b and 3 more`
pub(crate) fn list(names: &[String], more: u64) -> String {
    match (names, more) {
        (_, 1..) => format!("{} and {more} more", names.join(", ")),
        ([rest @ .., last], 0) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use types::DomainId;

    use super::*;
    use crate::change::Change;
    use crate::sample::Sample;

    #[test]
    fn a_sentence_tells_only_what_its_viewer_may_see() {
        let mut sample = Sample::new();
        let domain = sample.domain("example.com");
        let ann = sample.owner("ann@example.com");
        let effect = Effect::DeliversElsewhere {
            whose: Whose::Address("ann@example.com".parse().unwrap()),
            to: vec![AccountId(1)],
            no_longer: vec![],
            more: 0,
            when: None,
            keeps_copy: None,
        };
        for (viewer, words) in [
            (
                Viewer::Server,
                "Delivers all mail for ann@example.com to root@example.org, inside, as well.",
            ),
            (
                Viewer::Domain(domain),
                "Delivers all mail for ann@example.com to a mailbox of another domain, inside, as well.",
            ),
            (
                Viewer::Account(ann),
                "Delivers all mail for ann@example.com to a mailbox of another domain, inside, as well.",
            ),
            (
                Viewer::Domain(DomainId(1)),
                "Delivers all mail for an address of another domain to root@example.org, inside, as well.",
            ),
        ] {
            assert_eq!(sentence(&effect, &sample.config, viewer), words);
        }
    }

    #[test]
    fn a_target_cannot_hide_what_it_is() {
        let mut sample = Sample::new();
        let create = sample.new_alias("x@example.org", &["a\u{202e}gro@bücher.example"]);
        let judgement = sample.make(Change::AliasCreate(create));
        assert_eq!(
            sentence(&judgement.effects[0], &sample.config, Viewer::Server),
            "Forwards all mail for x@example.org to a<U+202E>gro@xn--bcher-kva.example (bücher.example), \
             OUTSIDE your organisation. No mailbox here keeps a copy."
        );
    }

    #[test]
    fn lists_read_like_lists() {
        let names = |n: usize| vec!["a".to_owned(); n];
        for (len, more, words) in [
            (1, 0, "a"),
            (2, 0, "a and a"),
            (3, 0, "a, a and a"),
            (2, 5, "a, a and 5 more"),
        ] {
            assert_eq!(list(&names(len), more), words);
        }
    }
}
