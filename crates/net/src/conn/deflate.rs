//! Compression of a connection, both ways: raw DEFLATE (RFC 1951) as RFC 4978 has it.
//!
//! What always holds:
//! * A portion of what came in is inflated only as far as somebody wants to read it, so a few
//!   octets that stand for many cost no memory.
//! * Whoever sends far less than it makes us inflate is cut off ([`Inflate::is_a_bomb`]).
//! * The dictionary for what goes out lives only while something goes out: a new one may begin at
//!   every flush, since the peer's dictionary goes on. What came in refers back to up to 32 KiB,
//!   so a connection that waits keeps that much.

use std::io;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// Octets that are inflated at once.
const INFLATE_OCTETS: usize = 16_384;
/// Octets that may be inflated whatever was sent for them: more than the largest message, which may
/// be one letter over and over.
const INFLATED_FREE_OCTETS: u64 = 134_217_728;
/// Octets that may be inflated for each octet that was sent, beyond those.
const INFLATE_RATIO_MAX: u64 = 100;
/// Room that a portion of output gets at least, so that each step makes progress.
const DEFLATE_ROOM_OCTETS: usize = 1_024;

/// Both directions of a compressed connection.
#[derive(Debug)]
pub(super) struct Deflated {
    pub(super) inflate: Inflate,
    deflate: Option<Compress>,
    /// Whether the peer cannot read yet all that was written.
    unfinished: bool,
}

/// What came in.
#[derive(Debug)]
pub(super) struct Inflate {
    state: Decompress,
    /// Octets as they came.
    compressed: Vec<u8>,
    taken: usize,
    /// Whether more may come out without more coming in.
    may_have_more: bool,
}

impl Deflated {
    pub(super) fn new() -> Self {
        Self {
            inflate: Inflate {
                state: Decompress::new(false),
                compressed: Vec::new(),
                taken: 0,
                may_have_more: false,
            },
            deflate: None,
            unfinished: false,
        }
    }

    /// Compresses `octets` to the end of `output`; the peer can read them after [`Self::finish`].
    pub(super) fn write(&mut self, octets: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        self.unfinished |= !octets.is_empty();
        self.run(octets, output, FlushCompress::None)
    }

    /// Brings what was written to a point up to which the peer can read it (RFC 4978 §4).
    pub(super) fn finish(&mut self, output: &mut Vec<u8>) -> io::Result<()> {
        if !std::mem::take(&mut self.unfinished) {
            return Ok(());
        }
        self.run(&[], output, FlushCompress::Sync)
    }

    fn run(
        &mut self,
        mut octets: &[u8],
        output: &mut Vec<u8>,
        flush: FlushCompress,
    ) -> io::Result<()> {
        let new = || Compress::new(Compression::fast(), false);
        let deflate = self.deflate.get_or_insert_with(new);
        loop {
            output.reserve(DEFLATE_ROOM_OCTETS.max(octets.len() / 2));
            let before = deflate.total_in();
            let status = deflate.compress_vec(octets, output, flush);
            status.map_err(io::Error::other)?;
            let used = usize::try_from(deflate.total_in() - before).unwrap_or(octets.len());
            octets = &octets[used..];
            // Room that is left says that there was nothing more to write.
            if octets.is_empty() && output.len() < output.capacity() {
                return Ok(());
            }
        }
    }

    /// Gives back what the next flush can do without.
    pub(super) fn release(&mut self) {
        if !self.unfinished {
            self.deflate = None;
        }
        self.inflate.release();
    }
}

impl Inflate {
    /// Takes octets as they came.
    pub(super) fn feed(&mut self, octets: &[u8]) {
        self.compressed.drain(..self.taken);
        self.taken = 0;
        self.compressed.extend_from_slice(octets);
    }

