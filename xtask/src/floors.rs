//! Who may use whom: floors, doors and heavy dependencies (ARCHITECTURE.md, "Floors").

use crate::tree::Finding;
use crate::workspace::{Edge, Floor, Package};

/// The topmost floor.
const TOP: u64 = 4;

/// The floor of the doors, which never use each other.
const DOORS: u64 = 3;

/// The crates below the doors; each uses only crates named before it.
const ORDER: [&str; 9] = [
    "types", "wire", "sieve", "ledger", "policy", "store", "net", "service", "guard",
];

/// Dependencies that stay inside these crates, so that the picture is clear and rebuilds are
/// short. Crates beside the floors are free.
const FENCED: [(&str, &[&str]); 10] = [
    ("rusqlite", &["store"]),
    ("rustls", &["net"]),
    ("tokio-rustls", &["net"]),
    ("rcgen", &["net"]),
    ("hickory-resolver", &["net"]),
    ("mail-auth", &["net"]),
    ("clap", &["sealpost"]),
    ("anyhow", &["sealpost"]),
    ("argon2", &["service"]),
    ("mail-parser", &["service"]),
];

/// Crates whose tests may reach over a fence, and for what.
///
/// `service` must withstand somebody who has the database file in their hands.
const OVER_THE_FENCE: [(&str, &str); 1] = [("service", "rusqlite")];

/// Checks every crate and every edge between crates.
pub(crate) fn check(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let mut say = |message| findings.push(Finding::new(&package.manifest, 1, message));
        if !package.lints {
            say("add `[lints]` with `workspace = true`".to_owned());
        }
        let Some(floor) = package.floor else {
            say("add `floor = 0` to 4, or \"beside\", to `[package.metadata]`".to_owned());
            continue;
        };
        if let Floor::Number(number) = floor
            && (number > TOP || (number < DOORS && rank(&package.name).is_none()))
        {
            say(format!(
                "floor {number}: not in the order of crates that xtask knows"
            ));
        }
        for edge in &package.edges {
            if let Some(reason) = fence_broken(package, floor, edge) {
                say(reason);
            }
            let target = packages.iter().find(|other| other.name == edge.to);
            if let Some(reason) = target.and_then(|target| refuse(package, floor, target, edge)) {
                say(format!(
                    "{} must not use {}: {reason}",
                    package.name, edge.to
                ));
            }
        }
    }
    findings
}

fn rank(name: &str) -> Option<usize> {
    ORDER.iter().position(|known| *known == name)
}

fn fence_broken(package: &Package, floor: Floor, edge: &Edge) -> Option<String> {
    let (name, homes) = FENCED.iter().find(|(name, _)| *name == edge.to)?;
    let over = edge.dev && OVER_THE_FENCE.contains(&(&package.name, &edge.to));
    let free = over || floor == Floor::Beside || homes.contains(&package.name.as_str());
    (!free).then(|| format!("{name} stays inside {}", homes.join(", ")))
}

/// Why `from` may not have this edge to our own crate `to`.
fn refuse(from: &Package, from_floor: Floor, to: &Package, edge: &Edge) -> Option<&'static str> {
    let (own, other) = match (from_floor, to.floor?) {
        (Floor::Beside, _) => return None,
        (Floor::Number(_), Floor::Beside) => {
            return (!edge.dev).then_some("it is for tests only; make it a dev-dependency");
        }
        (Floor::Number(own), Floor::Number(other)) => (own, other),
    };
    if other > own {
        return Some("it lives on a higher floor");
    }
    if own == DOORS && other == DOORS {
        return Some("doors never use each other; what two doors share moves down");
    }
    if own == DOORS && to.name == "store" && !edge.dev {
        return Some("doors ask `service`");
    }
    let backwards = matches!((rank(&from.name), rank(&to.name)), (Some(a), Some(b)) if b >= a);
    backwards.then_some("below the doors a crate uses only crates named before it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, floor: Option<Floor>, edges: &[(&str, bool)]) -> Package {
        Package {
            name: name.to_owned(),
            manifest: format!("crates/{name}/Cargo.toml"),
            floor,
            lints: true,
            edges: edges
                .iter()
                .map(|(to, dev)| Edge {
                    to: (*to).to_owned(),
                    dev: *dev,
                })
                .collect(),
        }
    }

    /// A house with one package changed to have this edge.
    fn house_with(name: &str, to: &str, dev: bool) -> Vec<Finding> {
        let floors = [
            ("types", Floor::Number(0)),
            ("ledger", Floor::Number(0)),
            ("store", Floor::Number(1)),
            ("net", Floor::Number(1)),
            ("service", Floor::Number(2)),
            ("smtp", Floor::Number(3)),
            ("imap", Floor::Number(3)),
            ("sealpost", Floor::Number(4)),
            ("testkit", Floor::Beside),
        ];
        let packages: Vec<Package> = floors
            .iter()
            .map(|(own, floor)| {
                let edges: &[(&str, bool)] = if *own == name { &[(to, dev)] } else { &[] };
                package(own, Some(*floor), edges)
            })
            .collect();
        check(&packages)
    }

    #[test]
    fn edges_downward_are_allowed() {
        for (name, to, dev) in [
            ("ledger", "types", false),
            ("service", "store", false),
            ("smtp", "service", false),
            ("smtp", "store", true),
            ("types", "testkit", true),
            ("store", "rusqlite", false),
            ("service", "rusqlite", true),
            ("testkit", "service", false),
            ("sealpost", "smtp", false),
        ] {
            assert_eq!(house_with(name, to, dev), [], "{name} → {to}");
        }
    }

    #[test]
    fn every_wrong_edge_is_refused_once() {
        for (name, to, dev, reason) in [
            ("types", "service", false, "higher floor"),
            ("types", "service", true, "higher floor"),
            ("types", "ledger", false, "named before it"),
            ("store", "net", false, "named before it"),
            ("smtp", "imap", false, "never use each other"),
            ("smtp", "imap", true, "never use each other"),
            ("imap", "store", false, "ask `service`"),
            ("service", "testkit", false, "dev-dependency"),
            ("service", "rusqlite", false, "stays inside store"),
            ("smtp", "rustls", true, "stays inside net"),
            ("smtp", "rusqlite", true, "stays inside store"),
            ("store", "anyhow", false, "stays inside sealpost"),
        ] {
            let findings = house_with(name, to, dev);
            assert_eq!(findings.len(), 1, "{name} → {to}: {findings:?}");
            assert!(findings[0].message.contains(reason), "{findings:?}");
        }
    }

    #[test]
    fn a_crate_needs_floor_place_and_lints() {
        assert!(
            check(&[package("types", None, &[])])[0]
                .message
                .contains("floor")
        );
        assert!(
            check(&[package("other", Some(Floor::Number(1)), &[])])[0]
                .message
                .contains("order")
        );
        assert!(
            check(&[package("sealpost", Some(Floor::Number(5)), &[])])[0]
                .message
                .contains("order")
        );
        let mut bare = package("types", Some(Floor::Number(0)), &[]);
        bare.lints = false;
        assert!(check(&[bare])[0].message.contains("[lints]"));
    }
}
