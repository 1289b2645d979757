//! What the server depends on besides mail: files, disk space, clock, certificates, the ledger.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::Ailment;
use crate::actor::Actor;
use crate::error::{ServiceError, ServiceResult};
use crate::health::{CERTIFICATE_WARNING_DAYS, DAY_S};
use crate::{Service, ShutListener};

/// Permission bits of others than the owner.
const OF_OTHERS: u32 = 0o077;
/// Files of one folder that are named; a folder with more has one cause.
const FILES_MAX: usize = 20;
/// Entries that the look itself has brought, of which edits from outside are told.
const RECORDED_MAX: usize = 100;
/// A clock may be set by so much without being told.
const CLOCK_SLACK_S: i64 = 5;
/// No server of this program ran before: a clock that says so is wrong.
const CLOCK_FIRST_S: i64 = 1_767_225_600;

/// The certificate of the own CA in a data folder; it is there to be given away.
const PUBLIC_FILE: &str = "ca.pem";

/// One of the two folders of an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folder {
    /// Holds mail.
    Data,
    /// Holds keys.
    Keys,
}

impl Folder {
    fn name(self) -> &'static str {
        match self {
            Self::Data => "data folder",
            Self::Keys => "keys folder",
        }
    }
}

/// Looks at the owners and modes of a folder and of what lies in it.
pub fn look_at_folder(which: Folder, folder: &Path) -> Vec<Ailment> {
    let mut found = Vec::new();
    match fs::metadata(folder) {
        Ok(top) => look_below(which, folder, &top, &mut found),
        Err(err) => found.push(Ailment::problem(
            "files",
            folder.display().to_string(),
            format!("the {} cannot be read: {err}", which.name()),
            "name the right folder, or run this as the user that runs the server",
        )),
    }
    found
}

fn look_below(which: Folder, path: &Path, top: &fs::Metadata, found: &mut Vec<Ailment>) {
    let Ok(meta) = fs::symlink_metadata(path) else {
        // It went meanwhile, as files of a log do.
        return;
    };
    if found.len() >= FILES_MAX {
        return;
    }
    let place = path.display().to_string();
    if meta.uid() != top.uid() {
        let what = format!(
            "belongs to user id {}, its folder to {}",
            meta.uid(),
            top.uid()
        );
        let remedy = format!("chown {} {place}", top.uid());
        found.push(Ailment::problem("files", &place, what, &remedy));
    }
    found.extend(open_to_others(which, path, &meta));
    if meta.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            look_below(which, &entry.path(), top, found);
        }
    }
}

/// A folder or a file that others may use. Nobody else reaches a file in a folder that is shut, so
/// one of mail is a warning.
fn open_to_others(which: Folder, path: &Path, meta: &fs::Metadata) -> Option<Ailment> {
    let is_public = which == Folder::Data && path.file_name() == Some(PUBLIC_FILE.as_ref());
    if meta.mode() & OF_OTHERS == 0 || meta.is_symlink() || is_public {
        return None;
    }
    let place = path.display().to_string();
    let what = format!("is open to other users (mode {:o})", meta.mode() & 0o7777);
    let mode = if meta.is_dir() { 700 } else { 600 };
    let remedy = format!("chmod {mode} {place}");
    Some(match (which, meta.is_dir()) {
        (Folder::Data, false) => Ailment::warning("files", place, what, &remedy),
        _ => Ailment::problem("files", place, what, &remedy),
    })
}

impl Service {
    pub(super) fn look_at_space(&self) -> Option<Ailment> {
        let store = &self.inner.store;
        let free = store.free_octets()?;
        store.is_low_on_space().then(|| {
            Ailment::problem(
                "disk space",
                "data folder",
                format!("only {} MiB are free, so mail is put off", free / 1_048_576),
                "free some space; mail is taken again at once",
            )
        })
    }

