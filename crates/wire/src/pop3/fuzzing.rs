//! Bodies of fuzz targets for POP3.

use super::multiline::DotStuffer;
use super::parse;

/// What we accept, we print so that it is accepted again, unchanged.
pub fn command_round_trip(input: &[u8]) {
    let Ok(command) = parse::command(input) else {
        return;
    };
    assert_eq!(parse::command(&command.to_bytes()), Ok(command));
}

/// A client that ends lines at LF alone finds one end of the response, and every line of it.
pub fn multiline_round_trip(input: &[u8]) {
    let mut response = Vec::new();
    let mut stuffer = DotStuffer::default();
    stuffer.write(input, &mut response);
    stuffer.finish(&mut response);

    let mut heard = Vec::new();
    let mut lines = response.split_inclusive(|octet| *octet == b'\n');
    for line in &mut lines {
        assert!(line.ends_with(b"\r\n"), "a bare LF was sent");
        if line == b".\r\n" {
            break;
        }
        heard.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
    }
    assert_eq!(lines.next(), None, "the response ended early");
    assert_eq!(heard, exact_lines(input));
}

/// The input with every kind of line end written as CRLF, the last one included.
fn exact_lines(input: &[u8]) -> Vec<u8> {
    let text: String = input.iter().map(|octet| char::from(*octet)).collect();
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut exact: Vec<u8> = lines
        .replace('\n', "\r\n")
        .chars()
        .filter_map(|c| u8::try_from(c).ok())
        .collect();
    if !exact.is_empty() && !exact.ends_with(b"\r\n") {
        exact.extend_from_slice(b"\r\n");
    }
    exact
}

#[cfg(test)]
mod tests {
    #[test]
    fn kept_seeds_pass() {
        crate::seeds::replay("pop3_command", super::command_round_trip);
        crate::seeds::replay("pop3_multiline", super::multiline_round_trip);
    }
}
