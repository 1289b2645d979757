//! Secrets on their way in: from a prompt without echo, a file or standard input, never from argv.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Read, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use net::Random;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use types::Secret;

use crate::exit::Failure;

/// Octets of a secret file; a private key has a few thousand.
const SECRET_MAX_OCTETS: u64 = 65_536;
/// Letters of a generated password, five bits each.
const GENERATED_LETTERS: usize = 20;
/// Letters between two hyphens of a generated password.
const GROUP_LETTERS: usize = 5;

/// Where a new password comes from.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct PasswordSource {
    /// Read the password from the first line of FILE; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Make a password and print it once.
    #[arg(long, conflicts_with = "password_file")]
    generate: bool,
}

/// What is done where the flags name no source of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Otherwise {
    /// Ask at the terminal.
    Ask,
    /// Fail and name the flags.
    Fail,
    /// Take any good password: nothing will be changed.
    TakeAny,
}

/// A new password, and whether the person must still be told it.
#[derive(Debug)]
pub(crate) struct NewPassword {
    /// The password.
    pub(crate) secret: Secret,
    /// Whether it was made here.
    pub(crate) generated: bool,
}

impl PasswordSource {
    /// The password from where the flags say, else as `otherwise` says.
    pub(crate) fn read(&self, otherwise: Otherwise, whose: &str) -> anyhow::Result<NewPassword> {
        if self.generate {
            return Ok(generate(&Random::system()));
        }
        if let Some(path) = &self.password_file {
            let secret = first_line(path)?;
            return Ok(NewPassword {
                secret,
                generated: false,
            });
        }
        if otherwise == Otherwise::TakeAny {
            return Ok(NewPassword {
                generated: false,
                ..generate(&Random::system())
            });
        }
        if otherwise == Otherwise::Fail || !io::stdin().is_terminal() {
            let words = format!(
                "no password for {whose}: add --password-file FILE (- for standard input) or \
                 --generate"
            );
            return Err(Failure::usage(words).into());
        }
        let secret = prompt(&format!("New password for {whose}: "))?;
        if secret.expose() != prompt("The same again: ")?.expose() {
            return Err(Failure::usage("the two passwords differ; nothing was changed").into());
        }
        Ok(NewPassword {
            secret,
            generated: false,
        })
    }

    /// A password that is known elsewhere, from this file if there is one.
    pub(crate) fn of_file(password_file: Option<PathBuf>) -> Self {
        Self {
            password_file,
            generate: false,
        }
    }

    /// As [`Self::read`] for a password that is known elsewhere: it is asked for once.
    pub(crate) fn read_known(
        &self,
        otherwise: Otherwise,
        whose: &str,
    ) -> anyhow::Result<NewPassword> {
        if self.password_file.is_some() {
            return self.read(otherwise, whose);
        }
        if otherwise == Otherwise::Fail || !io::stdin().is_terminal() {
            let words =
                format!("no password for {whose}: add --password-file FILE (- for standard input)");
            return Err(Failure::usage(words).into());
        }
        Ok(NewPassword {
            secret: prompt(&format!("Password for {whose}: "))?,
            generated: false,
        })
    }

    /// As [`Self::read`], but makes a password where the flags say nothing.
    pub(crate) fn read_or_generate(&self) -> anyhow::Result<NewPassword> {
        match &self.password_file {
            Some(path) => Ok(NewPassword {
                secret: first_line(path)?,
                generated: false,
            }),
            None => Ok(generate(&Random::system())),
        }
    }
}

/// A password of 100 random bits, in groups that can be read aloud.
pub(crate) fn generate(random: &Random) -> NewPassword {
    NewPassword {
        secret: service::random_letters(random, GENERATED_LETTERS, GROUP_LETTERS),
        generated: true,
    }
}

/// A whole file that holds a secret, such as a private key.
pub(crate) fn file(path: &Path) -> anyhow::Result<Secret> {
    let reading = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(reading)?;
    let mut octets = Vec::new();
    file.take(SECRET_MAX_OCTETS + 1)
        .read_to_end(&mut octets)
        .with_context(reading)?;
    if octets.len() as u64 > SECRET_MAX_OCTETS {
        let words = format!(
            "{} is longer than {SECRET_MAX_OCTETS} octets",
            path.display()
        );
        return Err(Failure::usage(words).into());
    }
    Ok(Secret::new(octets))
}

