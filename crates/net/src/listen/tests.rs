//! Real sockets on loopback. What changes the limits of a process, or measures one, runs in a child.

use std::fs::File;
use std::io::{BufRead, Read, Seek};
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::gate::OpenGate;
use crate::limits::ConnectionLimitSettings;
use crate::own_ca::tests::{
    ca_and_certificate, certificate_of, client_trusting, client_trusting_pem,
};
use crate::shutdown::ShutdownTrigger;
use crate::tls::Certificates;

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Tells the test program that it is the child which does the work.
const CHILD_VARIABLE: &str = "SEALPOST_NET_TEST_CHILD";

fn settings(tls: TlsMode, per_source: usize) -> ListenerSettings {
    ListenerSettings {
        tls,
        limits: ConnectionLimits::new(ConnectionLimitSettings {
            total: 1_000,
            per_source,
            unauthenticated: 1_000,
        }),
        gate: Arc::new(OpenGate),
        refusal: "421 too many\r\n",
        drain: Duration::from_millis(50),
    }
}

/// Greets, then says every line back until the client closes.
fn echo() -> Handler {
    Arc::new(|mut conn| {
        Box::pin(async move {
            conn.write(b"220 hello\r\n").await.unwrap();
            while let Ok(Some(line)) = conn.read_line(100).await {
                assert_ne!(line, b"PANIC", "the client asked for it");
                conn.write(&line).await.unwrap();
                conn.write(b"\r\n").await.unwrap();
            }
        })
    })
}

struct Running {
    address: SocketAddr,
    trigger: ShutdownTrigger,
    drained: tokio::task::JoinHandle<Drained>,
}

fn run(settings: ListenerSettings, handler: Handler) -> Running {
    let (trigger, shutdown) = Shutdown::pair();
    let listener = Listener::bind(LOOPBACK).unwrap();
    Running {
        address: listener.local_addr(),
        trigger,
        drained: tokio::spawn(listener.serve(settings, handler, shutdown.clone(), shutdown)),
    }
}

async fn hears(client: &mut (impl tokio::io::AsyncRead + Unpin), expected: &str) {
    let mut heard = vec![0; expected.len()];
    client.read_exact(&mut heard).await.unwrap();
    assert_eq!(String::from_utf8(heard).unwrap(), expected);
}

#[tokio::test]
async fn a_taken_port_and_a_foreign_address_are_explained() {
    let first = Listener::bind(LOOPBACK).unwrap();
    let port = first.local_addr().port();
    let err = Listener::bind(first.local_addr()).unwrap_err().to_string();
    assert!(
        err.contains(&format!("port {port} of 127.0.0.1 is taken")),
        "{err}"
    );
    assert!(
        err.contains(&format!("ss -ltnp 'sport = :{port}'")),
        "{err}"
    );
    let err = Listener::bind("192.0.2.1:0".parse().unwrap()).unwrap_err();
    assert!(matches!(err, BindError::NotLocal(_)), "{err:?}");
    let denied = explain(
        "127.0.0.1:25".parse().unwrap(),
        io::ErrorKind::PermissionDenied.into(),
    );
    assert!(
        denied.to_string().contains("CAP_NET_BIND_SERVICE"),
        "{denied}"
    );
}

#[tokio::test]
async fn a_port_is_free_again_at_once_after_its_server_ended() {
    let server = run(settings(TlsMode::Off, 9), echo());
    let mut client = TcpStream::connect(server.address).await.unwrap();
    hears(&mut client, "220 hello\r\n").await;
    server.trigger.stop();
    assert_eq!(server.drained.await.unwrap().aborted, 1);
    assert!(TcpStream::connect(server.address).await.is_err());
    assert!(Listener::bind(server.address).is_ok());
}

