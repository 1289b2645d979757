//! Bodies of fuzz targets for ManageSieve.

use super::parse;
use super::reader::{CommandReader, Event, ReaderLimits};

/// However the octets arrive, the same commands come out; what we accept, we print so that it is
/// accepted again, unchanged.
pub fn command_round_trip(input: &[u8]) {
    let whole = events(input, input.len());
    assert_eq!(events(input, 1), whole);
    for event in whole {
        let Event::Command(octets) = event else {
            continue;
        };
        let Ok(command) = parse::command(&octets) else {
            continue;
        };
        assert_eq!(parse::command(&command.to_bytes()), Ok(command));
    }
}

/// What a reader makes of octets that arrive in pieces of this size.
fn events(input: &[u8], piece: usize) -> Vec<Event> {
    let mut reader = CommandReader::new(ReaderLimits::after_sign_in(256));
    let mut events = Vec::new();
    for mut octets in input.chunks(piece.max(1)) {
        while !octets.is_empty() {
            match reader.feed(&mut octets) {
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

#[cfg(test)]
mod tests {
    #[test]
    fn kept_seeds_pass() {
        crate::seeds::replay("managesieve_command", super::command_round_trip);
    }
}
