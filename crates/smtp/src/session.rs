//! One client's session: its state, and what each command does. Knows no sockets.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use net::TlsInfo;
use service::{
    AcceptError, Peer, Protocol, RecipientError, RecipientRefusal, SaslExchange, SaslRefusal,
    SaslStep, Service, SessionEnd, SmtpClient, Wishes,
};
use tracing::info;
use types::{Address, DsnRecipient, ReversePath, Secret, Status};
use wire::sasl::Mechanism;
use wire::smtp::parse::{self, SyntaxError};
use wire::smtp::{ChunkReader, Command, ForwardPath, HeloName, MailParams, Reply, Verb};

use crate::error::SmtpError;
use crate::intake::{DISCARD_MAX_OCTETS, Ending, Intake};
use crate::patience::{Patience, Verdict};
use crate::phase::{Phase, SignIn, Standing, Tls};
use crate::transaction::{Incoming, Transaction};

/// What the connection is to do: wait, say the reply, then turn to what comes next.
pub(crate) struct Step {
    /// Time to wait before the reply.
    pub(crate) delay: Duration,
    /// What to say before the reply: one reply for each recipient (draft-hall-prdr-00).
    pub(crate) before: Vec<Reply>,
    /// What to say.
    pub(crate) reply: Reply,
    /// What comes next.
    pub(crate) next: Next,
}

/// The kind of input that is wanted after a reply.
pub(crate) enum Next {
    /// A command.
    Line,
    /// A command; the client has just signed in.
    LineSignedIn,
    /// The client's part of a SASL exchange.
    SaslLine,
    /// The content of a message, dots stuffed.
    Data(Box<Incoming>),
    /// The handshake.
    StartTls,
    /// Nothing.
    End,
}

/// What a command line asks for: most are answered at once, a chunk is read first.
pub(crate) enum Heard {
    /// Answer.
    Step(Step),
    /// Read so many octets into the message, then call [`Session::chunk_received`].
    Chunk {
        /// The message.
        incoming: Box<Incoming>,
        /// Octets of the chunk.
        octets: u64,
        /// Whether the message ends with it.
        last: bool,
    },
    /// Throw so many octets away, then answer.
    Discard {
        /// Octets of the chunk.
        octets: u64,
        /// The answer.
        then: Step,
    },
}

enum State {
    Fresh,
    Ready,
    Open(Transaction),
    Chunks(Box<Incoming>),
}

/// One client's session.
pub(crate) struct Session {
    service: Service,
    client: SmtpClient,
    offers_tls: bool,
    state: State,
    exchange: Option<SaslExchange>,
    patience: Patience,
}

impl Step {
    fn new(reply: Reply, next: Next) -> Self {
        Self {
            delay: Duration::ZERO,
            before: Vec::new(),
            reply,
            next,
        }
    }

    fn line(reply: Reply) -> Self {
        Self::new(reply, Next::Line)
    }

    /// The last word of the server (RFC 5321 §4.2.3, 421).
    pub(crate) fn farewell(subject: u16, detail: u16, text: &str) -> Self {
        Self::new(
            Reply::new(421, Status::new(4, subject, detail), text),
            Next::End,
        )
    }
}

impl Session {
    /// A session with a client of whom nothing is known yet.
    pub(crate) fn new(service: Service, peer: Peer, offers_tls: bool) -> Self {
        Self {
            service,
            client: SmtpClient {
                peer,
                helo: String::new(),
                esmtp: false,
                principal: None,
            },
            offers_tls,
            state: State::Fresh,
            exchange: None,
            patience: Patience::default(),
        }
    }

    /// The client's facts, for the log.
    pub(crate) fn peer(&self) -> &Peer {
        &self.client.peer
    }

    /// Opens the session.
    pub(crate) fn greet(&self) -> Step {
        let text = format!("{} ESMTP", self.service.host_name());
        Step::line(Reply::plain(220, text))
    }

