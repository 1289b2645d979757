//! A message on its way in: its header block apart from its body, both bounded.

use store::Body;
use types::limits::HEADER_BLOCK_MAX_OCTETS;

use crate::Service;
use crate::error::{ServiceError, ServiceResult};
use crate::header;

/// Takes the octets of a message as they come; what is too large is read by the door and dropped.
pub struct BodySink {
    head: Vec<u8>,
    in_head: bool,
    body: Body,
    octets: u64,
    max_octets: u64,
}

/// A message that arrived whole.
pub struct FinishedBody {
    /// The header block with the blank line behind it, if there is one.
    pub(crate) head: Vec<u8>,
    /// All behind the header block.
    pub(crate) body: store::FinishedBody,
}

impl Service {
    /// Begins a message of at most the size that the settings allow.
    pub fn body_sink(&self) -> BodySink {
        let max_octets = self.config().settings().message_size_max_octets;
        let body = self.inner.store.body(max_octets);
        BodySink {
            head: Vec::new(),
            in_head: true,
            body,
            octets: 0,
            max_octets,
        }
    }
}

impl BodySink {
    /// Takes the next octets. After an error the message is lost; further octets are refused too.
    pub fn write(&mut self, octets: &[u8]) -> ServiceResult<()> {
        self.octets += octets.len() as u64;
        if self.octets > self.max_octets {
            return Err(ServiceError::TooLarge {
                max_octets: self.max_octets,
            });
        }
        if !self.in_head {
            return Ok(self.body.write(octets)?);
        }
        let seen = self.head.len();
        self.head.extend_from_slice(octets);
        let end = header::head_end(&self.head, seen);
        if end.unwrap_or(self.head.len()) > HEADER_BLOCK_MAX_OCTETS {
            return Err(ServiceError::Limit("octets of the header block"));
        }
        if let Some(end) = end {
            let rest = self.head.split_off(end);
            self.in_head = false;
            self.body.write(&rest)?;
        }
        Ok(())
    }

    /// The whole message.
    pub fn finish(self) -> ServiceResult<FinishedBody> {
        Ok(FinishedBody {
            head: self.head,
            body: self.body.finish(),
        })
    }
}

impl FinishedBody {
    /// Its size as it came.
    pub fn octets(&self) -> u64 {
        self.head.len() as u64 + self.body.octets()
    }
}
