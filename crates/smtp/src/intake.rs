//! The content of one message on its way from the connection to `service`.
//!
//! Once the message is refused its rest is read and thrown away, so that the session stays in
//! step with the client; of that there is a bound too.

use net::{Conn, ConnError};
use service::{BodySink, FinishedBody, Service};
use wire::smtp::{ChunkReader, ContentFault, DataReader, Progress};

use crate::error::SmtpError;

/// Octets of a refused message that are read only to stay in step.
pub(crate) const DISCARD_MAX_OCTETS: u64 = 64 * 1_048_576;

/// Takes in one message.
pub(crate) struct Intake {
    sink: BodySink,
    max_octets: u64,
    refusal: Option<SmtpError>,
    /// Content that was decoded and not stored yet; never more than one portion of the input.
    decoded: Vec<u8>,
}

/// Whether the session is still in step after content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The content was read to its end.
    Complete,
    /// More than [`DISCARD_MAX_OCTETS`] of refused content came; the session must end.
    Abandoned,
}

impl Intake {
    /// Takes at most `max_octets`.
    pub(crate) fn new(service: &Service, max_octets: u64) -> Self {
        Self {
            sink: service.body_sink(),
            max_octets,
            refusal: None,
            decoded: Vec::new(),
        }
    }

    /// Reads the content after DATA up to its end.
    pub(crate) async fn read_data(&mut self, conn: &mut Conn) -> Result<Ending, ConnError> {
        let mut reader = DataReader::new(self.max_octets);
        let mut discarded: u64 = 0;
        loop {
            let input = portion(conn, u64::MAX).await?;
            let progress = reader.read(input, &mut self.decoded);
            let used = match progress {
                Progress::More => input.len(),
                Progress::End { used } => used,
            };
            conn.consume(used);
            self.store(reader.fault());
            if progress != Progress::More {
                return Ok(Ending::Complete);
            }
            if self.refusal.is_some() {
                discarded += used as u64;
            }
            if discarded > DISCARD_MAX_OCTETS {
                return Ok(Ending::Abandoned);
            }
        }
    }

    /// Reads a chunk of BDAT.
    pub(crate) async fn read_chunk(
        &mut self,
        conn: &mut Conn,
        reader: &mut ChunkReader,
        octets: u64,
    ) -> Result<(), ConnError> {
        let mut left = octets;
        while left > 0 {
            let input = portion(conn, left).await?;
            reader.read(input, &mut self.decoded);
            let used = input.len();
            conn.consume(used);
            left -= used as u64;
            self.store(reader.fault());
        }
        Ok(())
    }

    /// Ends the content that came in chunks.
    pub(crate) fn end_chunks(&mut self, reader: &mut ChunkReader) {
        reader.finish(&mut self.decoded);
        self.store(reader.fault());
    }

    /// Hands on what was decoded, or refuses the message at its first fault.
    fn store(&mut self, fault: Option<ContentFault>) {
        if self.refusal.is_none() {
            self.refusal = match fault {
                Some(ContentFault::TooLarge) => Some(SmtpError::TooLarge {
                    max_octets: self.max_octets,
                }),
                Some(fault) => Some(SmtpError::Content(fault)),
                None => self.sink.write(&self.decoded).err().map(SmtpError::from),
            };
        }
        self.decoded.clear();
    }

    /// Why the message is refused, if it is.
    pub(crate) fn take_refusal(&mut self) -> Option<SmtpError> {
        self.refusal.take()
    }

    /// The content, ready to be accepted.
    pub(crate) fn finish(self) -> Result<FinishedBody, SmtpError> {
        match self.refusal {
            Some(refusal) => Err(refusal),
            None => Ok(self.sink.finish()?),
        }
    }
}

/// Reads and throws away octets of a chunk that is not wanted.
pub(crate) async fn discard(conn: &mut Conn, octets: u64) -> Result<(), ConnError> {
    let mut left = octets;
    while left > 0 {
        let used = portion(conn, left).await?.len();
        conn.consume(used);
        left -= used as u64;
    }
    Ok(())
}

/// What the client sent next, at most `max_octets` of it.
async fn portion(conn: &mut Conn, max_octets: u64) -> Result<&[u8], ConnError> {
    let input = conn.read_some().await?;
    if input.is_empty() {
        return Err(ConnError::Truncated);
    }
    let fits = usize::try_from(max_octets).map_or(input.len(), |max| max.min(input.len()));
    Ok(&input[..fits])
}