    /// Carries out one command, or explains in SMTP words why not.
    pub(crate) async fn handle(&mut self, line: &[u8]) -> Heard {
        let command = match parse::command(line) {
            Ok(command) => command,
            // Without a length nobody can say where the chunk ends and the next command begins.
            Err(err @ SyntaxError::Arguments(Verb::Bdat)) => {
                return Heard::Step(Step::new(SmtpError::from(err).reply(), Next::End));
            }
            Err(err) => return Heard::Step(self.bad_command(&err.into())),
        };
        if let Err(err) = self.standing().permit(command.verb()) {
            return self.not_permitted(&command, &err);
        }
        if let Command::Bdat { octets, last } = command {
            return self.bdat(octets, last);
        }
        let outcome = self.obey(command).await;
        Heard::Step(outcome.unwrap_or_else(|err| Step::line(err.reply())))
    }

    fn standing(&self) -> Standing {
        let peer = &self.client.peer;
        Standing {
            phase: match &self.state {
                State::Fresh => Phase::Fresh,
                State::Ready => Phase::Ready,
                State::Open(transaction) if transaction.is_without_recipients() => Phase::Mail,
                State::Open(_) => Phase::Rcpt,
                State::Chunks(_) => Phase::Chunks,
            },
            tls: match &peer.tls {
                Some(_) => Tls::On,
                None if self.offers_tls => Tls::Offered,
                None => Tls::Absent,
            },
            sign_in: if peer.protocol != Protocol::Submission {
                SignIn::NotOffered
            } else if self.client.principal.is_some() {
                SignIn::Done
            } else if self.service.plain_sign_in_allowed(peer) {
                SignIn::Needed
            } else {
                SignIn::NeedsTls
            },
        }
    }

    /// Refuses a command that stands at a wrong place; a chunk behind it is thrown away.
    fn not_permitted(&mut self, command: &Command, err: &SmtpError) -> Heard {
        match command {
            // After a refused chunk its pipelined successors are no fault of the client's.
            Command::Bdat { octets, .. } => skip_chunk(*octets, self.idle(err.reply())),
            _ => Heard::Step(self.bad_command(err)),
        }
    }

    /// Answers a line that was no command at this point.
    pub(crate) fn bad_command(&mut self, err: &SmtpError) -> Step {
        // Who proved itself and then says what is no answer to our proof must not go on.
        let is_unconfirmed = self.exchange.take().is_some() && self.client.principal.is_some();
        match self.patience.bad_command() {
            Verdict::GoOn(_) if is_unconfirmed => Step::new(err.reply(), Next::End),
            Verdict::GoOn(_) => Step::line(err.reply()),
            Verdict::Enough => Step::farewell(7, 0, "too many errors"),
        }
    }

    async fn obey(&mut self, command: Command) -> Result<Step, SmtpError> {
        let ok = |text: &str| Reply::new(250, Status::new(2, 0, 0), text);
        match command {
            Command::Mail {
                reverse_path,
                params,
            } => self.mail(reverse_path, params).await,
            Command::Rcpt {
                forward_path,
                internationalized,
                dsn,
            } => self.rcpt(forward_path, internationalized, dsn).await,
            Command::Data => self.data(),
            Command::Auth { mechanism, initial } => self.auth(mechanism, initial).await,
            Command::Quit => Ok(Step::new(
                Reply::new(221, Status::new(2, 0, 0), "goodbye"),
                Next::End,
            )),
            Command::StartTls => Ok(Step::new(
                Reply::new(220, Status::new(2, 0, 0), "go ahead"),
                Next::StartTls,
            )),
            Command::Ehlo(name) => Ok(self.ehlo(&name)),
            Command::Helo(name) => {
                self.greeted(&name, false);
                Ok(self.idle(Reply::plain(250, self.service.host_name())))
            }
            Command::Rset => {
                self.reset();
                Ok(self.idle(ok("reset")))
            }
            Command::Noop => Ok(self.idle(ok("nothing done"))),
            Command::Help => Ok(self.idle(Reply::new(
                214,
                Status::new(2, 0, 0),
                "this server follows RFC 5321",
            ))),
            Command::Vrfy => Ok(self.idle(Reply::new(
                252,
                Status::new(2, 5, 0),
                "send mail to find out",
            ))),
            // Refused or carried out before: the table never permits EXPN, a chunk is read first.
            Command::Expn | Command::Bdat { .. } => Err(SmtpError::NotOffered(command.verb())),
        }
    }

