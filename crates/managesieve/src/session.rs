//! One client's session: its state, and what each command does. Knows no sockets.

use net::TlsInfo;
use service::{
    Peer, Principal, SaslExchange, SaslRefusal, SaslStep, ScriptError, Service, SessionEnd,
};
use sieve::limits::REDIRECTS_MAX;
use types::Secret;
use wire::managesieve::parse::{self, SyntaxError};
use wire::managesieve::{
    Capability, Code, Command, Response, ScriptName, Verb, Word, capabilities, script_content,
    script_line, string,
};
use wire::sasl::Mechanism;

use crate::error::SieveError;

/// Commands that were none, or came at the wrong time, in one session.
const BAD_COMMANDS_MAX: u32 = 10;
/// Failed attempts to sign in during one session.
const FAILED_SIGN_INS_MAX: u32 = 3;
/// Commands before a sign-in.
const COMMANDS_BEFORE_SIGN_IN_MAX: u32 = 50;

/// What the connection is to say, and what comes next.
pub(crate) struct Step {
    /// What comes before the response.
    pub(crate) data: Vec<u8>,
    /// The response; none in the middle of a SASL exchange.
    pub(crate) response: Option<Response>,
    /// What comes next.
    pub(crate) next: Next,
}

/// What follows a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A command.
    Command,
    /// A command; the client has just signed in.
    SignedIn,
    /// The client's part of a SASL exchange.
    Answer,
    /// The handshake.
    StartTls,
    /// Nothing.
    End,
}

/// One client's session.
pub(crate) struct Session {
    service: Service,
    peer: Peer,
    offers_tls: bool,
    principal: Option<Box<Principal>>,
    exchange: Option<SaslExchange>,
    commands: u32,
    bad_commands: u32,
    failed_sign_ins: u32,
}

impl Step {
    fn new(response: Response, next: Next) -> Self {
        Self {
            data: Vec::new(),
            response: Some(response),
            next,
        }
    }

    fn done(response: Response) -> Self {
        Self::new(response, Next::Command)
    }

    /// The last word of the server.
    pub(crate) fn farewell(text: &str) -> Self {
        Self::new(Response::bye(None, text), Next::End)
    }

    fn with_data(self, data: Vec<u8>) -> Self {
        Self { data, ..self }
    }
}

impl Session {
    /// A session with a client of whom nothing is known yet.
    pub(crate) fn new(service: Service, peer: Peer, offers_tls: bool) -> Self {
        Self {
            service,
            peer,
            offers_tls,
            principal: None,
            exchange: None,
            commands: 0,
            bad_commands: 0,
            failed_sign_ins: 0,
        }
    }

    /// The client's facts, for the log.
    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// What the server can do: the greeting, also after TLS has begun, and the answer to CAPABILITY
    /// (RFC 5804 §1.7).
    pub(crate) fn greet(&self) -> Step {
        let name = self.service.host_name();
        let hello = Response::ok(format!("{name} ManageSieve"));
        Step::done(hello).with_data(capabilities(&self.capabilities()))
    }

    fn capabilities(&self) -> Vec<Capability> {
        let with = |name, value: String| Capability {
            name,
            value: Some(value),
        };
        let mechanisms = self.service.sasl_mechanisms(&self.peer).into_iter();
        // Two prompts without a standard; whoever knows them knows PLAIN.
        let mechanisms = mechanisms.filter(|mechanism| *mechanism != Mechanism::Login);
        let mechanisms: Vec<_> = match self.principal {
            Some(_) => Vec::new(),
            None => mechanisms.map(Mechanism::name).collect(),
        };
        let mut all = vec![
            with("IMPLEMENTATION", "Sealpost".to_owned()),
            with("SASL", mechanisms.join(" ")),
            with("SIEVE", sieve::CAPABILITIES.join(" ")),
            with("NOTIFY", "mailto".to_owned()),
            with("MAXREDIRECTS", REDIRECTS_MAX.to_string()),
            with("VERSION", "1.0".to_owned()),
        ];
        if self.permit(Verb::StartTls).is_ok() {
            all.push(Capability {
                name: "STARTTLS",
                value: None,
            });
        }
        if let Some(principal) = &self.principal {
            all.push(with("OWNER", principal.address.to_string()));
        }
        all
    }

