//! Which right each change asks for.

use types::{AccountId, DomainId, RuleId};

use crate::change::{Change, DkimCreate, DkimRemove, DkimSetUse, Owned, RuleLevel};
use crate::config::Config;
use crate::role::{Right, Role, Subject};

impl Change {
    /// The right that an actor needs for this change. What is about something that does not exist
    /// asks for the widest right, so that nobody can probe for it.
    // long: one table
    pub fn right(&self, config: &Config) -> Right {
        match self {
            Self::AccountCreate(c) if c.role == Role::MailboxOwner => {
                let domain = config.domain(c.address.domain());
                domain.map_or(Right::ManageServer, |d| Right::ManageDomain(d.id))
            }
            Self::AccountRemove(c) | Self::AccountDisable(c) | Self::AccountEnable(c) => {
                about(config, c.id, Right::ManageAccount)
            }
            Self::AccountQuotaSet(c) => about(config, c.id, Right::ManageAccount),
            Self::AccountNameSet(c) => about(config, c.id, Right::UseAccount),
            Self::PasswordSet(c) => about(config, c.account, Right::UseAccount),
            Self::AppPasswordCreate(c) => about(config, c.account, Right::UseAccount),
            Self::TotpCreate(c) => about(config, c.account, Right::UseAccount),
            Self::RecoveryCodesCreate(c) => about(config, c.account, Right::UseAccount),
            Self::TokenCreate(c) => about(config, c.account, Right::UseAccount),
            Self::AppPasswordRemove(c) | Self::TotpRemove(c) | Self::TokenRemove(c) => {
                let known = config.credential(c.id);
                known.map_or(Right::ManageServer, |credential| {
                    about(config, credential.account, Right::UseAccount)
                })
            }
            Self::SendAsGrant(c) => owned(config, c.of),
            Self::SendAsRevoke(c) => {
                let grant = config.grant(c.id);
                grant.map_or(Right::ManageServer, |grant| owned(config, grant.of))
            }
            Self::AliasCreate(c) => {
                let domain = config.domain(c.address.domain());
                domain.map_or(Right::ManageServer, |d| Right::ManageDomain(d.id))
            }
            Self::AliasRemove(c) => owned(config, Owned::Alias(c.id)),
            Self::AliasMembersChange(c) => owned(config, Owned::Alias(c.id)),
            Self::CatchAllSet(c) => inside(config, c.id),
            Self::CatchAllClear(c) => inside(config, c.id),
            Self::DomainPlusAddressingSet(c) => inside(config, c.id),
            Self::DkimCreate(DkimCreate { id, .. })
            | Self::DkimSetUse(DkimSetUse { id, .. })
            | Self::DkimRemove(DkimRemove { id }) => {
                let domain = config.domain(&id.domain);
                domain.map_or(Right::ManageServer, |d| Right::ManageDomain(d.id))
            }
            Self::RuleCreate(c) | Self::RuleChange(c) => of_level(config, c.level),
            Self::RuleRemove(c) | Self::RulePause(c) | Self::RuleResume(c) => of_rule(config, c.id),
            Self::RuleMove(c) => of_rule(config, c.id),
            // Whose mail may leave is not the owner's to say.
            Self::ExitAllow(c) => match c.scope {
                RuleLevel::Account(id) => about(config, id, Right::ManageAccount),
                scope => of_level(config, scope),
            },
            Self::ExitRevoke(c) => {
                let exit = config.exit(c.id);
                exit.map_or(Right::ManageServer, |exit| of_level(config, exit.scope))
            }
            Self::SendersChange(c) => of_level(config, c.id.into()),
            Self::RecoverablePurge(c) => about(config, c.id, Right::ManageAccount),
            Self::RuleExpire(_)
            | Self::AccountCreate(_)
            | Self::AccountRoleSet(_)
            | Self::Genesis(_)
            | Self::Boot(_)
            | Self::OutsideEdit(_)
            | Self::Acknowledge(_)
            | Self::ActivityCheckpoint(_)
            | Self::SettingSet(_)
            | Self::ListenerCreate(_)
            | Self::ListenerChange(_)
            | Self::ListenerRemove(_)
            | Self::ServiceOn(_)
            | Self::ServiceOff(_)
            | Self::CertificateSet(_)
            | Self::CertificateRemove(_)
            | Self::DomainCreate(_)
            | Self::DomainRemove(_)
            | Self::DomainDisable(_)
            | Self::DomainEnable(_)
            | Self::DomainAliasCreate(_)
            | Self::DomainAliasRemove(_)
            | Self::AccessSet(_)
            | Self::ProxySet(_)
            | Self::BlockAdd(_)
            | Self::BlockRemove(_)
            | Self::ScannerSet(_)
            | Self::ScannerRemove(_)
            | Self::RouteSet(_)
            | Self::RouteRemove(_) => Right::ManageServer,
        }
    }
}

fn about(config: &Config, id: AccountId, right: fn(Subject) -> Right) -> Right {
    let account = config.account(id);
    account.map_or(Right::ManageServer, |account| right(account.subject()))
}

