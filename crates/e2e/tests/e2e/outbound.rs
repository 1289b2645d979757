//! Mail for other servers: by Debian's dnsmasq, to aiosmtpd and to a second Sealpost, over kills.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use e2e::daemon::Daemon;
use e2e::{Server, Site, clients, program};
use serde_json::Value;

/// How long a delivery may take on a machine that does other things too.
const SOON: Duration = Duration::from_secs(60);

/// The world outside: DNS, a server for `far.test`, and a server of ours for `other.test`.
struct World {
    dns: Option<Daemon>,
    receiver: Option<Daemon>,
    other: Server,
    folder: PathBuf,
    /// The part of the start file by which a server finds it.
    reaching: String,
}

impl World {
    /// Both servers have the port of the second Sealpost, at addresses of their own.
    fn begin() -> anyhow::Result<Self> {
        let other = Server::serve(Site::new()?)?;
        for args in [
            &["config", "set", "host_name", "mx.other.test", "--yes"][..],
            &["domain", "add", "other.test", "--yes"],
            &["alias", "add", "eve@other.test", &other.address(1), "--yes"],
        ] {
            other.cli(args)?.ok()?;
        }
        let folder = other.scratch().join("far");
        fs::create_dir(&folder)?;
        let (mail, dns) = (other.ready().ports.smtp, other.site().port(80));
        let world = Self {
            dns: None,
            receiver: None,
            reaching: format!(
                "dns_servers = [\"127.0.0.1:{dns}\"]\nport = {mail}\nlocal_targets = true\n"
            ),
            other,
            folder,
        };
        world.knowing(&[])?.receiving()
    }

    /// The same with texts in DNS, each behind its name.
    fn knowing(mut self, texts: &[(String, String)]) -> anyhow::Result<Self> {
        self.dns = None;
        let dns = self.other.site().port(80);
        let records = [
            "--mx-host=far.test,down.far.test,5",
            "--mx-host=far.test,mx.far.test,10",
            "--host-record=down.far.test,127.0.0.9",
            "--host-record=mx.far.test,127.0.0.8",
            "--host-record=other.test,127.0.0.1",
        ];
        self.dns = Some(e2e::dns::serve(dns, &records, texts)?);
        Ok(self)
    }

    /// The same with its server for `far.test` started, again if need be.
    fn receiving(mut self) -> anyhow::Result<Self> {
        self.receiver = None;
        let key = self.folder.join("key.pem").display().to_string();
        let certificate = self.folder.join("certificate.pem").display().to_string();
        let words = [
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=mx.far.test",
        ];
        let files = ["-keyout", &key, "-out", &certificate, "-days", "2"];
        program::run("openssl", words.into_iter().chain(files), b"")?.ok()?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/receiver.py");
        let port = self.other.ready().ports.smtp;
        let folder = self.folder.display().to_string();
        let args = [
            script,
            "127.0.0.8",
            &port.to_string(),
            &folder,
            &certificate,
            &key,
        ];
        let listens = || TcpStream::connect(("127.0.0.8", port)).is_ok();
        self.receiver = Some(Daemon::start(clients::packaged_python(), args, listens)?);
        Ok(self)
    }

    /// A server of ours that finds this world.
    fn server(&self) -> anyhow::Result<Server> {
        Server::serve(Site::new()?.reaching(&self.reaching))
    }

    /// What arrived at `far.test`.
    fn arrived(&self) -> anyhow::Result<Vec<Value>> {
        let mut arrived = Vec::new();
        for file in fs::read_dir(&self.folder)? {
            let path = file?.path();
            if path.extension().is_some_and(|kind| kind == "json") {
                arrived.push(serde_json::from_slice(&fs::read(path)?)?);
            }
        }
        Ok(arrived)
    }
}

/// Asks until there is an answer.
fn soon<T>(what: &str, mut ask: impl FnMut() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    let begun = Instant::now();
    loop {
        match ask()? {
            Some(found) => return Ok(found),
            None if begun.elapsed() > SOON => bail!("{what} did not happen"),
            None => thread::sleep(Duration::from_millis(100)),
        }
    }
}

