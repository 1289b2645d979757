//! The configuration: immutable, cheap to copy, made by nothing but the fold of changes.
//!
//! A copy shares every part that a change does not touch. It holds no counters and nothing that
//! the flow of mail changes, so equal ledgers give equal configurations.

mod authorship;
mod level;
mod model;
mod outside_edit;
mod resolve;
mod rule;
mod senders;
mod source;

mod circle;

mod apply;
mod fold;

#[cfg(test)]
mod rule_tests;
#[cfg(test)]
mod tests;

pub use authorship::{Author, Authorship};
pub use circle::Forwarder;
pub use fold::ConfigBuilder;
pub use model::{
    Account, Alias, Certificate, Credential, CredentialKind, DkimKey, Grant, HostedDomain,
    Listener, Password,
};
pub use outside_edit::{OpenEdit, OutsideEdits};
pub use resolve::{ExpandError, Expansion, Resolution};
pub use rule::{Exit, FormerRule, Rule};
pub use senders::SenderLists;
pub use source::{AccessList, Block};

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use types::{
    AccountId, Address, AliasId, CertificateId, CredentialId, Domain, DomainId, GrantId,
    ListenerId, Sha256,
};

use crate::change::{
    DkimName, Genesis, Member, Owned, RouteFor, RouteSet, ScannerKind, ScannerSet, Service,
};
use crate::id_map::IdMap;
use crate::role::Authority;
use crate::settings::Settings;

/// Everything that decides the fate of mail or who may see it. See the head of this module.
#[derive(Clone, Debug, Default)]
pub struct Config {
    size: u64,
    genesis: Option<Arc<Genesis>>,
    settings: Arc<Settings>,
    services: BTreeSet<Service>,
    listeners: Arc<BTreeMap<ListenerId, Listener>>,
    certificates: Arc<BTreeMap<CertificateId, Certificate>>,
    names: Arc<BTreeMap<Domain, DomainId>>,
    domains: IdMap<Arc<HostedDomain>>,
    domain_aliases: Arc<BTreeMap<DomainId, (Domain, DomainId)>>,
    accounts: IdMap<Arc<Account>>,
    aliases: IdMap<Arc<Alias>>,
    grants: IdMap<Grant>,
    credentials: IdMap<Arc<Credential>>,
    owners: Arc<BTreeSet<AccountId>>,
    former: Arc<BTreeMap<Address, AccountId>>,
    sources: source::Sources,
    scanners: Arc<BTreeMap<ScannerKind, ScannerSet>>,
    routes: Arc<BTreeMap<RouteFor, RouteSet>>,
    dkim: Arc<BTreeMap<DkimName, DkimKey>>,
    rules: rule::Rules,
    senders: senders::Senders,
    outside_edits: Arc<OutsideEdits>,
    next: NextIds,
    marks: Marks,
}

/// The lowest id of each kind that was never used.
#[derive(Clone, Copy, Debug)]
struct NextIds {
    account: u64,
    alias: u64,
    certificate: u64,
    credential: u64,
    domain: u64,
    exit: u64,
    grant: u64,
    listener: u64,
    rule: u64,
}

impl Default for NextIds {
    fn default() -> Self {
        Self {
            account: 1,
            alias: 1,
            certificate: 1,
            credential: 1,
            domain: 1,
            exit: 1,
            grant: 1,
            listener: 1,
            rule: 1,
        }
    }
}

/// The last entry of each object, also of those that are gone.
type Marks = BTreeMap<&'static str, (IdMap<Mark>, BTreeMap<String, Mark>)>;

/// What the state root says about one object.
#[derive(Clone, Copy, Debug)]
struct Mark {
    seq: u64,
    rev: u32,
    after: Sha256,
}

/// One line of the list under the state root (docs/ledger.md, "Entry").
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StateItem {
    /// Kind of the object, such as `account`.
    pub kind: &'static str,
    /// Its id, such as `a_7`.
    pub id: String,
    /// The last entry about it.
    pub seq: u64,
    /// SHA-256 of that entry's stored `after`.
    pub after: Sha256,
}

