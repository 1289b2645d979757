//! The server's end of the control socket: who may ask is decided by what the kernel says.
//!
//! One request and one answer per connection, both bounded. Root and the user that runs the server
//! are the console; all others are refused in words before anything is read.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ledger::UnixFacts;
use net::Shutdown;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};
use types::Secret;

use super::protocol::{ANSWER_MAX_OCTETS, Answer, REQUEST_MAX_OCTETS, Request};
use crate::exit::{Exit, Failure};

/// Commands that are served at a time; more wait.
const CONNECTIONS_MAX: usize = 32;
/// How long a client may take to send its request, and to read the answer.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long requests may go on after the server was told to stop.
const DRAIN: Duration = Duration::from_secs(10);
/// How long the loop rests when the system has nothing left for another connection.
const ACCEPT_REST: Duration = Duration::from_millis(200);
/// What the kernel gives as login uid when there is none.
const NO_LOGIN_UID: u32 = u32::MAX;
/// Mode of the socket: its owner alone (root passes anyway).
const SOCKET_MODE: u32 = 0o600;

/// Answers one request of a console user.
pub(crate) type Answering =
    Arc<dyn Fn(UnixFacts, Request) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync>;

/// A control socket that is bound; its file is removed with it.
#[derive(Debug)]
pub(crate) struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl ControlSocket {
    /// Binds the socket; one that a dead server left is replaced. Call it inside the runtime, and
    /// only while holding the data folder.
    pub(crate) fn bind(path: &Path) -> anyhow::Result<Self> {
        remove_dead(path)?;
        let listener = UnixListener::bind(path).with_context(|| {
            format!(
                "cannot make the control socket {}. The folder must exist and belong to the \
                 server's user, and the path may have at most 107 octets: set control_socket in \
                 the start file to a shorter one",
                path.display()
            )
        })?;
        let bound = Self {
            listener,
            path: path.to_owned(),
        };
        fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE))?;
        Ok(bound)
    }

    /// Serves until `shutdown`, then lets running requests finish.
    pub(crate) async fn serve(self, answering: Answering, shutdown: Shutdown) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut tasks = JoinSet::new();
        loop {
            // All branches lose nothing when another one is taken.
            tokio::select! {
                () = shutdown.wait() => break,
                Some(ended) = tasks.join_next() => report(ended),
                accepted = accept(&self.listener, &places) => match accepted {
                    Ok((stream, place)) => {
                        let (answering, shutdown) = (Arc::clone(&answering), shutdown.clone());
                        tasks.spawn(async move {
                            let _held = place;
                            if let Err(err) = converse(stream, &answering, &shutdown).await {
                                debug!(%err, "a control connection ended early: {err}");
                            }
                        });
                    }
                    Err(err) => {
                        warn!(%err, "cannot accept control connections now: {err}");
                        sleep(ACCEPT_REST).await;
                    }
                },
            }
        }
        let all = async { while tasks.join_next().await.is_some() {} };
        if timeout(DRAIN, all).await.is_err() {
            warn!("a control request did not end in time and was cut off");
        }
        tasks.shutdown().await;
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // A file that is gone already is what we want; a dead one is replaced at the next start.
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes a socket at which nobody answers; anything else that lies there is left alone.
fn remove_dead(path: &Path) -> anyhow::Result<()> {
    let Ok(meta) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    let shown = path.display();
    if !meta.file_type().is_socket() {
        anyhow::bail!("{shown} is in the way of the control socket: move it elsewhere");
    }
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        let words = format!("another server answers at {shown}: stop it first");
        return Err(Failure::new(Exit::Conflict, words).into());
    }
    fs::remove_file(path).with_context(|| format!("cannot replace the dead control socket {shown}"))
}

type Place = tokio::sync::OwnedSemaphorePermit;

async fn accept(
    listener: &UnixListener,
    places: &Arc<Semaphore>,
) -> io::Result<(UnixStream, Place)> {
    let place = Arc::clone(places)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(err) = ended
        && err.is_panic()
    {
        tracing::error!(%err, "a control request ended by a fault of the server: {err}");
    }
}

async fn converse(
    mut stream: UnixStream,
    answering: &Answering,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let facts = facts(&stream)?;
    let answer = match refuse(facts.uid, rustix::process::geteuid().as_raw()) {
        Some(refusal) => refusal,
        None => {
            // What was not read whole was not begun, so nothing is lost at shutdown.
            let read = tokio::select! {
                () = shutdown.wait() => return Ok(()),
                read = timeout(CLIENT_TIMEOUT, read_request(&mut stream)) => read??,
            };
            match read {
                Ok(request) => answering(facts, request).await,
                Err(refusal) => refusal,
            }
        }
    };
    timeout(CLIENT_TIMEOUT, stream.write_all(&answer_line(&answer)?)).await??;
    Ok(())
}

fn answer_line(answer: &Answer) -> anyhow::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(answer)?;
    if line.len() >= ANSWER_MAX_OCTETS {
        let words = "the answer is too long: ask for less, such as one domain";
        line = serde_json::to_vec(&Answer::refused(Exit::Failed, words))?;
    }
    line.push(b'\n');
    Ok(line)
}

/// Reads one request line; the refusal if it is none.
async fn read_request(stream: &mut UnixStream) -> io::Result<Result<Request, Answer>> {
    let mut line = Vec::new();
    let mut reader = BufReader::new(stream).take(REQUEST_MAX_OCTETS as u64);
    reader.read_until(b'\n', &mut line).await?;
    // The line may hold a password, so it is wiped after use.
    let line = Secret::new(line);
    if line.expose().last() != Some(&b'\n') {
        let words = format!("a request is one line of at most {REQUEST_MAX_OCTETS} octets");
        return Ok(Err(Answer::refused(Exit::Usage, words)));
    }
    Ok(parse(line.expose()))
}

