//! Dialogues over connections in memory: lines, replies, deadlines, TLS and what must be refused.

use std::time::Duration;

use aws_lc_rs::digest;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::limits::{ConnectionLimitSettings, ConnectionLimits};
use crate::own_ca::OwnCa;
use crate::own_ca::tests::{ca_and_certificate, client_trusting};
use crate::tls::Certificates;

const MAX: usize = 100;

fn tls_server() -> (OwnCa, TlsServer) {
    let (ca, certificate) = ca_and_certificate(&["mail.example.org"]);
    let tls = TlsServer::new(Certificates::new(&certificate, &[])).unwrap();
    (ca, tls)
}

fn host() -> ServerName<'static> {
    "mail.example.org".try_into().unwrap()
}

/// Lets the other tasks run until all of them wait.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn lines_come_until_the_client_closes_between_two() {
    let (mut conn, mut client) = Conn::in_memory();
    client.write_all(b"NOOP\r\nQUIT\r\n").await.unwrap();
    drop(client);
    assert_eq!(conn.read_line(MAX).await.unwrap().unwrap(), b"NOOP");
    assert_eq!(conn.buffered_len(), 6);
    assert_eq!(conn.read_line(MAX).await.unwrap().unwrap(), b"QUIT");
    assert_eq!(conn.read_line(MAX).await.unwrap(), None);
    assert_eq!(conn.octets_read(), 12);
}

#[tokio::test]
async fn a_client_that_closes_inside_a_line_is_reported() {
    for said in [b"NOO".to_vec(), vec![b'x'; 500]] {
        let (mut conn, mut client) = Conn::in_memory();
        client.write_all(&said).await.unwrap();
        drop(client);
        let err = conn.read_line(MAX).await.unwrap_err();
        assert!(matches!(err, ConnError::Truncated), "{err:?}");
    }
}

#[tokio::test]
async fn the_session_goes_on_after_a_bad_line() {
    let (mut conn, mut client) = Conn::in_memory();
    let said = [&vec![b'x'; 40_000], b"\r\nbare\nNOOP\r\n".as_slice()].concat();
    client.write_all(&said).await.unwrap();
    let err = conn.read_line(MAX).await.unwrap_err();
    assert!(matches!(err, ConnError::LineTooLong));
    let err = conn.read_line(MAX).await.unwrap_err();
    assert!(matches!(err, ConnError::BareLf));
    assert_eq!(conn.read_line(MAX).await.unwrap().unwrap(), b"NOOP");
}

#[tokio::test(start_paused = true)]
async fn replies_to_pipelined_commands_leave_together_before_we_wait() {
    let (mut conn, mut client) = Conn::in_memory();
    client.write_all(b"A\r\nB\r\n").await.unwrap();
    conn.read_line(MAX).await.unwrap();
    conn.write(b"1\r\n").await.unwrap();
    conn.read_line(MAX).await.unwrap();
    assert_eq!(conn.octets_written(), 0);
    conn.write(b"2\r\n").await.unwrap();
    let waiting = tokio::spawn(async move { conn.read_line(MAX).await });
    let mut heard = [0; 6];
    client.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"1\r\n2\r\n");
    drop(client);
    assert_eq!(waiting.await.unwrap().unwrap(), None);
}

