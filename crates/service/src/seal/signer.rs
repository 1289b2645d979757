//! The signer of one log: it holds the edge of the tree, so what it signs is growth by construction.
//!
//! Its state lies in the keys folder, outside the data folder, so that a log cut back is noticed
//! and can go on behind what was signed.

use std::fs;
use std::io;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger::note::{SigningKey, VerifierKey};
use ledger::tiles::TileFile;
use ledger::{Checkpoint, HashTiles};
use policy::change::SealedLog;
use serde::{Deserialize, Serialize};
use types::Sha256;

use super::runs::Runs;
use crate::signer::{Signer, SignerError, file_error, replace_file};

const STATE_VERSION: u32 = 1;
const HASH_OCTETS: usize = 32;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateFile {
    v: u32,
    /// The note last signed; absent before the first.
    checkpoint: Option<String>,
    /// The hashes of the unfinished tiles, in base64.
    edge: String,
    /// Rows whose days have reached the end of their time.
    gone: Runs,
    /// Rows that are recorded as not what was signed.
    bad: Runs,
    /// Whether the log was closed behind the last signed row.
    closed: bool,
}

/// Signs checkpoints of one log.
pub(crate) struct LogSigner {
    log: SealedLog,
    dir: PathBuf,
    key: SigningKey,
    state: State,
    /// Set if another history of more rows was signed: then nothing is signed any more.
    pub(super) forked: Option<u64>,
    /// Rows behind the last signed one that were there although the log was closed.
    pub(super) after_close: Option<u64>,
}

/// What the signer knows.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) tiles: HashTiles,
    note: Option<String>,
    pub(super) gone: Runs,
    bad: Runs,
    closed: bool,
}

/// A tree that is the one last signed, grown, with the tile files that this brings.
pub(super) struct Growth {
    from: u64,
    tiles: HashTiles,
    pub(super) files: Vec<TileFile>,
}

/// What is needed to check a log, as it was at one moment.
pub(super) struct SealView {
    pub(super) log: SealedLog,
    pub(super) tiles: HashTiles,
    pub(super) gone: Runs,
    pub(super) forked: Option<u64>,
}

impl LogSigner {
    /// Reads the state of a log's signer; a log that was never signed has none.
    pub(super) fn open(signer: &Signer, log: SealedLog) -> Result<Self, SignerError> {
        let key = signer.sibling_key(log.as_str())?;
        let mut opened = Self {
            log,
            dir: signer.dir().to_owned(),
            key,
            state: State::default(),
            forked: None,
            after_close: None,
        };
        let path = opened.dir.join(opened.file_name());
        match fs::read(&path) {
            Ok(bytes) => {
                let state = parse(&bytes, opened.key.verifier());
                opened.state = state.ok_or(SignerError::Damaged { path })?;
            }
            Err(err) if err.kind() == io::ErrorKind::NotFound => {}
            Err(err) => return Err(file_error("read", &path)(err)),
        }
        Ok(opened)
    }

    fn file_name(&self) -> String {
        format!("sealed-{}", self.log)
    }

    pub(super) fn log(&self) -> SealedLog {
        self.log
    }

    pub(super) fn verifier(&self) -> &VerifierKey {
        self.key.verifier()
    }

    /// Rows that are signed.
    pub(super) fn size(&self) -> u64 {
        self.state.tiles.size()
    }

    /// Rows that are known to have been signed, in this history or another.
    pub(super) fn known_size(&self) -> u64 {
        self.size().max(self.forked.unwrap_or(0))
    }

    pub(super) fn root(&self) -> Sha256 {
        self.state.tiles.tree().root()
    }

    /// The newest signed checkpoint.
    pub(super) fn note(&self) -> Option<&str> {
        self.state.note.as_deref()
    }

    pub(super) fn tiles(&self) -> &HashTiles {
        &self.state.tiles
    }

    pub(super) fn bad(&self) -> &Runs {
        &self.state.bad
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.closed
    }

    pub(super) fn view(&self) -> SealView {
        SealView {
            log: self.log,
            tiles: self.state.tiles.clone(),
            gone: self.state.gone.clone(),
            forked: self.forked,
        }
    }

    /// The tree with these leaves behind those that are signed.
    pub(super) fn grow(&self, leaves: &[Sha256]) -> Growth {
        let mut tiles = self.state.tiles.clone();
        Growth {
            from: tiles.size(),
            files: tiles.append(leaves),
            tiles,
        }
    }

