//! Rules and exits, as lists and single things.

use ledger::ActorKind;
use policy::change::SendersOf;
use policy::{
    Authorship, Config, Expansion, Owned, Right, Rule, RuleContent, RuleLevel, SenderList,
};
use serde::{Deserialize, Serialize};
use types::{AccountId, DomainId, RuleId, Timestamp};

use super::words;
use crate::Service;
use crate::actor::{Actor, Who};
use crate::command::RuleAt;
use crate::error::{ServiceError, ServiceResult};

const DAY_S: i64 = 86_400;

/// A rule.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RuleView {
    /// Its id.
    pub id: RuleId,
    /// Whose mail it is about: `server`, a domain, or an address.
    pub about: String,
    /// Its place in the list of that level, from 1; none for a rule that is gone.
    pub place: Option<usize>,
    /// What people call it.
    pub name: String,
    /// `on`, `paused` or `removed`.
    pub state: String,
    /// `rule`, `forward`, `vacation` or `script`.
    pub purpose: String,
    /// `in` or `out`.
    pub direction: String,
    /// What it does, in words.
    pub does: String,
    /// Why it is there.
    pub comment: String,
    /// When it ends, RFC 3339.
    pub expires: Option<String>,
    /// Who made it: an address, with a word if its account is gone; `console (u_…)` with the user of
    /// the host; or `the server`.
    pub made_by: String,
    /// When, RFC 3339.
    pub made: String,
    /// The entry that tells it.
    pub made_entry: u64,
    /// Who changed it last.
    pub changed_by: String,
    /// When, RFC 3339.
    pub changed: String,
    /// The entry that tells it.
    pub changed_entry: u64,
    /// Messages that it acted on in the last 7 days.
    pub matches_7_days: u64,
    /// In the last 30 days.
    pub matches_30_days: u64,
    /// In the last 365 days.
    pub matches_365_days: u64,
    /// When it acted last, RFC 3339.
    pub last_match: Option<String>,
    /// The script as it was written, or the one that its form is; for single rules only.
    pub sieve: Option<String>,
}

/// A sender whom an account or a domain trusts or wants nothing from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SenderView {
    /// Whose list: an address or a domain.
    pub whose: String,
    /// `trusted` or `blocked`.
    pub list: String,
    /// An address, or a domain for all addresses of it.
    pub sender: String,
}

/// How often a rule acted.
#[derive(Clone, Copy, Default)]
struct Acted {
    days_7: u64,
    days_30: u64,
    days_365: u64,
    last: Option<Timestamp>,
}

impl Service {
    /// The rules of a level in their order, or all of them, level by level; of an account every rule
    /// that touches its mail, whoever made it and whatever its level. Those that are gone too, if
    /// they are wanted.
    pub async fn rule_list(
        &self,
        actor: &Actor,
        at: Option<&RuleAt>,
        with_removed: bool,
    ) -> ServiceResult<Vec<RuleView>> {
        let config = self.config();
        let level = at.map(|at| at.level(&config)).transpose();
        let level = level.map_err(ServiceError::NotFound)?;
        let read = read_right(&config, level.unwrap_or(RuleLevel::Server));
        self.may_on_server(actor, &read)?;
        let fits = |of: RuleLevel| level.is_none_or(|level| touches(&config, of, level));
        let mut rules: Vec<_> = config.rules().filter(|rule| fits(rule.level)).collect();
        rules.sort_by_key(|rule| (rule.level, place(&config, rule)));
        let mut views = Vec::with_capacity(rules.len());
        for rule in rules {
            let acted = self.acted(rule.id).await?;
            views.push(view(&config, rule, acted));
        }
        let former = config.former_rules().filter(|former| fits(former.level));
        for former in former.filter(|_| with_removed) {
            let acted = self.acted(former.id).await?;
            views.push(former_view(&config, former, acted));
        }
        Ok(views)
    }

