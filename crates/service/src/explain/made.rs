//! Who made a change and by which way, as its entry and session tell.

use ledger::{ActorKind, Claimed, CredentialKind, Entry};
use serde::{Deserialize, Serialize};
use types::{AccountId, SessionId, Timestamp};

use super::{Step, when};
use crate::Service;
use crate::error::ServiceResult;
use crate::shell::quoted;
use crate::view::words;

/// Who made a change, and how.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MadeBy {
    /// The entry that tells it.
    pub entry: u64,
    /// When, RFC 3339.
    pub at: String,
    /// Who.
    pub who: String,
    /// The account, if one did it.
    pub account: Option<AccountId>,
    /// Whether that account is gone.
    pub author_is_gone: bool,
    /// Through which door, in words.
    pub door: String,
    /// The session.
    pub session: Option<SessionId>,
    /// The address that it came from.
    pub from: Option<String>,
    /// Since when the account is known to come from there; none if it had never come from there.
    pub from_known_since: Option<String>,
    /// What it signed in with.
    pub signed_in_with: Option<String>,
    /// What the other side said of itself.
    pub claimed: Vec<String>,
}

impl Service {
    /// Who made the change of an entry, and how.
    pub(super) async fn made(&self, entry: &Entry) -> ServiceResult<MadeBy> {
        let config = self.config();
        let id = entry.actor.id.as_deref().unwrap_or_default();
        let account: Option<AccountId> = id.parse().ok();
        let from = self.entry_source(entry).await;
        let from_known_since = match (account, &from) {
            (Some(account), Some(from)) => self.known_since(account, from, entry).await?,
            _ => None,
        };
        let mut claimed = Vec::new();
        for (claim, value) in &entry.via.claimed {
            let value = match value {
                Claimed::Committed(commitment) => self.opened(*commitment).await?,
                Claimed::Plain(text) => String::from_utf8_lossy(text.as_bytes()).into_owned(),
            };
            let claim = serde_json::to_value(claim).unwrap_or_default();
            let value = policy::shown::visible(&value);
            claimed.push(format!("{}={value}", claim.as_str().unwrap_or_default()));
        }
        Ok(MadeBy {
            entry: entry.seq,
            at: entry.ts.to_rfc3339(),
            who: self.who(entry),
            account,
            author_is_gone: account.is_some_and(|id| config.account(id).is_none()),
            door: words::door(entry.via.door).to_owned(),
            session: entry.actor.session,
            from,
            from_known_since,
            signed_in_with: self.signed_in_with(entry).await,
            claimed,
        })
    }

    /// When an account came from a source first, if that was before the session of the entry.
    async fn known_since(
        &self,
        account: AccountId,
        source: &str,
        entry: &Entry,
    ) -> ServiceResult<Option<String>> {
        let (source, session) = (source.to_owned(), entry.actor.session);
        let until = entry.ts;
        let read = self
            .inner
            .store
            .read(move |tx| store::session::first_from(tx, account, &source, (until, session)));
        let first = read.await?;
        Ok(first.map(|known| known.begin.started_at.to_rfc3339()))
    }

    /// The credential of the session that made an entry, with its age.
    async fn signed_in_with(&self, entry: &Entry) -> Option<String> {
        let credential = entry.actor.credential.as_ref()?;
        let kind = match credential.kind {
            CredentialKind::Password => "its password",
            CredentialKind::AppPassword => "an app password",
            CredentialKind::Passkey => "a passkey",
            CredentialKind::Totp => "a second factor",
            CredentialKind::RecoveryCode => "a recovery code",
            CredentialKind::ApiToken => "a token",
            CredentialKind::Certificate => "a certificate",
        };
        let set = self.read_entry(credential.made_seq).await.ok();
        let set = set.map(|made| format!(", set {} (entry {})", when(made.ts), made.seq));
        let factors = match entry.actor.factors.len() {
            0 | 1 => "no second factor was shown",
            _ => "a second factor was shown",
        };
        Some(format!("{kind}{}; {factors}", set.unwrap_or_default()))
    }
}

impl MadeBy {
    /// The lines under WHO.
    pub(super) fn who_lines(&self, kind: ActorKind) -> Vec<String> {
        let session = self.session.map(|id| format!(", session {id}"));
        let session = session.unwrap_or_default();
        vec![match kind {
            ActorKind::Unknown => "UNKNOWN ACTOR: state changed with no entry.".to_owned(),
            ActorKind::System => "The server itself.".to_owned(),
            ActorKind::UnixUser => {
                format!("{}: whoever works as that user of this machine.", self.who)
            }
            _ => format!("{}{session}.", self.who),
        }]
    }

    /// The lines under HOW.
    pub(super) fn how_lines(&self) -> Vec<String> {
        let moment = Timestamp::from_rfc3339(&self.at)
            .map(when)
            .unwrap_or_default();
        let mut line = format!("Through {}, {moment}", self.door);
        if let Some(from) = &self.from {
            line.push_str(&format!(", from {from}"));
            line.push_str(&match (&self.from_known_since, self.account) {
                (_, None) => String::new(),
                (None, _) => ": NEW, this account had never come from there".to_owned(),
                (Some(since), _) => {
                    let since = Timestamp::from_rfc3339(since).map(when);
                    format!(": known since {}", since.unwrap_or_default())
                }
            });
        }
        let mut lines = vec![format!("{line}.")];
        lines.extend(
            self.signed_in_with
                .as_ref()
                .map(|with| format!("Signed in with {with}.")),
        );
        if !self.claimed.is_empty() {
            let claims = self.claimed.join(", ");
            lines.push(format!(
                "It said of itself (nobody vouches for it): {claims}."
            ));
        }
        lines
    }

    /// What stays dark about the actor.
    pub(super) fn not_known(&self) -> Vec<String> {
        match (self.account, &self.signed_in_with) {
            (Some(_), Some(with)) if with.contains("password") => {
                vec![
                    "How the password was obtained, if it was not its owner who used it."
                        .to_owned(),
                ]
            }
            (Some(_), _) => vec!["Whether it was the owner of the account who did it.".to_owned()],
            (None, _) => vec!["Which person it was: the machine knows its user only.".to_owned()],
        }
    }

    /// What shuts the actor out.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.account.is_some() && !self.author_is_gone {
            let who = &self.who;
            steps.push(Step::new(
                "another password; its sessions end",
                format!("sealpost account passwd {}", quoted(who)),
            ));
        }
        if let (Some(from), Some(_)) = (&self.from, self.account) {
            steps.push(Step::new(
                "refuse what comes from there for a day",
                format!("sealpost block add {from}"),
            ));
        }
        steps
    }
}
