//! Message content on its way out: stuffed dots and the end of DATA (RFC 5321 §4.5.2).
//!
//! What leaves has CRLF as its only line end, whatever came in; else the other server could read an
//! end, and then commands, where this one saw none.

use super::content::{ChunkReader, ContentFault};

/// Writes content for DATA, given in pieces of any length.
#[derive(Debug)]
pub struct DataWriter {
    at_line_start: bool,
    checked: ChunkReader,
    clean: Vec<u8>,
}

impl Default for DataWriter {
    fn default() -> Self {
        Self {
            at_line_start: true,
            checked: ChunkReader::new(u64::MAX),
            clean: Vec::new(),
        }
    }
}

impl DataWriter {
    /// Appends a piece to `out` with its dots stuffed; a fault makes the whole message one that
    /// must not be sent.
    pub fn write(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), ContentFault> {
        self.clean.clear();
        self.checked.read(piece, &mut self.clean);
        self.stuff(out)
    }

    /// Appends the end: a line end if the last line has none, and the dot.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), ContentFault> {
        self.clean.clear();
        self.checked.finish(&mut self.clean);
        self.stuff(out)?;
        out.extend_from_slice(b".\r\n");
        Ok(())
    }

    fn stuff(&mut self, out: &mut Vec<u8>) -> Result<(), ContentFault> {
        if let Some(fault) = self.checked.fault() {
            return Err(fault);
        }
        for line in self.clean.split_inclusive(|octet| *octet == b'\n') {
            if self.at_line_start && line.starts_with(b".") {
                out.push(b'.');
            }
            out.extend_from_slice(line);
            self.at_line_start = line.ends_with(b"\n");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::content::{DataReader, Progress};
    use super::*;

    fn written(content: &[u8], cut: usize) -> Result<Vec<u8>, ContentFault> {
        let (mut writer, mut out) = (DataWriter::default(), Vec::new());
        for piece in content.chunks(cut) {
            writer.write(piece, &mut out)?;
        }
        writer.finish(&mut out)?;
        Ok(out)
    }

    #[test]
    fn what_is_written_is_read_again_wherever_it_is_cut() {
        for content in [
            "",
            ".",
            "..\r\n",
            "a\r\n.\r\nb\r\n",
            ".a\r\n..b\r\n\r\n.",
            "no end",
        ] {
            for cut in 1..=8 {
                let sent = written(content.as_bytes(), cut).unwrap();
                let (mut reader, mut read) = (DataReader::new(1_000), Vec::new());
                let end = reader.read(&sent, &mut read);
                assert_eq!(end, Progress::End { used: sent.len() }, "{content:?}");
                let whole = match content {
                    "" => String::new(),
                    it if it.ends_with("\r\n") => it.to_owned(),
                    it => format!("{it}\r\n"),
                };
                assert_eq!(read, whole.as_bytes(), "{content:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn what_two_servers_could_read_differently_never_leaves() {
        for (content, fault) in [
            ("a\n.\r\nQUIT\r\n", ContentFault::BareLf),
            ("a\r.\r\n", ContentFault::BareCr),
            ("a\r", ContentFault::BareCr),
            ("a\0\r\n", ContentFault::Nul),
        ] {
            for cut in 1..=8 {
                let sent = written(content.as_bytes(), cut);
                assert_eq!(sent, Err(fault), "{content:?} cut at {cut}");
            }
        }
    }
}
