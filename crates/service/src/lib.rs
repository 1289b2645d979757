//! What the server can do, whichever door asks: sign in, admit a change, accept a message, work in
//! mailboxes, tell what happened.
//!
//! Doors hold a [`Service`] and nothing below it. Every function takes who asks and checks the
//! right before it does or tells anything. What a function promised is durable when it returns.

mod error;
mod fault;
mod header;
pub mod scram;

mod keys;
mod signer;

mod connection;

mod actor;
mod letters;
mod metrics;
mod password;
mod secrets;
mod totp;

mod command;

mod sockets;

mod admit;

mod certificates;
mod start;
mod stored_ledger;

mod seal;

mod activity;
mod live;
mod uses;

mod sign_in;

mod blocks;
mod factor;
mod gate;
pub mod token;

mod queued;
mod report;

mod accept;
mod message;
mod rules;

mod outbound;

mod mailbox;
mod maildrop;
pub mod mime;
mod scripts;

mod health;
mod heartbeat;
mod recover;

mod authenticity;
mod dns_lists;
mod scan;

mod dkim;
mod doctor;
mod looks;
pub mod shell;
mod trace;
mod view;

mod explain;

#[cfg(test)]
mod scene;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};

use ledger::Origin;
use ledger::tiles::TileWriter;
use net::{Clock, Random};
use policy::Config;
use policy::change::Blocked;
use store::Store;
use tokio::sync::watch;
use types::{ListenerId, Secret, SessionId, Timestamp};

pub use accept::{
    AcceptError, Accepted, Envelope, EnvelopeRecipient, RecipientError, RecipientRefusal,
    SenderError, SmtpClient, Wishes,
};
pub use activity::ACTIVITY_KINDS;
pub use actor::{Actor, Peer, Principal, Protocol, Via, Who};
pub use admit::{AdmitError, AdmitOptions, Admitted, Made};
pub use blocks::SessionEnd;
pub use command::{
    AccessList, Command, Expiry, Forward, Guarded, NewRule, Password, RuleAt, Vacation, Wanted,
};
pub use connection::{Ending, WhyEnded};
pub use doctor::{Ailment, Examination, Folder, Severity, look_at_folder, look_at_mail};
pub use error::{ServiceError, ServiceResult};
pub use explain::{Confidence, Explanation, MadeBy, Moment, Question, Step, Touched};
pub use factor::FactorCheck;
pub use health::HealthView;
pub use heartbeat::HEARTBEAT;
pub use keys::KeysError;
pub use letters::random_letters;
pub use live::{EndSessions, SessionView};
pub use looks::RuleLook;
pub use mailbox::*;
pub use maildrop::MaildropLock;
pub use message::{BodySink, FinishedBody};
pub use metrics::{Metrics, OpenConnection};
pub use outbound::{
    Attempt, Cause, Destination, DkimView, Failure, Host, HostSignIn, JOB_RECIPIENTS_MAX, Job,
    JobParams, JobRecipient, Outbound, Outcome, QUEUE_ROWS_MAX, QueueAct, QueueActed, QueueRow,
    QueueWanted, QueueWhy, Reply, Room, RouteFound, RouteTls, RouteView, Scope, Ticket,
};
pub use password::PASSWORD_MAX_OCTETS;
pub use recover::{QuarantineRow, RECOVERABLE_MAX, RecoverableRow, Restored};
pub use rules::{
    MessageOctets, PREVIEW_DAYS, PREVIEW_MESSAGES_MAX, RUN_MESSAGES_MAX, RulePreview, RuleRun,
    RuleSource, RuleTrial, RunOver, TRIAL_MESSAGE_MAX_OCTETS, TrialMessage, TrialTest,
};
pub use scan::{SCAN_MAX_OCTETS, ScannerView};
pub use scripts::{ScriptError, ScriptRow};
pub use seal::LogVerdict;
pub use sign_in::{SaslExchange, SaslRefusal, SaslStep, ScramAccount, SignInError};
pub use signer::SignerError;
pub use sockets::{OpenError, ShutListener};
pub use start::{BootFacts, Founding, Outgoing, Outside, Paths, Pin, Start, StartError};
pub use stored_ledger::StoredLedger;
pub use totp::BASE32;
pub use trace::{TraceQuery, TraceRow};
pub use view::*;

use admit::Admission;
use connection::Entrance;
use keys::Keys;
use password::Passwords;
use seal::Seals;
use secrets::Vault;
use sign_in::Throttle;
use signer::Signer;

/// Bits of a session's number that are chance; the others are microseconds since 1970, until 2112.
const SESSION_CHANCE_BITS: u32 = 11;

/// The server's abilities; a clone is another handle on the same server.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    vault: Vault,
    origin: Origin,
    vkey: String,
    /// Random id of this start, in every entry that it makes.
    boot: String,
    clock: Clock,
    random: Random,
    newest_session: AtomicU64,
    config: RwLock<Arc<Config>>,
    config_size: watch::Sender<u64>,
    admission: tokio::sync::Mutex<Admission>,
    passwords: Passwords,
    throttle: Throttle,
    refused_recipients: accept::RefusedRecipients,
    sent_lately: accept::SentLately,
    silent_scanners: scan::Silent,
    sender_judge: authenticity::SenderJudge,
    departures: rules::Departures,
    turns: queued::Turns,
    flights: outbound::Flights,
    signing_keys: dkim::ReadyKeys,
    bounces: outbound::Bounces,
    maildrops: Arc<Mutex<maildrop::Locked>>,
    outside: Outside,
    beats: heartbeat::Beats,
    doctor: doctor::Doctor,
    metrics: Metrics,
    started: Timestamp,
    seals: Seals,
    shown: certificates::Shown,
    sockets: sockets::Sockets,
    blocks: blocks::Blocks,
    connections: connection::Connections,
    live: live::Live,
    uses: uses::Uses,
}