#[tokio::test]
async fn implicit_tls_shows_new_certificates_to_new_connections() {
    let (ca, first) = ca_and_certificate(&["mail.example.org"]);
    let second = certificate_of(&ca, &["mail.example.org"]);
    let certificates = Certificates::new(&first, &[]);
    let tls = TlsServer::new(certificates.clone()).unwrap();
    let server = run(settings(TlsMode::Implicit(tls), 9), echo());
    for certificate in [&first, &second] {
        certificates.replace(certificate, &[]);
        let host = ServerName::try_from("mail.example.org").unwrap();
        let tcp = TcpStream::connect(server.address).await.unwrap();
        // A new connector each time, since a resumed session shows no certificate.
        let mut client = client_trusting(&ca).connect(host, tcp).await.unwrap();
        hears(&mut client, "220 hello\r\n").await;
        let shown: &[CertificateDer<'_>] = client.get_ref().1.peer_certificates().unwrap();
        assert_eq!(shown, certificate.certified_key().cert);
    }
}

#[tokio::test]
async fn an_address_literal_is_served_by_the_default_certificate() {
    let (ca, certificate) = ca_and_certificate(&["mail.example.org"]);
    let tls = TlsServer::new(Certificates::new(&certificate, &[])).unwrap();
    let server = run(settings(TlsMode::Implicit(tls), 9), echo());
    let host = ServerName::try_from("127.0.0.1").unwrap();
    let tcp = TcpStream::connect(server.address).await.unwrap();
    let mut client = client_trusting(&ca).connect(host, tcp).await.unwrap();
    hears(&mut client, "220 hello\r\n").await;
}

#[tokio::test]
async fn starttls_over_tcp_refuses_what_was_sent_in_the_same_segment() {
    let (_, certificate) = ca_and_certificate(&["mail.example.org"]);
    let tls = TlsServer::new(Certificates::new(&certificate, &[])).unwrap();
    let (sender, mut outcomes) = mpsc::channel(1);
    let handler: Handler = Arc::new(move |mut conn| {
        let sender = sender.clone();
        Box::pin(async move {
            conn.set_deadline(Deadline {
                idle: Duration::from_secs(5),
                until: None,
            });
            conn.read_line(100).await.unwrap();
            let outcome = conn.start_tls().await;
            sender.send(outcome.unwrap_err().to_string()).await.unwrap();
        })
    });
    let server = run(settings(TlsMode::StartTls(tls), 9), handler);
    let mut client = TcpStream::connect(server.address).await.unwrap();
    client.write_all(b"STLS\r\nUSER ann\r\n").await.unwrap();
    let outcome = outcomes.recv().await.unwrap();
    assert!(outcome.contains("plaintext behind"), "{outcome}");
}

#[tokio::test]
async fn a_source_above_its_bound_is_told_so_until_a_place_is_free() {
    let settings = settings(TlsMode::Off, 1);
    let limits = settings.limits.clone();
    let server = run(settings, echo());
    let mut first = TcpStream::connect(server.address).await.unwrap();
    hears(&mut first, "220 hello\r\n").await;
    let mut second = TcpStream::connect(server.address).await.unwrap();
    let mut heard = String::new();
    second.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "421 too many\r\n");
    drop(first);
    while limits.total() > 0 {
        tokio::task::yield_now().await;
    }
    let mut third = TcpStream::connect(server.address).await.unwrap();
    hears(&mut third, "220 hello\r\n").await;
}

#[tokio::test]
async fn shutdown_lets_sessions_finish_and_cuts_off_the_stubborn() {
    let (trigger, shutdown) = Shutdown::pair();
    let handler: Handler = Arc::new({
        let shutdown = shutdown.clone();
        move |mut conn: Conn| {
            let shutdown = shutdown.clone();
            Box::pin(async move {
                let stubborn = conn.read_line(100).await.unwrap().unwrap() == b"STAY";
                conn.write(b"250 OK\r\n").await.unwrap();
                conn.flush().await.unwrap();
                if stubborn {
                    std::future::pending::<()>().await;
                }
                shutdown.wait().await;
                conn.write(b"421 bye\r\n").await.unwrap();
                conn.flush().await.unwrap();
            })
        }
    });
    let listener = Listener::bind(LOOPBACK).unwrap();
    let address = listener.local_addr();
    let mut settings = settings(TlsMode::Off, 9);
    settings.drain = Duration::from_secs(1);
    let drained = tokio::spawn(listener.serve(settings, handler, shutdown.clone(), shutdown));
    let mut clients = Vec::new();
    for said in ["LEAVE\r\n", "STAY\r\n"] {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(said.as_bytes()).await.unwrap();
        hears(&mut client, "250 OK\r\n").await;
        clients.push(client);
    }
    trigger.stop();
    let expected = Drained {
        finished: 1,
        aborted: 1,
    };
    assert_eq!(drained.await.unwrap(), expected);
    for (mut client, last_words) in clients.into_iter().zip(["421 bye\r\n", ""]) {
        let mut heard = String::new();
        client.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, last_words);
    }
}

