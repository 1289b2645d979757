//! Who may come from where: lists of networks, and clients behind HAProxy and curl's own header.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use e2e::dialogue::Dialogue;
use e2e::program::Ran;
use e2e::{Server, clients};
use serde_json::Value;

/// From here HAProxy and a proxying curl connect to the server.
const PROXY: &str = "127.0.0.9";
/// A client.
const CLIENT: &str = "127.0.0.5";
/// Longest time until HAProxy listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// Signs account `number` in by IMAPS at a port, from this address of the machine.
fn sign_in(
    server: &Server,
    port: u16,
    from: &str,
    number: usize,
    more: &[&str],
) -> anyhow::Result<Ran> {
    let args = [&["--interface", from, "--request", "NOOP"], more].concat();
    clients::curl(server, ("imaps", port), "/INBOX", number, &args)
}

fn worked(ran: &Ran) -> bool {
    ran.status == Some(0)
}

fn admit(server: &Server, args: &[&str]) -> anyhow::Result<Ran> {
    server.cli(&[args, &["--yes"]].concat())?.ok()
}

#[test]
fn lists_decide_before_a_connection_and_before_a_session() -> anyhow::Result<()> {
    let server = Server::start()?;
    let port = server.ready().ports.imaps;
    let comes_in = |from| anyhow::Ok(worked(&sign_in(&server, port, from, 1, &[])?));
    ensure!(comes_in(CLIENT)? && comes_in(PROXY)?);

    admit(
        &server,
        &["service", "access", "imaps", "deny", "add", CLIENT],
    )?;
    ensure!(!comes_in(CLIENT)? && comes_in(PROXY)?, "deny");
    admit(
        &server,
        &["service", "access", "imaps", "allow", "add", CLIENT],
    )?;
    ensure!(!comes_in(CLIENT)? && !comes_in(PROXY)?, "deny beats allow");
    admit(
        &server,
        &["service", "access", "imaps", "deny", "rm", CLIENT],
    )?;
    ensure!(comes_in(CLIENT)? && !comes_in(PROXY)?, "allow");
    let listed = server
        .cli(&["service", "access", "imaps", "list", "--json"])?
        .ok()?;
    let row: Value = serde_json::from_str(listed.out.lines().next().context("no row")?)?;
    ensure!(row["allow"] == serde_json::json!([CLIENT]), "{row}");
    admit(
        &server,
        &["service", "access", "imaps", "allow", "rm", CLIENT],
    )?;
    let at = format!("127.0.0.1:{port}");
    admit(
        &server,
        &[
            "service",
            "access",
            "imaps",
            "--listener",
            &at,
            "deny",
            "add",
            CLIENT,
        ],
    )?;
    ensure!(!comes_in(CLIENT)? && comes_in(PROXY)?, "of one listener");
    admit(
        &server,
        &[
            "service",
            "access",
            "imaps",
            "--listener",
            &at,
            "deny",
            "rm",
            CLIENT,
        ],
    )?;
    Ok(())
}

#[test]
fn a_role_is_bound_to_networks_and_tells_nobody() -> anyhow::Result<()> {
    let server = Server::start()?;
    let port = server.ready().ports.imaps;
    let owner = server.address(1);
    admit(&server, &["account", "role", &owner, "owner"])?;
    admit(&server, &["role", "access", "owner", "allow", "add", PROXY])?;
    let refused = sign_in(&server, port, CLIENT, 1, &[])?;
    let wrong = sign_in(
        &server,
        port,
        CLIENT,
        2,
        &["--user", "u0002@demo.test:wrong"],
    )?;
    ensure!(
        refused.status == wrong.status && refused.err == wrong.err,
        "{refused:?} {wrong:?}"
    );
    ensure!(
        worked(&sign_in(&server, port, PROXY, 1, &[])?),
        "an owner from where owners may come"
    );
    ensure!(
        worked(&sign_in(&server, port, CLIENT, 2, &[])?),
        "others from anywhere"
    );
    Ok(())
}

/// A running HAProxy.
struct HaProxy(Child);

