//! What the command line tells a person who changes something, before it is done.

use anyhow::ensure;
use e2e::Server;
use e2e::dialogue::Dialogue;

/// What each change is said to do, and its class.
fn says(server: &Server, command: &[&str], words: &[&str], class: &str) -> anyhow::Result<()> {
    let command = [command, &["--dry-run"]].concat();
    let said = server.cli(&command)?.ok()?.err;
    for words in words {
        ensure!(said.contains(words), "{command:?}: {said}");
    }
    ensure!(
        said.contains(&format!("Class {class}.")),
        "{command:?}: {said}"
    );
    Ok(())
}

#[test]
// long: a table of changes
fn every_change_says_what_it_does() -> anyhow::Result<()> {
    let server = Server::start()?;
    let (ann, bob) = (&server.address(1), &server.address(2));
    let mut client = Dialogue::smtp(server.ready().ports.smtp)?;
    client.ask("EHLO client.example.net", "250")?;
    client.ask("MAIL FROM:<>", "250")?;
    client.ask(&format!("RCPT TO:<{ann}>"), "250")?;
    client.ask("DATA", "354")?;
    client.ask(
        &format!("\r\n{}.", "long line of text\r\n".repeat(100)),
        "250",
    )?;
    let add = |name: &str, kind: &str, scope: &str| {
        server
            .cli(&[
                kind,
                "add",
                "--account",
                ann,
                "--name",
                name,
                "--scope",
                scope,
                "--yes",
                "--json",
            ])?
            .ok()
    };
    let app: serde_json::Value = serde_json::from_str(&add("phone", "app-password", "imap")?.out)?;
    let token: serde_json::Value = serde_json::from_str(&add("graphs", "token", "metrics")?.out)?;
    let (app, token) = (
        app["id"].as_str().unwrap_or(""),
        token["id"].as_str().unwrap_or(""),
    );
    let free = server.site().port(2_995).to_string();
    let listen: &[&str] = &["service", "listen", "add", "pop3s", "127.0.0.1", &free];
    let on: &[&str] = &["service", "on", "metrics"];
    let cases: &[(&[&str], &[&str], &str)] = &[
        (
            &["account", "quota", ann, "1K"],
            &[
                "keep 1 KiB of mail, before: any amount",
                "already, more than that",
            ],
            "C0",
        ),
        (
            &["account", "quota", bob, "10G"],
            &["keep 10 GiB of mail, before: any amount"],
            "C0",
        ),
        (
            &["app-password", "rm", app],
            &["open nothing of", ann],
            "C0",
        ),
        (&["token", "rm", token], &["no longer", ann], "C0"),
        (
            on,
            &[
                "no address to listen on",
                "sealpost service listen add metrics",
            ],
            "C0",
        ),
        (
            &["service", "off", "imaps"],
            &[
                "Refuses all connections to imaps",
                "nobody reads mail there",
            ],
            "C1",
        ),
        (
            &["service", "off", "smtp"],
            &["no mail of other servers comes in"],
            "C2",
        ),
        (
            &["service", "access", "imap", "allow", "add", "192.0.2.0/24"],
            &["Refuses connections"],
            "C1",
        ),
        (
            &["proxy", "add", "127.0.0.1"],
            &["every user and program on it can then claim any source"],
            "C2",
        ),
        (
            &["account", "role", bob, "domain_admin"],
            &[
                "the accounts, aliases and addresses of demo.test",
                "only the console takes changes",
            ],
            "C3",
        ),
    ];
    for (command, words, class) in cases {
        says(&server, command, words, class)?;
    }
    server.cli(&["service", "off", "pop3s", "--yes"])?.ok()?;
    says(&server, listen, &["pop3s is off, so nobody listens"], "C0")
}

#[test]
fn a_quota_needs_a_unit_and_aliases_no_circle() -> anyhow::Result<()> {
    let server = Server::start()?;
    let ann = &server.address(1);
    let wrong = server.cli(&["account", "quota", ann, "10"])?.exits(2)?;
    ensure!(
        wrong.err.contains("10 has no unit: write 10M, 10G"),
        "{}",
        wrong.err
    );
    let (one, two) = ("one@demo.test", "two@demo.test");
    server.cli(&["alias", "add", one, ann, "--yes"])?.ok()?;
    server.cli(&["alias", "add", two, one, "--yes"])?.ok()?;
    let circle = server.cli(&["alias", "set", one, two, "--yes"])?.exits(2)?;
    let way = format!("{one} -> {two} -> {one}");
    ensure!(circle.err.contains(&way), "{}", circle.err);
    Ok(())
}

