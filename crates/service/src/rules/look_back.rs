//! Rules on mail that is here already: what one would have matched, what it would do to a message,
//! and doing it to a folder.
//!
//! Counts may be told to whoever may change the rule. Nothing of a message is. Each look is recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use policy::change::RuleLevel;
use policy::{Config, Right};
use serde::{Deserialize, Serialize};
use sieve::{Script, World};
use store::{FlagsChange, ReadTx, Reason, Removal, WriteTx};
use types::{AccountId, Address, FlagSet, MailboxId, MailboxName, RuleId, Timestamp, Uid};

use super::level::{self, Filing, Gone, Place, Rule};
use super::world::{Arrived, RuleWorld};
use crate::Service;
use crate::activity::{About, Record};
use crate::actor::Actor;
use crate::error::{ServiceError, ServiceResult};
use crate::mime::Filterable;
use crate::{accept, header};

/// Days that a preview looks back.
pub const PREVIEW_DAYS: i64 = 30;
/// Messages that a preview looks at, the newest of each folder first.
pub const PREVIEW_MESSAGES_MAX: usize = 2_000;
/// Octets that one look reads.
const LOOK_OCTETS_MAX: u64 = 268_435_456;
/// Messages of a folder that one run takes in; the next run goes on.
pub const RUN_MESSAGES_MAX: usize = 1_000;
const DAY_S: i64 = 86_400;

/// A rule that is there, or the text of one that is not.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleSource {
    /// A rule that is there.
    Rule(RuleId),
    /// A script for a level.
    Script {
        /// Which mail it would see.
        level: RuleLevel,
        /// Its text.
        text: String,
    },
}

/// What a rule would have matched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulePreview {
    /// Days that were looked at.
    pub days: i64,
    /// Messages that were looked at.
    pub messages: usize,
    /// Those on which it would have done something.
    pub matched: usize,
    /// Whether there were more messages than were looked at.
    pub more: bool,
    /// When the newest that it matched came, RFC 3339.
    pub last: Option<String>,
}

/// What a rule would do to one message, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleTrial {
    /// What it would do; empty if nothing.
    pub did: Vec<String>,
    /// The tests that decided: line and outcome.
    pub tests: Vec<(u32, bool)>,
    /// Why it could not run to its end.
    pub failed: Option<String>,
}

/// What running a rule over a folder did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRun {
    /// Messages that were looked at.
    pub messages: usize,
    /// Moved or copied to other folders.
    pub filed: usize,
    /// Removed; they can be brought back.
    pub removed: usize,
    /// Whose flags changed.
    pub flagged: usize,
    /// On which it would do what is only done on arrival: send on, answer, reject, change a header.
    pub left: usize,
    /// Whether the folder has more messages.
    pub more: bool,
}

/// A rule ready to look.
struct Looking {
    config: Arc<Config>,
    level: RuleLevel,
    script: Arc<Script>,
    id: RuleId,
    at: Timestamp,
    host: String,
}

impl Service {
    /// What a rule would have matched of the mail of the last [`PREVIEW_DAYS`] days.
    pub async fn rule_preview(
        &self,
        actor: &Actor,
        source: &RuleSource,
    ) -> ServiceResult<RulePreview> {
        let looking = self.looking(actor, source)?;
        self.record_look(actor, "preview", looking.level).await?;
        let since = looking.at.plus_s(-PREVIEW_DAYS * DAY_S);
        let read = move |tx: &ReadTx<'_>| Ok(looking.preview(tx, since));
        self.inner.store.read(read).await?
    }

