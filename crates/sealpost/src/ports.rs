//! The ports of a stopped server: which of them could not be opened, and which program has them.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use net::BindError;
use policy::Config;
use service::{Ailment, Severity};

/// What was looked at.
pub(crate) const PART: &str = "listeners";
/// Processes that are looked through for the one that has a port.
const PROCESSES_MAX: usize = 100_000;
/// Open files of one process that are looked through.
const FILES_MAX: usize = 100_000;
/// Programs that are named.
const NAMED_MAX: usize = 3;
/// How the system's table writes that a socket listens.
const LISTENS: &str = "0A";

/// Tries each port that the server would open.
pub(crate) fn look_at_ports(config: &Config) -> Vec<Ailment> {
    let mut found = Vec::new();
    let mut untried = Vec::new();
    for listener in config.open_listeners() {
        let address = listener.address;
        let place = format!("{} at {address}", listener.service);
        match net::can_listen(address) {
            Ok(()) => {}
            Err(BindError::NotPermitted(_)) => untried.push(address.port().to_string()),
            Err(BindError::PortTaken(_)) => {
                let what = format!("the port is taken by {}", holders(address.port()));
                let remedy =
                    "stop that program; until then the server, once started, serves nobody there";
                found.push(ailment(Severity::Problem, place, what, remedy));
            }
            Err(error) => {
                let remedy =
                    "put that right; until then the server, once started, serves nobody there";
                found.push(ailment(Severity::Problem, place, error.to_string(), remedy));
            }
        }
    }
    if !untried.is_empty() {
        let what = format!("this user may not try the ports {}", untried.join(", "));
        let remedy = "run this as root to see whether they are free";
        let place = "this machine".to_owned();
        found.push(ailment(Severity::Warning, place, what, remedy));
    }
    found
}

fn ailment(severity: Severity, place: String, what: String, remedy: &str) -> Ailment {
    Ailment {
        severity,
        part: PART.to_owned(),
        place,
        what,
        remedy: remedy.to_owned(),
        repaired: false,
    }
}

/// The programs that listen on a port, in words.
fn holders(port: u16) -> String {
    let sockets: HashSet<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| sockets(&table, port))
        .collect();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let named: Vec<String> = processes
        .take(PROCESSES_MAX)
        .filter(|process| has_any(&process.path(), &sockets))
        .take(NAMED_MAX)
        .map(|process| name(&process.path()))
        .collect();
    match named.as_slice() {
        [] => format!("another program; `ss -ltnp 'sport = :{port}'` as root shows which"),
        _ => named.join(", "),
    }
}

/// The sockets that listen on a port, as links in `/proc/PID/fd` name them.
fn sockets(table: &str, port: u16) -> Vec<String> {
    let port = format!(":{port:04X}");
    let rows = table.lines().map(|row| row.split_ascii_whitespace());
    rows.filter_map(|mut row| {
        let (local, state) = (row.nth(1)?, row.nth(1)?);
        let inode = row.nth(5)?;
        let is_it = local.ends_with(&port) && state == LISTENS;
        is_it.then(|| format!("socket:[{inode}]"))
    })
    .collect()
}

fn has_any(process: &Path, sockets: &HashSet<String>) -> bool {
    let files = fs::read_dir(process.join("fd")).into_iter().flatten();
    let mut links = files
        .take(FILES_MAX)
        .filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    links.any(|link| link.to_str().is_some_and(|link| sockets.contains(link)))
}

/// The name of a process and its number.
fn name(process: &Path) -> String {
    let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
    let number = process.file_name().unwrap_or_default().display();
    format!("{} (process {number})", name.trim())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn who_has_a_port_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let own = format!("(process {})", std::process::id());
        assert!(holders(port).contains(&own), "{}", holders(port));
        drop(taken);
        assert!(holders(port).starts_with("another program"));
    }

    #[test]
    fn only_sockets_that_listen_on_this_port_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0019 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 17 1 0 100 0 0 10 0
   1: 0100007F:0019 0100007F:9C4A 01 00000000:00000000 00:00000000 00000000     0        0 18 1 0 20 4 30 10 -1
   2: 00000000:008F 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 19 1 0 100 0 0 10 0
";
        assert_eq!(sockets(table, 25), ["socket:[17]"]);
        assert_eq!(sockets(table, 143), ["socket:[19]"]);
        assert!(sockets("nonsense", 25).is_empty());
    }
}
