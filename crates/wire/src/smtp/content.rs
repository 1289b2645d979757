//! Message content on its way in: the end of DATA, stuffed dots, and what no content may have.
//!
//! Only the exact CRLF `.` CRLF ends DATA (RFC 5321 §4.1.1.4). A bare CR or LF never ends
//! anything and makes the whole message unacceptable, because another server might have read an
//! end, and then commands, there (RFC 5321 §2.3.8). The rest of the message is still consumed, so
//! that the session stays in step.

use types::limits::MESSAGE_LINE_MAX_OCTETS;

/// What no message may have. The first fault of a message is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentFault {
    /// A CR without LF.
    #[error("the message has a CR that is not followed by LF")]
    BareCr,
    /// A LF without CR.
    #[error("the message has a LF that is not preceded by CR")]
    BareLf,
    /// A NUL (RFC 5321 §4.1.1.4, RFC 5322 §3.5).
    #[error("the message has a NUL")]
    Nul,
    /// A line of more than [`MESSAGE_LINE_MAX_OCTETS`].
    #[error("the message has a line that is too long")]
    LineTooLong,
    /// More content than this server takes.
    #[error("the message is too large")]
    TooLarge,
}

/// Whether the content goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All input belonged to the content; more is to come.
    More,
    /// The content ended; only so many octets of the input belonged to it.
    End {
        /// Octets of the input up to the end, the end included.
        used: usize,
    },
}

/// Reads the content after DATA, in pieces of any length.
#[derive(Debug)]
pub struct DataReader {
    place: Place,
    content: Content,
}

/// Where the next octet of DATA stands.
#[derive(Clone, Copy, Debug)]
enum Place {
    LineStart,
    /// Behind a dot that began a line.
    Dot,
    /// Behind a dot and CR that began a line.
    DotCr,
    Inside {
        after_cr: bool,
    },
}

/// Reads the content of BDAT chunks, whose lengths the caller knows (RFC 3030 §2).
#[derive(Debug)]
pub struct ChunkReader {
    content: Content,
}

/// What both framings check.
#[derive(Debug)]
struct Content {
    max_octets: u64,
    octets: u64,
    line_octets: usize,
    after_cr: bool,
    fault: Option<ContentFault>,
}

impl DataReader {
    /// Takes at most `max_octets` of content, dots unstuffed.
    pub fn new(max_octets: u64) -> Self {
        Self {
            place: Place::LineStart,
            content: Content::new(max_octets),
        }
    }

    /// Appends what `input` holds of the content to `out`; nothing more after a fault.
    pub fn read(&mut self, input: &[u8], out: &mut Vec<u8>) -> Progress {
        let mut rest = input;
        while let Some(&next) = rest.first() {
            match (self.place, next) {
                (Place::LineStart, b'.') => {
                    self.place = Place::Dot;
                    rest = &rest[1..];
                }
                (Place::Dot, b'\r') => {
                    self.place = Place::DotCr;
                    rest = &rest[1..];
                }
                (Place::DotCr, b'\n') => {
                    let used = input.len() - rest.len() + 1;
                    return Progress::End { used };
                }
                (Place::DotCr, _) => {
                    self.content.push(b"\r", out);
                    self.place = Place::Inside { after_cr: true };
                }
                (Place::LineStart | Place::Dot, _) => {
                    self.place = Place::Inside { after_cr: false };
                }
                (Place::Inside { after_cr }, _) => {
                    let line;
                    (line, rest, self.place) = split_line(rest, after_cr);
                    self.content.push(line, out);
                }
            }
        }
        Progress::More
    }

    /// The first fault so far.
    pub fn fault(&self) -> Option<ContentFault> {
        self.content.fault
    }

    /// Octets of content so far, the refused ones included.
    pub fn octets(&self) -> u64 {
        self.content.octets
    }
}

/// Splits `input` after its first LF and says where the rest then stands.
fn split_line(input: &[u8], after_cr: bool) -> (&[u8], &[u8], Place) {
    let Some(lf) = input.iter().position(|octet| *octet == b'\n') else {
        let after_cr = input.last() == Some(&b'\r');
        return (input, &[], Place::Inside { after_cr });
    };
    let (line, rest) = input.split_at(lf + 1);
    let exact = match lf.checked_sub(1) {
        None => after_cr,
        Some(before) => line[before] == b'\r',
    };
    let place = if exact {
        Place::LineStart
    } else {
        Place::Inside { after_cr: false }
    };
    (line, rest, place)
}

impl ChunkReader {
    /// Takes at most `max_octets` of content in all chunks together.
    pub fn new(max_octets: u64) -> Self {
        Self {
            content: Content::new(max_octets),
        }
    }

