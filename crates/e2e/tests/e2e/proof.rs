//! The exported ledger, verified by programs that other people wrote: the Go packages `note` and
//! `tlog`, and the Python package `tlog-scales`. All must agree with `sealpost ledger verify`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use e2e::{Server, clients, program};
use serde_json::Value;

/// Exit status when the ledger does not verify.
const VERIFICATION_FAILED: i32 = 6;

/// Accounts enough for entries in a full tile, which holds 256, and in an unfinished one.
const MANY: &str = "135";
const FEW: &str = "3";

/// A server, its exported ledger, and a checkpoint of an earlier moment.
struct Exported {
    server: Server,
    verifier: PathBuf,
    folder: PathBuf,
    older: PathBuf,
}

impl Exported {
    /// Exports, changes something, and exports again to the same folder.
    fn twice(accounts: &str) -> anyhow::Result<Self> {
        let server = Server::with(&["--accounts", accounts])?;
        let scratch = server.scratch().to_owned();
        let made = Self {
            verifier: build(&scratch)?,
            folder: scratch.join("export"),
            older: scratch.join("older"),
            server,
        };
        let first = made.export()?;
        ensure!(first["earlier_size"].is_null(), "{first}");
        fs::copy(made.folder.join("checkpoint"), &made.older)?;
        for change in ["domain add second.test", "config set recipients_max 500"] {
            let words: Vec<&str> = change.split(' ').chain(["--yes"]).collect();
            made.server.cli(&words)?.ok()?;
        }
        let second = made.export()?;
        ensure!(second["earlier_size"] == first["size"], "{second}");
        let size = second["size"].as_u64().context("no size")?;
        ensure!(Some(size) == first["size"].as_u64().map(|size| size + 2));
        Ok(made)
    }

    /// Exports the ledger as it is now.
    fn export(&self) -> anyhow::Result<Value> {
        let folder = self.folder.display().to_string();
        let command = ["ledger", "export", &folder, "--vkey", self.key(), "--json"];
        let exported: Value = serde_json::from_str(&self.server.cli(&command)?.ok()?.out)?;
        ensure!(
            exported["verdict"]
                .as_str()
                .is_some_and(|verdict| { verdict == "SIGNED" || verdict.starts_with("ANCHORED") }),
            "{exported}"
        );
        Ok(exported)
    }

    fn key(&self) -> &str {
        &self.server.ready().ledger.vkey
    }

    /// What the Go packages and tlog-scales say of a folder: its size, or why they refuse it.
    fn others(&self, folder: &Path) -> anyhow::Result<[Result<String, String>; 2]> {
        let (folder, older) = (
            folder.display().to_string(),
            self.older.display().to_string(),
        );
        let args = [self.key(), &folder, &older];
        let ran = [
            program::run(&self.verifier, args, b"")?,
            clients::python_with_packages(&self.server, "verify_ledger.py", &args)?,
        ];
        Ok(ran.map(|ran| match ran.status {
            Some(0) => Ok(ran.out.trim().to_owned()),
            _ => Err(ran.err.trim().to_owned()),
        }))
    }

    /// Our own verdict on a folder.
    fn verdict(&self, folder: &Path) -> anyhow::Result<(String, Option<i32>)> {
        let (folder, older) = (
            folder.display().to_string(),
            self.older.display().to_string(),
        );
        let args = [
            "ledger",
            "verify",
            "--folder",
            &folder,
            "--vkey",
            self.key(),
            "--checkpoint",
            &older,
            "--json",
        ];
        let ran = self.server.cli(&args)?;
        let report: Value = serde_json::from_str(&ran.out).with_context(|| ran.err.clone())?;
        let verdict = report["verdict"].as_str().context("no verdict")?;
        Ok((verdict.to_owned(), ran.status))
    }
}

/// Builds the verifier in Go from Debian's packages alone.
fn build(folder: &Path) -> anyhow::Result<PathBuf> {
    let program = folder.join("verify_ledger");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/verify_ledger.go");
    program::run_with("go", b"", |command| {
        command.arg("build").arg("-o").arg(&program).arg(source);
        command.envs([
            ("GO111MODULE", "off"),
            ("GOPATH", "/usr/share/gocode"),
            ("GOFLAGS", ""),
        ]);
        command.env("GOCACHE", folder.join("go-cache"));
    })?
    .ok()?;
    Ok(program)
}

/// Path of the one file of an unfinished tile.
fn unfinished(folder: &Path, kind: &str) -> anyhow::Result<PathBuf> {
    let tiles = folder.join("tile").join(kind).join("001.p");
    let newest = fs::read_dir(&tiles)?
        .map(|file| Ok(file?.path()))
        .collect::<std::io::Result<Vec<_>>>()?
        .into_iter()
        .max_by_key(|path| path.file_name().map(|name| (name.len(), name.to_owned())));
    newest.with_context(|| format!("nothing in {}", tiles.display()))
}

/// Changes one octet.
fn flip(path: &Path, at: usize) -> anyhow::Result<()> {
    let mut octets = fs::read(path)?;
    *octets.get_mut(at).context("the file is too short")? ^= 1;
    Ok(fs::write(path, octets)?)
}

