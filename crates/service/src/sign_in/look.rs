//! Which credential of an account a password is, and whether it opens this door.

use ledger::ObjectId;
use policy::{Account, Credential, CredentialKind, MailScope};
use types::{CredentialId, Secret};

use super::SignInError;
use zeroize::Zeroizing;

use crate::Service;
use crate::actor::{Peer, Protocol};
use crate::letters;
use crate::password::{PASSWORD_MAX_OCTETS, Revision};

/// The client is told the same of all but the first.
pub(super) enum Looked {
    /// A credential that opens this door.
    Opens(Revision),
    /// A credential that does not open this door, or not from there.
    Closed {
        credential: CredentialId,
        /// One of our own words, for the record.
        why: &'static str,
    },
    /// No credential of the account.
    Wrong,
}

impl Service {
    /// Looks at the app passwords first: that costs nothing. Whatever does not open the door has
    /// cost a slow hash, so that the time tells nothing.
    pub(super) async fn look_for_password(
        &self,
        peer: &Peer,
        account: Option<&Account>,
        password: &Secret,
    ) -> Result<Looked, SignInError> {
        if password.expose().len() > PASSWORD_MAX_OCTETS {
            return Ok(Looked::Wrong);
        }
        if let Some(found) = self.look_for_app_password(peer, account, password).await? {
            if matches!(found, Looked::Closed { .. }) {
                self.verify(None, password).await?;
            }
            return Ok(found);
        }
        let Some((account, known)) = account.and_then(|a| Some((a, a.password?))) else {
            self.verify(None, password).await?;
            return Ok(Looked::Wrong);
        };
        let revision: Revision = (known.credential, known.revision);
        // Beside a second factor nothing is remembered, or the right password would be answered
        // sooner than a wrong one.
        let opens = self.config().mail_password(account).is_some();
        if opens && self.inner.passwords.remembers(revision, password) {
            return Ok(Looked::Opens(revision));
        }
        let text = self.secret_text(known.secret).await?;
        let is_right = self.verify(Some((revision, text)), password).await?;
        Ok(match (is_right, opens) {
            (false, _) => Looked::Wrong,
            (true, true) => Looked::Opens(revision),
            (true, false) => Looked::Closed {
                credential: known.credential,
                why: "second factor",
            },
        })
    }

    async fn verify(
        &self,
        known: Option<(Revision, Zeroizing<String>)>,
        password: &Secret,
    ) -> Result<bool, SignInError> {
        let verified = self.inner.passwords.verify(known, password).await;
        verified.map_err(|_| SignInError::Busy)
    }

    /// What the password is among the app passwords of the account, if it is one.
    async fn look_for_app_password(
        &self,
        peer: &Peer,
        account: Option<&Account>,
        password: &Secret,
    ) -> Result<Option<Looked>, SignInError> {
        let Some((account, plain)) = account.zip(letters::plain(password, letters::LONG)) else {
            return Ok(None);
        };
        let config = self.config();
        let passwords: Vec<_> = config
            .credentials_of(account)
            .filter(is_app_password)
            .collect();
        let remembers = |known: &&&Credential| {
            let revision = (known.id, known.made_seq);
            self.inner.passwords.remembers(revision, &plain)
        };
        if let Some(known) = passwords.iter().find(remembers) {
            return Ok(Some(at_door(peer, known)));
        }
        let ids = passwords.iter().map(|known| known.secret).collect();
        let texts = self.secret_texts(ids).await?;
        let found = passwords.iter().zip(texts).find(|(_, text)| {
            let line = text.as_ref().and_then(|text| first_line(text));
            line.is_some_and(|line| letters::place(line, &plain).is_some())
        });
        Ok(found.map(|(known, _)| {
            let revision = (known.id, known.made_seq);
            self.inner.passwords.remember_right(revision, &plain);
            at_door(peer, known)
        }))
    }

    /// The text of a secret object, checked against its id at every use.
    pub(crate) async fn secret_text(&self, id: ObjectId) -> Result<Zeroizing<String>, SignInError> {
        let mut texts = self.secret_texts(vec![id]).await?;
        texts.pop().flatten().ok_or(SignInError::Unavailable)
    }

    /// The texts of secret objects; `None` where one is missing or not as recorded, which is in the
    /// log then.
    pub(super) async fn secret_texts(
        &self,
        ids: Vec<ObjectId>,
    ) -> Result<Vec<Option<Zeroizing<String>>>, SignInError> {
        let wanted = ids.clone();
        let read = self.inner.store.read(move |tx| {
            let objects = wanted.iter().map(|id| store::ledger::object(tx, id));
            objects.collect::<Result<Vec<_>, _>>()
        });
        let stored = read.await.map_err(|err| {
            tracing::error!(error = %err, "a credential cannot be read: {err}");
            SignInError::Unavailable
        })?;
        let open = |(id, stored): (ObjectId, Option<Vec<u8>>)| {
            let opened = stored.and_then(|stored| self.inner.vault.open_secret(id, &stored));
            let text = opened.and_then(|secret| {
                let text = std::str::from_utf8(secret.expose()).ok()?;
                Some(Zeroizing::new(text.to_owned()))
            });
            if text.is_none() {
                tracing::error!(object = %id, "credential object {id} is missing or not as recorded");
            }
            text
        };
        Ok(ids.into_iter().zip(stored).map(open).collect())
    }
}

/// Whether the app password opens this door for this client.
pub(super) fn at_door(peer: &Peer, known: &Credential) -> Looked {
    let CredentialKind::AppPassword {
        scopes, networks, ..
    } = &known.kind
    else {
        return Looked::Wrong;
    };
    let closed = |why| Looked::Closed {
        credential: known.id,
        why,
    };
    let scope = match peer.protocol {
        Protocol::Imap => MailScope::Imap,
        Protocol::Pop3 => MailScope::Pop3,
        Protocol::Managesieve => MailScope::Managesieve,
        Protocol::Smtp | Protocol::Submission => MailScope::Smtp,
        Protocol::Http => return closed("protocol"),
    };
    if !scopes.contains(&scope) {
        return closed("protocol");
    }
    let source = peer.source();
    if !networks.is_empty() && !networks.iter().any(|network| network.contains(source)) {
        return closed("network");
    }
    Looked::Opens((known.id, known.made_seq))
}

pub(super) fn is_app_password(known: &&Credential) -> bool {
    matches!(known.kind, CredentialKind::AppPassword { .. })
}

/// The line of a secret text that checks the secret itself; keys for SCRAM may follow.
fn first_line(text: &str) -> Option<&str> {
    text.lines().next()
}
