//! What commands say about change tracking (RFC 7162): SELECT's parameters and FETCH's modifiers.

use types::{MailboxName, ModSeq, UidValidity};

use super::sequence::SequenceSet;

/// A mailbox to open, with the parameters of SELECT or EXAMINE (RFC 7162 §3.1.8, §3.2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectRequest {
    /// Which mailbox.
    pub mailbox: MailboxName,
    /// Whether the client wants to hear of mod-sequences from now on.
    pub condstore: bool,
    /// What the client knows of the mailbox from before.
    pub qresync: Option<Qresync>,
}

/// What a client knows of a mailbox: the server tells what is different now (RFC 7162 §3.2.5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qresync {
    /// The generation of UIDs that the client knows.
    pub uid_validity: UidValidity,
    /// The mod-sequence up to which the client knows everything.
    pub modseq: ModSeq,
    /// The messages that it knows, without `*`; `None` for all there were.
    pub known_uids: Option<SequenceSet>,
    /// Numbers of some messages and their UIDs, in the same order.
    pub matches: Option<SequenceMatch>,
}

/// Sequence numbers and the UIDs that the client saw under them: as many of these as of those, and
/// neither has `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceMatch {
    /// Sequence numbers, ascending.
    pub numbers: SequenceSet,
    /// Their UIDs, ascending.
    pub uids: SequenceSet,
}

/// What FETCH leaves out and tells besides (RFC 7162 §3.1.4.1, §3.2.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetchModifiers {
    /// `CHANGEDSINCE`: only messages with a greater mod-sequence.
    pub changed_since: Option<ModSeq>,
    /// `VANISHED`: also the UIDs of messages that were expunged since.
    pub vanished: bool,
}
