//! Inputs that broke other servers, at the doors of a running one. `docs/bad-inputs.md` says where
//! each kind is tested.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use e2e::dialogue::Dialogue;
use e2e::{Server, Site, clients};
use serde_json::Value;

/// Open files that a starved server may have.
const FILES_MAX: &str = "120";
/// More connections than that.
const CONNECTIONS: usize = 300;
/// Least replies of a starved server to the connections that it took.
const SERVED_MIN: usize = 10;
/// Time in which a server that spins would be seen.
const WATCHED: Duration = Duration::from_secs(1);
/// Clock ticks of processor time in a second (Linux: USER_HZ).
const TICKS_PER_S: u64 = 100;

fn script(name: &str) -> anyhow::Result<()> {
    let server = Server::start()?;
    clients::python(&server, name, &[])?.ok()?;
    // Nothing that a client says makes the server fail.
    let talk = server.talk();
    ensure!(
        !talk.contains("panicked") && !talk.contains("fault of the server"),
        "{talk}"
    );
    Ok(())
}

#[test]
fn smtp_refuses_what_broke_others() -> anyhow::Result<()> {
    script("smtp_bad_inputs.py")
}

#[test]
fn imap_refuses_what_broke_others() -> anyhow::Result<()> {
    script("imap_bad_inputs.py")
}

#[test]
fn pop3_refuses_what_broke_others() -> anyhow::Result<()> {
    script("pop3_bad_inputs.py")
}

#[test]
fn messages_that_broke_others_are_described_in_time() -> anyhow::Result<()> {
    script("mime_bad_inputs.py")
}

#[test]
fn names_and_lines_neither_inject_nor_climb_nor_claim_a_source() -> anyhow::Result<()> {
    let server = Server::start()?;
    clients::python(&server, "names_and_lines.py", &[])?.ok()?;
    let to = server.address(1);
    let traced = server.cli(&["trace", "--to", &to, "--json"])?.ok()?;
    let row: Value = serde_json::from_str(traced.out.lines().next().context("no trace")?)?;
    ensure!(row["source"] == "127.0.0.1", "{row}");
    Ok(())
}

/// Processor time that a process has used, in clock ticks.
fn ticks(pid: u32) -> anyhow::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // Behind the name, which may hold anything: state is field 3, utime 14, stime 15.
    let rest = stat.rsplit_once(')').context("no name in stat")?.1;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    Ok(fields[11].parse::<u64>()? + fields[12].parse::<u64>()?)
}

#[test]
fn a_server_without_free_descriptors_rests_and_recovers() -> anyhow::Result<()> {
    let limit = format!("--nofile={FILES_MAX}:{FILES_MAX}");
    let site = Site::new()?.under(&["prlimit", &limit]);
    let server = Server::demo(site, &["--accounts", "1", "--no-story"])?;
    let port = server.ready().ports.smtp;
    let mut waiting = (0..CONNECTIONS)
        .map(|_| Dialogue::connect(port))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut served = 0;
    for client in waiting.iter_mut().take(SERVED_MIN) {
        client.hears("220")?;
        client.ask("NOOP", "250")?;
        served += 1;
    }
    ensure!(served == SERVED_MIN);
    let before = ticks(server.ready().pid)?;
    thread::sleep(WATCHED);
    let used = ticks(server.ready().pid)? - before;
    ensure!(
        used < TICKS_PER_S / 2,
        "{used} ticks in a second of waiting: it spins"
    );
    ensure!(
        server.talk().contains("cannot accept connections now"),
        "{}",
        server.talk()
    );
    drop(waiting);
    let mut client = Dialogue::smtp(port)?;
    client.ask("EHLO client.example.net", "250")?;
    client.ask("MAIL FROM:<bob@example.net>", "250")?;
    client.ask("RCPT TO:<u0001@demo.test>", "250")?;
    client.ask("DATA", "354")?;
    client.say("Message-ID: <late@demo.test>\r\n\r\nHello.\r\n.")?;
    client.hears("250")?;
    let listed = clients::python(&server, "read_ids.py", &["1"])?.ok()?;
    ensure!(listed.out == "<late@demo.test>\n", "{}", listed.out);
    server.cli(&["ledger", "verify"])?.ok().map(drop)
}

#[test]
fn the_index_names_tests_that_are_there() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let index = fs::read_to_string(root.join("docs/bad-inputs.md"))?;
    let mut text = String::new();
    let mut named = 0;
    // Behind the rules of the table, each name in backquotes is a file or a test in the last file.
    for name in index.split('`').skip(5).step_by(2) {
        if name.contains('/') {
            text = fs::read_to_string(root.join(name)).with_context(|| name.to_owned())?;
        } else {
            ensure!(
                text.contains(&format!("fn {name}(")),
                "there is no test {name}"
            );
            named += 1;
        }
    }
    ensure!(named > 30, "only {named} tests were looked for");
    Ok(())
}
