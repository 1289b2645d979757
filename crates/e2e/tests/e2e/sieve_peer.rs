//! Scripts run by our interpreter and by Pigeonhole's `sieve-test` must come to the same: tests from
//! a table and from a seeded generator, each on several messages, and whole scripts with their
//! actions. What differs for a reason is named with it.

#[path = "../../../sieve/tests/rfc/mail.rs"]
mod mail;
#[path = "../../../sieve/tests/rfc/place.rs"]
mod place;

mod messages;
mod scripts;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use e2e::program;
use sieve::{Action, Outcome, Script};
use tempfile::TempDir;

use self::mail::Mail;
use self::place::Place;
use self::scripts::Generator;

/// Tests that one script asks; both sides bound the actions of a script.
const TESTS_OF_A_SCRIPT: usize = 50;
/// Scripts of the generator, and the number from which it starts.
const GENERATED: usize = 12;
const SEED: u64 = 20_261_123;

const SENDER: &str = "coyote+desert@example.org";
const RECIPIENT: &str = "roadrunner@example.com";

/// The extensions that both sides have.
const REQUIRE: &str = "require [\"body\", \"comparator-i;ascii-numeric\", \"copy\", \"date\",
    \"editheader\", \"encoded-character\", \"enotify\", \"envelope\", \"fileinto\",
    \"foreverypart\", \"imap4flags\", \"index\", \"mime\", \"regex\", \"reject\", \"relational\",
    \"subaddress\", \"vacation\", \"variables\"];\n";

/// A place in which the other interpreter runs.
struct Peer {
    home: TempDir,
}

impl Peer {
    fn new() -> anyhow::Result<Self> {
        let home = tempfile::tempdir()?;
        let path = home.path().display();
        let user = rustix::process::getuid();
        // It refuses to run as root.
        let id = if user.is_root() {
            65_534
        } else {
            user.as_raw()
        };
        let settings = format!(
            "mail_uid = {id}\nmail_gid = {id}\nfirst_valid_uid = 1\nfirst_valid_gid = 1\n\
             mail_home = {path}/home\nmail_location = maildir:{path}/home/mail\n\
             log_path = /dev/stderr\n\
             plugin {{\n  sieve_extensions = +editheader\n  sieve_max_actions = 0\n  \
             sieve_max_redirects = 32\n}}\n"
        );
        std::fs::write(home.path().join("peer.conf"), settings)?;
        for folder in [home.path().to_path_buf(), home.path().join("home")] {
            std::fs::create_dir_all(&folder)?;
            let all = std::os::unix::fs::PermissionsExt::from_mode(0o777);
            std::fs::set_permissions(&folder, all)?;
        }
        Ok(Self { home })
    }

    fn file(&self, name: &str, content: &str) -> anyhow::Result<PathBuf> {
        let path = self.home.path().join(name);
        std::fs::write(&path, content)?;
        Ok(path)
    }

    /// What it would do, in the words of [`ours`].
    fn run(&self, script: &str, mail: &str) -> anyhow::Result<BTreeSet<String>> {
        let script = self.file("script.sieve", script)?;
        let mail = self.file("mail.eml", &mail.replace('\n', "\r\n"))?;
        let settings = self.home.path().join("peer.conf");
        let arg = |path: &Path| path.display().to_string();
        let (settings, script, mail) = (arg(&settings), arg(&script), arg(&mail));
        let args = [
            "-C", "-c", &settings, "-f", SENDER, "-r", RECIPIENT, "-a", RECIPIENT, &script, &mail,
        ];
        let ran = program::run_with("sieve-test", b"", |command| {
            command.args(args).env("TZ", "UTC");
        })?;
        if ran.err.contains("failed; resolved") {
            return Ok(BTreeSet::from(["error".to_owned()]));
        }
        actions_of(&ran.ok()?.out)
    }
}

/// Reads what `sieve-test` prints.
fn actions_of(printed: &str) -> anyhow::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut last = String::new();
    let (performed, implicit) = printed
        .split_once("Implicit keep:")
        .with_context(|| format!("no implicit keep is told:\n{printed}"))?;
    for line in performed.lines().map(str::trim) {
        let next = if let Some(folder) = line.strip_prefix("* store message in folder: ") {
            format!("store {folder}")
        } else if let Some(address) = line.strip_prefix("* redirect message to: <") {
            format!("redirect {}", address.trim_end_matches('>'))
        } else if let Some(reason) = line.strip_prefix("* reject message with reason: ") {
            format!("reject {reason}")
        } else if line == "* discard" {
            "discard".to_owned()
        } else if line.starts_with("* send vacation message") {
            "vacation".to_owned()
        } else if line.starts_with("* send notification") {
            "notify".to_owned()
        } else if let Some(flags) = line.strip_prefix("+ add IMAP flags: ") {
            found.remove(&last);
            last = with_flags(&last, flags.split(' '));
            found.insert(last.clone());
            continue;
        } else {
            ensure!(
                !line.starts_with("* "),
                "an action that this test does not know: {line}"
            );
            continue;
        };
        found.insert(next.clone());
        last = next;
    }
    if !implicit.contains("(none)") {
        let flags = implicit
            .lines()
            .find_map(|line| line.trim().strip_prefix("+ add IMAP flags: "));
        found.insert(match flags {
            Some(flags) => with_flags("store INBOX", flags.split(' ')),
            None => "store INBOX".to_owned(),
        });
    }
    Ok(found)
}

