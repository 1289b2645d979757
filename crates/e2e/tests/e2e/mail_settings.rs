//! Settings that are rules: forwards, vacations and lists of senders, made at the command line and
//! met by real mail.

use anyhow::ensure;
use e2e::{PASSWORD, Server, clients};
use serde_json::Value;

fn said(server: &Server, args: &[&str]) -> anyhow::Result<String> {
    let ran = server.cli(args)?.ok()?;
    Ok(ran.out + &ran.err)
}

/// Sends a message from outside; gives whether it was taken, and what was said.
fn send(server: &Server, from: &str, to: &str, id: &str) -> anyhow::Result<(bool, String)> {
    let header = format!("Message-Id: <{id}@far.test>");
    let named = format!("To: {to}");
    let args = [
        "--from", from, "--to", to, "--header", &header, "--header", &named,
    ];
    let ran = clients::swaks(server, server.ready().ports.smtp, &args)?;
    Ok((ran.status == Some(0), ran.out + &ran.err))
}

/// `action recipient target` of what became of a message, sorted.
fn fates(server: &Server, query: &[&str]) -> anyhow::Result<Vec<String>> {
    let told = server.cli(&[&["trace", "--json"], query].concat())?.ok()?;
    let mut fates = Vec::new();
    for line in told.out.lines() {
        let row: Value = serde_json::from_str(line)?;
        let word = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        fates.push(format!(
            "{} {} {}",
            word("action"),
            word("to"),
            word("target")
        ));
    }
    fates.sort();
    Ok(fates)
}

#[test]
fn a_forward_sends_on_is_listed_and_ends() -> anyhow::Result<()> {
    let server = Server::start()?;
    let (ann, bob) = (server.address(1), server.address(2));
    let copy = [
        format!("sink {ann} drop@webmail.test"),
        format!("store {ann} INBOX"),
    ];
    let inside = [format!("redirect {ann} r_2@"), format!("store {ann} INBOX")];
    for (number, args, place, expected) in [
        (
            "1",
            &["drop@webmail.test", "--keep-copy"][..],
            "OUTSIDE",
            copy,
        ),
        ("2", &[bob.as_str()], "inside", inside),
    ] {
        let set = [&["forward", "set", ann.as_str()], args, &["--yes"]].concat();
        let told = said(&server, &set)?;
        ensure!(told.contains(place), "{told}");
        let rules = said(&server, &["rules", "list", "--account", &ann])?;
        ensure!(
            rules.contains("Forward") && rules.contains(args[0]),
            "{rules}"
        );
        let exits = said(&server, &["exits", "list", "--json"])?;
        let exit: Value = serde_json::from_str(exits.lines().next().unwrap_or_default())?;
        ensure!(
            exit["kind"] == "forward" && exit["place"] == place,
            "{exit}"
        );
        ensure!(
            exit["since"].is_string() && exit["by"].is_string(),
            "{exit}"
        );
        ensure!(send(&server, "shop@far.test", &ann, number)?.0, "not taken");
        let found = fates(&server, &["--id", &format!("{number}@far.test")])?;
        let fits = found
            .iter()
            .zip(&expected)
            .all(|(fate, begin)| fate.starts_with(begin));
        ensure!(fits && found.len() == 2, "{found:?}");
        // The list names the command that ends it.
        let end = exit["end"].as_str().unwrap_or_default().to_owned();
        let end: Vec<_> = end.split(' ').skip(1).chain(["--yes"]).collect();
        said(&server, &end)?;
    }
    ensure!(send(&server, "shop@far.test", &ann, "3")?.0, "not taken");
    ensure!(fates(&server, &["--id", "3@far.test"])? == [format!("store {ann} INBOX")]);
    let none = server.cli(&["forward", "off", &ann, "--yes"])?;
    ensure!(
        none.status == Some(3) && none.err.contains("has no forward"),
        "{none:?}"
    );
    Ok(())
}

