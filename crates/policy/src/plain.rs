//! What a change does where no effect warns of it, in words for the person who makes it.
//!
//! Nothing of this is kept in the ledger: the entry has the values before and after.

use types::{AccountId, AliasId, CredentialId, RuleId};

use crate::change::{Change, ListenerSet, Member, Owned, RuleLevel};
use crate::config::{Config, CredentialKind};
use crate::sentence::{Viewer, Words, list};
use crate::settings::Setting;
use crate::shown;

/// Members that a sentence lists; the rest is counted.
const MEMBERS_SHOWN_MAX: usize = 8;

/// A sentence about a change that leads from `before` to `after`; `None` for what only the server
/// itself does.
// long: one arm for each change
pub fn plain(change: &Change, before: &Config, after: &Config) -> Option<String> {
    let told = Told { before, after };
    Some(match change {
        Change::AccountCreate(c) => {
            let account = after.account(c.id)?;
            format!(
                "Makes the account {} with the role {} and {}.",
                told.account(c.id),
                account.role.label(),
                quota(account.quota_octets)
            )
        }
        Change::AccountEnable(c) => format!("Lets {} receive mail again.", told.account(c.id)),
        Change::AccountDisable(c) => {
            format!("Lets {} neither sign in nor receive.", told.account(c.id))
        }
        Change::AccountNameSet(c) => {
            format!(
                "Changes the name that people see for {}.",
                told.account(c.id)
            )
        }
        Change::AccountRoleSet(c) => format!(
            "Gives {} the role {} in the place of {}.",
            told.account(c.id),
            c.role.label(),
            before.account(c.id)?.role.label()
        ),
        Change::AccountQuotaSet(c) => format!(
            "Lets {} keep {}, before: {}.",
            told.account(c.id),
            room(c.quota_octets),
            room(before.account(c.id)?.quota_octets)
        ),
        Change::PasswordSet(c) => format!(
            "Gives {} another password. It opens nothing while the account or its domain is disabled.",
            told.account(c.account)
        ),
        Change::AppPasswordRemove(c) | Change::TokenRemove(c) => told.credential_goes(c.id),
        Change::AliasCreate(c) => told.delivers(c.id)?,
        Change::AliasMembersChange(c) => told.delivers(c.id)?,
        Change::AliasRemove(c) => {
            let address = &before.alias(c.id)?.address;
            format!("Forgets the alias {}.", shown::address(address))
        }
        Change::CatchAllClear(c) => format!(
            "Refuses mail for addresses of {} that nobody has.",
            shown::domain(&before.domain_by_id(c.id)?.name)
        ),
        Change::CatchAllSet(c) => format!(
            "Delivers mail for addresses of {} that nobody has to {}.",
            shown::domain(&after.domain_by_id(c.id)?.name),
            told.members(&c.members)
        ),
        Change::DomainPlusAddressingSet(c) => {
            let name = shown::domain(&after.domain_by_id(c.id)?.name);
            format!("Delivers mail for name+detail@{name} to name@{name}.")
        }
        Change::DomainRemove(c) => format!(
            "Forgets the domain {}.",
            shown::domain(&before.domain_by_id(c.id)?.name)
        ),
        Change::DomainAliasRemove(c) => format!(
            "Forgets the second name {}.",
            shown::domain(before.domain_alias(c.id)?.0)
        ),
        Change::SendAsRevoke(c) => {
            let grant = before.grant(c.id)?;
            format!(
                "Lets {} no longer send as {}.",
                told.account(grant.account),
                told.words(before).owned(grant.of)
            )
        }
        Change::ListenerCreate(set) | Change::ListenerChange(set) => told.listener(set)?,
        Change::ListenerRemove(c) => {
            let listener = before.listener(c.id)?;
            let (service, address) = (listener.service, listener.address);
            format!("Forgets the listener of {service} at {address}; it was not open.")
        }
        Change::ServiceOn(c) => format!(
            "Switches {0} on. Nobody reaches it yet, since it has no address to listen on: \
             `sealpost service listen add {0} 0.0.0.0` gives it one.",
            c.id
        ),
        Change::ServiceOff(c) => format!("Switches {} off; it had no listener.", c.id),
        Change::CertificateSet(c) => {
            let names: Vec<_> = c.names.iter().map(shown::domain).collect();
            format!("Shows this certificate to clients of {}.", list(&names, 0))
        }
        Change::CertificateRemove(c) => {
            format!(
                "Shows certificate {} no longer; another serves its names.",
                c.id
            )
        }
        Change::SettingSet(setting) => told.setting(setting)?,
        Change::RuleCreate(c) | Change::RuleChange(c) if !c.enabled => {
            format!(
                "Writes down the rule {}; it is paused and does nothing.",
                quoted(&c.name)
            )
        }
        Change::RuleCreate(c) => format!(
            "Makes the rule {} {}; nothing of it deletes, moves, changes or sends mail.",
            quoted(&c.name),
            told.level(c.level)
        ),
        Change::RuleChange(c) => format!(
            "Changes the rule {}; it does nothing that it did not do before.",
            quoted(&c.name)
        ),
        Change::RuleRemove(c) => format!(
            "Forgets the rule {} {}. What it did stays on record.",
            told.rule(c.id)?,
            told.level(before.rule(c.id)?.level)
        ),
        Change::RulePause(c) => format!("Pauses the rule {}: it does nothing.", told.rule(c.id)?),
        Change::RuleResume(c) => format!("Lets the rule {} work again.", told.rule(c.id)?),
        Change::RuleExpire(c) => {
            format!("Pauses the rule {}, whose time is over.", told.rule(c.id)?)
        }
        Change::RuleMove(c) => match c.before {
            Some(next) => format!(
                "Puts the rule {} before the rule {}.",
                told.rule(c.id)?,
                told.rule(next)?
            ),
            None => format!("Puts the rule {} last.", told.rule(c.id)?),
        },
        Change::ExitRevoke(c) => {
            let exit = before.exit(c.id)?;
            format!(
                "Lets rules {} no longer send mail to {}.",
                told.level(exit.scope),
                shown::address(&exit.target)
            )
        }
        Change::SendersChange(c) => {
            let names: Vec<_> = c.remove.iter().map(ToString::to_string).collect();
            let more = names.len().saturating_sub(MEMBERS_SHOWN_MAX);
            let shown = &names[..names.len() - more];
            format!(
                "Takes {} from the {} senders {}.",
                list(shown, u64::try_from(more).unwrap_or(u64::MAX)),
                c.list.as_str(),
                told.level(c.id.into())
            )
        }
        Change::AccessSet(c) => format!("Changes the lists of {}; nobody is met by it.", c.id),
        _ => return None,
    })
}

