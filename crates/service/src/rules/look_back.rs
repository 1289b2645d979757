//! Rules on mail that is here already: what one would have matched, what it would do to a message,
//! and doing it to a folder.
//!
//! Counts may be told to whoever may change the rule. Nothing of a message is. Each look is recorded.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use policy::{Config, Right, RuleContent, RuleDirection, RuleLevel};
use serde::{Deserialize, Serialize};
use sieve::{Circumstances, Script, World};
use store::fate::Fate;
use store::{FlagsChange, ReadTx, Reason, Removal, WriteTx};
use types::{AccountId, Address, EmailId, FlagSet, MailboxId, MailboxName, RuleId, Timestamp, Uid};

use super::level::{self, Filing, Look, Place, Rule, Wish};
use super::world::{Arrived, RuleWorld};
use crate::Service;
use crate::activity::{About, Record};
use crate::actor::Actor;
use crate::command::RuleAt;
use crate::error::{ServiceError, ServiceResult};
use crate::mime::Filterable;
use crate::{accept, header};

/// Days that a preview looks back.
pub const PREVIEW_DAYS: i64 = 30;
/// Messages that a preview looks at, the newest of each folder first.
pub const PREVIEW_MESSAGES_MAX: usize = 2_000;
/// Octets that one look reads.
const LOOK_OCTETS_MAX: u64 = 268_435_456;
/// Messages of a folder that one run takes in; the next one goes on below them.
pub const RUN_MESSAGES_MAX: usize = 1_000;
const DAY_S: i64 = 86_400;
/// Where mail came from of which that is not kept.
pub(super) const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
/// Said of rules for mail that accounts here send.
const OUTGOING: &str = "it is about mail that goes out, which is not all kept here";

/// A rule that is there, or the text of one that is not.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleSource {
    /// A rule that is there.
    Rule(RuleId),
    /// One that would be new.
    New {
        /// Which mail it would see.
        at: RuleAt,
        /// What it says.
        content: RuleContent,
    },
    /// A rule that is there, if it said something else.
    Changed {
        /// The rule.
        id: RuleId,
        /// What it would say.
        content: RuleContent,
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
    /// Conditions that count as true here, since mail that is here cannot answer them.
    pub assumed: Vec<String>,
    /// Scripts that it includes: what those ask of the arrival of mail did not count as true.
    #[serde(default)]
    pub included: Vec<String>,
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
    /// Where a run over the older messages goes on, if there are any: below this UID.
    #[serde(default)]
    pub next: Option<u32>,
}

/// The mail over which a rule is run: [`RUN_MESSAGES_MAX`] messages of a folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunOver {
    /// Whose.
    pub account: Address,
    /// In which folder.
    pub folder: MailboxName,
    /// The newest of those below this UID, or of all.
    #[serde(default)]
    pub below: Option<u32>,
}

/// A rule ready to look.
pub(super) struct Looking {
    pub(super) config: Arc<Config>,
    pub(super) level: RuleLevel,
    pub(super) script: Arc<Script>,
    /// Whether its `stop` ends the list too.
    pub(super) stop: bool,
    /// The rule, or the id that a new one would have.
    id: RuleId,
    /// The entry that gave it its present form; `None` if it is only tried.
    seq: Option<u64>,
    pub(super) at: Timestamp,
    host: String,
}

impl Service {
    /// What a rule would have matched of the mail of the last [`PREVIEW_DAYS`] days.
    pub async fn rule_preview(
        &self,
        actor: &Actor,
        source: &RuleSource,
    ) -> ServiceResult<RulePreview> {
        let mut looking = self.looking(actor, source)?;
        self.record_look(actor, "preview", (&looking, None)).await?;
        let assumed = sieve::assume(&looking.script, Circumstances::All);
        looking.script = Arc::new(assumed.script);
        let since = looking.at.plus_s(-PREVIEW_DAYS * DAY_S);
        let read = move |tx: &ReadTx<'_>| Ok(looking.preview(tx, since));
        let preview = self.inner.store.read(read).await??;
        Ok(RulePreview {
            assumed: assumed.conditions,
            included: assumed.included,
            ..preview
        })
    }

