//! What SPF, DKIM, DMARC and ARC say of mail that dkimpy signed: told by `sealpost check`, and obeyed
//! when such mail comes in.

use std::fs;

use anyhow::{Context as _, ensure};
use e2e::daemon::Daemon;
use e2e::dialogue::Dialogue;
use e2e::program::Ran;
use e2e::{Server, Site, clients, dns};
use serde_json::Value;

/// A server, and messages with the DNS that belongs to them.
struct Signed {
    server: Server,
    folder: String,
    answers: String,
}

impl Signed {
    fn begin() -> anyhow::Result<Self> {
        let server = Server::serve(Site::new()?)?;
        let folder = server.scratch().join("signed");
        fs::create_dir(&folder)?;
        let folder = folder.display().to_string();
        let made = clients::python_with_packages(&server, "sign_mail.py", &[&folder])?.ok()?;
        let answers = format!("{folder}/answers.json");
        fs::write(&answers, &made.out)?;
        Ok(Self {
            server,
            folder,
            answers,
        })
    }

    fn check(&self, args: &[&str]) -> anyhow::Result<Ran> {
        let dns = ["--dns", &self.answers];
        self.server.cli(&[&["check"], args, &dns].concat())
    }

    /// The results of a message that comes from an address.
    fn message(&self, name: &str, ip: &str) -> anyhow::Result<[String; 4]> {
        let file = format!("{}/{name}", self.folder);
        let how = [
            "--ip",
            ip,
            "--helo",
            "mx.signed.test",
            "--from",
            "ann@signed.test",
        ];
        let args = [&["message", file.as_str(), "--json"][..], &how].concat();
        let told: Value = serde_json::from_str(&self.check(&args)?.ok()?.out)?;
        let of = |told: &Value| told["result"].as_str().unwrap_or_default().to_owned();
        Ok([
            of(&told["spf"]),
            of(&told["dkim"][0]),
            of(&told["dmarc"]),
            of(&told["arc"]),
        ])
    }
}

#[test]
fn a_message_is_judged_by_what_dns_and_its_signatures_say() -> anyhow::Result<()> {
    let signed = Signed::begin()?;
    for (name, ip, expected) in [
        ("signed", "192.0.2.1", ["pass", "pass", "pass", "none"]),
        ("signed", "203.0.113.1", ["fail", "pass", "pass", "none"]),
        ("broken", "192.0.2.1", ["pass", "fail", "pass", "none"]),
        ("broken", "203.0.113.1", ["fail", "fail", "fail", "none"]),
        ("sealed", "203.0.113.1", ["fail", "pass", "pass", "pass"]),
        ("part", "203.0.113.1", ["fail", "fail", "fail", "none"]),
        ("part_only", "203.0.113.1", ["fail", "fail", "fail", "none"]),
        ("two_authors", "192.0.2.1", ["pass", "pass", "fail", "none"]),
    ] {
        let found = signed.message(name, ip)?;
        ensure!(found == expected, "{name} from {ip}: {found:?}");
    }
    let file = format!("{}/broken", signed.folder);
    let how = [
        "--ip",
        "203.0.113.1",
        "--helo",
        "x",
        "--from",
        "ann@signed.test",
    ];
    let told = signed
        .check(&[&["message", file.as_str()][..], &how].concat())?
        .ok()?;
    for words in [
        "SPF    fail       signed.test: the domain says that this address does not send for it",
        "DKIM   fail       signed.test: ",
        "DMARC  fail       signed.test: the author's domain wants then: reject",
    ] {
        ensure!(told.out.contains(words), "{words}: {told:?}");
    }
    let many = format!("{}/many", signed.folder);
    let told = signed
        .check(&[&["message", many.as_str()][..], &how].concat())?
        .ok()?;
    ensure!(told.out.matches("DKIM   pass").count() == 10, "{told:?}");
    let sealed = format!("{}/sealed", signed.folder);
    let told = signed.check(&["arc", &sealed])?.ok()?;
    ensure!(told.out.contains("ARC    pass       list.test"), "{told:?}");
    let missing = signed.check(&["arc", "/nonexistent"])?;
    ensure!(
        missing.status == Some(3) && missing.err.contains("/nonexistent"),
        "{missing:?}"
    );
    Ok(())
}

