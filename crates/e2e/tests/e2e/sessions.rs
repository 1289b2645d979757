//! Sessions that the server ends while it goes on: each client hears the true reason.

use anyhow::ensure;
use e2e::dialogue::Dialogue;
use e2e::{PASSWORD, Server};

/// What the console's own words about each reason begin with.
const BY_HAND: &str = "an administrator ended this session";
const NEW_PASSWORD: &str = "the password of this session is not valid any more";
const CLOSED: &str = "this account is closed for now";
const BLOCKED: &str = "your network address is blocked for now";
const ELSEWHERE: &str = "this service is not open to your network address any more";
const ROLE_ELSEWHERE: &str = "this account may not be used from your network address";
const PROXY_GONE: &str = "the proxy that you come by is not trusted any more";

/// One client of each door, signed in to the first account without TLS.
fn signed_in(server: &Server) -> anyhow::Result<[(Dialogue, &'static str); 3]> {
    let ports = &server.ready().ports;
    let address = server.address(1);
    let mut imap = Dialogue::connect(ports.imap)?;
    imap.line()?;
    imap.say(&format!("a LOGIN {address} \"{PASSWORD}\""))?;
    let answer = imap.line()?;
    ensure!(answer.starts_with("a OK"), "{answer}");
    let mut pop3 = Dialogue::connect(ports.pop3)?;
    pop3.line()?;
    for line in [format!("USER {address}"), format!("PASS {PASSWORD}")] {
        pop3.say(&line)?;
        let answer = pop3.line()?;
        ensure!(answer.starts_with("+OK"), "{answer}");
    }
    let mut smtp = Dialogue::smtp(ports.submission)?;
    smtp.ask("EHLO client.example.net", "250")?;
    smtp.ask("AUTH LOGIN", "334")?;
    smtp.ask(&base64(&address), "334")?;
    smtp.ask(&base64(PASSWORD), "235")?;
    Ok([(imap, "* BYE "), (pop3, "-ERR "), (smtp, "421 4.7.0 ")])
}

/// RFC 4648 §4.
fn base64(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for three in text.as_bytes().chunks(3) {
        let octet = |n: usize| u32::from(three.get(n).copied().unwrap_or(0));
        let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
        for n in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * n)) as usize & 63];
            encoded.push(if n <= three.len() {
                char::from(letter)
            } else {
                '='
            });
        }
    }
    encoded
}

#[test]
fn a_client_whose_session_is_ended_hears_why() -> anyhow::Result<()> {
    let server = Server::start()?;
    let change = ["config", "set", "plain_sign_in_on_loopback", "on", "--yes"];
    server.cli(&change)?.ok()?;
    let address = server.address(1);
    let lock = ["account", "disable", &address, "--yes"];
    let password = format!("{PASSWORD} anew");
    std::fs::write(server.scratch().join("password"), &password)?;
    let file = server.scratch().join("password").display().to_string();
    let passwd = [
        "account",
        "passwd",
        &address,
        "--password-file",
        &file,
        "--yes",
    ];
    for (command, reason) in [
        (&["session", "end", "--account", &address][..], BY_HAND),
        (&lock, CLOSED),
        (&passwd, NEW_PASSWORD),
    ] {
        let clients = signed_in(&server)?;
        server.cli(command)?.ok()?;
        for (mut client, word) in clients {
            let heard = client.line()?;
            ensure!(
                heard.starts_with(&format!("{word}{reason}")),
                "{command:?}: {heard}"
            );
        }
        if reason == CLOSED {
            server
                .cli(&["account", "enable", &address, "--yes"])?
                .ok()?;
        }
    }
    Ok(())
}

#[test]
fn lists_and_blocks_end_the_sessions_that_they_would_not_let_in() -> anyhow::Result<()> {
    let server = Server::start()?;
    let admit = |args: &[&str]| server.cli(&[args, &["--yes"]].concat())?.ok();
    admit(&["config", "set", "plain_sign_in_on_loopback", "on"])?;
    let block = ["block", "add", "127.0.0.1", "--force"];
    let sign_ins = ["block", "add", "127.0.0.1", "--sign-ins", "--force"];
    let list = |service| ["service", "access", service, "deny", "add", "127.0.0.1"];
    let role = [
        "role",
        "access",
        "mailbox-owner",
        "deny",
        "add",
        "127.0.0.1",
    ];
    for (command, reasons) in [
        (&list("pop3")[..], [None, Some(ELSEWHERE), None]),
        (&role, [Some(ROLE_ELSEWHERE); 3]),
        (&sign_ins, [Some(BLOCKED); 3]),
        (&block, [Some(BLOCKED); 3]),
    ] {
        let clients = signed_in(&server)?;
        let said = admit(command)?.err;
        ensure!(said.contains("end too."), "{command:?}: {said}");
        for ((mut client, word), reason) in clients.into_iter().zip(reasons) {
            match reason {
                Some(reason) => {
                    let heard = client.line()?;
                    let expected = format!("{word}{reason}");
                    ensure!(heard.starts_with(&expected), "{command:?}: {heard}");
                    ensure!(client.line().is_err(), "{command:?}: it goes on");
                }
                None => {
                    client.say(if word.starts_with('*') {
                        "b NOOP"
                    } else {
                        "NOOP"
                    })?;
                    client.line()?;
                }
            }
        }
        let undo: Vec<_> = match command {
            ["block", ..] => vec!["block", "lift", "127.0.0.1"],
            _ => (command
                .iter()
                .map(|word| if *word == "add" { "rm" } else { word }))
            .collect(),
        };
        admit(&undo)?;
    }
    let records = server.cli(&["activity", "--json"])?.ok()?.out;
    let ended = records.matches("\"session.ended\"").count();
    ensure!(ended == 10, "{ended} sessions ended: {records}");
    Ok(())
}

#[test]
fn connections_by_a_proxy_end_with_it_and_those_that_are_not_signed_in_too() -> anyhow::Result<()> {
    let server = Server::start()?;
    let admit = |args: &[&str]| server.cli(&[args, &["--yes"]].concat())?.ok();
    let smtp = |source: &str| {
        let mut client = Dialogue::connect(server.ready().ports.smtp)?;
        client.say(&format!("PROXY TCP4 {source} 127.0.0.1 5000 25"))?;
        client.hears("220")?;
        anyhow::Ok(client)
    };
    admit(&["proxy", "add", "127.0.0.1"])?;
    let (mut blocked, mut other) = (smtp("192.0.2.66")?, smtp("198.51.100.7")?);
    admit(&["block", "add", "192.0.2.66"])?;
    blocked.hears(&format!("421 4.7.0 {BLOCKED}"))?;
    other.ask("NOOP", "250")?;
    admit(&[
        "service",
        "access",
        "smtp",
        "deny",
        "add",
        "198.51.100.0/24",
    ])?;
    other.hears(&format!("421 4.7.0 {ELSEWHERE}"))?;
    let mut third = smtp("203.0.113.7")?;
    admit(&["proxy", "rm", "127.0.0.1"])?;
    third.hears(&format!("421 4.7.0 {PROXY_GONE}"))?;
    Ok(())
}
