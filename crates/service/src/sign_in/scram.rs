//! Signing in without sending the password: SCRAM-SHA-256 (RFC 5802, RFC 7677). A door speaks the
//! messages; here stands what they are about.

use net::Failure;
use policy::Account;
use types::{Address, CredentialId};

use super::look::{Looked, at_door, is_app_password};
use super::{SignInError, Tried};
use crate::Service;
use crate::actor::{Peer, Principal};
use crate::password::Revision;
use crate::scram::{ITERATIONS, KEY_OCTETS, SALT_OCTETS, Salt, ScramKeys, Signature};

/// Whom a client wants to sign in as, and what it is told before it proves anything.
#[derive(Clone, Debug)]
pub struct ScramAccount {
    /// The salt; the same for a name each time, whether or not anybody has it.
    pub salt: Salt,
    /// Rounds of Hi.
    pub iterations: u32,
    name: String,
}

/// A credential that the proof may have been made with.
struct Candidate {
    keys: ScramKeys,
    looked: Looked,
}

impl Service {
    /// What the server's first message says to a client that gives this name. Nothing is checked
    /// and nothing recorded; unknown names are answered like known ones.
    pub fn scram_start(&self, name: &str) -> ScramAccount {
        let name = self.tried(name).name;
        ScramAccount {
            salt: self.scram_salt(&name),
            iterations: ITERATIONS,
            name,
        }
    }

    /// Checks the client's proof over the exchange (`auth_message`, RFC 5802 §3) against every
    /// credential of the account that has keys, and signs the account in. Gives the server's
    /// signature, which goes to the client with the success.
    ///
    /// Waits, refuses and records as [`Self::sign_in`] does.
    pub async fn scram_finish(
        &self,
        peer: &Peer,
        account: &ScramAccount,
        auth_message: &[u8],
        proof: &Signature,
    ) -> Result<(Principal, Signature), SignInError> {
        if !self.plain_sign_in_allowed(peer) {
            return Err(SignInError::Refused);
        }
        let tried = self.tried(&account.name);
        let _guess = self
            .wait_or_refuse(peer, &tried.key, &tried.about(peer))
            .await?;
        let candidates = self.candidates(peer, account, &tried).await?;
        let mut signature = [0; KEY_OCTETS];
        let mut looked = Looked::Wrong;
        for candidate in candidates {
            if candidate.keys.verify(auth_message, proof) {
                signature = candidate.keys.server_signature(auth_message);
                looked = candidate.looked;
            }
        }
        let failure = Failure::Proof(self.inner.random.number());
        let principal = self.conclude(peer, tried, looked, failure).await?;
        Ok((principal, signature))
    }

    /// The salt of a name: from the one spelling of its address, so that another name of the same
    /// domain has the same one, whether or not anybody has the address.
    pub(crate) fn scram_salt(&self, name: &str) -> Salt {
        let address: Option<Address> = name.parse().ok();
        let spelled = address.map(|address| {
            let config = self.config();
            let own = config.domain(address.domain()).map(|domain| &domain.name);
            let own = own.unwrap_or(address.domain());
            format!("{}@{own}", address.local().folded())
        });
        self.inner
            .vault
            .scram_salt(spelled.as_deref().unwrap_or(name))
    }

    /// The credentials of the account that have keys; one that nothing can prove where there are
    /// none, so that the work is nearly the same. (Their objects are read only where there are any.)
    async fn candidates(
        &self,
        peer: &Peer,
        scram: &ScramAccount,
        tried: &Tried,
    ) -> Result<Vec<Candidate>, SignInError> {
        let known = tried
            .account
            .as_ref()
            .map_or_else(Vec::new, |account| self.with_keys(peer, account));
        let (ids, looked): (Vec<_>, Vec<_>) = known.into_iter().unzip();
        let texts = self.secret_texts(ids).await?;
        let mut candidates = Vec::new();
        for (text, looked) in texts.into_iter().zip(looked) {
            let line = text.as_ref().and_then(|text| text.lines().nth(1));
            let keys =
                line.and_then(|line| ScramKeys::from_line(line, &scram.salt, scram.iterations));
            candidates.extend(keys.map(|keys| Candidate { keys, looked }));
        }
        if candidates.is_empty() {
            let nobody = types::Secret::new(self.inner.random.array::<SALT_OCTETS>().to_vec());
            candidates.push(Candidate {
                keys: ScramKeys::new(&nobody, &scram.salt, 1),
                looked: Looked::Wrong,
            });
        }
        Ok(candidates)
    }

    /// The secrets of the account's credentials, with what each would do at this door.
    fn with_keys(&self, peer: &Peer, account: &Account) -> Vec<(ledger::ObjectId, Looked)> {
        let config = self.config();
        let mut known = Vec::new();
        if let Some(password) = account.password {
            let revision: Revision = (password.credential, password.revision);
            let looked = match config.mail_password(account) {
                Some(_) => Looked::Opens(revision),
                None => closed_by_factor(password.credential),
            };
            known.push((password.secret, looked));
        }
        let app_passwords = config.credentials_of(account).filter(is_app_password);
        known.extend(app_passwords.map(|app| (app.secret, at_door(peer, app))));
        known
    }
}

fn closed_by_factor(credential: CredentialId) -> Looked {
    Looked::Closed {
        credential,
        why: "second factor",
    }
}
