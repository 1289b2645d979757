//! The crates of the workspace as Cargo sees them.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};
use serde_json::Value;

/// Where a crate stands in the house (ARCHITECTURE.md, "Floors").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Floor {
    /// 0 pure, 1 model and world, 2 logic, 3 doors, 4 house.
    Number(u64),
    /// Tests and chores, which the product never contains.
    Beside,
}

/// A dependency of one of our crates.
pub(crate) struct Edge {
    /// Name of the package depended on.
    pub(crate) to: String,
    /// Whether only tests use it.
    pub(crate) dev: bool,
}

/// One of our crates.
pub(crate) struct Package {
    pub(crate) name: String,
    /// Path of its `Cargo.toml` from the root of the workspace.
    pub(crate) manifest: String,
    /// `[package.metadata] floor`; `None` when it is missing or not understood.
    pub(crate) floor: Option<Floor>,
    /// Whether `[lints] workspace = true` is there.
    pub(crate) lints: bool,
    pub(crate) edges: Vec<Edge>,
}

/// Reads our own crates, without touching the network.
pub(crate) fn packages(root: &Path) -> anyhow::Result<Vec<Package>> {
    let metadata = metadata(root, &["--no-deps", "--offline"])?;
    let listed = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    listed
        .iter()
        .map(|package| read_package(root, package))
        .collect()
}

/// The answer of `cargo metadata` with these further arguments.
pub(crate) fn metadata(root: &Path, args: &[&str]) -> anyhow::Result<Value> {
    let output = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(["metadata", "--format-version", "1"])
        .args(args)
        .output()
        .context("starting cargo metadata")?;
    if !output.status.success() {
        bail!(
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    serde_json::from_slice(&output.stdout).context("reading the answer of cargo metadata")
}

fn read_package(root: &Path, package: &Value) -> anyhow::Result<Package> {
    let name = package["name"]
        .as_str()
        .context("a package without a name")?;
    let manifest = Path::new(
        package["manifest_path"]
            .as_str()
            .context("no manifest path")?,
    );
    let text = fs::read_to_string(manifest).with_context(|| format!("reading {name}"))?;
    let table: toml::Table = text.parse().with_context(|| format!("reading {name}"))?;
    let lints = table.get("lints").and_then(|lints| lints.get("workspace"));
    let edges = package["dependencies"]
        .as_array()
        .context("no dependencies")?;
    Ok(Package {
        name: name.to_owned(),
        manifest: manifest
            .strip_prefix(root)
            .unwrap_or(manifest)
            .display()
            .to_string(),
        floor: read_floor(&package["metadata"]["floor"]),
        lints: lints.and_then(toml::Value::as_bool) == Some(true),
        edges: edges.iter().filter_map(read_edge).collect(),
    })
}

fn read_floor(value: &Value) -> Option<Floor> {
    match value.as_str() {
        Some("beside") => Some(Floor::Beside),
        Some(_) => None,
        None => value.as_u64().map(Floor::Number),
    }
}

fn read_edge(value: &Value) -> Option<Edge> {
    let dev = value["kind"].as_str() == Some("dev");
    value["name"].as_str().map(|name| Edge {
        to: name.to_owned(),
        dev,
    })
}
