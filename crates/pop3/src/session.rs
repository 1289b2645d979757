//! One client's session: its state, and what each command does. Knows no sockets.

use std::mem;

use net::TlsInfo;
use service::{
    Peer, Principal, SaslExchange, SaslRefusal, SaslStep, Service, ServiceError, SessionEnd,
    StoredMessage,
};
use tracing::info;
use types::{MailboxName, Secret};
use wire::pop3::parse::{self, SyntaxError};
use wire::pop3::{Command, MessageNumber, Reply, Verb};
use wire::sasl::Mechanism;

use crate::error::Pop3Error;
use crate::maildrop::{Listing, Maildrop};

/// Lines that were no command, or a command at the wrong time, in one session.
const BAD_COMMANDS_MAX: u32 = 10;
/// Failed attempts to sign in during one session.
const FAILED_SIGN_INS_MAX: u32 = 3;
/// Commands before a sign-in.
const COMMANDS_BEFORE_SIGN_IN_MAX: u32 = 50;

/// What the connection is to say, and what comes next.
pub(crate) struct Step {
    /// The reply, or the first line of a longer one.
    pub(crate) reply: Reply,
    /// What comes next.
    pub(crate) next: Next,
}

/// What follows a reply.
pub(crate) enum Next {
    /// A command.
    Line,
    /// A command; the client has just signed in.
    LineSignedIn,
    /// The client's part of a SASL exchange.
    SaslLine,
    /// The rest of the reply: these lines.
    Lines(Vec<String>),
    /// The rest of the reply: a line for every message.
    Listing(Listing),
    /// The rest of the reply: a message, perhaps only so many lines of its body.
    Message {
        /// The message.
        stored: Box<StoredMessage>,
        /// Lines of the body; all if not given.
        lines: Option<u64>,
    },
    /// The handshake.
    StartTls,
    /// Nothing.
    End,
}

enum State {
    /// Before the sign-in; `user` is the name that USER gave.
    Authorization {
        user: Option<String>,
    },
    Transaction(Box<Transaction>),
}

struct Transaction {
    principal: Principal,
    maildrop: Maildrop,
}

/// One client's session.
pub(crate) struct Session {
    service: Service,
    peer: Peer,
    offers_tls: bool,
    state: State,
    exchange: Option<SaslExchange>,
    /// Who proved itself, and has not seen our proof yet.
    proven: Option<Box<Principal>>,
    commands: u32,
    bad_commands: u32,
    failed_sign_ins: u32,
}

impl Step {
    fn line(reply: Reply) -> Self {
        Self::new(reply, Next::Line)
    }

    fn new(reply: Reply, next: Next) -> Self {
        Self { reply, next }
    }

    fn ok(text: impl Into<String>) -> Self {
        Self::line(Reply::ok(text))
    }

    /// The last word of the server.
    pub(crate) fn farewell(text: &str) -> Self {
        Self::new(Reply::err(text), Next::End)
    }
}

impl Session {
    /// A session with a client of whom nothing is known yet.
    pub(crate) fn new(service: Service, peer: Peer, offers_tls: bool) -> Self {
        Self {
            service,
            peer,
            offers_tls,
            state: State::Authorization { user: None },
            exchange: None,
            proven: None,
            commands: 0,
            bad_commands: 0,
            failed_sign_ins: 0,
        }
    }

    /// The client's facts, for the log.
    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Opens the session. No timestamp stands in it, since APOP is not offered.
    pub(crate) fn greet(&self) -> Step {
        Step::ok(format!("{} POP3", self.service.host_name()))
    }

    /// Carries out one command, or explains why not.
    pub(crate) async fn handle(&mut self, line: &[u8]) -> Step {
        let command = match parse::command(line) {
            Ok(command) => command,
            Err(err) => return self.bad_command(&err.into()),
        };
        if let Err(err) = self.permit(command.verb()) {
            return self.bad_command(&err);
        }
        if let State::Authorization { .. } = self.state {
            self.commands += 1;
            if self.commands > COMMANDS_BEFORE_SIGN_IN_MAX {
                return Step::farewell("too many commands without a sign-in");
            }
        }
        let outcome = self.obey(command).await;
        outcome.unwrap_or_else(|err| Step::line(err.reply()))
    }

