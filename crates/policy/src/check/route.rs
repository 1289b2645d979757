//! Whether mail can take a route as a change wants it.

use super::{Checked, changes, room};
use crate::change::{RouteFor, RouteSet};
use crate::check::ChangeError;
use crate::config::Config;

/// Routes of the server.
pub(super) const ROUTES_MAX: usize = 1_000;
/// Octets of the name under which this server signs in.
const USER_MAX_OCTETS: usize = 255;

pub(super) fn check(config: &Config, set: &RouteSet) -> Checked {
    let wrong = |field, value: String, accepted| {
        Err(ChangeError::Field {
            field,
            value,
            accepted,
        })
    };
    if set.port == 0 {
        return wrong("port", "0".to_owned(), "from 1 to 65535");
    }
    if let RouteFor::Domain(domain) = &set.id
        && config.domain(domain).is_some()
    {
        let accepted = "a domain that is not hosted here: mail for one that is stays here";
        return wrong("domain", domain.to_string(), accepted);
    }
    if set.host.as_str() == config.settings().host_name.as_str() {
        let accepted = "another host than this server";
        return wrong("host", set.host.to_string(), accepted);
    }
    match (&set.user, &set.password) {
        (None, None) => {}
        (Some(user), Some(_)) => {
            let sound =
                (1..=USER_MAX_OCTETS).contains(&user.len()) && !user.chars().any(char::is_control);
            if !sound {
                let accepted = "1 to 255 octets without control characters";
                return wrong("user", user.clone(), accepted);
            }
            if !set.tls.is_checked() {
                let accepted = "starttls or implicit, since a password goes there";
                return wrong("tls", format!("{:?}", set.tls).to_lowercase(), accepted);
            }
        }
        _ => return wrong("user", String::new(), "a user and a password, or neither"),
    }
    if config.route(&set.id).is_none() {
        room(config.routes().count(), ROUTES_MAX, "routes", "the server")?;
    }
    changes(
        config.route(&set.id) != Some(set),
        format_args!("route {}", set.id),
    )
}
