//! openssl finds a good certificate and modern TLS at every door.

use anyhow::ensure;
use e2e::{Server, clients};

#[test]
fn every_door_proves_who_it_is() -> anyhow::Result<()> {
    let server = Server::start()?;
    let ports = &server.ready().ports;
    let doors: [(u16, &[&str]); 7] = [
        (ports.submissions, &[]),
        (ports.imaps, &[]),
        (ports.pop3s, &[]),
        (ports.smtp, &["-starttls", "smtp"]),
        (ports.submission, &["-starttls", "smtp"]),
        (ports.imap, &["-starttls", "imap"]),
        (ports.pop3, &["-starttls", "pop3"]),
    ];
    for (port, start_tls) in doors {
        for version in ["-tls1_2", "-tls1_3"] {
            let args = [start_tls, &[version]].concat();
            let ran = clients::s_client(&server, port, &args, "")?.ok()?;
            ensure!(
                ran.out.contains("Verify return code: 0 (ok)"),
                "{port}: {}",
                ran.out
            );
        }
        let old = [start_tls, &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]].concat();
        let ran = clients::s_client(&server, port, &old, "")?;
        ensure!(
            ran.status != Some(0),
            "port {port} speaks TLS 1.1:\n{}",
            ran.out
        );
    }
    Ok(())
}
