//! The command line's end of the control socket.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use ledger::Claim;
use serde_json::Value;
use types::Secret;

use super::protocol::{ANSWER_MAX_OCTETS, Answer, Ask, REQUEST_MAX_OCTETS, Request};
use crate::exit::{Exit, Failure};

/// How long an answer may take; checking a large ledger takes minutes.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(600);
/// How long the server may take to read the request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Environment variables that say where a person comes from. They are claims: anyone can set them.
const CLAIMS: [(&str, Claim); 2] = [
    ("SUDO_USER", Claim::SudoUser),
    ("SSH_CONNECTION", Claim::SshConnection),
];
/// Octets of one claim.
const CLAIM_MAX_OCTETS: usize = 256;

/// Reaches one server.
#[derive(Debug)]
pub(crate) struct Client {
    socket: PathBuf,
    claimed: BTreeMap<Claim, String>,
}

impl Client {
    /// For the server behind this socket; nothing is sent yet.
    pub(crate) fn new(socket: PathBuf) -> Self {
        Self {
            socket,
            claimed: claims(),
        }
    }

    /// Asks and waits for the answer; a refusal is a [`Failure`].
    pub(crate) fn ask(&self, ask: Ask) -> anyhow::Result<Value> {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let request = Request {
            version,
            claimed: self.claimed.clone(),
            ask,
        };
        // The line may hold a password, so it is wiped after use.
        let line = Secret::new(serde_json::to_vec(&request)?);
        if line.expose().len() >= REQUEST_MAX_OCTETS {
            let words = format!("the request is longer than {REQUEST_MAX_OCTETS} octets");
            return Err(Failure::usage(words).into());
        }
        let answer = self.exchange(&line)?;
        let answer = serde_json::from_slice(&answer)
            .context("the server's answer is not understood; is it another version?")?;
        match answer {
            Answer::Done(value) => Ok(value),
            Answer::Refused { exit, words } => Err(Failure::new(exit, words).into()),
        }
    }

    fn exchange(&self, line: &Secret) -> anyhow::Result<Vec<u8>> {
        let mut stream =
            UnixStream::connect(&self.socket).map_err(|error| unreachable(&self.socket, &error))?;
        stream.set_write_timeout(Some(REQUEST_TIMEOUT))?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        // A server that refuses the caller answers without reading; its words are read below.
        let sent = stream
            .write_all(line.expose())
            .and_then(|()| stream.write_all(b"\n"));
        let mut answer = Vec::new();
        let limit = ANSWER_MAX_OCTETS as u64;
        let received = BufReader::new(stream.take(limit)).read_until(b'\n', &mut answer);
        if answer.last() == Some(&b'\n') {
            return Ok(answer);
        }
        let error = sent.err().or(received.err());
        let cause = error.map_or_else(|| "it closed the connection".to_owned(), |e| e.to_string());
        let words = format!(
            "the server did not answer ({cause}). Whether the request was carried out is not known: \
             look at `sealpost ledger list` before you repeat it"
        );
        Err(Failure::new(Exit::Unreachable, words).into())
    }
}

/// What this process says about where its person comes from.
pub(crate) fn claims() -> BTreeMap<Claim, String> {
    let claim = |(name, claim): (&str, Claim)| {
        let value = std::env::var(name).ok()?;
        (value.len() <= CLAIM_MAX_OCTETS).then_some((claim, value))
    };
    CLAIMS.into_iter().filter_map(claim).collect()
}

fn unreachable(socket: &Path, error: &std::io::Error) -> Failure {
    let shown = socket.display();
    let (exit, words) = match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => (
            Exit::Unreachable,
            format!(
                "no server answers at {shown}. Start it with `sealpost serve`, or name the right \
                 one with --config FILE or --data DIR"
            ),
        ),
        ErrorKind::PermissionDenied => (
            Exit::NotAllowed,
            format!("you may not use {shown}: run this as root or as the server's user"),
        ),
        _ => (
            Exit::Unreachable,
            format!("cannot reach the server at {shown}: {error}"),
        ),
    };
    Failure::new(exit, words)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    /// What the client makes of a server that says `answer` and closes.
    fn told(answer: &'static [u8]) -> Result<Value, (Exit, String)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = String::new();
            BufReader::new(&stream).read_line(&mut request).unwrap();
            stream.write_all(answer).unwrap();
            request
        });
        let result = Client::new(path).ask(Ask::Status);
        assert!(server.join().unwrap().contains("\"ask\":\"status\""));
        result.map_err(|error| {
            let exit = error
                .downcast_ref::<Failure>()
                .map_or(Exit::Failed, Failure::exit);
            (exit, error.to_string())
        })
    }

    #[test]
    fn an_answer_is_given_on() {
        assert_eq!(
            told(b"{\"done\":{\"a\":1}}\n"),
            Ok(serde_json::json!({"a": 1}))
        );
    }

    #[test]
    fn a_refusal_keeps_its_code_and_words() {
        let refused = told(b"{\"refused\":{\"exit\":\"conflict\",\"words\":\"taken\"}}\n");
        assert_eq!(refused, Err((Exit::Conflict, "taken".to_owned())));
    }

    #[test]
    fn a_lost_answer_is_said_to_be_unknown() {
        for broken in [&b""[..], b"{\"done\":"] {
            let (exit, words) = told(broken).unwrap_err();
            assert_eq!(exit, Exit::Unreachable);
            assert!(words.contains("not known"), "{words}");
        }
    }

    #[test]
    fn a_missing_server_is_named() {
        let error = Client::new("/nonexistent/s".into())
            .ask(Ask::Status)
            .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("no server answers at /nonexistent/s"),
            "{error}"
        );
    }
}
