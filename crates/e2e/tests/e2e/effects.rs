//! What the ledger says holds at once: for mail, for sign-ins, for the doors.

use anyhow::{Context as _, ensure};
use e2e::dialogue::Dialogue;
use e2e::{Server, clients};

/// Exit status of curl when the user name or password was not accepted, and when nobody listens.
const SIGN_IN_REFUSED: i32 = 67;
const NO_CONNECTION: i32 = 7;

/// A change, a recipient from outside, and how the server answers it from then on.
const RECIPIENTS: &[(&str, &str, &str)] = &[
    ("", "u0001@demo.test", "250"),
    ("", "u0001+detail@demo.test", "250"),
    ("", "nobody@demo.test", "550 5.1.1"),
    ("", "postmaster@demo.test", "250"),
    ("", "abuse@second.test", "550"),
    ("domain add second.test", "abuse@second.test", "250"),
    ("domain add second.test", "u0001@second.test", "550 5.1.1"),
    (
        "domain alias add also.test demo.test",
        "u0001@also.test",
        "250",
    ),
    ("domain alias rm also.test", "u0001@also.test", "550"),
    (
        "domain plus demo.test off",
        "u0001+detail@demo.test",
        "550 5.1.1",
    ),
    (
        "domain catch-all set second.test u0001@demo.test",
        "anybody@second.test",
        "250",
    ),
    (
        "domain catch-all clear second.test",
        "anybody@second.test",
        "550 5.1.1",
    ),
    (
        "alias add team@second.test u0001@demo.test u0002@demo.test",
        "team@second.test",
        "250",
    ),
    ("alias rm team@second.test", "team@second.test", "550 5.1.1"),
    ("account disable u0003@demo.test", "u0003@demo.test", "5"),
    ("account enable u0003@demo.test", "u0003@demo.test", "250"),
    ("account quota u0002@demo.test 1K", "u0002@demo.test", "250"),
    ("domain disable second.test", "postmaster@second.test", "5"),
    ("account rm u0003@demo.test", "u0003@demo.test", "550 5.1.1"),
];

fn carry_out(server: &Server, command: &str) -> anyhow::Result<()> {
    let words = command.split(' ').chain(["--yes"]);
    let ran = server.cli(&words.collect::<Vec<_>>())?.ok();
    ran.with_context(|| command.to_owned()).map(drop)
}

#[test]
fn changes_decide_about_the_next_recipient() -> anyhow::Result<()> {
    let server = Server::start()?;
    let port = server.ready().ports.smtp;
    let mut before = "";
    for &(command, recipient, expected) in RECIPIENTS {
        if command != before && !command.is_empty() {
            carry_out(&server, command)?;
        }
        before = command;
        // A session of its own each, since refusals slow a session down.
        let mut client = Dialogue::smtp(port)?;
        client.ask("EHLO client.example.net", "250")?;
        client.ask("MAIL FROM:<bob@example.net>", "250")?;
        let asked = client.ask(&format!("RCPT TO:<{recipient}>"), expected);
        asked.with_context(|| format!("after {command:?}"))?;
    }
    Ok(())
}

#[test]
fn a_full_mailbox_refuses_what_does_not_fit() -> anyhow::Result<()> {
    let server = Server::start()?;
    carry_out(&server, "account quota u0002@demo.test 10K")?;
    let mut client = Dialogue::smtp(server.ready().ports.smtp)?;
    client.ask("EHLO client.example.net", "250")?;
    client.ask("MAIL FROM:<bob@example.net>", "250")?;
    client.ask("RCPT TO:<u0002@demo.test>", "250")?;
    client.ask("DATA", "354")?;
    client.say(&format!(
        "Subject: large\r\n\r\n{}.",
        "a line\r\n".repeat(2_000)
    ))?;
    // A full mailbox may have room later (RFC 3463 §3.3, X.2.2).
    client.hears("452 4.2.2")?;
    let listed = clients::python(&server, "read_ids.py", &["2"])?.ok()?;
    ensure!(listed.out.is_empty(), "{}", listed.out);
    Ok(())
}

