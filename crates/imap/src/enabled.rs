//! What this client has enabled (RFC 5161 §3.1).

use wire::imap::Spelling;

/// Extensions that change how the server speaks, from ENABLE to the end of the connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Enabled {
    /// `IMAP4rev2` (RFC 9051 §6.3.1).
    pub(crate) rev2: bool,
    /// `UTF8=ACCEPT` (RFC 6855 §3).
    pub(crate) utf8: bool,
}

impl Enabled {
    /// Enables what has this name in capitals, and gives its name as the client shall hear it;
    /// `None` if nothing needs to be enabled under this name.
    pub(crate) fn enable(&mut self, name: &str) -> Option<&'static str> {
        match name {
            "IMAP4REV2" => {
                self.rev2 = true;
                Some("IMAP4rev2")
            }
            "UTF8=ACCEPT" => {
                self.utf8 = true;
                Some("UTF8=ACCEPT")
            }
            _ => None,
        }
    }

    /// How mailbox names are spelled.
    pub(crate) fn spelling(self) -> Spelling {
        if self.rev2 || self.utf8 {
            Spelling::Utf8
        } else {
            Spelling::Utf7
        }
    }
}
