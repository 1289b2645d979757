//! What the server records of itself at each start: facts that only the program can gather.

use std::fs::File;
use std::io;

use service::BootFacts;
use types::Sha256;

use super::log::{JOURNAL_VARIABLE, LOG_VARIABLE};
use super::notify::{NOTIFY_VARIABLE, WATCHDOG_VARIABLE};

/// Environment variables that the server honours.
const HONOURED: [&str; 4] = [
    JOURNAL_VARIABLE,
    LOG_VARIABLE,
    NOTIFY_VARIABLE,
    WATCHDOG_VARIABLE,
];
/// Flags whose value is a secret; only the demo has one.
const SECRET_FLAGS: [&str; 1] = ["--password"];
/// What stands for a secret in the record.
const HIDDEN: &str = "(hidden)";

/// Begins to gather the facts of this process, which was started from `start_file`. The executable
/// is read on a thread of its own, beside what else a start has to do. Call it inside the runtime.
pub(crate) fn boot_facts(start_file: String) -> impl Future<Output = io::Result<BootFacts>> {
    let gathering = tokio::task::spawn_blocking(move || gather(&start_file));
    async { gathering.await.map_err(io::Error::other)? }
}

fn gather(start_file: &str) -> io::Result<BootFacts> {
    let found = |name: &&str| std::env::var_os(name).is_some();
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    Ok(BootFacts {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        binary: own_digest()?,
        argv: without_secrets(std::env::args_os().map(|word| word.to_string_lossy().into_owned())),
        start_file: start_file.as_bytes().to_vec(),
        environment: HONOURED
            .iter()
            .filter(|name| found(name))
            .map(|name| (*name).to_owned())
            .collect(),
        host,
        uid: rustix::process::geteuid().as_raw(),
    })
}

fn own_digest() -> io::Result<Sha256> {
    ledger::object_id_of_reader(&mut File::open("/proc/self/exe")?)
}

fn without_secrets(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut secret_follows = false;
    words
        .map(|word| {
            if std::mem::take(&mut secret_follows) {
                return HIDDEN.to_owned();
            }
            secret_follows = SECRET_FLAGS.contains(&word.as_str());
            match word.split_once('=') {
                Some((flag, _)) if SECRET_FLAGS.contains(&flag) => format!("{flag}={HIDDEN}"),
                _ => word,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_of_the_command_line_is_not_recorded() {
        let words = [
            "sealpost",
            "demo",
            "--password",
            "hunter2",
            "--password=hunter3",
            "--json",
        ];
        let shown = without_secrets(words.into_iter().map(str::to_owned));
        let expected = [
            "sealpost",
            "demo",
            "--password",
            HIDDEN,
            "--password=(hidden)",
            "--json",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_facts_name_program_and_user() {
        let facts = gather("host_name = 'a.test'\n").unwrap();
        assert_eq!(facts.uid, rustix::process::geteuid().as_raw());
        assert!(!facts.argv.is_empty() && !facts.host.is_empty());
        assert_eq!(facts.start_file, b"host_name = 'a.test'\n");
    }
}