    /// Which command is allowed when: the one table (RFC 1939 §4 to §6, RFC 2595 §4).
    fn permit(&self, verb: Verb) -> Result<(), Pop3Error> {
        let out_of_order = |when| Err(Pop3Error::OutOfOrder { verb, when });
        match (verb, &self.state) {
            (Verb::Capa | Verb::Quit, _) => Ok(()),
            (Verb::Stls, _) if self.peer.tls.is_some() => out_of_order("under TLS"),
            (Verb::Stls, State::Authorization { .. }) if self.offers_tls => Ok(()),
            (Verb::Stls, State::Authorization { .. }) => Err(Pop3Error::TlsNotOffered),
            (Verb::User | Verb::Pass | Verb::Auth, State::Authorization { .. })
                if !self.service.plain_sign_in_allowed(&self.peer) =>
            {
                Err(Pop3Error::NeedsTls)
            }
            (Verb::Pass, State::Authorization { user: None }) => out_of_order("before USER"),
            (Verb::User | Verb::Pass | Verb::Auth, State::Authorization { .. }) => Ok(()),
            (Verb::User | Verb::Pass | Verb::Auth | Verb::Stls, State::Transaction(_)) => {
                out_of_order("after the sign-in")
            }
            (_, State::Authorization { .. }) => out_of_order("before the sign-in"),
            (_, State::Transaction(_)) => Ok(()),
        }
    }

    /// Answers a line that was no command at this point.
    pub(crate) fn bad_command(&mut self, err: &Pop3Error) -> Step {
        self.exchange = None;
        if self.proven.is_some() {
            return Step::new(err.reply(), Next::End);
        }
        self.bad_commands += 1;
        if self.bad_commands < BAD_COMMANDS_MAX {
            Step::line(err.reply())
        } else {
            Step::farewell("too many errors")
        }
    }

    async fn obey(&mut self, command: Command) -> Result<Step, Pop3Error> {
        match command {
            Command::Capa => return Ok(self.capa()),
            Command::Stls => return Ok(Step::new(Reply::ok("go ahead"), Next::StartTls)),
            Command::Quit => return Ok(self.quit().await),
            Command::Auth { mechanism, initial } => {
                if mechanism == Mechanism::Login {
                    return Err(SyntaxError::UnknownMechanism.into());
                }
                let initial = initial.as_ref().map(Secret::expose);
                let step = self.service.sasl_start(&self.peer, mechanism, initial);
                let step = step.await;
                return Ok(self.sasl_step(step).await);
            }
            Command::User(name) => {
                self.state = State::Authorization { user: Some(name) };
                return Ok(Step::ok("send the password"));
            }
            Command::Pass(password) => return Ok(self.pass(password).await),
            _ => {}
        }
        let State::Transaction(transaction) = &mut self.state else {
            let verb = command.verb();
            let when = "before the sign-in";
            return Err(Pop3Error::OutOfOrder { verb, when });
        };
        transaction.obey(command, &self.service).await
    }

    /// What this server can do now (RFC 2449 §5).
    fn capa(&self) -> Step {
        let always = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING"];
        let mut lines: Vec<String> = always.map(str::to_owned).into();
        let mechanisms = self.service.sasl_mechanisms(&self.peer).into_iter();
        // LOGIN has commands of its own here.
        let mechanisms = mechanisms.filter(|mechanism| *mechanism != Mechanism::Login);
        let names: Vec<_> = mechanisms.map(Mechanism::name).collect();
        if !names.is_empty() {
            lines.push("USER".to_owned());
            lines.push(format!("SASL {}", names.join(" ")));
        }
        if self.permit(Verb::Stls).is_ok() {
            lines.push("STLS".to_owned());
        }
        Step::new(Reply::ok("this server can"), Next::Lines(lines))
    }

