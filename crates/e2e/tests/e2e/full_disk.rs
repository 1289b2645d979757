//! A disk that fills up: mail is put off and not lost, the ledger can still tighten.

use anyhow::ensure;
use e2e::dialogue::Dialogue;
use e2e::disk::Disk;
use e2e::{Server, Site, clients};

/// Room for the ledger's reserve, the margin before it, and some mail.
const DISK_OCTETS: u64 = 224 * 1_048_576;
/// Less than the margin at which mail is put off, more than nothing.
const LOW_OCTETS: u64 = 32 * 1_048_576;

/// A body that is kept in a file while it arrives.
const LARGE_BODY_OCTETS: usize = 4 * 1_048_576;

/// Sends a message; the reply to its end, or the first refusal before it.
fn send(client: &mut Dialogue, id: &str) -> anyhow::Result<String> {
    send_with(client, id, "Hello.\r\n")
}

fn send_with(client: &mut Dialogue, id: &str, body: &str) -> anyhow::Result<String> {
    for line in ["MAIL FROM:<bob@example.net>", "RCPT TO:<u0001@demo.test>"] {
        client.say(line)?;
        let reply = client.reply()?;
        if !reply.starts_with("250") {
            client.ask("RSET", "250")?;
            return Ok(reply);
        }
    }
    client.ask("DATA", "354")?;
    client.say(&format!("Message-ID: {id}\r\n\r\n{body}."))?;
    client.reply()
}

/// Sends a message that must be put off, then looks whether the server is otherwise well.
fn is_put_off(server: &Server, client: &mut Dialogue, id: &str) -> anyhow::Result<()> {
    let reply = send(client, id)?;
    ensure!(reply.starts_with("452 4.3.1"), "heard {reply}");
    let status = server.cli(&["status"])?.ok()?.out;
    let low = status
        .lines()
        .any(|line| line.starts_with("low space") && line.ends_with("yes"));
    ensure!(low, "the status does not tell: {status}");
    holds(server, &["<before@disk.test>"])
}

/// The account holds these messages and no other.
fn holds(server: &Server, ids: &[&str]) -> anyhow::Result<()> {
    let listed = clients::python(server, "read_ids.py", &["1"])?.ok()?;
    let found: Vec<&str> = listed.out.lines().collect();
    ensure!(found == ids, "found {found:?} instead of {ids:?}");
    Ok(())
}

#[test]
fn a_full_disk_puts_mail_off_and_loses_none() -> anyhow::Result<()> {
    crate::start::needs_root("mounts a small file system")?;
    // Outlives the server: a folder in which something is mounted cannot be removed.
    let folder = tempfile::tempdir()?;
    let place = folder.path().join("disk");
    let disk = Disk::small(&place, DISK_OCTETS)?;
    let site = Site::new()?.with_data(place.join("data"));
    let mut server = Server::serve(site)?;
    let reserve = server.data().join("ledger/reserve");
    let mut client = Dialogue::smtp(server.ready().ports.smtp)?;
    client.ask("EHLO client.example.net", "250")?;
    ensure!(send(&mut client, "<before@disk.test>")?.starts_with("250"));

    disk.fill(LOW_OCTETS)?;
    is_put_off(&server, &mut client, "<low@disk.test>")?;
    let imaps = ("imaps", server.ready().ports.imaps);
    let flag = ["--request", "STORE 1 +FLAGS (\\Flagged)"];
    let flagged = clients::curl(&server, imaps, "/INBOX", 1, &flag)?.ok()?;
    ensure!(flagged.out.contains("\\Flagged"), "{}", flagged.out);
    server
        .cli(&["domain", "add", "second.test", "--yes"])?
        .ok()?;

    is_put_off(&server, &mut client, "<still@disk.test>")?;

    disk.fill(0)?;
    let large = "A line of text.\r\n".repeat(LARGE_BODY_OCTETS / 17);
    for body in ["Hello.\r\n", large.as_str()] {
        let reply = send_with(&mut client, "<full@disk.test>", body)?;
        ensure!(reply.starts_with("452 4.3.1"), "heard {reply}");
    }
    ensure!(reserve.is_file(), "the ledger's room was given away");
    server
        .cli(&["domain", "disable", "second.test", "--yes"])?
        .ok()?;
    server.cli(&["ledger", "verify"])?.ok()?;
    ensure!(!reserve.is_file(), "a full disk had room for the ledger");

    disk.clear()?;
    let reply = send(&mut client, "<after@disk.test>")?;
    ensure!(reply.starts_with("250"), "with room again: {reply}");
    let both = ["<before@disk.test>", "<after@disk.test>"];
    holds(&server, &both)?;
    server.stop()?;
    server.start_again()?;
    ensure!(reserve.is_file(), "the ledger's room was not made again");
    holds(&server, &both)?;
    let shown = server.cli(&["domain", "show", "second.test"])?.ok()?.out;
    ensure!(shown.contains("enabled") && shown.contains("no"), "{shown}");
    server.cli(&["ledger", "verify"])?.ok().map(drop)
}