    /// Whether the clock runs behind what it said before.
    pub(super) async fn look_at_clock(&self) -> Option<Ailment> {
        let now = self.clock().now();
        let remedy = "set the clock of this machine (timedatectl), best by NTP";
        if now.seconds() < CLOCK_FIRST_S {
            let what = format!("it says {}", now.to_rfc3339());
            return Some(Ailment::problem("clock", "this machine", what, remedy));
        }
        let last = self.last_entry_at().await?;
        (last > now.plus_s(CLOCK_SLACK_S)).then(|| {
            let (now, last) = (now.to_rfc3339(), last.to_rfc3339());
            let what = format!("it says {now}, but the newest ledger entry is of {last}");
            Ailment::problem("clock", "this machine", what, remedy)
        })
    }

    /// When the newest entry was made, as it says itself.
    pub(crate) async fn last_entry_at(&self) -> Option<types::Timestamp> {
        let last = self.config().size().checked_sub(1)?;
        let actor = Actor::system(ledger::Door::Schedule);
        let entries = self.ledger_list(&actor, Some(last), 1).await.ok()?;
        types::Timestamp::from_rfc3339(&entries.first()?.at)
    }

    pub(super) fn look_at_certificates(&self) -> Vec<Ailment> {
        let (config, now) = (self.config(), self.clock().now());
        let remedy = "sealpost certificate set --chain FILE --key FILE";
        let of = |known: &policy::Certificate| {
            let place = format!("certificate {}", known.id);
            let Some(end) = self.certificate_end(known) else {
                let what = "it or its key cannot be read, so it is not shown to anybody";
                return Some(Ailment::problem("certificates", place, what, remedy));
            };
            let what = format!("it ends {}", end.to_rfc3339());
            if end <= now {
                return Some(Ailment::problem("certificates", place, what, remedy));
            }
            (end <= now.plus_s(CERTIFICATE_WARNING_DAYS * DAY_S))
                .then(|| Ailment::warning("certificates", place, what, remedy))
        };
        let mut found: Vec<_> = config.certificates().filter_map(of).collect();
        if config.certificates().next().is_none() {
            let what = "there is none, so services with TLS from the first octet stay shut";
            found.push(Ailment::problem(
                "certificates",
                "configuration",
                what,
                remedy,
            ));
        }
        found
    }

    /// Listeners that could not be opened.
    pub(super) fn look_at_listeners(&self) -> Vec<Ailment> {
        let ailment = |shut: ShutListener| {
            let ShutListener { listener, why } = shut;
            let place = format!("{} at {}", listener.service, listener.address);
            let what = format!("nobody listens there: {why}");
            let remedy = "once nothing is in the way, it opens by itself within a minute; to listen \
                          elsewhere: sealpost service listen add SERVICE ADDRESS PORT";
            Ailment::problem("listeners", place, what, remedy)
        };
        self.listeners_shut().into_iter().map(ailment).collect()
    }

    /// Passwords, certificates and private keys that the ledger names.
    pub(super) async fn look_at_objects(&self) -> ServiceResult<Vec<Ailment>> {
        let service = self.clone();
        let look = tokio::task::spawn_blocking(move || service.wrong_objects());
        let wrong = look.await.map_err(|_| ServiceError::Unavailable)??;
        let ailment = |owner: String| {
            let remedy = "set it again: sealpost account passwd ADDRESS, or sealpost certificate \
                          set; nobody can use it until then";
            let what = "it is missing, or not what the ledger names";
            Ailment::problem("stored secrets", owner, what, remedy)
        };
        Ok(wrong.into_iter().map(ailment).collect())
    }

