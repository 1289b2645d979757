//! Every way by which mail can leave a mailbox that exists by now.

use std::collections::BTreeMap;

use policy::change::Owned;
use policy::{Config, CredentialKind, Member, Rule};
use serde::{Deserialize, Serialize};
use sieve::effect::EffectKind;
use store::credential::Use;
use types::{Address, CredentialId, RuleId, Timestamp};

use super::rule::about;
use crate::Service;
use crate::actor::Actor;
use crate::error::ServiceResult;
use crate::live::SessionView;
use crate::shell::quoted;

/// Days for which it is known when a rule acted last.
const ACTED_DAYS: i64 = 365;
const DAY_S: i64 = 86_400;

/// A way out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ExitView {
    /// `rule`, `forward`, `alias`, `catch_all`, `route`, `relay`, `app_password`, `token`, `send_as`,
    /// `session` or `allowed`.
    pub kind: String,
    /// Its id or name.
    pub id: String,
    /// Whose mail.
    pub whose: String,
    /// To where, or what it opens.
    pub to: String,
    /// `OUTSIDE` or `inside`, where mail goes to an address.
    pub place: Option<String>,
    /// `on`, `paused` or `over`.
    pub state: String,
    /// Of rules: whether somebody has allowed this target outside.
    pub allowed: Option<bool>,
    /// The entry that made it what it is.
    pub entry: Option<u64>,
    /// Since when it is so, RFC 3339.
    pub since: Option<String>,
    /// Who made it so.
    pub by: Option<String>,
    /// When it was last used, RFC 3339; none if never, or if that is not known.
    pub last_used: Option<String>,
    /// The command that ends it.
    pub end: String,
}

impl Service {
    /// Every way out, those of rules first. What is not recorded of one is left out.
    pub async fn exit_list(&self, actor: &Actor) -> ServiceResult<Vec<ExitView>> {
        self.may_read_server(actor)?;
        let config = self.config();
        let now = self.clock().now();
        let mut exits = Vec::new();
        let acted = self
            .last_acts(config.rules().map(|rule| rule.id).collect())
            .await?;
        for rule in config.rules() {
            let last = acted.get(&rule.id).copied();
            exits.extend(of_rule(&config, rule, now, last));
        }
        exits.extend(of_addresses(&config));
        exits.extend(of_routes(&config));
        exits.extend(of_credentials(&config, &self.last_uses().await?));
        exits.extend(of_grants(&config));
        exits.extend(allowed(&config, now));
        for exit in &mut exits {
            if let Some(seq) = exit.entry {
                let (since, by) = self.entry_time_and_actor(seq).await?;
                (exit.since, exit.by) = (Some(since), Some(by));
            }
        }
        let sessions = self.session_list(actor, None)?;
        exits.extend(sessions.into_iter().map(of_session));
        Ok(exits)
    }

    /// When rules acted last.
    async fn last_acts(&self, rules: Vec<RuleId>) -> ServiceResult<BTreeMap<RuleId, Timestamp>> {
        let since = self.clock().now().plus_s(-ACTED_DAYS * DAY_S);
        let read = self.inner.store.read(move |tx| {
            let mut acts = BTreeMap::new();
            for rule in rules {
                let matches = store::rule::matches(tx, &rule.to_string(), since)?;
                acts.extend(matches.last.map(|last| (rule, last)));
            }
            Ok(acts)
        });
        Ok(read.await?)
    }
}

