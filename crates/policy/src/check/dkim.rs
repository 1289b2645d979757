//! Whether a key can be made and used as a change wants it.

use super::{Checked, changes, found, room};
use crate::change::{DkimCreate, DkimSetUse};
use crate::check::ChangeError;
use crate::config::Config;

/// Keys of one domain.
const KEYS_MAX: usize = 8;
/// Octets of what a record publishes; an RSA key of 4096 bits has 736.
const PUBLIC_MAX_OCTETS: usize = 1_024;

pub(super) fn create(config: &Config, create: &DkimCreate) -> Checked {
    let domain = &create.id.domain;
    found(config.domain(domain), "domain", domain)?;
    if config.dkim_key(&create.id).is_some() {
        return Err(ChangeError::Field {
            field: "key",
            value: create.id.to_string(),
            accepted: "the name of a key that is not there yet",
        });
    }
    let is_base64 =
        |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/' | b'=');
    if !(1..=PUBLIC_MAX_OCTETS).contains(&create.public.len())
        || !create.public.bytes().all(is_base64)
    {
        return Err(ChangeError::Field {
            field: "public",
            value: create.public.clone(),
            accepted: "1 to 1,024 octets of base64",
        });
    }
    room(
        config.dkim_keys(domain).count(),
        KEYS_MAX,
        "keys",
        domain.as_str(),
    )
}

pub(super) fn set_use(config: &Config, set: &DkimSetUse) -> Checked {
    found(config.dkim_key(&set.id), "key", &set.id)?;
    changes(
        config
            .dkim_key(&set.id)
            .is_some_and(|key| key.state != set.state),
        format_args!("key {}", set.id),
    )
}
