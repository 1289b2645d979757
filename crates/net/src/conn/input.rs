//! Octets that came in and that nobody has taken yet, and the lines in them.

use super::ConnError;

/// Octets of an overlong line that are skipped so that the session may go on after it.
const OVERLONG_SKIP_MAX_OCTETS: usize = 1_048_576;

/// What was read ahead, and whether we are in the middle of a line that is too long.
#[derive(Debug, Default)]
pub(super) struct Input {
    pub(super) octets: Vec<u8>,
    start: usize,
    /// Octets already skipped of a line that was too long.
    skipping: Option<usize>,
}

impl Input {
    /// What can be taken.
    pub(super) fn pending(&self) -> &[u8] {
        &self.octets[self.start..]
    }

    /// Whether an end here cuts no line in two.
    pub(super) fn is_between_lines(&self) -> bool {
        self.pending().is_empty() && self.skipping.is_none()
    }

    /// Adds what came in.
    pub(super) fn append(&mut self, octets: &[u8]) {
        if self.start > 0 {
            self.octets.drain(..self.start);
            self.start = 0;
        }
        self.octets.extend_from_slice(octets);
    }

    /// Takes the first `octets` of [`Self::pending`].
    pub(super) fn consume(&mut self, octets: usize) {
        assert!(
            octets <= self.pending().len(),
            "more was consumed than had been read"
        );
        self.start += octets;
        if self.start == self.octets.len() {
            self.octets.clear();
            self.start = 0;
        }
    }

    /// Gives the memory back if nothing is in it.
    pub(super) fn release(&mut self) {
        if self.octets.is_empty() {
            self.octets = Vec::new();
        }
    }

    /// Takes a line if there is a whole one; the first `searched` octets are known to have no LF.
    ///
    /// `max_octets` counts the CRLF; the line comes without it.
    pub(super) fn take_line(
        &mut self,
        max_octets: usize,
        searched: &mut usize,
    ) -> Result<Option<Vec<u8>>, ConnError> {
        if self.skipping.is_some() {
            return self.skip_line();
        }
        let pending = self.pending();
        let Some(ahead) = pending[*searched..].iter().position(|&o| o == b'\n') else {
            if pending.len() < max_octets {
                *searched = pending.len();
                return Ok(None);
            }
            self.skipping = Some(0);
            return self.skip_line();
        };
        let end = *searched + ahead;
        let line = match pending[..end].strip_suffix(b"\r") {
            _ if end + 1 > max_octets => Err(ConnError::LineTooLong),
            Some(line) => Ok(Some(line.to_vec())),
            None => Err(ConnError::BareLf),
        };
        self.consume(end + 1);
        line
    }

    /// Throws away what is there of an overlong line; its end is reported as the error it is.
    fn skip_line(&mut self) -> Result<Option<Vec<u8>>, ConnError> {
        let pending = self.pending();
        if let Some(end) = pending.iter().position(|&o| o == b'\n') {
            self.consume(end + 1);
            self.skipping = None;
            return Err(ConnError::LineTooLong);
        }
        let here = pending.len();
        let skipped = self.skipping.unwrap_or(0) + here;
        self.consume(here);
        self.skipping = Some(skipped);
        if skipped > OVERLONG_SKIP_MAX_OCTETS {
            return Err(ConnError::LineEndless);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `stream` in portions of `portion` octets and writes down all that comes out.
    fn heard(stream: &[u8], portion: usize, max_octets: usize) -> Vec<String> {
        let mut input = Input::default();
        let mut heard = Vec::new();
        let mut searched = 0;
        for part in stream.chunks(portion) {
            input.append(part);
            loop {
                match input.take_line(max_octets, &mut searched) {
                    Ok(None) => break,
                    Ok(Some(line)) => heard.push(String::from_utf8(line).unwrap()),
                    Err(err) => heard.push(format!("!{err:?}")),
                }
                searched = 0;
            }
        }
        heard
    }

    #[test]
    fn lines_are_the_same_however_the_octets_arrive() {
        let stream = b"EHLO a\r\n\r\nbare\nlong line here\r\na\rb\r\n\nlonglonglonglong\nX\r\n";
        let expected = [
            "EHLO a",
            "",
            "!BareLf",
            "!LineTooLong",
            "a\rb",
            "!BareLf",
            "!LineTooLong",
            "X",
        ];
        for portion in 1..=stream.len() {
            assert_eq!(heard(stream, portion, 10), expected, "portion {portion}");
        }
    }

    #[test]
    fn the_limit_counts_the_crlf() {
        assert_eq!(heard(b"12345678\r\n", 3, 10), ["12345678"]);
        assert_eq!(heard(b"123456789\r\n", 3, 10), ["!LineTooLong"]);
        assert_eq!(heard(b"1234567890", 10, 10), Vec::<String>::new());
    }

    #[test]
    fn a_line_without_end_costs_no_memory_and_ends_the_session() {
        let mut input = Input::default();
        let flood = [b'x'; 16_384];
        let mut rounds = 0;
        let err = loop {
            input.append(&flood);
            rounds += 1;
            if let Err(err) = input.take_line(1_000, &mut 0) {
                break err;
            }
            assert!(input.octets.capacity() <= 2 * flood.len());
        };
        assert!(matches!(err, ConnError::LineEndless));
        assert_eq!(rounds, OVERLONG_SKIP_MAX_OCTETS / flood.len() + 1);
        assert!(!input.is_between_lines());
    }

    #[test]
    fn an_empty_buffer_gives_its_memory_back() {
        let mut input = Input::default();
        input.append(b"NOOP\r\nQU");
        input.take_line(100, &mut 0).unwrap();
        input.release();
        assert_eq!(input.pending(), b"QU");
        input.consume(2);
        input.release();
        assert_eq!(input.octets.capacity(), 0);
    }
}
