//! State of one client, what it may do in it, and the way to the handlers.

use std::sync::Arc;

use net::ConnError;
use service::{Peer, Principal, SaslExchange, Service, SessionEnd};
use tracing::debug;
use wire::imap::{Code, Command, Condition, Numbering, Spelling, SyntaxError, Tag, Tagged};

use crate::enabled::{Enabled, Tracking};
use crate::error::ImapError;
use crate::limits::{
    BAD_COMMANDS_BEFORE_LOGIN_MAX, BAD_COMMANDS_MAX, COMMANDS_BEFORE_LOGIN_MAX, SIGN_INS_FAILED_MAX,
};
use crate::output::Output;
use crate::rev2::is_dropped;
use crate::selected::{Applied, Selected, Tell};
use crate::tracking::asks_modseq;

/// What the connection does next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Reads a command.
    Command,
    /// Makes the TLS handshake, then reads a command.
    StartTls,
    /// Compresses both directions, then reads a command.
    Compress,
    /// Reads the client's response of a SASL exchange.
    Sasl(Tag, Box<SaslExchange>),
    /// Waits for news and for `DONE`.
    Idle(Tag),
    /// Says no more.
    End,
}

/// A command that was carried out.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<Code>,
    pub(crate) text: &'static str,
}

impl Done {
    /// Without a code.
    pub(crate) fn plain(text: &'static str) -> Self {
        Self { code: None, text }
    }

    /// With a code.
    pub(crate) fn coded(code: Code, text: &'static str) -> Self {
        let code = Some(code);
        Self { code, text }
    }
}

/// States of a connection (RFC 9051 §3). Logout is its end.
enum State {
    NotAuthenticated,
    Authenticated(Arc<Principal>),
    Selected(Arc<Principal>, Box<Selected>),
}

/// In which states a command is allowed (RFC 9051 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Allowed {
    Always,
    NotAuthenticated,
    /// Also with a mailbox selected.
    Authenticated,
    Selected,
}

/// One client.
pub(crate) struct Session {
    pub(crate) service: Service,
    pub(crate) peer: Peer,
    pub(crate) can_start_tls: bool,
    pub(crate) enabled: Enabled,
    pub(crate) compresses: bool,
    /// The structure of the message that was looked into last.
    pub(crate) parsed: Option<crate::cmd::Parsed>,
    state: State,
    commands: u32,
    bad_commands: u32,
    failed_sign_ins: u32,
}

impl Session {
    /// A session at the start of its connection.
    pub(crate) fn new(service: Service, peer: Peer, can_start_tls: bool) -> Self {
        Self {
            service,
            peer,
            can_start_tls,
            enabled: Enabled::default(),
            compresses: false,
            parsed: None,
            state: State::NotAuthenticated,
            commands: 0,
            bad_commands: 0,
            failed_sign_ins: 0,
        }
    }

    /// Whether the client has signed in.
    pub(crate) fn is_authenticated(&self) -> bool {
        !matches!(self.state, State::NotAuthenticated)
    }

    /// How mailbox names are spelled, both ways.
    pub(crate) fn spelling(&self) -> Spelling {
        self.enabled.spelling()
    }

    /// Says what a client hears first (RFC 9051 §7.1.1).
    pub(crate) fn greet(&self, out: &mut Output<'_>) {
        let code = Code::Capability(self.capabilities());
        let responses = &mut out.responses;
        responses.untagged(Condition::Ok, Some(&code), "ready for IMAP");
    }

    /// Carries out one command, or says why not.
    pub(crate) async fn handle(
        &mut self,
        parsed: Result<Tagged, SyntaxError>,
        out: &mut Output<'_>,
    ) -> Result<Next, ConnError> {
        self.commands = self.commands.saturating_add(1);
        if !self.is_authenticated() && self.commands > COMMANDS_BEFORE_LOGIN_MAX {
            return Ok(farewell(out, "too many commands before sign-in"));
        }
        let Tagged { tag, command } = match parsed {
            Ok(tagged) => tagged,
            Err(err) => {
                return Ok(self.refuse(err.tag.as_ref(), &ImapError::Syntax(err.kind), out));
            }
        };
        debug!(session.id = %self.peer.session, "command {}", command.name());
        self.service.metrics().imap_command(command.name());
        if let Err(err) = self.permit(&command) {
            return Ok(self.refuse(Some(&tag), &err, out));
        }
        if !self.tell(Tell::KeepNumbers, out).await {
            return Ok(farewell(out, "the selected mailbox is no longer there"));
        }
        if self.enabled.tracking == Tracking::Off && asks_modseq(&command) {
            self.enabled.tracking = Tracking::Condstore;
            self.tracking_begins(out);
        }
        match command {
            Command::Logout => {
                out.responses.untagged(Condition::Bye, None, "good-bye");
                out.responses
                    .tagged(&tag, Condition::Ok, None, "signed out");
                Ok(Next::End)
            }
            Command::StartTls => Ok(self.start_tls(&tag, out)),
            Command::Compress(mechanism) => Ok(self.compress(&tag, &mechanism, out)),
            Command::Idle => {
                out.responses.continuation("idling");
                Ok(Next::Idle(tag))
            }
            Command::Authenticate { mechanism, initial } => {
                let step = self.authenticate(&mechanism, initial.as_ref()).await;
                self.sasl_step(tag, step, out).await
            }
            command => {
                let how = news_after(&command);
                let outcome = self.obey(&tag, command, out).await;
                self.finish(&tag, outcome, how, out).await
            }
        }
    }

