//! Every way by which mail can leave a mailbox that exists by now.

use policy::{Config, CredentialKind, Member, Rule};
use serde::{Deserialize, Serialize};
use sieve::effect::EffectKind;
use types::{Address, Timestamp};

use super::rule::{about, author};
use crate::Service;
use crate::actor::Actor;
use crate::error::ServiceResult;

/// A way out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExitView {
    /// `rule`, `forward`, `alias`, `catch_all`, `app_password`, `token`, `send_as` or `allowed`.
    pub kind: String,
    /// Its id or name.
    pub id: String,
    /// Whose mail.
    pub whose: String,
    /// To where, or what it opens.
    pub to: String,
    /// `on`, `paused` or `over`.
    pub state: String,
    /// The entry that made it what it is.
    pub entry: Option<u64>,
    /// Who, where the entries say it.
    pub by: Option<String>,
    /// The command that ends it.
    pub end: String,
}

impl Service {
    /// Every way out, those of rules first.
    pub async fn exit_list(&self, actor: &Actor) -> ServiceResult<Vec<ExitView>> {
        self.may_read_server(actor)?;
        let config = self.config();
        let mut exits = Vec::new();
        for rule in config.rules() {
            exits.extend(of_rule(&config, rule));
        }
        exits.extend(of_addresses(&config));
        exits.extend(of_credentials(&config));
        exits.extend(of_grants(&config));
        exits.extend(allowed(&config, self.clock().now()));
        Ok(exits)
    }
}

/// A rule is one way out for each target outside.
fn of_rule(config: &Config, rule: &Rule) -> Vec<ExitView> {
    let Some(script) = rule.script.as_deref() else {
        return Vec::new();
    };
    let included = |name: &str| config.script_named(rule.level, name)?.script.as_deref();
    let effects = sieve::effect::effects(script, &included);
    let targets = effects.list.iter().flat_map(|effect| match &effect.kind {
        EffectKind::Redirects { address, .. } => vec![address.clone()],
        EffectKind::Notifies { method } => {
            sieve::Mailto::parse(method).map_or_else(Vec::new, |mailto| mailto.to)
        }
        _ => Vec::new(),
    });
    let outside = targets.filter(|target| {
        let address = target.parse::<Address>();
        address.is_ok_and(|address| config.domain(address.domain()).is_none())
    });
    let kind = match rule.purpose {
        policy::RulePurpose::Forward => "forward",
        _ => "rule",
    };
    outside
        .map(|target| ExitView {
            kind: kind.to_owned(),
            id: rule.id.to_string(),
            whose: about(config, rule.level),
            to: policy::shown::visible(&target),
            state: if rule.enabled { "on" } else { "paused" }.to_owned(),
            entry: Some(rule.revision),
            by: Some(author(config, &rule.changed)),
            end: format!("sealpost rules rm {}", rule.id),
        })
        .collect()
}

/// Aliases and catch-alls with targets outside.
fn of_addresses(config: &Config) -> Vec<ExitView> {
    let outside = |member: &Member| match member {
        Member::Outside(address) if config.domain(address.domain()).is_none() => {
            Some(policy::shown::address(address))
        }
        _ => None,
    };
    let way = |kind: &str, (id, whose): (String, String), to: String, end: String| ExitView {
        kind: kind.to_owned(),
        id: id.clone(),
        whose,
        to,
        state: "on".to_owned(),
        entry: config.last_entry(kind, &id).map(|(seq, _)| seq),
        by: None,
        end,
    };
    let mut exits = Vec::new();
    for alias in config.aliases() {
        for to in alias.members.iter().filter_map(outside) {
            let name = (alias.id.to_string(), alias.address.to_string());
            let end = format!("sealpost alias rm {}", alias.address);
            exits.push(way("alias", name, to, end));
        }
    }
    for domain in config.domains() {
        for to in domain.catch_all.iter().filter_map(outside) {
            let name = (domain.id.to_string(), domain.name.to_string());
            let end = format!("sealpost domain catch-all clear {}", domain.name);
            exits.push(way("catch_all", name, to, end));
        }
    }
    exits
}

/// Passwords of programs and tokens: whoever has one reads mail.
fn of_credentials(config: &Config) -> Vec<ExitView> {
    let mut exits = Vec::new();
    for credential in config.credentials() {
        let (kind, to, verb) = match &credential.kind {
            CredentialKind::AppPassword { scopes, .. } => {
                let scopes: Vec<_> = scopes.iter().map(ToString::to_string).collect();
                ("app_password", scopes.join(" "), "app-password rm")
            }
            CredentialKind::Token { scopes, .. } => {
                let scopes: Vec<_> = scopes.iter().map(ToString::to_string).collect();
                ("token", scopes.join(" "), "token rm")
            }
            CredentialKind::Totp | CredentialKind::RecoveryCodes => continue,
        };
        let account = config.account(credential.account);
        exits.push(ExitView {
            kind: kind.to_owned(),
            id: credential.id.to_string(),
            whose: account.map_or_else(String::new, |account| account.address.to_string()),
            to,
            state: "on".to_owned(),
            entry: Some(credential.made_seq),
            by: None,
            end: format!("sealpost {verb} {}", credential.id),
        });
    }
    exits
}

/// Accounts that send in the name of others, and so get their replies.
fn of_grants(config: &Config) -> Vec<ExitView> {
    let name = |id| {
        config
            .account(id)
            .map(|account| account.address.to_string())
    };
    let grants = config.grants().map(|grant| {
        let who = name(grant.account).unwrap_or_else(|| grant.account.to_string());
        let of = match grant.of {
            policy::change::Owned::Account(id) => name(id),
            policy::change::Owned::Alias(id) => {
                config.alias(id).map(|alias| alias.address.to_string())
            }
        };
        let of = of.unwrap_or_else(|| grant.of.to_string());
        ExitView {
            kind: "send_as".to_owned(),
            id: grant.id.to_string(),
            whose: of.clone(),
            to: who.clone(),
            state: "on".to_owned(),
            entry: None,
            by: None,
            end: format!("sealpost account send-as revoke {who} {of}"),
        }
    });
    grants.collect()
}

/// Targets to which rules may send.
fn allowed(config: &Config, now: Timestamp) -> Vec<ExitView> {
    let exits = config.exits().map(|exit| ExitView {
        kind: "allowed".to_owned(),
        id: exit.id.to_string(),
        whose: about(config, exit.scope),
        to: policy::shown::address(&exit.target),
        state: if now < exit.until { "on" } else { "over" }.to_owned(),
        entry: Some(exit.seq),
        by: None,
        end: format!("sealpost exits revoke {}", exit.id),
    });
    exits.collect()
}