#[test]
fn spf_follows_its_records_and_ends() -> anyhow::Result<()> {
    let signed = Signed::begin()?;
    for (ip, from, expected) in [
        ("192.0.2.1", "a@signed.test", "pass"),
        ("192.0.2.16", "a@signed.test", "fail"),
        ("198.51.100.7", "a@mail.test", "pass"),
        ("2001:db8::7", "a@mail.test", "pass"),
        ("192.0.2.3", "a@mail.test", "pass"),
        ("203.0.113.1", "a@mail.test", "neutral"),
        ("203.0.113.1", "a@none.test", "none"),
        ("203.0.113.1", "a@sick.test", "temperror"),
        ("203.0.113.1", "a@loop.test", "permerror"),
        ("192.0.2.1", "", "pass"),
    ] {
        let args = [
            "spf",
            "--ip",
            ip,
            "--helo",
            "signed.test",
            "--from",
            from,
            "--json",
        ];
        let ran = signed.check(&args)?.ok()?;
        let told: Value = serde_json::from_str(&ran.out)?;
        let result = told["result"].as_str().context("a result")?;
        ensure!(result == expected, "{ip} {from}: {told}");
    }
    Ok(())
}

/// A server that asks dnsmasq, and believes this machine where its clients come from.
struct Door {
    server: Server,
    _dns: Daemon,
    folder: String,
}

impl Door {
    fn begin() -> anyhow::Result<Self> {
        let signed = Signed::begin()?;
        let answers: Value = serde_json::from_slice(&fs::read(&signed.answers)?)?;
        let mut texts = Vec::new();
        for (name, records) in answers.as_object().context("an object")? {
            for text in records["TXT"].as_array().into_iter().flatten() {
                texts.push((name.clone(), text.as_str().context("a text")?.to_owned()));
            }
        }
        let site = Site::new()?;
        let port = site.port(80);
        let asks = format!("dns_servers = [\"127.0.0.1:{port}\"]\n");
        let _dns = dns::serve(port, &[], &texts)?;
        let server = Server::serve(site.reaching(&asks))?;
        server.cli(&["proxy", "add", "127.0.0.1", "--yes"])?.ok()?;
        let folder = server.scratch().join("mail");
        fs::create_dir(&folder)?;
        for file in fs::read_dir(&signed.folder)? {
            let file = file?;
            fs::copy(file.path(), folder.join(file.file_name()))?;
        }
        let folder = folder.display().to_string();
        Ok(Self {
            server,
            _dns,
            folder,
        })
    }

    /// Brings a message as another server would; the reply to it.
    fn bring(&self, name: &str, source: &str, from: &str) -> anyhow::Result<String> {
        let mut dialogue = Dialogue::connect(self.server.ready().ports.smtp)?;
        dialogue.say(&format!("PROXY TCP4 {source} 127.0.0.1 5000 25"))?;
        dialogue.hears("220")?;
        dialogue.ask("EHLO mx.signed.test", "250")?;
        dialogue.ask(&format!("MAIL FROM:<{from}>"), "250")?;
        dialogue.ask(&format!("RCPT TO:<{}>", self.server.address(1)), "250")?;
        dialogue.ask("DATA", "354")?;
        dialogue.send(&fs::read(format!("{}/{name}", self.folder))?)?;
        dialogue.say(".")?;
        dialogue.reply()
    }

    /// The newest row of the trace.
    fn newest(&self) -> anyhow::Result<Value> {
        let to = self.server.address(1);
        let told = self.server.cli(&["trace", "--to", &to, "--json"])?.ok()?;
        let line = told.out.lines().next().context("a row")?;
        Ok(serde_json::from_str(line)?)
    }
}