/// A name that somebody gave, in quotes that it cannot end.
fn quoted(name: &str) -> String {
    format!("\"{}\"", shown::visible(&name.replace('"', "\\\"")))
}

fn quota(octets: Option<u64>) -> String {
    match octets {
        None => "no limit of its mail".to_owned(),
        Some(octets) => format!("room for {} of mail", shown::octets(octets)),
    }
}

fn room(octets: Option<u64>) -> String {
    match octets {
        None => "any amount of mail".to_owned(),
        Some(octets) => format!("{} of mail", shown::octets(octets)),
    }
}

struct Told<'a> {
    before: &'a Config,
    after: &'a Config,
}

impl<'a> Told<'a> {
    fn words(&self, config: &'a Config) -> Words<'a> {
        Words {
            config,
            viewer: Viewer::Server,
        }
    }

    /// The address of an account that is, was or will be.
    fn account(&self, id: AccountId) -> String {
        let config = match self.after.account(id) {
            Some(_) => self.after,
            None => self.before,
        };
        self.words(config).account(id)
    }

    /// The name of a rule that is or was.
    fn rule(&self, id: RuleId) -> Option<String> {
        let rule = self.before.rule(id).or_else(|| self.after.rule(id))?;
        Some(quoted(&rule.name))
    }

    /// `of example.org`
    fn level(&self, level: RuleLevel) -> String {
        match level {
            RuleLevel::Server => "of the server".to_owned(),
            RuleLevel::Account(id) => format!("of {}", self.account(id)),
            RuleLevel::Domain(id) => {
                let domain = self.before.domain_by_id(id);
                let name = domain.map(|domain| shown::domain(&domain.name));
                format!("of {}", name.unwrap_or_else(|| id.to_string()))
            }
        }
    }

    fn credential_goes(&self, id: CredentialId) -> String {
        let Some(credential) = self.before.credential(id) else {
            return format!("Forgets {id}.");
        };
        let who = self.account(credential.account);
        match credential.kind {
            CredentialKind::Token { .. } => format!("Lets token {id} act for {who} no longer."),
            _ => format!(
                "Lets {id} open nothing of {who} any more; what is signed in with it is ended."
            ),
        }
    }

    fn delivers(&self, id: AliasId) -> Option<String> {
        let alias = self.after.alias(id)?;
        Some(format!(
            "Delivers mail for {} to {}.",
            shown::address(&alias.address),
            self.members(&alias.members)
        ))
    }

    fn members<'m>(&self, members: impl IntoIterator<Item = &'m Member>) -> String {
        let words = self.words(self.after);
        let name = |member: &Member| match member {
            Member::Account(id) => words.account(*id),
            Member::Alias(id) => words.owned(Owned::Alias(*id)),
            Member::Outside(address) => shown::address(address),
        };
        let names: Vec<_> = members.into_iter().map(name).collect();
        let more = names.len().saturating_sub(MEMBERS_SHOWN_MAX);
        let shown = &names[..names.len() - more];
        list(shown, u64::try_from(more).unwrap_or(u64::MAX))
    }

