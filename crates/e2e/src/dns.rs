//! A server of DNS for names below `test`.

use std::net::TcpStream;

use crate::daemon::Daemon;

/// Octets of one piece of a text in DNS.
const PIECE_OCTETS: usize = 255;

/// Debian's dnsmasq at this port of 127.0.0.1, with these records in its own words and these texts,
/// each behind its name.
pub fn serve(port: u16, records: &[&str], texts: &[(String, String)]) -> anyhow::Result<Daemon> {
    let usual = [
        "--no-daemon",
        "--conf-file=/dev/null",
        "--no-resolv",
        "--no-hosts",
        "--bind-interfaces",
        "--listen-address=127.0.0.1",
        "--local=/test/",
    ];
    let texts = texts.iter().map(|(name, text)| {
        let pieces = text.as_bytes().chunks(PIECE_OCTETS);
        let pieces: Vec<_> = pieces.map(String::from_utf8_lossy).collect();
        format!("--txt-record={name},{}", pieces.join(","))
    });
    let words = usual.iter().chain(records).map(|word| (*word).to_owned());
    let args = words.chain([format!("--port={port}")]).chain(texts);
    // A second one on the same port would say that it is taken.
    Daemon::start("dnsmasq", args, || {
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    })
}
