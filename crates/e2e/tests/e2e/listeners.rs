//! Services and listeners that are switched, opened and closed while the server runs.

use std::net::TcpListener;

use anyhow::ensure;
use e2e::dialogue::Dialogue;
use e2e::{Server, clients};

/// Exit status for what collides with what exists.
const CONFLICT: i32 = 7;

fn entries(server: &Server) -> anyhow::Result<usize> {
    let listed = server.cli(&["ledger", "list", "--json"])?.ok()?;
    Ok(listed.out.lines().count())
}

#[test]
fn a_service_is_bound_anew_while_the_server_runs() -> anyhow::Result<()> {
    let server = Server::start()?;
    let from = server.ready().ports.imaps.to_string();
    let to = server.site().port(2_993).to_string();
    let sign_in = |port: &str| {
        let at = ("imaps", port.parse()?);
        clients::curl(&server, at, "/INBOX", 1, &["--request", "NOOP"])
    };
    sign_in(&from)?.ok()?;
    let add = [
        "service",
        "listen",
        "add",
        "imaps",
        "127.0.0.1",
        &to,
        "--yes",
    ];
    server.cli(&add)?.ok()?;
    sign_in(&to)?.ok()?;
    let rm = [
        "service",
        "listen",
        "rm",
        "imaps",
        "127.0.0.1",
        &from,
        "--yes",
    ];
    server.cli(&rm)?.ok()?;
    ensure!(
        sign_in(&from)?.status != Some(0),
        "the old port still answers"
    );
    sign_in(&to)?.ok()?;
    server.cli(&["service", "off", "imaps", "--yes"])?.ok()?;
    ensure!(
        sign_in(&to)?.status != Some(0),
        "a service that is off answers"
    );
    server.cli(&["service", "on", "imaps", "--yes"])?.ok()?;
    sign_in(&to)?.ok()?;
    Ok(())
}

#[test]
fn a_port_that_cannot_be_had_is_told_before_anything_is_written() -> anyhow::Result<()> {
    let server = Server::start()?;
    let taken = TcpListener::bind(("127.0.0.1", 0))?;
    let port = taken.local_addr()?.port().to_string();
    let before = entries(&server)?;
    for (address, words) in [
        ("127.0.0.1", "is taken by another program"),
        ("192.0.2.1", "is not an address of this machine"),
    ] {
        let add = ["service", "listen", "add", "imap", address, &port, "--yes"];
        let ran = server.cli(&add)?.exits(CONFLICT)?;
        ensure!(
            ran.err.contains(words) && !ran.err.contains("Done"),
            "{}",
            ran.err
        );
    }
    ensure!(
        entries(&server)? == before,
        "a refused change left an entry"
    );
    drop(taken);
    let add = [
        "service",
        "listen",
        "add",
        "imap",
        "127.0.0.1",
        &port,
        "--yes",
    ];
    server.cli(&add)?.ok()?;
    let greeting = Dialogue::connect(port.parse()?)?.line()?;
    ensure!(greeting.starts_with("* OK"), "{greeting}");
    Ok(())
}

#[test]
fn sessions_of_a_closed_listener_go_on_or_end_as_the_command_says() -> anyhow::Result<()> {
    let server = Server::start()?;
    let port = server.ready().ports.smtp;
    let mut stays = Dialogue::smtp(port)?;
    server.cli(&["service", "off", "smtp", "--yes"])?.ok()?;
    ensure!(
        Dialogue::connect(port).is_err(),
        "a service that is off answers"
    );
    stays.ask("EHLO client.example.org", "250")?;
    server.cli(&["service", "on", "smtp", "--yes"])?.ok()?;
    let mut ends = Dialogue::smtp(port)?;
    let off = ["service", "off", "smtp", "--end-sessions", "--yes"];
    server.cli(&off)?.ok()?;
    ends.hears("421")?;
    // The session of the listener before went on all the while.
    stays.ask("QUIT", "221")?;
    Ok(())
}
