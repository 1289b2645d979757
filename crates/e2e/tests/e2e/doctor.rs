//! The doctor finds what is damaged, says what to do, and puts right what can be; a client hears
//! of a damaged message in words and gets the others.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use e2e::dialogue::Dialogue;
use e2e::program::Ran;
use e2e::{Server, Site, clients};

/// So many rows that looking at them takes seconds.
const MANY_ROWS: &str = "600000";
/// Within this time a server ends that nobody uses.
const END_WITHIN: Duration = Duration::from_secs(10);
/// Looks that are begun at most until one is met while it goes on, and the head start of each.
const LOOKS_MAX: usize = 10;
const HEAD_START: Duration = Duration::from_millis(100);
/// Longer than what is read at once.
const LARGE_OCTETS: usize = 400_000;

fn send(server: &Server, subject: &str, body: &str) -> anyhow::Result<()> {
    let mut client = Dialogue::smtp(server.ready().ports.smtp)?;
    client.ask("EHLO client.example.net", "250")?;
    client.ask("MAIL FROM:<bob@example.net>", "250")?;
    client.ask("RCPT TO:<u0001@demo.test>", "250")?;
    client.ask("DATA", "354")?;
    client.say(&format!("Subject: {subject}\r\n\r\n{body}\r\n."))?;
    client.hears("250").map(drop)
}

/// Changes one octet of the first body that has this text.
fn flip(server: &Server, text: &str) -> anyhow::Result<()> {
    let path = server.data().join("pack/000001");
    let octets = fs::read(&path)?;
    let found = octets
        .windows(text.len())
        .position(|w| w == text.as_bytes());
    let at = found.context("no such body")?;
    let pack = File::options().write(true).open(path)?;
    Ok(pack.write_all_at(&[octets[at] ^ 1], at as u64)?)
}

// long: one damaged message through all that becomes of it
#[test]
fn a_damaged_message_is_told_and_set_aside_and_the_others_stay() -> anyhow::Result<()> {
    let mut server = Server::serve(Site::new()?)?;
    let large = "A line of a large body.\r\n".repeat(LARGE_OCTETS / 25);
    for (subject, body) in [
        ("one", "body of one"),
        ("two", &large),
        ("three", "body of three"),
    ] {
        send(&server, subject, body)?;
    }
    let well = server.cli(&["doctor"])?.ok()?.out;
    ensure!(well.starts_with("All is well."), "{well}");

    flip(&server, "A line of a large")?;
    let imaps = ("imaps", server.ready().ports.imaps);
    let fetch = |set: &str| {
        let command = format!("UID FETCH {set} (UID BODY.PEEK[])");
        clients::curl(
            &server,
            imaps,
            "/INBOX",
            1,
            &["--verbose", "--request", &command],
        )
    };
    let all = fetch("1:3")?;
    ensure!(
        all.err.contains("NO [CORRUPTION] 1 of the messages"),
        "{}",
        all.err
    );
    ensure!(
        all.err.contains("UID 1 ") && all.err.contains("UID 3 "),
        "{}",
        all.err
    );
    ensure!(!all.err.contains("UID 2 BODY"), "{}", all.err);

    let found = server.cli(&["doctor"])?.exits(1)?;
    ensure!(
        found
            .out
            .contains("PROBLEM  message bodies: message UID 2 in INBOX"),
        "{}",
        found.out
    );
    ensure!(found.err.contains("1 problem is open"), "{}", found.err);
    let fixed = server.cli(&["doctor", "--fix"])?.ok()?.out;
    ensure!(
        fixed.contains("REPAIRED") && fixed.contains("mailbox Damaged"),
        "{fixed}"
    );
    fetch("1:*")?.ok()?;
    let again = server.cli(&["doctor", "--json"])?.ok()?.out;
    let told: serde_json::Value = serde_json::from_str(&again)?;
    ensure!(
        told["good"] == true && told["found"][0]["severity"] == "warning",
        "{again}"
    );

    server.stop()?;
    let stopped = server.cli(&["doctor"])?.ok()?;
    ensure!(stopped.err.contains("No server answers"), "{}", stopped.err);
    let place = told["found"][0]["place"].as_str().unwrap_or_default();
    ensure!(place.contains(&server.address(1)), "{place}");
    let same = format!("WARNING  message bodies: {place}: ");
    ensure!(stopped.out.contains(&same), "{}", stopped.out);
    server.start_again()?;
    server.cli(&["ledger", "verify"])?.ok().map(drop)
}

/// The files in this folder and below.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        match entry?.path() {
            path if path.is_dir() => found.extend(files(&path)?),
            path => found.push(path),
        }
    }
    Ok(found)
}

