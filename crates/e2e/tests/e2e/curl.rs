//! curl sends by smtp and smtps, reads by imap, imaps, pop3 and pop3s.

use std::fs;

use anyhow::ensure;
use e2e::{Server, clients};

const TEXT: &str = "From: <u0001@demo.test>\r\nTo: <u0002@demo.test>\r\nSubject: by curl\r\n\
                    Message-ID: <curl@demo.test>\r\n\r\nAll lines arrive.\r\n.\r\nEven this.\r\n";

#[test]
fn curl_sends_and_reads_by_every_door() -> anyhow::Result<()> {
    let server = Server::start()?;
    let ports = &server.ready().ports;
    let file = server.scratch().join("message.eml");
    fs::write(&file, TEXT)?;
    let upload = file.display().to_string();
    let (from, to) = (server.address(1), server.address(2));
    let envelope = [
        "--mail-from",
        &from,
        "--mail-rcpt",
        &to,
        "--upload-file",
        &upload,
    ];
    let secure = [&envelope[..], &["--ssl-reqd"]].concat();
    clients::curl(
        &server,
        ("smtp", ports.submission),
        "/client.test",
        1,
        &secure,
    )?
    .ok()?;
    clients::curl(
        &server,
        ("smtps", ports.submissions),
        "/client.test",
        1,
        &envelope,
    )?
    .ok()?;

    for (scheme, port, path) in [
        ("imaps", ports.imaps, "/INBOX;MAILINDEX=1"),
        ("imap", ports.imap, "/INBOX;MAILINDEX=2"),
        ("pop3s", ports.pop3s, "/1"),
        ("pop3", ports.pop3, "/2"),
    ] {
        let read = clients::curl(&server, (scheme, port), path, 2, &["--ssl-reqd"])?.ok()?;
        ensure!(read.out.ends_with(TEXT), "{scheme} gave\n{}", read.out);
    }

    let append = ["--upload-file", &upload];
    clients::curl(&server, ("imaps", ports.imaps), "/INBOX", 3, &append)?.ok()?;
    let search = ["--request", "SEARCH SUBJECT \"by curl\""];
    let found = clients::curl(&server, ("imaps", ports.imaps), "/INBOX", 3, &search)?.ok()?;
    ensure!(found.out.trim() == "* SEARCH 1", "{}", found.out);
    Ok(())
}

#[test]
fn curl_gets_nothing_with_a_wrong_password() -> anyhow::Result<()> {
    let server = Server::start()?;
    let ports = &server.ready().ports;
    let wrong = format!("{}:wrong", server.address(1));
    for (scheme, port) in [("imaps", ports.imaps), ("pop3s", ports.pop3s)] {
        // 67: the user name or password was not accepted (curl manual, "EXIT CODES").
        clients::curl(&server, (scheme, port), "/", 1, &["--user", &wrong])?.exits(67)?;
    }
    Ok(())
}
