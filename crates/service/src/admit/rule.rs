//! Commands about rules, forwards, vacations, lists of senders and exits.

use policy::change::{
    ExitAllow, ExitRevoke, RuleMove, RuleRef, SENDERS_PER_CHANGE_MAX, SendersChange,
};
use policy::{
    Change, Config, Judgement, Resolution, Rule, RuleContent, RuleDirection, RuleLevel,
    RulePurpose, RuleSet, Sender, SenderList, SendersOf,
};
use sieve::Day;
use sieve::effect::EffectKind;
use sieve::form::{Condition, FormAction, FormRule};
use types::{Address, RuleId, Timestamp};

use super::AdmitError;
use super::draft::{Draft, misplaced, not_found};
use crate::command::{Command, Expiry, Forward, NewRule, RuleAt, Vacation};

/// For how long an exit is allowed where nobody says less.
const EXIT_DAYS: u32 = 365;
const DAY_S: i64 = 86_400;

impl Draft<'_> {
    pub(super) fn add_rule_command(&mut self, command: &Command) -> Result<(), AdmitError> {
        match command {
            Command::RuleAdd { at, rule, before } => self.add_rule(at, rule, *before),
            Command::RuleEdit { .. } => self.edit_rule(command),
            Command::RuleRemove { id } => self.push(Change::RuleRemove(RuleRef { id: *id })),
            Command::RuleEnable { id, enabled } => {
                let one = RuleRef { id: *id };
                if *enabled {
                    self.expect_time_left(*id)?;
                    self.push(Change::RuleResume(one))
                } else {
                    self.push(Change::RulePause(one))
                }
            }
            Command::RuleMove { id, before } => {
                let (id, before) = (*id, *before);
                self.push(Change::RuleMove(RuleMove { id, before }))
            }
            Command::ForwardSet { account, forward } => self.set_forward(account, forward.as_ref()),
            Command::VacationSet { account, vacation } => {
                self.set_vacation(account, vacation.as_ref())
            }
            Command::SendersChange {
                of,
                list,
                senders,
                present,
            } => self.change_senders(of, *list, senders, *present),
            Command::ExitAllow { target, at, days } => {
                let days = days.unwrap_or(EXIT_DAYS);
                let allow = ExitAllow {
                    id: self.config.next_exit_id(),
                    target: target.clone(),
                    scope: self.level(at)?,
                    from: self.now,
                    until: self.now.plus_s(i64::from(days) * DAY_S),
                };
                self.push(Change::ExitAllow(allow))
            }
            Command::ExitRevoke { id } => self.push(Change::ExitRevoke(ExitRevoke { id: *id })),
            _ => Err(misplaced()),
        }
    }

    fn add_rule(
        &mut self,
        at: &RuleAt,
        new: &NewRule,
        before: Option<RuleId>,
    ) -> Result<(), AdmitError> {
        let id = self.config.next_rule_id();
        let purpose = if new.is_program_script {
            RulePurpose::Script
        } else {
            RulePurpose::Rule
        };
        let set = RuleSet {
            id,
            level: self.level(at)?,
            name: new.name.clone(),
            comment: new.comment.clone(),
            enabled: new.enabled,
            direction: new.direction,
            stop: new.stop,
            expires: self.expiry(new.expires)?,
            purpose,
            content: new.content.clone(),
            before,
        };
        self.expect_targets(&set)?;
        self.push(Change::RuleCreate(set))
    }

    fn edit_rule(&mut self, command: &Command) -> Result<(), AdmitError> {
        let Command::RuleEdit {
            id,
            name,
            comment,
            stop,
            expires,
            content,
        } = command
        else {
            return Err(misplaced());
        };
        let rule = self.config.rule(*id);
        let mut set = rule.ok_or_else(|| not_found("rule", id))?.as_set();
        set.name = name.clone().unwrap_or(set.name);
        set.comment = comment.clone().unwrap_or(set.comment);
        set.stop = stop.unwrap_or(set.stop);
        if let (Some(stop), RuleContent::Form(form)) = (stop, &mut set.content) {
            form.stop = *stop;
        }
        set.content = content.clone().unwrap_or(set.content);
        if let Some(expires) = expires {
            set.expires = self.expiry(*expires)?;
        }
        self.expect_targets(&set)?;
        self.push(Change::RuleChange(set))
    }

    fn set_forward(
        &mut self,
        account: &Address,
        forward: Option<&Forward>,
    ) -> Result<(), AdmitError> {
        let form = forward.map(|forward| {
            let action = |to: &Address| {
                let to = to.clone();
                if forward.keep_copy {
                    FormAction::CopyTo { to }
                } else {
                    FormAction::Redirect { to }
                }
            };
            FormRule {
                conditions: Vec::new(),
                all: true,
                actions: forward.to.iter().map(action).collect(),
                stop: false,
            }
        });
        self.set_single(account, RulePurpose::Forward, "Forward", form)
    }

    fn set_vacation(
        &mut self,
        account: &Address,
        vacation: Option<&Vacation>,
    ) -> Result<(), AdmitError> {
        let today: Option<Day> = self
            .now
            .to_rfc3339()
            .get(..10)
            .and_then(|day| day.parse().ok());
        let end = vacation.and_then(|vacation| vacation.until);
        if let Some(end) = end.filter(|end| today.is_some_and(|today| *end < today)) {
            let why = format!("{} is over; nobody would get an answer", end.words());
            return Err(AdmitError::Invalid(why));
        }
        let form = vacation.map(|vacation| {
            let (from, until) = (vacation.from, vacation.until);
            let range = Condition::Received { from, until };
            let limited = from.is_some() || until.is_some();
            FormRule {
                conditions: limited.then_some(range).into_iter().collect(),
                all: true,
                actions: vec![FormAction::Reply {
                    subject: vacation.subject.clone(),
                    text: vacation.text.clone(),
                    days: vacation.days,
                }],
                stop: false,
            }
        });
        self.set_single(account, RulePurpose::Vacation, "Vacation", form)
    }

    /// Makes, changes or removes the one rule of an account that is this setting.
    fn set_single(
        &mut self,
        account: &Address,
        purpose: RulePurpose,
        name: &str,
        form: Option<FormRule>,
    ) -> Result<(), AdmitError> {
        let level = RuleLevel::Account(self.account(account)?.id);
        let mut rules = self.config.rules_of(level);
        let present = rules.find(|rule| rule.purpose == purpose);
        let present = present.map(|rule| rule.id);
        drop(rules);
        match (present, form) {
            (Some(id), None) => self.push(Change::RuleRemove(RuleRef { id })),
            (None, None) => {
                let (who, what) = (policy::shown::address(account), name.to_lowercase());
                Err(AdmitError::NotFound(format!("{who} has no {what}")))
            }
            (present, Some(form)) => {
                let set = RuleSet {
                    id: present.unwrap_or_else(|| self.config.next_rule_id()),
                    level,
                    name: name.to_owned(),
                    comment: String::new(),
                    enabled: true,
                    direction: RuleDirection::In,
                    stop: false,
                    expires: None,
                    purpose,
                    content: RuleContent::Form(form),
                    before: None,
                };
                self.expect_targets(&set)?;
                self.push(match present {
                    Some(_) => Change::RuleChange(set),
                    None => Change::RuleCreate(set),
                })
            }
        }
    }

    fn change_senders(
        &mut self,
        of: &RuleAt,
        list: SenderList,
        senders: &[Sender],
        present: bool,
    ) -> Result<(), AdmitError> {
        let id = match self.level(of)? {
            RuleLevel::Domain(id) => SendersOf::Domain(id),
            RuleLevel::Account(id) => SendersOf::Account(id),
            RuleLevel::Server => {
                let why = "lists of senders belong to an account or a domain";
                return Err(AdmitError::Invalid(why.to_owned()));
            }
        };
        for some in senders.chunks(SENDERS_PER_CHANGE_MAX) {
            let (add, remove) = match present {
                true => (some.to_vec(), Vec::new()),
                false => (Vec::new(), some.to_vec()),
            };
            self.push(Change::SendersChange(SendersChange {
                id,
                list,
                add,
                remove,
            }))?;
        }
        Ok(())
    }

    fn level(&self, at: &RuleAt) -> Result<RuleLevel, AdmitError> {
        Ok(match at {
            RuleAt::Server => RuleLevel::Server,
            RuleAt::Domain(name) => RuleLevel::Domain(self.domain(name)?.id),
            RuleAt::Account(address) => RuleLevel::Account(self.account(address)?.id),
        })
    }

    /// Refuses targets that would never get mail: addresses of ours that nobody has, and the account
    /// whose rule it is.
    fn expect_targets(&self, set: &RuleSet) -> Result<(), AdmitError> {
        for target in targets(&set.content) {
            let why = match self.config.resolve(&target) {
                Resolution::NoSuch => "nobody here has this address",
                Resolution::Account(id) if set.level == RuleLevel::Account(id) => {
                    "this is the account itself, and mail would go in a circle"
                }
                _ => continue,
            };
            let target = policy::shown::address(&target);
            return Err(AdmitError::Invalid(format!(
                "mail cannot be sent to {target}: {why}"
            )));
        }
        Ok(())
    }

    /// The moment at which a rule ends; it lies ahead.
    fn expiry(&self, expires: Expiry) -> Result<Option<Timestamp>, AdmitError> {
        let at = match expires {
            Expiry::Never => return Ok(None),
            Expiry::At(seconds) => Timestamp(0).plus_s(seconds),
        };
        if at > self.now {
            return Ok(Some(at));
        }
        let why = format!("{at} is over; a rule can only end later than now");
        Err(AdmitError::Invalid(why))
    }

    fn expect_time_left(&self, id: RuleId) -> Result<(), AdmitError> {
        let rule = self.config.rule(id);
        match rule.and_then(|rule| rule.expires) {
            Some(end) if end <= self.now => Err(AdmitError::Conflict(format!(
                "the time of {id} was over at {end}; give it another end with `sealpost rules edit {id} --for 30d`"
            ))),
            _ => Ok(()),
        }
    }
}

