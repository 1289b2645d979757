//! Sessions that the server ends while it goes on: each client hears the true reason.

use anyhow::ensure;
use e2e::dialogue::Dialogue;
use e2e::{PASSWORD, Server};

/// What the console's own words about each reason begin with.
const BY_HAND: &str = "an administrator ended this session";
const NEW_PASSWORD: &str = "the password of this session is not valid any more";
const CLOSED: &str = "this account is closed for now";

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
