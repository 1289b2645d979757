//! What a rule would do to one message, and why: the message is given, or it came here before.
//!
//! Nothing is changed. A look at somebody's stored message is recorded before it is answered.

use std::net::IpAddr;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use policy::{Config, Right, RuleLevel};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sieve::{Action, Decision, Outcome, Script};
use store::fate::{self, Fate, FateKey};
use store::{ReadTx, StoreResult};
use types::{AccountId, Address, Timestamp};

use super::look_back::{Looking, RuleSource, return_path};
use super::world::Arrived;
use crate::Service;
use crate::accept;
use crate::actor::Actor;
use crate::error::{ServiceError, ServiceResult};
use crate::mime::Filterable;

/// Octets of a message that is given.
pub const TRIAL_MESSAGE_MAX_OCTETS: usize = 524_288;
/// Stored messages that are looked at for the one that is meant.
const CANDIDATES_MAX: usize = 100;
/// Fates that are looked at for it.
const FATES_MAX: usize = 1_000;
/// Tests that are told.
const TESTS_MAX: usize = 40;

/// The message on which a rule is tried.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialMessage {
    /// One that somebody has.
    Given {
        /// All of it.
        message: MessageOctets,
        /// The sender of the envelope; empty for none.
        from: String,
        /// For whom it came; `None`: the owner of the rule, or the first of To who is here.
        to: Option<Address>,
        /// Where it came from; `None` if nobody knows.
        source: Option<IpAddr>,
    },
    /// One that came here.
    Stored {
        /// The id of the reply to the client, or a Message-ID.
        id: String,
        /// For whom it came, if it came for several.
        to: Option<Address>,
    },
}

/// The octets of a message; Base64 where it is written down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageOctets(pub Vec<u8>);

impl Serialize for MessageOctets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for MessageOctets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let octets = BASE64_STANDARD.decode(text);
        octets.map(Self).map_err(serde::de::Error::custom)
    }
}

/// What a rule would do to one message, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleTrial {
    /// Who sent it, by the envelope.
    pub from: String,
    /// For whom.
    pub to: Address,
    /// What it would do, in words; empty if nothing.
    pub does: Vec<String>,
    /// Whether no later rule of its list would look at the message.
    pub ends: bool,
    /// What it looked at, in this order, as it was found.
    pub found: Vec<TrialTest>,
    /// What it wanted and did not get.
    pub notes: Vec<String>,
    /// Conditions that nobody can answer for this message; they counted as not given.
    pub unknown: Vec<String>,
    /// Why it could not run to its end; such a message is kept.
    pub failed: Option<String>,
}

/// One test that had its part in what a rule would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialTest {
    /// The script that it includes and in which the test stands, if it is not its own.
    pub script: Option<String>,
    /// The line.
    pub line: u32,
    /// Whether the test held.
    pub held: bool,
    /// What was found, in words.
    pub words: String,
}

/// A message with how it came.
struct Came {
    octets: Vec<u8>,
    from: String,
    to: Address,
    source: Option<IpAddr>,
    at: Timestamp,
}

impl Service {
    /// What a rule would do to a message, and why.
    pub async fn rule_test(
        &self,
        actor: &Actor,
        source: &RuleSource,
        message: TrialMessage,
    ) -> ServiceResult<RuleTrial> {
        let looking = self.looking(actor, source)?;
        let came = match message {
            TrialMessage::Given {
                message,
                from,
                to,
                source,
            } => {
                let MessageOctets(octets) = message;
                if octets.len() > TRIAL_MESSAGE_MAX_OCTETS {
                    let why = format!(
                        "the message is larger than {}",
                        policy::shown::octets(TRIAL_MESSAGE_MAX_OCTETS as u64)
                    );
                    return Err(ServiceError::Refused(why));
                }
                Came {
                    to: looking.recipient(to, &octets)?,
                    octets,
                    from,
                    source,
                    at: looking.at,
                }
            }
            TrialMessage::Stored { id, to } => self.stored(actor, &looking, &id, to).await?,
        };
        let read = move |tx: &ReadTx<'_>| Ok(looking.tried(tx, &came));
        Ok(self.inner.store.read(read).await?)
    }

