//! `sealpost doctor`: everything the server keeps and depends on, looked at by the running server,
//! or in the folder of a stopped one.

use std::io::{self, IsTerminal as _, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use policy::change::Mode;
use serde_json::{Value, json};
use service::{Actor, Ailment, Folder, Service, Severity};
use store::Store;

use super::ask::Read;
use crate::control::client::Client;
use crate::control::protocol::Ask;
use crate::exit::{Exit, Failure};
use crate::output::{json_line, visible};
use crate::place::Found;
use crate::start_file::StartFile;
use crate::{offline, ports, run};

/// Time between two looks at how far the server is.
const PULSE: Duration = Duration::from_millis(200);
/// What is said of what cannot be proved; it ends with a code of its own.
const LEDGER: &str = "ledger and logs";

/// Looks at everything the server keeps and depends on; says what is wrong and what to do.
///
/// Files and their owners, disk space, clock, certificates, stored secrets, the ledger with its
/// second copy and both logs, the database, every message body against its hash, messages against
/// their sums, counters, and rows under a seal. Ends with 0 if all is well, 6 if the ledger is not,
/// else 1. Without a running server it looks at the files of the folder and at the ports.
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    /// Put right what can be put right from what exists. Nothing is deleted: a damaged message
    /// moves to the mailbox Damaged.
    #[arg(long)]
    fix: bool,
    #[command(flatten)]
    read: Read,
}

/// What came of an examination.
struct Outcome {
    looked_at: Vec<String>,
    found: Vec<Value>,
}

