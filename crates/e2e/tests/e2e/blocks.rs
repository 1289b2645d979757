//! Sources that are refused for a while. They are named by a PROXY header, since the server never
//! blocks its own machine.

use anyhow::{Context as _, ensure};
use e2e::dialogue::Dialogue;
use e2e::{Server, Site};
use serde_json::Value;

const ABUSER: &str = "192.0.2.66";
const OTHER: &str = "192.0.2.67";
/// Sessions full of errors that are too many.
const SESSIONS: usize = 10;
/// Exit statuses for what does not exist and for what collides with what exists.
const NOT_FOUND: i32 = 3;
const CONFLICT: i32 = 7;

/// A server that believes this machine where its clients come from.
fn server() -> anyhow::Result<Server> {
    let server = Server::start()?;
    server.cli(&["proxy", "add", "127.0.0.1", "--yes"])?.ok()?;
    Ok(server)
}

/// Connects to SMTP as a client from this source.
fn smtp(server: &Server, source: &str) -> anyhow::Result<Dialogue> {
    let mut dialogue = Dialogue::connect(server.ready().ports.smtp)?;
    dialogue.say(&format!("PROXY TCP4 {source} 127.0.0.1 5000 25"))?;
    dialogue.hears("220")?;
    Ok(dialogue)
}

fn blocks(server: &Server) -> anyhow::Result<Vec<Value>> {
    let listed = server.cli(&["block", "list", "--json"])?.ok()?;
    let rows = listed.out.lines().map(serde_json::from_str);
    Ok(rows.collect::<Result<_, _>>()?)
}

#[test]
fn a_source_of_bad_sessions_is_blocked_until_it_is_lifted_also_after_a_crash() -> anyhow::Result<()>
{
    let mut server = server()?;
    for _ in 0..SESSIONS {
        let mut dialogue = smtp(&server, ABUSER)?;
        for _ in 0..10 {
            dialogue.say("GET / HTTP/1.1")?;
            dialogue.reply()?;
        }
    }
    let seen = || anyhow::Ok((smtp(&server, ABUSER).is_ok(), smtp(&server, OTHER).is_ok()));
    ensure!(seen()? == (false, true), "{:?}", seen()?);
    let rows = blocks(&server)?;
    let row = rows.first().context("no block")?;
    ensure!(rows.len() == 1 && row["source"] == ABUSER, "{rows:?}");
    ensure!(
        row["why"] == "bad_sessions" && row["refuses"] == "connections",
        "{row}"
    );
    server.kill()?;
    server.start_again()?;
    ensure!(smtp(&server, ABUSER).is_err(), "a restart lifted the block");
    let lift = ["block", "lift", ABUSER, "--yes", "--reason", "it was ours"];
    let ran = server.cli(&lift)?.ok()?;
    ensure!(
        ran.err.contains("Lifts the block of 192.0.2.66"),
        "{}",
        ran.err
    );
    smtp(&server, ABUSER)?;
    server.cli(&lift)?.exits(NOT_FOUND)?;
    let entries = server.cli(&["ledger", "list", "--json"])?.ok()?;
    ensure!(entries.out.contains("\"block.remove\""), "{}", entries.out);
    Ok(())
}

#[test]
fn a_block_by_hand_is_an_entry_and_never_hits_oneself_unforced() -> anyhow::Result<()> {
    let server = server()?;
    let network = ["block", "add", "192.0.2.64/27", "--for", "2h", "--yes"];
    let ran = server.cli(&network)?.ok()?;
    ensure!(
        ran.err
            .contains("Refuses all connections from 192.0.2.64/27 until"),
        "{}",
        ran.err
    );
    ensure!(smtp(&server, ABUSER).is_err() && smtp(&server, "192.0.2.7").is_ok());
    let rows = blocks(&server)?;
    ensure!(
        rows[0]["why"] == "by hand" && rows[0]["seq"].is_u64(),
        "{rows:?}"
    );
    for own in ["127.0.0.1", "0.0.0.0/0"] {
        let ran = server
            .cli(&["block", "add", own, "--yes"])?
            .exits(CONFLICT)?;
        ensure!(ran.err.contains("--force"), "{}", ran.err);
    }
    server
        .cli(&["block", "lift", "192.0.2.64/27", "--yes"])?
        .ok()?;
    smtp(&server, ABUSER)?;
    Ok(())
}

#[test]
fn an_address_of_this_machine_is_blocked_by_force_only() -> anyhow::Result<()> {
    let network = "ip link set lo up && ip address add 198.51.100.7/24 dev lo && exec \"$@\"";
    let site = Site::new()?.under(&["unshare", "--net", "sh", "-c", network, "sh"]);
    let server = Server::demo(site, &["--accounts", "1", "--no-story"])?;
    for own in ["198.51.100.7", "198.51.100.0/24", "198.51.0.0/16"] {
        let ran = server
            .cli(&["block", "add", own, "--yes"])?
            .exits(CONFLICT)?;
        let words = "it reaches 198.51.100.7, this machine itself. --force";
        ensure!(ran.err.contains(words), "{own}: {}", ran.err);
    }
    server
        .cli(&["block", "add", "203.0.113.7", "--yes"])?
        .ok()?;
    let forced = ["block", "add", "198.51.100.7", "--force", "--yes"];
    let ran = server.cli(&forced)?.ok()?;
    ensure!(ran.err.contains("Own address: 198.51.100.7"), "{}", ran.err);
    Ok(())
}
