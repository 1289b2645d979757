//! What came with scanners.

use super::{Change, Effect, Protection};
use crate::change::{IfSilent, ScannerKind, ScannerRemove, ScannerSet};

pub(super) fn changes() -> Vec<Change> {
    let set = |id, address: &str, if_silent| {
        Change::ScannerSet(ScannerSet {
            id,
            address: address.parse().unwrap(),
            if_silent,
            timeout_s: 20,
        })
    };
    vec![
        set(
            ScannerKind::Clamd,
            "unix:/run/clamav/clamd.ctl",
            IfSilent::Defer,
        ),
        set(ScannerKind::Rspamd, "127.0.0.1:11333", IfSilent::Accept),
        Change::ScannerRemove(ScannerRemove {
            id: ScannerKind::Rspamd,
        }),
    ]
}

pub(super) fn effects() -> Vec<Effect> {
    vec![
        Effect::SendsContent {
            scanner: ScannerKind::Clamd,
            to: "unix:/run/clamav/clamd.ctl".parse().unwrap(),
        },
        Effect::DelegatesVerdict {
            scanner: ScannerKind::Rspamd,
            if_silent: IfSilent::Accept,
        },
        Effect::WeakensProtection {
            what: Protection::Scanner(ScannerKind::Rspamd),
        },
    ]
}