#[test]
fn an_alias_delivers_to_each_of_its_members_once() -> anyhow::Result<()> {
    let server = Server::start()?;
    carry_out(
        &server,
        "alias add team@demo.test u0001@demo.test u0002@demo.test",
    )?;
    carry_out(
        &server,
        "alias add all@demo.test team@demo.test u0002@demo.test ann@example.org",
    )?;
    let mut client = Dialogue::smtp(server.ready().ports.smtp)?;
    client.ask("EHLO client.example.net", "250")?;
    client.ask("MAIL FROM:<bob@example.net>", "250")?;
    client.ask("RCPT TO:<all@demo.test>", "250")?;
    client.ask("RCPT TO:<u0001@demo.test>", "250")?;
    client.ask("DATA", "354")?;
    client.say("Message-ID: <once@client.test>\r\nSubject: to all\r\n\r\nHello.\r\n.")?;
    client.hears("250")?;
    for number in ["1", "2"] {
        let listed = clients::python(&server, "read_ids.py", &[number])?.ok()?;
        ensure!(
            listed.out == "<once@client.test>\n",
            "account {number}: {}",
            listed.out
        );
    }
    let traced = server
        .cli(&["trace", "--id", "<once@client.test>", "--json"])?
        .ok()?
        .out;
    ensure!(
        traced.contains("ann@example.org"),
        "the copy outside is not traced: {traced}"
    );
    ensure!(
        server.talk().contains("Would have left"),
        "{}",
        server.talk()
    );
    Ok(())
}

#[test]
fn sign_in_follows_the_account() -> anyhow::Result<()> {
    let server = Server::start()?;
    let imaps = ("imaps", server.ready().ports.imaps);
    let reads = |status| {
        clients::curl(&server, imaps, "/", 1, &[])?
            .exits(status)
            .map(drop)
    };
    reads(0)?;
    carry_out(&server, "account disable u0001@demo.test")?;
    reads(SIGN_IN_REFUSED)?;
    carry_out(&server, "account enable u0001@demo.test")?;
    reads(0)?;
    let passwd = [
        "account",
        "passwd",
        "u0001@demo.test",
        "--password-file",
        "-",
        "--yes",
    ];
    server
        .cli_with_input(&passwd, b"three pale lanterns 42\n")?
        .ok()?;
    reads(SIGN_IN_REFUSED)?;
    let new = format!("{}:three pale lanterns 42", server.address(1));
    clients::curl(&server, imaps, "/", 1, &["--user", &new])?.ok()?;
    Ok(())
}

#[test]
fn an_open_session_ends_with_its_account() -> anyhow::Result<()> {
    let server = Server::start()?;
    carry_out(&server, "config set plain_sign_in_on_loopback on")?;
    for command in [
        "account disable u0001@demo.test",
        "account rm u0001@demo.test",
    ] {
        let mut client = Dialogue::connect(server.ready().ports.imap)?;
        client.line()?;
        client.say(&format!("a1 LOGIN u0001@demo.test \"{}\"", e2e::PASSWORD))?;
        while !client.line()?.starts_with("a1 OK") {}
        carry_out(&server, command)?;
        client.say("a2 SELECT INBOX")?;
        let heard = client.line()?;
        ensure!(
            !heard.starts_with("a2 OK") && !heard.contains("EXISTS"),
            "{command}: {heard}"
        );
        if command.contains("disable") {
            carry_out(&server, "account enable u0001@demo.test")?;
        }
    }
    Ok(())
}

#[test]
fn doors_open_and_close_with_their_service() -> anyhow::Result<()> {
    let server = Server::start()?;
    let pop3s = ("pop3s", server.ready().ports.pop3s);
    let second = server.site().port(996);
    let reads = |door| clients::curl(&server, door, "/", 1, &[]);
    reads(pop3s)?.ok()?;
    carry_out(
        &server,
        &format!("service listen add pop3s 127.0.0.1 {second}"),
    )?;
    reads(("pop3s", second))?.ok()?;
    carry_out(&server, "service off pop3s")?;
    reads(pop3s)?.exits(NO_CONNECTION)?;
    reads(("pop3s", second))?.exits(NO_CONNECTION)?;
    carry_out(&server, "service on pop3s")?;
    reads(pop3s)?.ok()?;
    carry_out(
        &server,
        &format!("service listen rm pop3s 127.0.0.1 {second}"),
    )?;
    reads(("pop3s", second))?.exits(NO_CONNECTION)?;
    reads(pop3s)?.ok()?;
    Ok(())
}
