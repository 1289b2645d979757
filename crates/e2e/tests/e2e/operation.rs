//! What an operator relies on: probes, figures, the watchdog, an orderly end.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use e2e::dialogue::Dialogue;
use e2e::{PASSWORD, Server, Site, clients, program};
use serde_json::Value;

/// Exit codes of the manual.
const USAGE: i32 = 2;
const NOT_FOUND: i32 = 3;
const UNREACHABLE: i32 = 8;
/// Longest wait for a word to systemd.
const PATIENCE: Duration = Duration::from_secs(60);

/// Opens the door for monitors; gives its address.
fn monitored(server: &Server) -> anyhow::Result<String> {
    // A port of this server's own block that nobody uses.
    let port = server.ready().ports.pop3.to_string();
    let listen = [
        "service",
        "listen",
        "add",
        "metrics",
        "127.0.0.1",
        &port,
        "--yes",
    ];
    server.cli(&listen)?.ok()?;
    server.cli(&["service", "on", "metrics", "--yes"])?.ok()?;
    Ok(format!("http://127.0.0.1:{port}"))
}

fn http(url: &str, path: &str) -> anyhow::Result<String> {
    let args = ["--silent", "--show-error", "--max-time", "30", "--include"];
    let url = format!("{url}{path}");
    Ok(
        program::run("curl", args.iter().chain(&[url.as_str()]), b"")?
            .ok()?
            .out,
    )
}

#[test]
fn monitors_on_this_machine_see_health_and_figures() -> anyhow::Result<()> {
    let server = Server::serve(Site::new()?)?;
    let url = monitored(&server)?;
    for path in ["/healthz", "/readyz"] {
        let said = http(&url, path)?;
        ensure!(
            said.starts_with("HTTP/1.1 200") && said.ends_with("ok\n"),
            "{said}"
        );
    }
    // curl signs in, which is counted.
    let imaps = ("imaps", server.ready().ports.imaps);
    clients::curl(&server, imaps, "/", 1, &[])?.ok()?;
    let figures = http(&url, "/metrics")?;
    for line in [
        "sealpost_connections_total{service=\"imaps\"} 1\n",
        "sealpost_connections_open{service=\"metrics\"} 1\n",
        "sealpost_sign_ins_total{protocol=\"imap\",outcome=\"accepted\"} 1\n",
        "sealpost_imap_commands_total{command=\"LIST\"} 1\n",
        "sealpost_ledger_frozen 0\n",
    ] {
        ensure!(figures.contains(line), "{line} is not in\n{figures}");
    }
    ensure!(
        !figures.contains("u0001") && !figures.contains("demo.test"),
        "{figures}"
    );
    Ok(())
}

/// Makes a token with this scope in a file of its own.
fn token_file(server: &Server, scope: &str) -> anyhow::Result<String> {
    let account = server.address(1);
    let add = [
        "token",
        "add",
        "--account",
        &account,
        "--name",
        scope,
        "--scope",
        scope,
        "--yes",
        "--json",
    ];
    let made: Value = serde_json::from_str(&server.cli(&add)?.ok()?.out)?;
    let token = made["token"].as_str().context("no token")?;
    let path = server.scratch().join(format!("token-{scope}"));
    fs::write(&path, token)?;
    Ok(path.display().to_string())
}