/// One line of standard input; at a terminal it is asked for and not shown.
pub(crate) fn line(question: &str) -> anyhow::Result<Secret> {
    if io::stdin().is_terminal() {
        return prompt(question);
    }
    line_of(io::stdin().lock()).context("cannot read standard input")
}

fn first_line(path: &Path) -> anyhow::Result<Secret> {
    let shown = if path == Path::new("-") {
        "standard input"
    } else {
        "the password file"
    };
    let line = if path == Path::new("-") {
        line_of(io::stdin().lock())
    } else {
        File::open(path).and_then(line_of)
    };
    let line = line.with_context(|| format!("cannot read {shown}"))?;
    if line.expose().is_empty() {
        return Err(Failure::usage(format!("{shown} has no password in its first line")).into());
    }
    Ok(line)
}

fn line_of(source: impl Read) -> io::Result<Secret> {
    let mut line = Vec::new();
    BufReader::new(source.take(SECRET_MAX_OCTETS)).read_until(b'\n', &mut line)?;
    let end = line
        .iter()
        .rposition(|c| !matches!(c, b'\r' | b'\n'))
        .map_or(0, |last| last + 1);
    line.truncate(end);
    Ok(Secret::new(line))
}

/// Asks at the terminal of standard input, which shows nothing of what is typed.
fn prompt(question: &str) -> anyhow::Result<Secret> {
    let stdin = io::stdin();
    let before = tcgetattr(&stdin).context("cannot silence the terminal")?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    silent.local_modes.insert(LocalModes::ECHONL);
    // Silent before the question, so that an early answer is neither shown nor lost.
    tcsetattr(&stdin, OptionalActions::Now, &silent).context("cannot silence the terminal")?;
    eprint!("{question}");
    io::stderr().flush()?;
    let mut line = Vec::new();
    let read = stdin
        .lock()
        .take(SECRET_MAX_OCTETS)
        .read_until(b'\n', &mut line);
    tcsetattr(&stdin, OptionalActions::Now, &before).context("cannot restore the terminal")?;
    read?;
    line.truncate(line.strip_suffix(b"\n").map_or(line.len(), <[u8]>::len));
    Ok(Secret::new(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(file: &Path) -> PasswordSource {
        PasswordSource {
            password_file: Some(file.to_owned()),
            generate: false,
        }
    }

    #[test]
    fn the_first_line_of_a_file_is_the_password() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p");
        for (content, expected) in [
            ("lamp river\r\nmore\n", "lamp river"),
            ("lamp river", "lamp river"),
            (" x \n", " x "),
        ] {
            std::fs::write(&path, content).unwrap();
            let password = source(&path).read(Otherwise::Fail, "ann").unwrap();
            assert_eq!(password.secret.expose(), expected.as_bytes());
            assert!(!password.generated);
        }
        std::fs::write(&path, "\nlate\n").unwrap();
        assert!(source(&path).read(Otherwise::Fail, "ann").is_err());
        assert!(
            source(Path::new("/nonexistent"))
                .read(Otherwise::TakeAny, "ann")
                .is_err()
        );
    }

    #[test]
    fn without_a_terminal_the_missing_flag_is_named() {
        let error = PasswordSource::default()
            .read(Otherwise::Fail, "ann@example.org")
            .unwrap_err();
        assert!(error.to_string().contains("--password-file"), "{error}");
        let tried = PasswordSource::default()
            .read(Otherwise::TakeAny, "ann@example.org")
            .unwrap();
        assert!(!tried.generated, "a password that is not set is not told");
    }

    #[test]
    fn a_generated_password_has_four_groups_and_differs_each_time() {
        let random = Random::seeded(1);
        let (one, two) = (generate(&random), generate(&random));
        let text = String::from_utf8(one.secret.expose().to_vec()).unwrap();
        assert_eq!(
            text.split('-').map(str::len).collect::<Vec<_>>(),
            [5, 5, 5, 5]
        );
        assert_ne!(one.secret.expose(), two.secret.expose());
    }

    #[test]
    fn a_secret_file_has_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        std::fs::write(&path, vec![b'k'; 65_537]).unwrap();
        assert!(file(&path).is_err());
        std::fs::write(&path, b"key").unwrap();
        assert_eq!(file(&path).unwrap().expose(), b"key");
    }
}
