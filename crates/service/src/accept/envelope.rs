//! What carries a message (RFC 5321 §2.3.1), and what its sender asks beside the delivery.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use types::{AccountId, Address, CredentialId, DsnMessage, DsnRecipient, ReversePath, SessionId};

use crate::actor::{Peer, Principal};
use crate::header;

/// A client that speaks SMTP.
#[derive(Clone, Debug)]
pub struct SmtpClient {
    /// Where it comes from.
    pub peer: Peer,
    /// The name it gave in HELO or EHLO.
    pub helo: String,
    /// Whether it said EHLO.
    pub esmtp: bool,
    /// Who it is, once it signed in.
    pub principal: Option<Arc<Principal>>,
}

/// How a message came, as far as the record keeps it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Came {
    /// The session that brought it; none for what the server writes of its own accord.
    pub(crate) session: Option<SessionId>,
    /// Who signed in.
    pub(crate) account: Option<AccountId>,
    /// With what.
    pub(crate) credential: Option<CredentialId>,
}

impl Came {
    /// What a client brings.
    pub(super) fn by(client: &SmtpClient) -> Self {
        let principal = client.principal.as_ref();
        Self {
            session: Some(client.peer.session),
            account: principal.map(|principal| principal.account),
            credential: principal.map(|principal| principal.credential),
        }
    }
}

/// Sender, recipients and wishes.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// Who brings it.
    pub client: SmtpClient,
    /// The sender.
    pub reverse_path: ReversePath,
    /// The recipients; each was found good by [`crate::Service::recipient_check`].
    pub recipients: Vec<EnvelopeRecipient>,
    /// What the sender asks for the message.
    pub wishes: Wishes,
}

/// One recipient.
#[derive(Clone, Debug)]
pub struct EnvelopeRecipient {
    /// Who.
    pub address: Address,
    /// What is asked for this recipient.
    pub dsn: DsnRecipient,
}

/// What a sender asks for a message.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Octets that were announced.
    pub declared_octets: Option<u64>,
    /// Addresses and header may go beyond ASCII (RFC 6531).
    pub smtp_utf8: bool,
    /// What reports are to say.
    pub dsn: DsnMessage,
    /// The message never travels without TLS (RFC 8689 §2).
    pub require_tls: bool,
    /// The sender hears of each recipient apart, so a copy that is refused is not kept
    /// (draft-hall-prdr-00).
    pub per_recipient: bool,
}

impl Envelope {
    /// An envelope with which nothing is asked but the delivery.
    pub fn new(client: SmtpClient, reverse_path: ReversePath, recipients: Vec<Address>) -> Self {
        let recipients = recipients.into_iter().map(|address| EnvelopeRecipient {
            address,
            dsn: DsnRecipient::default(),
        });
        Self {
            client,
            reverse_path,
            recipients: recipients.collect(),
            wishes: Wishes::default(),
        }
    }
}

impl Wishes {
    /// What was asked for a recipient, as the fate keeps it; `None` if nothing was.
    ///
    /// The keys are `notify`, `orcpt`, `ret`, `envid` (RFC 3461 §4), `require_tls` (RFC 8689 §2)
    /// and `tls_required` (RFC 8689 §3).
    pub(super) fn params(&self, recipient: &EnvelopeRecipient, head: &[u8]) -> Option<Vec<u8>> {
        let mut params = Map::new();
        let mut add = |key: &str, value: Option<Value>| {
            params.extend(value.map(|value| (key.to_owned(), value)));
        };
        let (wishes, dsn) = (self, &recipient.dsn);
        add("notify", dsn.notify.map(|notify| json!(notify.to_string())));
        let original = dsn.original.as_ref();
        add(
            "orcpt",
            original.map(|original| json!(original.to_string())),
        );
        add("ret", wishes.dsn.ret.map(|ret| json!(ret.as_str())));
        let id = wishes.dsn.envelope_id.as_ref();
        add("envid", id.map(|id| json!(id.as_str())));
        add("require_tls", wishes.require_tls.then_some(json!(true)));
        let waived = !wishes.require_tls && waives_tls(head);
        add("tls_required", waived.then_some(json!("no")));
        (!params.is_empty()).then(|| Value::Object(params).to_string().into_bytes())
    }
}

/// Whether the sender would rather have the message arrive than be protected (RFC 8689 §3).
pub(super) fn waives_tls(head: &[u8]) -> bool {
    header::fields(head)
        .filter(|field| field.is("TLS-Required"))
        .any(|field| header::unfolded(field.value).eq_ignore_ascii_case(b"no"))
}
