//! Cuts a stream of octets into commands (RFC 5804 §1.2, §4).
//!
//! A client sends the octets of a literal without asking, so they are on their way when its size is
//! seen. One that is too large is thrown away up to a bound and then refused; before sign-in it ends
//! the connection at once, and nothing of it is kept.

use super::limits::{
    BEFORE_SIGN_IN_MAX_OCTETS, LINE_MAX_OCTETS, LITERALS_MAX, NAMES_MAX_OCTETS, SKIPPED_MAX_OCTETS,
};

/// How much one command may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReaderLimits {
    /// Octets outside literals, with line ends.
    line_octets: usize,
    /// Octets of literals together.
    literal_octets: usize,
    /// Octets of a too large literal that are thrown away.
    skipped_octets: u64,
}

impl ReaderLimits {
    /// What a stranger may send.
    pub const BEFORE_SIGN_IN: Self = Self {
        line_octets: BEFORE_SIGN_IN_MAX_OCTETS / 2,
        literal_octets: BEFORE_SIGN_IN_MAX_OCTETS / 2,
        skipped_octets: 0,
    };

    /// What a user may send whose scripts have at most so many octets.
    pub const fn after_sign_in(script_octets: usize) -> Self {
        Self {
            line_octets: LINE_MAX_OCTETS,
            literal_octets: script_octets + NAMES_MAX_OCTETS,
            skipped_octets: SKIPPED_MAX_OCTETS,
        }
    }
}

/// What the connection shall do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Read more octets.
    NeedMore,
    /// A whole command without its last line end, for [`super::parse::command`].
    Command(Vec<u8>),
    /// Say that it was too much; the next octet begins a new command.
    TooLarge,
    /// Say good-bye and close: where the next command begins cannot be known.
    Fatal(ReadRefusal),
}

/// Why the connection must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadRefusal {
    /// More octets outside literals than allowed.
    #[error("the command line is too long")]
    LineTooLong,
    /// More literals than any command takes, or far too large ones.
    #[error("the literal is too large, or there are too many")]
    LiteralTooLarge,
    /// `{n}` without `+`: the client waits for an invitation that this protocol does not have.
    #[error("a literal is written {{n+}}")]
    Synchronizing,
    /// A line ended with LF alone.
    #[error("a line ends with CR LF")]
    BareLf,
}

/// The commands of one client, one after the other.
#[derive(Debug)]
pub struct CommandReader {
    limits: ReaderLimits,
    /// What has been read of the present command.
    command: Vec<u8>,
    /// Where in `command` the text behind the last literal begins.
    line_start: usize,
    /// Octets of the present literal that are still to come.
    literal_left: u64,
    literals: usize,
    /// Octets of `command` that belong to literals.
    literal_octets: usize,
    /// Whether the command has a literal that is too large; no literal of it is kept.
    too_large: bool,
    skipped: u64,
}

impl CommandReader {
    /// A reader at the start of a connection.
    pub fn new(limits: ReaderLimits) -> Self {
        Self {
            limits,
            command: Vec::new(),
            line_start: 0,
            literal_left: 0,
            literals: 0,
            literal_octets: 0,
            too_large: false,
            skipped: 0,
        }
    }

    /// Sets the limits from the next command on, such as after sign-in.
    pub fn set_limits(&mut self, limits: ReaderLimits) {
        self.limits = limits;
    }

    /// Takes octets from the front of `input` up to the next event.
    ///
    /// After [`Event::NeedMore`] nothing is left of `input`.
    pub fn feed(&mut self, input: &mut &[u8]) -> Event {
        while !input.is_empty() {
            if self.literal_left > 0 {
                self.take_literal(input);
                continue;
            }
            match self.take_line(input) {
                Event::NeedMore => {}
                event => return event,
            }
        }
        Event::NeedMore
    }

    fn take_literal(&mut self, input: &mut &[u8]) {
        let left = usize::try_from(self.literal_left).unwrap_or(usize::MAX);
        let (literal, rest) = input.split_at(input.len().min(left));
        self.literal_left -= literal.len() as u64;
        if !self.too_large {
            self.command.extend_from_slice(literal);
        }
        self.line_start = self.command.len();
        *input = rest;
    }

    /// Takes octets up to the end of a line; a command ends there if no literal is announced.
    fn take_line(&mut self, input: &mut &[u8]) -> Event {
        let end = input.iter().position(|octet| *octet == b'\n');
        let (taken, rest) = input.split_at(end.map_or(input.len(), |end| end + 1));
        *input = rest;
        let outside_literals = self.command.len() - self.literal_octets;
        if outside_literals + taken.len() > self.limits.line_octets {
            return Event::Fatal(ReadRefusal::LineTooLong);
        }
        self.command.extend_from_slice(taken);
        if end.is_none() {
            return Event::NeedMore;
        }
        if !self.command.ends_with(b"\r\n") || self.command.len() < self.line_start + 2 {
            return Event::Fatal(ReadRefusal::BareLf);
        }
        let line = &self.command[self.line_start..self.command.len() - 2];
        match announced(line) {
            None => self.end_command(),
            Some(Err(why)) => Event::Fatal(why),
            Some(Ok(octets)) => self.begin_literal(octets),
        }
    }