    /// Order and permission, before any handler runs.
    fn permit(&self, command: &Command) -> Result<(), ImapError> {
        if self.enabled.rev2 && is_dropped(command) {
            return Err(ImapError::NotNow("in IMAP4rev2"));
        }
        match (allowed(command), &self.state) {
            (Allowed::Always, _)
            | (Allowed::NotAuthenticated, State::NotAuthenticated)
            | (Allowed::Authenticated, State::Authenticated(_) | State::Selected(..))
            | (Allowed::Selected, State::Selected(..)) => Ok(()),
            (Allowed::NotAuthenticated, _) => Err(ImapError::NotNow("after sign-in")),
            (_, State::NotAuthenticated) => Err(ImapError::NotNow("before sign-in")),
            _ => Err(ImapError::NotNow("before a mailbox is selected")),
        }
    }

    async fn obey(
        &mut self,
        tag: &Tag,
        command: Command,
        out: &mut Output<'_>,
    ) -> Result<Done, ImapError> {
        match command {
            Command::Capability => Ok(self.capability(out)),
            Command::Noop => Ok(Done::plain("nothing done")),
            Command::Check => Ok(Done::plain("all is on disk")),
            Command::Id(fields) => Ok(self.id(&fields, out)),
            Command::Enable(names) => Ok(self.enable(&names, out)),
            Command::Namespace => Ok(namespace(out)),
            Command::Login { user, password } => self.login(&user, &password).await,
            Command::Select(request) => self.select(&request, false, out).await,
            Command::Examine(request) => self.select(&request, true, out).await,
            Command::Create {
                mailbox,
                special_use,
            } => self.create(&mailbox, special_use).await,
            Command::Delete(name) => self.delete(&name).await,
            Command::Rename { from, to } => self.rename(&from, &to, out).await,
            Command::Subscribe(name) => self.subscribe(&name, true).await,
            Command::Unsubscribe(name) => self.subscribe(&name, false).await,
            Command::List(request) => self.list(&request, out).await,
            Command::Lsub(pattern) => self.lsub(&pattern, out).await,
            Command::Status { mailbox, items } => self.status(&mailbox, &items, out).await,
            Command::GetQuota(root) => self.get_quota(&root, out).await,
            Command::GetQuotaRoot(mailbox) => self.get_quota_root(&mailbox, out).await,
            Command::SetQuota(_) => Err(ImapError::QuotaIsGiven),
            Command::Close => self.close_mailbox(out).await,
            Command::Unselect => self.unselect(),
            Command::Expunge => self.expunge(None).await,
            Command::UidExpunge(set) => self.expunge(Some(&set)).await,
            Command::Search(by, request) => self.search(tag, by, &request, out).await,
            Command::Fetch {
                by,
                set,
                items,
                modifiers,
            } => self.fetch(by, &set, items, modifiers, out).await,
            Command::Store(request) => self.store(&request, out).await,
            Command::Copy { by, set, mailbox } => self.copy(by, &set, &mailbox).await,
            Command::Move { by, set, mailbox } => self.move_to(by, &set, &mailbox, out).await,
            // The caller keeps these: they change what the connection does next.
            Command::Logout
            | Command::StartTls
            | Command::Compress(_)
            | Command::Idle
            | Command::Authenticate { .. }
            | Command::Append(_) => Err(ImapError::NotNow("here")),
        }
    }