    /// Carries out one command, or explains why not.
    pub(crate) async fn handle(&mut self, octets: &[u8]) -> Step {
        let command = match parse::command(octets) {
            Ok(command) => command,
            Err(err) => return self.bad_command(&err.into()),
        };
        if let Err(err) = self.permit(command.verb()) {
            return self.bad_command(&err);
        }
        if self.principal.is_none() {
            self.commands += 1;
            if self.commands > COMMANDS_BEFORE_SIGN_IN_MAX {
                return Step::farewell("too many commands without a sign-in");
            }
        }
        let outcome = self.obey(command).await;
        outcome.unwrap_or_else(|err| Step::done(err.response()))
    }

    /// Which command is allowed when: the one table (RFC 5804 §2).
    fn permit(&self, verb: Verb) -> Result<(), SieveError> {
        let out_of_order = |when| Err(SieveError::OutOfOrder { verb, when });
        match (verb, &self.principal) {
            (Verb::Capability | Verb::Logout | Verb::Noop, _) => Ok(()),
            (Verb::StartTls, _) if self.peer.tls.is_some() => out_of_order("under TLS"),
            (Verb::StartTls | Verb::Authenticate, Some(_)) => out_of_order("after the sign-in"),
            (Verb::StartTls, None) if self.offers_tls => Ok(()),
            (Verb::StartTls, None) => Err(SieveError::TlsNotOffered),
            (Verb::Authenticate, None) if self.service.plain_sign_in_allowed(&self.peer) => Ok(()),
            (Verb::Authenticate, None) => Err(SieveError::NeedsTls),
            (_, None) => out_of_order("before the sign-in"),
            (_, Some(_)) => Ok(()),
        }
    }

    /// Answers what was no command at this point.
    fn bad_command(&mut self, err: &SieveError) -> Step {
        self.exchange = None;
        self.bad_commands += 1;
        if self.bad_commands < BAD_COMMANDS_MAX {
            Step::done(err.response())
        } else {
            Step::farewell("too many errors")
        }
    }

    /// Answers a command with a literal larger than any that is taken.
    pub(crate) fn too_large(&mut self) -> Step {
        self.bad_command(&ScriptError::TooLarge.into())
    }

    async fn obey(&mut self, command: Command) -> Result<Step, SieveError> {
        match command {
            Command::Authenticate { mechanism, initial } => {
                if mechanism == Mechanism::Login {
                    return Err(SyntaxError::UnknownMechanism.into());
                }
                let initial = initial.as_ref().map(Secret::expose);
                let step = self.service.sasl_start(&self.peer, mechanism, initial);
                let step = step.await;
                Ok(self.sasl_step(step))
            }
            Command::Capability => Ok(self.greet()),
            Command::Logout => Ok(Step::new(Response::ok("good-bye"), Next::End)),
            Command::Noop(tag) => {
                let code = tag.map(Code::Tag);
                Ok(Step::done(Response::new(Word::Ok, code, "nothing done")))
            }
            Command::StartTls => Ok(Step::new(Response::ok("go ahead"), Next::StartTls)),
            command => {
                let verb = command.verb();
                let when = "before the sign-in";
                let principal = self.principal.as_deref();
                let principal = principal.ok_or(SieveError::OutOfOrder { verb, when })?;
                Ok(about_scripts(&self.service, principal, command).await?)
            }
        }
    }

    /// Takes the client's part of a SASL exchange.
    pub(crate) async fn answer(&mut self, octets: &[u8]) -> Step {
        let exchange = self.exchange.take().ok_or(SyntaxError::UnknownVerb);
        let (exchange, answer) = match (exchange, parse::answer(octets)) {
            (Ok(exchange), Ok(answer)) => (exchange, answer),
            (Err(err), _) | (_, Err(err)) => return self.bad_command(&err.into()),
        };
        let service = &self.service;
        let step = service.sasl_respond(&self.peer, exchange, answer.expose());
        let step = step.await;
        self.sasl_step(step)
    }

