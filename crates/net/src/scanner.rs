//! Services that look at mail: ClamAV's daemon and rspamd, by their own protocols.

mod clamd;
mod rspamd;

pub use clamd::{VirusVerdict, clamd_scan, clamd_version};
pub use rspamd::{SpamEnvelope, SpamVerdict, rspamd_check, rspamd_version};

use std::time::Duration;

/// Why a scanner gave no verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// It cannot be reached, or the connection broke.
    #[error("{0}")]
    Broken(String),
    /// It takes too long.
    #[error("no answer within {} s", .0.as_secs())]
    TimeOut(Duration),
    /// It answers something else than a verdict.
    #[error("it answers {0:?}")]
    Odd(String),
}

/// Text of a scanner as it may stand in a header field, a log line and a reply: visible ASCII,
/// at most this many characters.
fn plain(text: &str, max: usize) -> String {
    let visible = text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ');
    visible.take(max).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::task::JoinHandle;

    /// A service that hears until `until` stands at the end, gives this answer, and closes.
    pub(crate) async fn answering(
        until: &'static [u8],
        answer: &'static [u8],
    ) -> (SocketAddr, JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = Vec::new();
            while !heard.ends_with(until) {
                if stream.read_buf(&mut heard).await.unwrap() == 0 {
                    break;
                }
            }
            stream.write_all(answer).await.unwrap();
            heard
        });
        (address, heard)
    }
}
