//! Cuts a stream of octets into commands (RFC 9051 §2.2.1, §4.3; RFC 7888).
//!
//! A literal is announced before it is sent, so the limits are checked before its octets are read:
//! a synchronizing literal that is too large is refused and never comes; a non-synchronizing one
//! ends the connection, since its octets are already on their way (RFC 7888 §4).

use types::limits::{IMAP_LINE_MAX_OCTETS, IMAP_LITERALS_MAX_OCTETS};

use super::command::Tag;
use super::cursor::Cursor;
use super::limits::{
    LINE_BEFORE_LOGIN_MAX_OCTETS, LITERALS_BEFORE_LOGIN_MAX, LITERALS_BEFORE_LOGIN_MAX_OCTETS,
    LITERALS_MAX, SKIPPED_MAX_OCTETS, TAG_MAX_OCTETS,
};

/// A literal as it was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiteralHeader {
    /// Octets that follow.
    pub octets: u64,
    /// Whether the client waits for a continuation before it sends them.
    pub synchronizing: bool,
    /// `literal8`: written with `~`, and may hold NUL (RFC 3516 §4.4).
    pub binary: bool,
}

/// How much one command may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReaderLimits {
    /// Octets outside literals, with line ends.
    pub line_octets: usize,
    /// Literals other than the message of APPEND.
    pub literals: usize,
    /// Octets of those literals together.
    pub literal_octets: usize,
}

impl ReaderLimits {
    /// What a stranger may send.
    pub const BEFORE_LOGIN: Self = Self {
        line_octets: LINE_BEFORE_LOGIN_MAX_OCTETS,
        literals: LITERALS_BEFORE_LOGIN_MAX,
        literal_octets: LITERALS_BEFORE_LOGIN_MAX_OCTETS,
    };
    /// What a user may send.
    pub const AFTER_LOGIN: Self = Self {
        line_octets: IMAP_LINE_MAX_OCTETS,
        literals: LITERALS_MAX,
        literal_octets: IMAP_LITERALS_MAX_OCTETS,
    };
}

/// What the connection shall do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Read more octets.
    NeedMore,
    /// Send a continuation (`+`), then read more octets.
    Continue,
    /// A whole command without its last line end, for [`super::parse::command`].
    Command(Vec<u8>),
    /// The same, of an APPEND up to the header of its message. The message comes next: after a
    /// continuation if it is synchronizing. Behind it stands an empty line.
    Append(Vec<u8>, LiteralHeader),
    /// Answer the tag (or nobody in particular); the next octet begins a new command.
    Refused(Option<Tag>, ReadRefusal),
    /// Say good-bye and close: where the next command begins cannot be known.
    Fatal(ReadRefusal),
}

/// Why a command was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadRefusal {
    /// More octets outside literals than allowed.
    #[error("the command line is too long")]
    LineTooLong,
    /// Too many literals, or too large ones.
    #[error("the literal is too large, or there are too many")]
    LiteralTooLarge,
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
    literal_left: usize,
    /// Literals of this command.
    literals: usize,
    /// Octets of `command` that belong to literals.
    literal_octets: usize,
    skip: Option<Skip>,
}

/// A line that is too long and whose end is awaited.
#[derive(Debug)]
struct Skip {
    tag: Option<Tag>,
    /// The last octets, to see whether a literal follows the line.
    tail: Vec<u8>,
    skipped: usize,
}