    /// What a rule would do to a message that came like this.
    pub async fn rule_test(
        &self,
        actor: &Actor,
        source: &RuleSource,
        (from, to): (&str, &Address),
        message: Vec<u8>,
    ) -> ServiceResult<RuleTrial> {
        let looking = self.looking(actor, source)?;
        let (from, to) = (from.to_owned(), to.clone());
        let read = move |tx: &ReadTx<'_>| {
            let arrived = looking.arrived(from, looking.at);
            let message = Filterable::new(&message);
            let world = looking.world(tx, &arrived, &to, &message);
            Ok(match sieve::run(&looking.script, &message, &world) {
                Ok(outcome) => {
                    let tests = outcome.decisions.iter();
                    RuleTrial {
                        tests: tests.map(|test| (test.at.line, test.held)).collect(),
                        did: level::did(&outcome),
                        failed: None,
                    }
                }
                Err(err) => RuleTrial {
                    failed: Some(err.to_string()),
                    ..RuleTrial::default()
                },
            })
        };
        Ok(self.inner.store.read(read).await?)
    }

    /// Runs a rule over a folder of an account, or says what that would do.
    pub async fn rule_run(
        &self,
        actor: &Actor,
        source: &RuleSource,
        (address, folder): (&Address, &MailboxName),
        dry_run: bool,
    ) -> ServiceResult<RuleRun> {
        let looking = self.looking(actor, source)?;
        let config = self.config();
        let account = config
            .account_at(address)
            .ok_or(ServiceError::NotFound("account"))?;
        self.may_on_server(actor, &Right::ManageAccount(account.subject()))?;
        if !config.levels_of(account.id).contains(&looking.level) {
            return Err(ServiceError::Refused(
                "this rule is not about the mail of that account".to_owned(),
            ));
        }
        let (id, folder) = (account.id, folder.clone());
        let look = move |tx: &ReadTx<'_>| Ok(looking.over(tx, id, &folder));
        let (mailbox, wanted, mut run) = self.inner.store.read(look).await??;
        if dry_run {
            self.record_look(actor, "run over a folder, dry", RuleLevel::Account(id))
                .await?;
            return Ok(run);
        }
        self.record_look(actor, "run over a folder", RuleLevel::Account(id))
            .await?;
        let now = self.clock().now();
        let days = i64::try_from(config.settings().recoverable_operator_days).unwrap_or(i64::MAX);
        let removal = Removal {
            reason: Reason::Rule,
            rule: match source {
                RuleSource::Rule(rule) => config
                    .rule(*rule)
                    .map(|rule| format!("{}@{}", rule.id, rule.revision)),
                RuleSource::Script { .. } => None,
            },
            at: now,
            until: now.plus_s(days.saturating_mul(DAY_S)),
        };
        let write = move |tx: &mut WriteTx<'_>| -> ServiceResult<RuleRun> {
            carry_out(tx, (id, mailbox), &wanted, &removal)?;
            Ok(run.clone())
        };
        run = self.inner.store.try_write(write).await?;
        Ok(run)
    }

    fn looking(&self, actor: &Actor, source: &RuleSource) -> ServiceResult<Looking> {
        let config = self.config();
        let missing = ServiceError::NotFound("rule");
        let (level, script, id) = match source {
            RuleSource::Rule(id) => {
                let rule = config.rule(*id).ok_or(missing)?;
                let script = rule.script.clone();
                let damaged = || ServiceError::Refused("its text is not understood".to_owned());
                (rule.level, script.ok_or_else(damaged)?, *id)
            }
            RuleSource::Script { level, text } => {
                let script = sieve::parse(text);
                let script = script.map_err(|err| ServiceError::Refused(err.to_string()))?;
                (*level, Arc::new(script), config.next_rule_id())
            }
        };
        let right = level.right(&config);
        self.may_on_server(actor, &right)?;
        Ok(Looking {
            config,
            level,
            script,
            id,
            at: self.clock().now(),
            host: self.host_name(),
        })
    }

    async fn record_look(
        &self,
        actor: &Actor,
        what: &'static str,
        level: RuleLevel,
    ) -> ServiceResult<()> {
        let about = About {
            account: match level {
                RuleLevel::Account(id) => Some(id),
                RuleLevel::Server | RuleLevel::Domain(_) => None,
            },
            ..About::default()
        };
        let record = Record::RuleLooked {
            what,
            level: level.to_string(),
            by: actor.name(),
        };
        self.record_first(&about, &record).await?;
        Ok(())
    }
}

