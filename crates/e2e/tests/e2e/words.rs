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
