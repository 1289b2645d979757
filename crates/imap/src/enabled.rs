//! What this client has enabled (RFC 5161 §3.1).

use wire::imap::Spelling;

/// What a client wants to hear besides what all hear. It only grows (RFC 7162 §3.1, §3.2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tracking {
    /// Nothing.
    #[default]
    Off,
    /// The mod-sequence of each change of flags.
    Condstore,
    /// Also the UIDs of expunged messages in place of their numbers.
    Qresync,
}

/// Extensions that change how the server speaks, from ENABLE to the end of the connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Enabled {
    /// `IMAP4rev2` (RFC 9051 §6.3.1).
    pub(crate) rev2: bool,
    /// `UTF8=ACCEPT` (RFC 6855 §3).
    pub(crate) utf8: bool,
    /// `CONDSTORE` and `QRESYNC`; the former also without ENABLE.
    pub(crate) tracking: Tracking,
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
            "CONDSTORE" => {
                self.tracking = self.tracking.max(Tracking::Condstore);
                Some("CONDSTORE")
            }
            "QRESYNC" => {
                self.tracking = Tracking::Qresync;
                Some("QRESYNC")
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