    /// Compares ledger, second copy, signer's state and both logs; with `fix` puts the two copies
    /// of the ledger right from each other first, as each heartbeat does.
    pub(super) async fn look_at_ledger(
        &self,
        actor: &Actor,
        fix: bool,
    ) -> ServiceResult<Vec<Ailment>> {
        let before = self.config().size();
        if fix {
            self.recheck().await;
        }
        let view = self.ledger_verify(actor).await?;
        let mut found = Vec::new();
        let evidence = "keep a copy of the data folder as evidence; see docs/ledger.md for what the \
                        verdict means, and look at sealpost ledger list";
        if let Some(fault) = &view.fault {
            let what = format!("{}: {fault}", view.verdict);
            found.push(Ailment::problem(
                "ledger and logs",
                "ledger",
                what,
                evidence,
            ));
        }
        for log in view.logs.iter().filter(|log| !log.good) {
            let (place, what) = (format!("{} log", log.log), log.verdict.clone());
            found.push(Ailment::problem("ledger and logs", place, what, evidence));
        }
        let admission = self.inner.admission.lock().await;
        let signed = admission
            .signer
            .confirmed_checkpoint()
            .map(|last| last.size);
        if signed != Some(view.size) {
            let what = format!(
                "the signer has signed {} entries, the ledger has {}",
                signed.unwrap_or(0),
                view.size
            );
            found.push(Ailment::problem(
                "ledger and logs",
                "keys/signer-state",
                what,
                evidence,
            ));
        }
        if let Some(why) = admission.frozen(&self.config()) {
            let what = format!("changes are frozen: {why}");
            let remedy =
                "find out who did it (sealpost ledger list), then: sealpost ledger acknowledge";
            found.push(Ailment::problem("ledger and logs", "ledger", what, remedy));
        }
        drop(admission);
        found.extend(self.edits_since(actor, before).await?);
        Ok(found)
    }

    /// What was changed past the server and has been put right in entries from this one on.
    async fn edits_since(&self, actor: &Actor, seq: u64) -> ServiceResult<Vec<Ailment>> {
        let since = self.ledger_list(actor, Some(seq), RECORDED_MAX).await?;
        let edits = since
            .iter()
            .filter(|entry| entry.kind == "security.oob_edit");
        let ailment = |entry: &crate::EntryView| {
            let remedy = format!("put right, and recorded in entry {}", entry.seq);
            let what = entry.effects.join(" ");
            Ailment {
                repaired: true,
                ..Ailment::problem("ledger and logs", "ledger", what, &remedy)
            }
        };
        Ok(edits.map(ailment).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_open_or_missing_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let set = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let (inner, file) = (
            folder.path().join("pack"),
            folder.path().join("pack/000001"),
        );
        fs::create_dir(&inner).unwrap();
        for path in [&file, &folder.path().join(PUBLIC_FILE)] {
            fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink("000001", inner.join("link")).unwrap();
        set(&folder.path().join(PUBLIC_FILE), 0o600);
        set(folder.path(), 0o700);
        // Mode of the folder, of the file; what is told, and whether it is open in data and keys.
        for (of_folder, of_file, told) in [
            (0o700, 0o600, None),
            (0o750, 0o600, Some(("chmod 700 ", true, true))),
            (0o700, 0o640, Some(("chmod 600 ", false, true))),
        ] {
            set(&inner, of_folder);
            set(&file, of_file);
            for which in [Folder::Data, Folder::Keys] {
                let found = look_at_folder(which, folder.path());
                let shown: Vec<_> = found
                    .iter()
                    .map(|found| (&found.remedy[..10], found.is_open()))
                    .collect();
                let expected = told.map(|(remedy, data, keys)| match which {
                    Folder::Data => (remedy, data),
                    Folder::Keys => (remedy, keys),
                });
                assert_eq!(shown, Vec::from_iter(expected), "{which:?}");
            }
        }
        set(&file, 0o600);
        set(&folder.path().join(PUBLIC_FILE), 0o644);
        assert_eq!(look_at_folder(Folder::Data, folder.path()), []);
        assert_eq!(look_at_folder(Folder::Keys, folder.path()).len(), 1);
        assert!(look_at_folder(Folder::Data, Path::new("/nonexistent"))[0].is_open());
    }
}