#[tokio::test]
async fn a_closed_listener_takes_nobody_and_lets_its_sessions_go_on() {
    let (close, closing) = Shutdown::pair();
    let (_end, ending) = Shutdown::pair();
    let listener = Listener::bind(LOOPBACK).unwrap();
    let address = listener.local_addr();
    let serving = listener.serve(settings(TlsMode::Off, 9), echo(), closing, ending);
    let drained = tokio::spawn(serving);
    let mut client = TcpStream::connect(address).await.unwrap();
    hears(&mut client, "220 hello\r\n").await;
    close.stop();
    close.let_go().await;
    assert!(TcpStream::connect(address).await.is_err());
    client.write_all(b"NOOP\r\n").await.unwrap();
    hears(&mut client, "NOOP\r\n").await;
    drop(client);
    let expected = Drained {
        finished: 1,
        aborted: 0,
    };
    assert_eq!(drained.await.unwrap(), expected);
}

/// A gate before which loopback is a proxy or not, and which turns one client away.
#[derive(Debug)]
struct TestGate {
    proxy: bool,
    unwelcome: IpAddr,
}

impl Gate for TestGate {
    fn is_proxy(&self, _peer: IpAddr) -> bool {
        self.proxy
    }

    fn admits(&self, source: IpAddr) -> bool {
        source != self.unwelcome
    }
}

fn gated(tls: TlsMode, proxy: bool, unwelcome: &str) -> ListenerSettings {
    ListenerSettings {
        gate: Arc::new(TestGate {
            proxy,
            unwelcome: unwelcome.parse().unwrap(),
        }),
        ..settings(tls, 1)
    }
}

/// Says where each client comes from and what it says then.
fn whoami() -> Handler {
    Arc::new(|mut conn| {
        Box::pin(async move {
            let (peer, proxied) = (conn.peer_addr(), conn.proxy_addr().is_some());
            let said = conn.read_line(100).await.unwrap().unwrap();
            let said = String::from_utf8(said).unwrap();
            let answer = format!("{peer} {proxied} {said}\r\n");
            conn.write(answer.as_bytes()).await.unwrap();
            conn.flush().await.unwrap();
        })
    })
}

/// All that a client hears that says `octets` at once and closes its side.
async fn answer(server: &Running, octets: &[u8]) -> String {
    let mut client = TcpStream::connect(server.address).await.unwrap();
    // The server may have closed already.
    let _ = client.write_all(octets).await;
    let _ = client.shutdown().await;
    let mut heard = Vec::new();
    let _ = client.read_to_end(&mut heard).await;
    String::from_utf8(heard).unwrap()
}

