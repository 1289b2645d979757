//! Python's imaplib, poplib and smtplib do what a mail program does all day.

use anyhow::Context as _;
use e2e::{PASSWORD, Server, clients};

#[test]
fn a_mail_program_works_by_imap() -> anyhow::Result<()> {
    clients::python(&Server::start()?, "imap_mailbox.py", &[])?
        .ok()
        .map(drop)
}

#[test]
fn what_imap_has_learned_since_serves_its_clients() -> anyhow::Result<()> {
    let server = Server::start()?;
    let address = server.address(1);
    server
        .cli(&["account", "quota", &address, "1M", "--yes"])?
        .ok()?;
    clients::python_with_packages(&server, "imap_extensions.py", &[])?
        .ok()
        .map(drop)
}

#[test]
fn two_imap_sessions_agree() -> anyhow::Result<()> {
    clients::python(&Server::start()?, "imap_two_sessions.py", &[])?
        .ok()
        .map(drop)
}

#[test]
fn sessions_that_change_at_random_agree() -> anyhow::Result<()> {
    let server = Server::start()?;
    // Each seed is a run that can be repeated; the mailbox goes on from the one before.
    for seed in ["1", "2", "3"] {
        let ran = clients::python(&server, "imap_random.py", &[seed])?.ok();
        ran.with_context(|| format!("seed {seed}"))?;
    }
    Ok(())
}

#[test]
fn a_client_comes_back_and_hears_what_changed() -> anyhow::Result<()> {
    clients::python_with_packages(&Server::start()?, "imap_resync.py", &[])?
        .ok()
        .map(drop)
}

#[test]
fn a_maildrop_is_read_by_pop3() -> anyhow::Result<()> {
    clients::python(&Server::start()?, "pop3_maildrop.py", &[])?
        .ok()
        .map(drop)
}

#[test]
fn the_extensions_of_smtp_do_what_they_promise() -> anyhow::Result<()> {
    let server = Server::start()?;
    let international = format!("žofie@{}", server.ready().domain);
    let add = [
        "account",
        "add",
        &international,
        "--password-file",
        "-",
        "--yes",
    ];
    server.cli_with_input(&add, PASSWORD.as_bytes())?.ok()?;
    let quota = ["account", "quota", &server.address(3), "2000B", "--yes"];
    server.cli(&quota)?.ok()?;
    clients::python(&server, "smtp_extensions.py", &[])?.ok()?;
    let traced = server
        .cli(&["trace", "--to", &server.address(2), "--json"])?
        .ok()?;
    for asked in [
        r#""asked":{"envid":"E+1","notify":"SUCCESS,FAILURE","orcpt":"rfc822;Bob+x@far.test","ret":"HDRS"}"#,
        r#""asked":{"require_tls":true}"#,
    ] {
        anyhow::ensure!(
            traced.out.contains(asked),
            "{asked} is not in {}",
            traced.out
        );
    }
    Ok(())
}

#[test]
fn scram_of_others_agrees_with_ours_by_every_door() -> anyhow::Result<()> {
    let server = Server::start()?;
    clients::python_with_packages(&server, "sasl_scram.py", &[])?
        .ok()
        .map(drop)
}
