//! Python's imaplib, poplib and smtplib do what a mail program does all day.

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
fn a_maildrop_is_read_by_pop3() -> anyhow::Result<()> {
    clients::python(&Server::start()?, "pop3_maildrop.py", &[])?
        .ok()
        .map(drop)
}
