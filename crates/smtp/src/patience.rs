//! What one session may do without getting anywhere.

use std::time::Duration;

use service::SessionEnd;

/// Lines that were no command, or a command at the wrong time, in one session.
const BAD_COMMANDS_MAX: u32 = 10;
/// Commands since the last message that carry no mail: NOOP, RSET, EHLO, VRFY, EXPN, HELP.
const IDLE_COMMANDS_MAX: u32 = 100;
/// Recipients refused in one session before it ends.
const REFUSED_RECIPIENTS_MAX: u32 = 20;
/// Recipients refused to one source lately, in all its sessions, from which on each further
/// refusal ends its session.
const REFUSED_BY_SOURCE_MAX: u32 = 100;
/// Recipients refused in one session, or to one source, before each further refusal is delayed.
const REFUSED_RECIPIENTS_FREE: u32 = 3;
/// The first delay; each further one is twice as long, up to the longest.
const REFUSAL_DELAY_FIRST_MS: u64 = 250;
const REFUSAL_DELAY_LONGEST_MS: u64 = 8_000;
/// Failed attempts to sign in during one session.
const FAILED_SIGN_INS_MAX: u32 = 3;

/// Counts what a session may do only so often.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    bad_commands: u32,
    idle_commands: u32,
    refused_recipients: u32,
    failed_sign_ins: u32,
    messages: u32,
}

/// What follows a deed that was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The session goes on, after this delay.
    GoOn(Duration),
    /// The session ends.
    Enough,
}

impl Patience {
    /// A line that was no command at this point.
    pub(crate) fn bad_command(&mut self) -> Verdict {
        self.bad_commands += 1;
        within(self.bad_commands, BAD_COMMANDS_MAX)
    }

    /// A command that carries no mail.
    pub(crate) fn idle_command(&mut self) -> Verdict {
        self.idle_commands += 1;
        within(self.idle_commands, IDLE_COMMANDS_MAX)
    }

    /// A recipient that was refused; `by_source` were refused to its source lately, this one
    /// included, so that a new connection is no new start.
    pub(crate) fn refused_recipient(&mut self, by_source: u32) -> Verdict {
        self.refused_recipients += 1;
        if self.refused_recipients >= REFUSED_RECIPIENTS_MAX || by_source >= REFUSED_BY_SOURCE_MAX {
            return Verdict::Enough;
        }
        let refused = self.refused_recipients.max(by_source);
        let beyond = refused.saturating_sub(REFUSED_RECIPIENTS_FREE);
        let Some(doublings) = beyond.checked_sub(1) else {
            return Verdict::GoOn(Duration::ZERO);
        };
        // The first delay times 2^10 is beyond the longest already.
        let delay_ms = REFUSAL_DELAY_FIRST_MS << doublings.min(10);
        Verdict::GoOn(Duration::from_millis(
            delay_ms.min(REFUSAL_DELAY_LONGEST_MS),
        ))
    }

    /// An attempt to sign in that failed.
    pub(crate) fn failed_sign_in(&mut self) -> Verdict {
        self.failed_sign_ins += 1;
        within(self.failed_sign_ins, FAILED_SIGN_INS_MAX)
    }

    /// A message was accepted, so the session does carry mail.
    pub(crate) fn message_accepted(&mut self) {
        self.idle_commands = 0;
        self.messages = self.messages.saturating_add(1);
    }

    /// What the session tells about its source, now that it is over.
    pub(crate) fn told(&self) -> SessionEnd {
        if self.messages > 0 {
            SessionEnd::Useful
        } else if self.bad_commands >= BAD_COMMANDS_MAX {
            SessionEnd::Abuse
        } else if self.refused_recipients > 0 {
            SessionEnd::Harvest
        } else {
            SessionEnd::Plain
        }
    }
}

fn within(count: u32, max: u32) -> Verdict {
    if count < max {
        Verdict::GoOn(Duration::ZERO)
    } else {
        Verdict::Enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_recipients_grow_slower_and_end() {
        let mut patience = Patience::default();
        let mut delays_ms = Vec::new();
        while let Verdict::GoOn(delay) = patience.refused_recipient(0) {
            delays_ms.push(delay.as_millis());
        }
        assert_eq!(delays_ms[..6], [0, 0, 0, 250, 500, 1_000]);
        assert_eq!(delays_ms[9..], [8_000; 10]);
        assert_eq!(delays_ms.len(), 19);
    }

    #[test]
    fn refusals_in_other_sessions_of_the_source_count_too() {
        let delay = |by_source| Patience::default().refused_recipient(by_source);
        let ms = |ms| Verdict::GoOn(Duration::from_millis(ms));
        assert_eq!([delay(1), delay(4), delay(6)], [ms(0), ms(250), ms(1_000)]);
        assert_eq!(
            delay(REFUSED_BY_SOURCE_MAX - 1),
            ms(REFUSAL_DELAY_LONGEST_MS)
        );
        assert_eq!(delay(REFUSED_BY_SOURCE_MAX), Verdict::Enough);
    }

    #[test]
    fn a_message_excuses_idle_commands_but_not_bad_ones() {
        let mut patience = Patience::default();
        for _ in 1..IDLE_COMMANDS_MAX {
            assert_ne!(patience.idle_command(), Verdict::Enough);
        }
        patience.message_accepted();
        assert_ne!(patience.idle_command(), Verdict::Enough);
        for _ in 1..BAD_COMMANDS_MAX {
            assert_ne!(patience.bad_command(), Verdict::Enough);
        }
        patience.message_accepted();
        assert_eq!(patience.bad_command(), Verdict::Enough);
    }
}
