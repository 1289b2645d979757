//! Something that did not come from this server, and the evidence of it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use policy::change::OutsideEdit;
use serde_json::{Value, json};
use store::Store;
use store::ledger::StoredEntry;
use types::Sha256;

/// Rogue values whose bytes are kept as evidence; more are counted.
const EVIDENCE_VALUES_MAX: usize = 100;
/// Octets that are kept of one of them; beside them stands the SHA-256 of all.
const EVIDENCE_OCTETS_MAX: usize = 8_192;

/// Something that did not come from this server.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) what: String,
    pub(crate) place: String,
    pub(crate) evidence: Vec<u8>,
}

impl Finding {
    /// Rows of the ledger, the first at `first`; those that are missing have no bytes.
    pub(super) fn rows(store: &Store, what: &str, first: u64, rows: &[&StoredEntry]) -> Self {
        let kept: Vec<_> = rows
            .iter()
            .take(EVIDENCE_VALUES_MAX)
            .map(|row| json!({"seq": row.seq.to_string(), "value": value(&row.bytes)}))
            .collect();
        let evidence = json!({
            "rows": rows.len(), "first_rows": kept, "database": database_facts(store),
        });
        Self::new(what, format!("ledger_entry {first}"), &evidence)
    }

    /// A newest checkpoint in the database that is not the signed one.
    pub(super) fn checkpoint(store: &Store, found: Option<(u64, Vec<u8>)>) -> Self {
        let size = found.as_ref().map_or(0, |(size, _)| *size);
        let found = found.map(|(_, bytes)| value(&bytes));
        let evidence = json!({"found": found, "database": database_facts(store)});
        let what = "the newest checkpoint is missing or not as it was signed";
        Self::new(what, format!("ledger_checkpoint {size}"), &evidence)
    }

    /// A file of the second copy.
    pub(super) fn file(path: &Path, name: &str, found: Option<&[u8]>) -> Self {
        let evidence = json!({"found": found.map(value), "file": file_facts(path)});
        let what = "a file of the second copy is missing or not as it was written";
        Self::new(what, format!("ledger/{name}"), &evidence)
    }

    /// The keys folder remembers less than the ledger proves.
    pub(super) fn older_keys(store: &Store, remembered: u64, adopted: u64) -> Self {
        let evidence = json!({
            "remembered": remembered.to_string(),
            "adopted": adopted.to_string(),
            "database": database_facts(store),
        });
        let what = "the keys folder is older than the ledger; what its own key had signed since \
                    was taken up again, values sealed with newer subject keys read as erased";
        Self::new(what, "keys/signer-state".to_owned(), &evidence)
    }

    /// An object that entries name is not what they name. It is never obeyed, and the way to put
    /// it right is a change, so changes do not wait.
    pub(super) fn object(id: Sha256, owner: &str, found: Option<&[u8]>) -> Self {
        let sha256 = found.map(|bytes| ledger::object_id(bytes).to_string());
        let evidence = json!({"object": id.to_string(), "of": owner, "found_sha256": sha256});
        let what = format!("the object of {owner} is missing or not as it was recorded");
        let place = format!("{}{id}", OutsideEdit::OBJECT_PLACE);
        Self::new(&what, place, &evidence)
    }

    /// What the ledger and its copy were while they could not be put right; they are whole again.
    pub(crate) fn mended(fault: &str) -> Self {
        let what = format!("for a while it could not be put right: {fault}");
        Self::new(&what, "ledger".to_owned(), &Value::Null)
    }

    /// Whether grave changes wait until somebody has looked.
    pub(crate) fn freezes(&self) -> bool {
        OutsideEdit::freezes_at(&self.place)
    }

    fn new(what: &str, place: String, evidence: &Value) -> Self {
        Self {
            what: what.to_owned(),
            place,
            evidence: evidence.to_string().into_bytes(),
        }
    }

    /// The record of it, once its evidence is stored under `evidence`.
    pub(crate) fn change(&self, evidence: Sha256) -> OutsideEdit {
        OutsideEdit {
            what: self.what.clone(),
            place: self.place.clone(),
            evidence: Some(evidence),
        }
    }
}

fn value(bytes: &[u8]) -> Value {
    let kept = &bytes[..bytes.len().min(EVIDENCE_OCTETS_MAX)];
    json!({
        "octets": bytes.len(),
        "sha256": ledger::object_id(bytes).to_string(),
        "b64": STANDARD.encode(kept),
    })
}

/// Times and owners of the database's files, which an intruder may have forgotten to reset.
fn database_facts(store: &Store) -> Value {
    let data = store.ledger_folder();
    let data = data.parent().unwrap_or(&data);
    let names = ["mail.db", "mail.db-wal"];
    names
        .into_iter()
        .map(|name| (name.to_owned(), file_facts(&data.join(name))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn file_facts(path: &Path) -> Value {
    fs::metadata(path).map_or(Value::Null, |meta| {
        json!({
            "uid": meta.uid(), "gid": meta.gid(), "mode": format!("{:o}", meta.mode()),
            "octets": meta.len(), "modified_s": meta.mtime(), "changed_s": meta.ctime(),
        })
    })
}
