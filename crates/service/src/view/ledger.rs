//! The ledger, entry by entry, with proofs; and whether it is whole.

use std::num::NonZeroUsize;

use ledger::note::VerifierKey;
use ledger::proof::Proof;
use ledger::tiles::TileNodes;
use ledger::tree::inclusion_proof;
use ledger::verify::{Against, verify};
use ledger::{ActorKind, Claimed, Entry};
use policy::{Effect, Viewer};
use serde::Serialize;
use serde_json::Value;

use super::words;
use crate::Service;
use crate::actor::Actor;
use crate::error::{ServiceError, ServiceResult};
use crate::seal::LogVerdict;
use crate::start::LedgerFiles;
use crate::stored_ledger::StoredLedger;

/// Entries of one list.
const ENTRIES_MAX: usize = 1_000;

/// An entry as one line.
#[derive(Clone, Debug, Serialize)]
pub struct EntryView {
    /// Its number.
    pub seq: u64,
    /// When, RFC 3339.
    pub at: String,
    /// Who: an account's id, a user of the console, the server.
    pub who: String,
    /// Through which door.
    pub door: ledger::Door,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: String,
    /// The thing it happened to.
    pub object: Option<String>,
    /// What became of it.
    pub outcome: ledger::Outcome,
    /// `C0` to `C3`.
    pub class: String,
    /// What it does, one sentence each.
    pub effects: Vec<String>,
}

/// An entry with everything that is known about it.
#[derive(Clone, Debug, Serialize)]
pub struct EntryDetail {
    /// The line.
    #[serde(flatten)]
    pub line: EntryView,
    /// The words that the actor gave.
    pub reason: Option<String>,
    /// Address of the socket's peer.
    pub peer: Option<String>,
    /// Address of the client; another than the peer's only behind a proxy that is believed.
    pub client: Option<String>,
    /// What the other side said of itself; nobody vouches for it.
    pub claimed: Vec<String>,
    /// The entry as it is stored and signed.
    pub entry: Value,
}

/// The verdict over the whole ledger.
#[derive(Clone, Debug, Serialize)]
pub struct VerifyView {
    /// In the words of the verifier, with what it was checked against.
    pub verdict: String,
    /// Whether nothing is wrong.
    pub good: bool,
    /// Entries that were checked.
    pub size: u64,
    /// The root over them.
    pub root: String,
    /// What is wrong, if anything is.
    pub fault: Option<String>,
    /// What it was checked against.
    pub checked_against: String,
    /// The logs of what happened, each with its own verdict.
    pub logs: Vec<LogVerdict>,
}

impl Service {
    /// Entries from `from` on; the newest where it is missing.
    pub async fn ledger_list(
        &self,
        actor: &Actor,
        from: Option<u64>,
        limit: usize,
    ) -> ServiceResult<Vec<EntryView>> {
        self.may_read_server(actor)?;
        let limit = limit.min(ENTRIES_MAX);
        let newest = || self.config().size().saturating_sub(limit as u64);
        let entries = self
            .read_entries(from.unwrap_or_else(newest), limit)
            .await?;
        Ok(entries.iter().map(|entry| self.entry_view(entry)).collect())
    }

    /// One entry with all that is known about it.
    pub async fn ledger_show(&self, actor: &Actor, seq: u64) -> ServiceResult<EntryDetail> {
        self.may_read_server(actor)?;
        let entry = self.read_entry(seq).await?;
        let mut claimed = Vec::new();
        for (claim, value) in &entry.via.claimed {
            let value = match value {
                Claimed::Committed(commitment) => self.opened(*commitment).await?,
                Claimed::Plain(text) => String::from_utf8_lossy(text.as_bytes()).into_owned(),
            };
            let claim = serde_json::json!(claim);
            claimed.push(format!("{}={value}", claim.as_str().unwrap_or_default()));
        }
        let open = async |commitment| match commitment {
            Some(commitment) => self.opened(commitment).await.map(Some),
            None => Ok(None),
        };
        Ok(EntryDetail {
            line: self.entry_view(&entry),
            reason: open(entry.reason).await?,
            peer: open(entry.via.peer).await?,
            client: open(entry.via.client).await?,
            claimed,
            entry: serde_json::to_value(&entry).map_err(|_| ServiceError::Unavailable)?,
        })
    }

    /// The newest signed checkpoint, as a note.
    pub async fn ledger_checkpoint(&self, actor: &Actor) -> ServiceResult<String> {
        self.may_read_server(actor)?;
        self.newest_checkpoint().await
    }

    async fn newest_checkpoint(&self) -> ServiceResult<String> {
        let admission = self.inner.admission.lock().await;
        admission
            .signer
            .confirmed()
            .map(str::to_owned)
            .ok_or(ServiceError::NotFound("checkpoint"))
    }

    /// The proof that an entry stands in the ledger (C2SP tlog-proof).
    pub async fn ledger_proof(&self, actor: &Actor, seq: u64) -> ServiceResult<String> {
        self.may_read_server(actor)?;
        Ok(self.proof_of(seq).await?.to_string())
    }

    /// As [`Self::ledger_proof`], for whoever may see it.
    pub(crate) async fn proof_of(&self, seq: u64) -> ServiceResult<Proof> {
        let checkpoint = self.newest_checkpoint().await?;
        let size = self.read_checkpoint_size(&checkpoint)?;
        if seq >= size {
            return Err(ServiceError::NotFound("entry"));
        }
        let files = LedgerFiles::new(self.inner.store.ledger_folder());
        let hashes = inclusion_proof(&TileNodes::new(&files, size), seq, size).map_err(|err| {
            tracing::error!(error = %err, "no proof could be made: {err}");
            ServiceError::Unavailable
        })?;
        let note = ledger::note::Note::parse(checkpoint.as_bytes());
        let checkpoint = note.map_err(|_| ServiceError::Unavailable)?;
        Ok(Proof {
            extra: None,
            index: seq,
            hashes,
            checkpoint,
        })
    }

