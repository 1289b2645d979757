//! `sealpost completion` and the man pages: written from the definition of the command line.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;
use clap_complete::Shell;

use super::definition;

/// The name of the program.
const PROGRAM: &str = "sealpost";

/// Prints the completions of a shell.
#[derive(Debug, clap::Args)]
pub(crate) struct Completion {
    /// Which shell.
    shell: Sort,
}

/// Shells that can complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Sort {
    /// GNU Bash.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
}

/// Writes the man pages, one for each command.
#[derive(Debug, clap::Args)]
pub(crate) struct Man {
    /// The folder to write them to.
    folder: PathBuf,
}

impl Completion {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let shell = match self.shell {
            Sort::Bash => Shell::Bash,
            Sort::Zsh => Shell::Zsh,
            Sort::Fish => Shell::Fish,
        };
        // In memory first: the generator knows no failure of writing, such as a closed pipe.
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut definition(), PROGRAM, &mut script);
        Ok(out.write_all(&script)?)
    }
}

impl Man {
    /// Carries it out.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        fs::create_dir_all(&self.folder)?;
        clap_mangen::generate_to(definition(), &self.folder)
            .with_context(|| format!("cannot write to {}", self.folder.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_page_and_each_shell_a_script() {
        let folder = tempfile::tempdir().unwrap();
        let pages = folder.path().join("man");
        let man = Man {
            folder: pages.clone(),
        };
        man.run().unwrap();
        for (page, words) in [
            ("sealpost.1", "records every change"),
            ("sealpost-account-add.1", "quota"),
            ("sealpost-ledger-verify.1", "EXAMPLES"),
        ] {
            let text = fs::read_to_string(pages.join(page)).unwrap();
            assert!(text.contains(words), "{page}: {text}");
        }
        assert!(!pages.join("sealpost-man.1").exists());
        for shell in [Sort::Bash, Sort::Zsh, Sort::Fish] {
            let mut script = Vec::new();
            Completion { shell }.run(&mut script).unwrap();
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains("catch-all"), "{shell:?}");
        }
    }
}
