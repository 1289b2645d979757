//! `sealpost account totp` and `recovery-codes`: the second factor of an account.

use std::io::{IsTerminal as _, Write};

use net::Random;
use serde_json::json;
use service::{BASE32, Command, Password};
use types::{Address, Secret};

use super::ask::{Change, Read};
use crate::control::protocol::Ask;
use crate::exit::{Exit, Failure};
use crate::secret_input::{self, Otherwise};

/// Letters of a shared secret: 160 bits, as RFC 4226 §4 recommends.
const SECRET_LETTERS: usize = 32;

/// Codes that are asked for before the secret is given up.
const CODE_TRIES: u32 = 3;

/// What can be done with the second factor of an account.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Totp {
    /// Shows a new secret for an authenticator app, asks for a code, and puts the factor in force.
    ///
    /// From then on the account's password is refused by mail programs, as a wrong one would be:
    /// each needs an app password (`sealpost app-password add`). Make recovery codes too.
    Enrol(One),
    /// Takes the second factor away, and the recovery codes with it.
    Rm(One),
    /// Says whether a code counts, and uses it up. It is asked for, or read from standard input.
    Check {
        /// The address of the account.
        address: Address,
        #[command(flatten)]
        read: Read,
    },
}

/// A change of one account.
#[derive(Debug, clap::Args)]
pub(crate) struct One {
    /// The address of the account.
    address: Address,
    #[command(flatten)]
    change: Change,
}

impl Totp {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::Enrol(one) => one.enrol(out),
            Self::Rm(One { address, change }) => {
                change.carry_out(out, &[Command::TotpRemove { account: address }])
            }
            Self::Check { address, read } => {
                let code = secret_input::line("Code: ")?;
                let ask = Ask::FactorCheck {
                    account: address,
                    code: Password(code),
                };
                read.show(out, ask)
            }
        }
    }
}

impl One {
    fn enrol(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let Self { address, change } = self;
        let secret = shared_secret(&Random::system());
        let command = |code| Command::TotpEnrol {
            account: address.clone(),
            secret: Password(secret.clone()),
            code: Password(code),
        };
        let empty = Secret::new(Vec::new());
        let rehearsal = [command(empty)];
        // Who has no such account hears it before there is a secret to type in.
        change.rehearse(&rehearsal)?;
        if !change.agreed_on(out, &rehearsal)? {
            return Ok(());
        }
        if change.otherwise() == Otherwise::Fail && std::io::stdin().is_terminal() {
            let words =
                "the code must be typed: leave --no-input out, or give it on standard input";
            return Err(Failure::usage(words).into());
        }
        let shown = json!({
            "secret": String::from_utf8_lossy(secret.expose()),
            "uri": uri(&address, &secret),
        });
        change.tell(out, &shown)?;
        eprintln!("Add it to an authenticator app, then type the code that the app shows.");
        for tries_left in (0..CODE_TRIES).rev() {
            let code = secret_input::line("Code: ")?;
            match change.carry_out_agreed(out, &[command(code)], &json!({})) {
                Err(error) if tries_left > 0 && asks_again(&error) => {
                    eprintln!("{error}\nThe secret stays the same: type the next code of the app.");
                }
                done => {
                    done?;
                    break;
                }
            }
        }
        eprintln!(
            "Mail programs of {address} need app passwords from now on: sealpost app-password add \
             --account {address} --name NAME\nMake recovery codes for the day on which the device \
             is lost: sealpost account recovery-codes {address}"
        );
        Ok(())
    }
}

/// Whether another code may do: somebody sits there, and the value was wrong.
fn asks_again(error: &anyhow::Error) -> bool {
    let failure = error.downcast_ref::<Failure>();
    let is_wrong = failure.is_some_and(|failure| failure.exit() == Exit::Usage);
    is_wrong && std::io::stdin().is_terminal()
}

/// A fresh shared secret in Base32.
fn shared_secret(random: &Random) -> Secret {
    let octets = random.array::<SECRET_LETTERS>();
    let letter = |octet: u8| BASE32[usize::from(octet) % BASE32.len()];
    Secret::new(octets.map(letter).to_vec())
}

/// What authenticator apps read from a QR code; the other parameters are their defaults.
fn uri(address: &Address, secret: &Secret) -> String {
    let encoded = |text: &str| -> String {
        let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_' | b'~');
        text.bytes()
            .map(|c| match plain(c) {
                true => char::from(c).to_string(),
                false => format!("%{c:02X}"),
            })
            .collect()
    };
    let issuer = encoded(&address.domain().to_string());
    format!(
        "otpauth://totp/{issuer}:{}?secret={}&issuer={issuer}",
        encoded(&address.to_string()),
        String::from_utf8_lossy(secret.expose()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uri_has_issuer_account_and_secret() {
        let secret = Secret::new(b"GEZDGNBVGY3TQOJQ".to_vec());
        let uri = uri(&"ann+x@example.org".parse().unwrap(), &secret);
        assert_eq!(
            uri,
            "otpauth://totp/example.org:ann%2Bx%40example.org?secret=GEZDGNBVGY3TQOJQ&issuer=example.org"
        );
    }

    #[test]
    fn a_secret_is_new_each_time() {
        let random = Random::seeded(3);
        let (one, two) = (shared_secret(&random), shared_secret(&random));
        assert!(one.expose().len() == 32 && one.expose() != two.expose());
    }
}
