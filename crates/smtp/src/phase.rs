//! Which command is allowed when: the one table (RFC 5321 §4.1.4, RFC 6409 §4.3).

use wire::smtp::Verb;

use crate::error::SmtpError;

/// How far the session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No HELO or EHLO since the connection, or its TLS, began.
    Fresh,
    /// Greeted; no transaction.
    Ready,
    /// MAIL was accepted.
    Mail,
    /// MAIL and at least one RCPT were accepted.
    Rcpt,
    /// At least one chunk has come, not the last.
    Chunks,
}

/// All that decides whether a command is allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// How far the session has come.
    pub(crate) phase: Phase,
    /// What TLS does here.
    pub(crate) tls: Tls,
    /// Who the client is to us.
    pub(crate) sign_in: SignIn,
}

/// The state of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    /// In use.
    On,
    /// STARTTLS can be used.
    Offered,
    /// Not to be had.
    Absent,
}

/// The state of signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignIn {
    /// Mail is received from anyone.
    NotOffered,
    /// Needed before MAIL, but not yet allowed: the password would be seen.
    NeedsTls,
    /// Needed before MAIL.
    Needed,
    /// Done.
    Done,
}

impl Standing {
    /// Whether `verb` may be carried out now.
    pub(crate) fn permit(self, verb: Verb) -> Result<(), SmtpError> {
        let out_of_order = |when| Err(SmtpError::OutOfOrder { verb, when });
        match (verb, self.phase) {
            (
                Verb::Ehlo
                | Verb::Helo
                | Verb::Help
                | Verb::Noop
                | Verb::Quit
                | Verb::Rset
                | Verb::Vrfy,
                _,
            ) => Ok(()),
            (Verb::Expn, _) => Err(SmtpError::NotOffered(verb)),
            (Verb::StartTls, _) if self.tls == Tls::On => out_of_order("under TLS"),
            (Verb::StartTls, _) if self.tls == Tls::Absent => Err(SmtpError::NotOffered(verb)),
            // Who signed in before TLS must not stay signed in under it.
            (Verb::StartTls, _) if self.sign_in == SignIn::Done => out_of_order("after AUTH"),
            (Verb::Auth, _) if self.sign_in == SignIn::NotOffered => {
                Err(SmtpError::NotOffered(verb))
            }
            (Verb::Auth, _) if self.sign_in == SignIn::NeedsTls => Err(SmtpError::NeedsTlsToSignIn),
            (Verb::Auth, _) if self.sign_in == SignIn::Done => out_of_order("twice"),
            // The client of GNU SASL says STARTTLS first of all (2026), and nothing is lost by it.
            (Verb::StartTls, Phase::Fresh | Phase::Ready) | (Verb::Auth, Phase::Ready) => Ok(()),
            (_, Phase::Fresh) => out_of_order("before EHLO"),
            (Verb::StartTls | Verb::Auth, _) => out_of_order("during a transaction"),
            (Verb::Mail, Phase::Ready) => match self.sign_in {
                SignIn::NotOffered | SignIn::Done => Ok(()),
                SignIn::NeedsTls => Err(SmtpError::NeedsTls),
                SignIn::Needed => Err(SmtpError::NeedsSignIn),
            },
            (Verb::Mail, _) => out_of_order("during a transaction"),
            (_, Phase::Ready) => out_of_order("before MAIL"),
            (Verb::Rcpt, Phase::Mail | Phase::Rcpt) => Ok(()),
            (Verb::Data | Verb::Bdat, Phase::Mail) => Err(SmtpError::NoRecipients),
            (Verb::Data, Phase::Rcpt) | (Verb::Bdat, Phase::Rcpt | Phase::Chunks) => Ok(()),
            (Verb::Rcpt | Verb::Data, Phase::Chunks) => out_of_order("between chunks"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHASES: [Phase; 5] = [
        Phase::Fresh,
        Phase::Ready,
        Phase::Mail,
        Phase::Rcpt,
        Phase::Chunks,
    ];

    fn code(phase: Phase, tls: Tls, sign_in: SignIn, verb: Verb) -> u16 {
        let standing = Standing {
            phase,
            tls,
            sign_in,
        };
        standing
            .permit(verb)
            .map_or_else(|err| err.reply().code(), |()| 0)
    }

    #[test]
    fn the_order_of_a_transaction_is_kept() {
        for (verb, codes) in [
            (Verb::Mail, [503, 0, 503, 503, 503]),
            (Verb::Rcpt, [503, 503, 0, 0, 503]),
            (Verb::Data, [503, 503, 554, 0, 503]),
            (Verb::Bdat, [503, 503, 554, 0, 0]),
            (Verb::StartTls, [0, 0, 503, 503, 503]),
            (Verb::Auth, [502, 502, 502, 502, 502]),
            (Verb::Expn, [502, 502, 502, 502, 502]),
            (Verb::Vrfy, [0, 0, 0, 0, 0]),
            (Verb::Rset, [0, 0, 0, 0, 0]),
        ] {
            let heard = PHASES.map(|phase| code(phase, Tls::Offered, SignIn::NotOffered, verb));
            assert_eq!(heard, codes, "{verb}");
        }
    }

    #[test]
    fn submission_asks_for_tls_then_for_a_sign_in() {
        for (tls, sign_in, mail, auth, starttls) in [
            (Tls::Offered, SignIn::NeedsTls, 530, 538, 0),
            (Tls::Offered, SignIn::Needed, 530, 0, 0),
            (Tls::On, SignIn::Needed, 530, 0, 503),
            (Tls::On, SignIn::Done, 0, 503, 503),
            (Tls::Offered, SignIn::Done, 0, 503, 503),
            (Tls::Absent, SignIn::NeedsTls, 530, 538, 502),
        ] {
            let code = |verb| code(Phase::Ready, tls, sign_in, verb);
            let heard = [code(Verb::Mail), code(Verb::Auth), code(Verb::StartTls)];
            assert_eq!(heard, [mail, auth, starttls], "{tls:?} {sign_in:?}");
        }
    }
}
