//! The world outside: listeners, TLS, certificates, limits, clock and randomness.
//!
//! A door gets a [`Conn`] for each client and nothing else of the network. Everything that a
//! stranger can make us hold (connections, lines, memory, tries) is bounded here.

mod clock;
mod random;
mod shutdown;

mod limits;
mod own_address;
mod tally;
mod throttle;

mod certificate;
mod own_ca;
mod tls;
mod tls_client;

mod authentication;
mod dns;
mod endpoint;
mod http;
mod outgoing;
mod scanner;

mod conn;
mod gate;
mod proxied;

mod listen;

pub use authentication::{Asked, Judge, Sent, Verdict, Verdicts};
pub use certificate::{Certificate, CertificateError};
pub use clock::Clock;
pub use conn::{Conn, ConnError, Deadline};
pub use dns::{
    AnswersError, DnsError, MailHost, Mx, MxError, MxQuestion, Resolver, ResolverError, Srv,
    mail_hosts,
};
pub use endpoint::Endpoint;
pub use gate::{Gate, OpenGate};
pub use http::{HttpError, HttpLimits, HttpRequest, HttpResponse, exchange};
pub use limits::{ConnectionGuard, ConnectionLimitSettings, ConnectionLimits, LimitReached};
pub use listen::{
    BindError, BoxFuture, Drained, Handler, Listener, ListenerSettings, TlsMode, can_listen,
};
pub use outgoing::{Outgoing, OutgoingError};
pub use own_address::own_address_in;
pub use own_ca::{IssuedPem, OwnCa, OwnCaError};
pub use random::Random;
pub use scanner::{
    ScanError, SpamEnvelope, SpamVerdict, VirusVerdict, clamd_scan, clamd_version, rspamd_check,
    rspamd_version,
};
pub use shutdown::{Shutdown, ShutdownTrigger};
pub use tally::{SourceTally, Tally};
pub use throttle::{Failure, Permit, SignInThrottle, ThrottleSettings};
pub use tls::{Certificates, ChannelBindings, TlsError, TlsInfo, TlsServer};
pub use tls_client::{TlsClient, TlsClientError};