    /// The lists of senders of an account or a domain, or all.
    pub fn senders_list(
        &self,
        actor: &Actor,
        of: Option<&RuleAt>,
    ) -> ServiceResult<Vec<SenderView>> {
        let config = self.config();
        let level = of.map(|of| of.level(&config)).transpose();
        let level = level.map_err(ServiceError::NotFound)?;
        let right = level.unwrap_or(RuleLevel::Server).right(&config);
        self.may_on_server(actor, &right)?;
        let domains = config.domains().map(|domain| SendersOf::Domain(domain.id));
        let accounts = config
            .accounts()
            .map(|account| SendersOf::Account(account.id));
        let wanted = |of: &SendersOf| level.is_none_or(|level| RuleLevel::from(*of) == level);
        let mut views = Vec::new();
        for of in domains.chain(accounts).filter(wanted) {
            let whose = about(&config, of.into());
            for which in [SenderList::Blocked, SenderList::Trusted] {
                let lists = config.senders(of).map(|lists| lists.list(which));
                views.extend(lists.into_iter().flatten().map(|sender| SenderView {
                    whose: whose.clone(),
                    list: which.as_str().to_owned(),
                    sender: sender.to_string(),
                }));
            }
        }
        Ok(views)
    }

    /// One rule with its script, also one that is gone.
    pub async fn rule_show(&self, actor: &Actor, id: RuleId) -> ServiceResult<RuleView> {
        let config = self.config();
        let acted = self.acted(id).await?;
        if let Some(rule) = config.rule(id) {
            self.may_see(actor, rule.level)?;
            let mut view = view(&config, rule, acted);
            view.sieve = match &rule.content {
                RuleContent::Script(text) => Some(text.clone()),
                RuleContent::Form(form) => Some(sieve::print(&form.to_script())),
            };
            return Ok(view);
        }
        let former = config
            .former_rule(id)
            .ok_or(ServiceError::NotFound("rule"))?;
        self.may_see(actor, former.level)?;
        Ok(former_view(&config, former, acted))
    }

    /// Refuses who may not read a level and whose mail its rules do not touch.
    fn may_see(&self, actor: &Actor, level: RuleLevel) -> ServiceResult<()> {
        let config = self.config();
        let own = match &actor.who {
            Who::Account(principal) => {
                touches(&config, level, RuleLevel::Account(principal.account))
            }
            Who::UnixUser(_) | Who::System => false,
        };
        match own && actor.authority(&config).is_some() {
            true => Ok(()),
            false => self.may_on_server(actor, &read_right(&config, level)),
        }
    }

    async fn acted(&self, id: RuleId) -> ServiceResult<Acted> {
        let now = self.clock().now();
        let read = self.inner.store.read(move |tx| {
            let id = id.to_string();
            let since = |days: i64| store::rule::matches(tx, &id, now.plus_s(-days * DAY_S));
            Ok(Acted {
                days_7: since(7)?.count,
                days_30: since(30)?.count,
                days_365: since(365)?.count,
                last: since(365)?.last,
            })
        });
        Ok(read.await?)
    }
}

/// The right to read the rules of a level.
fn read_right(config: &Config, level: RuleLevel) -> Right {
    let account = |id| config.account(id).map(policy::Account::subject);
    match level {
        RuleLevel::Server => Right::ReadServer,
        RuleLevel::Domain(id) => Right::ReadDomain(id),
        RuleLevel::Account(id) => account(id).map_or(Right::ReadServer, Right::ReadAccount),
    }
}

/// Whether rules of a level belong to a list of the other level: to its own, and to that of an
/// account if mail for the account comes by them.
fn touches(config: &Config, of: RuleLevel, list: RuleLevel) -> bool {
    let RuleLevel::Account(id) = list else {
        return of == list;
    };
    match of {
        RuleLevel::Server => true,
        RuleLevel::Account(_) => of == list,
        RuleLevel::Domain(domain) => {
            config.levels_of(id).contains(&of) || leads_to(config, domain, id)
        }
    }
}