    /// Signs a growth of what was signed last.
    pub(super) fn sign(&mut self, growth: Growth) -> Result<(), SignerError> {
        let (from, size) = (growth.from, self.size());
        if from != size || self.forked.is_some() {
            let (signed, asked) = (self.known_size(), from);
            return Err(SignerError::NotGrowth { signed, asked });
        }
        let origin = self.verifier().name().clone();
        let root = growth.tiles.tree().root();
        let note = Checkpoint::new(origin, growth.tiles.size(), root)
            .sign(&self.key)
            .expect("the checkpoint is of the key's own log and is plain text");
        self.replace(State {
            tiles: growth.tiles,
            note: Some(note.to_string()),
            closed: false,
            ..self.state.clone()
        })
    }

    /// Takes up what its own key signed after the state that it is in; `tiles` must be its tree
    /// and have been grown from [`Self::tiles`].
    pub(super) fn adopt(&mut self, tiles: HashTiles, note: String) -> Result<bool, SignerError> {
        let ours = Checkpoint::open(note.as_bytes(), self.verifier());
        let fits =
            ours.is_ok_and(|ours| (ours.size, ours.root) == (tiles.size(), tiles.tree().root()));
        if fits {
            self.replace(State {
                tiles,
                note: Some(note),
                closed: false,
                ..self.state.clone()
            })?;
        }
        Ok(fits)
    }

    /// Says that no row follows the last signed one.
    pub(super) fn close(&mut self) -> Result<(), SignerError> {
        self.replace(State {
            closed: true,
            ..self.state.clone()
        })
    }

    /// Says that rows may follow the last signed one, before any does: rows that a crash leaves
    /// unsigned are then not taken for somebody else's.
    pub(super) fn reopen(&mut self) -> Result<(), SignerError> {
        if !self.state.closed {
            return Ok(());
        }
        self.replace(State {
            closed: false,
            ..self.state.clone()
        })
    }

    /// Remembers that these rows reached the end of their time; `false` if it cannot.
    pub(super) fn let_go(&mut self, rows: &Runs) -> Result<bool, SignerError> {
        let mut state = self.state.clone();
        state.gone.extend(rows);
        let all = rows.first_not_in(&state.gone).is_none();
        if all {
            self.replace(state)?;
        }
        Ok(all)
    }

    /// Remembers rows that are recorded as not what was signed.
    pub(super) fn remember(&mut self, rows: &Runs) -> Result<(), SignerError> {
        if rows.first_not_in(&self.state.bad).is_none() {
            return Ok(());
        }
        let mut state = self.state.clone();
        state.bad.extend(rows);
        self.replace(state)
    }

    fn replace(&mut self, state: State) -> Result<(), SignerError> {
        let edge: Vec<u8> = state.tiles.edge().iter().flat_map(|hash| hash.0).collect();
        let file = StateFile {
            v: STATE_VERSION,
            checkpoint: state.note.clone(),
            edge: STANDARD.encode(edge),
            gone: state.gone.clone(),
            bad: state.bad.clone(),
            closed: state.closed,
        };
        let bytes =
            serde_json::to_vec(&file).expect("a struct of texts and numbers has a JSON form");
        replace_file(&self.dir, &self.file_name(), &bytes)?;
        self.state = state;
        Ok(())
    }
}

fn parse(bytes: &[u8], key: &VerifierKey) -> Option<State> {
    let file: StateFile = serde_json::from_slice(bytes).ok()?;
    let edge = STANDARD.decode(&file.edge).ok()?;
    let (hashes, rest) = edge.as_chunks::<HASH_OCTETS>();
    let hashes: Vec<_> = hashes.iter().copied().map(Sha256).collect();
    let signed = match &file.checkpoint {
        Some(note) => Some(Checkpoint::open(note.as_bytes(), key).ok()?),
        None => None,
    };
    let tiles = HashTiles::from_edge(signed.as_ref().map_or(0, |signed| signed.size), &hashes)?;
    let fits = signed.is_none_or(|signed| signed.root == tiles.tree().root());
    (fits && rest.is_empty() && file.v == STATE_VERSION).then_some(State {
        tiles,
        note: file.checkpoint,
        gone: file.gone,
        bad: file.bad,
        closed: file.closed,
    })
}
