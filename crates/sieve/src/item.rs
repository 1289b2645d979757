//! Our own items of the environment (RFC 5183 §4.1, `vnd.` names): what the server knows about a
//! message beyond its text. Values of the facts are `true` and `false`.

/// The sender is on a list of trusted senders.
pub const TRUSTED_SENDER: &str = "vnd.sealpost.trusted-sender";
/// The sender is who the message says.
pub const AUTHENTICATED_SENDER: &str = "vnd.sealpost.authenticated-sender";
/// A program sent the message.
pub const AUTOMATED: &str = "vnd.sealpost.automated";
/// The owner of the mailbox is the only recipient in To and Cc.
pub const ONLY_TO_ME: &str = "vnd.sealpost.only-to-me";
/// The owner is named in To.
pub const ME_IN_TO: &str = "vnd.sealpost.me-in-to";
/// The owner is named in To or Cc.
pub const ME_IN_TO_OR_CC: &str = "vnd.sealpost.me-in-to-or-cc";
/// There is an attachment.
pub const HAS_ATTACHMENT: &str = "vnd.sealpost.has-attachment";
/// `high`, `normal` or `low`.
pub const PRIORITY: &str = "vnd.sealpost.priority";
/// Octets of the largest attachment; `0` without one.
pub const LARGEST_ATTACHMENT: &str = "vnd.sealpost.largest-attachment";
/// All header fields as one text.
pub const HEADERS: &str = "vnd.sealpost.headers";
/// The network address of the server that sent the message; also [`REMOTE_IP`].
pub const SENDING_IP: &str = "vnd.sealpost.sending-ip";
/// The same by its name in RFC 5183 §4.1.
pub const REMOTE_IP: &str = "remote-ip";

/// What people call it.
pub const SENDING_SERVER: &str = "the address of the sending server";

/// The facts, with the words for each where it holds and where it does not.
pub(crate) const FACTS: [(&str, &str, &str); 7] = [
    (
        TRUSTED_SENDER,
        "the sender is trusted",
        "the sender is not trusted",
    ),
    (
        AUTHENTICATED_SENDER,
        "the sender is proven",
        "the sender is not proven",
    ),
    (
        AUTOMATED,
        "a program sent the message",
        "no program sent the message",
    ),
    (
        ONLY_TO_ME,
        "the message is to the owner only",
        "the message is not to the owner only",
    ),
    (
        ME_IN_TO,
        "the owner is named in To",
        "the owner is not named in To",
    ),
    (
        ME_IN_TO_OR_CC,
        "the owner is named in To or Cc",
        "the owner is not named in To or Cc",
    ),
    (
        HAS_ATTACHMENT,
        "the message has an attachment",
        "the message has no attachment",
    ),
];
