//! Multi-line responses (RFC 1939 §3): lines with stuffed dots, then a dot alone.

/// Writes the lines of one response, in pieces of any length.
///
/// A bare CR or LF becomes CRLF, because clients that end lines at LF alone would otherwise see
/// an end, or a reply, inside the message.
#[derive(Debug)]
pub struct DotStuffer {
    line_start: bool,
    after_cr: bool,
}

impl Default for DotStuffer {
    fn default() -> Self {
        Self {
            line_start: true,
            after_cr: false,
        }
    }
}

impl DotStuffer {
    /// Appends content with its dots stuffed to `out`.
    pub fn write(&mut self, content: &[u8], out: &mut Vec<u8>) {
        let mut rest = content;
        while let Some(&first) = rest.first() {
            if self.after_cr && first != b'\n' {
                self.end_line(out);
            }
            if self.line_start && first == b'.' {
                out.push(b'.');
            }
            let plain = rest.iter().position(|octet| matches!(octet, b'\r' | b'\n'));
            let (run, behind) = rest.split_at(plain.unwrap_or(rest.len()));
            out.extend_from_slice(run);
            self.line_start &= run.is_empty();
            rest = match behind.split_first() {
                None => behind,
                Some((b'\r', behind)) => {
                    self.after_cr = true;
                    behind
                }
                Some((_, behind)) => {
                    self.end_line(out);
                    behind
                }
            };
        }
    }

    fn end_line(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\r\n");
        self.line_start = true;
        self.after_cr = false;
    }

    /// Ends the last line if it is open, and the response.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        if self.after_cr || !self.line_start {
            self.end_line(out);
        }
        out.extend_from_slice(b".\r\n");
    }
}

/// Cuts a message to its header, the empty line and so many lines of the body (RFC 1939 §7, TOP).
#[derive(Debug)]
pub struct TopCut {
    in_header: bool,
    line_empty: bool,
    lines_left: u64,
}

impl TopCut {
    /// Leaves `lines` lines of the body.
    pub fn new(lines: u64) -> Self {
        Self {
            in_header: true,
            line_empty: true,
            lines_left: lines,
        }
    }

    /// The part of the next piece of the message that is to be sent.
    pub fn take<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        for (index, octet) in piece.iter().enumerate() {
            if self.is_done() {
                return &piece[..index];
            }
            match octet {
                b'\n' if self.in_header => self.in_header = !self.line_empty,
                b'\n' => self.lines_left -= 1,
                b'\r' => continue,
                _ => {}
            }
            self.line_empty = *octet == b'\n';
        }
        piece
    }

    /// Whether nothing more is to be sent.
    pub fn is_done(&self) -> bool {
        !self.in_header && self.lines_left == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stuffed(content: &[u8], cut: usize) -> Vec<u8> {
        let mut stuffer = DotStuffer::default();
        let mut out = Vec::new();
        content.chunks(cut).for_each(|c| stuffer.write(c, &mut out));
        stuffer.finish(&mut out);
        out
    }

    #[test]
    fn dots_are_stuffed_and_the_end_is_alone() {
        for (content, expected) in [
            (&b""[..], &b".\r\n"[..]),
            (b"a", b"a\r\n.\r\n"),
            (b".\r\n..a\r\nb.\r\n", b"..\r\n...a\r\nb.\r\n.\r\n"),
            (b"a\r\n\r\n.", b"a\r\n\r\n..\r\n.\r\n"),
            (b"a\n.\r\n", b"a\r\n..\r\n.\r\n"),
            (b"a\r.\rb\r", b"a\r\n..\r\nb\r\n.\r\n"),
            (b"\r\r\n", b"\r\n\r\n.\r\n"),
        ] {
            for cut in 1..=content.len().max(1) {
                assert_eq!(stuffed(content, cut), expected, "{content:?} by {cut}");
            }
        }
    }

    fn top(message: &[u8], lines: u64, cut: usize) -> Vec<u8> {
        let mut top = TopCut::new(lines);
        let pieces: Vec<&[u8]> = message.chunks(cut).map(|piece| top.take(piece)).collect();
        pieces.concat()
    }

    #[test]
    fn top_keeps_the_header_and_the_first_lines() {
        let message = b"A: 1\r\nB: 2\r\n\r\none\r\n\r\nthree\r\n";
        for (lines, expected) in [
            (0, &b"A: 1\r\nB: 2\r\n\r\n"[..]),
            (1, b"A: 1\r\nB: 2\r\n\r\none\r\n"),
            (2, b"A: 1\r\nB: 2\r\n\r\none\r\n\r\n"),
            (3, message),
            (2_147_483_647, message),
            (u64::MAX, message),
        ] {
            for cut in 1..=message.len() {
                assert_eq!(top(message, lines, cut), expected, "{lines} lines by {cut}");
            }
        }
        assert_eq!(top(b"\r\nbody\r\n", 0, 9), b"\r\n");
        assert_eq!(top(b"A: 1\r\n", 5, 9), b"A: 1\r\n");
    }

    proptest! {
        #[test]
        fn a_client_reads_back_what_was_written(content in "[a.\r\n]{0,30}", cut in 1_usize..9) {
            crate::pop3::fuzzing::multiline_round_trip(content.as_bytes());
            prop_assert_eq!(stuffed(content.as_bytes(), cut), stuffed(content.as_bytes(), 64));
        }
    }
}