fn lines(server: &Server, args: &[&str]) -> anyhow::Result<Vec<Value>> {
    let ran = server.cli(args)?.ok()?;
    let lines = ran.out.lines().map(serde_json::from_str);
    Ok(lines.collect::<Result<_, _>>()?)
}

/// The owner writes to these; gives nothing back before it is accepted.
fn submit(server: &Server, to: &str, subject: &str) -> anyhow::Result<()> {
    let from = server.address(1);
    let (subject, port) = (
        format!("Subject: {subject}"),
        server.ready().ports.submissions,
    );
    let args = [
        "--tlsc",
        "--auth-user",
        &from,
        "--auth-password",
        e2e::PASSWORD,
        "--from",
        &from,
        "--to",
        to,
        "--header",
        &subject,
        "--body",
        "first line\n.dots\n..\nlast line",
    ];
    clients::swaks(server, port, &args)?.ok()?;
    Ok(())
}

/// What became of mail for a recipient outside in the end.
fn end(server: &Server, to: &str) -> anyhow::Result<Value> {
    soon(&format!("the end of mail for {to}"), || {
        let rows = lines(server, &["trace", "--to", to, "--json"])?;
        Ok(rows.into_iter().find(|row| row["action"] != "queue"))
    })
}

#[test]
fn mail_reaches_other_servers_and_what_they_say_reaches_its_sender() -> anyhow::Result<()> {
    let world = World::begin()?;
    let server = world.server()?;
    submit(&server, "bob@far.test,no.one@far.test", "lunch")?;
    let row = end(&server, "bob@far.test")?;
    let target = row["target"].as_str().context("a target")?;
    ensure!(
        row["action"] == "sent"
            && target
                .contains("taken by mx.far.test (127.0.0.8) over TLSv1.3, certificate not checked")
            && target.contains("250 2.0.0 taken as"),
        "{row}"
    );
    let arrived = world.arrived()?;
    ensure!(
        arrived.len() == 1 && arrived[0]["tls"] == true,
        "{arrived:?}"
    );
    ensure!(
        arrived[0]["to"] == serde_json::json!(["bob@far.test"]),
        "{arrived:?}"
    );
    let content = arrived[0]["content"].as_str().context("content")?;
    ensure!(
        content.contains("\r\n\r\nfirst line\r\n.dots\r\n..\r\nlast line\r\n"),
        "{content}"
    );
    ensure!(!content.contains("Return-Path"), "{content}");

    let row = end(&server, "no.one@far.test")?;
    ensure!(row["action"] == "bounce", "{row}");
    let report = soon("the report", || {
        let ran = clients::python(&server, "read_ids.py", &["1", "INBOX"])?.ok()?;
        Ok((ran.out.lines().count() == 1).then_some(ran.out))
    })?;
    ensure!(report.contains("@"), "{report}");
    let inbox = "/INBOX;UID=1";
    let report = clients::curl(
        &server,
        ("imaps", server.ready().ports.imaps),
        inbox,
        1,
        &[],
    )?
    .ok()?;
    for part in [
        "To: <u0001@demo.test>",
        "Content-Type: multipart/report; report-type=delivery-status",
        "<no.one@far.test>",
        "not delivered: the other server refused it",
        "550 5.1.1 nobody of this name",
        "Final-Recipient: rfc822; no.one@far.test",
        "Action: failed",
        "Status: 5.1.1",
    ] {
        ensure!(report.out.contains(part), "{part}: {}", report.out);
    }
    Ok(())
}