impl Looking {
    fn arrived(&self, from: String, at: Timestamp) -> Arrived {
        Arrived {
            from,
            signed_in: None,
            source: std::net::Ipv4Addr::UNSPECIFIED.into(),
            helo: String::new(),
            host: self.host.clone(),
            at,
        }
    }

    fn world<'a>(
        &'a self,
        tx: &'a ReadTx<'a>,
        arrived: &'a Arrived,
        to: &'a Address,
        message: &'a Filterable<'a>,
    ) -> RuleWorld<'a> {
        RuleWorld {
            tx,
            config: &self.config,
            arrived,
            level: self.level,
            to,
            account: match self.level {
                RuleLevel::Account(id) => Some(id),
                RuleLevel::Server | RuleLevel::Domain(_) => None,
            },
            message,
        }
    }

    /// The accounts whose mail the rule sees.
    fn accounts(&self) -> Vec<AccountId> {
        let all = self.config.accounts().map(|account| account.id);
        all.filter(|id| self.config.levels_of(*id).contains(&self.level))
            .collect()
    }

    fn preview(&self, tx: &ReadTx<'_>, since: Timestamp) -> ServiceResult<RulePreview> {
        let mut preview = RulePreview {
            days: PREVIEW_DAYS,
            ..RulePreview::default()
        };
        let mut last: Option<Timestamp> = None;
        let mut octets = LOOK_OCTETS_MAX;
        for account in self.accounts() {
            for mailbox in store::mailbox::list(tx, account)? {
                let left = PREVIEW_MESSAGES_MAX.saturating_sub(preview.messages);
                let rows = store::message::newest(tx, mailbox.id, since, left + 1)?;
                for row in rows {
                    if preview.messages == PREVIEW_MESSAGES_MAX || octets < row.octets {
                        preview.more = true;
                        break;
                    }
                    octets -= row.octets;
                    preview.messages += 1;
                    if self.acts_on(tx, account, row.email, row.received_at)? {
                        preview.matched += 1;
                        last = last.max(Some(row.received_at));
                    }
                }
            }
        }
        preview.last = last.map(Timestamp::to_rfc3339);
        Ok(preview)
    }

    fn acts_on(
        &self,
        tx: &ReadTx<'_>,
        account: AccountId,
        email: types::EmailId,
        at: Timestamp,
    ) -> ServiceResult<bool> {
        let ruled = self.ruled(tx, account, email, at)?;
        Ok(ruled.looks.iter().any(level::Look::acted))
    }

    /// What the rule leads to on a stored message.
    fn ruled(
        &self,
        tx: &ReadTx<'_>,
        account: AccountId,
        email: types::EmailId,
        at: Timestamp,
    ) -> ServiceResult<level::Ruled> {
        let found = store::email::readable(tx, email)?;
        let found = found.ok_or(ServiceError::NotFound("message"))?;
        let body = tx.read_blob(&found.body)?;
        let address = self
            .config
            .account(account)
            .map(|account| account.address.clone());
        let to = address.ok_or(ServiceError::NotFound("account"))?;
        let from = return_path(&found.head);
        let arrived = self.arrived(from, at);
        let octets = [found.head.as_slice(), &body].concat();
        let message = Filterable::new(&octets);
        let world = self.world(tx, &arrived, &to, &message);
        let rule = Rule {
            id: self.id,
            seq: self.config.rule(self.id).map_or(0, |rule| rule.revision),
            stop: true,
            script: &self.script,
        };
        let world: &dyn World = &world;
        Ok(level::run(
            &[rule],
            &found.head,
            &body,
            vec![Filing::inbox()],
            world,
        ))
    }

    /// What the rule leads to on the messages of a folder.
    fn over(
        &self,
        tx: &ReadTx<'_>,
        account: AccountId,
        folder: &MailboxName,
    ) -> ServiceResult<(MailboxId, BTreeMap<Uid, Place>, RuleRun)> {
        let mailbox = store::mailbox::find(tx, account, folder)?;
        let mailbox = mailbox.ok_or(ServiceError::NotFound("folder"))?;
        let since = Timestamp(i64::MIN);
        let rows = store::message::newest(tx, mailbox.id, since, RUN_MESSAGES_MAX + 1)?;
        let mut run = RuleRun {
            more: rows.len() > RUN_MESSAGES_MAX,
            ..RuleRun::default()
        };
        let mut wanted = BTreeMap::new();
        let mut octets = LOOK_OCTETS_MAX;
        for row in rows.into_iter().take(RUN_MESSAGES_MAX) {
            if octets < row.octets {
                run.more = true;
                break;
            }
            octets -= row.octets;
            run.messages += 1;
            let ruled = self.ruled(tx, account, row.email, row.received_at)?;
            if ruled.looks.iter().any(level::Look::acted) {
                run.count(&ruled);
                wanted.insert(row.uid, ruled.place);
            }
        }
        Ok((mailbox.id, wanted, run))
    }
}