    /// Runs a rule over a folder of an account, or says what that would do. What is done leaves a
    /// fate for each message, as on arrival.
    pub async fn rule_run(
        &self,
        actor: &Actor,
        source: &RuleSource,
        over: RunOver,
        dry_run: bool,
    ) -> ServiceResult<RuleRun> {
        let looking = self.looking(actor, source)?;
        let config = Arc::clone(&looking.config);
        let account = config
            .account_at(&over.account)
            .ok_or(ServiceError::NotFound("account"))?;
        self.may_on_server(actor, &Right::ManageAccount(account.subject()))?;
        looking.expect_runs_over(account.id)?;
        if looking.seq.is_none() && !dry_run {
            return Err(ServiceError::Refused(
                "a rule that is not saved can only be tried; save it first".to_owned(),
            ));
        }
        let (id, address) = (account.id, account.address.clone());
        let what = if dry_run {
            "run over a folder, dry"
        } else {
            "run over a folder"
        };
        self.record_look(actor, what, (&looking, Some(id))).await?;
        let (rule, now) = (looking.name(), looking.at);
        let look = move |tx: &ReadTx<'_>| Ok(looking.over(tx, id, &over));
        let (mailbox, found, mut run) = self.inner.store.read(look).await??;
        if dry_run {
            found.iter().for_each(|message| run.count(&message.ruled));
            return Ok(run);
        }
        let days = i64::try_from(config.settings().recoverable_operator_days).unwrap_or(i64::MAX);
        let removal = Removal {
            reason: Reason::Rule,
            rule: Some(rule),
            at: now,
            until: now.plus_s(days.saturating_mul(DAY_S)),
        };
        let place = Folder {
            account: id,
            address,
            mailbox,
            config_size: config.size(),
        };
        let write = move |tx: &mut WriteTx<'_>| place.carry_out(tx, (&found, &run), &removal);
        self.inner.store.try_write(write).await
    }

    /// The rule that is meant, if the actor may say what happens to the mail that it sees.
    pub(super) fn looking(&self, actor: &Actor, source: &RuleSource) -> ServiceResult<Looking> {
        let config = self.config();
        let rule = |id: &RuleId| config.rule(*id).ok_or(ServiceError::NotFound("rule"));
        let (level, content, known) = match source {
            RuleSource::Rule(id) => {
                let rule = rule(id)?;
                (rule.level, &rule.content, Some(rule))
            }
            RuleSource::Changed { id, content } => {
                let rule = rule(id)?;
                (rule.level, content, Some(rule))
            }
            RuleSource::New { at, content } => {
                let level = at.level(&config).map_err(ServiceError::NotFound)?;
                (level, content, None)
            }
        };
        self.may_on_server(actor, &level.right(&config))?;
        if known.is_some_and(|rule| rule.direction == RuleDirection::Out) {
            return Err(ServiceError::Refused(OUTGOING.to_owned()));
        }
        let is_tried = !matches!(source, RuleSource::Rule(_));
        Ok(Looking {
            script: Arc::new(script(content)?),
            stop: match content {
                RuleContent::Form(form) => form.stop,
                RuleContent::Script(_) => known.is_some_and(|rule| rule.stop),
            },
            id: known.map_or_else(|| config.next_rule_id(), |rule| rule.id),
            seq: known.filter(|_| !is_tried).map(|rule| rule.revision),
            level,
            at: self.clock().now(),
            host: self.host_name(),
            config,
        })
    }

