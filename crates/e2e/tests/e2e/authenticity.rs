//! `sealpost check`: what SPF, DKIM, DMARC and ARC say, of mail that dkimpy signed.

use std::fs;

use anyhow::{Context as _, ensure};
use e2e::program::Ran;
use e2e::{Server, Site, clients};
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