impl Config {
    /// The configuration before any entry.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Entries that were folded; the number of the next one.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The first entry, once there is one.
    pub fn genesis(&self) -> Option<&Genesis> {
        self.genesis.as_deref()
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Edits from outside that nobody has acknowledged yet.
    pub fn outside_edits(&self) -> &OutsideEdits {
        &self.outside_edits
    }

    /// Whether a service is switched on.
    pub fn service_is_on(&self, service: Service) -> bool {
        self.services.contains(&service)
    }

    /// All listeners, also those of services that are off.
    pub fn listeners(&self) -> impl Iterator<Item = &Listener> {
        self.listeners.values()
    }

    /// One listener.
    pub fn listener(&self, id: ListenerId) -> Option<&Listener> {
        self.listeners.get(&id)
    }

    /// The listeners that answer.
    pub fn open_listeners(&self) -> impl Iterator<Item = &Listener> {
        self.listeners()
            .filter(|listener| self.service_is_on(listener.service))
    }

    /// The keys with which mail of a domain is signed, was, or can be.
    pub fn dkim_keys(&self, domain: &Domain) -> impl Iterator<Item = &DkimKey> {
        let keys = self.dkim.values();
        keys.filter(move |key| key.made.id.domain == *domain)
    }

    /// One of them.
    pub fn dkim_key(&self, id: &DkimName) -> Option<&DkimKey> {
        self.dkim.get(id)
    }

    /// The routes of mail for other servers.
    pub fn routes(&self) -> impl Iterator<Item = &RouteSet> {
        self.routes.values()
    }

    /// One of them.
    pub fn route(&self, id: &RouteFor) -> Option<&RouteSet> {
        self.routes.get(id)
    }

    /// The route that mail for a domain takes; `None` if it goes to the hosts that DNS names.
    pub fn route_to(&self, domain: &Domain) -> Option<&RouteSet> {
        let own = self.route(&RouteFor::Domain(domain.clone()));
        own.or_else(|| self.route(&RouteFor::All))
    }

    /// The services that look at mail before it is taken, as they were set.
    pub fn scanners(&self) -> impl Iterator<Item = &ScannerSet> {
        self.scanners.values()
    }

    /// One of them.
    pub fn scanner(&self, kind: ScannerKind) -> Option<&ScannerSet> {
        self.scanners.get(&kind)
    }

    /// All certificates, the newest first: it serves unknown names, and wins where two serve one.
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        let mut newest_first: Vec<_> = self.certificates.values().collect();
        newest_first.sort_by_key(|certificate| Reverse(certificate.revision));
        newest_first.into_iter()
    }

    /// One certificate.
    pub fn certificate(&self, id: CertificateId) -> Option<&Certificate> {
        self.certificates.get(&id)
    }

    /// The domain of this name, also where it is a second name.
    pub fn domain(&self, name: &Domain) -> Option<&HostedDomain> {
        self.domain_by_id(*self.names.get(name)?)
    }

    /// The domain with this id; a second name's id names no domain.
    pub fn domain_by_id(&self, id: DomainId) -> Option<&HostedDomain> {
        self.domains.get(id.0).map(AsRef::as_ref)
    }

    /// All domains in the order in which they were made.
    pub fn domains(&self) -> impl Iterator<Item = &HostedDomain> {
        self.domains.values().map(AsRef::as_ref)
    }

    /// How many domains there are.
    pub fn domains_len(&self) -> usize {
        self.domains.len()
    }

    /// The second names of all domains: id, name and the domain each is a name of.
    pub fn domain_aliases(&self) -> impl Iterator<Item = (DomainId, &Domain, DomainId)> {
        let aliases = self.domain_aliases.iter();
        aliases.map(|(id, (name, of))| (*id, name, *of))
    }

    /// One second name, with the domain that it is a name of.
    pub fn domain_alias(&self, id: DomainId) -> Option<(&Domain, DomainId)> {
        let (name, of) = self.domain_aliases.get(&id)?;
        Some((name, *of))
    }

    /// All names of a domain, its own first.
    pub fn names_of(&self, domain: &HostedDomain) -> Vec<Domain> {
        let second = self.domain_aliases().filter(|(_, _, of)| *of == domain.id);
        std::iter::once(domain.name.clone())
            .chain(second.map(|(_, name, _)| name.clone()))
            .collect()
    }

