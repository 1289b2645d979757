//! A disk that fills up: mail is put off and not lost, the ledger can still tighten.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

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

/// What is left free, in KiB, when the disk is taken away at one stroke under clients that write.
const LEFT_KIB: [u64; 8] = [0, 4, 16, 64, 256, 1_024, 4_096, 16_384];
/// How often each is left.
const STROKES: usize = 3;
/// Time without room, and with it.
const STROKE: Duration = Duration::from_millis(60);
/// Room for what the clients write in that time.
const ROOMY_OCTETS: u64 = 512 * 1_048_576;

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
    client.say("DATA")?;
    let reply = client.reply()?;
    if !reply.starts_with("354") {
        client.ask("RSET", "250")?;
        return Ok(reply);
    }
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

/// Sends messages of this size until it is told to stop; the names of those that were taken.
fn sends_on(port: u16, name: &str, body: &str, stop: &AtomicBool) -> anyhow::Result<Vec<String>> {
    let mut client = Dialogue::smtp(port)?;
    client.ask("EHLO client.example.net", "250")?;
    let mut taken = Vec::new();
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let id = format!("<{name}{n}@disk.test>");
        let reply = send_with(&mut client, &id, body)?;
        if reply.starts_with("250") {
            taken.push(id);
        } else {
            ensure!(reply.starts_with("452 4.3.1"), "heard {reply}");
        }
        thread::sleep(Duration::from_millis(if body.len() > 10_000 {
            30
        } else {
            2
        }));
    }
    Ok(taken)
}

/// Adds domains until it is told to stop; the names of those that were added, and of those of which
/// it is not known.
fn changes_on(server: &Server, stop: &AtomicBool) -> anyhow::Result<(Vec<String>, Vec<String>)> {
    let (mut added, mut unknown) = (Vec::new(), Vec::new());
    for n in 0..40 {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let name = format!("d{n}.test");
        let ran = server.cli(&["domain", "add", &name, "--yes"])?;
        if ran.status == Some(0) {
            added.push(name);
        } else {
            ensure!(!ran.err.is_empty(), "no word of why");
            if ran.err.contains("not known yet") {
                unknown.push(name);
            }
        }
        thread::sleep(STROKE);
    }
    Ok((added, unknown))
}

// long: clients, a disk that comes and goes, and all that must hold afterwards
#[test]
fn a_disk_that_is_full_at_any_moment_loses_nothing_that_was_taken() -> anyhow::Result<()> {
    crate::start::needs_root("mounts a small file system")?;
    let folder = tempfile::tempdir()?;
    let place = folder.path().join("disk");
    let disk = Disk::small(&place, ROOMY_OCTETS)?;
    let mut server = Server::serve(Site::new()?.with_data(place.join("data")))?;
    let port = server.ready().ports.smtp;
    let (small, large) = ("Hello.\r\n", "A line of text.\r\n".repeat(300_000 / 17));
    let stop = AtomicBool::new(false);
    let (mut taken, (added, unknown)) = thread::scope(|scope| {
        let small = scope.spawn(|| sends_on(port, "small", small, &stop));
        let large = scope.spawn(|| sends_on(port, "large", &large, &stop));
        let changes = scope.spawn(|| changes_on(&server, &stop));
        let strokes = strokes(&disk);
        stop.store(true, Ordering::Relaxed);
        strokes?;
        let ended = "no thread of a test panics";
        let mut taken = small.join().expect(ended)?;
        taken.extend(large.join().expect(ended)?);
        anyhow::Ok((taken, changes.join().expect(ended)?))
    })?;
    ensure!(
        taken.len() > LEFT_KIB.len() && !added.is_empty(),
        "too little"
    );
    for again in [false, true] {
        if again {
            server.kill()?;
            server.start_again()?;
        }
        let listed = clients::python(&server, "read_ids.py", &["1"])?.ok()?.out;
        let mut found: Vec<_> = listed.lines().map(str::to_owned).collect();
        found.sort_unstable();
        taken.sort_unstable();
        ensure!(
            found == taken,
            "{} taken, {} found",
            taken.len(),
            found.len()
        );
        let listed = server.cli(&["domain", "list"])?.ok()?.out;
        let has = |name: &String| listed.split_whitespace().any(|word| word == name);
        ensure!(added.iter().all(has), "{added:?} are not all in {listed}");
        let domains = (0..40).map(|n| format!("d{n}.test")).filter(has).count();
        ensure!(
            domains <= added.len() + unknown.len(),
            "refused, yet made: {listed}"
        );
    }
    // What the second copy had no room for is written at the next beat, or at a start.
    server.cli(&["ledger", "verify"])?.ok()?;
    let mut client = Dialogue::smtp(port)?;
    client.ask("EHLO client.example.net", "250")?;
    ensure!(send(&mut client, "<after@disk.test>")?.starts_with("250"));
    server.stop()
}

/// Takes the room of a disk away and gives it back, again and again.
fn strokes(disk: &Disk) -> anyhow::Result<()> {
    for left in LEFT_KIB.repeat(STROKES) {
        thread::sleep(STROKE);
        while !disk.shrink(left * 1_024)? {}
        thread::sleep(STROKE);
        disk.grow(ROOMY_OCTETS)?;
    }
    Ok(())
}