    fn begin_literal(&mut self, octets: u64) -> Event {
        self.literals += 1;
        let room = self.limits.literal_octets - self.literal_octets;
        if self.too_large || octets > room as u64 {
            self.too_large = true;
            self.skipped = self.skipped.saturating_add(octets);
        }
        if self.literals > LITERALS_MAX || self.skipped > self.limits.skipped_octets {
            return Event::Fatal(ReadRefusal::LiteralTooLarge);
        }
        if !self.too_large {
            self.literal_octets += usize::try_from(octets).unwrap_or(room);
        }
        self.line_start = self.command.len();
        self.literal_left = octets;
        Event::NeedMore
    }

    fn end_command(&mut self) -> Event {
        let fresh = Self::new(self.limits);
        let mut done = std::mem::replace(self, fresh);
        if done.too_large {
            return Event::TooLarge;
        }
        done.command.truncate(done.command.len() - 2);
        Event::Command(done.command)
    }
}

/// The octets of the literal that a line announces at its end, if it does.
fn announced(line: &[u8]) -> Option<Result<u64, ReadRefusal>> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|octet| *octet == b'{')?;
    let number = &inner[open + 1..];
    let (digits, plus) = match number.strip_suffix(b"+") {
        Some(digits) => (digits, true),
        None => (number, false),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    if !plus {
        return Some(Err(ReadRefusal::Synchronizing));
    }
    let number = std::str::from_utf8(digits).ok()?.parse();
    Some(number.map_err(|_| ReadRefusal::LiteralTooLarge))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: ReaderLimits = ReaderLimits {
        line_octets: 64,
        literal_octets: 10,
        skipped_octets: 20,
    };

    /// All events of an input, fed in pieces of this size.
    fn events(limits: ReaderLimits, input: &[u8], piece: usize) -> Vec<Event> {
        let mut reader = CommandReader::new(limits);
        let mut events = Vec::new();
        for mut piece in input.chunks(piece) {
            while !piece.is_empty() {
                match reader.feed(&mut piece) {
                    Event::NeedMore => {}
                    fatal @ Event::Fatal(_) => {
                        events.push(fatal);
                        return events;
                    }
                    event => events.push(event),
                }
            }
        }
        events
    }

    fn command(text: &str) -> Event {
        Event::Command(text.as_bytes().to_vec())
    }

    #[test]
    fn commands_are_cut_however_they_arrive() {
        let input = b"NOOP\r\nPUTSCRIPT {1+}\r\na {5+}\r\n}\r\nQ\n\r\nLOGOUT\r\n";
        for piece in 1..=input.len() {
            let expected = [
                command("NOOP"),
                command("PUTSCRIPT {1+}\r\na {5+}\r\n}\r\nQ\n"),
                command("LOGOUT"),
            ];
            assert_eq!(events(SMALL, input, piece), expected, "{piece}");
        }
    }

    #[test]
    fn what_is_too_large_is_thrown_away_and_nothing_in_it_is_a_command() {
        let input = b"PUTSCRIPT \"a\" {18+}\r\nLOGOUT\r\nLOGOUT\r\n!!\r\nNOOP\r\n";
        for piece in 1..=input.len() {
            let expected = [Event::TooLarge, command("NOOP")];
            assert_eq!(events(SMALL, input, piece), expected, "{piece}");
        }
        // The second literal counts beside the first.
        let input = b"PUTSCRIPT {6+}\r\n123456 {5+}\r\n12345\r\nNOOP\r\n";
        assert_eq!(events(SMALL, input, 7), [Event::TooLarge, command("NOOP")]);
    }

    #[test]
    fn where_the_next_command_begins_cannot_be_known() {
        let line = [b'a'; 65];
        let stranger = ReaderLimits::BEFORE_SIGN_IN;
        for (limits, input, why) in [
            (SMALL, &line[..], ReadRefusal::LineTooLong),
            (SMALL, b"A {21+}\r\n", ReadRefusal::LiteralTooLarge),
            (
                SMALL,
                b"A {99999999999999999999999+}\r\n",
                ReadRefusal::LiteralTooLarge,
            ),
            (
                SMALL,
                b"A {1+}\r\na {1+}\r\nb {1+}\r\n",
                ReadRefusal::LiteralTooLarge,
            ),
            (SMALL, b"A {5}\r\n", ReadRefusal::Synchronizing),
            (SMALL, b"NOOP\n", ReadRefusal::BareLf),
            (SMALL, b"A {1+}\r\n\r\n", ReadRefusal::BareLf),
            (stranger, b"A {2049+}\r\n", ReadRefusal::LiteralTooLarge),
            (stranger, b"A {2000+}\r\n", ReadRefusal::LineTooLong),
        ] {
            let mut input = input.to_vec();
            if why == ReadRefusal::LineTooLong && limits == stranger {
                input.extend_from_slice(&[b'x'; 2_000]);
                input.extend_from_slice(&[b'y'; 2_049]);
            }
            assert_eq!(events(limits, &input, 5), [Event::Fatal(why)]);
        }
    }

    #[test]
    fn braces_that_announce_nothing_are_text() {
        for text in ["NOOP {}", "NOOP {x+}", "NOOP {+}", "NOOP }"] {
            let input = format!("{text}\r\n");
            assert_eq!(events(SMALL, input.as_bytes(), 3), [command(text)]);
        }
    }
}
