//! The doctor: looks at everything that the server keeps and depends on, says what is wrong in
//! words with what to do, and puts right what can be put right from what exists.
//!
//! A look changes nothing. A repair takes nothing away: counters are counted again, a damaged body
//! is taken from a message that has the same whole, a message that cannot be read is moved to a
//! mailbox of its own. What touched the ledger is recorded in it; repairs of mail are in the
//! activity log.

mod house;
mod mail;

use std::path::Path;
use std::sync::{Arc, Mutex};

use policy::{Config, Right};
use serde::Serialize;
use tokio::task::JoinHandle;

use crate::actor::Actor;
use crate::admit::named;
use crate::error::{ServiceError, ServiceResult};
use crate::{Service, lock};

pub use house::{Folder, look_at_folder};
pub use mail::look_at_mail;

/// The part of an examination that looks at paths.
const FILES: &str = "files";

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something is wrong now.
    Problem,
    /// Something will go wrong, or should be known.
    Warning,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ailment {
    /// How much it matters.
    pub severity: Severity,
    /// What was looked at: `ledger`, `message bodies` and so on.
    pub part: String,
    /// Where.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What to do, or what was done.
    pub remedy: String,
    /// Whether it was put right.
    pub repaired: bool,
}

impl Ailment {
    fn problem(
        part: &str,
        place: impl Into<String>,
        what: impl Into<String>,
        remedy: &str,
    ) -> Self {
        Self {
            severity: Severity::Problem,
            part: part.to_owned(),
            place: place.into(),
            what: what.into(),
            remedy: remedy.to_owned(),
            repaired: false,
        }
    }

    fn warning(
        part: &str,
        place: impl Into<String>,
        what: impl Into<String>,
        remedy: &str,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::problem(part, place, what, remedy)
        }
    }

    /// Puts the names that people know in the place of ids; paths stay as they are.
    pub fn name_accounts(&mut self, config: &Config) {
        if self.part != FILES {
            self.place = named(&self.place, config);
            self.what = named(&self.what, config);
        }
    }

    /// Whether it is still wrong.
    pub fn is_open(&self) -> bool {
        self.severity == Severity::Problem && !self.repaired
    }
}

/// How far an examination is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Examination {
    /// Whether it goes on.
    pub running: bool,
    /// What is being looked at.
    pub part: String,
    /// Steps of it that are done.
    pub done: u64,
    /// Its steps.
    pub all: u64,
    /// What was looked at so far, in order.
    pub looked_at: Vec<String>,
    /// What was found; complete once it no longer runs.
    pub found: Vec<Ailment>,
    /// Why it broke off, if it did.
    pub broken_off: Option<String>,
}

/// The examination of this server, one at a time.
#[derive(Clone, Default)]
pub(crate) struct Doctor {
    now: Arc<Mutex<Examination>>,
    /// What carries it out; a server that stops waits for it.
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Doctor {
    /// Begins; `false` if one is under way.
    fn begin(&self) -> bool {
        let mut now = lock(&self.now);
        if now.running {
            return false;
        }
        *now = Examination {
            running: true,
            ..Examination::default()
        };
        true
    }

    /// Says what is looked at now.
    pub(crate) fn tell(&self, part: &str, done: u64, all: u64) {
        let mut now = lock(&self.now);
        if now.part != part {
            now.part = part.to_owned();
            now.looked_at.push(part.to_owned());
        }
        (now.done, now.all) = (done, all);
    }

    fn add(&self, found: impl IntoIterator<Item = Ailment>) {
        lock(&self.now).found.extend(found);
    }

    fn end(&self, broken_off: Option<String>, config: &Config) {
        let mut now = lock(&self.now);
        for found in &mut now.found {
            found.name_accounts(config);
        }
        now.running = false;
        now.broken_off = broken_off;
    }
}

impl Service {
    /// Begins an examination; [`Self::doctor_look`] says how far it is. With `fix` it repairs, for
    /// which the actor must be allowed to manage the server.
    pub fn doctor_begin(&self, actor: &Actor, fix: bool) -> ServiceResult<()> {
        match fix {
            true => self.may_on_server(actor, &Right::ManageServer)?,
            false => self.may_read_server(actor)?,
        }
        if !self.inner.doctor.begin() {
            return Err(ServiceError::Refused(
                "an examination is under way already; wait for its end".to_owned(),
            ));
        }
        let (service, actor) = (self.clone(), actor.clone());
        let task = tokio::spawn(async move {
            let outcome = service.examine(&actor, fix).await;
            let broken_off = outcome.err().map(|err| err.to_string());
            service.inner.doctor.end(broken_off, &service.config());
        });
        *lock(&self.inner.doctor.task) = Some(task);
        Ok(())
    }

    /// Breaks off an examination and waits until it has ended.
    pub(crate) async fn end_examination(&self) {
        self.inner.store.end_look();
        let task = lock(&self.inner.doctor.task).take();
        if let Some(task) = task
            && let Err(err) = task.await
        {
            tracing::error!(error = %err, "the examination broke off: {err}");
        }
    }

    /// How far the examination is that was begun last.
    pub fn doctor_look(&self, actor: &Actor) -> ServiceResult<Examination> {
        self.may_read_server(actor)?;
        Ok(lock(&self.inner.doctor.now).clone())
    }

    async fn examine(&self, actor: &Actor, fix: bool) -> ServiceResult<()> {
        let doctor = &self.inner.doctor;
        doctor.tell(FILES, 0, 0);
        let data = self.inner.store.ledger_folder();
        let data = data.parent().unwrap_or(Path::new("/")).to_owned();
        let keys = self.inner.admission.lock().await.signer.dir().to_owned();
        doctor.add(look_at_folder(Folder::Data, &data));
        doctor.add(look_at_folder(Folder::Keys, &keys));
        doctor.tell("disk space", 0, 0);
        doctor.add(self.look_at_space());
        doctor.tell("clock", 0, 0);
        doctor.add(self.look_at_clock().await);
        doctor.tell("certificates", 0, 0);
        doctor.add(self.look_at_certificates());
        doctor.tell("listeners", 0, 0);
        doctor.add(self.look_at_listeners());
        doctor.tell("stored secrets", 0, 0);
        doctor.add(self.look_at_objects().await?);
        doctor.tell("ledger and logs", 0, 0);
        doctor.add(self.look_at_ledger(actor, fix).await?);
        let (store, telling) = (self.inner.store.clone(), doctor.clone());
        let look =
            move || look_at_mail(&store, &mut |part, done, all| telling.tell(part, done, all));
        let faults = tokio::task::spawn_blocking(look).await;
        let faults = faults.map_err(|_| ServiceError::Unavailable)??;
        let by = fix.then(|| actor.name());
        doctor.add(self.treat(faults, by.as_deref()).await?);
        Ok(())
    }
}