#[tokio::test]
async fn a_body_is_shown_in_portions_and_lines_follow_it() {
    let (mut conn, mut client) = Conn::in_memory();
    let body = vec![b'b'; 50_000];
    let sender = tokio::spawn(async move {
        client.write_all(&body).await.unwrap();
        client.write_all(b"NOOP\r\n").await.unwrap();
        client
    });
    let mut missing = 50_000;
    while missing > 0 {
        let shown = conn.read_some().await.unwrap();
        assert!(!shown.is_empty() && shown.len() <= READ_OCTETS);
        let taken = shown.len().min(missing);
        assert!(shown[..taken].iter().all(|&o| o == b'b'));
        conn.consume(taken);
        missing -= taken;
    }
    assert_eq!(conn.read_line(MAX).await.unwrap().unwrap(), b"NOOP");
    drop(sender.await.unwrap());
    assert!(conn.read_some().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_long_reply_arrives_whole_whatever_its_portions() {
    let (mut conn, mut client) = Conn::in_memory();
    let octets: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    let expected = octets.clone();
    let sender = tokio::spawn(async move {
        for portion in octets.chunks(7_001) {
            conn.write(portion).await.unwrap();
        }
        conn.flush().await.unwrap();
        conn.octets_written()
    });
    let mut heard = vec![0; expected.len()];
    client.read_exact(&mut heard).await.unwrap();
    assert!(heard == expected);
    assert_eq!(sender.await.unwrap(), 200_000);
}

#[tokio::test]
async fn cancelled_reads_and_flushes_lose_nothing() {
    let (mut conn, mut client) = Conn::in_memory();
    let reply = vec![b'r'; 16_000];
    for _ in 0..5 {
        conn.write(&reply).await.unwrap();
        // The pipe holds less than five replies, so the last of these is cut off half-way.
        let cut = tokio::time::timeout(Duration::ZERO, conn.flush()).await;
        if cut.is_err() {
            break;
        }
    }
    assert!(conn.output_sent > 0, "no flush was cut off");
    client.write_all(b"NO").await.unwrap();
    let mut heard = vec![0; 80_000];
    let read = client.read_exact(&mut heard);
    assert!(tokio::join!(conn.flush(), read).1.is_ok());
    assert!(
        tokio::time::timeout(Duration::ZERO, conn.read_line(MAX))
            .await
            .is_err()
    );
    client.write_all(b"OP\r\n").await.unwrap();
    assert_eq!(conn.read_line(MAX).await.unwrap().unwrap(), b"NOOP");
}

#[tokio::test]
async fn a_waiting_connection_holds_no_buffers() {
    let (mut conn, mut client) = Conn::in_memory();
    client.write_all(b"NOOP\r\n").await.unwrap();
    conn.read_line(MAX).await.unwrap();
    conn.write(b"250 OK\r\n").await.unwrap();
    let waited = tokio::time::timeout(Duration::ZERO, conn.read_line(MAX)).await;
    assert!(waited.is_err());
    assert_eq!(conn.output.capacity() + conn.input.octets.capacity(), 0);
}

#[tokio::test(start_paused = true)]
async fn slow_octets_do_not_lengthen_the_time_for_a_line() {
    let (mut conn, mut client) = Conn::in_memory();
    conn.set_deadline(Deadline {
        idle: Duration::from_secs(10),
        until: None,
    });
    let began = Instant::now();
    let dripping = tokio::spawn(async move {
        while client.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
    });
    let err = conn.read_line(MAX).await.unwrap_err();
    assert!(matches!(err, ConnError::IdleTimeout), "{err:?}");
    assert_eq!(began.elapsed().as_secs(), 10);
    drop(conn);
    dripping.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_absolute_deadline_ends_a_busy_client() {
    let (mut conn, mut client) = Conn::in_memory();
    conn.set_deadline(Deadline {
        idle: Duration::from_secs(10),
        until: Some(Instant::now() + Duration::from_secs(25)),
    });
    let busy = tokio::spawn(async move {
        while client.write_all(b"NOOP\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(4)).await;
        }
    });
    let mut lines = 0;
    let err = loop {
        match conn.read_line(MAX).await {
            Ok(_) => lines += 1,
            Err(err) => break err,
        }
    };
    assert!(matches!(err, ConnError::DeadlinePassed), "{err:?}");
    assert_eq!(lines, 7);
    drop(conn);
    busy.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_given_up() {
    let (mut conn, _client) = Conn::in_memory();
    conn.set_deadline(Deadline {
        idle: Duration::MAX,
        until: None,
    });
    let err = conn.write(&vec![0; 200_000]).await.unwrap_err();
    assert!(matches!(err, ConnError::IdleTimeout), "{err:?}");
}

#[tokio::test]
async fn start_tls_makes_a_session_that_both_sides_can_use() {
    let (ca, tls) = tls_server();
    let (conn, client) = Conn::in_memory();
    let mut conn = conn.offering_tls(tls);
    assert!(conn.can_start_tls() && conn.tls_info().is_none());
    let connector = client_trusting(&ca);
    let client = tokio::spawn(async move {
        let mut client = client;
        let mut go = [0; 8];
        client.read_exact(&mut go).await.unwrap();
        let mut client = connector.connect(host(), client).await.unwrap();
        client.write_all(b"EHLO a\r\n").await.unwrap();
        let mut reply = String::new();
        client.read_to_string(&mut reply).await.unwrap();
        let session = client.get_ref().1;
        let label = b"EXPORTER-Channel-Binding";
        let exporter = session.export_keying_material([0; 32], label, Some(b""));
        let shown = &session.peer_certificates().unwrap()[0];
        let end_point = digest::digest(&digest::SHA256, shown);
        (reply, exporter.unwrap(), end_point.as_ref().to_vec())
    });
    conn.write(b"220 go\r\n").await.unwrap();
    conn.start_tls().await.unwrap();
    let info = conn.tls_info().unwrap();
    let bindings = info.bindings.clone();
    assert_eq!(info.version, "TLSv1.3");
    assert!(info.cipher.starts_with("TLS_AES_"), "{info:?}");
    assert_eq!(info.server_name.as_deref(), Some("mail.example.org"));
    assert_eq!(conn.read_line(MAX).await.unwrap().unwrap(), b"EHLO a");
    assert!(!conn.can_start_tls());
    let again = conn.start_tls().await.unwrap_err();
    assert!(matches!(again, ConnError::TlsInUse));
    conn.write(b"250 mail\r\n").await.unwrap();
    conn.close().await;
    let (reply, exporter, end_point) = client.await.unwrap();
    assert_eq!(reply, "250 mail\r\n");
    assert_eq!(bindings.exporter, Some(exporter));
    assert_eq!(bindings.end_point.as_deref(), Some(end_point.as_slice()));
}

#[tokio::test(start_paused = true)]
async fn plaintext_behind_starttls_ends_the_session_without_a_reply() {
    let (_, tls) = tls_server();
    for injected in ["NOOP\r\n", "\r\n", "x"] {
        let (conn, mut client) = Conn::in_memory();
        let mut conn = conn.offering_tls(tls.clone());
        let said = format!("STARTTLS\r\n{injected}");
        client.write_all(said.as_bytes()).await.unwrap();
        conn.read_line(MAX).await.unwrap();
        conn.write(b"220 go\r\n").await.unwrap();
        let err = conn.start_tls().await.unwrap_err();
        assert!(matches!(err, ConnError::InjectedPlaintext), "{err:?}");
        drop(conn);
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"", "{injected:?}");
    }
}

#[tokio::test]
async fn plaintext_in_place_of_a_handshake_is_never_read_as_commands() {
    let (_, tls) = tls_server();
    let (conn, mut client) = Conn::in_memory();
    let mut conn = conn.offering_tls(tls);
    let starting = tokio::spawn(async move {
        let err = conn.start_tls().await.unwrap_err();
        (conn, err)
    });
    settle().await;
    client.write_all(b"MAIL FROM:<>\r\n").await.unwrap();
    let (mut conn, err) = starting.await.unwrap();
    assert!(matches!(err, ConnError::Handshake(_)), "{err:?}");
    assert!(conn.tls_info().is_none());
    let err = conn.read_line(MAX).await.unwrap_err();
    assert!(matches!(err, ConnError::Io(_)), "{err:?}");
}

#[tokio::test]
async fn without_a_certificate_tls_is_not_offered() {
    let (mut conn, _client) = Conn::in_memory();
    assert!(!conn.can_start_tls());
    let err = conn.start_tls().await.unwrap_err();
    assert!(matches!(err, ConnError::TlsNotOffered));
}

#[tokio::test(start_paused = true)]
async fn closing_waits_only_a_moment_for_the_client() {
    let (conn, client) = Conn::in_memory();
    let began = Instant::now();
    conn.close().await;
    assert_eq!(began.elapsed(), LINGER);
    drop(client);
    let (conn, client) = Conn::in_memory();
    drop(client);
    let began = Instant::now();
    conn.close().await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn a_connection_holds_its_place_for_as_long_as_it_lives() {
    let limits = ConnectionLimits::new(ConnectionLimitSettings {
        total: 2,
        per_source: 2,
        unauthenticated: 1,
    });
    let (conn, _client) = Conn::in_memory_from("[2001:db8::1]:4000".parse().unwrap());
    let peer = conn.peer_addr().ip();
    let mut conn = conn.holding(limits.admit(peer).unwrap());
    assert!(limits.admit(peer).is_err());
    conn.mark_authenticated();
    assert!(limits.admit(peer).is_ok());
    drop(conn);
    assert_eq!(limits.total(), 0);
}

#[tokio::test]
async fn a_compressed_connection_reads_and_writes_as_before() {
    let (mut conn, mut client) = Conn::in_memory();
    conn.write(b"* OK compressed from here on\r\n")
        .await
        .unwrap();
    conn.start_compression().await.unwrap();
    let mut heard = [0; 30];
    client.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"* OK compressed from here on\r\n");
    let mut peer = Deflated::new();
    for round in 0..3 {
        let mut said = Vec::new();
        peer.write(b"NOOP\r\nIDLE\r\n", &mut said).unwrap();
        peer.finish(&mut said).unwrap();
        client.write_all(&said).await.unwrap();
        assert_eq!(conn.read_line(MAX).await.unwrap().unwrap(), b"NOOP");
        assert_eq!(conn.read_some().await.unwrap(), b"IDLE\r\n");
        conn.consume(6);
        // Long enough for several portions.
        let reply = vec![b'0' + round; 100_000];
        conn.write(&reply).await.unwrap();
        conn.flush().await.unwrap();
        let mut told = Vec::new();
        while told.len() < reply.len() {
            let mut portion = [0; 100];
            let read = client.read(&mut portion).await.unwrap();
            peer.inflate.feed(&portion[..read]);
            loop {
                let next = peer.inflate.next().unwrap();
                if next.is_empty() {
                    break;
                }
                told.extend(next);
            }
        }
        assert!(told == reply, "round {round}");
    }
    assert!(conn.octets_written() < 10_000);
    let again = conn.start_compression().await.unwrap_err();
    assert!(matches!(again, ConnError::CompressionInUse), "{again:?}");
    client.write_all(b"no DEFLATE").await.unwrap();
    let garbage = conn.read_line(MAX).await.unwrap_err();
    assert!(matches!(garbage, ConnError::Io(_)), "{garbage:?}");
}

#[tokio::test]
async fn what_was_sent_before_compression_was_agreed_is_not_taken() {
    let (mut conn, mut client) = Conn::in_memory();
    client.write_all(b"COMPRESS\r\nNOOP\r\n").await.unwrap();
    conn.read_line(MAX).await.unwrap();
    let err = conn.start_compression().await.unwrap_err();
    assert!(matches!(err, ConnError::SentTooEarly), "{err:?}");
}