    fn listener(&self, set: &ListenerSet) -> Option<String> {
        let ListenerSet {
            service, address, ..
        } = set;
        let is_off = !self.after.service_is_on(*service);
        is_off.then(|| {
            format!(
                "{service} is off, so nobody listens at {address} until `sealpost service on \
                 {service}`."
            )
        })
    }

    fn setting(&self, setting: &Setting) -> Option<String> {
        let value = |config: &Config| {
            let rows = config.settings().rows().into_iter();
            let mut same = rows.filter(|row| row.key == setting.key());
            same.next().map(|row| row.current)
        };
        let (was, is) = (value(self.before)?, value(self.after)?);
        Some(format!("Sets {} to {is}, before: {was}.", setting.key()))
    }
}

#[cfg(test)]
mod tests {
    use types::DomainId;

    use super::*;
    use crate::change::{AccountQuotaSet, AccountRoleSet, CatchAllClear, Service, ServiceSwitch};
    use crate::role::Role;
    use crate::sample::Sample;

    #[test]
    fn what_has_no_effect_that_warns_is_told_in_words() {
        let mut sample = Sample::new();
        let ann = sample.account("ann@example.org", Role::Auditor);
        sample.catch_all(DomainId(1), &["a_1"]);
        let quota = |quota_octets| {
            Change::AccountQuotaSet(AccountQuotaSet {
                id: ann,
                quota_octets,
            })
        };
        let role = AccountRoleSet {
            id: ann,
            role: Role::MailboxOwner,
        };
        let on = ServiceSwitch { id: Service::Imap };
        let off = ListenerSet {
            id: sample.config.next_listener_id(),
            service: Service::Pop3,
            address: "192.0.2.1:110".parse().unwrap(),
        };
        for (change, words) in [
            (
                quota(Some(10 << 30)),
                "Lets ann@example.org keep 10 GiB of mail, before: any amount of mail.",
            ),
            (
                quota(Some(10 << 20)),
                "Lets ann@example.org keep 10 MiB of mail, before: 10 GiB of mail.",
            ),
            (
                Change::AliasCreate(sample.new_alias("info@example.org", &["a_2"])),
                "Delivers mail for info@example.org to ann@example.org.",
            ),
            (
                Change::CatchAllClear(CatchAllClear { id: DomainId(1) }),
                "Refuses mail for addresses of example.org that nobody has.",
            ),
            (
                Change::ServiceOn(on),
                "Switches imap on. Nobody reaches it yet, since it has no address to listen on: \
                 `sealpost service listen add imap 0.0.0.0` gives it one.",
            ),
            (
                Change::ListenerCreate(off),
                "pop3 is off, so nobody listens at 192.0.2.1:110 until `sealpost service on pop3`.",
            ),
            (
                Change::SettingSet(Setting::RecipientsMax(500)),
                "Sets recipients_max to 500, before: 1000.",
            ),
            (
                Change::AccountRoleSet(role),
                "Gives ann@example.org the role mailbox owner in the place of auditor.",
            ),
        ] {
            let before = sample.config.clone();
            sample.make(change.clone());
            assert_eq!(plain(&change, &before, &sample.config).unwrap(), words);
        }
    }
}