    /// Answers a command that carries no mail; there may be only so many.
    fn idle(&mut self, reply: Reply) -> Step {
        match self.patience.idle_command() {
            Verdict::GoOn(_) => Step::line(reply),
            Verdict::Enough => Step::farewell(7, 0, "too many commands without mail"),
        }
    }

    fn ehlo(&mut self, name: &HeloName) -> Step {
        self.greeted(name, true);
        let standing = self.standing();
        let size = format!("SIZE {}", self.message_size_max_octets());
        let mut reply = Reply::plain(250, self.service.host_name())
            .and("PIPELINING")
            .and(size)
            .and("8BITMIME")
            .and("SMTPUTF8");
        if standing.tls == Tls::Offered {
            reply = reply.and("STARTTLS");
        }
        for keyword in ["ENHANCEDSTATUSCODES", "CHUNKING", "DSN", "PRDR"] {
            reply = reply.and(keyword);
        }
        if standing.tls == Tls::On {
            reply = reply.and("REQUIRETLS");
        }
        if matches!(standing.sign_in, SignIn::Needed | SignIn::Done) {
            let names = self.service.sasl_mechanisms(self.peer()).into_iter();
            let names: Vec<_> = names.map(Mechanism::name).collect();
            reply = reply.and(format!("AUTH {}", names.join(" ")));
        }
        self.idle(reply.and("HELP"))
    }

    fn greeted(&mut self, name: &HeloName, esmtp: bool) {
        name.as_str().clone_into(&mut self.client.helo);
        self.client.esmtp = esmtp;
        self.state = State::Ready;
    }

    /// Drops the transaction, if there is one.
    fn reset(&mut self) {
        if !matches!(self.state, State::Fresh) {
            self.state = State::Ready;
        }
    }

    fn message_size_max_octets(&self) -> u64 {
        self.service.config().settings().message_size_max_octets
    }

    async fn mail(
        &mut self,
        reverse_path: ReversePath,
        params: MailParams,
    ) -> Result<Step, SmtpError> {
        let max_octets = self.message_size_max_octets();
        if params.size_octets.is_some_and(|octets| octets > max_octets) {
            return Err(SmtpError::TooLarge { max_octets });
        }
        if params.require_tls && self.peer().tls.is_none() {
            return Err(SmtpError::NeedsTlsToRequireIt);
        }
        self.service
            .sender_check(&self.client, &reverse_path)
            .await?;
        let wishes = Wishes {
            declared_octets: params.size_octets,
            smtp_utf8: params.smtputf8,
            dsn: params.dsn,
            require_tls: params.require_tls,
            per_recipient: params.prdr,
        };
        self.state = State::Open(Transaction::new(reverse_path, wishes));
        let status = Status::new(2, 1, 0);
        Ok(Step::line(Reply::new(250, status, "sender accepted")))
    }

    async fn rcpt(
        &mut self,
        forward_path: ForwardPath,
        internationalized: bool,
        dsn: DsnRecipient,
    ) -> Result<Step, SmtpError> {
        let recipients_max = self.service.config().settings().recipients_max;
        let State::Open(transaction) = &mut self.state else {
            return Err(SmtpError::NoRecipients);
        };
        if transaction.accepted() >= recipients_max {
            return Err(SmtpError::TooManyRecipients);
        }
        if internationalized && !transaction.wishes.smtp_utf8 {
            return Err(SmtpError::NeedsSmtpUtf8);
        }
        let recipient = match forward_path {
            ForwardPath::Address(address) => Some(address),
            ForwardPath::Postmaster => self.service.postmaster(),
        };
        let Some(recipient) = recipient else {
            return Err(RecipientError::NoSuchMailbox.into());
        };
        let checked = self.service.recipient_check(
            &self.client,
            &transaction.reverse_path,
            &recipient,
            &transaction.wishes,
        );
        if let Err(err) = checked.await {
            return self.refused_recipient(&recipient, err);
        }
        transaction.add(recipient, dsn);
        let status = Status::new(2, 1, 5);
        Ok(Step::line(Reply::new(250, status, "recipient accepted")))
    }