#[test]
fn monitors_elsewhere_show_a_token_under_tls() -> anyhow::Result<()> {
    let server = Server::serve(Site::new()?)?;
    let admit = |args: &[&str]| server.cli(&[args, &["--yes"]].concat())?.ok();
    // Every address of the machine is not loopback; the list keeps the test on this machine.
    admit(&[
        "service",
        "access",
        "metrics",
        "allow",
        "add",
        "127.0.0.0/8",
    ])?;
    let port = server.ready().ports.pop3.to_string();
    let opened = admit(&["service", "listen", "add", "metrics", "0.0.0.0", &port])?;
    let switched = admit(&["service", "on", "metrics"])?;
    let told = format!("{}{}", opened.err, switched.err);
    ensure!(
        told.contains("to anyone who reaches it with a token"),
        "{told}"
    );
    admit(&["config", "set", "sign_in_failures_per_account_max", "3"])?;
    let (metrics, read) = (
        token_file(&server, "metrics")?,
        token_file(&server, "read")?,
    );
    let ran = clients::python(&server, "metrics.py", &[&port, &metrics, &read])?.ok()?;
    ensure!(ran.out == "scraped\n", "{}", ran.out);

    curl_shows_a_token(&server, &port, &metrics)?;
    let refused = ["activity", "--kind", "sign_in.refused", "--json"];
    let refused = server.cli(&refused)?.ok()?.out;
    for why in ["token", "throttled", "scope"] {
        ensure!(refused.contains(why), "{why} is not in\n{refused}");
    }
    let token = fs::read_to_string(&metrics)?;
    ensure!(!refused.contains(token.trim()), "a token is in the record");
    let tokens = server.cli(&["token", "list", "--json"])?.ok()?;
    ensure!(tokens.out.contains("127.0.0.1"), "{}", tokens.out);
    Ok(())
}

fn curl_shows_a_token(server: &Server, port: &str, metrics: &str) -> anyhow::Result<()> {
    let header = server.scratch().join("header");
    let token = fs::read_to_string(metrics)?;
    fs::write(&header, format!("Authorization: Bearer {token}\n"))?;
    let header = format!("@{}", header.display());
    let ca = server.ready().ca.display().to_string();
    let url = format!("https://localhost:{port}/healthz");
    let args = [
        "--silent",
        "--show-error",
        "--max-time",
        "30",
        "--cacert",
        &ca,
    ];
    let curl = |more: &[&str]| program::run("curl", [&args, more, &[url.as_str()]].concat(), b"");
    let said = curl(&["--fail", "--header", &header])?.ok()?;
    ensure!(said.out == "ok\n", "{}", said.out);
    // 22: an answer of 400 or above (curl manual, "EXIT CODES").
    curl(&["--fail"])?.exits(22)?;
    // In the clear nobody answers.
    let clear = url.replace("https", "http");
    let heard = program::run("curl", ["--silent", "--max-time", "30", &clear], b"")?;
    ensure!(heard.status != Some(0) && heard.out.is_empty(), "{heard:?}");
    Ok(())
}

#[test]
fn health_is_a_verdict_and_stop_an_orderly_end() -> anyhow::Result<()> {
    let mut server = Server::serve(Site::new()?)?;
    let health = server.cli(&["health", "--json"])?.ok()?;
    let health: Value = serde_json::from_str(&health.out)?;
    ensure!(health["good"] == true, "{health}");
    let status = server.cli(&["status", "--json"])?.ok()?;
    let status: Value = serde_json::from_str(&status.out)?;
    ensure!(status["version"] == env!("CARGO_PKG_VERSION"), "{status}");
    let days = status["certificates"][0]["days_left"].as_i64();
    ensure!(days == Some(396) || days == Some(397), "{status}");
    let listeners = status["listeners"].to_string();
    ensure!(listeners.contains("imaps"), "{status}");
    server.cli(&["stop"])?.ok()?;
    server.ended()?;
    server.cli(&["stop"])?.exits(UNREACHABLE)?;
    server.cli(&["health"])?.exits(UNREACHABLE).map(drop)
}

#[test]
fn clients_in_mid_transfer_get_all_when_the_server_stops() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let ran = clients::python(&server, "drain.py", &[])?.ok()?;
    ensure!(ran.out == "drained\n", "{}", ran.out);
    server.ended().map(drop)
}