/// Takes the third entry out of a bundle.
fn take_out_third(path: &Path) -> anyhow::Result<()> {
    let mut octets = fs::read(path)?;
    let length = |octets: &[u8], at: usize| {
        2 + usize::from(u16::from_be_bytes([octets[at], octets[at + 1]]))
    };
    let second = length(&octets, 0);
    let third = second + length(&octets, second);
    octets.drain(third..third + length(&octets, third));
    Ok(fs::write(path, octets)?)
}

/// A damage, by its name: what is done to an export, and the verdict that it must get.
type Damage = (
    &'static str,
    fn(&Exported, &Path) -> anyhow::Result<()>,
    &'static str,
);

const DAMAGES: &[Damage] = &[
    (
        "a flipped octet in an entry",
        |_, folder| flip(&folder.join("tile/entries/000"), 500),
        "TAMPERED(0)",
    ),
    (
        "a flipped octet in the newest entry",
        |_, folder| {
            let path = unfinished(folder, "entries")?;
            let last = usize::try_from(fs::metadata(&path)?.len())? - 10;
            flip(&path, last)
        },
        "TAMPERED",
    ),
    (
        "a missing entry",
        |_, folder| take_out_third(&folder.join("tile/entries/000")),
        "DAMAGED(0)",
    ),
    (
        "a cut tail",
        |_, folder| {
            let path = unfinished(folder, "entries")?;
            let octets = fs::read(&path)?;
            Ok(fs::write(path, &octets[..octets.len() - 30])?)
        },
        "DAMAGED(256)",
    ),
    (
        "a missing bundle",
        |_, folder| Ok(fs::remove_file(folder.join("tile/entries/000"))?),
        "DAMAGED(0)",
    ),
    (
        "a flipped octet in a tile",
        |_, folder| flip(&folder.join("tile/0/000"), 40),
        "DAMAGED(1)",
    ),
    (
        "another root",
        |exported, folder| {
            let path = folder.join("checkpoint");
            let text = fs::read_to_string(&path)?;
            let root = text.lines().nth(2).context("no root")?;
            let older = fs::read_to_string(&exported.older)?;
            let other = older.lines().nth(2).context("no root")?;
            Ok(fs::write(path, text.replacen(root, other, 1))?)
        },
        "TAMPERED",
    ),
];

#[test]
fn an_export_is_verified_by_programs_of_others() -> anyhow::Result<()> {
    let exported = Exported::twice(MANY)?;
    let size = exported.verdict(&exported.folder)?;
    ensure!(
        size.0.starts_with("ANCHORED(1") && size.1 == Some(0),
        "{size:?}"
    );
    let [go, python] = exported.others(&exported.folder)?;
    let go = go.map_err(anyhow::Error::msg)?;
    ensure!(python.as_ref() == Ok(&go), "{python:?}");
    for (name, damage, expected) in DAMAGES {
        let folder = exported.server.scratch().join("damaged");
        copy_folder(&exported.folder, &folder)?;
        damage(&exported, &folder).with_context(|| (*name).to_owned())?;
        let (verdict, status) = exported.verdict(&folder)?;
        ensure!(verdict.starts_with(expected), "{name}: {verdict}");
        ensure!(status == Some(VERIFICATION_FAILED), "{name}: {status:?}");
        for said in exported.others(&folder)? {
            let refusal = said.err().with_context(|| format!("{name}: accepted"))?;
            ensure!(refusal.contains("refused: "), "{name}: {refusal}");
        }
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    program::run("cp", ["-r".as_ref(), from.as_os_str(), to.as_os_str()], b"")?.ok()?;
    Ok(())
}

#[test]
fn a_proof_is_the_one_that_others_make() -> anyhow::Result<()> {
    let exported = Exported::twice(MANY)?;
    let folder = exported.folder.display().to_string();
    for seq in ["0", "255", "256", "270"] {
        let ours = exported.server.cli(&["ledger", "proof", seq])?.ok()?.out;
        let python = clients::packaged_python();
        let args = ["-m", "tlog_scales.cli", "gen-proof", &folder, seq];
        let theirs = program::run(&python, args, b"")?.ok()?.out;
        ensure!(ours == theirs, "{ours}\n{theirs}");
    }
    Ok(())
}

#[test]
fn an_export_never_goes_back() -> anyhow::Result<()> {
    let mut exported = Exported::twice(FEW)?;
    let checkpoint = exported.folder.join("checkpoint");
    let newest = fs::read(&checkpoint)?;
    exported.server.stop()?;
    exported.export()?;
    // What the stopped server wrote last is no part of a folder that ends before it.
    let data = exported.server.data().join("ledger");
    fs::copy(&exported.older, data.join("checkpoint"))?;
    let folder = exported.folder.display().to_string();
    let key = exported.key().to_owned();
    let ran = exported
        .server
        .cli(&["ledger", "export", &folder, "--vkey", &key])?;
    let ran = ran.exits(VERIFICATION_FAILED)?;
    ensure!(ran.err.contains("ROLLED-BACK"), "{}", ran.err);
    ensure!(
        fs::read(&checkpoint)?.len() >= newest.len(),
        "the export was cut"
    );
    let (verdict, _) = exported.verdict(&exported.folder)?;
    ensure!(verdict.starts_with("ANCHORED(1"), "{verdict}");
    Ok(())
}