    /// Checks the whole ledger as it is stored, entry by entry.
    pub async fn ledger_verify(&self, actor: &Actor) -> ServiceResult<VerifyView> {
        self.may_read_server(actor)?;
        let key: VerifierKey = self
            .inner
            .vkey
            .parse()
            .map_err(|_| ServiceError::Unavailable)?;
        let against = Against {
            key: Some(key),
            copies: Vec::new(),
            now: self.clock().now(),
            copy_age_max_s: None,
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        };
        let stored = StoredLedger::new(self.inner.store.clone(), &self.inner.origin);
        let logs = self.verify_logs().await?;
        // While this is held nothing grows, so entries, tiles and checkpoint belong together.
        let _nobody_admits = self.inner.admission.lock().await;
        let task = tokio::task::spawn_blocking(move || verify(&stored, &against));
        let report = task.await.map_err(|_| ServiceError::Unavailable)?;
        let report = report.map_err(|err| {
            tracing::error!(error = %err, "the ledger could not be verified: {err}");
            ServiceError::Unavailable
        })?;
        Ok(VerifyView {
            verdict: report.verdict.to_string(),
            good: report.verdict.is_good() && logs.iter().all(|log| log.good),
            size: report.size,
            root: report.root.to_string(),
            fault: report
                .fault
                .map(|fault| format!("#{}: {}", fault.seq, fault.kind)),
            checked_against: "this server's own key; nothing outside".to_owned(),
            logs,
        })
    }

    fn read_checkpoint_size(&self, note: &str) -> ServiceResult<u64> {
        let key: VerifierKey = self
            .inner
            .vkey
            .parse()
            .map_err(|_| ServiceError::Unavailable)?;
        let checkpoint = ledger::checkpoint::Checkpoint::open(note.as_bytes(), &key);
        checkpoint
            .map(|checkpoint| checkpoint.size)
            .map_err(|_| ServiceError::Unavailable)
    }

    pub(crate) async fn read_entry(&self, seq: u64) -> ServiceResult<Entry> {
        let mut entries = self.read_entries(seq, 1).await?;
        entries
            .pop()
            .filter(|entry| entry.seq == seq)
            .ok_or(ServiceError::NotFound("entry"))
    }

    pub(crate) async fn read_entries(&self, first: u64, limit: usize) -> ServiceResult<Vec<Entry>> {
        let (log, size) = (self.inner.origin.to_string(), self.config().size());
        let read = self
            .inner
            .store
            .read(move |tx| store::ledger::entries(tx, &log, first, limit));
        let rows = read.await?.into_iter().filter(|row| row.seq < size);
        rows.map(|row| Entry::from_bytes(&row.bytes))
            .collect::<Result<_, _>>()
            .map_err(|err| {
                tracing::error!(error = %err, "a stored entry cannot be read: {err}");
                ServiceError::Unavailable
            })
    }

    pub(crate) fn entry_view(&self, entry: &Entry) -> EntryView {
        let config = self.config();
        let sentence = |effect: &Value| match serde_json::from_value::<Effect>(effect.clone()) {
            Ok(effect) => policy::sentence(&effect, &config, Viewer::Server),
            Err(_) => effect.to_string(),
        };
        EntryView {
            seq: entry.seq,
            at: entry.ts.to_rfc3339(),
            who: self.who(entry),
            door: entry.via.door,
            kind: entry.kind.clone(),
            object: entry.object.as_ref().map(|object| object.id.clone()),
            outcome: entry.outcome,
            class: format!("{:?}", entry.risk.class),
            effects: entry
                .effects
                .iter()
                .map(sentence)
                .chain(outside_edit(entry))
                .collect(),
        }
    }

    /// When an entry was made, RFC 3339, and by whom.
    pub(super) async fn entry_time_and_actor(&self, seq: u64) -> ServiceResult<(String, String)> {
        let entry = self.read_entry(seq).await?;
        Ok((entry.ts.to_rfc3339(), self.who(&entry)))
    }

    pub(crate) fn who(&self, entry: &Entry) -> String {
        let actor = &entry.actor;
        match (actor.kind, &actor.unix, &actor.id) {
            (ActorKind::UnixUser, Some(facts), _) => match facts.login_uid {
                Some(login) if login != facts.uid => {
                    format!("console uid {} (signed in as uid {login})", facts.uid)
                }
                _ => format!("console uid {}", facts.uid),
            },
            (ActorKind::Account, _, Some(id)) => {
                let name = |id| words::account_name(&self.config(), id);
                id.parse().map_or_else(|_| id.clone(), name)
            }
            (ActorKind::System, ..) => "the server".to_owned(),
            (ActorKind::Unknown, ..) => "unknown actor".to_owned(),
            (_, _, id) => id.clone().unwrap_or_else(|| "unknown actor".to_owned()),
        }
    }
}
/// What somebody did past the server, in words: it has no effect, since it is never obeyed.
fn outside_edit(entry: &Entry) -> Option<String> {
    if entry.kind != "security.oob_edit" {
        return None;
    }
    let after = entry.after.as_ref()?;
    let word = |key: &str| {
        after[key]
            .as_str()
            .map(policy::shown::visible)
            .unwrap_or_default()
    };
    let (what, place) = (word("what"), word("where"));
    Some(format!(
        "Somebody changed data past the server, which did not obey it: {what} ({place})."
    ))
}
