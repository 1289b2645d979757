//! Whether a rule can be as a change wants it, and mail be allowed to leave.

use types::{ExitId, RuleId};

use super::{Checked, account, changes, domain, next, room};
use crate::change::{
    Change, ExitAllow, RuleContent, RuleDirection, RuleLevel, RuleMove, RulePurpose, RuleSet,
};
use crate::check::ChangeError;
use crate::config::{Config, Resolution, Rule};

/// Rules of one level.
pub const RULES_PER_LEVEL_MAX: usize = 200;
/// Rules of the whole server: all are held in memory, parsed.
pub const RULES_MAX: usize = 100_000;
/// Octets of the texts of all rules together.
pub const RULES_MAX_OCTETS: usize = 64 << 20;
/// Characters of the name of a rule; scripts of mail programs may need that many (RFC 5804 §1.6).
pub const RULE_NAME_MAX_CHARS: usize = 128;
/// Characters of the comment of a rule.
pub const RULE_COMMENT_MAX_CHARS: usize = 500;
/// Octets of what a rule does as its entry writes it: the rest of the entry needs room too.
pub const CONTENT_MAX_OCTETS: usize = 54_000;
/// Leaves to send outside.
pub const EXITS_MAX: usize = 5_000;
/// The longest leave to send outside: a year.
pub const EXIT_MAX_S: i64 = 366 * 86_400;

/// Whether a change of a rule or of an exit can be made; other changes are not looked at.
pub(super) fn check(config: &Config, change: &Change) -> Checked {
    match change {
        Change::RuleCreate(set) => check_create(config, set),
        Change::RuleChange(set) => check_change(config, set),
        Change::RuleRemove(c) => rule(config, c.id).map(drop),
        Change::RulePause(c) | Change::RuleExpire(c) => {
            changes(rule(config, c.id)?.enabled, format_args!("rule {}", c.id))
        }
        Change::RuleResume(c) => {
            let rule = rule(config, c.id)?;
            changes(!rule.enabled, format_args!("rule {}", c.id))?;
            one_active_script(config, rule.id, rule.level, rule.purpose)
        }
        Change::RuleMove(c) => check_move(config, c),
        Change::ExitAllow(allow) => check_exit(config, allow),
        Change::ExitRevoke(c) => exit(config, c.id),
        _ => Ok(()),
    }
}

fn check_create(config: &Config, set: &RuleSet) -> Checked {
    next(set.id, config.next_rule_id())?;
    level(config, set.level)?;
    let place = place(config, set.level);
    room(
        config.rules_of(set.level).count(),
        RULES_PER_LEVEL_MAX,
        "rules",
        &place,
    )?;
    room(config.rules_len(), RULES_MAX, "rules", "the server")?;
    if let Some(before) = set.before {
        same_level(config, before, set.level)?;
    }
    check_set(config, set, 0)
}

fn check_change(config: &Config, set: &RuleSet) -> Checked {
    let rule = rule(config, set.id)?;
    if rule.level != set.level {
        return Err(field(
            "level",
            set.level.to_string(),
            "a rule stays where it was made",
        ));
    }
    if let Some(before) = set.before {
        let why = "a rule that is there moves by a change of its own";
        return Err(field("before", before.to_string(), why));
    }
    changes(rule.as_set() != *set, format_args!("rule {}", set.id))?;
    check_set(config, set, rule.octets())
}

/// What holds of a new rule and of a changed one, whose text had so many octets before.
fn check_set(config: &Config, set: &RuleSet, octets_before: usize) -> Checked {
    check_name(&set.name)?;
    check_comment(&set.comment)?;
    check_purpose(config, set)?;
    check_content(&set.content)?;
    let octets = config.rules_octets() - octets_before + set.content.octets();
    if octets > RULES_MAX_OCTETS {
        return Err(ChangeError::TooMany {
            things: "octets of rules",
            place: "the server".to_owned(),
            max: RULES_MAX_OCTETS,
        });
    }
    if set.enabled {
        one_active_script(config, set.id, set.level, set.purpose)?;
    }
    let named = config.script_named(set.level, &set.name);
    match named.filter(|other| other.id != set.id) {
        Some(other) if matches!(set.content, RuleContent::Script(_)) => {
            Err(ChangeError::ScriptNameTaken {
                name: set.name.clone(),
                by: other.id,
            })
        }
        _ => Ok(()),
    }
}

fn check_name(name: &str) -> Checked {
    let chars = name.chars().count();
    if (1..=RULE_NAME_MAX_CHARS).contains(&chars)
        && !name.chars().any(char::is_control)
        && name.trim() == name
    {
        return Ok(());
    }
    Err(field(
        "name",
        shorter(name),
        "it takes 1 to 128 characters, no line ends, and no spaces around them",
    ))
}

fn check_comment(comment: &str) -> Checked {
    let wrong = |c: char| c.is_control() && c != '\n';
    if comment.chars().count() <= RULE_COMMENT_MAX_CHARS && !comment.contains(wrong) {
        return Ok(());
    }
    Err(field(
        "comment",
        shorter(comment),
        "it takes at most 500 characters, and no control characters but line ends",
    ))
}

