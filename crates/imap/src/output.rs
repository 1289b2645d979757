//! What the client will hear, on its way to the connection.

use net::{Conn, ConnError};
use wire::imap::{Responses, Spelling};

use crate::limits::RESPONSES_MAX_OCTETS;

/// The connection as command handlers see it: something to say things to.
pub(crate) struct Output<'a> {
    conn: &'a mut Conn,
    /// What is said next.
    pub(crate) responses: Responses,
}

impl<'a> Output<'a> {
    /// Nothing said yet, to a client that reads mailbox names spelled so.
    pub(crate) fn new(conn: &'a mut Conn, spelling: Spelling) -> Self {
        Self {
            conn,
            responses: Responses::spelled(spelling),
        }
    }

    /// Hands over what was said if it has become much.
    pub(crate) async fn relieve(&mut self) -> Result<(), ConnError> {
        if self.responses.len() < RESPONSES_MAX_OCTETS {
            return Ok(());
        }
        self.hand_over().await
    }

    /// Hands over what was said. The connection sends it before it waits for the client.
    pub(crate) async fn hand_over(&mut self) -> Result<(), ConnError> {
        let said = self.responses.take();
        self.conn.write(&said).await
    }

    /// Octets of a literal, behind all that was said.
    pub(crate) async fn stream(&mut self, octets: &[u8]) -> Result<(), ConnError> {
        self.hand_over().await?;
        self.conn.write(octets).await
    }
}
