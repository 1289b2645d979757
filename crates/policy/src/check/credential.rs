//! Whether a credential can be made or removed.

use types::CredentialId;

use super::source::at_most;
use super::{Checked, account, next, present, room};
use crate::change::{AppPasswordCreate, Change, RecoveryCodesCreate, TokenCreate, TotpCreate};
use crate::check::ChangeError;
use crate::config::{Account, Config, CredentialKind};

/// App passwords of one account.
pub const APP_PASSWORDS_PER_ACCOUNT_MAX: usize = 50;
/// Tokens of one account.
pub const TOKENS_PER_ACCOUNT_MAX: usize = 50;
/// Networks that one app password is limited to.
pub const NETWORKS_PER_CREDENTIAL_MAX: usize = 16;
/// Addresses that one app password is limited to.
pub const SENDERS_PER_CREDENTIAL_MAX: usize = 16;

/// Whether a change of a credential can be made; changes of other things are not looked at.
pub(super) fn check(config: &Config, change: &Change) -> Checked {
    match change {
        Change::AppPasswordCreate(create) => app_password(config, create),
        Change::AppPasswordRemove(c) => {
            let sort = |kind: &_| matches!(kind, CredentialKind::AppPassword { .. });
            known(config, c.id, "app-password", sort)
        }
        Change::TotpCreate(create) => totp(config, create),
        Change::TotpRemove(c) => {
            let sort = |kind: &_| matches!(kind, CredentialKind::Totp);
            known(config, c.id, "account", sort)
        }
        Change::RecoveryCodesCreate(create) => recovery_codes(config, create),
        Change::TokenCreate(create) => token(config, create),
        Change::TokenRemove(c) => {
            let sort = |kind: &_| matches!(kind, CredentialKind::Token { .. });
            known(config, c.id, "token", sort)
        }
        _ => Ok(()),
    }
}

fn app_password(config: &Config, create: &AppPasswordCreate) -> Checked {
    next(create.id, config.next_credential_id())?;
    let account = account(config, create.account)?;
    let sort = |kind: &_| matches!(kind, CredentialKind::AppPassword { .. });
    has_room(
        config,
        account,
        "app passwords",
        APP_PASSWORDS_PER_ACCOUNT_MAX,
        sort,
    )?;
    at_least_one(create.scopes.len())?;
    let place = "one app password";
    at_most(
        create.networks.len(),
        NETWORKS_PER_CREDENTIAL_MAX,
        "networks",
        place,
    )?;
    at_most(
        create.send_as.len(),
        SENDERS_PER_CREDENTIAL_MAX,
        "sender addresses",
        place,
    )?;
    let foreign = create
        .send_as
        .iter()
        .find(|of| !config.sends_for(account, **of));
    match foreign {
        Some(of) => Err(ChangeError::Field {
            field: "send_as",
            value: of.to_string(),
            accepted: "it takes addresses that the account itself may send with",
        }),
        None => Ok(()),
    }
}

fn totp(config: &Config, create: &TotpCreate) -> Checked {
    next(create.id, config.next_credential_id())?;
    let account = account(config, create.account)?;
    match config.totp(account) {
        Some(_) => Err(ChangeError::HasFactor(account.id)),
        None => Ok(()),
    }
}

fn recovery_codes(config: &Config, create: &RecoveryCodesCreate) -> Checked {
    next(create.id, config.next_credential_id())?;
    let account = account(config, create.account)?;
    match config.totp(account) {
        Some(_) => Ok(()),
        None => Err(ChangeError::NoFactor(account.id)),
    }
}

fn token(config: &Config, create: &TokenCreate) -> Checked {
    next(create.id, config.next_credential_id())?;
    let account = account(config, create.account)?;
    let sort = |kind: &_| matches!(kind, CredentialKind::Token { .. });
    has_room(config, account, "tokens", TOKENS_PER_ACCOUNT_MAX, sort)?;
    at_least_one(create.scopes.len())
}

/// Whether there is a credential of this sort; `noun` is the command that lists them.
fn known(
    config: &Config,
    id: CredentialId,
    noun: &'static str,
    sort: impl Fn(&CredentialKind) -> bool,
) -> Checked {
    let found = config.credential(id).filter(|found| sort(&found.kind));
    present(found, noun, id).map(drop)
}

fn has_room(
    config: &Config,
    account: &Account,
    things: &'static str,
    max: usize,
    sort: impl Fn(&CredentialKind) -> bool,
) -> Checked {
    let credentials = config.credentials_of(account);
    let present = credentials.filter(|known| sort(&known.kind)).count();
    room(present, max, things, &account.address.to_string())
}

fn at_least_one(scopes: usize) -> Checked {
    match scopes {
        0 => Err(ChangeError::Field {
            field: "scopes",
            value: "empty".to_owned(),
            accepted: "it takes at least one scope",
        }),
        _ => Ok(()),
    }
}