/// Why a rule is refused that would send mail to where nobody has allowed it; under the preset
/// *relaxed* it is let through, and its effect says so.
pub(super) fn refusal(config: &Config, kind: &str, judgement: &Judgement) -> Option<AdmitError> {
    if kind != "rule" || config.lets_unapproved_out() {
        return None;
    }
    let unapproved = judgement.unapproved.first()?;
    let target = policy::shown::address(unapproved);
    Some(AdmitError::Conflict(format!(
        "mail may not go to {target}, OUTSIDE your organisation: nobody has allowed this exit. An admin can, with `sealpost exits allow {target}` and --account, --domain or --server"
    )))
}

/// The addresses to which a rule sends mail, but for what its included scripts do.
fn targets(content: &RuleContent) -> Vec<Address> {
    match content {
        RuleContent::Form(form) => {
            let to = form.actions.iter().filter_map(|action| match action {
                FormAction::Redirect { to } | FormAction::CopyTo { to } => Some(to.clone()),
                _ => None,
            });
            to.collect()
        }
        RuleContent::Script(text) => {
            // What is no script is told by the check of the change.
            let Ok(script) = sieve::parse(text) else {
                return Vec::new();
            };
            let list = sieve::effect::effects(&script, &|_| None).list;
            let to = list.into_iter().filter_map(|effect| match effect.kind {
                EffectKind::Redirects { address, .. } => address.parse().ok(),
                _ => None,
            });
            to.collect()
        }
    }
}