/// The octets of every file below, by its path.
fn contents(folder: &Path) -> anyhow::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let files = files(folder)?.into_iter();
    files
        .map(|path| Ok((path.clone(), fs::read(path)?)))
        .collect()
}

#[test]
fn what_cannot_be_opened_is_a_finding_beside_the_others() -> anyhow::Result<()> {
    let mut server = Server::serve(Site::new()?)?;
    server.stop()?;
    let pack = server.data().join("pack");
    fs::set_permissions(&pack, Permissions::from_mode(0o755))?;
    fs::write(
        server.data().join("mail.db"),
        "no database at all ".repeat(999),
    )?;
    let found = server.cli(&["doctor"])?.exits(6)?.out;
    for words in [
        "PROBLEM  files: ",
        "PROBLEM  ledger and logs: ",
        "PROBLEM  database: ",
    ] {
        ensure!(found.contains(words), "{found}");
    }
    Ok(())
}

#[test]
fn the_doctor_names_open_folders_and_a_changed_ledger() -> anyhow::Result<()> {
    let mut server = Server::serve(Site::new()?)?;
    server.stop()?;
    let pack = server.data().join("pack");
    fs::set_permissions(&pack, Permissions::from_mode(0o755))?;
    let found = server.cli(&["doctor"])?.exits(1)?.out;
    ensure!(
        found.contains(&format!("chmod 700 {}", pack.display())),
        "{found}"
    );
    fs::set_permissions(&pack, Permissions::from_mode(0o700))?;
    let copies = files(&server.data().join("ledger/tile"))?;
    for copy in &copies {
        fs::write(copy, "nothing")?;
    }
    fs::set_permissions(server.data(), Permissions::from_mode(0o770))?;
    let before = contents(&server.data())?;
    let found = server.cli(&["doctor"])?.exits(6)?.out;
    ensure!(contents(&server.data())? == before, "a look changed files");
    let close = format!("chmod 700 {}", server.data().display());
    ensure!(found.contains(&close), "{found}");
    ensure!(
        found.contains("Looked at: files, ledger, listeners, database, message bodies"),
        "{found}"
    );
    fs::set_permissions(server.data(), Permissions::from_mode(0o700))?;
    server.cli(&["doctor", "--fix"])?;
    server.cli(&["doctor"])?.ok()?;
    server.start_again()
}

#[test]
fn a_port_that_another_program_has_is_named_with_the_program() -> anyhow::Result<()> {
    let mut server = Server::serve(Site::new()?)?;
    server.stop()?;
    let port = server.ready().ports.imaps;
    let taken = TcpListener::bind(("127.0.0.1", port))?;
    let found = server.cli(&["doctor"])?.exits(1)?.out;
    let holder = format!("(process {})", std::process::id());
    ensure!(
        found.contains("PROBLEM  listeners: imaps at ") && found.contains(&holder),
        "{found}"
    );
    drop(taken);
    let found = server.cli(&["doctor"])?.ok()?.out;
    ensure!(
        found.contains("Looked at: files, ledger, listeners,"),
        "{found}"
    );
    Ok(())
}

/// Has somebody ask for a look, and comes back while it goes on. Whoever asks second is refused; a
/// look that was over too soon, or was not the first, is asked for again.
fn under_look(server: &Server) -> anyhow::Result<JoinHandle<anyhow::Result<Ran>>> {
    for _ in 0..LOOKS_MAX {
        let console = server.commands();
        let asked = thread::spawn(move || console.run(&["doctor"]));
        thread::sleep(HEAD_START);
        let second = server.cli(&["doctor"])?;
        if second.err.contains("under way already") && !asked.is_finished() {
            return Ok(asked);
        }
        asked.join().expect("no thread of a test panics")?;
    }
    bail!("each look was over too soon")
}

#[test]
fn a_server_that_is_told_to_stop_breaks_its_look_off() -> anyhow::Result<()> {
    let mut server = Server::serve(Site::new()?)?;
    server.stop()?;
    let database = server.data().join("mail.db").display().to_string();
    clients::python(&server, "fill_fates.py", &[&database, MANY_ROWS])?.ok()?;
    server.start_again()?;
    let asked = under_look(&server)?;
    server.terminate()?;
    let told = Instant::now();
    server.ended()?;
    ensure!(told.elapsed() < END_WITHIN, "{:?}", told.elapsed());
    let asked = asked.join().expect("no thread of a test panics")?;
    ensure!(
        asked.status != Some(0) && !asked.out.contains("All is well"),
        "{}",
        asked.out
    );
    let talk = server.talk();
    ensure!(!talk.contains("panicked"), "{talk}");
    server.start_again()?;
    server.cli(&["ledger", "verify"])?.ok().map(drop)
}