/// Octets of the longest literal header that is looked for behind a line that is too long:
/// `{18446744073709551615+}` with its line end, and some leading zeros.
const HEADER_MAX_OCTETS: usize = 64;

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
            skip: None,
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
            let event = if self.skip.is_some() {
                self.skip_line(input)
            } else if self.literal_left > 0 {
                self.take_literal(input);
                None
            } else {
                self.take_line(input)
            };
            if let Some(event) = event {
                return event;
            }
        }
        Event::NeedMore
    }

    fn take_literal(&mut self, input: &mut &[u8]) {
        let (taken, rest) = input.split_at(self.literal_left.min(input.len()));
        self.command.extend_from_slice(taken);
        self.literal_left -= taken.len();
        self.line_start = self.command.len();
        *input = rest;
    }

    fn take_line(&mut self, input: &mut &[u8]) -> Option<Event> {
        let end = input.iter().position(|c| *c == b'\n').map(|at| at + 1);
        let (taken, rest) = input.split_at(end.unwrap_or(input.len()));
        let outside = self.command.len() - self.literal_octets + taken.len();
        if outside > self.limits.line_octets {
            self.begin_skip(taken);
            return None;
        }
        *input = rest;
        self.command.extend_from_slice(taken);
        end?;
        let line_end = self.command.len();
        if !self.command[self.line_start..].ends_with(b"\r\n") {
            return Some(Event::Fatal(ReadRefusal::BareLf));
        }
        match literal_at_end(&self.command[self.line_start..line_end - 2]) {
            None => {
                self.command.truncate(line_end - 2);
                Some(Event::Command(self.finish()))
            }
            Some(header) => self.announced(header, line_end),
        }
    }

    /// Decides about a literal whose header ends the text read so far.
    fn announced(&mut self, header: LiteralHeader, line_end: usize) -> Option<Event> {
        if is_append_message(&self.command[..line_end - 2]) {
            self.command.truncate(line_end - 2);
            return Some(Event::Append(self.finish(), header));
        }
        let room = self.limits.literal_octets - self.literal_octets.min(self.limits.literal_octets);
        match usize::try_from(header.octets) {
            Ok(octets) if octets <= room && self.literals < self.limits.literals => {
                self.literals += 1;
                self.literal_octets += octets;
                self.literal_left = octets;
                self.line_start = line_end;
                header.synchronizing.then_some(Event::Continue)
            }
            _ if header.synchronizing => Some(self.refuse(ReadRefusal::LiteralTooLarge)),
            _ => Some(Event::Fatal(ReadRefusal::LiteralTooLarge)),
        }
    }

    /// Forgets a line that is too long, except for what its answer and its end need.
    fn begin_skip(&mut self, coming: &[u8]) {
        let mut start = std::mem::take(&mut self.command);
        let line = &start[self.line_start..];
        let skipped = line.len();
        let tail = line[skipped.saturating_sub(HEADER_MAX_OCTETS)..].to_vec();
        start.extend_from_slice(&coming[..coming.len().min(TAG_MAX_OCTETS + 1)]);
        let tag = tag_of(&start);
        self.finish();
        self.skip = Some(Skip { tag, tail, skipped });
    }

    fn skip_line(&mut self, input: &mut &[u8]) -> Option<Event> {
        let skip = self.skip.as_mut()?;
        let end = input.iter().position(|c| *c == b'\n').map(|at| at + 1);
        let (taken, rest) = input.split_at(end.unwrap_or(input.len()));
        *input = rest;
        skip.skipped += taken.len();
        if skip.skipped > SKIPPED_MAX_OCTETS {
            return Some(Event::Fatal(ReadRefusal::LineTooLong));
        }
        let kept = taken.len().saturating_sub(HEADER_MAX_OCTETS);
        skip.tail.extend_from_slice(&taken[kept..]);
        let surplus = skip.tail.len().saturating_sub(HEADER_MAX_OCTETS);
        skip.tail.drain(..surplus);
        end?;
        let Some(line) = skip.tail.strip_suffix(b"\r\n") else {
            return Some(Event::Fatal(ReadRefusal::BareLf));
        };
        if literal_at_end(line).is_some_and(|header| !header.synchronizing) {
            return Some(Event::Fatal(ReadRefusal::LineTooLong));
        }
        let tag = self.skip.take().and_then(|skip| skip.tag);
        Some(Event::Refused(tag, ReadRefusal::LineTooLong))
    }

    fn refuse(&mut self, why: ReadRefusal) -> Event {
        let tag = tag_of(&self.command);
        self.finish();
        Event::Refused(tag, why)
    }

    /// Hands the command out and stands ready for the next one.
    fn finish(&mut self) -> Vec<u8> {
        self.line_start = 0;
        self.literal_left = 0;
        self.literals = 0;
        self.literal_octets = 0;
        std::mem::take(&mut self.command)
    }
}

