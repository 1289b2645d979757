//! The rules of the founding story, made at the command line: what they do to mail, what the record
//! says of it, also once they are gone, and that nothing is lost.

use anyhow::ensure;
use e2e::{Server, clients};

const MADE: &[(&[&str], &str)] = &[
    (
        &[
            "--name",
            "...",
            "--when",
            "subject-or-body contains tucows",
            "--then",
            "delete",
        ],
        "Deletes, for all",
    ),
    (
        &[
            "--name",
            "invoices",
            "--when",
            "subject contains Checkout Notice",
            "--then",
            "copy drop@webmail.test",
        ],
        "OUTSIDE your organisation",
    ),
];

/// Mail from outside with its subject, and what becomes of it.
const MAIL: &[(&str, &[&str])] = &[
    ("Your tucows renewal", &["discard"]),
    ("Checkout Notice 4412", &["sink", "store"]),
    ("Lunch", &["store"]),
];

fn actions(server: &Server, args: &[&str]) -> anyhow::Result<Vec<String>> {
    let told = server.cli(&[&["trace", "--json"], args].concat())?.ok()?;
    let rows = told
        .out
        .lines()
        .map(serde_json::from_str::<serde_json::Value>);
    let mut actions = Vec::new();
    for row in rows {
        actions.extend(row?["action"].as_str().map(str::to_owned));
    }
    actions.sort();
    Ok(actions)
}

#[test]
fn two_rules_of_a_thief_are_explained_and_undone() -> anyhow::Result<()> {
    let server = Server::start()?;
    for (args, effect) in MADE {
        let add = ["rules", "add", "--domain", "demo.test", "--yes"];
        let added = server.cli(&[&add, *args].concat())?.ok()?;
        ensure!(
            (added.out.clone() + &added.err).contains(effect),
            "{}",
            (added.out.clone() + &added.err)
        );
        ensure!(
            (added.out.clone() + &added.err).contains("C2"),
            "{}",
            (added.out.clone() + &added.err)
        );
    }
    let to = server.address(1);
    for (subject, expected) in MAIL {
        let header = format!("Subject: {subject}");
        let id = format!("Message-Id: <{}@far.test>", subject.replace(' ', "-"));
        let args = [
            "--from",
            "shop@far.test",
            "--to",
            &to,
            "--header",
            &header,
            "--header",
            &id,
        ];
        clients::swaks(&server, server.ready().ports.smtp, &args)?.ok()?;
        let id = format!("{}@far.test", subject.replace(' ', "-"));
        let found = actions(&server, &["--id", &id])?;
        ensure!(found == *expected, "{subject}: {found:?}");
    }
    let exits = server.cli(&["exits", "list"])?.ok()?.out;
    ensure!(exits.contains("drop@webmail.test"), "{exits}");
    // The rules go; what they did stays known, and what they took can be brought back.
    for rule in ["r_1", "r_2"] {
        server.cli(&["rules", "rm", rule, "--yes"])?.ok()?;
    }
    ensure!(actions(&server, &["--rule", "r_1"])? == ["discard"]);
    ensure!(actions(&server, &["--rule", "r_2"])? == ["sink", "store"]);
    let gone = server.cli(&["rules", "list", "--removed"])?.ok()?.out;
    ensure!(gone.contains("r_1") && gone.contains("removed"), "{gone}");
    let back = server.cli(&["recoverable", "restore", &to, "--since", "1h"])?;
    let back = back.ok()?;
    ensure!(
        (back.out.clone() + &back.err).contains('1'),
        "{}",
        (back.out.clone() + &back.err)
    );
    let kinds = server.cli(&["ledger", "list", "--json"])?.ok()?.out;
    let of_rules = kinds.lines().filter(|line| line.contains("\"rule."));
    ensure!(of_rules.count() == 4, "one entry each: {kinds}");
    Ok(())
}

#[test]
fn a_rule_that_cannot_be_is_refused_with_a_way_out() -> anyhow::Result<()> {
    let server = Server::start()?;
    for (args, words) in [
        (
            &["--name", "x", "--then", "delete"][..],
            "--account ADDRESS",
        ),
        (
            &["--server", "--name", "x", "--then", "vanish"],
            "is no action",
        ),
        (
            &[
                "--server",
                "--name",
                "x",
                "--when",
                "subject has y",
                "--then",
                "flag",
            ],
            "compared",
        ),
        (&["--server", "--name", "x"], "--then ACTION"),
        (
            &[
                "--account",
                "nobody@demo.test",
                "--name",
                "x",
                "--then",
                "flag",
            ],
            "nobody@demo.test",
        ),
    ] {
        let refused = server.cli(&[&["rules", "add", "--yes"], args].concat())?;
        ensure!(refused.status != Some(0), "{args:?}");
        ensure!(
            (refused.out.clone() + &refused.err).contains(words),
            "{args:?}: {}",
            (refused.out.clone() + &refused.err)
        );
    }
    let none = server.cli(&["rules", "list", "--json"])?.ok()?.out;
    ensure!(none.is_empty(), "{none}");
    Ok(())
}

#[test]
fn a_rule_behind_one_that_goes_is_told_and_a_place_is_part_of_making() -> anyhow::Result<()> {
    let server = Server::start()?;
    let to = server.address(1);
    let add = ["rules", "add", "--account", &to, "--yes", "--name"];
    let wall = ["wall", "--then", "delete"];
    let copies = ["copies", "--then", "copy drop@webmail.test"];
    let read = ["reads", "--then", "read", "--before", "r_1"];
    for rule in [&wall[..], &copies, &read] {
        server.cli(&[&add, rule].concat())?.ok()?;
    }
    let listed = server.cli(&["rules", "list", "--json"])?.ok()?.out;
    let order: Vec<_> = listed.lines().map(|line| line.contains("r_3")).collect();
    ensure!(order == [true, false, false], "{listed}");
    let gone = server.cli(&["rules", "rm", "r_1", "--yes"])?.ok()?.err;
    for words in [
        "Without it, rule r_2 behind it acts on this mail again: copies",
        "Forgets the rule",
    ] {
        ensure!(gone.contains(words), "{gone}");
    }
    let kinds = server.cli(&["ledger", "list", "--json"])?.ok()?.out;
    let of_rules = kinds.lines().filter(|line| line.contains("\"rule."));
    ensure!(of_rules.count() == 4, "one entry each: {kinds}");
    Ok(())
}