/// What another rule does now that a change of this type lets mail reach it, in words that say so.
pub(super) fn of_another(kind: &str, rule: RuleId, words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    let words: String = first.into_iter().chain(letters).collect();
    match kind {
        "rule.remove" | "rule.pause" | "rule.expire" => {
            format!("Without it, rule {rule} behind it acts on this mail again: {words}")
        }
        _ => format!("Rule {rule} behind it acts on this mail then: {words}"),
    }
}

/// The rules whose time is over and that still work.
pub(super) fn expired(config: &Config, now: Timestamp) -> Vec<Change> {
    let over =
        |rule: &&std::sync::Arc<Rule>| rule.enabled && rule.expires.is_some_and(|end| end <= now);
    let over = config.rules().filter(over);
    over.map(|rule| Change::RuleExpire(RuleRef { id: rule.id }))
        .collect()
}

#[cfg(test)]
mod tests {
    use policy::change::{Genesis, Mode, Preset};
    use policy::{Authorship, ConfigBuilder, judge};
    use types::Sha256;

    use super::*;

    /// A server without domains, under a preset.
    fn config(preset: Preset) -> Config {
        let genesis = Genesis {
            instance: "4f1c90aa".to_owned(),
            mode: Mode::Serve,
            host_name: "mail.example.org".parse().unwrap(),
            vkey: "mail.example.org/4f1c90aa/config/1+00000000+AQ==".to_owned(),
            preset,
        };
        let made = Authorship::system(Timestamp(0));
        let mut builder = ConfigBuilder::new();
        let genesis = Change::Genesis(genesis);
        builder.fold(0, Sha256([0; 32]), &genesis, &made).unwrap();
        builder.finish()
    }

    #[test]
    fn only_a_relaxed_server_lets_mail_go_where_nobody_has_allowed_it() {
        for (preset, script, refused) in [
            (Preset::Relaxed, "redirect \"x@example.net\";", false),
            (Preset::Careful, "redirect \"x@example.net\";", true),
            (Preset::Strict, "redirect \"x@example.net\";", true),
            (Preset::Strict, "discard;", false),
        ] {
            let config = config(preset);
            let change = Change::RuleCreate(RuleSet {
                id: config.next_rule_id(),
                level: RuleLevel::Server,
                name: "Away".to_owned(),
                comment: String::new(),
                enabled: true,
                direction: RuleDirection::In,
                stop: false,
                expires: None,
                purpose: RulePurpose::Rule,
                content: RuleContent::Script(script.to_owned()),
                before: None,
            });
            let made = Authorship::system(Timestamp(0));
            let after = config.tried(&change, &made).unwrap();
            let judgement = judge(&config, &after, &change, &made);
            let found = refusal(&config, change.object().0, &judgement);
            assert_eq!(found.is_some(), refused, "{preset:?} {script}");
            let words = found.map(|err| err.to_string()).unwrap_or_default();
            assert_eq!(words.contains("exits allow x@example.net"), refused);
        }
    }
}
