//! swaks delivers and submits by every SMTP door.

use anyhow::ensure;
use e2e::{PASSWORD, Server, clients};

/// Exit status of swaks when a step was refused (swaks manual, "EXIT CODES").
const MAIL_REFUSED: i32 = 23;
const RCPT_REFUSED: i32 = 24;
const DATA_REFUSED: i32 = 26;
const AUTH_REFUSED: i32 = 28;

const OUTSIDER: &str = "bob@example.net";

/// Sends a message from outside by port 25; `args` decide the rest.
fn receive(server: &Server, to: &str, args: &[&str]) -> anyhow::Result<e2e::program::Ran> {
    let envelope = [
        "--helo",
        "client.example.net",
        "--from",
        OUTSIDER,
        "--to",
        to,
    ];
    clients::swaks(
        server,
        server.ready().ports.smtp,
        &[&envelope, args].concat(),
    )
}

/// Sends a message from account 1 to account 2 by a submission door.
fn submit(server: &Server, port: u16, args: &[&str]) -> anyhow::Result<e2e::program::Ran> {
    let (from, to) = (server.address(1), server.address(2));
    let envelope = ["--from", &from, "--to", &to];
    clients::swaks(server, port, &[&envelope, args].concat())
}

fn messages(server: &Server, number: usize) -> anyhow::Result<usize> {
    let listed = clients::python(server, "read_ids.py", &[&number.to_string()])?.ok()?;
    Ok(listed.out.lines().count())
}

#[test]
fn mail_from_outside_is_taken_with_and_without_tls() -> anyhow::Result<()> {
    let server = Server::start()?;
    let to = server.address(1);
    let postmaster = format!("postmaster@{}", server.ready().domain);
    receive(&server, &to, &[])?.ok()?;
    receive(&server, &to, &["--tls"])?.ok()?;
    receive(&server, &to.replace('@', "+detail@"), &["--pipeline"])?.ok()?;
    receive(&server, &postmaster, &[])?.ok()?;
    ensure!(messages(&server, 1)? >= 3);
    Ok(())
}

#[test]
fn each_recipient_is_answered_apart_with_prdr() -> anyhow::Result<()> {
    let server = Server::start()?;
    let (one, full) = (server.address(1), server.address(2));
    server
        .cli(&["account", "quota", &full, "2000B", "--yes"])?
        .ok()?;
    let body = "x".repeat(3_000);
    let both = format!("{one},{full}");
    let ran = receive(&server, &both, &["--prdr", "--body", &body])?;
    for reply in ["353 ", "250 2.1.5 ", "452 4.2.2 ", "250 2.0.0 queued as "] {
        ensure!(ran.out.contains(reply), "{reply:?} is not in {}", ran.out);
    }
    ensure!(messages(&server, 1)? == 1);
    Ok(())
}

#[test]
fn what_is_not_ours_is_refused_at_rcpt() -> anyhow::Result<()> {
    let server = Server::start()?;
    let nobody = format!("nobody@{}", server.ready().domain);
    for to in [
        nobody.as_str(),
        "ann@example.org",
        "u0001%example.org@example.com",
    ] {
        receive(&server, to, &[])?.exits(RCPT_REFUSED)?;
    }
    Ok(())
}

#[test]
fn submission_needs_a_sign_in_and_takes_plain_and_login() -> anyhow::Result<()> {
    let server = Server::start()?;
    let ports = &server.ready().ports;
    let user = server.address(1);
    let sign_in = |how| {
        [
            "--auth",
            how,
            "--auth-user",
            &user,
            "--auth-password",
            PASSWORD,
        ]
        .map(str::to_owned)
    };
    for how in ["PLAIN", "LOGIN"] {
        let auth = sign_in(how);
        let auth: Vec<&str> = auth.iter().map(String::as_str).collect();
        submit(&server, ports.submission, &[&["--tls"], &auth[..]].concat())?.ok()?;
        submit(
            &server,
            ports.submissions,
            &[&["--tlsc"], &auth[..]].concat(),
        )?
        .ok()?;
        submit(&server, ports.submission, &auth)?.exits(AUTH_REFUSED)?;
    }
    submit(&server, ports.submission, &["--tls"])?.exits(MAIL_REFUSED)?;
    let wrong = [
        "--tls",
        "--auth",
        "PLAIN",
        "--auth-user",
        &user,
        "--auth-password",
        "wrong",
    ];
    submit(&server, ports.submission, &wrong)?.exits(AUTH_REFUSED)?;
    ensure!(messages(&server, 2)? == 4);
    Ok(())
}

#[test]
fn nobody_sends_as_somebody_else() -> anyhow::Result<()> {
    let server = Server::start()?;
    let (own, other) = (server.address(1), server.address(2));
    let auth = [
        "--tlsc",
        "--auth",
        "PLAIN",
        "--auth-user",
        &own,
        "--auth-password",
        PASSWORD,
    ];
    let port = server.ready().ports.submissions;
    let send = |from: &str, header: &str, expected| {
        let line = format!("From: <{header}>");
        let to = server.address(3);
        let rest = ["--from", from, "--to", &to, "--header", &line];
        clients::swaks(&server, port, &[&auth[..], &rest].concat())?.exits(expected)
    };
    send(&other, &own, MAIL_REFUSED)?;
    send(&own, &other, DATA_REFUSED)?;
    send(&own, &own, 0)?;
    ensure!(messages(&server, 3)? == 1);
    Ok(())
}
