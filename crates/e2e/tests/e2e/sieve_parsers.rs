//! Scripts read by our parser and by those of others: the conformance tests that sievelib brings
//! along, and Pigeonhole's `sievec`. What differs for a reason is named with it.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, ensure};
use e2e::{clients, program};
use serde::Deserialize;
use tempfile::TempDir;

/// A script of sievelib's tests, and whether they want it accepted.
#[derive(Deserialize)]
struct Tested {
    script: String,
    accepted: bool,
}

/// The scripts of sievelib's tests; some stand there several times.
fn tested() -> anyhow::Result<Vec<Tested>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/lib_sievelib.py");
    let ran = program::run(
        clients::packaged_python(),
        ["-B".as_ref(), script.as_os_str()],
        b"",
    )?;
    serde_json::from_str(&ran.ok()?.out).context("sievelib's scripts")
}

/// Why we refuse a script of sievelib's tests that holds this.
const STRICTER: [(&str, &str); 4] = [
    ("mytest", "the test teaches sievelib this command"),
    (
        "quota_notification",
        "the test teaches sievelib this command",
    ),
    (
        "\"Var1\"",
        "flags in a variable need `variables` (RFC 5232 §2)",
    ),
    (
        "redirect \"a,b@test.com\"",
        "a comma stands in no address without quotes (RFC 5321 §4.1.2)",
    ),
];

#[test]
fn the_conformance_tests_of_sievelib_pass() -> anyhow::Result<()> {
    let scripts = tested()?;
    let mut excused = BTreeSet::new();
    for Tested { script, accepted } in &scripts {
        let ours = sieve::parse(script);
        if ours.is_ok() == *accepted {
            continue;
        }
        let difference = STRICTER.iter().find(|(part, _)| script.contains(part));
        ensure!(
            *accepted && difference.is_some(),
            "sievelib wants it accepted: {accepted}; we say {ours:?}\n{script}"
        );
        excused.extend(difference.map(|(part, _)| *part));
    }
    ensure!(scripts.len() >= 100, "only {} scripts", scripts.len());
    ensure!(excused.len() == STRICTER.len(), "only {excused:?} differ");
    Ok(())
}

/// Pigeonhole's compiler, with the extensions that it has and does not offer by itself.
struct Compiler {
    home: TempDir,
}

impl Compiler {
    fn new() -> anyhow::Result<Self> {
        let home = tempfile::tempdir()?;
        let settings = "plugin {\n  sieve_extensions = +spamtest +spamtestplus +virustest \
                        +editheader +vacation-seconds +special-use\n}\n";
        std::fs::write(home.path().join("peer.conf"), settings)?;
        Ok(Self { home })
    }

    /// `None` if it accepts a script, else what it says.
    fn refusal(&self, script: &str) -> anyhow::Result<Option<String>> {
        let [settings, source, compiled] =
            ["peer.conf", "script.sieve", "script.svbin"].map(|name| self.home.path().join(name));
        std::fs::write(&source, script)?;
        let args = ["-c".as_ref(), &*settings, &*source, &*compiled];
        let ran = program::run("sievec", args, b"")?;
        Ok((ran.status != Some(0)).then_some(ran.err))
    }
}