// long: a table of messages.
#[test]
fn mail_that_fails_is_refused_at_the_door_as_its_author_asks() -> anyhow::Result<()> {
    let door = Door::begin()?;
    let (own, foreign) = ("192.0.2.1", "203.0.113.1");
    for (name, source, from, code, words) in [
        (
            "signed",
            own,
            "ann@signed.test",
            "250",
            "DMARC pass signed.test",
        ),
        (
            "signed",
            foreign,
            "eve@evil.test",
            "250",
            "DKIM pass signed.test: selector s1",
        ),
        (
            "broken",
            own,
            "ann@signed.test",
            "250",
            "DKIM fail signed.test",
        ),
        (
            "broken",
            foreign,
            "ann@signed.test",
            "550",
            "SPF fail signed.test",
        ),
        (
            "part",
            foreign,
            "ann@signed.test",
            "550",
            "DMARC fail signed.test",
        ),
        ("two_authors", own, "ann@signed.test", "550", "DMARC fail"),
        (
            "many",
            foreign,
            "eve@evil.test",
            "250",
            "DKIM pass signed.test",
        ),
        (
            "listed",
            foreign,
            "list@list.test",
            "550",
            "ARC pass list.test",
        ),
    ] {
        let reply = door.bring(name, source, from)?;
        ensure!(reply.starts_with(code), "{name} from {source}: {reply}");
        let row = door.newest()?;
        ensure!(
            row["came"]["scanned"].to_string().contains(words),
            "{name}: {row}"
        );
        let action = if code == "250" { "store" } else { "reject" };
        ensure!(row["action"] == action, "{name}: {row}");
    }
    let trust = ["config", "set", "arc_trusted_domains", "list.test", "--yes"];
    door.server.cli(&trust)?.ok()?;
    let reply = door.bring("listed", foreign, "list@list.test")?;
    let row = door.newest()?;
    let spared = "not refused, since arc_trusted_domains names list.test, which sealed it";
    ensure!(
        reply.starts_with("250") && row.to_string().contains(spared),
        "{reply} {row}"
    );
    let id = row["id"].as_str().context("an id")?;
    let told = door.server.cli(&["explain", "message", id])?.ok()?;
    ensure!(told.out.contains("ARC pass list.test"), "{told:?}");
    Ok(())
}

#[test]
fn authres_reads_our_results_and_none_that_was_forged() -> anyhow::Result<()> {
    let door = Door::begin()?;
    let server = &door.server;
    server
        .cli(&["config", "set", "host_name", "mx.ours.test", "--yes"])?
        .ok()?;
    let signed = fs::read(format!("{}/signed", door.folder))?;
    let forged = b"Authentication-Results: mx.ours.test; dkim=pass header.d=bank.test\r\n";
    fs::write(
        format!("{}/forged", door.folder),
        [&forged[..], &signed].concat(),
    )?;
    let reply = door.bring("forged", "192.0.2.1", "ann@signed.test")?;
    ensure!(reply.starts_with("250"), "{reply}");
    let imaps = server.ready().ports.imaps;
    let as_proxy = ["--haproxy-protocol"];
    let got = clients::curl(server, ("imaps", imaps), "/INBOX;UID=1", 1, &as_proxy)?.ok()?;
    ensure!(!got.out.contains("bank.test"), "{got:?}");
    let file = format!("{}/got", door.folder);
    fs::write(&file, &got.out)?;
    let read = clients::python_with_packages(server, "read_results.py", &[&file, "mx.ours.test"])?;
    let read: Value = serde_json::from_str(&read.ok()?.out)?;
    let expected = serde_json::json!({
        "spf": [["pass", {"smtp.mailfrom": "signed.test"}]],
        "dkim": [["pass", {"header.d": "signed.test", "header.s": "s1"}]],
        "dmarc": [["pass", {"header.from": "signed.test"}]],
    });
    ensure!(read == expected, "{read}");
    Ok(())
}