impl Drop for HaProxy {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// HAProxy with a port for each server port, which says how it names the client.
fn haproxy(server: &Server, ports: &[(u16, u16, &str)]) -> anyhow::Result<HaProxy> {
    let mut text = "global\n  maxconn 50\ndefaults\n  mode tcp\n  timeout connect 5s\n  \
                    timeout client 30s\n  timeout server 30s\n"
        .to_owned();
    for (from, to, send) in ports {
        text += &format!(
            "listen p{from}\n  bind 127.0.0.1:{from}\n  \
             server s 127.0.0.1:{to} source {PROXY} {send}\n"
        );
    }
    let file = server.scratch().join("haproxy.cfg");
    fs::write(&file, text)?;
    let child = Command::new("haproxy")
        .arg("-db")
        .arg("-f")
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("haproxy is not installed; ./test installs it")?;
    let haproxy = HaProxy(child);
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if std::net::TcpStream::connect(("127.0.0.1", ports[0].0)).is_ok() {
            return Ok(haproxy);
        }
        thread::sleep(Duration::from_millis(20));
    }
    bail!("HAProxy does not listen")
}

#[test]
fn haproxy_names_its_clients_by_both_versions_and_before_tls() -> anyhow::Result<()> {
    let server = Server::start()?;
    let (smtp, imaps) = (server.ready().ports.smtp, server.ready().ports.imaps);
    let port = |n| server.site().port(n);
    let ways = [
        (port(3_025), smtp, "send-proxy"),
        (port(3_026), smtp, "send-proxy-v2"),
        (port(3_993), imaps, "send-proxy"),
        (port(3_994), imaps, "send-proxy-v2"),
        (port(3_995), imaps, ""),
    ];
    let _haproxy = haproxy(&server, &ways)?;
    let by = |port| anyhow::Ok(worked(&sign_in(&server, port, CLIENT, 1, &[])?));
    ensure!(
        !by(ways[2].0)?,
        "a header from somebody who is no proxy was believed"
    );
    ensure!(by(ways[4].0)?, "without a header it is an ordinary client");

    admit(&server, &["proxy", "add", PROXY])?;
    ensure!(by(ways[2].0)? && by(ways[3].0)?);
    ensure!(!by(ways[4].0)?, "a proxy without a header was served");
    let to = server.address(1);
    for (n, (port, ..)) in ways[..2].iter().enumerate() {
        let client = format!("127.0.0.{}", 20 + n);
        let args = [
            "--local-interface",
            &client,
            "--from",
            "a@example.org",
            "--to",
            &to,
        ];
        clients::swaks(&server, *port, &args)?.ok()?;
        let traced = server.cli(&["trace", "--to", &to, "--json"])?.ok()?;
        ensure!(
            traced.out.contains(&format!("\"source\":\"{client}\"")),
            "{}",
            traced.out
        );
    }
    // Lists are held against the client, not the proxy.
    admit(
        &server,
        &["service", "access", "imaps", "deny", "add", CLIENT],
    )?;
    ensure!(!by(ways[2].0)? && !by(ways[3].0)?);
    ensure!(worked(&sign_in(&server, ways[2].0, "127.0.0.6", 1, &[])?));
    admit(&server, &["proxy", "rm", PROXY])?;
    ensure!(!worked(&sign_in(&server, ways[2].0, "127.0.0.6", 1, &[])?));
    Ok(())
}

#[test]
fn curl_as_a_proxy_is_believed_only_where_it_is_one() -> anyhow::Result<()> {
    let server = Server::start()?;
    let ports = &server.ready().ports;
    let at = format!("127.0.0.1:{}", ports.imaps);
    admit(&server, &["proxy", "add", PROXY, "--listener", &at])?;
    let header = ["--haproxy-protocol"];
    ensure!(
        worked(&sign_in(&server, ports.imaps, PROXY, 1, &header)?),
        "with a header"
    );
    ensure!(
        !worked(&sign_in(&server, ports.imaps, PROXY, 1, &[])?),
        "without one"
    );
    ensure!(
        !worked(&sign_in(&server, ports.imaps, CLIENT, 1, &header)?),
        "no proxy"
    );
    ensure!(
        worked(&sign_in(&server, ports.imaps, CLIENT, 1, &[])?),
        "a client"
    );
    // At the listener beside it, the same address is an ordinary client.
    let mut smtp = Dialogue::smtp(ports.smtp)?;
    smtp.ask("PROXY TCP4 192.0.2.7 127.0.0.1 5000 25", "500")?;
    Ok(())
}
