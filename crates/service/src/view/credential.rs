//! What accounts sign in with besides their passwords, as lists.

use policy::{Config, Credential, CredentialKind, Owned};
use serde::Serialize;
use store::credential::Use;
use types::Address;

use crate::Service;
use crate::actor::Actor;
use crate::error::{ServiceError, ServiceResult};

/// How a credential came to be and when it was last used.
#[derive(Clone, Debug, Serialize)]
pub struct CredentialLife {
    /// The entry that made it.
    pub made_seq: u64,
    /// When that was, RFC 3339.
    pub made_at: String,
    /// Who made it.
    pub made_by: String,
    /// When it was last used, RFC 3339; none if never.
    pub last_used_at: Option<String>,
    /// By which protocol.
    pub last_protocol: Option<String>,
    /// From where.
    pub last_source: Option<String>,
}

/// An app password.
#[derive(Clone, Debug, Serialize)]
pub struct AppPasswordView {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub account: Address,
    /// The name of the device or program.
    pub name: String,
    /// The protocols that it opens.
    pub scopes: Vec<&'static str>,
    /// The networks that it works from; empty for all.
    pub networks: Vec<String>,
    /// The addresses that it may send with; empty for all of the account.
    pub send_as: Vec<String>,
    /// How it came to be and when it was last used.
    #[serde(flatten)]
    pub life: CredentialLife,
}

/// A token.
#[derive(Clone, Debug, Serialize)]
pub struct TokenView {
    /// Its id.
    pub id: String,
    /// On whose authority it acts.
    pub account: Address,
    /// The name of the program.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<&'static str>,
    /// The moment from which on it is refused, RFC 3339; none for never.
    pub expires: Option<String>,
    /// How it came to be and when it was last used.
    #[serde(flatten)]
    pub life: CredentialLife,
}

impl Service {
    /// App passwords: all, or those of one account.
    pub async fn app_password_list(
        &self,
        actor: &Actor,
        of: Option<&Address>,
    ) -> ServiceResult<Vec<AppPasswordView>> {
        let config = self.config();
        let mut views = Vec::new();
        let uses = self.last_uses().await?;
        for credential in self.credentials(&config, actor, of)? {
            let CredentialKind::AppPassword {
                name,
                scopes,
                networks,
                send_as,
            } = &credential.kind
            else {
                continue;
            };
            views.push(AppPasswordView {
                id: credential.id.to_string(),
                account: address(&config, credential)?,
                name: self.opened(*name).await?,
                scopes: scopes.iter().map(|scope| scope.as_str()).collect(),
                networks: networks.iter().map(ToString::to_string).collect(),
                send_as: send_as.iter().map(|of| owner(&config, *of)).collect(),
                life: self.life(credential, uses.get(&credential.id)).await?,
            });
        }
        Ok(views)
    }

    /// Tokens: all, or those of one account.
    pub async fn token_list(
        &self,
        actor: &Actor,
        of: Option<&Address>,
    ) -> ServiceResult<Vec<TokenView>> {
        let config = self.config();
        let mut views = Vec::new();
        let uses = self.last_uses().await?;
        for credential in self.credentials(&config, actor, of)? {
            let CredentialKind::Token {
                name,
                scopes,
                expires,
            } = &credential.kind
            else {
                continue;
            };
            views.push(TokenView {
                id: credential.id.to_string(),
                account: address(&config, credential)?,
                name: self.opened(*name).await?,
                scopes: scopes.iter().map(|scope| scope.as_str()).collect(),
                expires: expires.map(types::Timestamp::to_rfc3339),
                life: self.life(credential, uses.get(&credential.id)).await?,
            });
        }
        Ok(views)
    }

    fn credentials<'a>(
        &self,
        config: &'a Config,
        actor: &Actor,
        of: Option<&Address>,
    ) -> ServiceResult<Vec<&'a Credential>> {
        self.may_read_server(actor)?;
        let Some(of) = of else {
            return Ok(config.credentials().collect());
        };
        let account = config
            .account_at(of)
            .ok_or(ServiceError::NotFound("account"))?;
        Ok(config.credentials_of(account).collect())
    }

    async fn life(
        &self,
        credential: &Credential,
        last: Option<&Use>,
    ) -> ServiceResult<CredentialLife> {
        let (made_at, made_by) = self.entry_time_and_actor(credential.made_seq).await?;
        Ok(CredentialLife {
            made_seq: credential.made_seq,
            made_at,
            made_by,
            last_used_at: last.map(|last| last.at.to_rfc3339()),
            last_protocol: last.map(|last| last.door.clone()),
            last_source: last.map(|last| last.source.clone()),
        })
    }
}

fn address(config: &Config, credential: &Credential) -> ServiceResult<Address> {
    let account = config.account(credential.account);
    let account = account.ok_or(ServiceError::NotFound("account"))?;
    Ok(account.address.clone())
}

fn owner(config: &Config, of: Owned) -> String {
    let address = match of {
        Owned::Account(id) => config
            .account(id)
            .map(|account| account.address.to_string()),
        Owned::Alias(id) => config.alias(id).map(|alias| alias.address.to_string()),
    };
    address.unwrap_or_else(|| format!("{of} (gone)"))
}