    fn sasl_step(&mut self, step: Result<SaslStep, SaslRefusal>) -> Step {
        match step {
            Ok(SaslStep::Challenge(exchange)) => {
                let challenge = string(&exchange.challenge(), false);
                self.exchange = Some(exchange);
                Step {
                    data: [&challenge[..], b"\r\n"].concat(),
                    response: None,
                    next: Next::Answer,
                }
            }
            // Our own proof travels with the success (RFC 5804 §1.3); who does not believe it leaves.
            Ok(SaslStep::Proven(principal, exchange)) => {
                let code = Code::Sasl(exchange.challenge());
                self.signed_in(principal, Some(code))
            }
            Ok(SaslStep::SignedIn(principal)) => self.signed_in(principal, None),
            Ok(SaslStep::Confirmed) => self.bad_command(&SyntaxError::Answer.into()),
            Err(err) => {
                self.failed_sign_ins += 1;
                let response = SieveError::from(err).response();
                match self.failed_sign_ins < FAILED_SIGN_INS_MAX {
                    true => Step::done(response),
                    false => Step::new(Response::bye(response.code, response.text), Next::End),
                }
            }
        }
    }

    fn signed_in(&mut self, principal: Box<Principal>, code: Option<Code>) -> Step {
        self.principal = Some(principal);
        let welcome = Response::new(Word::Ok, code, "signed in");
        Step::new(welcome, Next::SignedIn)
    }

    /// TLS is on: the client starts anew, and nothing it said before counts (RFC 5804 §2.2).
    pub(crate) fn secured(&mut self, tls: Option<TlsInfo>) -> Step {
        self.peer.tls = tls;
        self.greet()
    }

    /// Ends the session.
    pub(crate) async fn end(self) {
        if let Some(principal) = &self.principal {
            self.service.sign_out(principal).await;
        }
        let end = match self.principal {
            Some(_) => SessionEnd::Useful,
            None if self.bad_commands >= BAD_COMMANDS_MAX => SessionEnd::Abuse,
            None => SessionEnd::Plain,
        };
        self.service.session_ended(&self.peer, end).await;
    }
}

/// Carries out the commands that only somebody signed in may give.
async fn about_scripts(
    service: &Service,
    principal: &Principal,
    command: Command,
) -> Result<Step, ScriptError> {
    match command {
        Command::CheckScript(script) => service.script_check(&script)?,
        Command::DeleteScript(name) => service.script_remove(principal, name.as_str()).await?,
        Command::GetScript(name) => {
            let text = service.script_text(principal, name.as_str())?;
            return Ok(done().with_data(script_content(&text)));
        }
        Command::HaveSpace { name, octets } => {
            let octets = usize::try_from(octets).unwrap_or(usize::MAX);
            service.script_has_room(principal, name.as_str(), octets)?;
        }
        Command::ListScripts => {
            let rows = service.script_list(principal);
            let lines = rows
                .iter()
                .flat_map(|row| script_line(&row.name, row.active));
            return Ok(done().with_data(lines.collect()));
        }
        Command::PutScript { name, script } => {
            let put = service.script_put(principal, name.as_str(), &script);
            return Ok(warned(&put.await?));
        }
        Command::RenameScript { old, new } => {
            let (old, new) = (old.as_str(), new.as_str());
            service.script_rename(principal, old, new).await?;
        }
        Command::SetActive(name) => {
            let name = name.as_ref().map(ScriptName::as_str);
            let activated = service.script_activate(principal, name);
            return Ok(warned(&activated.await?));
        }
        // Carried out for everybody already.
        Command::Authenticate { .. }
        | Command::Capability
        | Command::Logout
        | Command::Noop(_)
        | Command::StartTls => {}
    }
    Ok(done())
}

fn done() -> Step {
    Step::done(Response::ok("done"))
}

/// Done, and the person should know this.
fn warned(warnings: &[String]) -> Step {
    match warnings.is_empty() {
        true => done(),
        false => {
            let text = warnings.join(" ");
            Step::done(Response::new(Word::Ok, Some(Code::Warnings), text))
        }
    }
}