fn parse(line: &[u8]) -> Result<Request, Answer> {
    let ours = env!("CARGO_PKG_VERSION");
    let request: Request = serde_json::from_slice(line).map_err(|error| {
        // The error's own words may repeat a value, which may be a secret.
        let place = format!("column {}", error.column());
        let words = format!(
            "the request is not understood ({place}). This server is version {ours}; use the \
             command line of the same version"
        );
        Answer::refused(Exit::Usage, words)
    })?;
    if request.version != ours {
        let words = format!(
            "the server is version {ours} and this command line {}: use the same version",
            request.version
        );
        return Err(Answer::refused(Exit::Usage, words));
    }
    Ok(request)
}

/// Root and the server's own user are the console.
fn refuse(uid: u32, own_uid: u32) -> Option<Answer> {
    if uid == 0 || uid == own_uid {
        return None;
    }
    let words = format!(
        "user {uid} may not change or read this server: run the command as root or as user {own_uid}"
    );
    Some(Answer::refused(Exit::NotAllowed, words))
}

/// What the kernel attests about the other side.
fn facts(stream: &UnixStream) -> io::Result<UnixFacts> {
    let peer = stream.peer_cred()?;
    let pid = peer.pid().and_then(|pid| u32::try_from(pid).ok());
    Ok(UnixFacts {
        uid: peer.uid(),
        gid: Some(peer.gid()),
        pid,
        login_uid: pid.and_then(login_uid),
    })
}

/// Who signed in to the host at first, kept through `sudo`; `None` where the kernel has nobody.
pub(crate) fn login_uid(pid: u32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/loginuid")).ok()?;
    text.trim().parse().ok().filter(|uid| *uid != NO_LOGIN_UID)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::control::client::Client;
    use crate::control::protocol::Ask;

    fn echo() -> Answering {
        Arc::new(|facts, request| {
            Box::pin(async move {
                Answer::Done(json!({"uid": facts.uid, "ask": format!("{:?}", request.ask)}))
            })
        })
    }

    async fn in_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
        tokio::task::spawn_blocking(work).await.unwrap()
    }

    #[tokio::test]
    async fn a_request_is_answered_with_the_kernels_facts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let socket = ControlSocket::bind(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            SOCKET_MODE
        );
        let (trigger, shutdown) = Shutdown::pair();
        let server = tokio::spawn(socket.serve(echo(), shutdown));
        let client = path.clone();
        let answer = in_thread(move || Client::new(client).ask(Ask::Status))
            .await
            .unwrap();
        assert_eq!(answer["uid"], rustix::process::getuid().as_raw());
        assert_eq!(answer["ask"], "Status");
        trigger.stop();
        server.await.unwrap();
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn odd_requests_are_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let (trigger, shutdown) = Shutdown::pair();
        let server = tokio::spawn(ControlSocket::bind(&path).unwrap().serve(echo(), shutdown));
        let long = vec![b'x'; REQUEST_MAX_OCTETS + 10];
        for (line, words) in [
            (&b"hunter2\n"[..], "not understood"),
            (
                b"{\"version\":\"0\",\"claimed\":{},\"ask\":\"status\"}\n",
                "use the same version",
            ),
            (&long, "one line of at most"),
        ] {
            let mut stream = UnixStream::connect(&path).await.unwrap();
            // The server may answer and close before it has read all.
            let _ = stream.write_all(line).await;
            let mut answer = String::new();
            let _ = stream.read_to_string(&mut answer).await;
            let answer: Value = serde_json::from_str(&answer).unwrap();
            let told = answer["refused"]["words"].as_str().unwrap();
            assert!(told.contains(words) && !told.contains("hunter2"), "{told}");
        }
        trigger.stop();
        server.await.unwrap();
    }

    #[tokio::test]
    async fn a_dead_socket_is_replaced_and_a_living_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let alive = ControlSocket::bind(&path).unwrap();
        let error = ControlSocket::bind(&path).unwrap_err();
        assert!(
            error.to_string().contains("another server answers"),
            "{error}"
        );
        drop(alive);
        fs::write(&path, "a file").unwrap();
        assert!(
            ControlSocket::bind(&path)
                .unwrap_err()
                .to_string()
                .contains("in the way")
        );
    }

    #[test]
    fn only_root_and_the_servers_user_are_the_console() {
        for (uid, own, refused) in [
            (0, 1_000, false),
            (1_000, 1_000, false),
            (1_001, 1_000, true),
            (1_000, 0, true),
        ] {
            assert_eq!(
                refuse(uid, own).is_some(),
                refused,
                "{uid} at a server of {own}"
            );
        }
    }

    #[test]
    fn an_answer_above_the_limit_becomes_a_refusal() {
        let huge = Answer::Done(Value::String("x".repeat(ANSWER_MAX_OCTETS)));
        let line = answer_line(&huge).unwrap();
        assert!(String::from_utf8(line).unwrap().contains("too long"));
    }

    #[test]
    fn a_request_keeps_its_claims_apart() {
        let claimed = BTreeMap::from([(ledger::Claim::SudoUser, "ann".to_owned())]);
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let request = Request {
            version,
            claimed: claimed.clone(),
            ask: Ask::DomainList,
        };
        let parsed = parse(&serde_json::to_vec(&request).unwrap());
        assert!(parsed.is_ok_and(|parsed| parsed.claimed == claimed));
    }
}