    /// Appends octets of a chunk to `out`; nothing more after a fault.
    pub fn read(&mut self, input: &[u8], out: &mut Vec<u8>) {
        self.content.push(input, out);
    }

    /// Ends the content after the last chunk; adds the CRLF that a last line lacks, since
    /// storage and other framings know no line without one.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if self.content.after_cr {
            self.content.fail(ContentFault::BareCr);
        }
        if self.content.line_octets > 0 {
            self.content.push(b"\r\n", out);
        }
    }

    /// The first fault so far.
    pub fn fault(&self) -> Option<ContentFault> {
        self.content.fault
    }

    /// Octets of content so far, the refused ones included.
    pub fn octets(&self) -> u64 {
        self.content.octets
    }
}

impl Content {
    fn new(max_octets: u64) -> Self {
        Self {
            max_octets,
            octets: 0,
            line_octets: 0,
            after_cr: false,
            fault: None,
        }
    }

    fn fail(&mut self, fault: ContentFault) {
        self.fault = self.fault.or(Some(fault));
    }

    /// Checks octets, counts them, and appends them unless there is a fault.
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        self.octets = self.octets.saturating_add(input.len() as u64);
        if self.octets > self.max_octets {
            self.fail(ContentFault::TooLarge);
        }
        let mut rest = input;
        while self.fault.is_none() && !rest.is_empty() {
            rest = self.check_run(rest);
        }
        if self.fault.is_none() {
            out.extend_from_slice(input);
        }
    }

    /// Checks the octets up to and with the next CR, LF or NUL; returns the rest.
    fn check_run<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        let special = |octet: &u8| matches!(octet, b'\r' | b'\n' | 0);
        let plain = input.iter().position(special).unwrap_or(input.len());
        if self.after_cr && (plain > 0 || input[0] != b'\n') {
            self.fail(ContentFault::BareCr);
            return &[];
        }
        self.line_octets += plain;
        let Some(octet) = input.get(plain) else {
            self.check_line();
            return &[];
        };
        self.line_octets += 1;
        self.check_line();
        match octet {
            b'\r' => self.after_cr = true,
            b'\n' if self.after_cr => {
                self.after_cr = false;
                self.line_octets = 0;
            }
            b'\n' => self.fail(ContentFault::BareLf),
            _ => self.fail(ContentFault::Nul),
        }
        &input[plain + 1..]
    }

    fn check_line(&mut self) {
        if self.line_octets > MESSAGE_LINE_MAX_OCTETS {
            self.fail(ContentFault::LineTooLong);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROOM: u64 = 1 << 20;

    /// What is left of a DATA stream: content or fault, and the octets behind its end.
    type Heard<'a> = (Result<Vec<u8>, ContentFault>, Option<&'a [u8]>);

    fn data(input: &[u8], chunk_octets: usize, max_octets: u64) -> Heard<'_> {
        let mut reader = DataReader::new(max_octets);
        let mut out = Vec::new();
        let mut end = None;
        for (index, chunk) in input.chunks(chunk_octets).enumerate() {
            if let Progress::End { used } = reader.read(chunk, &mut out) {
                end = Some(&input[index * chunk_octets + used..]);
                break;
            }
        }
        (reader.fault().map_or(Ok(out), Err), end)
    }

    /// The same, said as simply as possible: the first CRLF.CRLF ends it, then dots go.
    fn reference(input: &[u8]) -> Heard<'_> {
        let framed = [b"\r\n", input].concat();
        let end = framed.windows(5).position(|five| five == b"\r\n.\r\n");
        let body = &framed[2..end.map_or(framed.len(), |end| end + 2)];
        let text: String = body.iter().map(|octet| char::from(*octet)).collect();
        let mut bare = text.split("\r\n").flat_map(str::chars);
        let fault = bare.find_map(|c| match c {
            '\r' => Some(ContentFault::BareCr),
            '\n' => Some(ContentFault::BareLf),
            '\0' => Some(ContentFault::Nul),
            _ => None,
        });
        let lines = text.split("\r\n");
        let plain: Vec<&str> = lines.map(|l| l.strip_prefix('.').unwrap_or(l)).collect();
        let plain = plain.join("\r\n").chars().map(|c| c as u8).collect();
        (
            fault.map_or(Ok(plain), Err),
            end.map(|end| &input[end + 3..]),
        )
    }

    #[test]
    fn dots_are_unstuffed_and_only_the_exact_end_ends() {
        for (said, content, behind) in [
            (&b".\r\nQUIT"[..], &b""[..], &b"QUIT"[..]),
            (b"a\r\n.\r\n", b"a\r\n", b""),
            (
                b"..\r\n...a\r\n.b\r\n.\r\nRSET\r\n",
                b".\r\n..a\r\nb\r\n",
                b"RSET\r\n",
            ),
            (b"a.\r\n\r\n.\r\n.\r\n", b"a.\r\n\r\n", b".\r\n"),
            (b"\xff\xfe\r\n.\r\n", b"\xff\xfe\r\n", b""),
        ] {
            for chunk_octets in 1..=said.len() {
                let heard = data(said, chunk_octets, ROOM);
                assert_eq!(heard, (Ok(content.to_vec()), Some(behind)), "{said:?}");
            }
        }
    }

    #[test]
    fn smuggled_ends_are_refused_at_the_true_end_and_never_split() {
        use ContentFault as F;
        for (end, fault) in [
            (&b"\n.\n"[..], F::BareLf),
            (b"\r.\r", F::BareCr),
            (b"\n.\r\n", F::BareLf),
            (b"\r\n.\n", F::BareLf),
            (b"\r.\r\n", F::BareCr),
            (b"\r\n.\r", F::BareCr),
            (b"\r\n.\r\r\n", F::BareCr),
            (b"\n\n.\r\n", F::BareLf),
            (b"\r\r\n.\r.\r\n", F::BareCr),
            (b"\r\n\0.\r\n", F::Nul),
            (b"\r\n.\0\r\n", F::Nul),
            (b"\r\n\r\0\n.\r\n", F::BareCr),
        ] {
            let smuggled = b"MAIL FROM:<eve@example.net>\r\nRCPT TO:<ann@example.org>\r\n";
            let said = [b"Subject: x\r\n\r\nhello", end, smuggled, b".\r\nNOOP\r\n"].concat();
            for chunk_octets in [1, 2, 3, 7, said.len()] {
                let heard = data(&said, chunk_octets, ROOM);
                assert_eq!(heard, (Err(fault), Some(&b"NOOP\r\n"[..])), "{end:?}");
            }
        }
    }

    #[test]
    fn limits_are_reported_and_the_rest_is_consumed() {
        let said = b"1234\r\n.\r\nNOOP";
        let behind = Some(&b"NOOP"[..]);
        assert_eq!(data(said, 4, 6), (Ok(b"1234\r\n".to_vec()), behind));
        assert_eq!(data(said, 4, 5), (Err(ContentFault::TooLarge), behind));
        for (octets, expected) in [
            (MESSAGE_LINE_MAX_OCTETS - 2, None),
            (MESSAGE_LINE_MAX_OCTETS - 1, Some(ContentFault::LineTooLong)),
        ] {
            let said = [&vec![b'a'; octets][..], b"\r\n.\r\nNOOP"].concat();
            let (heard, end) = data(&said, 4096, u64::MAX);
            assert_eq!((heard.err(), end), (expected, behind));
        }
    }

    fn chunks(said: &[&[u8]]) -> Result<Vec<u8>, ContentFault> {
        let mut reader = ChunkReader::new(ROOM);
        let mut out = Vec::new();
        said.iter().for_each(|chunk| reader.read(chunk, &mut out));
        reader.finish(&mut out);
        reader.fault().map_or(Ok(out), Err)
    }

    #[test]
    fn chunks_keep_their_dots_and_get_a_last_line_end() {
        assert_eq!(chunks(&[b".\r", b"\n.\r\n"]), Ok(b".\r\n.\r\n".to_vec()));
        assert_eq!(chunks(&[b"a", b"b"]), Ok(b"ab\r\n".to_vec()));
        assert_eq!(chunks(&[]), Ok(Vec::new()));
        assert_eq!(chunks(&[b"a\r", b"b\r\n"]), Err(ContentFault::BareCr));
        assert_eq!(chunks(&[b"a\r"]), Err(ContentFault::BareCr));
        assert_eq!(chunks(&[b"a", b"\n.\r\n"]), Err(ContentFault::BareLf));
        assert_eq!(chunks(&[b"\r\n\0"]), Err(ContentFault::Nul));
    }

    proptest! {
        #[test]
        fn every_cut_gives_what_the_reference_gives(
            input in "[ab.\r\n\0]{0,24}",
            exact in "((\r\n)|[.a]){0,24}",
            chunk_octets in 1_usize..30,
        ) {
            for said in [input.as_bytes(), exact.as_bytes()] {
                let said = [said, b"\r\n.\r\nNOOP\r\n"].concat();
                prop_assert_eq!(data(&said, chunk_octets, ROOM), reference(&said));
            }
        }
    }
}