    /// Records, before it is answered, that somebody tried a rule on mail that is here.
    pub(super) async fn record_look(
        &self,
        actor: &Actor,
        what: &'static str,
        (looking, account): (&Looking, Option<AccountId>),
    ) -> ServiceResult<()> {
        let of_level = match looking.level {
            RuleLevel::Account(id) => Some(id),
            RuleLevel::Server | RuleLevel::Domain(_) => None,
        };
        let about = About {
            account: account.or(of_level),
            ..About::default()
        };
        let record = Record::RuleLooked {
            what,
            level: looking.level.to_string(),
            rule: looking.name(),
            by: actor.name(),
        };
        self.record_first(&about, &record).await?;
        Ok(())
    }
}

/// What is run; a form as the script that people are shown, so that lines mean something.
fn script(content: &RuleContent) -> ServiceResult<Script> {
    let refused = |err: String| ServiceError::Refused(err);
    let text = match content {
        RuleContent::Script(text) => text.clone(),
        RuleContent::Form(form) => {
            form.check().map_err(|err| refused(err.to_string()))?;
            sieve::print(&form.to_script())
        }
    };
    sieve::parse(&text).map_err(|err| refused(err.to_string()))
}

impl Looking {
    /// The rule as records name it: `r_1@17`, or that it is only tried.
    fn name(&self) -> String {
        match self.seq {
            Some(seq) => format!("{}@{seq}", self.id),
            None => "not saved".to_owned(),
        }
    }

    /// How a message came, as far as it is kept with it.
    pub(super) fn arrived(&self, from: String, at: Timestamp) -> Arrived {
        Arrived {
            from,
            signed_in: None,
            source: NOWHERE,
            helo: String::new(),
            host: self.host.clone(),
            at,
            verdict: crate::scan::Verdict::default(),
        }
    }

    pub(super) fn world<'a>(
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
        email: EmailId,
        at: Timestamp,
    ) -> ServiceResult<bool> {
        let ruled = self.ruled(tx, account, email, at)?;
        Ok(ruled.looks.iter().any(Look::acted))
    }

    /// What the rule leads to on a stored message.
    fn ruled(
        &self,
        tx: &ReadTx<'_>,
        account: AccountId,
        email: EmailId,
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
        let message = Filterable::new(octets);
        let world = self.world(tx, &arrived, &to, &message);
        let rule = Rule {
            id: self.id,
            seq: self.seq.unwrap_or(0),
            stop: self.stop,
            script: &self.script,
        };
        let world: &dyn World = &world;
        Ok(level::run(
            &[rule],
            (&found.head, &message),
            vec![Filing::inbox()],
            world,
        ))
    }

    /// Whether it can be run on mail of an account that is here.
    fn expect_runs_over(&self, account: AccountId) -> ServiceResult<()> {
        if !self.config.levels_of(account).contains(&self.level) {
            return Err(ServiceError::Refused(
                "this rule is not about the mail of that account".to_owned(),
            ));
        }
        let assumed = sieve::assume(&self.script, Circumstances::NotTheTime);
        if let Some(name) = assumed.included.first() {
            return Err(ServiceError::Refused(format!(
                "it includes the script {name:?}, which may ask for what is only known when a \
                 message comes; nothing was done"
            )));
        }
        let asked = assumed.conditions;
        if asked.is_empty() {
            return Ok(());
        }
        Err(ServiceError::Refused(format!(
            "it asks for what is only known when a message comes ({}); nothing was done",
            asked.join("; ")
        )))
    }

    /// What the rule leads to on the messages of a folder.
    pub(super) fn over(
        &self,
        tx: &ReadTx<'_>,
        account: AccountId,
        over: &RunOver,
    ) -> ServiceResult<(MailboxId, Vec<Found>, RuleRun)> {
        let mailbox = store::mailbox::find(tx, account, &over.folder)?;
        let mailbox = mailbox.ok_or(ServiceError::NotFound("folder"))?;
        let below = over.below.map(Uid);
        let rows = store::message::below(tx, mailbox.id, below, RUN_MESSAGES_MAX + 1)?;
        let (mut run, mut found) = (RuleRun::default(), Vec::new());
        let mut octets = LOOK_OCTETS_MAX;
        for row in rows {
            // A message that is larger than what one run reads has a run of its own.
            let is_full = octets < row.octets && run.messages > 0;
            if run.messages == RUN_MESSAGES_MAX || is_full {
                run.next = Some(row.uid.0.saturating_add(1));
                break;
            }
            octets = octets.saturating_sub(row.octets);
            run.messages += 1;
            let ruled = self.ruled(tx, account, row.email, row.received_at)?;
            if ruled.looks.iter().any(Look::acted) {
                found.push(Found {
                    uid: row.uid,
                    email: row.email,
                    octets: row.octets,
                    ruled,
                });
            }
        }
        Ok((mailbox.id, found, run))
    }
}

