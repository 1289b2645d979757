//! How a run ends: exit codes that scripts rely on, and failures that carry one.

use std::fmt;
use std::io::ErrorKind;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use service::{KeysError, SignerError, StartError};

/// Why a run failed, as its exit code. The numbers are a published contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Exit {
    /// It did not work.
    Failed,
    /// The command line or a value in it is wrong.
    Usage,
    /// The thing that was named does not exist.
    NotFound,
    /// Whoever asked may not do this.
    NotAllowed,
    /// The ledger does not prove what it should.
    Unverified,
    /// Something exists already, or was changed by somebody else meanwhile.
    Conflict,
    /// No server answers.
    Unreachable,
}

impl Exit {
    /// The number that the shell sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::NotAllowed => 4,
            Self::Unverified => 6,
            Self::Conflict => 7,
            Self::Unreachable => 8,
        }
    }
}

/// A failure with the words for the person and the code for the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    exit: Exit,
    words: String,
}

impl Failure {
    /// `words` say what failed, why, and what to do.
    pub(crate) fn new(exit: Exit, words: impl Into<String>) -> Self {
        Self {
            exit,
            words: words.into(),
        }
    }

    /// The code for the script.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// A mistake on the command line.
    pub(crate) fn usage(words: impl Into<String>) -> Self {
        Self::new(Exit::Usage, words)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for Failure {}

/// Prints why a run failed and gives its exit code.
pub(crate) fn settle(result: anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    // A reader that has seen enough, such as `head`, is no failure of ours.
    if is_closed_pipe(&error) {
        return ExitCode::SUCCESS;
    }
    eprintln!("sealpost: {}", told(&error));
    ExitCode::from(exit_of(&error).code())
}

/// The error with its causes, each said once: many messages quote their cause already.
fn told(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if told.is_empty() {
            told = cause;
        } else if !told.contains(&cause) {
            told = format!("{told}: {cause}");
        }
    }
    told
}

fn exit_of(error: &anyhow::Error) -> Exit {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.exit;
    }
    if let Some(error) = error.downcast_ref::<StartError>() {
        return start_exit(error);
    }
    let mut causes = error.chain();
    let missing = |cause: &(dyn std::error::Error + 'static)| {
        let cause = cause.downcast_ref::<std::io::Error>();
        cause.is_some_and(|cause| cause.kind() == ErrorKind::NotFound)
    };
    match causes.any(missing) {
        true => Exit::NotFound,
        false => Exit::Failed,
    }
}

/// Why a server does not start; with all but [`Exit::Failed`] trying again is of no use.
fn start_exit(error: &StartError) -> Exit {
    match error {
        StartError::OtherLedger { .. }
        | StartError::Forked { .. }
        | StartError::RolledBack { .. }
        | StartError::Damaged { .. }
        | StartError::NotUnderstood { .. } => Exit::Unverified,
        StartError::Keys(KeysError::Damaged { .. })
        | StartError::Signer(SignerError::Damaged { .. }) => Exit::Unverified,
        StartError::Keys(KeysError::File { source, .. })
        | StartError::Signer(SignerError::File { source, .. })
            if source.kind() == ErrorKind::NotFound =>
        {
            Exit::NotFound
        }
        StartError::Keys(KeysError::Exposed { .. }) => Exit::NotAllowed,
        StartError::SetupUnfinished { .. } => Exit::NotFound,
        StartError::Mode { .. } => Exit::Conflict,
        _ => Exit::Failed,
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_failure_keeps_its_code_under_added_words() {
        let failed: anyhow::Result<()> = Err(Failure::new(Exit::NotFound, "no such domain").into());
        let error = failed.context("reading the domain").unwrap_err();
        assert_eq!(exit_of(&error), Exit::NotFound);
        assert_eq!(exit_of(&anyhow::anyhow!("other")), Exit::Failed);
        let missing = std::fs::read("/nonexistent").context("reading the password file");
        assert_eq!(exit_of(&missing.unwrap_err()), Exit::NotFound);
    }

    #[test]
    fn what_does_not_mend_itself_is_told_from_what_may() {
        let path = std::path::PathBuf::from("/keys/ledger-key");
        let file = |kind: ErrorKind| SignerError::File {
            action: "read",
            path: path.clone(),
            source: kind.into(),
        };
        let damaged = KeysError::Damaged { path: path.clone() };
        let exposed = KeysError::Exposed { path: path.clone() };
        for (error, exit) in [
            (StartError::from(file(ErrorKind::NotFound)), Exit::NotFound),
            (file(ErrorKind::StorageFull).into(), Exit::Failed),
            (damaged.into(), Exit::Unverified),
            (exposed.into(), Exit::NotAllowed),
        ] {
            assert_eq!(start_exit(&error), exit, "{error}");
        }
    }

    #[test]
    fn the_numbers_are_those_of_the_contract() {
        let codes = [
            (Exit::Failed, 1),
            (Exit::Usage, 2),
            (Exit::NotFound, 3),
            (Exit::NotAllowed, 4),
            (Exit::Unverified, 6),
            (Exit::Conflict, 7),
            (Exit::Unreachable, 8),
        ];
        for (exit, code) in codes {
            assert_eq!(exit.code(), code, "{exit:?}");
        }
    }
}