#[test]
fn what_is_put_off_waits_where_one_can_see_why_and_act() -> anyhow::Result<()> {
    let world = World::begin()?;
    let server = world.server()?;
    submit(&server, "grey@far.test", "later")?;
    let row = soon("the first attempt", || {
        let rows = lines(&server, &["queue", "list", "--json"])?;
        Ok(rows.into_iter().find(|row| row["attempts"] == 1))
    })?;
    ensure!(row["reply"] == "450 4.2.0 come back in a while", "{row}");
    let id = row["id"].as_str().context("a number")?;
    let why = server.cli(&["queue", "why", id])?.ok()?.out;
    ensure!(
        why.contains("Tried once") && why.contains("450 4.2.0"),
        "{why}"
    );
    let plan = server
        .cli(&["queue", "retry", "--destination", "far.test", "--dry-run"])?
        .ok()?;
    ensure!(
        plan.out.contains("Try at once: 1 recipient of 1 message."),
        "{plan:?}"
    );
    server
        .cli(&["queue", "hold", id, "--reason", "a look first", "--yes"])?
        .ok()?;
    let listed = server.cli(&["queue", "list", "--held"])?.ok()?.out;
    ensure!(listed.contains("held"), "{listed}");
    server.cli(&["queue", "release", "--all", "--yes"])?.ok()?;
    server.cli(&["queue", "retry", "--all", "--yes"])?.ok()?;
    ensure!(end(&server, "grey@far.test")?["action"] == "sent");
    ensure!(lines(&server, &["queue", "list", "--json"])?.is_empty());

    submit(&server, "drop@far.test", "twice")?;
    let told = soon("the lost reply", || {
        let rows = lines(&server, &["queue", "list", "--json"])?;
        let row = rows.into_iter().find(|row| row["attempts"] == 1);
        Ok(row.and_then(|row| row["reply"].as_str().map(str::to_owned)))
    })?;
    ensure!(
        told.contains("no reply came, so it is sent again and may arrive twice"),
        "{told}"
    );
    server.cli(&["queue", "retry", "--all", "--yes"])?.ok()?;
    ensure!(end(&server, "drop@far.test")?["action"] == "sent");
    submit(&server, "x@down.test", "nowhere")?;
    let row = end(&server, "x@down.test")?;
    let target = row["target"].as_str().context("a target")?;
    ensure!(
        target.contains("down.test: the domain does not exist"),
        "{row}"
    );
    Ok(())
}

#[test]
fn a_route_and_a_relay_need_no_dns() -> anyhow::Result<()> {
    let world = World::begin()?;
    let server = Server::serve(Site::new()?)?;
    let place = format!("127.0.0.8:{}", world.other.ready().ports.smtp);
    let said = server
        .cli(&["route", "add", "far.test", &place, "--yes"])?
        .ok()?;
    let sentence = format!("Hands all mail for far.test to {place}, which can read it.");
    ensure!((said.out + &said.err).contains(&sentence), "{sentence}");
    let tested = server.cli(&["route", "test", "bob@far.test"])?.ok()?.out;
    let words = format!("To {place}, by the route for far.test (TLS: opportunistic).");
    ensure!(tested.trim_end() == words, "{tested}");
    submit(&server, "bob@far.test", "by a route")?;
    let row = end(&server, "bob@far.test")?;
    ensure!(row["action"] == "sent", "{row}");
    let exits = server.cli(&["exits", "list"])?.ok()?.out;
    ensure!(exits.contains("sealpost route rm far.test"), "{exits}");
    server.cli(&["route", "rm", "far.test", "--yes"])?.ok()?;

    server.cli(&["relay", "set", &place, "--yes"])?.ok()?;
    submit(&server, "x@any.test", "by the relay")?;
    ensure!(end(&server, "x@any.test")?["action"] == "sent");
    server.cli(&["relay", "off", "--yes"])?.ok()?;
    // A password goes nowhere in the clear, and stands in no output.
    let unsafe_way = ["relay", "set", &place, "--user", "us", "--tls", "none"];
    let args = [&unsafe_way[..], &["--password-file", "-", "--yes"]].concat();
    let refused = server.cli_with_input(&args, b"hunter2 and more\n")?;
    ensure!(
        refused.err.contains("since a password goes there"),
        "{refused:?}"
    );
    let args = [
        "relay",
        "set",
        &place,
        "--user",
        "us",
        "--password-file",
        "-",
        "--yes",
    ];
    let set = server.cli_with_input(&args, b"hunter2 and more\n")?.ok()?;
    let shown = server.cli(&["relay", "show", "--json"])?.ok()?;
    let entry = server.cli(&["ledger", "list", "--json"])?.ok()?;
    for ran in [&set, &shown, &entry] {
        ensure!(!(ran.out.clone() + &ran.err).contains("hunter2"), "{ran:?}");
    }
    // The certificate of that server proves nothing, so nothing is sent to it.
    submit(&server, "y@any.test", "not yet")?;
    let row = soon("the first attempt", || {
        let rows = lines(&server, &["queue", "list", "--json"])?;
        Ok(rows.into_iter().find(|row| row["attempts"] == 1))
    })?;
    let reply = row["reply"].as_str().unwrap_or_default();
    ensure!(
        reply.contains("TLS failed") || reply.contains("trusts no authority"),
        "{row}"
    );
    Ok(())
}

