//! What is remembered of a message and its recipients while it waits, as JSON.

use serde::{Deserialize, Serialize};
use types::{
    Address, CredentialId, DsnMessage, DsnRecipient, EnvelopeId, Notify, OriginalRecipient, Ret,
    SessionId,
};

/// What is remembered of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct MessageParams {
    /// `FULL` or `HDRS` (RFC 3461 §4.3).
    pub(crate) ret: Option<String>,
    /// The sender's own name for the sending (RFC 3461 §4.4).
    pub(crate) envid: Option<String>,
    /// It needs SMTPUTF8.
    pub(crate) smtp_utf8: bool,
    /// Its body goes beyond ASCII.
    pub(crate) eight_bit: bool,
    /// It never travels without TLS (RFC 8689 §2).
    pub(crate) require_tls: bool,
    /// Its sender would rather have it arrive (RFC 8689 §3).
    pub(crate) tls_waived: bool,
    /// Who hears what became of it; nobody if it is a report itself.
    pub(crate) report_to: Option<Address>,
    /// The rule that made it, such as `r_2@17`.
    pub(crate) rule: Option<String>,
    /// Size of the configuration ledger when it was accepted.
    pub(crate) config_size: u64,
    /// The session that brought it.
    pub(crate) session: Option<SessionId>,
    /// With what its sender signed in.
    pub(crate) credential: Option<CredentialId>,
    /// It was written here, by somebody who signed in, by a rule or by the server.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) own: bool,
    /// Its Message-ID.
    pub(crate) message_id: String,
}

/// What is remembered of a recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RecipientParams {
    /// The recipient of the envelope through which it was reached.
    pub(crate) through: String,
    /// What is to be reported (RFC 3461 §4.1).
    notify: Option<String>,
    /// The recipient as the sender knows it (RFC 3461 §4.2).
    orcpt: Option<String>,
}

impl MessageParams {
    /// The same with what the sender asked for reports.
    pub(crate) fn asking(self, dsn: &DsnMessage) -> Self {
        Self {
            ret: dsn.ret.map(|ret| ret.as_str().to_owned()),
            envid: dsn.envelope_id.as_ref().map(|id| id.as_str().to_owned()),
            ..self
        }
    }

    /// How much of the message a report of failure brings back.
    pub(crate) fn ret(&self) -> Option<Ret> {
        self.ret.as_deref().and_then(Ret::by_name)
    }

    /// The sender's own name for the sending.
    pub(crate) fn envelope_id(&self) -> Option<EnvelopeId> {
        self.envid.as_deref().and_then(|id| id.parse().ok())
    }

    /// As the queue keeps them.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// As they were kept; what cannot be read asks nothing. The MAC of its row has been checked.
    pub(crate) fn from_json(json: &[u8]) -> Self {
        serde_json::from_slice(json).unwrap_or_default()
    }
}

impl RecipientParams {
    /// What was asked for a recipient of the envelope.
    pub(crate) fn new(through: &Address, dsn: Option<&DsnRecipient>) -> Self {
        Self {
            through: through.folded().to_string(),
            notify: dsn
                .and_then(|dsn| dsn.notify)
                .map(|notify| notify.to_string()),
            orcpt: (dsn.and_then(|dsn| dsn.original.as_ref())).map(ToString::to_string),
        }
    }

    /// What is to be reported, if the sender said so.
    pub(crate) fn notify(&self) -> Option<Notify> {
        self.notify
            .as_deref()
            .and_then(|notify| notify.parse().ok())
    }

    /// The recipient as the sender knows it.
    pub(crate) fn original(&self) -> Option<OriginalRecipient> {
        self.orcpt
            .as_deref()
            .and_then(|original| original.parse().ok())
    }

    /// As the queue keeps them.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// As they were kept; what cannot be read asks nothing. The MAC of its row has been checked.
    pub(crate) fn from_json(json: &[u8]) -> Self {
        serde_json::from_slice(json).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_comes_back() {
        let dsn = DsnRecipient {
            notify: Some("SUCCESS,DELAY".parse().unwrap()),
            original: Some("rfc822;bob@example.net".parse().unwrap()),
        };
        let through: Address = "Bob@example.net".parse().unwrap();
        let kept = RecipientParams::new(&through, Some(&dsn)).to_json();
        let found = RecipientParams::from_json(&kept);
        assert_eq!(
            (found.notify(), found.original()),
            (dsn.notify, dsn.original)
        );
        assert_eq!(found.through, "bob@example.net");
        let asked = DsnMessage {
            ret: Some(Ret::Full),
            envelope_id: Some("id 7".parse().unwrap()),
        };
        let kept = MessageParams::default().asking(&asked).to_json();
        let found = MessageParams::from_json(&kept);
        assert_eq!(
            (found.ret(), found.envelope_id()),
            (asked.ret, asked.envelope_id)
        );
    }

    #[test]
    fn the_format_is_read_by_later_versions() {
        let kept = br#"{"ret":"HDRS","envid":null,"smtp_utf8":true,"eight_bit":false,"require_tls":true,"tls_waived":false,"report_to":"ann@example.org","rule":"r_2@17","config_size":40,"session":"s_7","credential":null,"message_id":"<1@example.org>"}"#;
        let found = MessageParams::from_json(kept);
        assert_eq!(found.to_json(), kept);
        assert!(
            !found.own,
            "what came before there were signatures is not signed"
        );
        let kept = MessageParams { own: true, ..found }.to_json();
        assert!(kept.windows(10).any(|text| text == b"\"own\":true"));
        assert!(MessageParams::from_json(&kept).own);
        let kept = br#"{"through":"bob@example.net","notify":"NEVER","orcpt":null}"#;
        assert_eq!(RecipientParams::from_json(kept).to_json(), kept);
        assert_eq!(
            MessageParams::from_json(b"not JSON"),
            MessageParams::default()
        );
    }
}