impl Service {
    /// Opens the store and puts the parts together; nothing is read or obeyed yet.
    fn assemble(start: Start, keys: Keys, signer: Signer) -> Result<Self, StartError> {
        Self::assemble_with(start, keys, signer, |_| {})
    }

    /// [`Self::assemble`] with a store of other sizes than the usual ones.
    // long: one line for each part.
    fn assemble_with(
        start: Start,
        keys: Keys,
        signer: Signer,
        adjust: impl FnOnce(&mut store::Options),
    ) -> Result<Self, StartError> {
        let Start {
            paths,
            clock,
            random,
            outside,
            dns,
            hash_threads,
        } = start;
        let mut options = store::Options::new(Secret::new(keys.row_mac_key().to_vec()));
        adjust(&mut options);
        let store = Store::open(&paths.data, &options)?;
        let boot = random
            .array::<8>()
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        let seals = Seals::open(&signer)?;
        let beats = heartbeat::Beats::starting_at(&clock);
        let started = clock.now();
        let metrics = Metrics::new(&store, started);
        let inner = Inner {
            store,
            origin: signer.verifier().name().clone(),
            vkey: signer.verifier().to_string(),
            boot,
            vault: Vault::new(keys, random.clone()),
            passwords: Passwords::new(clock.clone(), random.clone(), hash_threads),
            clock,
            random,
            newest_session: AtomicU64::new(0),
            config: RwLock::default(),
            config_size: watch::Sender::new(0),
            admission: tokio::sync::Mutex::new(Admission::new(signer, TileWriter::new())),
            throttle: Throttle::default(),
            refused_recipients: accept::RefusedRecipients::default(),
            sent_lately: accept::SentLately::default(),
            silent_scanners: scan::Silent::default(),
            sender_judge: authenticity::SenderJudge::new(dns),
            departures: rules::Departures::default(),
            turns: queued::Turns::default(),
            flights: outbound::Flights::default(),
            signing_keys: dkim::ReadyKeys::default(),
            bounces: outbound::Bounces::default(),
            maildrops: Arc::default(),
            outside,
            beats,
            doctor: doctor::Doctor::default(),
            metrics,
            started,
            seals,
            shown: certificates::Shown::default(),
            sockets: sockets::Sockets::default(),
            blocks: blocks::Blocks::default(),
            connections: connection::Connections::default(),
            live: live::Live::default(),
            uses: uses::Uses::default(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The configuration in force. It never changes; a later one takes its place.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(
            &self
                .inner
                .config
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Tells the size of the ledger whenever a new configuration is in force.
    pub fn config_watch(&self) -> watch::Receiver<u64> {
        self.inner.config_size.subscribe()
    }

    /// The time that the server goes by.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// The name by which the server greets.
    pub fn host_name(&self) -> String {
        self.config().settings().host_name.to_string()
    }

    /// The number of a new connection, by which records name it: the time, then chance, so that
    /// sessions of one time are neighbours in the indexes. None is given twice.
    pub fn new_session(&self) -> SessionId {
        let now_us = u64::try_from(self.clock().now().0).unwrap_or(0);
        let chance = self.inner.random.number() & ((1 << SESSION_CHANCE_BITS) - 1);
        // Without the sign bit, so that it fits a column.
        let wanted = (now_us << SESSION_CHANCE_BITS | chance) & (u64::MAX >> 1);
        let later = |newest: u64| wanted.max(newest + 1);
        let newest = &self.inner.newest_session;
        let before = newest
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |newest| {
                Some(later(newest))
            })
            .expect("the closure always gives a number");
        SessionId(later(before))
    }

    /// The client of a connection that has just come in; its session is new.
    pub fn peer(&self, conn: &net::Conn, protocol: Protocol, listener: ListenerId) -> Peer {
        let session = self.new_session();
        let proxy = conn.proxy_addr().map(|proxy| proxy.ip().to_canonical());
        let entrance = Entrance {
            listener,
            source: conn.peer_addr().ip().to_canonical(),
            proxy,
        };
        let ending = self.inner.connections.list(session, entrance);
        // Its listener may have asked an older configuration, before the list was gone through.
        let now = self.clock().now();
        if let Some(why) = entrance.why_barred(&self.config(), Blocked::Connections, now) {
            ending.end(why);
        }
        Peer {
            protocol,
            listener,
            address: conn.peer_addr(),
            proxy,
            tls: conn.tls_info().cloned(),
            session,
            ending,
        }
    }

    /// Why the store has stopped, if it has: nothing is accepted until the process starts again.
    pub fn failure(&self) -> Option<String> {
        self.inner.store.failure().map(str::to_owned)
    }

    /// Finishes what is under way and closes the store. Later calls fail.
    pub async fn close(&self) {
        self.end_examination().await;
        self.store_uses().await;
        self.close_logs().await;
        let _nobody_admits = self.inner.admission.lock().await;
    }
}

/// The guard, also after a panic elsewhere: what these locks hold is replaced whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write_lock<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