impl RuleRun {
    fn count(&mut self, ruled: &level::Ruled) {
        match &ruled.place {
            Place::Gone {
                how: Gone::Deleted, ..
            } => self.removed += 1,
            Place::Gone {
                how: Gone::SentOn, ..
            }
            | Place::Rejected { .. } => self.left += 1,
            Place::Kept(filings) => {
                self.filed += usize::from(filings.iter().any(|filing| filing.folder.is_some()));
                self.flagged += usize::from(filings.iter().any(|filing| !filing.flags.is_empty()));
                self.left += usize::from(!ruled.wishes.is_empty() || ruled.head.is_some());
            }
        }
    }
}

/// Does to stored messages what can be done to them: folders, flags, removal.
fn carry_out(
    tx: &mut WriteTx<'_>,
    (account, mailbox): (AccountId, MailboxId),
    wanted: &BTreeMap<Uid, Place>,
    removal: &Removal,
) -> ServiceResult<()> {
    for (uid, place) in wanted {
        match place {
            Place::Gone {
                how: Gone::Deleted, ..
            } => {
                store::message::expunge(tx, account, mailbox, &[*uid], removal)?;
            }
            Place::Gone { .. } | Place::Rejected { .. } => {}
            Place::Kept(filings) => file(tx, (account, mailbox), *uid, filings, removal.at)?,
        }
    }
    Ok(())
}

/// Sets the flags and puts the message into the folders; it leaves its own if none of them is.
fn file(
    tx: &mut WriteTx<'_>,
    (account, mailbox): (AccountId, MailboxId),
    uid: Uid,
    filings: &[Filing],
    now: Timestamp,
) -> ServiceResult<()> {
    let mut folders = BTreeSet::new();
    let mut stays = false;
    for filing in filings {
        let flags = accept::flags(tx, mailbox, filing)?;
        if flags != FlagSet::default() {
            store::message::set_flags(tx, account, mailbox, &[uid], FlagsChange::Add(flags))?;
        }
        match &filing.folder {
            Some(_) => {
                let (folder, _) = accept::folder(tx, account, filing)?;
                stays |= folder == mailbox;
                folders.insert(folder);
            }
            None => stays = true,
        }
    }
    folders.remove(&mailbox);
    let last = if stays { None } else { folders.pop_last() };
    for folder in folders {
        store::message::copy(tx, account, mailbox, &[uid], folder, now)?;
    }
    if let Some(folder) = last {
        store::message::move_(tx, account, mailbox, &[uid], folder, now)?;
    }
    Ok(())
}

/// The sender that the header block tells.
fn return_path(head: &[u8]) -> String {
    let field = header::fields(head).find(|field| field.is("Return-Path"));
    let value = field
        .map(|field| header::unfolded(field.value))
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&value).into_owned();
    text.trim_start_matches('<')
        .trim_end_matches('>')
        .to_owned()
}
