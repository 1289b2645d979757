//! Python's imaplib, poplib and smtplib do what a mail program does all day.

use anyhow::Context as _;
use e2e::{Server, clients};

#[test]
fn a_mail_program_works_by_imap() -> anyhow::Result<()> {
    clients::python(&Server::start()?, "imap_mailbox.py", &[])?
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
fn a_maildrop_is_read_by_pop3() -> anyhow::Result<()> {
    clients::python(&Server::start()?, "pop3_maildrop.py", &[])?
        .ok()
        .map(drop)
}