#[test]
fn systemd_is_told_of_life_and_of_the_end() -> anyhow::Result<()> {
    let site = Site::new()?;
    site.setup()?.ok()?;
    let path = site.scratch().join("systemd");
    let socket = UnixDatagram::bind(&path)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut child = Command::new(site.binary())
        .args(["serve", "--config"])
        .arg(site.start_file())
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "400000")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let mut heard = |expected: &str| {
        let mut octets = [0; 64];
        let length = socket.recv(&mut octets)?;
        let word = String::from_utf8_lossy(&octets[..length]);
        ensure!(word == expected, "heard {word}, not {expected}");
        Ok(())
    };
    let told = ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]
        .into_iter()
        .try_for_each(&mut heard);
    let stopped = program::run(
        site.binary(),
        [
            "stop".as_ref(),
            "--config".as_ref(),
            site.start_file().as_os_str(),
        ],
        b"",
    );
    let ended = child.wait()?;
    told?;
    stopped?.ok()?;
    ensure!(ended.success(), "{ended}");
    loop {
        // Signs of life may still wait before the last word.
        match heard("STOPPING=1") {
            Err(err) if err.to_string().starts_with("heard WATCHDOG=1") => {}
            other => return other,
        }
    }
}

#[test]
fn a_server_without_its_start_file_says_so() -> anyhow::Result<()> {
    let site = Site::new()?;
    let missing = site.scratch().join("none.toml");
    let ran = program::run(
        site.binary(),
        ["serve".as_ref(), "--config".as_ref(), missing.as_os_str()],
        b"",
    )?
    .exits(NOT_FOUND)?;
    ensure!(!missing.exists(), "it was made");
    ensure!(ran.err.contains("sealpost setup"), "{}", ran.err);
    Ok(())
}

#[test]
// long: one log through all its levels
fn the_log_says_more_or_less_from_the_next_event_on() -> anyhow::Result<()> {
    let server = Server::serve(Site::new()?)?;
    let tail = |kind: &str| -> anyhow::Result<Vec<Value>> {
        let said = server
            .cli(&["log", "tail", "--kind", kind, "--json"])?
            .ok()?;
        let lines = said.out.lines().map(serde_json::from_str);
        Ok(lines.collect::<Result<_, _>>()?)
    };
    // A client that leaves without a word is told of at debug only.
    let leave = || -> anyhow::Result<()> {
        let mut client = Dialogue::smtp(server.ready().ports.smtp)?;
        client.ask("EHLO client.example.net", "250")?;
        client.send(b"NOOP cut off")?;
        drop(client);
        std::thread::sleep(Duration::from_millis(300));
        Ok(())
    };
    leave()?;
    ensure!(tail("smtp")?.is_empty(), "{:?}", tail("smtp")?);
    let told = server
        .cli(&["log", "level", "smtp", "debug", "--yes", "--json"])?
        .ok()?;
    ensure!(told.out.contains("\"class\":\"C0\""), "{}", told.out);
    leave()?;
    let lines = tail("smtp")?;
    let said: Vec<_> = (lines.iter())
        .filter_map(|line| line["message"].as_str())
        .collect();
    ensure!(
        said.contains(&"command EHLO") && said.contains(&"reply 250"),
        "{said:?}"
    );
    ensure!(said.iter().any(|said| said.starts_with("session broken")));
    ensure!(
        said.iter().all(|said| !said.contains("client.example.net")),
        "an argument: {said:?}"
    );
    let told = server
        .cli(&["log", "level", "smtp", "error", "--yes", "--json"])?
        .ok()?;
    ensure!(
        told.out.contains("The log says less (log_smtp)"),
        "{}",
        told.out
    );
    leave()?;
    ensure!(tail("smtp")?.len() == lines.len(), "it still tells");
    ensure!(!tail("admin")?.is_empty() && !tail("server")?.is_empty());
    let listed = server.cli(&["log", "level"])?.ok()?;
    let mut listed = listed.out.lines().map(str::split_whitespace);
    ensure!(listed.any(|row| row.take(2).eq(["smtp", "error"])));
    ensure!(
        server.talk().contains("INFO  server: ready"),
        "{}",
        server.talk()
    );
    server
        .cli(&["log", "level", "smtps", "debug", "--yes"])?
        .exits(USAGE)?;
    server
        .cli(&["log", "level", "smtp", "--yes"])?
        .exits(USAGE)
        .map(drop)
}