#[test]
fn kills_of_either_side_lose_nothing() -> anyhow::Result<()> {
    const MESSAGES: usize = 120;
    let mut world = World::begin()?;
    let mut server = world.server()?;
    for number in 0..MESSAGES {
        let to = ["eve@other.test", "bob@far.test"][number % 2];
        submit(&server, to, &format!("number {number}"))?;
        match number {
            30 | 90 => {
                server.kill()?;
                server.start_again()?;
            }
            60 => world.other.kill()?,
            75 => {
                world.other.start_again()?;
                world = world.receiving()?;
            }
            _ => {}
        }
    }
    soon("the last delivery", || {
        server.cli(&["queue", "retry", "--all", "--yes"])?.ok()?;
        let rows = lines(&server, &["queue", "list", "--json"])?;
        Ok(rows.is_empty().then_some(()))
    })?;
    let from = server.address(1);
    let told = ["trace", "--from", &from, "--limit", "1000", "--json"];
    let sent = lines(&server, &told)?;
    let sent: BTreeSet<_> = (sent.iter())
        .filter(|row| row["action"] == "sent")
        .map(|row| row["message_id"].to_string())
        .collect();
    ensure!(sent.len() == MESSAGES, "{} of {MESSAGES}", sent.len());
    let kept = lines(&world.other, &told)?;
    let kept = kept.iter().map(|row| row["message_id"].to_string());
    let arrived = world.arrived()?;
    let arrived = arrived.iter().map(|mail| mail["content"].to_string());
    let there = kept.chain(arrived).collect::<Vec<_>>().concat();
    for id in &sent {
        ensure!(there.contains(id.trim_matches('"')), "{id} is lost");
    }
    Ok(())
}

/// What dkimpy says of each signature of a message.
fn judged(
    world: &World,
    content: &Value,
    texts: &[(String, String)],
) -> anyhow::Result<Vec<Value>> {
    let records: BTreeMap<_, _> = texts.iter().cloned().collect();
    let asked = serde_json::json!({ "content": content, "records": records });
    let file = world.folder.join("asked");
    fs::write(&file, serde_json::to_vec(&asked)?)?;
    let file = file.display().to_string();
    let ran = clients::python_with_packages(&world.other, "verify_dkim.py", &[&file])?.ok()?;
    Ok(serde_json::from_str(&ran.out)?)
}

fn arrived_with(world: &World, subject: &str) -> anyhow::Result<Value> {
    soon(&format!("{subject} at far.test"), || {
        let arrived = world
            .arrived()?
            .into_iter()
            .map(|mail| mail["content"].clone());
        let is_it = |content: &Value| {
            content
                .as_str()
                .is_some_and(|content| content.contains(subject))
        };
        Ok(arrived.into_iter().find(is_it))
    })
}

