//! File systems of our own: small ones to fill, and folders that cannot be written.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use crate::program::{self, Ran};

/// Octets that are written at once while a disk is filled.
const STEP_OCTETS: usize = 65_536;

/// A mounted file system; it is unmounted when the value is dropped.
pub struct Disk {
    path: PathBuf,
}

impl Disk {
    /// Mounts an empty file system of `size` octets at a new folder.
    pub fn small(path: &Path, size: u64) -> anyhow::Result<Self> {
        fs::create_dir(path)?;
        let options = format!("size={size},mode=700");
        mount(&["-t", "tmpfs", "-o", &options, "tmpfs"], path)
    }

    /// Makes a folder and all in it read-only.
    pub fn read_only(path: &Path) -> anyhow::Result<Self> {
        let source = path.display().to_string();
        let disk = mount(&["--bind", &source], path)?;
        program::run("mount", ["-o", "remount,bind,ro", &source], b"")?.ok()?;
        Ok(disk)
    }

    /// Makes it so small, at one stroke, that `left` octets are free; `false` if writers were faster.
    pub fn shrink(&self, left: u64) -> anyhow::Result<bool> {
        let told = rustix::fs::statvfs(&self.path)?;
        let used = (told.f_blocks - told.f_bfree) * told.f_frsize;
        Ok(self.resize(used + left)?.status == Some(0))
    }

    /// Makes it `size` octets large again.
    pub fn grow(&self, size: u64) -> anyhow::Result<()> {
        self.resize(size)?.ok().map(drop)
    }

    fn resize(&self, size: u64) -> anyhow::Result<Ran> {
        let place = self.path.display().to_string();
        let options = format!("remount,size={size}");
        program::run("mount", ["-o", &options, &place], b"")
    }

    /// Takes room until `left` octets are free.
    pub fn fill(&self, left: u64) -> anyhow::Result<()> {
        let free = || -> anyhow::Result<u64> {
            let told = rustix::fs::statvfs(&self.path)?;
            Ok(told.f_bavail * told.f_frsize)
        };
        let mut filler = self.filler()?;
        let zeros = [0; STEP_OCTETS];
        loop {
            let more = free()?.saturating_sub(left);
            let step = usize::try_from(more)?.min(STEP_OCTETS);
            match filler.write(&zeros[..step]) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(err) if err.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(err) => return Err(err.into()),
            }
        }
    }

    /// Gives back what [`Disk::fill`] took.
    pub fn clear(&self) -> anyhow::Result<()> {
        Ok(fs::remove_file(self.path.join("filler"))?)
    }

    /// Unmounts it.
    pub fn unmount(self) -> anyhow::Result<()> {
        program::run("umount", [&self.path], b"")?.ok()?;
        std::mem::forget(self);
        Ok(())
    }

    fn filler(&self) -> anyhow::Result<File> {
        let mut options = OpenOptions::new();
        Ok(options
            .create(true)
            .append(true)
            .open(self.path.join("filler"))?)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, since a server may still hold files in it; a failing test has said why already.
        let _ = program::run("umount", [Path::new("--lazy"), &self.path], b"");
    }
}

fn mount(how: &[&str], path: &Path) -> anyhow::Result<Disk> {
    let place = path.display().to_string();
    let args = how.iter().copied().chain([place.as_str()]);
    program::run("mount", args, b"")?.ok()?;
    Ok(Disk {
        path: path.to_owned(),
    })
}
