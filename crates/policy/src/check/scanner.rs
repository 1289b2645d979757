//! Whether a scanner can be asked as a change wants it.

use super::{Checked, changes};
use crate::change::ScannerSet;
use crate::check::ChangeError;
use crate::config::Config;

/// Seconds for which a scanner may be waited: the client waits as long for its reply.
pub(super) const SCANNER_TIMEOUT_MAX_S: u32 = 120;

pub(super) fn check(config: &Config, set: &ScannerSet) -> Checked {
    if !(1..=SCANNER_TIMEOUT_MAX_S).contains(&set.timeout_s) {
        return Err(ChangeError::Field {
            field: "timeout",
            value: set.timeout_s.to_string(),
            accepted: "from 1 to 120 seconds",
        });
    }
    changes(
        config.scanner(set.id) != Some(set),
        format_args!("{}", set.id),
    )
}
