//! Bodies of fuzz targets for SMTP.

use super::content::{ChunkReader, DataReader, Progress};
use super::parse;

/// Content that a fuzz input may have; small, so that the limit is met too.
const CONTENT_MAX_OCTETS: u64 = 4_096;

/// What we accept, we print so that it is accepted again, unchanged.
pub fn command_round_trip(input: &[u8]) {
    let Ok(command) = parse::command(input) else {
        return;
    };
    assert_eq!(parse::command(&command.to_bytes()), Ok(command));
}

/// Content means the same wherever the network cuts it; the first octet chooses the cuts.
pub fn content_any_cut(input: &[u8]) {
    let Some((&cut, content)) = input.split_first() else {
        return;
    };
    let cut = usize::from(cut).max(1);
    assert_eq!(read_data(content, cut), read_data(content, usize::MAX));
    assert_eq!(read_chunks(content, cut), read_chunks(content, usize::MAX));
}

fn read_data(input: &[u8], cut: usize) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut reader = DataReader::new(CONTENT_MAX_OCTETS);
    let mut out = Vec::new();
    let mut used_before = 0;
    for piece in input.chunks(cut) {
        if let Progress::End { used } = reader.read(piece, &mut out) {
            let sound = reader.fault().is_none().then_some(out);
            return (Some(used_before + used), sound, reader.octets());
        }
        used_before += piece.len();
    }
    (
        None,
        reader.fault().is_none().then_some(out),
        reader.octets(),
    )
}

fn read_chunks(input: &[u8], cut: usize) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut reader = ChunkReader::new(CONTENT_MAX_OCTETS);
    let mut out = Vec::new();
    for piece in input.chunks(cut) {
        reader.read(piece, &mut out);
    }
    reader.finish(&mut out);
    reader.fault().is_none().then_some(out)
}

#[cfg(test)]
mod tests {
    #[test]
    fn kept_seeds_pass() {
        crate::seeds::replay("smtp_command", super::command_round_trip);
        crate::seeds::replay("smtp_content", super::content_any_cut);
    }
}