    async fn pass(&mut self, password: Secret) -> Step {
        let user = match &mut self.state {
            State::Authorization { user } => user.take(),
            State::Transaction(_) => None,
        };
        let Some(authcid) = user else {
            let verb = Verb::Pass;
            let when = "before USER";
            return self.bad_command(&Pop3Error::OutOfOrder { verb, when });
        };
        let principal = self.service.sign_in(&self.peer, &authcid, &password).await;
        match principal {
            Ok(principal) => self.signed_in(principal).await,
            Err(err) => self.failed_sign_in(&SaslRefusal::from(err).into()),
        }
    }

    /// Takes the client's line of a SASL exchange.
    pub(crate) async fn sasl_line(&mut self, line: &[u8]) -> Step {
        let Some(exchange) = self.exchange.take() else {
            return self.bad_command(&SyntaxError::UnknownVerb.into());
        };
        let step = self.service.sasl_respond(&self.peer, exchange, line);
        let step = step.await;
        self.sasl_step(step).await
    }

    async fn sasl_step(&mut self, step: Result<SaslStep, SaslRefusal>) -> Step {
        match step {
            Ok(SaslStep::Challenge(exchange)) => self.challenge(exchange),
            Ok(SaslStep::Proven(principal, exchange)) => {
                self.proven = Some(principal);
                self.challenge(exchange)
            }
            Ok(SaslStep::SignedIn(principal)) => self.signed_in(*principal).await,
            Ok(SaslStep::Confirmed) => match self.proven.take() {
                Some(principal) => self.signed_in(*principal).await,
                None => self.bad_command(&SyntaxError::UnknownVerb.into()),
            },
            // The client had proved itself, and did not take our proof: it must not go on.
            Err(err) if self.proven.is_some() => Step::new(Pop3Error::from(err).reply(), Next::End),
            Err(err) => self.failed_sign_in(&err.into()),
        }
    }

    fn challenge(&mut self, exchange: SaslExchange) -> Step {
        let reply = Reply::Challenge(exchange.challenge());
        self.exchange = Some(exchange);
        Step::new(reply, Next::SaslLine)
    }

    async fn signed_in(&mut self, principal: Principal) -> Step {
        match self.open_maildrop(principal).await {
            Ok(transaction) => {
                let (count, octets) = transaction.maildrop.stat();
                self.state = State::Transaction(Box::new(transaction));
                let text = format!("{count} messages, {octets} octets");
                Step::new(Reply::ok(text), Next::LineSignedIn)
            }
            Err(err) => self.failed_sign_in(&err),
        }
    }

    async fn open_maildrop(&self, principal: Principal) -> Result<Transaction, Pop3Error> {
        let service = &self.service;
        let opened = async {
            let lock = match service.maildrop_lock(&principal) {
                Err(ServiceError::Busy) => return Err(Pop3Error::InUse),
                lock => lock?,
            };
            let inbox = service
                .mailbox_open(&principal, &MailboxName::inbox())
                .await?;
            Ok(Maildrop::new(&inbox, lock))
        };
        match opened.await {
            Ok(maildrop) => Ok(Transaction {
                principal,
                maildrop,
            }),
            Err(err) => {
                service.sign_out(&principal).await;
                Err(err)
            }
        }
    }

    fn failed_sign_in(&mut self, err: &Pop3Error) -> Step {
        self.failed_sign_ins += 1;
        if self.failed_sign_ins < FAILED_SIGN_INS_MAX {
            Step::line(err.reply())
        } else {
            Step::new(err.reply(), Next::End)
        }
    }

    /// Ends the session; this is the only place where messages leave the maildrop. The maildrop
    /// is free again before the client hears the answer, so that it may come back at once.
    async fn quit(&mut self) -> Step {
        let farewell = Step::new(Reply::ok("goodbye"), Next::End);
        let fresh = State::Authorization { user: None };
        let State::Transaction(transaction) = mem::replace(&mut self.state, fresh) else {
            return farewell;
        };
        let Transaction {
            principal,
            maildrop,
        } = *transaction;
        let deleted = maildrop.deleted();
        let mut expunged = Ok(());
        if !deleted.is_empty() {
            let gone = self
                .service
                .expunge(&principal, maildrop.mailbox, &deleted)
                .await;
            expunged = gone.map(|gone| {
                let count = gone.len();
                info!(session.id = %self.peer.session, messages = count, "{count} messages deleted");
            });
        }
        self.service.sign_out(&principal).await;
        match expunged {
            Ok(()) => farewell,
            Err(_) => Step::farewell("some deleted messages were not removed"),
        }
    }

