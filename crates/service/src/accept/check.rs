//! What can be said before the content: whether a sender may be named, whether a recipient exists.

use std::sync::Mutex;
use std::time::Duration;

use net::{SourceTally, Tally};
use policy::change::SenderList;
use policy::{Config, ExpandError, Resolution};
use types::{AccountId, Address, Domain, LocalPart, ReversePath};

use super::sender::originators;
use super::{AcceptError, SmtpClient, Wishes};
use crate::actor::Principal;
use crate::metrics::Outcome;
use crate::{Outside, Service, lock};

/// How long the refusals of recipients of a source are remembered at least.
const REFUSALS_SPAN: Duration = Duration::from_secs(600);
/// Sources whose refusals are remembered; twice as many at most.
const REFUSALS_SOURCES_MAX: usize = 50_000;

/// The recipients that strangers guessed wrongly, counted by source.
pub(crate) struct RefusedRecipients(Mutex<SourceTally>);

impl Default for RefusedRecipients {
    fn default() -> Self {
        let tally = SourceTally::new(REFUSALS_SPAN, REFUSALS_SOURCES_MAX);
        Self(Mutex::new(tally))
    }
}

/// How long it is remembered to how many somebody sent.
const SENDING_SPAN: Duration = Duration::from_secs(3_600);
/// Accounts that are remembered at a time; twice as many at most.
const SENDERS_MAX: usize = 100_000;

/// The recipients elsewhere to whom each account sent lately, and who was held back.
pub(crate) struct SentLately(Mutex<[Tally<AccountId>; 2]>);

impl Default for SentLately {
    fn default() -> Self {
        let tally = || Tally::new(SENDING_SPAN, SENDERS_MAX);
        Self(Mutex::new([tally(), tally()]))
    }
}

/// Why a reverse-path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SenderError {
    /// It is not an address of the account that signed in.
    #[error("the sender is not an address of yours")]
    NotYours,
    /// Our own trouble; try again.
    #[error("not available")]
    Unavailable,
}

/// Why a recipient is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipientError {
    /// Nobody has this address.
    #[error("no such mailbox")]
    NoSuchMailbox,
    /// It is not in a domain of ours, and this server does not send for others.
    #[error("relaying denied")]
    RelayDenied,
    /// The address does not work for the time being.
    #[error("the mailbox is disabled")]
    Disabled,
    /// The mailbox is full, or would be.
    #[error("the mailbox is full")]
    OverQuota,
    /// It is outside, and the message must not travel without TLS, which nobody could promise.
    #[error("TLS cannot be required on the way to this recipient")]
    RequireTls,
    /// The recipient wants nothing from this sender.
    #[error("{}", crate::rules::BLOCKED_SENDER)]
    SenderBlocked,
    /// The address of the client is on lists of those who send spam.
    #[error(
        "your address {address} is on the list {lists}; ask there to be taken off it, or write to postmaster here"
    )]
    Listed {
        /// Of the client.
        address: std::net::IpAddr,
        /// Their names.
        lists: String,
    },
    /// The account has sent to as many as it may for now.
    #[error(
        "this account has sent to {max} recipients in an hour, as many as it may; try again later"
    )]
    SentEnough {
        /// How many it may.
        max: u64,
    },
    /// The address leads to too many others.
    #[error("the address leads to too many others")]
    TooManyHops,
    /// Our own trouble; try again.
    #[error("not available")]
    Unavailable,
}

impl Service {
    /// Where mail for `<postmaster>` without a domain goes (RFC 5321 §4.5.1): to the first domain.
    pub fn postmaster(&self) -> Option<Address> {
        let config = self.config();
        let host: Option<Domain> = Some(config.settings().host_name.clone());
        let own = host.filter(|host| config.domain(host).is_some());
        let domain = own.or_else(|| config.domains().next().map(|domain| domain.name.clone()))?;
        Address::new(LocalPart::parse("postmaster").ok()?, domain).ok()
    }

    /// Whether the client may name this sender: a signed-in account only its own addresses.
    pub async fn sender_check(
        &self,
        client: &SmtpClient,
        from: &ReversePath,
    ) -> Result<(), SenderError> {
        match (&client.principal, from) {
            (Some(principal), ReversePath::Address(address))
                if !self.may_send(principal, address) =>
            {
                Err(SenderError::NotYours)
            }
            _ => Ok(()),
        }
    }

    /// Whether somebody who signed in so may send with this address.
    fn may_send(&self, principal: &Principal, address: &Address) -> bool {
        self.config()
            .may_send_with(principal.account, principal.credential, address)
    }

    /// Whether mail for this address would be taken from this client.
    pub async fn recipient_check(
        &self,
        client: &SmtpClient,
        from: &ReversePath,
        to: &Address,
        wishes: &Wishes,
    ) -> Result<(), RecipientError> {
        let checked = self.check_recipient(client, from, to, wishes).await;
        let outcome = match checked {
            Ok(()) => Outcome::Accepted,
            Err(
                RecipientError::OverQuota
                | RecipientError::SentEnough { .. }
                | RecipientError::Unavailable,
            ) => Outcome::Deferred,
            Err(_) => Outcome::Refused,
        };
        let metrics = &self.inner.metrics;
        metrics.recipient(client.peer.protocol, outcome);
        let session = client.peer.session;
        match &checked {
            Ok(()) => tracing::debug!(session.id = %session, "recipient {to} is taken"),
            Err(why) => tracing::debug!(session.id = %session, "recipient {to} is refused: {why}"),
        }
        checked
    }

