//! How a message leaves: to whom, and to whom a report comes back if it cannot be delivered.
//!
//! What a rule sends on does not come back to who wrote it, who knows nothing of the rule and may
//! be anybody. It comes to who can end the rule, at an address that names it.

use policy::{Config, RuleLevel};
use types::{Address, Domain, LocalPart, ReversePath};

use crate::Outgoing;
use crate::rules::{Leaving, RuleAt};

/// The role address that every domain has (RFC 2142 §5).
const POSTMASTER: &str = "postmaster";

/// A message on its way to an address outside; `original` is its header block as it came.
pub(super) fn of(
    config: &Config,
    from: &ReversePath,
    (to, leaving): (&Address, &Leaving),
    original: &[u8],
    octets: u64,
) -> Outgoing {
    Outgoing {
        from: reverse_path(config, from, leaving),
        to: to.clone(),
        rule: leaving.sent_by.as_ref().map(ToString::to_string),
        head: leaving.head.as_deref().unwrap_or(original).to_vec(),
        octets,
    }
}

/// The sender of the envelope with which it leaves.
pub(super) fn reverse_path(config: &Config, from: &ReversePath, leaving: &Leaving) -> ReversePath {
    // A report about a report would be the beginning of a circle (RFC 5321 §6.1).
    let back = match (from, &leaving.sent_by) {
        (ReversePath::Address(sender), Some(rule)) => {
            return_address(config, rule, [&leaving.recipient, sender])
        }
        _ => None,
    };
    back.map_or_else(|| from.clone(), ReversePath::Address)
}

/// The postmaster of a domain.
pub(crate) fn postmaster(domain: &Domain) -> Option<Address> {
    Address::new(LocalPart::parse(POSTMASTER).ok()?, domain.clone()).ok()
}

/// Who hears that what a rule sent on could not be delivered: the account, or the postmaster of the
/// domain; of a rule of the server, that of the recipient's or the sender's domain. The detail names
/// the rule, where addresses of the domain may have one.
fn return_address(config: &Config, rule: &RuleAt, ends: [&Address; 2]) -> Option<Address> {
    let (local, domain) = match config.rule(rule.id)?.level {
        RuleLevel::Account(id) => {
            let account = &config.account(id)?.address;
            (account.local().to_string(), account.domain().clone())
        }
        RuleLevel::Domain(id) => {
            let name = config.domain_by_id(id)?.name.clone();
            (POSTMASTER.to_owned(), name)
        }
        RuleLevel::Server => {
            let mut domains = ends.into_iter().map(Address::domain);
            let here = domains.find(|domain| config.domain(domain).is_some());
            (POSTMASTER.to_owned(), here?.clone())
        }
    };
    let separator = config.domain(&domain).and_then(|known| known.separator);
    let named = separator.and_then(|separator| {
        let local = format!("{local}{}{}", separator.as_char(), rule.id);
        Address::new(LocalPart::parse(&local).ok()?, domain.clone()).ok()
    });
    named.or_else(|| Address::new(LocalPart::parse(&local).ok()?, domain).ok())
}