/// Commands as people write them, from which one word after the other is left out.
const COMMANDS: &[&str] = &[
    "if header :contains :comparator \"i;octet\" [ \"subject\" , \"to\" ] \"a\" { keep ; stop ; }",
    "if anyof ( exists \"y\" , not exists \"x\" ) { discard ; } elsif false { stop ; } else { keep ; }",
    "if address :domain :is [ \"from\" ] [ \"a\" , \"b\" ] { fileinto :copy \"a\" ; }",
    "if size :over 100K { redirect :copy \"ann@example.org\" ; }",
    "if header :index 2 :last :is \"x\" \"y\" { addflag [ \"a\" ] ; }",
    "if date :zone \"+0100\" :value \"ge\" \"date\" \"hour\" \"09\" { keep :flags \"a\" ; }",
    "if currentdate :is \"weekday\" \"0\" { setflag \"a\" ; }",
    "if header :count \"ge\" :comparator \"i;ascii-numeric\" \"received\" \"3\" { stop ; }",
    "if body :content \"text\" :contains \"a\" { fileinto :create :flags \"a\" \"b\" ; }",
    "if envelope :detail \"to\" \"a\" { reject \"no\" ; }",
    "if header :mime :anychild :param \"name\" \"content-type\" \"a\" { stop ; }",
    "if hasflag :contains \"v\" \"a\" { removeflag \"v\" \"a\" ; }",
    "if string :matches \"${a}\" \"*\" { set :lower :length \"a\" \"${1}\" ; }",
    "if duplicate :handle \"a\" :header \"x\" :seconds 60 :last { discard ; }",
    "if environment :is \"name\" \"a\" { return ; }",
    "if spamtest :percent :value \"gt\" \"50\" { fileinto :specialuse \"\\\\Junk\" \"a\" ; }",
    "if ihave [ \"copy\" ] { error \"a\" ; }",
    "if valid_notify_method \"mailto:a@example.org\" { stop ; }",
    "foreverypart :name \"a\" { break :name \"a\" ; }",
    "vacation :days 7 :subject \"a\" :from \"a@example.org\" :addresses [ \"b@example.org\" ] :mime :handle \"h\" \"r\" ;",
    "vacation :seconds 60 \"r\" ;",
    "notify :importance \"1\" :message \"m\" \"mailto:a@example.org\" ;",
    "addheader :last \"X-A\" \"b\" ; deleteheader :index 1 :contains \"X-A\" \"b\" ;",
    "global [ \"g\" ] ; set \"g\" \"x\" ;",
];

const REQUIRE: &str = "require [\"body\", \"comparator-i;ascii-numeric\", \"copy\", \"date\", \
    \"duplicate\", \"editheader\", \"enotify\", \"envelope\", \"environment\", \"fileinto\", \
    \"foreverypart\", \"ihave\", \"imap4flags\", \"include\", \"index\", \"mailbox\", \"mime\", \
    \"reject\", \"relational\", \"spamtestplus\", \"special-use\", \"subaddress\", \
    \"vacation-seconds\", \"variables\", \"vacation\"];\n";

/// Each command whole and without each of its words.
fn damaged() -> Vec<String> {
    let mut scripts = Vec::new();
    for command in COMMANDS {
        let words: Vec<&str> = command.split(' ').collect();
        scripts.push(format!("{REQUIRE}{command}"));
        for left_out in 0..words.len() {
            let rest = [&words[..left_out], &words[left_out + 1..]].concat();
            scripts.push(format!("{REQUIRE}{}", rest.join(" ")));
        }
    }
    scripts
}

#[test]
fn sievec_accepts_and_refuses_the_same() -> anyhow::Result<()> {
    let compiler = Compiler::new()?;
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sieve/tests/corpus");
    let mut scripts = damaged();
    scripts.extend(tested()?.into_iter().map(|tested| tested.script));
    for file in std::fs::read_dir(corpus)? {
        scripts.push(std::fs::read_to_string(file?.path())?);
    }
    ensure!(scripts.len() >= 400, "only {} scripts", scripts.len());
    let mut lacking = 0;
    for script in &scripts {
        let theirs = compiler.refusal(script)?;
        let ours = sieve::parse(script);
        if ours.is_ok() == theirs.is_none() {
            continue;
        }
        // It knows neither `ereject` (RFC 5429 §2.1) nor `fcc` (RFC 8580).
        let lacks = theirs
            .as_ref()
            .is_some_and(|said| said.contains("unknown Sieve capability `ereject'"));
        ensure!(
            ours.is_ok() && lacks,
            "sievec: {theirs:?}; we: {ours:?}\n{script}"
        );
        lacking += 1;
    }
    ensure!(lacking == 1, "it lacks what {lacking} scripts use");
    Ok(())
}
