//! mbsync keeps two clients equal: 1,000 messages, flags, deletes and moves.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use e2e::Server;
use e2e::clients::{self, Mbsync};

const MESSAGES: usize = 1_000;

/// How mbsync sums up a run in which it added, flagged and removed nothing on either side.
const NOTHING_DONE: &str = "F: +0/0 *0/0 #0/0  N: +0/0 *0/0 #0/0";

/// Both stores of a client: its own files, and UIDs and flags in the server's mailboxes.
fn state(server: &Server, client: &Mbsync<'_>) -> anyhow::Result<(BTreeSet<String>, String)> {
    let far = clients::python(server, "flags.py", &["1", "INBOX", "Kept"])?.ok()?;
    Ok((listing(&client.maildirs)?, far.out))
}

/// What a Maildir tree holds: for each file its name, per folder.
fn listing(maildirs: &Path) -> anyhow::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for folder in fs::read_dir(maildirs)? {
        let folder = folder?.path();
        for part in ["cur", "new"] {
            for file in fs::read_dir(folder.join(part))? {
                let path = file?.path();
                names.insert(path.strip_prefix(maildirs)?.display().to_string());
            }
        }
    }
    Ok(names)
}

/// For each message (by the number in its Subject) where it is and how it is flagged.
fn content(maildirs: &Path) -> anyhow::Result<BTreeMap<String, (String, String)>> {
    let mut messages = BTreeMap::new();
    for name in listing(maildirs)? {
        let text = fs::read_to_string(maildirs.join(&name))?;
        let subject = text.lines().find_map(|line| line.strip_prefix("Subject: "));
        let subject = subject
            .with_context(|| format!("{name} has no subject"))?
            .to_owned();
        let folder = name.split('/').next().unwrap_or_default().to_owned();
        let flags = name
            .split_once(":2,")
            .map_or("", |(_, flags)| flags)
            .to_owned();
        ensure!(
            messages.insert(subject.clone(), (folder, flags)).is_none(),
            "two of {subject}"
        );
    }
    Ok(messages)
}

fn make_maildir(path: &Path) -> anyhow::Result<()> {
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(path.join(part))?;
    }
    Ok(())
}

fn fill(maildirs: &Path) -> anyhow::Result<()> {
    let inbox = maildirs.join("INBOX");
    make_maildir(&inbox)?;
    for number in 0..MESSAGES {
        let text = format!(
            "From: <bob@example.net>\nTo: <u0001@demo.test>\nSubject: {number:04}\n\
             Message-ID: <{number}@mbsync.test>\nDate: Mon, 23 Nov 2026 10:00:00 +0000\n\n\
             Message {number}.\n"
        );
        fs::write(
            inbox
                .join("cur")
                .join(format!("1000000000.{number}.client:2,")),
            text,
        )?;
    }
    Ok(())
}

/// Flags the first hundred, deletes the second hundred, moves the third to another folder.
fn edit(maildirs: &Path) -> anyhow::Result<()> {
    make_maildir(&maildirs.join("Kept"))?;
    for (subject, (_, flags)) in content(maildirs)? {
        ensure!(flags.is_empty(), "{subject} is flagged already: {flags}");
    }
    for name in listing(maildirs)? {
        let path = maildirs.join(&name);
        let text = fs::read_to_string(&path)?;
        let subject = text.lines().find_map(|line| line.strip_prefix("Subject: "));
        match subject.context("no subject")?.parse::<usize>()? {
            0..100 => fs::rename(&path, format!("{}FS", path.display()))?,
            100..200 => fs::remove_file(&path)?,
            number @ 200..300 => {
                // A moved file must lose the UID that it had in its old folder.
                let moved = maildirs.join(format!("Kept/cur/1000000001.{number}.client:2,R"));
                fs::rename(&path, moved)?;
            }
            _ => {}
        }
    }
    Ok(())
}

#[test]
fn two_clients_stay_equal_and_a_second_run_changes_nothing() -> anyhow::Result<()> {
    let server = Server::start()?;
    let (one, two) = (
        Mbsync::new(&server, 1, "one")?,
        Mbsync::new(&server, 1, "two")?,
    );
    fill(&one.maildirs)?;
    let summary = one.summed_up()?;
    ensure!(summary.contains("F: +1000/1000"), "mbsync says: {summary}");
    two.sync()?;
    ensure!(content(&two.maildirs)?.len() == MESSAGES);

    edit(&one.maildirs)?;
    one.sync()?;
    two.sync()?;
    let seen = content(&two.maildirs)?;
    ensure!(seen == content(&one.maildirs)?, "the two clients differ");
    ensure!(seen.len() == MESSAGES - 100, "{} messages", seen.len());
    let at = |number: usize| {
        seen.get(&format!("{number:04}"))
            .map(|(a, b)| (a.as_str(), b.as_str()))
    };
    for (number, expected) in [
        (0, Some(("INBOX", "FS"))),
        (99, Some(("INBOX", "FS"))),
        (100, None),
        (199, None),
        (200, Some(("Kept", "R"))),
        (299, Some(("Kept", "R"))),
        (300, Some(("INBOX", ""))),
    ] {
        ensure!(at(number) == expected, "message {number}: {:?}", at(number));
    }

    let before = (state(&server, &one)?, state(&server, &two)?);
    for client in [&one, &two] {
        let summary = client.summed_up()?;
        ensure!(summary.ends_with(NOTHING_DONE), "mbsync says: {summary}");
    }
    let after = (state(&server, &one)?, state(&server, &two)?);
    ensure!(after == before, "a second run changed");
    Ok(())
}

#[test]
fn twenty_thousand_messages_come_and_stay_equal() -> anyhow::Result<()> {
    const MANY: usize = 20_000;
    let server = Server::start()?;
    clients::python(&server, "fill.py", &["1", &MANY.to_string()])?.ok()?;
    let client = Mbsync::new(&server, 1, "one")?;
    let summary = client.summed_up()?;
    ensure!(
        summary.contains(&format!("N: +{MANY}/{MANY}")),
        "mbsync says: {summary}"
    );
    // Here one in four is read, and one in ten of the others thrown away.
    let (mut read, mut removed) = (0, 0);
    for (number, name) in listing(&client.maildirs)?.into_iter().enumerate() {
        let path = client.maildirs.join(&name);
        if number % 4 == 0 {
            let flagged = name.replace("/new/", "/cur/");
            let flagged = flagged.split(":2,").next().unwrap_or(&flagged).to_owned() + ":2,S";
            fs::rename(&path, client.maildirs.join(flagged))?;
            read += 1;
        } else if number % 10 == 1 {
            fs::remove_file(&path)?;
            removed += 1;
        }
    }
    let summary = client.summed_up()?;
    // What is removed is flagged first.
    let flagged = read + removed;
    let expected = format!("F: +0/0 *{flagged}/{flagged} #0/0  N: +0/0 *0/0 #0/0");
    ensure!(
        summary.contains(&expected),
        "mbsync says: {summary}, not {expected}"
    );
    let summary = client.summed_up()?;
    ensure!(summary.ends_with(NOTHING_DONE), "mbsync says: {summary}");
    let far = clients::python(&server, "flags.py", &["1", "INBOX"])?
        .ok()?
        .out;
    let kept = MANY - removed;
    let seen = far.lines().filter(|line| line.contains("\\Seen")).count();
    ensure!(
        (far.lines().count(), seen) == (kept, read),
        "{seen} are read"
    );
    Ok(())
}
