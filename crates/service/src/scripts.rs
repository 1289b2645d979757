//! The scripts that mail programs keep in an account (RFC 5804): rules of their own purpose at the
//! level of the account, by their names. At most one is active; it stands behind all other rules.
//!
//! Each change of them is one append through the gate, with the account as the actor. What would
//! change nothing is a success and leaves no entry.

use std::sync::Arc;

use ledger::Door;
use policy::{
    CONTENT_MAX_OCTETS, RULES_PER_LEVEL_MAX, Rule, RuleContent, RuleDirection, RuleLevel,
    RulePurpose,
};
use sieve::limits::SCRIPT_MAX_OCTETS;
use types::RuleId;

use crate::Service;
use crate::actor::{Actor, Principal};
use crate::admit::{AdmitError, AdmitOptions, Admitted};
use crate::command::{Command, Expiry, NewRule, RuleAt};

/// A script as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptRow {
    /// Its name.
    pub name: String,
    /// Whether it looks at mail.
    pub active: bool,
}

/// Why nothing was done with a script; the text is for the person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// There is none of this name.
    #[error("there is no script of this name")]
    Missing,
    /// There is one of this name.
    #[error("there is a script of this name already")]
    Exists,
    /// The script is active.
    #[error("this script is active; activate another one or none, then delete it")]
    Active,
    /// The text is too long, as it is or as its entry writes it.
    #[error(
        "a script has at most {SCRIPT_MAX_OCTETS} octets, and {CONTENT_MAX_OCTETS} as the record writes it, where line ends, quotation marks and backslashes take two octets each character"
    )]
    TooLarge,
    /// The account has as many rules as it may have.
    #[error("there are {RULES_PER_LEVEL_MAX} rules and scripts already; remove some first")]
    TooMany,
    /// The text is no script; each line says where and what.
    #[error("the script has a mistake:\n{0}")]
    Mistakes(String),
    /// The gate refused it.
    #[error(transparent)]
    Refused(#[from] AdmitError),
}

impl Service {
    /// The scripts of an account in the order of its list.
    pub fn script_list(&self, principal: &Principal) -> Vec<ScriptRow> {
        let row = |rule: &Arc<Rule>| ScriptRow {
            name: rule.name.clone(),
            active: rule.enabled,
        };
        self.scripts(principal).iter().map(row).collect()
    }

    /// The text of a script as it was written.
    pub fn script_text(&self, principal: &Principal, name: &str) -> Result<String, ScriptError> {
        let rule = self.script(principal, name)?;
        Ok(match &rule.content {
            RuleContent::Script(text) => text.clone(),
            RuleContent::Form(form) => sieve::print(&form.to_script()),
        })
    }

    /// Whether a text is a script that could be kept.
    pub fn script_check(&self, text: &str) -> Result<(), ScriptError> {
        let written = RuleContent::Script(text.to_owned()).octets();
        if text.len() > SCRIPT_MAX_OCTETS || written > CONTENT_MAX_OCTETS {
            return Err(ScriptError::TooLarge);
        }
        let parsed = sieve::parse(text).map(drop);
        parsed.map_err(|problems| ScriptError::Mistakes(problems.to_string()))
    }

    /// Whether there is room for a script of this name with so many octets.
    pub fn script_has_room(
        &self,
        principal: &Principal,
        name: &str,
        octets: usize,
    ) -> Result<(), ScriptError> {
        if octets > SCRIPT_MAX_OCTETS {
            return Err(ScriptError::TooLarge);
        }
        let level = RuleLevel::Account(principal.account);
        let is_full = self.config().rules_of(level).count() >= RULES_PER_LEVEL_MAX;
        match self.script(principal, name) {
            Err(ScriptError::Missing) if is_full => Err(ScriptError::TooMany),
            _ => Ok(()),
        }
    }