    /// Refusals for good are slow and few, so that addresses cannot be found by guessing.
    fn refused_recipient(
        &mut self,
        recipient: &Address,
        err: RecipientError,
    ) -> Result<Step, SmtpError> {
        let peer = self.peer();
        let source = peer.source();
        info!(
            session.id = %peer.session, %source, rcpt = %recipient, reason = %err,
            "refused {recipient} from {source}: {err}"
        );
        let guessed = matches!(
            err,
            RecipientError::NoSuchMailbox | RecipientError::RelayDenied | RecipientError::Disabled
        );
        let err = SmtpError::from(err);
        if !guessed {
            return Err(err);
        }
        let by_source = self.service.recipient_refused(&self.client);
        match self.patience.refused_recipient(by_source) {
            Verdict::GoOn(delay) => Ok(Step {
                delay,
                ..Step::line(err.reply())
            }),
            Verdict::Enough => Ok(Step::farewell(7, 0, "too many refused recipients")),
        }
    }

    /// Takes the transaction out of the session, to be filled with content.
    fn take_transaction(&mut self) -> Option<Box<Incoming>> {
        match mem::replace(&mut self.state, State::Ready) {
            State::Open(transaction) => {
                let max_octets = self.message_size_max_octets();
                Some(Box::new(Incoming {
                    transaction,
                    intake: Intake::new(&self.service, max_octets),
                    chunks: ChunkReader::new(max_octets),
                }))
            }
            State::Chunks(incoming) => Some(incoming),
            State::Fresh | State::Ready => None,
        }
    }

    fn data(&mut self) -> Result<Step, SmtpError> {
        let incoming = self.take_transaction().ok_or(SmtpError::NoRecipients)?;
        let reply = Reply::plain(354, "send the message, end with CRLF.CRLF");
        Ok(Step::new(reply, Next::Data(incoming)))
    }

    fn bdat(&mut self, octets: u64, last: bool) -> Heard {
        let max_octets = self.message_size_max_octets();
        match self.take_transaction() {
            Some(incoming) if octets <= max_octets.saturating_add(DISCARD_MAX_OCTETS) => {
                Heard::Chunk {
                    incoming,
                    octets,
                    last,
                }
            }
            Some(_) => skip_chunk(
                octets,
                Step::line(SmtpError::TooLarge { max_octets }.reply()),
            ),
            None => skip_chunk(octets, Step::line(SmtpError::NoRecipients.reply())),
        }
    }

    /// Settles a message whose content after DATA has been read.
    pub(crate) async fn data_received(&mut self, incoming: Box<Incoming>, ending: Ending) -> Step {
        let mut step = self.settle(incoming).await;
        if ending == Ending::Abandoned {
            step.next = Next::End;
        }
        step
    }

    /// Goes on after a chunk was read: a fault ends the transaction (RFC 3030 §2).
    pub(crate) async fn chunk_received(
        &mut self,
        mut incoming: Box<Incoming>,
        octets: u64,
        last: bool,
    ) -> Step {
        if last {
            let Incoming { intake, chunks, .. } = &mut *incoming;
            intake.end_chunks(chunks);
            return self.settle(incoming).await;
        }
        if let Some(refusal) = incoming.intake.take_refusal() {
            return Step::line(refusal.reply());
        }
        self.state = State::Chunks(incoming);
        let text = format!("{octets} octets received");
        Step::line(Reply::new(250, Status::new(2, 0, 0), text))
    }

    async fn settle(&mut self, incoming: Box<Incoming>) -> Step {
        match self.accept(*incoming).await {
            Ok(step) => {
                self.patience.message_accepted();
                step
            }
            Err(err) => {
                info!(session.id = %self.peer().session, reason = %err, "message refused: {err}");
                Step::line(err.reply())
            }
        }
    }