    /// The lines of a listing for the next numbers of `numbers`, at most `max` of them.
    pub(crate) fn listed(&self, listing: Listing, numbers: &[MessageNumber]) -> Vec<u8> {
        let State::Transaction(transaction) = &self.state else {
            return Vec::new();
        };
        let lines = numbers
            .iter()
            .filter_map(|number| transaction.maildrop.listed(listing, *number));
        lines
            .flat_map(|line| format!("{line}\r\n").into_bytes())
            .collect()
    }

    /// The numbers that a listing goes through.
    pub(crate) fn numbers(&self) -> Vec<MessageNumber> {
        match &self.state {
            State::Transaction(transaction) => transaction.maildrop.numbers().collect(),
            State::Authorization { .. } => Vec::new(),
        }
    }

    /// TLS is on: the client starts anew, and nothing it said before counts (RFC 2595 §4).
    pub(crate) fn secured(&mut self, tls: Option<TlsInfo>) {
        self.peer.tls = tls;
        self.state = State::Authorization { user: None };
    }

    /// Ends the session; marks that QUIT did not confirm are forgotten (RFC 1939 §6).
    pub(crate) async fn end(self) {
        let signed_in = match &self.state {
            State::Transaction(transaction) => Some(&transaction.principal),
            State::Authorization { .. } => self.proven.as_deref(),
        };
        if let Some(principal) = signed_in {
            self.service.sign_out(principal).await;
        }
        let end = match signed_in {
            Some(_) => SessionEnd::Useful,
            None if self.bad_commands >= BAD_COMMANDS_MAX => SessionEnd::Abuse,
            None => SessionEnd::Plain,
        };
        self.service.session_ended(self.peer(), end).await;
    }
}

impl Transaction {
    async fn obey(&mut self, command: Command, service: &Service) -> Result<Step, Pop3Error> {
        let maildrop = &mut self.maildrop;
        match command {
            Command::Stat => {
                let (count, octets) = maildrop.stat();
                Ok(Step::ok(format!("{count} {octets}")))
            }
            Command::List(number) => self.list(Listing::Sizes, number),
            Command::Uidl(number) => self.list(Listing::UniqueIds, number),
            Command::Retr(number) => self.retrieve(service, number, None).await,
            Command::Top { number, lines } => self.retrieve(service, number, Some(lines)).await,
            Command::Dele(number) => {
                if !maildrop.delete(number) {
                    return Err(Pop3Error::NoSuchMessage);
                }
                Ok(Step::ok(format!("message {number} marked as deleted")))
            }
            Command::Rset => {
                maildrop.undelete_all();
                Ok(Step::ok("nothing is marked as deleted"))
            }
            _ => Ok(Step::ok("nothing done")),
        }
    }

    fn list(&self, listing: Listing, number: Option<MessageNumber>) -> Result<Step, Pop3Error> {
        match number {
            None => Ok(Step::new(Reply::ok("list follows"), Next::Listing(listing))),
            Some(number) => {
                let line = self.maildrop.listed(listing, number);
                line.map(Step::ok).ok_or(Pop3Error::NoSuchMessage)
            }
        }
    }

    async fn retrieve(
        &self,
        service: &Service,
        number: MessageNumber,
        lines: Option<u64>,
    ) -> Result<Step, Pop3Error> {
        let message = self.maildrop.message(number);
        let message = message.ok_or(Pop3Error::NoSuchMessage)?;
        let stored = service.message_open(&self.principal, message.email).await?;
        if lines != Some(0) {
            service.bodies_given(&self.principal, self.maildrop.mailbox, &[message.uid]);
        }
        let text = format!("{} octets", message.size_octets);
        let stored = Box::new(stored);
        Ok(Step::new(Reply::ok(text), Next::Message { stored, lines }))
    }
}