#[tokio::test]
async fn a_proxy_names_the_client_and_is_closed_if_it_does_not() {
    let server = run(gated(TlsMode::Off, true, "192.0.2.66"), whoami());
    for (said, heard) in [
        (
            "PROXY TCP4 192.0.2.7 127.0.0.1 5000 25\r\nNOOP\r\n",
            "192.0.2.7:5000 true NOOP\r\n",
        ),
        (
            "PROXY TCP6 ::ffff:192.0.2.7 ::1 5000 25\r\nNOOP\r\n",
            "192.0.2.7:5000 true NOOP\r\n",
        ),
        ("PROXY TCP4 192.0.2.66 127.0.0.1 5000 25\r\nNOOP\r\n", ""),
        ("NOOP\r\nNOOP\r\nNOOP\r\n", ""),
        ("PROXY TCP4 a b c d\r\nNOOP\r\n", ""),
    ] {
        assert_eq!(answer(&server, said.as_bytes()).await, heard, "{said:?}");
    }
    for unnamed in [
        &b"PROXY UNKNOWN\r\n"[..],
        b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0",
        b"\r\n\r\n\0\r\nQUIT\n\x21\0\0\0",
    ] {
        let heard = answer(&server, &[unnamed, b"NOOP\r\n"].concat()).await;
        assert!(heard.starts_with("127.0.0.1:"), "{heard}");
        assert!(heard.ends_with(" true NOOP\r\n"), "{heard}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_says_nothing_is_closed_after_a_while() {
    let server = run(gated(TlsMode::Off, true, "192.0.2.66"), whoami());
    let mut client = TcpStream::connect(server.address).await.unwrap();
    client.write_all(b"PROXY TCP4 192").await.unwrap();
    let mut heard = String::new();
    // The other side may reset, since it has not read all.
    let _ = client.read_to_string(&mut heard).await;
    assert_eq!(heard, "");
}

#[tokio::test]
async fn whoever_is_no_proxy_is_never_believed() {
    let server = run(gated(TlsMode::Off, false, "192.0.2.66"), whoami());
    let line = "PROXY TCP4 192.0.2.7 127.0.0.1 5000 25";
    let heard = answer(&server, format!("{line}\r\nNOOP\r\n").as_bytes()).await;
    assert!(heard.starts_with("127.0.0.1:"), "{heard}");
    assert!(heard.ends_with(&format!(" false {line}\r\n")), "{heard}");
}

#[tokio::test]
async fn who_is_not_admitted_hears_no_octet() {
    let server = run(gated(TlsMode::Off, false, "127.0.0.1"), echo());
    assert_eq!(answer(&server, b"").await, "");
}

#[tokio::test]
async fn clients_behind_one_proxy_are_counted_apart() {
    let server = run(gated(TlsMode::Off, true, "192.0.2.66"), echo());
    let mut clients = Vec::new();
    for (source, heard) in [
        ("192.0.2.7", "220 hello\r\n"),
        ("192.0.2.8", "220 hello\r\n"),
        ("192.0.2.7", "421 too many\r\n"),
    ] {
        let mut client = TcpStream::connect(server.address).await.unwrap();
        let header = format!("PROXY TCP4 {source} 127.0.0.1 5000 25\r\n");
        client.write_all(header.as_bytes()).await.unwrap();
        hears(&mut client, heard).await;
        clients.push(client);
    }
}

#[tokio::test]
async fn the_header_of_a_proxy_comes_before_tls() {
    let (ca, certificate) = ca_and_certificate(&["mail.example.org"]);
    let tls = TlsServer::new(Certificates::new(&certificate, &[])).unwrap();
    let server = run(gated(TlsMode::Implicit(tls), true, "192.0.2.66"), whoami());
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    tcp.write_all(b"PROXY TCP4 192.0.2.7 127.0.0.1 5000 993\r\n")
        .await
        .unwrap();
    let host = ServerName::try_from("mail.example.org").unwrap();
    let mut client = client_trusting(&ca).connect(host, tcp).await.unwrap();
    client.write_all(b"NOOP\r\n").await.unwrap();
    hears(&mut client, "192.0.2.7:5000 true NOOP\r\n").await;
}

#[tokio::test]
async fn a_session_that_panics_takes_nobody_with_it() {
    let server = run(settings(TlsMode::Off, 9), echo());
    let mut other = TcpStream::connect(server.address).await.unwrap();
    let mut client = TcpStream::connect(server.address).await.unwrap();
    client.write_all(b"PANIC\r\n").await.unwrap();
    let mut heard = String::new();
    client.read_to_string(&mut heard).await.unwrap();
    other.write_all(b"NOOP\r\n").await.unwrap();
    hears(&mut other, "220 hello\r\nNOOP\r\n").await;
    let mut third = TcpStream::connect(server.address).await.unwrap();
    hears(&mut third, "220 hello\r\n").await;
}

/// Runs the test `name` of this program again, in a process whose limits it may change.
fn child(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "--nocapture", "--test-threads=1"])
        .arg(format!("listen::tests::{name}"))
        .env(CHILD_VARIABLE, "1");
    command
}

fn is_child() -> bool {
    std::env::var_os(CHILD_VARIABLE).is_some()
}

#[test]
fn without_file_descriptors_the_loop_rests_and_serves_the_waiting_later() {
    if is_child() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        return runtime.block_on(starve_and_recover());
    }
    let output = child("without_file_descriptors_the_loop_rests_and_serves_the_waiting_later")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("1 passed"), "{said}");
}

