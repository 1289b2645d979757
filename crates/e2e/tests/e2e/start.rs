//! What the server says when it starts, and when it cannot.

use std::net::TcpListener;

use anyhow::ensure;
use e2e::{Server, dialogue::Dialogue};

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
    ];
    ensure!(offsets.map(|port| port - base) == [587, 465, 143, 993, 110]);
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