/// Whether mail for an alias or the catch-all of a domain reaches an account.
fn leads_to(config: &Config, domain: DomainId, id: AccountId) -> bool {
    let Some(domain) = config.domain_by_id(domain) else {
        return false;
    };
    let has = |reached: &Expansion| reached.accounts.contains(&id);
    let by_alias = domain.owned().any(|owned| match owned {
        Owned::Alias(alias) => config.alias(alias).is_some_and(|alias| {
            let reached = config.expand(&alias.address);
            reached.as_ref().is_ok_and(has)
        }),
        Owned::Account(_) => false,
    });
    by_alias
        || config
            .expand_members(&domain.catch_all)
            .as_ref()
            .is_ok_and(has)
}

fn place(config: &Config, rule: &Rule) -> Option<usize> {
    let mut list = config.rules_of(rule.level);
    list.position(|other| other.id == rule.id).map(|at| at + 1)
}

fn view(config: &Config, rule: &Rule, acted: Acted) -> RuleView {
    RuleView {
        id: rule.id,
        about: about(config, rule.level),
        place: place(config, rule),
        name: policy::shown::visible(&rule.name),
        state: if rule.enabled { "on" } else { "paused" }.to_owned(),
        purpose: word(&rule.purpose),
        direction: word(&rule.direction),
        does: match &rule.content {
            RuleContent::Form(form) => policy::shown::visible(&form.words()),
            RuleContent::Script(text) => {
                format!("Runs a script of {} lines.", text.lines().count())
            }
        },
        comment: policy::shown::visible(&rule.comment),
        expires: rule.expires.map(Timestamp::to_rfc3339),
        made_by: author(config, &rule.made),
        made: rule.made.at.to_rfc3339(),
        made_entry: rule.made_seq,
        changed_by: author(config, &rule.changed),
        changed: rule.changed.at.to_rfc3339(),
        changed_entry: rule.revision,
        matches_7_days: acted.days_7,
        matches_30_days: acted.days_30,
        matches_365_days: acted.days_365,
        last_match: acted.last.map(Timestamp::to_rfc3339),
        sieve: None,
    }
}

fn former_view(config: &Config, former: &policy::FormerRule, acted: Acted) -> RuleView {
    RuleView {
        id: former.id,
        about: about(config, former.level),
        place: None,
        name: policy::shown::visible(&former.name),
        state: "removed".to_owned(),
        purpose: String::new(),
        direction: String::new(),
        does: format!("Is gone; entry {} holds its last text.", former.content_seq),
        comment: String::new(),
        expires: None,
        made_by: author(config, &former.made),
        made: former.made.at.to_rfc3339(),
        made_entry: former.made_seq,
        changed_by: author(config, &former.removed),
        changed: former.removed.at.to_rfc3339(),
        changed_entry: former.removed_seq,
        matches_7_days: acted.days_7,
        matches_30_days: acted.days_30,
        matches_365_days: acted.days_365,
        last_match: acted.last.map(Timestamp::to_rfc3339),
        sieve: None,
    }
}

pub(super) fn about(config: &Config, level: RuleLevel) -> String {
    let name = match level {
        RuleLevel::Server => None,
        RuleLevel::Domain(id) => config
            .domain_by_id(id)
            .map(|domain| domain.name.to_string()),
        RuleLevel::Account(id) => config
            .account(id)
            .map(|account| account.address.to_string()),
    };
    name.unwrap_or_else(|| level.to_string())
}

/// Who made a change, by the name that people know.
pub(super) fn author(config: &Config, made: &Authorship) -> String {
    let id = made.by.id.as_deref().unwrap_or_default();
    match (made.by.kind, made.by.account()) {
        (ActorKind::Account, Some(account)) => words::account_name(config, account),
        (ActorKind::UnixUser, _) => format!("console ({id})"),
        (ActorKind::System, _) => "the server".to_owned(),
        (kind, _) => format!("{} {id}", word(&kind)),
    }
}

/// The word by which a value stands in JSON.
fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}