fn with_flags<'f>(action: &str, flags: impl Iterator<Item = &'f str>) -> String {
    let flags: BTreeSet<String> = flags.map(str::to_ascii_lowercase).collect();
    match flags.is_empty() {
        true => action.to_owned(),
        false => format!("{action} {flags:?}"),
    }
}

/// What our interpreter would do.
fn ours(script: &str, mail: &str) -> anyhow::Result<BTreeSet<String>> {
    let parsed: Script =
        sieve::parse(script).map_err(|problems| anyhow::anyhow!("{script}\n{problems}"))?;
    let place = Place {
        envelope: vec![("from", SENDER), ("to", RECIPIENT)],
        ..Place::default()
    };
    Ok(match sieve::run(&parsed, &Mail::read(mail), &place) {
        Ok(outcome) => words_of(&outcome),
        Err(_) => BTreeSet::from(["error".to_owned()]),
    })
}

fn words_of(outcome: &Outcome) -> BTreeSet<String> {
    let stored = |folder: &str, flags: &[String]| {
        with_flags(&format!("store {folder}"), flags.iter().map(String::as_str))
    };
    let mut words: BTreeSet<String> = outcome
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::Keep { flags } => Some(stored("INBOX", flags)),
            Action::FileInto { mailbox, flags, .. } => Some(stored(mailbox, flags)),
            Action::Redirect { address, .. } => Some(format!("redirect {address}")),
            Action::Reject { reason, .. } => Some(format!("reject {reason}")),
            Action::Discard => Some("discard".to_owned()),
            Action::Vacation(_) => Some("vacation".to_owned()),
            Action::Notify { .. } => Some("notify".to_owned()),
            // The other side tells of these by what comes after.
            Action::AddHeader { .. } | Action::DeleteHeader { .. } | Action::Remember { .. } => {
                None
            }
        })
        .collect();
    if outcome.implicit_keep {
        words.insert(stored(
            "INBOX",
            outcome.flags.as_deref().unwrap_or_default(),
        ));
    }
    words
}

/// Asks tests of both sides, many in one script; each that holds files into a folder of its number.
fn compare_tests(peer: &Peer, tests: &[String]) -> anyhow::Result<Vec<String>> {
    let mut different = Vec::new();
    for (number, mail) in messages::ALL.iter().enumerate() {
        for some in tests.chunks(TESTS_OF_A_SCRIPT) {
            let mut script = REQUIRE.to_owned();
            for (place, test) in some.iter().enumerate() {
                script.push_str(&format!("if {test} {{ fileinto :copy \"t{place}\"; }}\n"));
            }
            let (theirs, ours) = (peer.run(&script, mail)?, ours(&script, mail)?);
            for (place, test) in some.iter().enumerate() {
                let folder = format!("store t{place}");
                if theirs.contains(&folder) != ours.contains(&folder) {
                    let held = ours.contains(&folder);
                    different.push(format!("message {number}: {test}: ours {held}"));
                }
            }
            ensure!(
                !theirs.contains("error"),
                "the other side failed:\n{script}"
            );
        }
    }
    Ok(different)
}

#[test]
fn tests_of_a_table_hold_alike() -> anyhow::Result<()> {
    let tests: Vec<String> = scripts::TESTS
        .iter()
        .map(|test| (*test).to_owned())
        .collect();
    let different = compare_tests(&Peer::new()?, &tests)?;
    ensure!(different.is_empty(), "{}", different.join("\n"));
    Ok(())
}

#[test]
fn generated_tests_hold_alike() -> anyhow::Result<()> {
    let mut generator = Generator::new(SEED);
    let tests: Vec<String> = (0..GENERATED * TESTS_OF_A_SCRIPT)
        .map(|_| generator.test())
        .collect();
    let different = compare_tests(&Peer::new()?, &tests)?;
    ensure!(different.is_empty(), "{}", different.join("\n"));
    Ok(())
}

#[test]
fn whole_scripts_do_the_same() -> anyhow::Result<()> {
    let peer = Peer::new()?;
    let mut different = Vec::new();
    for script in scripts::SCRIPTS {
        let whole = format!("{REQUIRE}{script}");
        for (number, mail) in messages::ALL.iter().enumerate() {
            let (theirs, ours) = (peer.run(&whole, mail)?, ours(&whole, mail)?);
            if theirs != ours {
                different.push(format!(
                    "message {number}: {script}\n  theirs {theirs:?}\n  ours {ours:?}"
                ));
            }
        }
    }
    ensure!(different.is_empty(), "{}", different.join("\n"));
    Ok(())
}

/// Where both sides differ on purpose.
#[test]
fn known_differences_are_still_there() -> anyhow::Result<()> {
    let peer = Peer::new()?;
    for (mail, test, held, reason) in scripts::DIFFERENT {
        let script = format!("{REQUIRE}if {test} {{ discard; }}");
        let discard = |words: &BTreeSet<String>| words.contains("discard");
        ensure!(
            discard(&ours(&script, mail)?) == *held,
            "{test}: ours changed ({reason})"
        );
        ensure!(
            discard(&peer.run(&script, mail)?) != *held,
            "{test}: no difference any more ({reason})"
        );
    }
    Ok(())
}