impl RuleRun {
    /// Adds what the run behind this one came to.
    pub fn add(&mut self, behind: &Self) {
        self.messages += behind.messages;
        self.filed += behind.filed;
        self.removed += behind.removed;
        self.flagged += behind.flagged;
        self.left += behind.left;
        self.next = behind.next;
    }

    fn count(&mut self, ruled: &level::Ruled) {
        let is_left = is_left(ruled);
        self.left += usize::from(is_left || !ruled.wishes.is_empty() || ruled.head.is_some());
        match &ruled.place {
            Place::Gone { .. } => self.removed += usize::from(!is_left),
            Place::Held { .. } | Place::Rejected { .. } => {}
            Place::Kept(filings) => {
                self.filed += usize::from(filings.iter().any(|filing| filing.folder.is_some()));
                self.flagged += usize::from(filings.iter().any(|filing| !filing.flags.is_empty()));
            }
        }
    }
}

/// Whether a run leaves a message as it is: only what arrives is refused or sent on, and what
/// would be sent on is not deleted without that.
fn is_left(ruled: &level::Ruled) -> bool {
    let mut wishes = ruled.wishes.iter();
    match &ruled.place {
        Place::Gone { .. } => wishes.any(|(_, wish)| matches!(wish, Wish::Redirect { .. })),
        Place::Held { .. } | Place::Rejected { .. } => true,
        Place::Kept(_) => false,
    }
}

/// A message of a folder on which a rule acts.
pub(super) struct Found {
    pub(super) uid: Uid,
    email: EmailId,
    octets: u64,
    ruled: level::Ruled,
}

/// The folder over which a rule is run.
pub(super) struct Folder {
    pub(super) account: AccountId,
    pub(super) address: Address,
    pub(super) mailbox: MailboxId,
    pub(super) config_size: u64,
}

impl Folder {
    /// Does to stored messages what can be done to them (folders, flags, removal), records it, and
    /// counts it from this on. What somebody removed meanwhile is passed over.
    pub(super) fn carry_out(
        &self,
        tx: &mut WriteTx<'_>,
        (found, run): (&[Found], &RuleRun),
        removal: &Removal,
    ) -> ServiceResult<RuleRun> {
        let mut run = run.clone();
        for message in found {
            if store::message::saved_at(tx, self.mailbox, message.uid)?.is_none() {
                continue;
            }
            run.count(&message.ruled);
            if is_left(&message.ruled) {
                continue;
            }
            let (action, target) = match &message.ruled.place {
                Place::Gone { by, .. } => {
                    let uids = [message.uid];
                    store::message::expunge(tx, self.account, self.mailbox, &uids, removal)?;
                    (accept::DISCARD, by.to_string())
                }
                Place::Held { .. } | Place::Rejected { .. } => continue,
                Place::Kept(filings) => {
                    let place = (self.account, self.mailbox);
                    let folders = file(tx, place, message.uid, filings, removal.at)?;
                    (accept::STORE, folders.join(", "))
                }
            };
            self.note(tx, message, (action, &target), removal.at)?;
        }
        Ok(run)
    }