#[test]
// long: a table of commands
fn a_wrong_command_ends_with_the_code_of_the_manual() -> anyhow::Result<()> {
    const WRONG: i32 = 2;
    const MISSING: i32 = 3;
    const EXISTS: i32 = 7;
    let server = Server::start()?;
    let ann = &server.address(1);
    let nobody = "nobody@demo.test";
    let file = server.scratch().join("missing").display().to_string();
    let short = server.scratch().join("short");
    std::fs::write(&short, "short\n")?;
    let short = short.display().to_string();
    let cases: &[(&[&str], i32)] = &[
        (&["account", "quota", ann, "much"], WRONG),
        (
            &["account", "passwd", ann, "--password-file", &short, "--yes"],
            WRONG,
        ),
        (&["config", "set", "recipients_max", "many", "--yes"], WRONG),
        (&["service", "on", "gopher", "--yes"], WRONG),
        (&["activity", "--kind", "sign_ins"], WRONG),
        (&["trace"], WRONG),
        (&["account", "disable", ann], WRONG),
        (&["recoverable", "restore", ann], WRONG),
        (&["account", "show", nobody], MISSING),
        (&["account", "disable", nobody, "--yes"], MISSING),
        (&["account", "totp", "enrol", nobody, "--yes"], MISSING),
        (
            &["account", "passwd", ann, "--password-file", &file, "--yes"],
            MISSING,
        ),
        (
            &["account", "add", "x@nowhere.test", "--generate", "--yes"],
            MISSING,
        ),
        (&["alias", "rm", nobody, "--yes"], MISSING),
        (&["domain", "show", "nowhere.test"], MISSING),
        (&["config", "get", "colour"], MISSING),
        (&["config", "set", "colour", "red", "--yes"], MISSING),
        (&["config", "apply", &file, "--yes"], MISSING),
        (
            &[
                "certificate",
                "set",
                "--chain",
                &file,
                "--key",
                &file,
                "--yes",
            ],
            MISSING,
        ),
        (
            &[
                "service",
                "listen",
                "rm",
                "imap",
                "192.0.2.1",
                "143",
                "--yes",
            ],
            MISSING,
        ),
        (&["block", "lift", "203.0.113.9", "--yes"], MISSING),
        (&["proxy", "rm", "203.0.113.9", "--yes"], MISSING),
        (&["app-password", "rm", "k_999", "--yes"], MISSING),
        (&["session", "end", "s_999"], MISSING),
        (&["ledger", "show", "99999"], MISSING),
        (&["ledger", "proof", "99999"], MISSING),
        (&["account", "add", ann, "--generate", "--yes"], EXISTS),
        (&["domain", "add", "demo.test", "--yes"], EXISTS),
        (&["account", "enable", ann, "--yes"], EXISTS),
        (&["service", "on", "imap", "--yes"], EXISTS),
    ];
    for (command, code) in cases {
        let ran = server.cli(command)?;
        ensure!(
            ran.status == Some(*code),
            "{command:?}: {:?} {}",
            ran.status,
            ran.err
        );
    }
    Ok(())
}

#[test]
fn mail_is_traced_by_alias_in_any_case_and_without_brackets() -> anyhow::Result<()> {
    let server = Server::start()?;
    let ann = &server.address(1);
    server
        .cli(&["alias", "add", "info@demo.test", ann, "--yes"])?
        .ok()?;
    let mut client = Dialogue::smtp(server.ready().ports.smtp)?;
    client.ask("EHLO client.example.net", "250")?;
    client.ask("MAIL FROM:<Bob@example.net>", "250")?;
    client.ask("RCPT TO:<INFO@demo.test>", "250")?;
    client.ask("DATA", "354")?;
    client.ask("Message-ID: <one@example.net>\r\n\r\nhello\r\n.", "250")?;
    for find in [
        ["--to", ann],
        ["--to", "info@demo.test"],
        ["--to", "Info@Demo.test"],
        ["--from", "bob@example.net"],
        ["--from", "Bob@example.net"],
        ["--id", "one@example.net"],
        ["--id", "<one@example.net>"],
    ] {
        let found = server.cli(&["trace", find[0], find[1], "--json"])?.ok()?;
        ensure!(found.out.lines().count() == 1, "{find:?}: {}", found.out);
    }
    let other = server.cli(&["trace", "--to", &server.address(2), "--json"])?;
    ensure!(other.ok()?.out.is_empty());
    Ok(())
}

#[test]
fn a_block_by_hand_is_listed_with_its_reason() -> anyhow::Result<()> {
    let server = Server::start()?;
    let add = [
        "block",
        "add",
        "203.0.113.9",
        "--reason",
        "guesses names",
        "--yes",
    ];
    server.cli(&add)?.ok()?;
    let listed = server.cli(&["block", "list"])?.ok()?.out;
    ensure!(listed.contains("by hand: guesses names"), "{listed}");
    Ok(())
}