    /// The message of this id that came here, for an account whose mail the actor may manage.
    async fn stored(
        &self,
        actor: &Actor,
        looking: &Looking,
        id: &str,
        to: Option<Address>,
    ) -> ServiceResult<Came> {
        let (key, to) = (id.to_owned(), to.map(|to| to.folded().to_string()));
        let fates = self.inner.store.read(move |tx| fates(tx, &key)).await?;
        let config = &looking.config;
        let meant = |fate: &&Fate| to.as_ref().is_none_or(|to| fate.recipient == *to);
        let fate = fates.iter().filter(meant).find(|fate| looking.sees(fate));
        let missing =
            ServiceError::NotFound("message of this id among the mail that the rule sees");
        let (fate, account) = match fate.map(|fate| (fate, fate.account)) {
            Some((fate, Some(account))) => (fate.clone(), account),
            _ => return Err(missing),
        };
        let owner = config
            .account(account)
            .ok_or(ServiceError::NotFound("account"))?;
        self.may_on_server(actor, &Right::ManageAccount(owner.subject()))?;
        let look = (looking, Some(account));
        self.record_look(actor, "test on a message", look).await?;
        let source = self.source_of(&fate).await?;
        let (token, at) = (fate.message.clone(), fate.at);
        let find = move |tx: &ReadTx<'_>| octets_of(tx, account, &token, at);
        let octets = self.inner.store.read(find).await?;
        let gone = ServiceError::NotFound("copy of this message here any more");
        Ok(Came {
            octets: octets.ok_or(gone)?,
            from: fate.reverse_path,
            to: fate
                .recipient
                .parse()
                .unwrap_or_else(|_| owner.address.clone()),
            source,
            at,
        })
    }
}

/// The fates of a message by its id or Message-ID, newest first.
fn fates(tx: &ReadTx<'_>, id: &str) -> StoreResult<Vec<Fate>> {
    let bare = id.trim_start_matches('<').trim_end_matches('>');
    let find = |key| fate::find(tx, key, Timestamp(0), Timestamp(i64::MAX), FATES_MAX);
    let by_token = find(FateKey::Message(bare))?;
    match by_token.is_empty() {
        true => find(FateKey::MessageId(&format!("<{bare}>"))),
        false => Ok(by_token),
    }
}

/// The stored message that came then and whose trace field names this id.
fn octets_of(
    tx: &ReadTx<'_>,
    account: AccountId,
    token: &str,
    at: Timestamp,
) -> StoreResult<Option<Vec<u8>>> {
    for email in store::email::arrived_at(tx, account, at, CANDIDATES_MAX)? {
        let Some(found) = store::email::readable(tx, email)? else {
            continue;
        };
        if accept::received_id(&found.head).as_deref() == Some(token) {
            let body = tx.read_blob(&found.body)?;
            return Ok(Some([found.head, body].concat()));
        }
    }
    Ok(None)
}

impl Looking {
    /// Whether the rule looks at mail that took this way: that of its level's accounts, and what
    /// reached an account elsewhere through an address of its domain.
    fn sees(&self, fate: &Fate) -> bool {
        let through = fate.recipient.parse::<Address>();
        let domain = through
            .ok()
            .and_then(|to| Some(self.config.domain(to.domain())?.id));
        let by_address = domain.is_some_and(|id| self.level == RuleLevel::Domain(id));
        let account = fate.account;
        account.is_some_and(|id| by_address || self.config.levels_of(id).contains(&self.level))
    }

    /// For whom a given message came.
    fn recipient(&self, to: Option<Address>, message: &[u8]) -> ServiceResult<Address> {
        if let Some(to) = to.or_else(|| self.owner()) {
            return Ok(to);
        }
        let message = Filterable::new(message);
        let named = sieve_addresses(&message);
        let here = named
            .into_iter()
            .find(|address| is_here(&self.config, address));
        here.ok_or_else(|| {
            ServiceError::Refused("nobody in To is here; say for whom it came".to_owned())
        })
    }

    fn owner(&self) -> Option<Address> {
        match self.level {
            RuleLevel::Account(id) => {
                let account = self.config.account(id);
                account.map(|account| account.address.clone())
            }
            RuleLevel::Server | RuleLevel::Domain(_) => None,
        }
    }