#[test]
fn a_paused_forward_sends_nothing_until_it_is_resumed() -> anyhow::Result<()> {
    let server = Server::start()?;
    let ann = server.address(1);
    said(
        &server,
        &[
            "forward",
            "set",
            &ann,
            "drop@webmail.test",
            "--keep-copy",
            "--yes",
        ],
    )?;
    for (number, command, state, count) in [("1", "pause", "paused", 1), ("2", "resume", "on", 2)] {
        said(&server, &["exits", command, "r_1", "--yes"])?;
        let exits = said(&server, &["exits", "list", "--json"])?;
        ensure!(exits.contains(&format!("\"state\":\"{state}\"")), "{exits}");
        ensure!(send(&server, "shop@far.test", &ann, number)?.0, "not taken");
        let found = fates(&server, &["--id", &format!("{number}@far.test")])?;
        ensure!(found.len() == count, "{command}: {found:?}");
    }
    Ok(())
}

#[test]
fn a_vacation_answers_each_sender_once() -> anyhow::Result<()> {
    let server = Server::start()?;
    let (ann, bob, cid) = (server.address(1), server.address(2), server.address(3));
    said(
        &server,
        &[
            "vacation",
            "set",
            &ann,
            "--text",
            "I am away.",
            "--days",
            "3",
            "--yes",
        ],
    )?;
    let write = |from: &str| -> anyhow::Result<()> {
        let to = format!("To: {ann}");
        let signed = [
            "--auth",
            "PLAIN",
            "--auth-user",
            from,
            "--auth-password",
            PASSWORD,
        ];
        let mail = [
            "--tls-on-connect",
            "--from",
            from,
            "--to",
            &ann,
            "--header",
            &to,
        ];
        let port = server.ready().ports.submissions;
        clients::swaks(&server, port, &[&mail[..], &signed].concat())?
            .ok()
            .map(drop)
    };
    for (from, answers) in [(&bob, [1, 0]), (&bob, [1, 0]), (&cid, [1, 1])] {
        write(from)?;
        let answered = |to: &String| Ok::<_, anyhow::Error>(fates(&server, &["--to", to])?.len());
        ensure!([answered(&bob)?, answered(&cid)?] == answers, "{from}");
    }
    said(&server, &["vacation", "off", &ann, "--yes"])?;
    let none = server.cli(&["vacation", "off", &ann, "--yes"])?;
    ensure!(
        none.status == Some(3) && none.err.contains("has no vacation"),
        "{none:?}"
    );
    Ok(())
}

// long: one table
#[test]
fn blocked_senders_are_refused_and_trusted_ones_pass() -> anyhow::Result<()> {
    let server = Server::start()?;
    let ann = server.address(1);
    let junk = ["--when", "not trusted-sender", "--then", "move Junk"];
    let add = [
        "rules",
        "add",
        "--account",
        &ann,
        "--name",
        "strangers",
        "--yes",
    ];
    said(&server, &[&add[..], &junk].concat())?;
    for (args, of) in [
        (
            ["block", "far.test", "x@bad.test"].as_slice(),
            ["--domain", "demo.test"],
        ),
        (&["block", "y@bad.test"], ["--account", &ann]),
        (
            &["trust", "friend@far.test", "good.test"],
            ["--account", &ann],
        ),
    ] {
        said(&server, &[&["senders"], args, &of, &["--yes"]].concat())?;
    }
    let listed = said(&server, &["senders", "list"])?;
    for words in ["far.test", "blocked", "friend@far.test", "trusted", &ann] {
        ensure!(listed.contains(words), "{words}: {listed}");
    }
    let (inbox, in_junk) = (format!("store {ann} INBOX"), format!("store {ann} Junk"));
    for (number, from, expected) in [
        ("1", "shop@far.test", None),
        ("2", "x@bad.test", None),
        ("3", "y@bad.test", None),
        ("4", "z@bad.test", Some(&in_junk)),
        // What an account says counts more than what its domain says.
        ("5", "friend@far.test", Some(&inbox)),
        ("6", "any@good.test", Some(&inbox)),
    ] {
        let (taken, talk) = send(&server, from, &ann, number)?;
        ensure!(taken == expected.is_some(), "{from}: {talk}");
        match expected {
            None => ensure!(talk.contains("550 5.7.1"), "{from}: {talk}"),
            Some(fate) => {
                let found = fates(&server, &["--id", &format!("{number}@far.test")])?;
                ensure!(found == [fate.clone()], "{from}: {found:?}");
            }
        }
    }
    said(
        &server,
        &[
            "senders",
            "rm",
            "blocked",
            "y@bad.test",
            "--account",
            &ann,
            "--yes",
        ],
    )?;
    ensure!(send(&server, "y@bad.test", &ann, "7")?.0, "still refused");
    Ok(())
}
