//! Roles, rights, and the one table that joins them.
//!
//! A right names what it reaches, so that a role can be asked whether it reaches that far. No
//! right over an account reaches an account whose role is above the actor's own.

use serde::{Deserialize, Serialize};
use types::{AccountId, DomainId};

/// What an account may do beyond its own mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Changes and reads the whole configuration.
    Owner,
    /// Changes and reads what belongs to the domain of its own address.
    DomainAdmin,
    /// Has a mailbox, and its own password and name.
    MailboxOwner,
    /// Reads the whole configuration and all records, changes nothing.
    Auditor,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [
        Self::Owner,
        Self::DomainAdmin,
        Self::MailboxOwner,
        Self::Auditor,
    ];

    /// Whether the role changes matters of others.
    pub fn is_admin(self) -> bool {
        matches!(self, Self::Owner | Self::DomainAdmin)
    }

    /// Its name in entries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::DomainAdmin => "domain_admin",
            Self::MailboxOwner => "mailbox_owner",
            Self::Auditor => "auditor",
        }
    }

    /// The words for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::DomainAdmin => "domain admin",
            Self::MailboxOwner => "mailbox owner",
            Self::Auditor => "auditor",
        }
    }
}

/// An account as a right sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The account.
    pub account: AccountId,
    /// The domain of its address.
    pub domain: DomainId,
    /// Its role.
    pub role: Role,
}

/// On whose authority something is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Authority {
    /// The host's console: root or the server's own user. Acts as an owner without a mailbox.
    Console,
    /// An account that signed in.
    Account(Subject),
}

impl Authority {
    /// The account, unless it is the console.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Console => None,
            Self::Account(subject) => Some(subject.account),
        }
    }
}

/// What may be asked, with what it reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// Change what concerns the whole server, and who has which role.
    ManageServer,
    /// Change the mailboxes, aliases and addressing of a domain.
    ManageDomain(DomainId),
    /// Disable, limit or remove an account.
    ManageAccount(Subject),
    /// Change what an account may change for itself: password, name, who sends in its name.
    UseAccount(Subject),
    /// Read the whole configuration and all records.
    ReadServer,
    /// Read the configuration and the records of a domain.
    ReadDomain(DomainId),
    /// Read the configuration and the records of an account.
    ReadAccount(Subject),
    /// Read and change the mail of an account.
    UseMail(AccountId),
}

/// Whether the authority has the right: the whole table.
pub fn may(authority: &Authority, right: &Right) -> bool {
    if let Right::UseMail(account) = right {
        return authority.account() == Some(*account);
    }
    let Authority::Account(me) = authority else {
        return true;
    };
    let own = |subject: &Subject| subject.account == me.account;
    match (me.role, right) {
        (Role::Owner, _) => true,
        (_, Right::UseAccount(subject) | Right::ReadAccount(subject)) if own(subject) => true,
        (Role::DomainAdmin, Right::ManageDomain(domain) | Right::ReadDomain(domain)) => {
            *domain == me.domain
        }
        (Role::DomainAdmin, Right::ManageAccount(subject) | Right::UseAccount(subject)) => {
            subject.domain == me.domain
                && matches!(subject.role, Role::DomainAdmin | Role::MailboxOwner)
        }
        (Role::DomainAdmin, Right::ReadAccount(subject)) => subject.domain == me.domain,
        (Role::Auditor, Right::ReadServer | Right::ReadDomain(_) | Right::ReadAccount(_)) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: DomainId = DomainId(1);
    const ELSEWHERE: DomainId = DomainId(2);
    const ME: AccountId = AccountId(1);

    fn subject(account: u64, domain: DomainId, role: Role) -> Subject {
        Subject {
            account: AccountId(account),
            domain,
            role,
        }
    }

    /// Every right with a name, as seen by an account 1 in domain 1 with the role `mine`.
    fn rights(mine: Role) -> Vec<(String, Right)> {
        let mut all = vec![
            ("server".to_owned(), Right::ManageServer),
            ("domain".to_owned(), Right::ManageDomain(HERE)),
            ("other domain".to_owned(), Right::ManageDomain(ELSEWHERE)),
            ("read server".to_owned(), Right::ReadServer),
            ("read domain".to_owned(), Right::ReadDomain(HERE)),
            ("read other domain".to_owned(), Right::ReadDomain(ELSEWHERE)),
            ("own mail".to_owned(), Right::UseMail(ME)),
            ("others' mail".to_owned(), Right::UseMail(AccountId(2))),
        ];
        let me = subject(1, HERE, mine);
        all.push(("manage self".to_owned(), Right::ManageAccount(me)));
        all.push(("use self".to_owned(), Right::UseAccount(me)));
        all.push(("read self".to_owned(), Right::ReadAccount(me)));
        for role in Role::ALL {
            for (place, domain) in [("", HERE), (" elsewhere", ELSEWHERE)] {
                let other = subject(2, domain, role);
                let name = format!("{}{place}", role.label());
                all.push((format!("manage {name}"), Right::ManageAccount(other)));
                all.push((format!("use {name}"), Right::UseAccount(other)));
                all.push((format!("read {name}"), Right::ReadAccount(other)));
            }
        }
        all
    }

    fn granted(role: Role) -> Vec<String> {
        let me = Authority::Account(subject(1, HERE, role));
        rights(role)
            .into_iter()
            .filter(|(_, right)| may(&me, right))
            .map(|(name, _)| name)
            .collect()
    }

    #[test]
    fn an_owner_may_all_but_read_the_mail_of_others() {
        let all = rights(Role::Owner);
        assert_eq!(granted(Role::Owner).len(), all.len() - 1);
        assert!(!granted(Role::Owner).contains(&"others' mail".to_owned()));
    }

    #[test]
    fn the_console_is_an_owner_without_mail() {
        for (name, right) in rights(Role::Owner) {
            let mail = matches!(right, Right::UseMail(_));
            assert_eq!(may(&Authority::Console, &right), !mail, "{name}");
        }
    }

    #[test]
    fn a_mailbox_owner_has_only_its_own() {
        let own = ["own mail", "use self", "read self"];
        assert_eq!(granted(Role::MailboxOwner), own);
    }

    #[test]
    fn an_auditor_reads_everything_and_changes_only_its_own_password() {
        for name in granted(Role::Auditor) {
            let own = ["own mail", "use self"].contains(&name.as_str());
            assert!(own || name.starts_with("read "), "{name}");
        }
        assert_eq!(granted(Role::Auditor).len(), 3 + 1 + 8 + 2);
    }

    #[test]
    fn a_domain_admin_stays_in_its_domain_and_below_owners() {
        let expected = [
            "domain",
            "read domain",
            "own mail",
            "manage self",
            "use self",
            "read self",
            "read owner",
            "manage domain admin",
            "use domain admin",
            "read domain admin",
            "manage mailbox owner",
            "use mailbox owner",
            "read mailbox owner",
            "read auditor",
        ];
        assert_eq!(granted(Role::DomainAdmin), expected);
    }
}
