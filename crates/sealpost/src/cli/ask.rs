//! How commands ask the server: questions at once, changes only after their effects were shown.

use std::io::{self, BufRead as _, IsTerminal as _, Write};

use serde_json::{Value, json};
use service::Command;

use crate::control::client::Client;
use crate::control::protocol::Ask;
use crate::exit::Failure;
use crate::output::{self, Column, Format};
use crate::place::Place;
use crate::secret_input::Otherwise;

/// Octets of an answer to a yes-or-no question.
const YES_MAX_OCTETS: u64 = 64;

/// What every reading command takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Read {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) format: Format,
}

/// What every changing command takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Change {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) format: Format,
    /// Do it without asking.
    #[arg(long, short)]
    yes: bool,
    /// Never ask; fail and name the missing flag.
    #[arg(long)]
    no_input: bool,
    /// Say what would happen, and change nothing.
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Why; kept with the entry in the ledger.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Set by the commands that close listeners.
    #[arg(skip)]
    end_sessions: bool,
    /// What is told beside the effects.
    #[arg(skip)]
    beside: Beside,
}

/// Something that is told beside the effects of a change: words for people, a value for programs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside {
    /// One sentence a line.
    pub(crate) words: Vec<String>,
    /// Under this name in the answer.
    pub(crate) value: Option<(&'static str, Value)>,
}

/// Asks the server, perhaps several times, and puts the answers together.
pub(crate) type Asking<'a> = dyn Fn(&Client) -> anyhow::Result<Value> + 'a;

/// What a change came to; the server's answer to [`Ask::Admit`].
#[derive(Debug, serde::Deserialize)]
struct Outcome {
    seqs: Vec<u64>,
    effects: Vec<String>,
    class: String,
}

impl Read {
    /// Asks for a list and prints it.
    pub(crate) fn list(
        &self,
        out: &mut dyn Write,
        ask: Ask,
        columns: &[Column],
    ) -> anyhow::Result<()> {
        let rows = self.place.client()?.ask(ask)?;
        Ok(self.format.list(out, &rows, columns)?)
    }

    /// As [`Self::list`] for things that something was done to; says so, or that there were none.
    pub(crate) fn list_or_say(
        &self,
        out: &mut dyn Write,
        ask: Ask,
        columns: &[Column],
        done: &str,
        none: &str,
    ) -> anyhow::Result<()> {
        let rows = self.place.client()?.ask(ask)?;
        let is_empty = rows.as_array().is_none_or(Vec::is_empty);
        eprintln!("{}", if is_empty { none } else { done });
        if is_empty && !self.format.json {
            return Ok(());
        }
        Ok(self.format.list(out, &rows, columns)?)
    }

    /// Asks for one thing and prints it.
    pub(crate) fn show(&self, out: &mut dyn Write, ask: Ask) -> anyhow::Result<()> {
        let thing = self.place.client()?.ask(ask)?;
        Ok(self.format.details(out, &thing)?)
    }
}

impl Change {
    /// The same place and format, for a command that only reads when it is not told what to change.
    pub(crate) fn as_read(&self) -> Read {
        Read {
            place: self.place.clone(),
            format: self.format,
        }
    }

    /// The same; sessions of the listeners that it closes end with them.
    #[must_use]
    pub(crate) fn ending_sessions(self, end_sessions: bool) -> Self {
        Self {
            end_sessions,
            ..self
        }
    }

    /// The same; this is told beside its effects.
    #[must_use]
    pub(crate) fn telling(self, beside: Beside) -> Self {
        Self { beside, ..self }
    }

    /// For what is no change of the configuration: says by `words` what asking `plan` tells, asks
    /// whether to go on, asks `act`, and says what that came to.
    pub(crate) fn act(
        &self,
        out: &mut dyn Write,
        (plan, act): (Ask, Ask),
        words: impl Fn(&Value, bool) -> Vec<String>,
    ) -> anyhow::Result<()> {
        let plan = |client: &Client| client.ask(plan.clone());
        let act = |client: &Client| client.ask(act.clone());
        self.act_by(out, (&plan, &act), words)
    }

    /// As [`Self::act`] for what takes several questions.
    pub(crate) fn act_by(
        &self,
        out: &mut dyn Write,
        (plan, act): (&Asking<'_>, &Asking<'_>),
        words: impl Fn(&Value, bool) -> Vec<String>,
    ) -> anyhow::Result<()> {
        let client = self.place.client()?;
        let tell = |out: &mut dyn Write, told: &Value, done: bool| -> anyhow::Result<()> {
            if self.format.json {
                return Ok(output::json_line(out, told)?);
            }
            for line in words(told, done) {
                writeln!(out, "{}", output::visible(&line))?;
            }
            Ok(())
        };
        if self.dry_run {
            tell(out, &plan(&client)?, false)?;
            eprintln!("Nothing was changed (--dry-run).");
            return Ok(());
        }
        if !self.yes {
            for line in words(&plan(&client)?, false) {
                eprintln!("{}", output::visible(&line));
            }
            self.confirm()?;
        }
        tell(out, &act(&client)?, true)
    }

    /// Why, as it was said.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Where a password comes from if the flags do not say.
    pub(crate) fn otherwise(&self) -> Otherwise {
        match (self.dry_run, self.no_input) {
            (true, _) => Otherwise::TakeAny,
            (false, true) => Otherwise::Fail,
            (false, false) => Otherwise::Ask,
        }
    }

    /// Shows what the commands would do, asks, and carries them out together.
    pub(crate) fn carry_out(
        &self,
        out: &mut dyn Write,
        commands: &[Command],
    ) -> anyhow::Result<()> {
        self.carry_out_telling(out, commands, &json!({}))
    }

