//! The story of the demo: what it tells is so, and the commands that it prints find it out and undo
//! it, pasted as they stand.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use e2e::program::{self, Ran};
use e2e::{Server, Site, clients};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Where somebody signed in from.
const UNKNOWN: &str = "203.0.113.77";
/// What the title of the telling begins with.
const TITLE: &str = "WHAT HAPPENED";

/// The commands that were printed, and the function of the shell that they need.
struct Printed {
    function: String,
    commands: Vec<String>,
}

impl Printed {
    fn read(talk: &str) -> anyhow::Result<Self> {
        let begin = talk.find("  sealpost() {\n").context("no function")?;
        let (function, rest) = talk[begin..]
            .split_once("\n  }\n")
            .context("no end of it")?;
        let commands = rest.lines().filter_map(|line| line.strip_prefix("  "));
        Ok(Self {
            function: format!("{function}\n  }}\n"),
            commands: commands.map(str::to_owned).collect(),
        })
    }

    /// Pastes the function and the printed command that begins with these words into a shell.
    fn paste(&self, words: &str, more: &str) -> anyhow::Result<Ran> {
        let mut found = self.commands.iter().filter(|line| line.starts_with(words));
        let command = found
            .next()
            .with_context(|| format!("{words} is not printed"))?;
        let script = format!("{}{command}{more}\n", self.function);
        program::run("sh", ["-c", &script], b"")?.ok()
    }
}

/// How many messages of somebody's inbox fit an IMAP search.
fn found(server: &Server, name: &str, search: &str) -> anyhow::Result<usize> {
    let ready = server.ready();
    let address = format!("{name}@{}", ready.domain);
    let mut people = ready.accounts.iter();
    let person = people.find(|account| account.address == address);
    let person = person.context("nobody of that name")?;
    let user = format!("{address}:{}", person.password);
    let args = ["--user", &user, "--request", search];
    let said = clients::curl(server, ("imaps", ready.ports.imaps), "/INBOX", 1, &args)?.ok()?;
    let line = said
        .out
        .lines()
        .find_map(|line| line.strip_prefix("* SEARCH"));
    Ok(line.context(said.out.clone())?.split_whitespace().count())
}

fn rows(server: &Server, args: &[&str]) -> anyhow::Result<Vec<Value>> {
    let told = server.cli(&[args, &["--json"]].concat())?.ok()?.out;
    told.lines()
        .map(|line| Ok(serde_json::from_str(line)?))
        .collect()
}

/// The lines of the telling that are in the README.
fn readme() -> anyhow::Result<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let text = fs::read_to_string(path)?;
    let begin = text
        .find(TITLE)
        .context("the README does not tell the story")?;
    let block = text[begin..].split("\n```").next().unwrap_or_default();
    Ok(block.lines().map(str::to_owned).collect())
}

#[test]
fn the_story_is_as_the_readme_tells_it() -> anyhow::Result<()> {
    let server = Server::with(&[])?;
    let talk = server.talk();
    let told = talk[talk.find(TITLE).context("nothing was told")?..].lines();
    // Where program and data are differs from machine to machine.
    let same = |line: &&str| !line.starts_with("    command ");
    let told: Vec<&str> = told.filter(same).collect();
    let readme = readme()?;
    let readme: Vec<&str> = readme.iter().map(String::as_str).filter(same).collect();
    ensure!(told.starts_with(&readme), "{talk}");
    Ok(())
}

#[test]
fn every_record_of_the_story_is_made_by_who_it_names() -> anyhow::Result<()> {
    let server = Server::with(&[])?;
    let activity = rows(&server, &["activity", "--account", "ben@demo.test"])?;
    let kinds = activity.iter().filter(|row| row["source"] == UNKNOWN);
    let mut kinds: Vec<_> = kinds.filter_map(|row| row["what"].as_str()).collect();
    kinds.reverse();
    let refused = "sign_in.refused";
    let expected = [refused, refused, refused, "sign_in", "sign_out"];
    ensure!(kinds == expected, "{activity:?}");
    let entries = rows(&server, &["ledger", "list"])?;
    let rules = entries
        .iter()
        .filter(|entry| entry["type"] == "rule.create");
    let rules: Vec<_> = rules.map(|entry| (&entry["who"], &entry["door"])).collect();
    ensure!(rules.len() == 2, "{rules:?}");
    ensure!(
        rules
            .iter()
            .all(|rule| *rule == (&"ben@demo.test".into(), &"web".into()))
    );
    for (what, list) in [
        ("proxies", ["proxy", "list"]),
        ("sessions", ["session", "list"]),
    ] {
        ensure!(rows(&server, &list)?.is_empty(), "{what} are left");
    }
    Ok(())
}

