//! A line dialogue in the clear, for what a well-behaved client never says.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, ensure};

/// Longest wait for a server that should answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to one door of a server on loopback.
pub struct Dialogue {
    reader: BufReader<TcpStream>,
}

impl Dialogue {
    /// Connects; nothing is read yet.
    pub fn connect(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .with_context(|| format!("connecting to port {port}"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            reader: BufReader::new(stream),
        })
    }

    /// Connects and reads an SMTP greeting.
    pub fn smtp(port: u16) -> anyhow::Result<Self> {
        let mut dialogue = Self::connect(port)?;
        dialogue.hears("220")?;
        Ok(dialogue)
    }

    /// Sends these octets as they are.
    pub fn send(&mut self, octets: &[u8]) -> anyhow::Result<()> {
        Ok(self.reader.get_mut().write_all(octets)?)
    }

    /// Sends a line.
    pub fn say(&mut self, line: &str) -> anyhow::Result<()> {
        self.send(format!("{line}\r\n").as_bytes())
    }

    /// Reads one line without its end; an error once the server has closed.
    pub fn line(&mut self) -> anyhow::Result<String> {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line)?;
        ensure!(!line.is_empty(), "the server closed the connection");
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    /// Reads so many octets.
    pub fn octets(&mut self, count: usize) -> anyhow::Result<Vec<u8>> {
        let mut octets = vec![0; count];
        self.reader.read_exact(&mut octets)?;
        Ok(octets)
    }

    /// Reads an SMTP reply of one or more lines; its last line must begin with `expected`.
    pub fn hears(&mut self, expected: &str) -> anyhow::Result<String> {
        let reply = self.reply()?;
        ensure!(
            reply.starts_with(expected),
            "heard {reply:?}, expected {expected:?}"
        );
        Ok(reply)
    }

    /// Reads an SMTP reply and returns its last line.
    pub fn reply(&mut self) -> anyhow::Result<String> {
        loop {
            let line = self.line()?;
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line);
            }
        }
    }

    /// Says a line and hears its SMTP reply.
    pub fn ask(&mut self, line: &str, expected: &str) -> anyhow::Result<String> {
        self.say(line)?;
        self.hears(expected)
            .with_context(|| format!("after {line:?}"))
    }

    /// Reads until the server closes; an error if it does not.
    pub fn rest(&mut self) -> anyhow::Result<String> {
        let mut octets = Vec::new();
        match self.reader.read_to_end(&mut octets) {
            // A server that drops a connection with unread input resets it.
            Err(err) if err.kind() != std::io::ErrorKind::ConnectionReset => Err(err.into()),
            _ => Ok(String::from_utf8_lossy(&octets).into_owned()),
        }
    }
}