    /// The fate of a message that met a rule again, if anything was done to it.
    fn note(
        &self,
        tx: &mut WriteTx<'_>,
        message: &Found,
        (action, target): (&str, &str),
        at: Timestamp,
    ) -> ServiceResult<()> {
        let Some(stored) = store::email::readable(tx, message.email)? else {
            return Ok(());
        };
        let looks: Vec<_> = message.ruled.looks.iter().map(Look::on_stored).collect();
        if !looks.iter().any(Look::acted) {
            return Ok(());
        }
        let fate = Fate {
            message: accept::received_id(&stored.head).unwrap_or_default(),
            at,
            config_size: self.config_size,
            account: Some(self.account),
            recipient: self.address.folded().to_string(),
            action: action.to_owned(),
            target: target.to_owned(),
            rules: accept::rules_json(&looks),
            session: None,
            credential: None,
            size: message.octets,
            reverse_path: return_path(&stored.head),
            message_id: accept::message_id(&stored.head),
            params: None,
            outcome: None,
        };
        let rules: Vec<_> = looks.iter().map(|look| look.rule.to_string()).collect();
        Ok(store::fate::insert(tx, &fate, &rules)?)
    }
}

/// Puts the message into the folders, each copy with the flags that are meant for it; it leaves its
/// own if none of them is. Gives the names of the folders.
fn file(
    tx: &mut WriteTx<'_>,
    (account, mailbox): (AccountId, MailboxId),
    uid: Uid,
    filings: &[Filing],
    now: Timestamp,
) -> ServiceResult<Vec<String>> {
    let mut folders: BTreeMap<MailboxId, FlagSet> = BTreeMap::new();
    let mut names = Vec::new();
    for filing in filings {
        let folder = match &filing.folder {
            Some(_) => {
                let (folder, name) = accept::folder(tx, account, filing)?;
                names.push(name.to_string());
                folder
            }
            None => mailbox,
        };
        let flags = accept::flags(tx, folder, filing)?;
        let wanted = folders.entry(folder).or_default();
        *wanted = wanted.union(flags);
    }
    // Its own copy comes last: the others begin with the flags that it had.
    let own = folders.remove(&mailbox);
    let last = if own.is_some() {
        None
    } else {
        folders.pop_last()
    };
    for (folder, flags) in folders {
        let copied = store::message::copy(tx, account, mailbox, &[uid], folder, now)?;
        add_flags(tx, (account, folder), &copied, flags)?;
    }
    if let Some((folder, flags)) = last {
        let moved = store::message::move_(tx, account, mailbox, &[uid], folder, now)?;
        add_flags(tx, (account, folder), &moved, flags)?;
    }
    if let Some(flags) = own {
        add_flags(tx, (account, mailbox), &[(uid, uid)], flags)?;
    }
    Ok(names)
}

/// Adds flags to messages by their new UIDs.
fn add_flags(
    tx: &mut WriteTx<'_>,
    (account, mailbox): (AccountId, MailboxId),
    copied: &[(Uid, Uid)],
    flags: FlagSet,
) -> ServiceResult<()> {
    if flags != FlagSet::default() {
        let uids: Vec<_> = copied.iter().map(|(_, uid)| *uid).collect();
        store::message::set_flags(tx, account, mailbox, &uids, FlagsChange::Add(flags))?;
    }
    Ok(())
}

/// The sender that the header block tells; empty if that is no address.
pub(super) fn return_path(head: &[u8]) -> String {
    let field = header::fields(head).find(|field| field.is("Return-Path"));
    let value = field
        .map(|field| header::unfolded(field.value))
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&value);
    let text = text.trim_start_matches('<').trim_end_matches('>');
    let address = text.parse::<Address>();
    address.map_or_else(|_| String::new(), |address| address.to_string())
}