#[test]
fn every_kind_has_something_to_say_at_debug() -> anyhow::Result<()> {
    let server = Server::start()?;
    let kinds = [
        "server",
        "admin",
        "ledger",
        "sign-in",
        "delivery",
        "mailbox",
        "smtp",
        "imap",
        "pop3",
        "managesieve",
        "net",
        "store",
    ];
    for kind in kinds {
        server
            .cli(&["log", "level", kind, "debug", "--yes"])?
            .ok()?;
    }
    let ports = &server.ready().ports;
    let mut client = Dialogue::smtp(ports.smtp)?;
    client.ask("EHLO client.example.net", "250")?;
    client.ask("MAIL FROM:<>", "250")?;
    client.ask(&format!("RCPT TO:<{}>", server.address(1)), "250")?;
    client.ask("DATA", "354")?;
    client.ask("Subject: secret\r\n\r\nbody\r\n.", "250")?;
    client.ask("QUIT", "221")?;
    let at = ("imaps", ports.imaps);
    clients::curl(&server, at, "/INBOX", 1, &["--request", "NOOP"])?.ok()?;
    let at = ("pop3s", ports.pop3s);
    clients::curl(&server, at, "/", 1, &[])?.ok()?;
    Dialogue::connect(ports.managesieve)?.line()?;
    for kind in kinds {
        let told = server
            .cli(&["log", "tail", "--kind", kind, "--lines", "1000", "--json"])?
            .ok()?;
        ensure!(
            told.out.contains("\"level\":\"debug\""),
            "{kind}: {}",
            told.out
        );
        ensure!(
            !told.out.contains("secret") && !told.out.contains(PASSWORD),
            "{kind}: {}",
            told.out
        );
    }
    Ok(())
}

#[test]
fn removed_mail_is_listed_and_brought_back_on_record() -> anyhow::Result<()> {
    let server = Server::start()?;
    let owner = server.address(1);
    let ran = clients::python(&server, "expunge.py", &["1"])?.ok()?;
    ensure!(ran.out == "expunged\n", "{}", ran.out);
    let listed = server
        .cli(&["recoverable", "list", &owner, "--json"])?
        .ok()?;
    let rows: Vec<Value> = listed
        .out
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    ensure!(rows.len() == 2, "{}", listed.out);
    ensure!(!listed.out.contains("Subject"), "{}", listed.out);
    let id = rows[0]["id"].to_string();
    server
        .cli(&["recoverable", "restore", &owner, "999999"])?
        .exits(NOT_FOUND)?;
    server
        .cli(&["recoverable", "restore", &owner])?
        .exits(USAGE)?;
    server.cli(&["recoverable", "restore", &owner, &id])?.ok()?;
    server
        .cli(&["recoverable", "restore", &owner, &id])?
        .exits(NOT_FOUND)?;
    server
        .cli(&["recoverable", "restore", &owner, "--since", "1h"])?
        .ok()?;
    let read = clients::python(&server, "read_ids.py", &["1"])?.ok()?;
    ensure!(
        read.out.contains("<one@demo.test>") && read.out.contains("<two@demo.test>"),
        "{}",
        read.out
    );
    let record = [
        "activity",
        "--account",
        &owner,
        "--kind",
        "mail.restored",
        "--json",
    ];
    let record = server.cli(&record)?.ok()?;
    ensure!(
        record.out.lines().count() == 2 && record.out.contains("console user"),
        "{}",
        record.out
    );
    let signed_in = server
        .cli(&["activity", "--account", &owner, "--kind", "sign_in"])?
        .ok()?;
    ensure!(signed_in.out.contains("127.0.0.1"), "{}", signed_in.out);
    server
        .cli(&["activity", "--account", "nobody@demo.test"])?
        .exits(NOT_FOUND)
        .map(drop)
}