fn check_purpose(config: &Config, set: &RuleSet) -> Checked {
    let word = |purpose| match purpose {
        RulePurpose::Rule => "rule",
        RulePurpose::Forward => "forward",
        RulePurpose::Vacation => "vacation",
        RulePurpose::Script => "script",
    };
    let is_account = matches!(set.level, RuleLevel::Account(_));
    if set.purpose != RulePurpose::Rule && !is_account {
        return Err(field(
            "purpose",
            word(set.purpose).to_owned(),
            "only accounts have forwards, vacations and scripts of mail programs",
        ));
    }
    if set.direction == RuleDirection::Out && is_account {
        return Err(field(
            "direction",
            "out".to_owned(),
            "outgoing mail passes the rules of the server and of domains only",
        ));
    }
    let single = matches!(set.purpose, RulePurpose::Forward | RulePurpose::Vacation);
    let mut others = config.rules_of(set.level).filter(|rule| rule.id != set.id);
    match others.find(|rule| single && rule.purpose == set.purpose) {
        Some(other) => Err(ChangeError::SecondOfPurpose {
            what: word(set.purpose),
            by: other.id,
        }),
        None => Ok(()),
    }
}

/// A form says by itself whether it ends the list.
pub(super) fn normalise(set: &mut RuleSet) {
    if let RuleContent::Form(form) = &mut set.content {
        *form = std::mem::take(form).settled();
        set.stop = form.stop;
    }
}

fn check_content(content: &RuleContent) -> Checked {
    match content {
        RuleContent::Script(text) => {
            sieve::parse(text).map_err(|problems| ChangeError::Script(problems.to_string()))?;
        }
        RuleContent::Form(form) => form.check()?,
    }
    if content.octets() > CONTENT_MAX_OCTETS {
        return Err(ChangeError::RuleTooLong);
    }
    Ok(())
}

/// A mail program activates one script at a time (RFC 5804 §2.8).
fn one_active_script(
    config: &Config,
    id: RuleId,
    level: RuleLevel,
    purpose: RulePurpose,
) -> Checked {
    let active = |rule: &&std::sync::Arc<Rule>| {
        rule.id != id && rule.enabled && rule.purpose == RulePurpose::Script
    };
    match config.rules_of(level).find(active) {
        Some(other) if purpose == RulePurpose::Script => {
            Err(ChangeError::SecondActiveScript(other.id))
        }
        _ => Ok(()),
    }
}

fn check_move(config: &Config, c: &RuleMove) -> Checked {
    let moved = rule(config, c.id)?;
    let what = format_args!("the place of rule {}", c.id).to_string();
    if let Some(before) = c.before {
        same_level(config, before, moved.level)?;
        changes(before != c.id, &what)?;
    }
    changes(config.rule_behind(moved) != c.before, &what)
}

/// A rule before which another one of a level can stand.
fn same_level(config: &Config, before: RuleId, level: RuleLevel) -> Checked {
    if rule(config, before)?.level == level {
        return Ok(());
    }
    Err(field(
        "before",
        before.to_string(),
        "it takes another rule of the same level",
    ))
}

fn check_exit(config: &Config, allow: &ExitAllow) -> Checked {
    next(allow.id, config.next_exit_id())?;
    level(config, allow.scope)?;
    room(
        config.exits().count(),
        EXITS_MAX,
        "allowed exits",
        "the server",
    )?;
    if config.resolve(&allow.target) != Resolution::NotLocal {
        return Err(field(
            "target",
            allow.target.to_string(),
            "it is hosted here, and mail may go there anyway",
        ));
    }
    let length_s = allow.until.seconds() - allow.from.seconds();
    if !(1..=EXIT_MAX_S).contains(&length_s) {
        return Err(field(
            "until",
            allow.until.to_rfc3339(),
            "an exit is allowed for one second to 366 days",
        ));
    }
    let mut same = config
        .exits()
        .filter(|exit| exit.target == allow.target && exit.scope == allow.scope);
    let longer = same.any(|exit| exit.until >= allow.until);
    changes(!longer, format_args!("the exit to {}", allow.target))
}

fn exit(config: &Config, id: ExitId) -> Checked {
    let missing = ChangeError::NoExit(id);
    config.exit(id).map(drop).ok_or(missing)
}

fn rule(config: &Config, id: RuleId) -> Result<&Rule, ChangeError> {
    let rule = config.rule(id).map(AsRef::as_ref);
    rule.ok_or(ChangeError::NoRule(id))
}

fn level(config: &Config, level: RuleLevel) -> Checked {
    match level {
        RuleLevel::Server => Ok(()),
        RuleLevel::Domain(id) => domain(config, id).map(drop),
        RuleLevel::Account(id) => account(config, id).map(drop),
    }
}

/// The level as people call it.
fn place(config: &Config, level: RuleLevel) -> String {
    let name = match level {
        RuleLevel::Server => return "the server".to_owned(),
        RuleLevel::Domain(id) => config
            .domain_by_id(id)
            .map(|domain| domain.name.to_string()),
        RuleLevel::Account(id) => config
            .account(id)
            .map(|account| account.address.to_string()),
    };
    name.unwrap_or_else(|| level.to_string())
}

fn field(field: &'static str, value: String, accepted: &'static str) -> ChangeError {
    ChangeError::Field {
        field,
        value,
        accepted,
    }
}

/// Enough of a long text to know it again.
fn shorter(text: &str) -> String {
    const SHOWN_CHARS: usize = 40;
    let shown: String = text.chars().take(SHOWN_CHARS).collect();
    let cut = if shown.len() < text.len() { "…" } else { "" };
    format!("{:?}", format!("{shown}{cut}"))
}