/// A rule is one way out for each address to which it sends.
fn of_rule(config: &Config, rule: &Rule, now: Timestamp, last: Option<Timestamp>) -> Vec<ExitView> {
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
    let kind = match rule.purpose {
        policy::RulePurpose::Forward => "forward",
        _ => "rule",
    };
    let whose = about(config, rule.level);
    let end = match rule.purpose {
        policy::RulePurpose::Forward => format!("sealpost forward off {}", quoted(&whose)),
        _ => format!("sealpost rules rm {}", rule.id),
    };
    let view = |target: String| {
        let address = target.parse::<Address>().ok();
        let inside = address
            .as_ref()
            .is_some_and(|address| config.domain(address.domain()).is_some());
        let allowed = address.filter(|_| !inside);
        ExitView {
            kind: kind.to_owned(),
            id: rule.id.to_string(),
            whose: whose.clone(),
            to: policy::shown::visible(&target),
            place: Some(if inside { "inside" } else { "OUTSIDE" }.to_owned()),
            state: if rule.enabled { "on" } else { "paused" }.to_owned(),
            allowed: allowed.map(|to| config.exit_for(rule.level, &to, now).is_some()),
            entry: Some(rule.revision),
            last_used: last.map(Timestamp::to_rfc3339),
            end: end.clone(),
            ..ExitView::default()
        }
    };
    targets.map(view).collect()
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
        entry: config.last_entry(kind, &id).map(|(seq, _)| seq),
        id,
        whose,
        to,
        place: Some("OUTSIDE".to_owned()),
        state: "on".to_owned(),
        end,
        ..ExitView::default()
    };
    let mut exits = Vec::new();
    for alias in config.aliases() {
        for to in alias.members.iter().filter_map(outside) {
            let name = (alias.id.to_string(), alias.address.to_string());
            let end = format!("sealpost alias rm {}", quoted(&alias.address.to_string()));
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

/// Hosts that are handed all mail for a domain, or for everyone.
fn of_routes(config: &Config) -> Vec<ExitView> {
    let of = |route| {
        let route = crate::outbound::route_view(config, route);
        let is_relay = route.mail == "*";
        ExitView {
            kind: if is_relay { "relay" } else { "route" }.to_owned(),
            end: match is_relay {
                true => "sealpost relay off".to_owned(),
                false => format!("sealpost route rm {}", quoted(&route.mail)),
            },
            whose: match is_relay {
                true => "all mail for other servers".to_owned(),
                false => format!("all mail for {}", route.mail),
            },
            id: route.mail,
            to: route.to,
            place: Some("OUTSIDE".to_owned()),
            state: "on".to_owned(),
            entry: route.entry,
            ..ExitView::default()
        }
    };
    config.routes().map(of).collect()
}

/// Passwords of programs and tokens: whoever has one reads mail.
fn of_credentials(config: &Config, uses: &BTreeMap<CredentialId, Use>) -> Vec<ExitView> {
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
        let last = uses.get(&credential.id);
        exits.push(ExitView {
            kind: kind.to_owned(),
            id: credential.id.to_string(),
            whose: account.map_or_else(String::new, |account| account.address.to_string()),
            to,
            state: "on".to_owned(),
            entry: Some(credential.made_seq),
            last_used: last.map(|last| last.at.to_rfc3339()),
            end: format!("sealpost {verb} {}", credential.id),
            ..ExitView::default()
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
            Owned::Account(id) => name(id),
            Owned::Alias(id) => config.alias(id).map(|alias| alias.address.to_string()),
        };
        let of = of.unwrap_or_else(|| grant.of.to_string());
        let id = grant.id.to_string();
        ExitView {
            kind: "send_as".to_owned(),
            entry: config.last_entry("send_as", &id).map(|(seq, _)| seq),
            id,
            end: format!(
                "sealpost account send-as revoke {} {}",
                quoted(&who),
                quoted(&of)
            ),
            whose: of,
            to: who,
            state: "on".to_owned(),
            ..ExitView::default()
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
        place: Some("OUTSIDE".to_owned()),
        state: if now < exit.until { "on" } else { "over" }.to_owned(),
        entry: Some(exit.seq),
        end: format!("sealpost exits revoke {}", exit.id),
        ..ExitView::default()
    });
    exits.collect()
}

/// A client that is signed in reads the mail of its account.
fn of_session(session: SessionView) -> ExitView {
    ExitView {
        kind: "session".to_owned(),
        end: format!("sealpost session end {}", session.id),
        id: session.id,
        whose: session.account.to_string(),
        to: format!("{} at {}", session.protocol, session.source),
        state: "on".to_owned(),
        since: Some(session.since),
        by: Some(session.kind.to_owned()),
        ..ExitView::default()
    }
}