    /// As [`Self::carry_out`]; `told` is added to the answer once the change is made, such as a
    /// generated password.
    pub(crate) fn carry_out_telling(
        &self,
        out: &mut dyn Write,
        commands: &[Command],
        told: &Value,
    ) -> anyhow::Result<()> {
        if !self.agreed_on(out, commands)? {
            return Ok(());
        }
        self.carry_out_agreed(out, commands, told)
    }

    /// As [`Self::carry_out`] for a command by which the server makes secrets; they are told under
    /// this name, with the id of their credential.
    pub(crate) fn carry_out_making(
        &self,
        out: &mut dyn Write,
        command: Command,
        name: &str,
    ) -> anyhow::Result<()> {
        let commands = [command];
        if !self.agreed_on(out, &commands)? {
            return Ok(());
        }
        let done = self.admit(&self.place.client()?, &commands, false)?;
        let made = &done["made"][0];
        let secret = match made["secrets"].as_array().map(Vec::as_slice) {
            Some([one]) => one.clone(),
            _ => made["secrets"].clone(),
        };
        let told = json!({ "id": made["id"], name: secret });
        self.tell_done(out, done, &told)?;
        eprintln!("This is shown once and kept nowhere.");
        Ok(())
    }

    /// Whether to go on: shows the effects and asks, unless the flags say not to. In a dry run
    /// everything is said and done with `false`.
    pub(crate) fn agreed_on(
        &self,
        out: &mut dyn Write,
        commands: &[Command],
    ) -> anyhow::Result<bool> {
        if self.yes && !self.dry_run {
            return Ok(true);
        }
        let planned = self.admit(&self.place.client()?, commands, true)?;
        if self.dry_run {
            self.tell_plan(out, planned)?;
            return Ok(false);
        }
        self.show_effects(&planned)?;
        self.confirm()?;
        Ok(true)
    }

    /// Hears whether the commands could be carried out at all.
    pub(crate) fn rehearse(&self, commands: &[Command]) -> anyhow::Result<()> {
        self.admit(&self.place.client()?, commands, true).map(drop)
    }

    /// Carries out what was agreed on.
    pub(crate) fn carry_out_agreed(
        &self,
        out: &mut dyn Write,
        commands: &[Command],
        told: &Value,
    ) -> anyhow::Result<()> {
        let done = self.admit(&self.place.client()?, commands, false)?;
        self.tell_done(out, done, told)
    }

    /// Prints something between two steps.
    pub(crate) fn tell(&self, out: &mut dyn Write, thing: &Value) -> anyhow::Result<()> {
        self.format.details(out, thing)?;
        Ok(out.flush()?)
    }

    fn admit(&self, client: &Client, commands: &[Command], dry_run: bool) -> anyhow::Result<Value> {
        let reason = self.reason.clone();
        client.ask(Ask::Admit {
            commands: commands.to_vec(),
            reason,
            dry_run,
            end_sessions: self.end_sessions,
        })
    }

    fn tell_plan(&self, out: &mut dyn Write, mut planned: Value) -> anyhow::Result<()> {
        if self.format.json {
            without_made(&mut planned);
            self.add_beside(&mut planned);
            return Ok(output::json_line(out, &planned)?);
        }
        self.show_effects(&planned)?;
        eprintln!("Nothing was changed (--dry-run).");
        Ok(())
    }

    fn tell_done(&self, out: &mut dyn Write, mut done: Value, told: &Value) -> anyhow::Result<()> {
        if self.format.json {
            without_made(&mut done);
            self.add_beside(&mut done);
            if let (Some(done), Some(told)) = (done.as_object_mut(), told.as_object()) {
                done.extend(told.clone());
            }
            return Ok(output::json_line(out, &done)?);
        }
        if self.yes {
            self.show_effects(&done)?;
        }
        let outcome = outcome(&done)?;
        let entries: Vec<String> = outcome.seqs.iter().map(|seq| format!("#{seq}")).collect();
        eprintln!("Done. Ledger: {}.", entries.join(", "));
        if told.as_object().is_some_and(|told| !told.is_empty()) {
            self.format.details(out, told)?;
        }
        Ok(())
    }

    fn show_effects(&self, answer: &Value) -> anyhow::Result<()> {
        let outcome = outcome(answer)?;
        if outcome.effects.is_empty() {
            eprintln!("No effect that needs a warning.");
        }
        for line in outcome.effects.iter().chain(&self.beside.words) {
            eprintln!("{}", output::visible(line));
        }
        eprintln!("Class {}.", outcome.class);
        Ok(())
    }

    fn add_beside(&self, answer: &mut Value) {
        if let (Some(answer), Some((name, value))) = (answer.as_object_mut(), &self.beside.value) {
            answer.insert((*name).to_owned(), value.clone());
        }
    }

    fn confirm(&self) -> anyhow::Result<()> {
        if self.no_input || !io::stdin().is_terminal() {
            return Err(Failure::usage("add --yes to do this without being asked").into());
        }
        eprint!("Do this? [y/N] ");
        io::stderr().flush()?;
        let mut answer = String::new();
        io::Read::take(io::stdin().lock(), YES_MAX_OCTETS).read_line(&mut answer)?;
        if matches!(answer.trim(), "y" | "Y" | "yes") {
            return Ok(());
        }
        anyhow::bail!("nothing was changed")
    }
}

/// Secrets that were made are told by their names, or not at all.
fn without_made(answer: &mut Value) {
    if let Some(answer) = answer.as_object_mut() {
        answer.remove("made");
    }
}

fn outcome(answer: &Value) -> anyhow::Result<Outcome> {
    Ok(serde_json::from_value(answer.clone())?)
}
