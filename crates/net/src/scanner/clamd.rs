//! ClamAV's daemon (`clamd(8)`, commands INSTREAM and VERSION).

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{ScanError, plain};
use crate::Endpoint;

/// Octets of one piece; the daemon takes any length.
const PIECE_OCTETS: usize = 65_536;
/// Octets of an answer.
const ANSWER_MAX_OCTETS: u64 = 4_096;
/// Characters of a name that are kept.
const NAME_MAX_CHARS: usize = 100;

/// What it found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VirusVerdict {
    /// Nothing.
    Clean,
    /// This, by the daemon's name for it.
    Found(String),
}

/// Shows it a message, which consists of these parts.
pub async fn clamd_scan(
    at: &Endpoint,
    parts: &[&[u8]],
    time: Duration,
) -> Result<VirusVerdict, ScanError> {
    let scan = async {
        let mut stream = at.connect().await?;
        stream.write_all(b"zINSTREAM\0").await?;
        for piece in parts.iter().flat_map(|part| part.chunks(PIECE_OCTETS)) {
            let octets = u32::try_from(piece.len()).map_err(io::Error::other)?;
            stream.write_all(&octets.to_be_bytes()).await?;
            stream.write_all(piece).await?;
        }
        stream.write_all(&[0; 4]).await?;
        read_answer(stream).await
    };
    let answer = in_time(time, scan).await?;
    let verdict = answer.strip_prefix("stream: ").unwrap_or(&answer);
    match verdict.strip_suffix(" FOUND") {
        Some(name) => Ok(VirusVerdict::Found(plain(name, NAME_MAX_CHARS))),
        None if verdict == "OK" => Ok(VirusVerdict::Clean),
        None => Err(ScanError::Odd(plain(&answer, NAME_MAX_CHARS))),
    }
}

/// Its version with that of its signatures, in its own words.
pub async fn clamd_version(at: &Endpoint, time: Duration) -> Result<String, ScanError> {
    let ask = async {
        let mut stream = at.connect().await?;
        stream.write_all(b"zVERSION\0").await?;
        read_answer(stream).await
    };
    let answer = plain(&in_time(time, ask).await?, NAME_MAX_CHARS);
    match answer.starts_with("ClamAV") {
        true => Ok(answer),
        false => Err(ScanError::Odd(answer)),
    }
}

/// An answer ends with a zero octet, and the daemon closes behind it.
async fn read_answer(stream: impl tokio::io::AsyncRead + Unpin) -> io::Result<String> {
    let mut answer = Vec::new();
    let mut stream = stream.take(ANSWER_MAX_OCTETS);
    while !answer.ends_with(b"\0") && stream.read_buf(&mut answer).await? > 0 {}
    let text = String::from_utf8_lossy(&answer);
    Ok(text.trim_end_matches(['\0', '\n']).to_owned())
}

async fn in_time(
    time: Duration,
    work: impl Future<Output = io::Result<String>>,
) -> Result<String, ScanError> {
    match tokio::time::timeout(time, work).await {
        Err(_) => Err(ScanError::TimeOut(time)),
        Ok(Err(err)) => Err(ScanError::Broken(err.to_string())),
        Ok(Ok(answer)) => Ok(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scanner::tests::answering;

    const TIME: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn a_verdict_is_one_of_two_and_all_else_is_none() {
        for (answer, expected) in [
            (&b"stream: OK\0"[..], Ok(VirusVerdict::Clean)),
            (
                b"stream: Eicar-Test FOUND\0",
                Ok(VirusVerdict::Found("Eicar-Test".to_owned())),
            ),
            (
                b"stream: a\r\nb FOUND\0",
                Ok(VirusVerdict::Found("ab".to_owned())),
            ),
            (b"INSTREAM size limit exceeded. ERROR\0", Err("size limit")),
            (b"stream: OK OK\0", Err("OK OK")),
            (b"", Err("\"\"")),
        ] {
            let (address, heard) = answering(&[0; 4], answer).await;
            let at = Endpoint::Tcp(address);
            let verdict = clamd_scan(&at, &[b"head\r\n", b"", b"body"], TIME);
            match (verdict.await, expected) {
                (Ok(verdict), Ok(expected)) => assert_eq!(verdict, expected),
                (Err(err), Err(words)) => assert!(err.to_string().contains(words), "{err}"),
                (got, _) => panic!("{got:?}"),
            }
            let sent = b"zINSTREAM\0\0\0\0\x06head\r\n\0\0\0\x04body\0\0\0\0";
            assert_eq!(heard.await.unwrap(), sent);
        }
    }

    #[tokio::test]
    async fn nobody_there_is_no_verdict() {
        let (address, _) = answering(b"\0", b"HTTP/1.1 400 Bad Request\0").await;
        let version = clamd_version(&Endpoint::Tcp(address), TIME).await;
        assert!(matches!(version, Err(ScanError::Odd(_))), "{version:?}");
        let nowhere = Endpoint::Unix("/nonexistent/clamd".into());
        let verdict = clamd_scan(&nowhere, &[b"x"], TIME).await;
        assert!(matches!(verdict, Err(ScanError::Broken(_))), "{verdict:?}");
    }
}