    fn tried(&self, tx: &ReadTx<'_>, came: &Came) -> RuleTrial {
        let from = match came.from.as_str() {
            "" => return_path(&came.octets),
            from => from.to_owned(),
        };
        let arrived = Arrived {
            source: came.source.unwrap_or(super::look_back::NOWHERE),
            ..self.arrived(from.clone(), came.at)
        };
        let message = Filterable::new(came.octets.as_slice());
        let world = self.world(tx, &arrived, &came.to, &message);
        let mut trial = RuleTrial {
            from,
            to: came.to.clone(),
            does: Vec::new(),
            ends: false,
            found: Vec::new(),
            notes: Vec::new(),
            unknown: self.unknown(came),
            failed: None,
        };
        match sieve::run(&self.script, &message, &world) {
            Ok(outcome) => {
                trial.does = would(&outcome);
                trial.ends = self.stop && outcome.stopped;
                let told = outcome.decisions.iter().take(TESTS_MAX);
                trial.found = told.map(|decision| self.told(decision)).collect();
                let notes = outcome.notes.iter();
                trial.notes = notes
                    .map(|note| format!("{}: {}", note.at, note.left))
                    .collect();
            }
            Err(err) => trial.failed = Some(err.to_string()),
        }
        trial
    }

    /// What it asks for and nobody can say of this message.
    fn unknown(&self, came: &Came) -> Vec<String> {
        let asked = sieve::assume(&self.script, sieve::Circumstances::NotTheTime);
        let is_source = |words: &String| words.contains(sieve::item::SENDING_SERVER);
        let known = |words: &String| came.source.is_some() && is_source(words);
        let unknown = asked.conditions.into_iter();
        unknown.filter(|words| !known(words)).collect()
    }

    fn told(&self, decision: &Decision) -> TrialTest {
        let script: Option<&Script> = match &decision.script {
            None => Some(&self.script),
            Some(name) => {
                let rule = self.config.script_named(self.level, name);
                rule.and_then(|rule| rule.script.as_deref())
            }
        };
        let words = script
            .and_then(|script| sieve::condition_at(script, decision.at, decision.held))
            .unwrap_or_else(|| "a condition".to_owned());
        TrialTest {
            script: decision.script.clone(),
            line: decision.at.line,
            held: decision.held,
            words,
        }
    }
}

fn sieve_addresses(message: &Filterable<'_>) -> Vec<Address> {
    use sieve::Message as _;
    let fields = message.parts().iter().take(1).flat_map(|part| &part.fields);
    let to = fields.filter(|field| field.name.eq_ignore_ascii_case("to"));
    let named = to.flat_map(|field| sieve::addresses(&field.raw));
    named.filter_map(|address| address.parse().ok()).collect()
}

fn is_here(config: &Config, address: &Address) -> bool {
    config
        .expand(address)
        .is_ok_and(|reached| !reached.accounts.is_empty())
}

/// What an outcome does, in words that go on after "It would".
fn would(outcome: &Outcome) -> Vec<String> {
    let mut words: Vec<_> = outcome.actions.iter().filter_map(action).collect();
    if outcome.implicit_keep {
        let flags = outcome.flags.iter().flatten();
        words.extend(flags.map(|flag| flagged(flag)));
    }
    words
}

fn action(action: &Action) -> Option<String> {
    let flags = |flags: &[String]| {
        let flags: Vec<_> = flags.iter().map(|flag| flagged(flag)).collect();
        match flags.is_empty() {
            true => String::new(),
            false => format!(" and {}", flags.join(" and ")),
        }
    };
    Some(match action {
        Action::Keep { flags: set } => format!("keep it{}", flags(set)),
        Action::Discard => "delete it".to_owned(),
        Action::FileInto {
            mailbox,
            copy,
            flags: set,
            ..
        } => {
            let verb = if *copy { "put a copy" } else { "put it" };
            format!("{verb} into the folder {mailbox:?}{}", flags(set))
        }
        Action::Redirect {
            address,
            copy: true,
        } => format!("send a copy to {address}"),
        Action::Redirect { address, .. } => format!("send it to {address} and keep no copy"),
        Action::Reject { reason, .. } => format!("refuse it with {reason:?}"),
        Action::AddHeader { name, value, .. } => {
            format!("add the header field \"{name}: {value}\"")
        }
        Action::DeleteHeader { name, .. } => format!("remove a header field {name:?}"),
        Action::Vacation(reply) => format!("answer the sender with {:?}", reply.reason),
        Action::Notify { method, .. } => format!("tell {method}"),
        Action::Remember { .. } => return None,
    })
}

fn flagged(flag: &str) -> String {
    match flag {
        "\\Seen" => "mark it as read".to_owned(),
        "\\Deleted" => "mark it as deleted".to_owned(),
        flag => format!("flag it {flag}"),
    }
}