#[test]
fn what_leaves_is_signed_and_what_a_stranger_wrote_is_not() -> anyhow::Result<()> {
    let mut world = World::begin()?;
    let server = world.server()?;
    let owner = server.address(1);
    let (_, domain) = owner.split_once('@').context("a domain")?;
    submit(&server, "bob@far.test", "before the keys")?;
    let plain = arrived_with(&world, "before the keys")?;
    ensure!(!plain.to_string().contains("DKIM-Signature"), "{plain}");

    let rotate = ["domain", "dkim", "rotate", domain, "--yes"];
    let made = server.cli(&rotate)?.ok()?;
    ensure!(made.out.contains("Put these records into DNS"), "{made:?}");
    let early = server.cli(&rotate)?;
    ensure!(early.err.contains("is not there"), "{early:?}");
    let show = ["domain", "dkim", "show", domain, "--json"];
    let keys = lines(&server, &show)?;
    let text = |key: &Value, what: &str| key[what].as_str().unwrap_or_default().to_owned();
    let texts: Vec<_> = (keys.iter())
        .map(|key| (text(key, "name"), text(key, "record")))
        .collect();
    world = world.knowing(&texts)?;
    server.cli(&rotate)?.ok()?;
    let states: Vec<_> = lines(&server, &show)?
        .iter()
        .map(|key| text(key, "state"))
        .collect();
    ensure!(states == ["signs", "signs"], "{states:?}");

    submit(&server, "bob@far.test", "behind the keys")?;
    let signed = arrived_with(&world, "behind the keys")?;
    let verdicts = judged(&world, &signed, &texts)?;
    ensure!(
        verdicts == [Value::Bool(true), Value::Bool(true)],
        "{verdicts:?} {signed}"
    );
    let content = signed.as_str().context("a text")?;
    for (from, to) in [
        ("last line", "last lies"),
        ("Subject: behind", "Subject: beyond"),
        ("Subject: behind", "Subject: more\r\nSubject: behind"),
        ("From: ", "From: <eve@other.test>\r\nFrom: "),
    ] {
        let changed = Value::String(content.replacen(from, to, 1));
        let verdicts = judged(&world, &changed, &texts)?;
        let all_fail = verdicts
            .iter()
            .all(|verdict| *verdict == Value::Bool(false));
        ensure!(all_fail && changed != signed, "{from}: {verdicts:?}");
    }

    strangers_and_rest(&world, &server, domain)
}

/// Mail that only says that it is the owner's, and the end of signing.
fn strangers_and_rest(world: &World, server: &Server, domain: &str) -> anyhow::Result<()> {
    let owner = server.address(1);
    server
        .cli(&["forward", "set", &owner, "bob@far.test", "--yes"])?
        .ok()?;
    let header = format!("From: {owner}");
    let args = [
        "--from",
        "eve@other.test",
        "--to",
        &owner,
        "--header",
        &header,
        "--header",
        "Subject: forged author",
    ];
    clients::swaks(server, server.ready().ports.smtp, &args)?.ok()?;
    let forged = arrived_with(world, "forged author")?;
    ensure!(!forged.to_string().contains("DKIM-Signature"), "{forged}");
    server
        .cli(&["domain", "dkim", "off", domain, "--yes"])?
        .ok()?;
    submit(server, "bob@far.test", "the keys rest")?;
    let plain = arrived_with(world, "the keys rest")?;
    ensure!(!plain.to_string().contains("DKIM-Signature"), "{plain}");
    Ok(())
}

