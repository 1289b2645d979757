//! The line that `sealpost demo --json` prints when it is ready (ARCHITECTURE.md, "The demo
//! contract").

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A running demo.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Ready {
    /// Always true; what is not ready prints nothing.
    pub ready: bool,
    /// The domain of the accounts.
    pub domain: String,
    /// Where the doors are.
    pub ports: Ports,
    /// Certificate (PEM) of the authority that signed the server's own.
    pub ca: PathBuf,
    /// Who may sign in.
    pub accounts: Vec<Account>,
    /// How to verify the ledger.
    pub ledger: Ledger,
    /// Process id of the server.
    pub pid: u32,
}

/// Port of each door; 0 for a door that is not built yet.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[expect(missing_docs, reason = "the names are those of the protocols")]
pub struct Ports {
    pub smtp: u16,
    pub submission: u16,
    pub submissions: u16,
    pub imap: u16,
    pub imaps: u16,
    pub pop3: u16,
    pub pop3s: u16,
    pub managesieve: u16,
    pub http: u16,
}

impl Ports {
    /// Ports of a server whose base is `base`; what is not built yet has 0.
    pub(crate) fn of(base: u16) -> Self {
        Self {
            smtp: base + 25,
            submission: base + 587,
            submissions: base + 465,
            imap: base + 143,
            imaps: base + 993,
            pop3: base + 110,
            pop3s: base + 995,
            managesieve: base + 4190,
            http: 0,
        }
    }
}

/// One account of the demo.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Account {
    /// Address, and the name to sign in with.
    pub address: String,
    /// Password in the clear; only a demo has it.
    pub password: String,
    /// What the account may do.
    pub role: String,
}

/// What pins a ledger.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Ledger {
    /// First line of its checkpoints.
    pub origin: String,
    /// Verifier key of its signer.
    pub vkey: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_is_read() {
        let line = r#"{"ready":true,"domain":"demo.test","ports":{"smtp":11025,"submission":11587,
            "submissions":11465,"imap":11143,"imaps":11993,"pop3":11110,"pop3s":11995,
            "managesieve":15190,"http":0},"ca":"demo/ca.pem","accounts":[{"address":"u0001@demo.test",
            "password":"p","role":"owner"}],"ledger":{"origin":"o","vkey":"v"},"pid":7,"new":1}"#;
        let ready: Ready = serde_json::from_str(line).unwrap();
        assert_eq!(
            (ready.ports.imaps, ready.ports.http, ready.pid),
            (11993, 0, 7)
        );
    }

    #[test]
    fn a_line_without_ports_is_refused() {
        assert!(serde_json::from_str::<Ready>(r#"{"ready":true,"domain":"demo.test"}"#).is_err());
    }
}