    /// One account.
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(id.0).map(AsRef::as_ref)
    }

    /// The account that owns exactly this address; how a name given at sign-in is looked up.
    pub fn account_at(&self, address: &Address) -> Option<&Account> {
        match self.owner(address)? {
            Owned::Account(id) => self.account(id),
            Owned::Alias(_) => None,
        }
    }

    /// All accounts in the order in which they were made.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values().map(AsRef::as_ref)
    }

    /// How many accounts there are.
    pub fn accounts_len(&self) -> usize {
        self.accounts.len()
    }

    /// One alias.
    pub fn alias(&self, id: AliasId) -> Option<&Alias> {
        self.aliases.get(id.0).map(AsRef::as_ref)
    }

    /// The alias that owns exactly this address.
    pub fn alias_at(&self, address: &Address) -> Option<&Alias> {
        match self.owner(address)? {
            Owned::Alias(id) => self.alias(id),
            Owned::Account(_) => None,
        }
    }

    /// All aliases in the order in which they were made.
    pub fn aliases(&self) -> impl Iterator<Item = &Alias> {
        self.aliases.values().map(AsRef::as_ref)
    }

    /// One send-as grant.
    pub fn grant(&self, id: GrantId) -> Option<&Grant> {
        self.grants.get(id.0)
    }

    /// All send-as grants in the order in which they were made.
    pub fn grants(&self) -> impl Iterator<Item = &Grant> {
        self.grants.values()
    }

    /// One credential besides the passwords of accounts.
    pub fn credential(&self, id: CredentialId) -> Option<&Credential> {
        self.credentials.get(id.0).map(AsRef::as_ref)
    }

    /// All credentials besides the passwords of accounts, in the order in which they were made.
    pub fn credentials(&self) -> impl Iterator<Item = &Credential> {
        self.credentials.values().map(AsRef::as_ref)
    }

    /// The credentials of an account besides its password, in the order in which they were made.
    pub fn credentials_of(&self, account: &Account) -> impl Iterator<Item = &Credential> {
        let ids = account.credentials.iter();
        ids.filter_map(|id| self.credential(*id))
    }

    /// The second factor of an account.
    pub fn totp(&self, account: &Account) -> Option<&Credential> {
        let mut credentials = self.credentials_of(account);
        credentials.find(|credential| credential.kind == CredentialKind::Totp)
    }

    /// The recovery codes of an account.
    pub fn recovery_codes(&self, account: &Account) -> Option<&Credential> {
        let mut credentials = self.credentials_of(account);
        credentials.find(|credential| credential.kind == CredentialKind::RecoveryCodes)
    }

    /// The password of an account where it alone opens mail: not beside a second factor.
    pub fn mail_password(&self, account: &Account) -> Option<Password> {
        account.password.filter(|_| self.totp(account).is_none())
    }

    /// The entry that made a credential as it is now, if it opens the mail of an account that
    /// works. A password that is set anew is another one.
    pub fn opens_mail(&self, account: AccountId, credential: CredentialId) -> Option<u64> {
        let account = self
            .account(account)
            .filter(|found| self.is_active(found))?;
        let password = self.mail_password(account);
        if let Some(password) = password.filter(|known| known.credential == credential) {
            return Some(password.revision);
        }
        let found = self.credential(credential)?;
        let is_app_password = matches!(found.kind, CredentialKind::AppPassword { .. });
        (is_app_password && found.account == account.id).then_some(found.made_seq)
    }

    /// What owns exactly this address (details and catch-alls do not count), under any name of
    /// its domain.
    pub fn owner(&self, address: &Address) -> Option<Owned> {
        let domain = self.domain(address.domain())?;
        domain.owner(&address.local().folded())
    }

    /// The target that this address is when it stands in an alias: what owns it, or an address
    /// outside. `None` for an address of a domain here that nobody has.
    pub fn member(&self, address: &Address) -> Option<Member> {
        match self.resolve(address) {
            Resolution::NotLocal => Some(Member::Outside(address.clone())),
            Resolution::Account(id) => Some(Member::Account(id)),
            Resolution::Alias(id, _) => Some(Member::Alias(id)),
            Resolution::Disabled => self.owner(address).map(Member::from),
            Resolution::RoleAddress(_) | Resolution::CatchAll(..) | Resolution::NoSuch => None,
        }
    }

    /// Whether an account works: neither it nor its domain is disabled.
    pub fn is_active(&self, account: &Account) -> bool {
        account.enabled && self.domain_by_id(account.domain).is_some_and(|d| d.enabled)
    }

    /// Whether an account works and has something to open its mail with.
    pub fn may_sign_in(&self, id: AccountId) -> bool {
        self.account(id).is_some_and(|account| {
            let mut credentials = self.credentials_of(account);
            let opens = |credential: &Credential| {
                matches!(credential.kind, CredentialKind::AppPassword { .. })
            };
            self.is_active(account) && (account.password.is_some() || credentials.any(opens))
        })
    }

    /// On whose authority an account acts; `None` for one that does not work.
    pub fn authority(&self, id: AccountId) -> Option<Authority> {
        let account = self.account(id).filter(|account| self.is_active(account))?;
        Some(Authority::Account(account.subject()))
    }

    /// The owners that work.
    pub fn active_owners(&self) -> impl Iterator<Item = AccountId> {
        let owners = self.owners.iter().copied();
        owners.filter(|id| self.account(*id).is_some_and(|owner| self.is_active(owner)))
    }

    /// The account that once had this address; kept when account and domain are gone.
    pub fn former_owner(&self, address: &Address) -> Option<AccountId> {
        self.former.get(&address.folded()).copied()
    }

    /// The address of an account that is gone.
    pub fn former_address(&self, id: AccountId) -> Option<&Address> {
        let mut former = self.former.iter();
        former
            .find(|(_, owner)| **owner == id)
            .map(|(address, _)| address)
    }

    /// The addresses in a domain that accounts once had.
    pub fn former_addresses(&self, name: &Domain) -> impl Iterator<Item = &Address> {
        self.former
            .keys()
            .filter(move |address| address.domain() == name)
    }

    /// The id that the next domain or second name gets.
    pub fn next_domain_id(&self) -> DomainId {
        DomainId(self.next.domain)
    }

    /// The id that the next account gets.
    pub fn next_account_id(&self) -> AccountId {
        AccountId(self.next.account)
    }

    /// The id that the next alias gets.
    pub fn next_alias_id(&self) -> AliasId {
        AliasId(self.next.alias)
    }

    /// The id that the next credential gets.
    pub fn next_credential_id(&self) -> CredentialId {
        CredentialId(self.next.credential)
    }

    /// The id that the next listener gets.
    pub fn next_listener_id(&self) -> ListenerId {
        ListenerId(self.next.listener)
    }

    /// The id that the next certificate gets.
    pub fn next_certificate_id(&self) -> CertificateId {
        CertificateId(self.next.certificate)
    }

    /// The id that the next send-as grant gets.
    pub fn next_grant_id(&self) -> GrantId {
        GrantId(self.next.grant)
    }

    /// The last entry about an object and how many there were, also after it is gone.
    pub fn last_entry(&self, kind: &str, id: &str) -> Option<(u64, u32)> {
        let (numbered, named) = self.marks.get(kind)?;
        let mark = match id_number(kind, id) {
            Some(number) => numbered.get(number),
            None => named.get(id),
        };
        mark.map(|mark| (mark.seq, mark.rev))
    }

    /// What the state root is made of: every object that ever was, sorted by kind and id.
    ///
    /// Objects that are gone stay in the list, so that whoever knows the entries but not the
    /// meaning of their types comes to the same list.
    pub fn state(&self) -> Vec<StateItem> {
        let mut items = Vec::new();
        for (kind, (numbered, named)) in &self.marks {
            let prefix = id_prefix(kind);
            let numbered = numbered
                .iter()
                .map(|(n, mark)| (format!("{prefix}{n}"), mark));
            let named = named.iter().map(|(id, mark)| (id.clone(), mark));
            items.extend(numbered.chain(named).map(|(id, mark)| StateItem {
                kind,
                id,
                seq: mark.seq,
                after: mark.after,
            }));
        }
        items.sort();
        items
    }
}

/// The prefix of the ids of a kind of object.
fn id_prefix(kind: &str) -> &'static str {
    match kind {
        "account" => "a_",
        "alias" => "al_",
        "certificate" => "ct_",
        "credential" => "k_",
        "domain" | "domain_alias" | "catch_all" => "d_",
        "exit" => "x_",
        "listener" => "l_",
        "rule" => "r_",
        "send_as" => "g_",
        _ => "",
    }
}

/// The number of an id such as `a_7`; `None` for the names of settings, services and the like.
fn id_number(kind: &str, id: &str) -> Option<u64> {
    match id_prefix(kind) {
        "" => None,
        prefix => id.strip_prefix(prefix)?.parse().ok(),
    }
}