    /// Tells the news and the outcome.
    pub(crate) async fn finish(
        &mut self,
        tag: &Tag,
        outcome: Result<Done, ImapError>,
        how: Tell,
        out: &mut Output<'_>,
    ) -> Result<Next, ConnError> {
        if let Err(ImapError::Conn(err)) = outcome {
            return Err(err);
        }
        let mailbox_lives = self.tell(how, out).await;
        let mut withheld = self.withheld();
        let outcome = outcome.map(|done| Done {
            code: done.code.or_else(|| withheld.take()),
            ..done
        });
        if withheld.is_some() {
            let text = "all changes up to this are told";
            out.responses
                .untagged(Condition::Ok, withheld.as_ref(), text);
        }
        let next = match outcome {
            Ok(done) => {
                self.bad_commands = 0;
                debug!(session.id = %self.peer.session, "answer OK");
                let Done { code, text } = done;
                out.responses
                    .tagged(tag, Condition::Ok, code.as_ref(), text);
                Next::Command
            }
            Err(err) => self.refuse(Some(tag), &err, out),
        };
        if mailbox_lives {
            Ok(next)
        } else {
            Ok(farewell(out, "the selected mailbox is no longer there"))
        }
    }

    /// Says why a command was not carried out, and ends the session of a client that does not stop.
    pub(crate) fn refuse(
        &mut self,
        tag: Option<&Tag>,
        err: &ImapError,
        out: &mut Output<'_>,
    ) -> Next {
        let (condition, code) = err.answer();
        debug!(session.id = %self.peer.session, "answer {condition:?}");
        let text = err.to_string();
        match tag {
            Some(tag) => out.responses.tagged(tag, condition, code.as_ref(), &text),
            None => out.responses.untagged(condition, code.as_ref(), &text),
        }
        if err.is_bad() {
            self.bad_commands = self.bad_commands.saturating_add(1);
        }
        if matches!(err, ImapError::SignIn(_)) {
            self.failed_sign_ins = self.failed_sign_ins.saturating_add(1);
        }
        let most = if self.is_authenticated() {
            BAD_COMMANDS_MAX
        } else {
            BAD_COMMANDS_BEFORE_LOGIN_MAX
        };
        if self.bad_commands >= most || self.failed_sign_ins >= SIGN_INS_FAILED_MAX {
            return farewell(out, "too many mistakes");
        }
        Next::Command
    }

    /// Tells what changed in the selected mailbox; `false` if that mailbox was deleted.
    pub(crate) async fn tell(&mut self, how: Tell, out: &mut Output<'_>) -> bool {
        if !self.hear().await {
            return false;
        }
        if let State::Selected(_, selected) = &mut self.state {
            selected
                .view
                .tell(how, self.enabled.tracking, &mut out.responses);
        }
        true
    }

    /// Takes in what changed, without telling it; `false` if the mailbox was deleted.
    pub(crate) async fn hear(&mut self) -> bool {
        while let State::Selected(_, selected) = &mut self.state
            && let Some(change) = selected.changes.try_next().await
        {
            match selected.view.apply(change) {
                Applied::Yes => {}
                Applied::MailboxGone => return false,
                Applied::Missed if self.catch_up().await => {}
                Applied::Missed => return false,
            }
        }
        true
    }

    /// Waits until something changes in the selected mailbox, and takes it in; for ever if no
    /// mailbox is selected. Cancelling loses nothing: a change is taken in as soon as it is here.
    pub(crate) async fn next_change(&mut self) -> Applied {
        match &mut self.state {
            State::Selected(_, selected) => {
                let change = selected.changes.next().await;
                selected.view.apply(change)
            }
            _ => std::future::pending().await,
        }
    }

    /// Opens the mailbox again after changes were missed; `false` if it was deleted.
    pub(crate) async fn catch_up(&mut self) -> bool {
        let State::Selected(principal, selected) = &mut self.state else {
            return true;
        };
        let open = self.service.mailbox_open(principal, &selected.name).await;
        match open {
            Ok(open) if open.id == selected.id => {
                selected.changes = open.changes;
                let modseq = open.status.highestmodseq;
                selected.view.compare(&open.messages, open.keywords, modseq);
                true
            }
            _ => false,
        }
    }

    /// With what mod-sequence to come back, while an expunge is withheld: what the client was told
    /// of messages may have higher ones than the expunge (RFC 7162 §3.2).
    fn withheld(&self) -> Option<Code> {
        match &self.state {
            State::Selected(_, selected)
                if self.enabled.tracking == Tracking::Qresync && selected.view.withholds() =>
            {
                Some(Code::HighestModSeq(selected.view.told_modseq()))
            }
            _ => None,
        }
    }

    /// From now on the client hears mod-sequences; what it has heard already counts as told
    /// (RFC 7162 §3.1.2.1).
    pub(crate) fn tracking_begins(&self, out: &mut Output<'_>) {
        if let State::Selected(_, selected) = &self.state {
            let code = Code::HighestModSeq(selected.view.told_modseq());
            let responses = &mut out.responses;
            responses.untagged(
                Condition::Ok,
                Some(&code),
                "all changes up to this are told",
            );
        }
    }

