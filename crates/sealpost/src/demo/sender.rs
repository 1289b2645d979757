//! A small SMTP client that brings the demo its sample mail the way real mail comes (RFC 5321).

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use types::{Address, ReversePath};

/// How long our own server may take for one reply.
const REPLY_TIMEOUT: Duration = Duration::from_secs(30);
/// Octets of one reply line (RFC 5321 §4.5.3.1.5), with room for longer ones.
const REPLY_LINE_MAX_OCTETS: u64 = 4_096;
/// Lines of one reply.
const REPLY_LINES_MAX: usize = 64;

/// A message with its envelope.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// Reverse-path.
    pub(crate) from: ReversePath,
    /// The one recipient.
    pub(crate) to: Address,
    /// Header and body, lines ending in LF.
    pub(crate) text: String,
}

/// Sends a message as the server `helo`; gives the last reply to it.
pub(crate) fn send(server: SocketAddr, helo: &str, sample: &Sample) -> anyhow::Result<String> {
    let stream = TcpStream::connect_timeout(&server, REPLY_TIMEOUT)
        .with_context(|| format!("connecting to {server}"))?;
    stream.set_read_timeout(Some(REPLY_TIMEOUT))?;
    stream.set_write_timeout(Some(REPLY_TIMEOUT))?;
    let mut dialogue = Dialogue {
        reader: BufReader::new(stream),
    };
    dialogue.hear(b'2')?;
    dialogue.say(&format!("EHLO {helo}"), b'2')?;
    dialogue.say(&format!("MAIL FROM:{}", sample.from), b'2')?;
    dialogue.say(&format!("RCPT TO:<{}>", sample.to), b'2')?;
    dialogue.say("DATA", b'3')?;
    let reply = dialogue.say(&data(&sample.text), b'2')?;
    dialogue.say("QUIT", b'2')?;
    Ok(reply)
}

/// The text with CRLF and stuffed dots, up to the final dot (RFC 5321 §4.5.2).
fn data(text: &str) -> String {
    let mut data = String::with_capacity(text.len() + text.len() / 16);
    for line in text.lines() {
        if line.starts_with('.') {
            data.push('.');
        }
        data.push_str(line);
        data.push_str("\r\n");
    }
    data.push('.');
    data
}

struct Dialogue {
    reader: BufReader<TcpStream>,
}

impl Dialogue {
    /// Says a line and expects a reply of this class.
    fn say(&mut self, line: &str, class: u8) -> anyhow::Result<String> {
        let stream = self.reader.get_mut();
        stream.write_all(line.as_bytes())?;
        stream.write_all(b"\r\n")?;
        let command = line.lines().next().unwrap_or_default();
        self.hear(class)
            .with_context(|| format!("after {command:?}"))
    }

    /// Reads a reply to its last line.
    fn hear(&mut self, class: u8) -> anyhow::Result<String> {
        for _ in 0..REPLY_LINES_MAX {
            let mut line = String::new();
            self.reader
                .by_ref()
                .take(REPLY_LINE_MAX_OCTETS)
                .read_line(&mut line)?;
            ensure!(line.ends_with('\n'), "the server closed the connection");
            let line = line.trim_end();
            if line.as_bytes().get(3) == Some(&b'-') {
                continue;
            }
            ensure!(
                line.as_bytes().first() == Some(&class),
                "the server said {line:?}"
            );
            return Ok(line.to_owned());
        }
        anyhow::bail!("the server's reply has more than {REPLY_LINES_MAX} lines")
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn lines_end_in_crlf_and_dots_are_stuffed() {
        assert_eq!(data("a\n.b\n\n..\n"), "a\r\n..b\r\n\r\n...\r\n.");
    }

    /// What the client does at a server that answers each line with the next of `replies`.
    fn dialogue(replies: &'static [&'static str]) -> (anyhow::Result<String>, Vec<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let mut heard = Vec::new();
            for reply in replies {
                reader.get_mut().write_all(reply.as_bytes()).unwrap();
                let mut line = String::new();
                while reader.read_line(&mut line).unwrap() > 0 {
                    let text = line.trim_end().to_owned();
                    line.clear();
                    // A message ends with its dot; all else is a line of its own.
                    let in_message = heard.last().is_some_and(|last| last == "DATA");
                    if in_message && text != "." {
                        continue;
                    }
                    heard.push(text);
                    break;
                }
            }
            heard
        });
        let sample = Sample {
            from: ReversePath::Address("shop@partner.test".parse().unwrap()),
            to: "ann@demo.test".parse().unwrap(),
            text: "Subject: x\n\nbody\n".to_owned(),
        };
        let sent = send(address, "shop.partner.test", &sample);
        (sent, server.join().unwrap())
    }

    #[test]
    fn a_message_is_sent_in_the_order_of_the_rfc() {
        let (sent, heard) = dialogue(&[
            "220 mail.demo.test\r\n",
            "250-mail.demo.test\r\n250 SIZE\r\n",
            "250 ok\r\n",
            "250 ok\r\n",
            "354 go\r\n",
            "250 queued as 1\r\n",
            "221 bye\r\n",
        ]);
        assert_eq!(sent.unwrap(), "250 queued as 1");
        let expected = [
            "EHLO shop.partner.test",
            "MAIL FROM:<shop@partner.test>",
            "RCPT TO:<ann@demo.test>",
            "DATA",
            ".",
            "QUIT",
        ];
        assert_eq!(heard, expected);
    }

    #[test]
    fn a_refusal_is_told_with_the_command() {
        let (sent, _) = dialogue(&[
            "220 hello\r\n",
            "250 hello\r\n",
            "250 ok\r\n",
            "550 5.1.1 nobody\r\n",
        ]);
        let error = format!("{:#}", sent.unwrap_err());
        assert!(
            error.contains("RCPT TO") && error.contains("550 5.1.1 nobody"),
            "{error}"
        );
    }
}