    /// Keeps a script, in the place of one of the same name; a new one is not active. Tells what
    /// the person should know about it.
    pub async fn script_put(
        &self,
        principal: &Principal,
        name: &str,
        text: &str,
    ) -> Result<Vec<String>, ScriptError> {
        self.script_has_room(principal, name, text.len())?;
        self.script_check(text)?;
        let content = RuleContent::Script(text.to_owned());
        let command = match self.script(principal, name) {
            Ok(rule) if rule.content == content => return Ok(Vec::new()),
            Ok(rule) => Command::RuleEdit {
                id: rule.id,
                name: None,
                comment: None,
                stop: None,
                expires: None,
                content: Some(content),
            },
            Err(_) => Command::RuleAdd {
                at: RuleAt::Account(principal.address.clone()),
                rule: NewRule {
                    name: name.to_owned(),
                    comment: String::new(),
                    enabled: false,
                    direction: RuleDirection::In,
                    stop: false,
                    expires: Expiry::Never,
                    is_program_script: true,
                    content,
                },
                before: None,
            },
        };
        let admitted = self.admit_script(principal, vec![command]).await?;
        Ok(warnings(admitted))
    }

    /// Makes a script the active one, or none. Tells what the person should know about it.
    pub async fn script_activate(
        &self,
        principal: &Principal,
        name: Option<&str>,
    ) -> Result<Vec<String>, ScriptError> {
        let wanted = name.map(|name| self.script(principal, name)).transpose()?;
        let wanted = wanted.map(|rule| rule.id);
        let switch = |id: RuleId, enabled| Command::RuleEnable { id, enabled };
        let scripts = self.scripts(principal);
        let active = scripts.iter().find(|rule| rule.enabled).map(|rule| rule.id);
        if active == wanted {
            return Ok(Vec::new());
        }
        let off = active.map(|id| switch(id, false));
        let on = wanted.map(|id| switch(id, true));
        let commands = off.into_iter().chain(on).collect();
        let admitted = self.admit_script(principal, commands).await?;
        Ok(warnings(admitted))
    }

    /// Gives a script another name.
    pub async fn script_rename(
        &self,
        principal: &Principal,
        old: &str,
        new: &str,
    ) -> Result<(), ScriptError> {
        let rule = self.script(principal, old)?;
        if self.script(principal, new).is_ok() {
            return Err(ScriptError::Exists);
        }
        let command = Command::RuleEdit {
            id: rule.id,
            name: Some(new.to_owned()),
            comment: None,
            stop: None,
            expires: None,
            content: None,
        };
        self.admit_script(principal, vec![command]).await.map(drop)
    }

    /// Removes a script that is not active.
    pub async fn script_remove(
        &self,
        principal: &Principal,
        name: &str,
    ) -> Result<(), ScriptError> {
        let rule = self.script(principal, name)?;
        if rule.enabled {
            return Err(ScriptError::Active);
        }
        let command = Command::RuleRemove { id: rule.id };
        self.admit_script(principal, vec![command]).await.map(drop)
    }

    async fn admit_script(
        &self,
        principal: &Principal,
        commands: Vec<Command>,
    ) -> Result<Admitted, ScriptError> {
        let actor = Actor::account(principal, Door::Managesieve);
        let options = AdmitOptions::default();
        Ok(self.admit(&actor, commands, options).await?)
    }

    fn scripts(&self, principal: &Principal) -> Vec<Arc<Rule>> {
        let config = self.config();
        let rules = config.rules_of(RuleLevel::Account(principal.account));
        let scripts = rules.filter(|rule| rule.purpose == RulePurpose::Script);
        scripts.cloned().collect()
    }

    fn script(&self, principal: &Principal, name: &str) -> Result<Arc<Rule>, ScriptError> {
        let mut scripts = self.scripts(principal).into_iter();
        let found = scripts.find(|rule| rule.name == name);
        found.ok_or(ScriptError::Missing)
    }
}

/// What somebody should know about a change that is more than ordinary work.
fn warnings(admitted: Admitted) -> Vec<String> {
    match admitted.class.as_str() {
        "C0" => Vec::new(),
        _ => admitted.effects,
    }
}
