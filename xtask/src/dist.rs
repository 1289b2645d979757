//! What is handed out: man pages, completions and the Debian package, and its test.
//!
//! All of it comes from the built program itself, so that it says what the program does.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

const USAGE: &str = "\
cargo xtask dist man   writes man pages and completions to target/dist
cargo xtask dist deb   the same, and a Debian package (needs cargo-deb)
cargo xtask dist test  installs, upgrades, removes and purges the package in a root of its own, while
                       mail flows (needs root, dpkg, overlayfs and Python)
cargo xtask dist unit  runs the package's unit under systemd in a container: start, upgrade, kill -9
                       while mail flows (needs root and systemd-nspawn besides)
--debug                takes an unoptimised build: quicker to make, not to hand out";

/// The version of the package to which the test upgrades; the program in it is the same.
const UPGRADE: &str = "999.0.0-1";

/// Carries out `cargo xtask dist ARGS`; whether the arguments were understood.
pub(crate) fn run(root: &Path, args: &[&str]) -> anyhow::Result<bool> {
    let (flags, words): (Vec<&str>, Vec<&str>) = args.iter().partition(|arg| arg.starts_with("--"));
    let release = match flags[..] {
        [] => true,
        ["--debug"] => false,
        _ => return told_usage(),
    };
    let dist = Dist {
        root,
        // Where the package's list of files looks, wherever Cargo builds.
        out: root.join("target/dist"),
        release,
    };
    match words[..] {
        ["man"] => dist.pages()?,
        ["deb"] => {
            dist.pages()?;
            let package = dist.package(None)?;
            println!("{}", package.display());
        }
        ["test"] => dist.test("packaging/test-deb")?,
        ["unit"] => dist.test("packaging/test-unit")?,
        _ => return told_usage(),
    }
    Ok(true)
}

fn told_usage() -> anyhow::Result<bool> {
    eprintln!("{USAGE}");
    Ok(false)
}

fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

struct Dist<'a> {
    root: &'a Path,
    out: PathBuf,
    release: bool,
}

impl Dist<'_> {
    fn cargo(&self) -> Command {
        let mut command = Command::new(env!("CARGO"));
        command.current_dir(self.root);
        command
    }

    /// Builds the program; man pages and completions are what it says of itself.
    fn pages(&self) -> anyhow::Result<()> {
        let mut build = self.cargo();
        build.args(["build", "--locked", "--quiet", "--package", "sealpost"]);
        if self.release {
            build.arg("--release");
        }
        done(&mut build)?;
        let folder = if self.release { "release" } else { "debug" };
        let program = target(self.root).join(folder).join("sealpost");
        let man = self.out.join("man");
        // Pages of commands that are no more must not stay.
        if man.exists() {
            fs::remove_dir_all(&man)?;
        }
        done(Command::new(&program).arg("man").arg(&man))?;
        let completions = self.out.join("completions");
        fs::create_dir_all(&completions)?;
        for (shell, file) in [
            ("bash", "sealpost.bash"),
            ("zsh", "_sealpost"),
            ("fish", "sealpost.fish"),
        ] {
            let file = File::create(completions.join(file))?;
            done(
                Command::new(&program)
                    .args(["completion", shell])
                    .stdout(file),
            )?;
        }
        Ok(())
    }

    /// Makes the package of this version, or of the workspace's own; gives its file.
    fn package(&self, version: Option<&str>) -> anyhow::Result<PathBuf> {
        let name = format!("sealpost-{}.deb", version.unwrap_or("current"));
        let file = self.out.join(name);
        let mut deb = self.cargo();
        deb.args([
            "deb",
            "--no-build",
            "--locked",
            "--quiet",
            "--package",
            "sealpost",
        ]);
        deb.arg("--output").arg(&file);
        if !self.release {
            deb.args(["--profile", "dev"]);
        }
        if let Some(version) = version {
            deb.args(["--deb-version", version]);
        }
        done(&mut deb).context("is cargo-deb there? `cargo install cargo-deb --locked`")?;
        Ok(file)
    }

    /// Makes two packages and hands them to a script of this path.
    fn test(&self, script: &str) -> anyhow::Result<()> {
        self.pages()?;
        let packages = [self.package(None)?, self.package(Some(UPGRADE))?];
        done(Command::new(self.root.join(script)).args(packages))
    }
}

fn done(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .with_context(|| format!("starting {command:?}"))?;
    if !status.success() {
        bail!("{command:?}: {status}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `systemd-analyze security` may say at most, of 10.
    const EXPOSURE_MAX: f64 = 2.0;

    #[test]
    fn the_unit_is_hardened() {
        let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/../packaging/sealpost.service");
        let analysed = Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--no-pager", unit])
            .output();
        let Ok(analysed) = analysed else {
            eprintln!("systemd-analyze is not here: the unit was not looked at");
            return;
        };
        let text = String::from_utf8_lossy(&analysed.stdout);
        let verdict = text.lines().find(|line| line.contains("exposure level"));
        let verdict = verdict.unwrap_or_else(|| panic!("no verdict in {text}"));
        let number = verdict
            .split(": ")
            .nth(1)
            .unwrap()
            .split(' ')
            .next()
            .unwrap();
        assert!(number.parse::<f64>().unwrap() <= EXPOSURE_MAX, "{verdict}");
    }
}