#[test]
fn the_printed_commands_find_it_out_and_undo_it() -> anyhow::Result<()> {
    let server = Server::with(&[])?;
    let printed = Printed::read(&server.talk())?;
    let alerts = printed.paste("sealpost alerts", "")?.out;
    for words in [UNKNOWN, "R5", "rule r_1", "rule r_2", "drop@webmail.test"] {
        ensure!(alerts.contains(words), "{words}: {alerts}");
    }
    let explained = printed.paste("sealpost explain rule r_2", "")?.out;
    for words in [UNKNOWN, "ben@demo.test", "drop@webmail.test", "NOT KNOWN"] {
        ensure!(explained.contains(words), "{words}: {explained}");
    }
    // Commands that name the data folder themselves, as alerts do, can be pasted too.
    let again = format!(" --data {}", server.data().display());
    printed.paste("sealpost alerts", &again)?;
    let exits = printed.paste("sealpost exits list", "")?.out;
    ensure!(
        exits.contains("r_2") && exits.contains("drop@webmail.test"),
        "{exits}"
    );
    let bounce = "UID SEARCH FROM MAILER-DAEMON TO postmaster+r_2@demo.test";
    ensure!(
        found(&server, "ben", bounce)? == 1,
        "the report names the rule"
    );

    let renewal = "UID SEARCH SUBJECT Renew";
    ensure!(found(&server, "ana", renewal)? == 0);
    let removed = printed.paste("sealpost recoverable list", "")?.out;
    ensure!(removed.lines().count() == 2, "{removed}");
    printed.paste("sealpost recoverable restore", "")?;
    ensure!(found(&server, "ana", renewal)? == 1);

    printed.paste("sealpost rules rm r_2", " --yes")?;
    printed.paste("sealpost rules rm r_1", " --yes")?;
    let next = [
        "--to",
        "ana@demo.test",
        "--body",
        "tucows",
        "--header",
        "Subject: Renew again",
    ];
    clients::swaks(&server, server.ready().ports.smtp, &next)?.ok()?;
    ensure!(found(&server, "ana", renewal)? == 2, "the rule is gone");
    let exits = printed.paste("sealpost exits list", "")?.out;
    ensure!(!exits.contains("drop@webmail.test"), "{exits}");

    let trace = printed.paste("sealpost trace --rule r_1", "")?.out;
    ensure!(
        trace.contains("discard") && trace.contains("ana@demo.test"),
        "{trace}"
    );
    printed.paste("sealpost ledger verify", "")?;
    Ok(())
}

#[test]
fn a_demo_that_goes_on_does_not_begin_its_story_again() -> anyhow::Result<()> {
    let mut server = Server::with(&[])?;
    let before = rows(&server, &["ledger", "list"])?.len();
    server.stop()?;
    server.start_again()?;
    let entries = rows(&server, &["ledger", "list"])?;
    let since = entries.iter().rev().take(entries.len() - before);
    let kinds: Vec<_> = since.filter_map(|entry| entry["type"].as_str()).collect();
    let played = kinds
        .iter()
        .any(|kind| kind.starts_with("rule.") || *kind == "proxy.set");
    ensure!(kinds.contains(&"system.boot") && !played, "{kinds:?}");
    ensure!(
        found(&server, "ana", "UID SEARCH ALL")? == 2,
        "no mail came again"
    );
    Ok(())
}

#[test]
fn a_demo_that_is_ended_before_it_is_ready_says_so_and_leaves_nothing() -> anyhow::Result<()> {
    let site = Site::new()?;
    let (data, base) = (site.data().display().to_string(), site.port(0).to_string());
    let demo = ["demo", "--data", &data, "--base-port", &base];
    let mut child = Command::new(site.binary())
        .args(demo)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    // From the first line about what would leave on, the story is under way.
    let mut talk = BufReader::new(child.stderr.take().context("no standard error")?);
    let mut said = String::new();
    talk.read_line(&mut said)?;
    kill_process(Pid::from_child(&child), Signal::TERM)?;
    talk.read_to_string(&mut said)?;
    ensure!(
        !child.wait()?.success() && said.contains("SIGTERM before"),
        "{said}"
    );
    ensure!(!Path::new(&data).exists(), "the data are left");
    Ok(())
}

#[test]
fn a_domain_of_the_others_in_the_story_is_refused() -> anyhow::Result<()> {
    let site = Site::new()?;
    let data = site.data().display().to_string();
    let demo = ["demo", "--data", &data, "--domain", "webmail.test"];
    let refused = site.run(&demo, b"")?.exits(2)?;
    ensure!(refused.err.contains("--no-story"), "{}", refused.err);
    ensure!(!Path::new(&data).exists(), "nothing was made");
    Ok(())
}
