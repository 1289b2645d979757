//! What the server says when it starts, and when it cannot.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use anyhow::{bail, ensure};
use e2e::disk::Disk;
use e2e::program::Ran;
use e2e::{Server, Site, clients, dialogue::Dialogue};

/// User and group id that own nothing here.
const NOBODY: u32 = 65_534;
/// Exit codes of the manual.
const FAILED: i32 = 1;
/// Exit status for what the server's user may not do, or what others may.
const REFUSED: i32 = 4;
const UNVERIFIED: i32 = 6;

/// Fails with words that say what is missing.
pub(crate) fn needs_root(what: &str) -> anyhow::Result<()> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    bail!("this test {what}: run it as root, or leave it out with `-E 'not test(...)'`")
}

/// Lets other users reach what lies in a folder, without listing it.
pub(crate) fn open_to_others(folder: &Path) -> anyhow::Result<()> {
    Ok(fs::set_permissions(folder, Permissions::from_mode(0o711))?)
}

/// A server that was set up and does not run.
fn stopped() -> anyhow::Result<Server> {
    let mut server = Server::serve(Site::new()?)?;
    server.stop()?;
    Ok(server)
}

/// Tries to serve, as user and group `id` if one is named; it must fail with these words.
fn refuses(server: &Server, id: Option<u32>, words: &[&str]) -> anyhow::Result<Ran> {
    refuses_with(server, id, words, FAILED)
}

/// The same with this exit status.
fn refuses_with(
    server: &Server,
    id: Option<u32>,
    words: &[&str],
    status: i32,
) -> anyhow::Result<Ran> {
    let config = server.site().start_file().display().to_string();
    let serve = ["serve", "--config", &config];
    let ran = match id {
        None => server.site().run(&serve, b"")?,
        Some(id) => {
            let program = server.scratch().join("sealpost");
            fs::copy(server.site().binary(), &program)?;
            let (program, id) = (program.display().to_string(), id.to_string());
            let user = ["--reuid", &id, "--regid", &id, "--clear-groups", &program];
            e2e::program::run("setpriv", user.iter().chain(&serve), b"")?
        }
    };
    let ran = ran.exits(status)?;
    let last = ran.err.lines().last().unwrap_or_default();
    for word in words {
        ensure!(last.contains(word), "no word of {word:?}: {}", ran.err);
    }
    Ok(ran)
}

#[test]
fn the_demo_keeps_its_contract() -> anyhow::Result<()> {
    let server = Server::with(&["--accounts", "5", "--no-story", "--domain", "mail.test"])?;
    let ready = server.ready();
    ensure!(ready.domain == "mail.test");
    ensure!(ready.ca.is_file(), "{}", ready.ca.display());
    ensure!(!ready.ledger.origin.is_empty() && ready.ledger.vkey.contains('+'));
    let addresses: Vec<&str> = ready
        .accounts
        .iter()
        .map(|account| account.address.as_str())
        .collect();
    for number in 1..=5 {
        ensure!(
            addresses.contains(&server.address(number).as_str()),
            "{addresses:?}"
        );
    }
    let base = ready.ports.smtp - 25;
    let ports = &ready.ports;
    let offsets = [
        ports.submission,
        ports.submissions,
        ports.imap,
        ports.imaps,
        ports.pop3,
        ports.managesieve,
    ];
    ensure!(offsets.map(|port| port - base) == [587, 465, 143, 993, 110, 4190]);
    ensure!(ports.pop3s - base == 995);
    Dialogue::smtp(ports.smtp)?.ask("QUIT", "221")?;
    Ok(())
}

#[test]
fn a_taken_port_is_named() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    server.stop()?;
    let port = server.ready().ports.imap;
    let taken = TcpListener::bind(("127.0.0.1", port))?;
    let err = server
        .start_again()
        .err()
        .map(|err| format!("{err:#}"))
        .unwrap_or_default();
    ensure!(
        err.contains(&port.to_string()),
        "the port is not named: {err}"
    );
    drop(taken);
    server.start_again()
}

#[test]
fn a_second_server_on_one_folder_is_refused() -> anyhow::Result<()> {
    let server = Server::start()?;
    let ran = server.cli(&["demo", "--json", "--base-port", "30000"])?;
    ensure!(ran.status != Some(0), "{}", ran.out);
    ensure!(
        ran.err.contains(&server.ready().pid.to_string()),
        "no word of who: {}",
        ran.err
    );
    Ok(())
}