impl Doctor {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let outcome = self.outcome()?;
        if self.read.format.json {
            let good = outcome.found.iter().all(|found| !is_open(found));
            let told = json!({
                "good": good, "looked_at": outcome.looked_at, "found": outcome.found,
            });
            json_line(out, &told)?;
        } else {
            tell(out, &outcome)?;
        }
        let open: Vec<&Value> = outcome
            .found
            .iter()
            .filter(|found| is_open(found))
            .collect();
        let exit = match open.iter().any(|found| found["part"] == LEDGER) {
            true => Exit::Unverified,
            false => Exit::Failed,
        };
        match open.len() {
            0 => Ok(()),
            1 => Err(Failure::new(exit, "1 problem is open").into()),
            count => Err(Failure::new(exit, format!("{count} problems are open")).into()),
        }
    }

    fn outcome(&self) -> anyhow::Result<Outcome> {
        let found = self.read.place.find()?;
        let client = self.read.place.client()?;
        let begun = client.ask(Ask::DoctorBegin { fix: self.fix });
        let unreachable = |error: &anyhow::Error| {
            let failure = error.downcast_ref::<Failure>();
            failure.is_some_and(|failure| failure.exit() == Exit::Unreachable)
        };
        match (begun, found) {
            (Ok(_), _) => follow(&client),
            (Err(error), found) if unreachable(&error) => {
                eprintln!("No server answers; looking at the files of its folder.");
                match (self.fix, found) {
                    (false, Found::File(file)) => stopped(&file.data_dir, Some(&file)),
                    (false, Found::Folder(data)) => stopped(&data, None),
                    (true, Found::File(_)) => self.fix_stopped(),
                    (true, Found::Folder(_)) => Err(Failure::usage(
                        "--fix of a stopped server needs its start file: add --config FILE",
                    )
                    .into()),
                }
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Opens the folder as the server does, which puts the ledger right and records it, and treats
    /// the rest.
    fn fix_stopped(&self) -> anyhow::Result<Outcome> {
        let path = self.read.place.start_file_path();
        let (file, text) = StartFile::read(&path)?;
        run::runtime()?.block_on(async {
            let facts = run::boot_facts(text);
            let service = Service::open(file.start(), &file.pin(), Mode::Serve, facts).await?;
            let actor = Actor::system(ledger::Door::Cli);
            service.doctor_begin(&actor, true)?;
            let outcome = loop {
                tokio::time::sleep(PULSE).await;
                let now = serde_json::to_value(service.doctor_look(&actor)?)?;
                if let Some(outcome) = ended(&now)? {
                    break outcome;
                }
                progress(&now);
            };
            service.close().await;
            Ok(outcome)
        })
    }
}

/// Follows the examination of a running server to its end.
fn follow(client: &Client) -> anyhow::Result<Outcome> {
    loop {
        thread::sleep(PULSE);
        let now = client.ask(Ask::DoctorLook)?;
        if let Some(outcome) = ended(&now)? {
            return Ok(outcome);
        }
        progress(&now);
    }
}

/// The outcome, if the examination has ended.
fn ended(now: &Value) -> anyhow::Result<Option<Outcome>> {
    if now["running"] == Value::Bool(true) {
        return Ok(None);
    }
    clear_progress();
    if let Some(why) = now["broken_off"].as_str() {
        let words = format!("the examination broke off: {why}; the server's log says more");
        return Err(Failure::new(Exit::Failed, words).into());
    }
    let parts = now["looked_at"].as_array().into_iter().flatten();
    Ok(Some(Outcome {
        looked_at: parts
            .filter_map(|part| part.as_str().map(str::to_owned))
            .collect(),
        found: now["found"].as_array().cloned().unwrap_or_default(),
    }))
}

/// Looks at the files of a stopped server and changes none. What cannot be opened is a finding.
fn stopped(data: &Path, file: Option<&StartFile>) -> anyhow::Result<Outcome> {
    let mut looked_at = vec!["files".to_owned(), "ledger".to_owned()];
    let mut found = service::look_at_folder(Folder::Data, data);
    found.extend(
        file.map(|file| service::look_at_folder(Folder::Keys, &file.keys_dir))
            .into_iter()
            .flatten(),
    );
    found.extend(stopped_ledger(data, file));
    let config = offline::config(data, file.map(|file| &file.vkey));
    if let Some(config) = &config {
        looked_at.push(ports::PART.to_owned());
        found.extend(ports::look_at_ports(config));
    }
    match stopped_mail(data, &mut looked_at) {
        Ok(mail) => found.extend(mail),
        Err(error) => found.push(problem(
            "database",
            &data.join("mail.db").display().to_string(),
            format!("the mail cannot be looked at: {error:#}"),
            "run this as root or as the user that runs the server; if that was so, keep a copy of \
             the data folder, then put mail.db back from a backup",
        )),
    }
    clear_progress();
    if let Some(config) = &config {
        found
            .iter_mut()
            .for_each(|found| found.name_accounts(config));
    }
    let found = found
        .iter()
        .map(serde_json::to_value)
        .collect::<Result<_, _>>()?;
    Ok(Outcome { looked_at, found })
}

fn stopped_ledger(data: &Path, file: Option<&StartFile>) -> Option<Ailment> {
    let what = match offline::check(data, file.map(|file| file.vkey.clone()), &[]) {
        Ok(checked) if checked.report.verdict.is_good() => return None,
        Ok(checked) => checked.report.verdict.to_string(),
        Err(error) => format!("it cannot be checked: {error:#}"),
    };
    let remedy = "keep a copy of the data folder as evidence; docs/ledger.md says what the verdict \
                  means";
    Some(problem(LEDGER, "ledger", what, remedy))
}

fn stopped_mail(data: &Path, looked_at: &mut Vec<String>) -> anyhow::Result<Vec<Ailment>> {
    let store = Store::open_to_look(data)?;
    if store.is_of_older_format() {
        let what = "the mail is in the format of an older version, so it was not looked at";
        return Ok(vec![Ailment {
            severity: Severity::Warning,
            ..problem(
                "database",
                "mail.db",
                what.to_owned(),
                "use the doctor of that version, or start this server, which brings the format up \
                 to date, and look again",
            )
        }]);
    }
    let mail = service::look_at_mail(&store, &mut |part, done, all| {
        if looked_at.last().is_none_or(|last| last != part) {
            looked_at.push(part.to_owned());
        }
        progress(&json!({"part": part, "done": done, "all": all}));
    })?;
    Ok(mail.into_iter().map(|(ailment, _)| ailment).collect())
}

fn problem(part: &str, place: &str, what: String, remedy: &str) -> Ailment {
    Ailment {
        severity: Severity::Problem,
        part: part.to_owned(),
        place: place.to_owned(),
        what,
        remedy: remedy.to_owned(),
        repaired: false,
    }
}

fn progress(now: &Value) {
    if !io::stderr().is_terminal() {
        return;
    }
    let part = now["part"].as_str().unwrap_or_default();
    match (now["done"].as_u64(), now["all"].as_u64()) {
        (Some(done), Some(all @ 1..)) => eprint!("\r\x1b[K{part}: {done} of {all}"),
        _ => eprint!("\r\x1b[K{part}"),
    }
}

fn clear_progress() {
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
}

fn is_open(found: &Value) -> bool {
    found["severity"] == "problem" && found["repaired"] != Value::Bool(true)
}

fn tell(out: &mut dyn Write, outcome: &Outcome) -> anyhow::Result<()> {
    for found in &outcome.found {
        let word = |key: &str| visible(found[key].as_str().unwrap_or_default());
        let mark = match (is_open(found), found["repaired"] == Value::Bool(true)) {
            (true, _) => "PROBLEM",
            (_, true) => "REPAIRED",
            _ => "WARNING",
        };
        writeln!(
            out,
            "{mark}  {}: {}: {}",
            word("part"),
            word("place"),
            word("what")
        )?;
        writeln!(out, "    -> {}", word("remedy"))?;
    }
    let open = outcome.found.iter().filter(|found| is_open(found)).count();
    let parts = outcome.looked_at.join(", ");
    match open {
        0 => writeln!(out, "All is well. Looked at: {parts}.")?,
        _ => writeln!(out, "Looked at: {parts}.")?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_told_with_what_to_do() {
        let found = |severity: &str, repaired| {
            json!({"severity": severity, "part": "clock", "place": "here", "what": "late\u{1b}",
                   "remedy": "set it", "repaired": repaired})
        };
        let mut outcome = Outcome {
            looked_at: vec!["clock".to_owned()],
            found: vec![found("warning", false), found("problem", true)],
        };
        let told = |outcome: &Outcome| {
            let mut out = Vec::new();
            tell(&mut out, outcome).unwrap();
            String::from_utf8(out).unwrap()
        };
        let well = told(&outcome);
        assert!(
            well.contains("WARNING  clock: here: late\\u{1b}\n    -> set it\n"),
            "{well}"
        );
        assert!(well.contains("REPAIRED") && well.ends_with("All is well. Looked at: clock.\n"));
        outcome.found.push(found("problem", false));
        assert!(told(&outcome).contains("PROBLEM") && !told(&outcome).contains("All is well"));
    }

    #[test]
    fn an_examination_that_broke_off_is_a_failure() {
        assert!(ended(&json!({"running": true})).unwrap().is_none());
        let over = json!({"running": false, "looked_at": ["files"], "found": []});
        assert_eq!(ended(&over).unwrap().unwrap().looked_at, ["files"]);
        assert!(ended(&json!({"running": false, "broken_off": "no space"})).is_err());
    }
}