async fn starve_and_recover() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let few = Rlimit {
        current: Some(64),
        maximum: Some(64),
    };
    setrlimit(Resource::Nofile, few).unwrap();
    let server = run(settings(TlsMode::Off, 9), echo());
    let mut cpu = File::open("/proc/thread-self/schedstat").unwrap();
    let mut hogs = Vec::new();
    while let Ok(hog) = File::open("/dev/null") {
        hogs.push(hog);
    }
    hogs.pop();
    // The client takes the last descriptor; for our end of the connection there is none.
    let mut client = TcpStream::connect(server.address).await.unwrap();
    let before_ns = cpu_ns(&mut cpu);
    let greeted = timeout(Duration::from_secs(1), client.readable()).await;
    let used_ns = cpu_ns(&mut cpu) - before_ns;
    assert!(greeted.is_err(), "accepted without a descriptor");
    assert!(
        used_ns < 100_000_000,
        "the loop spun for {used_ns} ns of a second"
    );
    drop(hogs);
    hears(&mut client, "220 hello\r\n").await;
}

/// Time that this thread has spent on a processor.
fn cpu_ns(schedstat: &mut File) -> u64 {
    let mut text = String::new();
    schedstat.rewind().unwrap();
    schedstat.read_to_string(&mut text).unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// Octets of memory that one waiting TLS connection may cost.
const IDLE_TLS_MAX_OCTETS: u64 = 30_000;

#[test]
fn an_idle_tls_connection_costs_little_memory() {
    const NAME: &str = "an_idle_tls_connection_costs_little_memory";
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if is_child() {
        return runtime.block_on(serve_for_parent());
    }
    let mut server = child(NAME)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (address, connector) = announced(server.stdout.as_mut().unwrap());
    let per_connection = runtime.block_on(async {
        let mut clients = connect_many(address, &connector, 100).await;
        let before = resident_octets(server.id());
        clients.extend(connect_many(address, &connector, 300).await);
        let after = resident_octets(server.id());
        drop(clients);
        after.saturating_sub(before) / 300
    });
    drop(server.stdin.take());
    assert!(server.wait().unwrap().success());
    println!("an idle TLS connection costs {per_connection} octets");
    assert!(per_connection <= IDLE_TLS_MAX_OCTETS, "{per_connection}");
}

async fn serve_for_parent() {
    let (ca, certificate) = ca_and_certificate(&["mail.example.org"]);
    let tls = TlsServer::new(Certificates::new(&certificate, &[])).unwrap();
    let server = run(settings(TlsMode::Implicit(tls), 1_000), echo());
    let ca_pem = ca.certificate_pem().replace('\n', "|");
    println!("\nserving {} {ca_pem}", server.address);
    // The parent closes our input when it has seen enough.
    let ended = tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new()));
    ended.await.unwrap().unwrap();
}

/// Reads where the child serves, and makes a client that trusts it.
fn announced(stdout: &mut impl Read) -> (SocketAddr, TlsConnector) {
    for line in io::BufReader::new(stdout).lines() {
        let line = line.unwrap();
        if let Some((address, ca_pem)) = line
            .strip_prefix("serving ")
            .and_then(|l| l.split_once(' '))
        {
            return (
                address.parse().unwrap(),
                client_trusting_pem(&ca_pem.replace('|', "\n")),
            );
        }
    }
    panic!("the child announced nothing");
}

async fn connect_many(
    address: SocketAddr,
    connector: &TlsConnector,
    count: usize,
) -> Vec<TlsStream<TcpStream>> {
    let mut clients = Vec::new();
    for _ in 0..count {
        let tcp = TcpStream::connect(address).await.unwrap();
        let host = ServerName::try_from("mail.example.org").unwrap();
        let mut client = connector.connect(host, tcp).await.unwrap();
        client.write_all(b"NOOP\r\n").await.unwrap();
        hears(&mut client, "220 hello\r\nNOOP\r\n").await;
        clients.push(client);
    }
    clients
}

fn resident_octets(pid: u32) -> u64 {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * u64::try_from(rustix::param::page_size()).unwrap()
}