/// The tag at the start of a command that is perhaps not whole.
fn tag_of(command: &[u8]) -> Option<Tag> {
    let end = command
        .iter()
        .position(|c| matches!(c, b' ' | b'\r' | b'\n'))?;
    Tag::new(&command[..end])
}

/// The literal header at the end of a line, if there is one; a count beyond 64 bits is the largest.
pub fn literal_at_end(line: &[u8]) -> Option<LiteralHeader> {
    let inside = line.strip_suffix(b"}")?;
    let (inside, synchronizing) = match inside.strip_suffix(b"+") {
        Some(inside) => (inside, false),
        None => (inside, true),
    };
    let open = inside.iter().rposition(|c| *c == b'{')?;
    let digits = std::str::from_utf8(&inside[open + 1..]).ok()?;
    if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    Some(LiteralHeader {
        octets: digits.parse().unwrap_or(u64::MAX),
        synchronizing,
        binary: inside[..open].ends_with(b"~"),
    })
}

/// Whether the literal header at the end of `command` announces the message of an APPEND: it does
/// unless the mailbox name itself is announced.
fn is_append_message(command: &[u8]) -> bool {
    let mut cursor = Cursor::new(command);
    cursor.take_while(|c| c != b' ');
    let verb = cursor.space().and_then(|()| cursor.word("a command"));
    let is_append = verb.is_ok_and(|verb| verb == "APPEND") && cursor.space().is_ok();
    is_append && (cursor.peek() != Some(b'{') || command.contains(&b'\n'))
}

/// Collects one line that is no command: a SASL response, `DONE`, the end of an APPEND.
#[derive(Debug)]
pub struct LineScanner {
    line: Vec<u8>,
    max_octets: usize,
}

/// What a [`LineScanner`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Read more octets.
    More,
    /// The line without its CR LF.
    Complete(Vec<u8>),
    /// The line is too long or ends with LF alone: close.
    Broken(ReadRefusal),
}

impl LineScanner {
    /// A scanner for lines of at most `max_octets`, with CR LF.
    pub fn new(max_octets: usize) -> Self {
        Self {
            line: Vec::new(),
            max_octets,
        }
    }