fn inside(config: &Config, id: DomainId) -> Right {
    match config.domain_by_id(id) {
        Some(_) => Right::ManageDomain(id),
        None => Right::ManageServer,
    }
}

impl RuleLevel {
    /// The right to say what happens to its mail.
    pub fn right(self, config: &Config) -> Right {
        of_level(config, self)
    }
}

/// Who may say what happens to the mail of a level: its account, its admin, or an owner.
fn of_level(config: &Config, level: RuleLevel) -> Right {
    match level {
        RuleLevel::Server => Right::ManageServer,
        RuleLevel::Domain(id) => inside(config, id),
        RuleLevel::Account(id) => about(config, id, Right::UseAccount),
    }
}

fn of_rule(config: &Config, id: RuleId) -> Right {
    let rule = config.rule(id);
    rule.map_or(Right::ManageServer, |rule| of_level(config, rule.level))
}

/// Who may say who sends with an address: its account, or the admin of its alias's domain.
fn owned(config: &Config, of: Owned) -> Right {
    match of {
        Owned::Account(id) => about(config, id, Right::UseAccount),
        Owned::Alias(id) => {
            let alias = config.alias(id);
            alias.map_or(Right::ManageServer, |alias| {
                Right::ManageDomain(alias.domain)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::{
        AccountRoleSet, AliasRemove, CatchAllClear, CredentialRef, DomainCreate, TokenScope,
    };
    use crate::role::{Authority, may};
    use crate::sample::{Sample, disable, disable_domain, remove};
    use types::{AliasId, CredentialId};

    const ORG: DomainId = DomainId(1);
    const ROOT: AccountId = AccountId(1);
    const ADMIN: AccountId = AccountId(2);
    const ANN: AccountId = AccountId(3);
    const AUDITOR: AccountId = AccountId(4);
    const BOB: AccountId = AccountId(5);
    const INFO: AliasId = AliasId(1);
    const FACTOR: CredentialId = CredentialId(1);

    fn sample() -> Sample {
        let mut sample = Sample::new();
        sample.account("adm@example.org", Role::DomainAdmin);
        sample.owner("ann@example.org");
        sample.account("aud@example.org", Role::Auditor);
        sample.alias("info@example.org", &["a_1"]);
        sample.domain("example.com");
        sample.owner("bob@example.com");
        sample.make(sample.new_totp(ANN));
        sample
    }

    /// Who may make each change.
    fn table(sample: &Sample) -> Vec<(Change, &'static str)> {
        let grant = |of| Change::SendAsGrant(sample.new_grant(BOB, of));
        let account = |role| Change::AccountCreate(sample.new_account("new@example.org", role));
        let catch_all = |id| Change::CatchAllClear(CatchAllClear { id });
        let (id, role) = (ANN, Role::DomainAdmin);
        let domain = DomainCreate {
            id: DomainId(3),
            name: "example.net".parse().unwrap(),
        };
        vec![
            (account(Role::MailboxOwner), "owner admin"),
            (account(Role::DomainAdmin), "owner"),
            (Change::AccountRoleSet(AccountRoleSet { id, role }), "owner"),
            (disable(ANN), "owner admin"),
            (disable(ROOT), "owner"),
            (disable(AUDITOR), "owner"),
            (remove(BOB), "owner"),
            (remove(AccountId(99)), "owner"),
            (sample.new_password(ANN, 1), "owner admin ann"),
            (sample.new_password(ROOT, 1), "owner"),
            (sample.new_password(AUDITOR, 1), "owner auditor"),
            (grant(Owned::Account(ANN)), "owner admin ann"),
            (grant(Owned::Account(ROOT)), "owner"),
            (grant(Owned::Alias(INFO)), "owner admin"),
            (
                Change::AppPasswordCreate(sample.new_app_password(ANN)),
                "owner admin ann",
            ),
            (
                Change::TotpRemove(CredentialRef { id: FACTOR }),
                "owner admin ann",
            ),
            (
                Change::TokenRemove(CredentialRef {
                    id: CredentialId(99),
                }),
                "owner",
            ),
            (sample.new_totp(ROOT), "owner"),
            (sample.new_recovery_codes(AUDITOR), "owner auditor"),
            (
                Change::TokenCreate(sample.new_token(BOB, &[TokenScope::Read])),
                "owner",
            ),
            (Change::AliasRemove(AliasRemove { id: INFO }), "owner admin"),
            (catch_all(ORG), "owner admin"),
            (catch_all(DomainId(2)), "owner"),
            (disable_domain(ORG), "owner"),
            (Change::DomainCreate(domain), "owner"),
        ]
    }

    #[test]
    fn each_change_asks_for_its_right() {
        let sample = sample();
        let people = [
            (ROOT, "owner"),
            (ADMIN, "admin"),
            (ANN, "ann"),
            (AUDITOR, "auditor"),
        ];
        for (change, allowed) in table(&sample) {
            let right = change.right(&sample.config);
            let mut who = Vec::new();
            for (id, name) in people {
                if may(&sample.config.authority(id).unwrap(), &right) {
                    who.push(name);
                }
            }
            assert_eq!(who.join(" "), allowed, "{change:?}");
            assert!(may(&Authority::Console, &right));
        }
    }
}