    /// The next octets that were meant; none if more has to come in first.
    pub(super) fn next(&mut self) -> io::Result<Vec<u8>> {
        let rest = &self.compressed[self.taken..];
        if rest.is_empty() && !self.may_have_more {
            return Ok(Vec::new());
        }
        let mut out = Vec::with_capacity(INFLATE_OCTETS);
        let before = self.state.total_in();
        let inflated = self
            .state
            .decompress_vec(rest, &mut out, FlushDecompress::None);
        let status = inflated.map_err(invalid)?;
        self.taken += usize::try_from(self.state.total_in() - before).unwrap_or(rest.len());
        // Neither side ends the stream before the connection ends (RFC 4978 §3).
        if status == Status::StreamEnd && out.is_empty() {
            return Err(invalid("the compressed stream has ended"));
        }
        self.may_have_more = out.len() == out.capacity();
        if self.is_a_bomb() {
            return Err(invalid("far more was inflated than was sent"));
        }
        Ok(out)
    }

    /// Whether what came in stands for far more than any mail does.
    fn is_a_bomb(&self) -> bool {
        let earned = self.state.total_in().saturating_mul(INFLATE_RATIO_MAX);
        self.state.total_out() > earned.saturating_add(INFLATED_FREE_OCTETS)
    }

    fn release(&mut self) {
        if self.taken == self.compressed.len() {
            self.compressed = Vec::new();
            self.taken = 0;
        }
    }
}

fn invalid(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What one end writes in these portions, the other end reads; `release` says whether the
    /// dictionary is given back after each.
    fn sent(portions: &[&[u8]], release: bool) -> Vec<u8> {
        let (mut here, mut there) = (Deflated::new(), Deflated::new());
        let mut heard = Vec::new();
        for portion in portions {
            let mut wire = Vec::new();
            here.write(portion, &mut wire).unwrap();
            here.finish(&mut wire).unwrap();
            for octets in wire.chunks(7) {
                there.inflate.feed(octets);
                loop {
                    let next = there.inflate.next().unwrap();
                    if next.is_empty() {
                        break;
                    }
                    heard.extend(next);
                }
            }
            if release {
                here.release();
                there.release();
                assert!(here.deflate.is_none());
                assert_eq!(there.inflate.compressed.capacity(), 0);
            }
        }
        heard
    }

    #[test]
    fn each_portion_can_be_read_when_it_was_finished() {
        let long: Vec<u8> = (0..200_000_u32).flat_map(u32::to_be_bytes).collect();
        let portions = [&b"* OK ready\r\n"[..], b"", b"* OK ready\r\n", &long, b"x"];
        for release in [false, true] {
            assert!(sent(&portions, release) == portions.concat());
        }
    }

    #[test]
    fn what_repeats_itself_becomes_short_and_is_inflated_in_portions() {
        let (mut here, mut there) = (Deflated::new(), Deflated::new());
        let mut wire = Vec::new();
        here.write(&vec![b'a'; 10_000_000], &mut wire).unwrap();
        here.finish(&mut wire).unwrap();
        assert!(wire.len() < 100_000, "{}", wire.len());
        there.inflate.feed(&wire);
        let mut octets = 0;
        while octets < 10_000_000 {
            let next = there.inflate.next().unwrap();
            assert!(!next.is_empty() && next.len() <= INFLATE_OCTETS);
            octets += next.len();
        }
        assert!(there.inflate.next().unwrap().is_empty());
    }

    #[test]
    fn a_bomb_and_garbage_end_the_connection() {
        let (mut here, mut there) = (Deflated::new(), Deflated::new());
        let zeros = vec![0; 1_000_000];
        let mut inflated = 0;
        let cut_off = 'sending: loop {
            let mut wire = Vec::new();
            here.write(&zeros, &mut wire).unwrap();
            here.finish(&mut wire).unwrap();
            there.inflate.feed(&wire);
            loop {
                match there.inflate.next() {
                    Ok(next) if next.is_empty() => break,
                    Ok(next) => inflated += next.len() as u64,
                    Err(err) => break 'sending err,
                }
            }
        };
        assert_eq!(cut_off.kind(), io::ErrorKind::InvalidData);
        assert!((INFLATED_FREE_OCTETS..INFLATED_FREE_OCTETS * 2).contains(&inflated));
        for garbage in [&b"a1 NOOP\r\n"[..], &[0xff; 9], &[3, 0, 9]] {
            there = Deflated::new();
            there.inflate.feed(garbage);
            let first = there.inflate.next();
            assert!(
                first.is_err() || there.inflate.next().is_err(),
                "{garbage:?}"
            );
        }
    }
}
