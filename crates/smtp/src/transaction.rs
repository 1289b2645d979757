//! One mail transaction: the envelope while it is said, and the content while it arrives.

use service::{Envelope, EnvelopeRecipient, SmtpClient, Wishes};
use types::{Address, DsnRecipient, ReversePath};
use wire::smtp::ChunkReader;

use crate::intake::Intake;

/// The envelope so far.
pub(crate) struct Transaction {
    /// The sender.
    pub(crate) reverse_path: ReversePath,
    /// What is asked for the message.
    pub(crate) wishes: Wishes,
    recipients: Vec<EnvelopeRecipient>,
    /// For each RCPT that was accepted, which of the recipients it named.
    places: Vec<usize>,
}

/// A message that is arriving.
pub(crate) struct Incoming {
    /// Its envelope.
    pub(crate) transaction: Transaction,
    /// Where the content goes.
    pub(crate) intake: Intake,
    /// Checks the content, if it comes in chunks.
    pub(crate) chunks: ChunkReader,
}

impl Transaction {
    /// A transaction without recipients.
    pub(crate) fn new(reverse_path: ReversePath, wishes: Wishes) -> Self {
        Self {
            reverse_path,
            wishes,
            recipients: Vec::new(),
            places: Vec::new(),
        }
    }

    /// Adds a recipient that was accepted. Said again it counts, but gets no second copy, and what
    /// was asked for it first stays.
    pub(crate) fn add(&mut self, address: Address, dsn: DsnRecipient) {
        let known = self
            .recipients
            .iter()
            .position(|known| known.address == address);
        self.places.push(known.unwrap_or(self.recipients.len()));
        if known.is_none() {
            self.recipients.push(EnvelopeRecipient { address, dsn });
        }
    }

    /// Whether no recipient was accepted yet.
    pub(crate) fn is_without_recipients(&self) -> bool {
        self.recipients.is_empty()
    }

    /// How often a recipient was accepted, the same ones again included.
    pub(crate) fn accepted(&self) -> u64 {
        self.places.len() as u64
    }

    /// The envelope, and for each RCPT that was accepted the place of its recipient there.
    pub(crate) fn envelope(self, client: SmtpClient) -> (Envelope, Vec<usize>) {
        let envelope = Envelope {
            client,
            reverse_path: self.reverse_path,
            recipients: self.recipients,
            wishes: self.wishes,
        };
        (envelope, self.places)
    }
}