    async fn check_recipient(
        &self,
        client: &SmtpClient,
        from: &ReversePath,
        to: &Address,
        wishes: &Wishes,
    ) -> Result<(), RecipientError> {
        let config = self.config();
        let signed_in = client.principal.is_some();
        let sends = self.inner.outside.sends();
        // Only who really sends can see to it that TLS protects the message all the way.
        let cannot_protect = wishes.require_tls && !matches!(self.inner.outside, Outside::Queue);
        if matches!(config.resolve(to), Resolution::NotLocal) {
            return match (signed_in && sends, cannot_protect) {
                (false, _) => Err(RecipientError::RelayDenied),
                (true, true) => Err(RecipientError::RequireTls),
                (true, false) => self.sending_check(&config, client),
            };
        }
        if !is_postmaster(to) {
            let listed = self.listed(&config, client).await;
            if let Some(lists) = listed.refused_by() {
                let address = client.peer.source();
                return Err(RecipientError::Listed { address, lists });
            }
        }
        let expansion = config.expand(to).map_err(|err| match err {
            ExpandError::NoSuch | ExpandError::NotLocal => RecipientError::NoSuchMailbox,
            ExpandError::Disabled => RecipientError::Disabled,
            ExpandError::TooDeep | ExpandError::TooMany => RecipientError::TooManyHops,
        })?;
        if !expansion.outside.is_empty() && !sends {
            return Err(RecipientError::RelayDenied);
        }
        if !expansion.outside.is_empty() {
            return if cannot_protect {
                Err(RecipientError::RequireTls)
            } else {
                Ok(())
            };
        }
        let blocks = |id: &AccountId| {
            let standing = from
                .address()
                .and_then(|from| config.sender_standing(*id, from));
            standing == Some(SenderList::Blocked)
        };
        if expansion.accounts.iter().all(blocks) {
            return Err(RecipientError::SenderBlocked);
        }
        let accounts: Vec<_> = expansion.accounts.into_iter().collect();
        match self
            .any_has_room(accounts, wishes.declared_octets.unwrap_or(0))
            .await
        {
            Ok(true) => Ok(()),
            Ok(false) => Err(RecipientError::OverQuota),
            Err(_) => Err(RecipientError::Unavailable),
        }
    }

    /// Whether an account may send to one more recipient elsewhere; counts it.
    fn sending_check(&self, config: &Config, client: &SmtpClient) -> Result<(), RecipientError> {
        let max = config.settings().sending_recipients_per_hour_max;
        let Some(principal) = client.principal.as_ref().filter(|_| max > 0) else {
            return Ok(());
        };
        let now_us = self.clock().monotonic_us();
        let account = principal.account;
        let times = {
            let mut lately = lock(&self.inner.sent_lately.0);
            let [sent, held_back] = &mut *lately;
            if u64::from(sent.of(now_us, &account)) < max {
                sent.count_of(now_us, account);
                return Ok(());
            }
            held_back.count_of(now_us, account)
        };
        if times == 1 {
            let name = config
                .account(account)
                .map(|account| account.address.to_string());
            let name = name.unwrap_or_else(|| account.to_string());
            let words = format!(
                "{name} has sent to {max} recipients elsewhere in an hour, so it has to wait; if that was not its owner, give it another password"
            );
            self.alarm("sending", &words);
        }
        Err(RecipientError::SentEnough { max })
    }

    /// Counts a recipient that was refused for good, and says how many were lately, from all
    /// connections of the same source. Who signed in is not counted.
    pub fn recipient_refused(&self, client: &SmtpClient) -> u32 {
        if client.principal.is_some() {
            return 0;
        }
        let now_us = self.clock().monotonic_us();
        lock(&self.inner.refused_recipients.0).count(now_us, client.peer.source())
    }

    /// Whether at least one of the accounts could keep so much more.
    async fn any_has_room(
        &self,
        accounts: Vec<AccountId>,
        octets: u64,
    ) -> Result<bool, store::StoreError> {
        let config = self.config();
        let quota = |id: AccountId| config.account(id).and_then(|account| account.quota_octets);
        let limited: Option<Vec<_>> = accounts
            .iter()
            .map(|id| quota(*id).map(|quota| (*id, quota)))
            .collect();
        let Some(limited) = limited else {
            return Ok(true);
        };
        let read = self.inner.store.read(move |tx| {
            for (account, quota) in &limited {
                if store::account::usage(tx, *account)?
                    .octets
                    .saturating_add(octets)
                    <= *quota
                {
                    return Ok(true);
                }
            }
            Ok(false)
        });
        read.await
    }

    /// Whether every originator of a submitted message is the account's own.
    pub(super) fn check_originators(
        &self,
        principal: &Principal,
        head: &[u8],
    ) -> Result<(), AcceptError> {
        let found = originators(head).map_err(|err| AcceptError::Malformed(err.to_string()))?;
        let foreign = found
            .iter()
            .find(|(_, address)| !self.may_send(principal, address));
        match foreign {
            Some((header, _)) => Err(AcceptError::SenderNotYours { header }),
            None => Ok(()),
        }
    }
}

/// Who is on a list by mistake can still write here (RFC 5321 §4.5.1).
fn is_postmaster(address: &Address) -> bool {
    address
        .local()
        .to_string()
        .eq_ignore_ascii_case("postmaster")
}