    /// What a command says at its end that removed messages: for a client that tracks changes up
    /// to which it will have been told of all (RFC 7162 §3.2.7).
    pub(crate) async fn removed(&mut self, any: bool, text: &'static str) -> Done {
        if !any || self.enabled.tracking < Tracking::Qresync {
            return Done::plain(text);
        }
        // If the mailbox is gone, the caller finds out.
        self.hear().await;
        match self.selected() {
            Ok((_, selected)) => Done::coded(Code::HighestModSeq(selected.view.modseq()), text),
            Err(_) => Done::plain(text),
        }
    }

    /// The connection is under TLS now; what was said before counts for nothing (RFC 9051 §6.2.1).
    pub(crate) fn secured(&mut self, tls: Option<net::TlsInfo>) {
        self.peer.tls = tls;
        self.can_start_tls = false;
    }

    /// The client is who it said it is.
    pub(crate) fn signed_in(&mut self, principal: Principal) {
        self.failed_sign_ins = 0;
        self.bad_commands = 0;
        self.state = State::Authenticated(Arc::new(principal));
    }

    /// Who signed in.
    pub(crate) fn principal(&self) -> Result<Arc<Principal>, ImapError> {
        match &self.state {
            State::NotAuthenticated => Err(ImapError::NotNow("before sign-in")),
            State::Authenticated(principal) | State::Selected(principal, _) => {
                Ok(Arc::clone(principal))
            }
        }
    }

    /// Who signed in, and the mailbox that is selected.
    pub(crate) fn selected(&mut self) -> Result<(Arc<Principal>, &mut Selected), ImapError> {
        match &mut self.state {
            State::Selected(principal, selected) => Ok((Arc::clone(principal), selected)),
            _ => Err(ImapError::NotNow("before a mailbox is selected")),
        }
    }

    /// Selects a mailbox, or none.
    pub(crate) fn set_selected(&mut self, selected: Option<Selected>) {
        self.parsed = None;
        if let Ok(principal) = self.principal() {
            self.state = match selected {
                Some(selected) => State::Selected(principal, Box::new(selected)),
                None => State::Authenticated(principal),
            };
        }
    }

    /// Records the end of the session.
    pub(crate) async fn end(&self) {
        let end = match self.principal() {
            Ok(principal) => {
                self.service.sign_out(&principal).await;
                SessionEnd::Useful
            }
            Err(_) if self.bad_commands >= BAD_COMMANDS_BEFORE_LOGIN_MAX => SessionEnd::Abuse,
            Err(_) => SessionEnd::Plain,
        };
        self.service.session_ended(&self.peer, end).await;
    }
}

/// Says good-bye without being asked (RFC 9051 §7.1.5).
pub(crate) fn farewell(out: &mut Output<'_>, why: &str) -> Next {
    out.responses.untagged(Condition::Bye, None, why);
    Next::End
}

fn namespace(out: &mut Output<'_>) -> Done {
    out.responses.namespace();
    Done::plain("done")
}

fn allowed(command: &Command) -> Allowed {
    match command {
        Command::Capability | Command::Noop | Command::Logout | Command::Id(_) => Allowed::Always,
        Command::StartTls | Command::Login { .. } | Command::Authenticate { .. } => {
            Allowed::NotAuthenticated
        }
        Command::Enable(_)
        | Command::Compress(_)
        | Command::Select(_)
        | Command::Examine(_)
        | Command::Create { .. }
        | Command::Delete(_)
        | Command::Rename { .. }
        | Command::Subscribe(_)
        | Command::Unsubscribe(_)
        | Command::List(_)
        | Command::Lsub(_)
        | Command::Namespace
        | Command::GetQuota(_)
        | Command::GetQuotaRoot(_)
        | Command::SetQuota(_)
        | Command::Status { .. }
        | Command::Append(_)
        | Command::Idle => Allowed::Authenticated,
        Command::Check
        | Command::Close
        | Command::Unselect
        | Command::Expunge
        | Command::UidExpunge(_)
        | Command::Search(..)
        | Command::Fetch { .. }
        | Command::Store(_)
        | Command::Copy { .. }
        | Command::Move { .. } => Allowed::Selected,
    }
}

/// Which news may be told with the answer: no expunges while sequence numbers are in use, which is
/// FETCH, STORE and SEARCH without UID (RFC 9051 §7.5.1).
fn news_after(command: &Command) -> Tell {
    let numbers = match command {
        Command::Search(by, _) | Command::Fetch { by, .. } => *by == Numbering::Sequence,
        Command::Store(request) => request.by == Numbering::Sequence,
        _ => false,
    };
    if numbers {
        Tell::KeepNumbers
    } else {
        Tell::All
    }
}
