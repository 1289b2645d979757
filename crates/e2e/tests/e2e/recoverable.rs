//! What rules delete: found by the rule, brought back, or deleted for good with an entry.

use anyhow::ensure;
use e2e::{Server, clients};
use serde_json::Value;

fn said(server: &Server, args: &[&str]) -> anyhow::Result<String> {
    let ran = server.cli(args)?.ok()?;
    Ok(ran.out + &ran.err)
}

/// A server whose first two accounts lost two messages each to a rule, `r_1`.
fn with_deleted() -> anyhow::Result<Server> {
    let server = Server::start()?;
    let add = [
        "rules",
        "add",
        "--domain",
        "demo.test",
        "--name",
        "Old offers",
        "--yes",
    ];
    let content = ["--when", "subject contains Offer", "--then", "delete"];
    said(&server, &[&add[..], &content].concat())?;
    for to in [server.address(1), server.address(2)] {
        for _ in 0..2 {
            let mail = [
                "--from",
                "shop@far.test",
                "--to",
                &to,
                "--header",
                "Subject: Offer",
            ];
            clients::swaks(&server, server.ready().ports.smtp, &mail)?.ok()?;
        }
    }
    Ok(server)
}

fn removed(server: &Server, account: &str) -> anyhow::Result<Vec<Value>> {
    let listed = said(server, &["recoverable", "list", account, "--json"])?;
    Ok(listed
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?)
}

#[test]
fn all_that_a_rule_deleted_comes_back_also_after_it_is_gone() -> anyhow::Result<()> {
    let server = with_deleted()?;
    let (ann, bob) = (server.address(1), server.address(2));
    for gone in [false, true] {
        if gone {
            said(&server, &["rules", "rm", "r_1", "--yes"])?;
        }
        for row in removed(&server, &ann)? {
            ensure!(
                row["rule"] == "r_1" && row["rule_name"] == "Old offers",
                "{row}"
            );
            ensure!(row["rule_entry"].is_u64(), "{row}");
        }
    }
    let nobody = server.cli(&["recoverable", "restore"])?;
    ensure!(nobody.err.contains("whose mail?"), "{nobody:?}");
    let back = said(
        &server,
        &["recoverable", "restore", &ann, "--rule", "r_1", "--json"],
    )?;
    ensure!(
        back.contains("\"restored\":2") && back.contains("\"left\":0"),
        "{back}"
    );
    let back = said(
        &server,
        &["recoverable", "restore", "--rule", "r_1", "--json"],
    )?;
    ensure!(back.contains("\"restored\":2"), "{back}");
    let records = said(&server, &["activity", "--kind", "mail.restored"])?;
    ensure!(
        records.contains(&ann) && records.contains(&bob),
        "{records}"
    );
    Ok(())
}

#[test]
fn purging_is_one_grave_entry_that_says_what_is_lost() -> anyhow::Result<()> {
    let server = with_deleted()?;
    let ann = server.address(1);
    let one = removed(&server, &ann)?[0]["id"].to_string();
    for (args, words) in [
        (&["purge", ann.as_str()][..], "which messages?"),
        (&["purge", &ann, "9999", "--yes"], "no such removed message"),
        (
            &["purge", "nobody@demo.test", "--all", "--yes"],
            "nobody@demo.test",
        ),
        (
            &["purge", &server.address(3), "--all", "--yes"],
            "no such removed mail",
        ),
        (&["purge", &ann, "--all", "--no-input"], "--yes"),
    ] {
        let refused = server.cli(&[&["recoverable"], args].concat())?;
        ensure!(
            refused.status != Some(0) && refused.err.contains(words),
            "{args:?}: {refused:?}"
        );
    }
    let dry = said(
        &server,
        &["recoverable", "purge", &ann, "--all", "--dry-run"],
    )?;
    ensure!(
        dry.contains("2 messages") && dry.contains("Class C3"),
        "{dry}"
    );
    ensure!(removed(&server, &ann)?.len() == 2, "a dry run purged");
    for (args, left) in [(&[one.as_str()][..], 1), (&["--rule", "r_1"], 0)] {
        let purge = [&["recoverable", "purge", ann.as_str()], args, &["--yes"]].concat();
        let told = said(&server, &purge)?;
        ensure!(told.contains("Deletes for good 1 message"), "{told}");
        ensure!(removed(&server, &ann)?.len() == left, "{args:?}");
    }
    ensure!(
        removed(&server, &server.address(2))?.len() == 2,
        "of another account"
    );
    let entries = said(&server, &["ledger", "list", "--json"])?;
    let purges = entries
        .lines()
        .filter(|line| line.contains("\"recoverable.purge\""));
    ensure!(purges.count() == 2, "{entries}");
    said(&server, &["ledger", "verify"])?;
    Ok(())
}
