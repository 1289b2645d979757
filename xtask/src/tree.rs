//! The files of the project as text, and what a check has to say about one of them.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

/// Folders that hold nothing written by hand.
const SKIPPED_FOLDERS: [&str; 4] = [".git", "corpus", "artifacts", "node_modules"];

/// Files that nobody writes by hand; `.git` is one in a linked work tree.
const SKIPPED_FILES: [&str; 2] = [".git", "Cargo.lock"];

/// Folders whose files are inputs for tests, byte for byte, and obey no rule about text.
const SAMPLE_FOLDERS: [&str; 2] = ["fuzz-seeds", "testdata"];

/// A text file of the project.
pub(crate) struct File {
    /// Path from the root of the workspace, with `/` between its parts.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    /// Whether the file is Rust source.
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

/// A broken rule: where, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl Finding {
    /// Notes that `path` breaks a rule at `line` (counted from 1).
    pub(crate) fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Reads every text file below `root` in the order of their names, without build results,
/// samples and files that are not UTF-8.
pub(crate) fn read(root: &Path) -> anyhow::Result<Vec<File>> {
    let mut files = Vec::new();
    read_folder(root, "", &mut files)?;
    Ok(files)
}

fn read_folder(folder: &Path, prefix: &str, files: &mut Vec<File>) -> anyhow::Result<()> {
    let listing = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut entries = listing.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() && !is_skipped(&name) {
            read_folder(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file() && !SKIPPED_FILES.contains(&name.as_str()) {
            let octets = fs::read(entry.path()).with_context(|| format!("reading {path}"))?;
            if let Ok(text) = String::from_utf8(octets) {
                files.push(File { path, text });
            }
        }
    }
    Ok(())
}

fn is_skipped(name: &str) -> bool {
    name.starts_with("target") || SKIPPED_FOLDERS.contains(&name) || SAMPLE_FOLDERS.contains(&name)
}
