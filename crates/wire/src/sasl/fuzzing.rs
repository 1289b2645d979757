//! Bodies of fuzz targets for SASL.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::scram::Bindings;
use super::{Mechanism, Turn, start};

/// Credentials that PLAIN accepts are accepted again, unchanged, when they are written anew.
pub fn plain_round_trip(input: &[u8]) {
    let Ok(Turn::Done(first)) = start(Mechanism::Plain, Some(input), Bindings::default()) else {
        return;
    };
    let authzid = first.authzid.as_deref().unwrap_or_default().as_bytes();
    let authcid = first.authcid.as_bytes();
    let said = [authzid, b"\0", authcid, b"\0", first.password.expose()].concat();
    let line = STANDARD.encode(said);
    let Ok(Turn::Done(second)) =
        start(Mechanism::Plain, Some(line.as_bytes()), Bindings::default())
    else {
        panic!("what was accepted once was refused");
    };
    assert_eq!(first.authzid, second.authzid);
    assert_eq!(first.authcid, second.authcid);
    assert_eq!(first.password.expose(), second.password.expose());
}

#[cfg(test)]
mod tests {
    #[test]
    fn kept_seeds_pass() {
        crate::seeds::replay("sasl_plain", super::plain_round_trip);
    }
}