    /// Takes octets from the front of `input` up to the end of the line.
    pub fn feed(&mut self, input: &mut &[u8]) -> Line {
        let end = input.iter().position(|c| *c == b'\n').map(|at| at + 1);
        let (taken, rest) = input.split_at(end.unwrap_or(input.len()));
        if self.line.len() + taken.len() > self.max_octets {
            return Line::Broken(ReadRefusal::LineTooLong);
        }
        *input = rest;
        self.line.extend_from_slice(taken);
        if end.is_none() {
            return Line::More;
        }
        let mut line = std::mem::take(&mut self.line);
        if !line.ends_with(b"\r\n") {
            return Line::Broken(ReadRefusal::BareLf);
        }
        line.truncate(line.len() - 2);
        Line::Complete(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> Option<Tag> {
        Tag::new(text.as_bytes())
    }

    fn events(limits: ReaderLimits, input: &str) -> Vec<Event> {
        let mut reader = CommandReader::new(limits);
        let mut rest = input.as_bytes();
        let mut events = Vec::new();
        while !rest.is_empty() {
            events.push(reader.feed(&mut rest));
        }
        events
    }

    fn command(text: &str) -> Event {
        Event::Command(text.as_bytes().to_vec())
    }

    const SMALL: ReaderLimits = ReaderLimits {
        line_octets: 40,
        literals: 2,
        literal_octets: 10,
    };

    #[test]
    fn commands_and_literals_are_cut_where_they_end() {
        assert_eq!(
            events(SMALL, "a NOOP\r\nb LOGIN {3}\r\n"),
            [command("a NOOP"), Event::Continue]
        );
        assert_eq!(
            events(SMALL, "b LOGIN {3+}\r\nann {2+}\r\npw\r\nc NOOP\r\n"),
            [command("b LOGIN {3+}\r\nann {2+}\r\npw"), command("c NOOP")]
        );
        assert_eq!(
            events(SMALL, "b X {0+}\r\n\r\nc N"),
            [command("b X {0+}\r\n"), Event::NeedMore]
        );
    }

    #[test]
    fn the_message_of_append_is_left_to_the_connection() {
        let header = |octets, synchronizing| LiteralHeader {
            octets,
            synchronizing,
            binary: false,
        };
        let huge = "a append x {4294967295}";
        assert_eq!(
            events(SMALL, &format!("{huge}\r\n")),
            [Event::Append(huge.into(), header(4_294_967_295, true))]
        );
        let named = "a APPEND {1+}\r\nx {5+}";
        assert_eq!(
            events(SMALL, &format!("{named}\r\n")),
            [Event::Append(named.into(), header(5, false))]
        );
    }

    #[test]
    fn literals_beyond_the_limits_are_refused_before_they_are_read() {
        let refused = |name| Event::Refused(tag(name), ReadRefusal::LiteralTooLarge);
        let fatal = || Event::Fatal(ReadRefusal::LiteralTooLarge);
        for (input, expected) in [
            ("a SELECT {11}\r\n", refused("a")),
            ("a SELECT {4294967295}\r\n", refused("a")),
            ("a SELECT {99999999999999999999}\r\n", refused("a")),
            ("a SELECT {4294967295+}\r\n", fatal()),
            ("a SELECT {99999999999999999999+}\r\n", fatal()),
            ("a X {6+}\r\nabcdef {5}\r\n", refused("a")),
            ("a X {1+}\r\na {1+}\r\nb {1+}\r\n", fatal()),
            ("a APPEND {11+}\r\n", fatal()),
        ] {
            assert_eq!(events(SMALL, input).last(), Some(&expected), "{input}");
        }
        let after = events(SMALL, "a X {11}\r\nb NOOP\r\n");
        assert_eq!(after, [refused("a"), command("b NOOP")]);
    }

    #[test]
    fn a_line_too_long_is_skipped_or_ends_the_connection() {
        let long = "x".repeat(60);
        let refused = || Event::Refused(tag("a"), ReadRefusal::LineTooLong);
        assert_eq!(
            events(SMALL, &format!("a {long}\r\nb NOOP\r\n")),
            [refused(), command("b NOOP")]
        );
        assert_eq!(
            events(SMALL, &format!("a {long} {{5}}\r\nb NOOP\r\n")),
            [refused(), command("b NOOP")]
        );
        let fatal = Event::Fatal(ReadRefusal::LineTooLong);
        assert_eq!(
            events(SMALL, &format!("a {long} {{5+}}\r\n")),
            std::slice::from_ref(&fatal)
        );
        let endless = "x".repeat(SKIPPED_MAX_OCTETS + 1);
        assert_eq!(events(SMALL, &endless), [fatal]);
        // Octets of literals are counted apart.
        let fits = format!("a {} {{10+}}\r\n{}\r\n", "x".repeat(28), "y".repeat(10));
        assert!(matches!(events(SMALL, &fits)[..], [Event::Command(_)]));
    }

    #[test]
    fn a_bare_line_feed_ends_the_connection() {
        let fatal = Event::Fatal(ReadRefusal::BareLf);
        assert_eq!(events(SMALL, "a NOOP\nb NOOP\r\n")[0], fatal);
    }

    #[test]
    fn lines_that_are_no_commands_are_bounded_too() {
        let mut scanner = LineScanner::new(8);
        let mut input = &b"DO"[..];
        assert_eq!(scanner.feed(&mut input), Line::More);
        let mut input = &b"NE\r\na NOOP\r\n"[..];
        assert_eq!(scanner.feed(&mut input), Line::Complete(b"DONE".to_vec()));
        assert_eq!(input, b"a NOOP\r\n");
        let mut input = &b"123456789"[..];
        assert_eq!(
            scanner.feed(&mut input),
            Line::Broken(ReadRefusal::LineTooLong)
        );
        let mut input = &b"DONE\n"[..];
        assert_eq!(scanner.feed(&mut input), Line::Broken(ReadRefusal::BareLf));
    }
}
