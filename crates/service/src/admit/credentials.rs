//! The part of a draft about what accounts sign in with besides their passwords.

use policy::Change;
use policy::change::{
    AppPasswordCreate, CredentialRef, RecoveryCodesCreate, TokenCreate, TotpCreate,
};
use types::{CredentialId, Secret};

use super::draft::{Draft, misplaced, not_found};
use super::prepare::Prepared;
use super::{AdmitError, Made};
use crate::actor::account_subject;
use crate::command::{Command, Password};
use crate::letters;

const DAY_S: i64 = 86_400;

impl Draft<'_> {
    pub(super) fn add_to_credentials(&mut self, prepared: &Prepared<'_>) -> Result<(), AdmitError> {
        match prepared.command {
            Command::AppPasswordAdd { .. } => self.add_app_password(prepared),
            Command::AppPasswordRemove { id } => {
                self.push(Change::AppPasswordRemove(CredentialRef { id: *id }))
            }
            Command::TotpEnrol { account, .. } => {
                let account = self.account(account)?.id;
                let id = self.config.next_credential_id();
                let secret = self.check_object(prepared)?;
                self.steps.extend(prepared.step.map(|step| (id, step)));
                self.push(Change::TotpCreate(TotpCreate {
                    id,
                    account,
                    secret,
                }))
            }
            Command::TotpRemove { account } => {
                let factor = self.config.totp(self.account(account)?);
                let id = factor.map(|factor| factor.id);
                let id = id.ok_or_else(|| not_found("second factor of", account))?;
                self.push(Change::TotpRemove(CredentialRef { id }))
            }
            Command::RecoveryCodes { account } => {
                let account = self.account(account)?.id;
                let id = self.config.next_credential_id();
                let secret = self.check_object(prepared)?;
                self.tell(id, prepared.made.clone());
                self.push(Change::RecoveryCodesCreate(RecoveryCodesCreate {
                    id,
                    account,
                    secret,
                }))
            }
            Command::TokenAdd { .. } => self.add_token(prepared),
            Command::TokenRemove { id } => {
                self.push(Change::TokenRemove(CredentialRef { id: *id }))
            }
            _ => Err(misplaced()),
        }
    }

    fn add_app_password(&mut self, prepared: &Prepared<'_>) -> Result<(), AdmitError> {
        let Command::AppPasswordAdd {
            account,
            name,
            scopes,
            networks,
            send_as,
        } = prepared.command
        else {
            return Err(misplaced());
        };
        let account = self.account(account)?.id;
        let senders: Result<Vec<_>, _> = send_as.iter().map(|of| self.identity(of)).collect();
        let name = self.name(account, name)?;
        let id = self.config.next_credential_id();
        let create = AppPasswordCreate {
            id,
            account,
            name,
            scopes: scopes.clone(),
            networks: networks.clone(),
            send_as: senders?,
            secret: self.check_object(prepared)?,
        };
        self.tell(id, prepared.made.clone());
        self.push(Change::AppPasswordCreate(create))
    }

    fn add_token(&mut self, prepared: &Prepared<'_>) -> Result<(), AdmitError> {
        let Command::TokenAdd {
            account,
            name,
            scopes,
            expires_days,
        } = prepared.command
        else {
            return Err(misplaced());
        };
        let account = self.account(account)?.id;
        let name = self.name(account, name)?;
        let id = self.config.next_credential_id();
        let days = expires_days.map(|days| i64::from(days) * DAY_S);
        let create = TokenCreate {
            id,
            account,
            name,
            scopes: scopes.clone(),
            expires: days.map(|seconds| self.now.plus_s(seconds)),
            secret: self.check_object(prepared)?,
        };
        let texts = prepared.made.iter().map(|made| letters::token(id, made));
        self.tell(id, texts.collect());
        self.push(Change::TokenCreate(create))
    }

    /// A name by which people tell credentials apart.
    fn name(
        &mut self,
        account: types::AccountId,
        name: &str,
    ) -> Result<ledger::Commitment, AdmitError> {
        let name = self.commit_name(account_subject(account), name)?;
        name.ok_or_else(|| AdmitError::Invalid("give it a name, such as phone".to_owned()))
    }

    fn check_object(&mut self, prepared: &Prepared<'_>) -> Result<ledger::ObjectId, AdmitError> {
        let check = prepared.check().ok_or_else(misplaced)?;
        Ok(self.secret(check.as_bytes()))
    }

    fn tell(&mut self, id: CredentialId, secrets: Vec<Secret>) {
        let secrets = secrets.into_iter().map(Password).collect();
        self.made.push(Made { id, secrets });
    }
}