    async fn accept(&self, incoming: Incoming) -> Result<Step, SmtpError> {
        let body = incoming.intake.finish()?;
        let (envelope, places) = incoming.transaction.envelope(self.client.clone());
        let per_recipient = envelope.wishes.per_recipient;
        let accepted = self.service.accept(envelope, body).await?;
        let text = format!("queued as {}", accepted.id);
        let mut step = Step::line(Reply::new(250, Status::new(2, 0, 0), text));
        if per_recipient {
            let refused = |place| accepted.refused.get(place);
            let replies = places.iter().map(|place| recipient_reply(refused(place)));
            let begin = Reply::plain(353, "a reply for each recipient follows");
            step.before = std::iter::once(begin).chain(replies).collect();
        }
        Ok(step)
    }

    async fn auth(
        &mut self,
        mechanism: Mechanism,
        initial: Option<Secret>,
    ) -> Result<Step, SmtpError> {
        let initial = initial.as_ref().map(Secret::expose);
        let step = self.service.sasl_start(self.peer(), mechanism, initial);
        let step = step.await;
        Ok(self.sasl_step(step))
    }

    /// Takes the client's line of a SASL exchange.
    pub(crate) async fn sasl_line(&mut self, line: &[u8]) -> Step {
        let Some(exchange) = self.exchange.take() else {
            return self.bad_command(&SyntaxError::UnknownVerb.into());
        };
        let step = self.service.sasl_respond(self.peer(), exchange, line);
        let step = step.await;
        self.sasl_step(step)
    }

    fn sasl_step(&mut self, step: Result<SaslStep, SaslRefusal>) -> Step {
        match step {
            Ok(SaslStep::Challenge(exchange)) => self.challenge(exchange),
            Ok(SaslStep::Proven(principal, exchange)) => {
                self.client.principal = Some(Arc::from(principal));
                self.challenge(exchange)
            }
            Ok(SaslStep::SignedIn(principal)) => {
                self.client.principal = Some(Arc::from(principal));
                signed_in()
            }
            Ok(SaslStep::Confirmed) => signed_in(),
            // The client had proved itself, and did not take our proof: it must not go on.
            Err(err) if self.client.principal.is_some() => {
                Step::new(SmtpError::from(err).reply(), Next::End)
            }
            Err(err) => self.failed_sign_in(&err.into()),
        }
    }

    fn challenge(&mut self, exchange: SaslExchange) -> Step {
        let reply = Reply::plain(334, exchange.challenge());
        self.exchange = Some(exchange);
        Step::new(reply, Next::SaslLine)
    }

    fn failed_sign_in(&mut self, err: &SmtpError) -> Step {
        match self.patience.failed_sign_in() {
            Verdict::GoOn(_) => Step::line(err.reply()),
            Verdict::Enough => Step::new(err.reply(), Next::End),
        }
    }

    /// TLS is on: the client starts anew, and nothing it said before counts (RFC 3207 §4.2).
    pub(crate) fn secured(&mut self, tls: Option<TlsInfo>) {
        self.client.peer.tls = tls;
        self.client.helo.clear();
        self.client.esmtp = false;
        self.state = State::Fresh;
    }

    /// Ends the session.
    pub(crate) async fn end(self) {
        let end = match &self.client.principal {
            Some(principal) => {
                self.service.sign_out(principal).await;
                SessionEnd::Useful
            }
            None => self.patience.told(),
        };
        self.service.session_ended(self.peer(), end).await;
    }
}

fn signed_in() -> Step {
    let reply = Reply::new(235, Status::new(2, 7, 0), "signed in");
    Step::new(reply, Next::LineSignedIn)
}

/// What becomes of the message for one recipient (draft-hall-prdr-00 §4.5).
fn recipient_reply(refusal: Option<&RecipientRefusal>) -> Reply {
    match refusal {
        Some(RecipientRefusal::Full) => SmtpError::from(RecipientError::OverQuota).reply(),
        Some(RecipientRefusal::Rejected(reason)) => {
            SmtpError::from(AcceptError::Rejected(reason.clone())).reply()
        }
        None => Reply::new(250, Status::new(2, 1, 5), "delivered"),
    }
}

/// Throws a chunk away; one that is beyond all bounds ends the session instead.
fn skip_chunk(octets: u64, mut then: Step) -> Heard {
    if octets > DISCARD_MAX_OCTETS {
        then.next = Next::End;
        return Heard::Step(then);
    }
    Heard::Discard { octets, then }
}