// long: a table of faults.
#[test]
fn what_dns_lacks_is_said_before_others_refuse_the_mail() -> anyhow::Result<()> {
    let server = Server::serve(Site::new()?)?;
    for args in [
        &["config", "set", "host_name", "mx.sound.test", "--yes"][..],
        &["domain", "add", "sound.test", "--yes"],
        &[
            "domain",
            "dkim",
            "rotate",
            "sound.test",
            "--now",
            "--json",
            "--yes",
        ],
    ] {
        server.cli(args)?.ok()?;
    }
    let show = ["domain", "dkim", "show", "sound.test", "--json"];
    let states = lines(&server, &show)?;
    let signs = states.iter().filter(|key| key["state"] == "signs").count();
    ensure!(
        signs == 2,
        "--now signs at once, with --json too: {states:?}"
    );
    let absent = server.cli(&["domain", "dkim", "show", "absent.test"])?;
    ensure!(absent.err.contains("no such domain"), "{absent:?}");
    let mut answers = serde_json::json!({
        "sound.test": {"MX": ["10 mx.sound.test."], "TXT": ["hello", "v=spf1 mx -all"]},
        "_dmarc.sound.test": {"TXT": ["v=DMARC1; p=quarantine"]},
        "mx.sound.test": {"A": ["192.0.2.25"]},
        "25.2.0.192.in-addr.arpa": {"PTR": ["mx.sound.test."]},
    });
    for key in lines(&server, &show)? {
        let name = key["name"].as_str().context("a name")?;
        answers[name] = serde_json::json!({ "TXT": [key["record"]] });
    }
    let check = |answers: &Value| -> anyhow::Result<_> {
        let file = server.scratch().join("answers.json");
        fs::write(&file, serde_json::to_vec(answers)?)?;
        let file = file.display().to_string();
        server.cli(&["domain", "check", "sound.test", "--dns", &file])
    };
    let sound = check(&answers)?.ok()?;
    ensure!(
        sound
            .out
            .contains("DNS has all that mail of sound.test needs."),
        "{sound:?}"
    );
    let mut by_include = answers.clone();
    by_include["sound.test"]["TXT"] = serde_json::json!(["v=spf1 include:spf.test -all"]);
    by_include["spf.test"] = serde_json::json!({"TXT": ["v=spf1 ip4:192.0.2.0/27 -all"]});
    check(&by_include)?.ok()?;
    for (name, records, words) in [
        (
            "sound.test",
            serde_json::json!({"MX": ["10 mx.sound.test."], "TXT": ["v=spf1 ip4:192.0.2.26 -all"]}),
            "TXT of sound.test is \"v=spf1 ip4:192.0.2.26 -all\"",
        ),
        (
            "sound.test",
            serde_json::json!({"MX": ["10 mx.other.test."]}),
            "MX of sound.test is \"10 mx.other.test.\" and should be",
        ),
        (
            "sound.test",
            serde_json::json!({"MX": ["10 mx.sound.test."], "TXT": ["v=spf1 mx -all", "v=spf1 -all"]}),
            "TXT of sound.test is",
        ),
        (
            "sound.test",
            serde_json::json!({"MX": ["10 mx.sound.test."], "TXT": ["v=spf1 -all"]}),
            "TXT of sound.test is",
        ),
        (
            "_dmarc.sound.test",
            serde_json::json!({}),
            "_dmarc.sound.test has no TXT record",
        ),
        (
            "25.2.0.192.in-addr.arpa",
            serde_json::json!({"PTR": ["vps1.provider.test"]}),
            "192.0.2.25: vps1.provider.test",
        ),
        (
            "mx.sound.test",
            serde_json::json!({}),
            "mx.sound.test has no address",
        ),
    ] {
        let mut changed = answers.clone();
        changed[name] = records;
        let ran = check(&changed)?;
        ensure!(
            ran.status == Some(1) && ran.out.contains(words),
            "{words}: {ran:?}"
        );
    }
    answers["_dmarc.sound.test"] = "SERVFAIL".into();
    let ran = check(&answers)?;
    ensure!(
        ran.status == Some(8) && ran.out.contains("not known: TXT of _dmarc.sound.test"),
        "{ran:?}"
    );
    let zone = server
        .cli(&["domain", "dns", "sound.test", "--zone"])?
        .ok()?;
    for line in [
        "sound.test. IN MX 10 mx.sound.test.",
        "sound.test. IN TXT ( \"v=spf1 mx -all\" )",
        "._domainkey.sound.test. IN TXT ( \"v=DKIM1; k=rsa; p=",
    ] {
        ensure!(zone.out.contains(line), "{line}: {zone:?}");
    }
    let file = server.scratch().join("answers.json").display().to_string();
    let table = server
        .cli(&["domain", "dns", "sound.test", "--dns", &file])?
        .ok()?;
    ensure!(
        table.out.contains("unknown") && table.out.contains("10 mx.sound.test."),
        "{table:?}"
    );
    Ok(())
}