#[test]
fn a_port_taken_by_another_program_is_told_and_keeps_no_other_shut() -> anyhow::Result<()> {
    let mut server = stopped()?;
    let port = server.ready().ports.imaps;
    let taken = TcpListener::bind(("127.0.0.1", port))?;
    server.start_again()?;
    Dialogue::smtp(server.ready().ports.smtp)?.ask("QUIT", "221")?;
    let words = [
        format!("imaps does not listen at 127.0.0.1:{port}"),
        "is taken by another program".to_owned(),
        "ss -ltnp".to_owned(),
    ];
    let tells = |out: &str| words.iter().all(|words| out.contains(words.as_str()));
    let status = server.cli(&["status"])?.ok()?;
    ensure!(tells(&status.out), "{}", status.out);
    let health = server.cli(&["health"])?.exits(1)?;
    ensure!(tells(&health.out), "{}", health.out);
    let doctor = server.cli(&["doctor"])?.exits(1)?;
    ensure!(
        doctor.out.contains(&format!(
            "listeners: imaps at 127.0.0.1:{port}: nobody listens"
        )),
        "{}",
        doctor.out
    );
    drop(taken);
    // Any change makes the server look again; without one it does so within a minute.
    let change = ["config", "set", "recipients_max", "999", "--yes"];
    server.cli(&change)?.ok()?;
    server.cli(&["health"])?.ok()?;
    server.stop()
}

#[test]
fn a_folder_of_somebody_else_is_refused_and_left_alone() -> anyhow::Result<()> {
    needs_root("runs the server as another user")?;
    let mut server = stopped()?;
    open_to_others(server.scratch())?;
    let (data, keys) = (server.data(), server.scratch().join("keys"));
    let owned = |path: &Path, id| chown(path, Some(id), Some(id));
    owned(&keys, NOBODY)?;
    for file in fs::read_dir(&keys)? {
        owned(&file?.path(), NOBODY)?;
    }
    open_to_others(&data)?;
    refuses(
        &server,
        Some(NOBODY),
        &["belongs to user id 0", "runs as 65534", "chown -R"],
    )?;
    owned(&keys, 0)?;
    for file in fs::read_dir(&keys)? {
        owned(&file?.path(), 0)?;
    }
    fs::set_permissions(&data, Permissions::from_mode(0o777))?;
    refuses(&server, None, &["can be written by others", "chmod 700"])?;
    fs::set_permissions(&data, Permissions::from_mode(0o700))?;
    server.start_again()
}

#[test]
fn keys_that_others_can_read_are_refused() -> anyhow::Result<()> {
    let mut server = stopped()?;
    let keys = server.scratch().join("keys");
    fs::set_permissions(&keys, Permissions::from_mode(0o755))?;
    refuses_with(&server, None, &["keys", "chmod 700"], REFUSED)?;
    fs::set_permissions(&keys, Permissions::from_mode(0o700))?;
    server.start_again()
}

#[test]
fn a_read_only_folder_is_named() -> anyhow::Result<()> {
    needs_root("mounts a file system read-only")?;
    let mut server = stopped()?;
    let disk = Disk::read_only(&server.data())?;
    refuses(
        &server,
        None,
        &[
            "cannot be written",
            "Read-only file system",
            &server.data().display().to_string(),
        ],
    )?;
    disk.unmount()?;
    server.start_again()
}

#[test]
fn a_newer_format_is_refused_and_left_as_it_is() -> anyhow::Result<()> {
    let mut server = stopped()?;
    let database = server.data().join("mail.db").display().to_string();
    let set = |version| clients::python(&server, "set_format.py", &[&database, version]);
    let was = set("999")?.ok()?.out;
    refuses(
        &server,
        None,
        &["newer data format", "999", "install that version"],
    )?;
    let now = set(was.trim())?.ok()?.out;
    ensure!(now.trim() == "999", "the format was changed to {now}");
    server.start_again()
}

#[test]
fn another_ledger_than_the_start_file_says_is_refused() -> anyhow::Result<()> {
    let mut server = stopped()?;
    let other = stopped()?;
    let (mine, foreign) = (server.site().start_file(), other.site().start_file());
    let text = fs::read_to_string(&mine)?;
    let pin = |text: &str| text.split("[ledger]").nth(1).unwrap_or_default().to_owned();
    let swapped = text.replace(&pin(&text), &pin(&fs::read_to_string(foreign)?));
    fs::write(&mine, swapped)?;
    refuses_with(
        &server,
        None,
        &["not the ledger that the start file names"],
        UNVERIFIED,
    )?;
    fs::write(&mine, text)?;
    server.start_again()
}

#[test]
fn a_second_serve_on_one_folder_is_refused_and_harms_nothing() -> anyhow::Result<()> {
    let server = Server::serve(Site::new()?)?;
    refuses(
        &server,
        None,
        &["in use by process", &server.ready().pid.to_string()],
    )?;
    server.cli(&["status"])?.ok()?;
    Dialogue::smtp(server.ready().ports.smtp)?.ask("QUIT", "221")?;
    Ok(())
}
