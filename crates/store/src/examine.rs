//! A look at everything that the store keeps, and repairs from what exists.
//!
//! Looking changes nothing. Each step is a snapshot through a fresh connection, so that it sees
//! octets changed below the database. Steps are small but for the structure of a table, which SQLite
//! checks in one: nobody waits for it, yet the write-ahead log grows until it is done. A repair takes nothing
//! away: counters are counted again, a damaged message moves to a mailbox of its own.

use types::{AccountId, BlobId, EmailId, MailboxId, MailboxName, Timestamp, Uid};

use crate::account;
use crate::arrival;
use crate::email::{self, BlobRef};
use crate::error::{StoreError, StoreResult};
use crate::mailbox;
use crate::message;
use crate::pack::Place;
use crate::queue;
use crate::recoverable;
use crate::session;
use crate::store::Store;
use crate::sum;
use crate::tx::{ReadTx, WriteTx, place_at};

/// Where damaged messages are put.
pub const DAMAGED_MAILBOX: &str = "Damaged";
/// Faults that are told one by one; a disk that has more is past repair row by row.
pub const FAULTS_MAX: usize = 1_000;
/// Rows of one step.
const STEP_ROWS: u64 = 256;
/// Words of SQLite about one table.
const WORDS_MAX: usize = 20;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The tables of the database, each with its indexes.
    Tables,
    /// The files of the logs, each with its indexes; what their rows say is proved elsewhere.
    Logs,
    /// Bodies against their SHA-256.
    Bodies,
    /// Messages against their bodies.
    Messages,
    /// Mailboxes and accounts against what they count.
    Counters,
    /// Rows under a MAC against it: sessions, removed and queued messages.
    Guarded,
    /// What was not looked at, since too much was found before.
    Rest,
}

impl Part {
    /// Its name for a person.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tables => "database",
            Self::Logs => "log files",
            Self::Bodies => "message bodies",
            Self::Messages => "messages",
            Self::Counters => "mailboxes",
            Self::Guarded => "sessions, removed and queued mail",
            Self::Rest => "the rest",
        }
    }
}

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Among what it was found.
    pub part: Part,
    /// Where.
    pub place: String,
    /// What is wrong, for a person.
    pub what: String,
    /// What puts it right, if anything here can.
    pub repair: Option<Repair>,
    /// Whether it is a message that was set aside before: known, and no worse than it was.
    pub is_aside: bool,
}

/// A repair from what exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Counts a mailbox again.
    Mailbox(MailboxId),
    /// Counts an account again.
    Account(AccountId),
    /// Keeps a body that was to be freed although a message needs it.
    Keep(BlobId),
    /// Gives up a body that nothing names.
    Release(BlobId),
    /// Takes the same body from another message that has it whole.
    Replace(BlobId, BlobRef),
    /// Gives sums to the messages that have none.
    Sums,
    /// Copies size and date of a message to the mailboxes it is in.
    Copies(EmailId),
    /// Moves a damaged message to [`DAMAGED_MAILBOX`] of its account.
    SetAside(AccountId, EmailId),
}

/// Hears how far the look has come: the part, rows done, rows in all.
pub type Tell<'a> = &'a mut dyn FnMut(Part, u64, u64);

/// A body as its row describes it.
struct BodyRow {
    id: BlobId,
    place: Place,
    dying: bool,
    named: bool,
}

impl Store {
    /// Looks at everything. For threads outside the runtime; takes as long as reading the disk,
    /// unless [`Store::end_look`] breaks it off.
    pub fn examine_blocking(&self, tell: Tell<'_>) -> StoreResult<Vec<Fault>> {
        // No body is freed meanwhile.
        let _lease = self.lease();
        let mut faults = Vec::new();
        self.examine_tables(&mut faults, tell)?;
        self.examine_logs(&mut faults, tell)?;
        self.examine_bodies(&mut faults, tell)?;
        self.examine_messages(&mut faults, tell)?;
        self.examine_counters(&mut faults, tell)?;
        // The key lies outside the data folder; only a server has it.
        if !self.is_look() {
            self.examine_guarded(&mut faults, tell)?;
        }
        if faults.len() >= FAULTS_MAX {
            faults.truncate(FAULTS_MAX);
            faults.push(Fault {
                part: Part::Rest,
                place: "mail.db and packs".to_owned(),
                what: format!("{FAULTS_MAX} faults were found, so not all was looked at"),
                repair: None,
                is_aside: false,
            });
        }
        Ok(faults)
    }

    fn examine_tables(&self, faults: &mut Vec<Fault>, tell: Tell<'_>) -> StoreResult<()> {
        let sql =
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
        let names: Vec<String> =
            self.read_fresh_blocking(|tx| tx.all(sql, [], |row| row.get(0)))?;
        let database = self.database();
        for (done, name) in (1..).zip(&names) {
            self.may_look()?;
            // A name of ours needs no quotes; one that does is an intruder's.
            let plain = name.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
            let words = match plain {
                true => self.look_long_blocking(&database, |tx| integrity(tx, name)),
                false => Ok(vec!["no table of this server".to_owned()]),
            };
            let fault = |what| Fault {
                part: Part::Tables,
                place: format!("table {name} of mail.db"),
                what,
                repair: None,
                is_aside: false,
            };
            faults.extend(found(words)?.into_iter().flatten().map(fault));
            tell(Part::Tables, done, names.len() as u64);
        }
        Ok(())
    }

    fn examine_logs(&self, faults: &mut Vec<Fault>, tell: Tell<'_>) -> StoreResult<()> {
        let mut paths = self.activity().files_blocking()?;
        paths.extend(self.trace().files_blocking()?);
        for (done, path) in (1..).zip(&paths) {
            self.may_look()?;
            let words = match self.look_long_blocking(path, |tx| integrity(tx, "record")) {
                Ok(words) => words,
                Err(StoreError::Damaged(what)) => vec![what],
                // Its time was over meanwhile.
                Err(_) if !path.exists() => continue,
                Err(err) => return Err(err),
            };
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            faults.extend(words.into_iter().map(|what| Fault {
                part: Part::Logs,
                place: format!("log/{name}"),
                what,
                repair: None,
                is_aside: false,
            }));
            tell(Part::Logs, done, paths.len() as u64);
        }
        Ok(())
    }

    fn examine_bodies(&self, faults: &mut Vec<Fault>, tell: Tell<'_>) -> StoreResult<()> {
        self.each_step("blob", Part::Bodies, faults, tell, |faults, first, last| {
            let rows = self.read_fresh_blocking(|tx| body_rows(tx, first, last))?;
            for body in rows {
                self.may_look()?;
                let place = format!("body {}", body.id.0);
                let (what, repair) = match (body.dying, body.named) {
                    (true, true) => (
                        "was to be freed, but a message needs it",
                        Repair::Keep(body.id),
                    ),
                    (false, false) => ("belongs to no message", Repair::Release(body.id)),
                    _ => ("", Repair::Keep(body.id)),
                };
                if !what.is_empty() {
                    faults.push(Fault {
                        part: Part::Bodies,
                        place: place.clone(),
                        what: what.to_owned(),
                        repair: Some(repair),
                        is_aside: false,
                    });
                }
                if body.named
                    && let Err(err) = self.packs().check(&body.place)
                {
                    faults.extend(self.damaged_body(&body, &err)?);
                }
            }
            Ok(())
        })
    }

    /// What a damaged body means for the messages that have it.
    fn damaged_body(&self, body: &BodyRow, err: &StoreError) -> StoreResult<Vec<Fault>> {
        let twins = self.read_fresh_blocking(|tx| twins(tx, body))?;
        let twin = twins
            .into_iter()
            .find(|twin| self.packs().check(&twin.place).is_ok());
        let owners = self.read_fresh_blocking(|tx| {
            let sql = "SELECT account, id FROM email WHERE blob = ?1 LIMIT ?2";
            tx.all(sql, (body.id.0, FAULTS_MAX), |row| {
                Ok((AccountId(row.get(0)?), EmailId(row.get(1)?)))
            })
        })?;
        let faults = owners.into_iter().map(|(account, email)| {
            let place = self.read_fresh_blocking(|tx| place_of(tx, email))?;
            let repair = match &twin {
                Some(twin) => Some(Repair::Replace(body.id, *twin)),
                None if place.is_aside => None,
                None => Some(Repair::SetAside(account, email)),
            };
            Ok(Fault {
                part: Part::Bodies,
                place: place.words,
                what: err.to_string(),
                repair,
                is_aside: place.is_aside,
            })
        });
        faults.collect()
    }

    fn examine_messages(&self, faults: &mut Vec<Fault>, tell: Tell<'_>) -> StoreResult<()> {
        let part = Part::Messages;
        let mut without = 0;
        self.each_step("email", part, faults, tell, |faults, first, last| {
            let looked = self.read_fresh_blocking(|tx| sum::look(tx, first, last))?;
            without += looked.without;
            for row in looked.wrong {
                let place = self.read_fresh_blocking(|tx| place_of(tx, row.email))?;
                let repair = match row.copies_alone {
                    true => Some(Repair::Copies(row.email)),
                    false if place.is_aside => None,
                    false => Some(Repair::SetAside(row.account, row.email)),
                };
                faults.push(Fault {
                    part,
                    place: place.words,
                    what: row.what.to_owned(),
                    repair,
                    is_aside: place.is_aside,
                });
            }
            Ok(())
        })?;
        if without > 0 {
            faults.push(Fault {
                part,
                place: format!("{without} messages of an earlier release"),
                what: "they have no sums, so octets that change in their header blocks would not \
                       be noticed"
                    .to_owned(),
                repair: Some(Repair::Sums),
                is_aside: false,
            });
        }
        Ok(())
    }

    /// Goes through a table by its ids. A step that cannot be read is a fault; the next go on.
    fn each_step(
        &self,
        table: &str,
        part: Part,
        faults: &mut Vec<Fault>,
        tell: Tell<'_>,
        mut step: impl FnMut(&mut Vec<Fault>, i64, i64) -> StoreResult<()>,
    ) -> StoreResult<()> {
        tell(part, 0, 0);
        let sql = format!("SELECT COALESCE(MIN(id), 1), COALESCE(MAX(id), 0) FROM {table}");
        let ends =
            self.read_fresh_blocking(|tx| tx.one(&sql, [], |row| Ok((row.get(0)?, row.get(1)?))));
        let Some(ends) = found(ends)? else {
            return Ok(());
        };
        let (begin, end): (i64, i64) = ends.unwrap_or((1, 0));
        let mut first = begin;
        while first <= end && faults.len() < FAULTS_MAX {
            self.may_look()?;
            let last = first.saturating_add_unsigned(STEP_ROWS - 1).min(end);
            if let Err(err) = step(faults, first, last) {
                let what = match err {
                    StoreError::Damaged(what) => what,
                    err => return Err(err),
                };
                faults.push(Fault {
                    part,
                    place: format!("rows {first} to {last} of table {table}"),
                    what,
                    repair: None,
                    is_aside: false,
                });
            }
            first = last.saturating_add(1);
            tell(part, last.abs_diff(begin) + 1, end.abs_diff(begin) + 1);
        }
        Ok(())
    }

    fn examine_guarded(&self, faults: &mut Vec<Fault>, tell: Tell<'_>) -> StoreResult<()> {
        type Forged = fn(&ReadTx<'_>, i64, i64) -> StoreResult<Vec<i64>>;
        let tables: [(&str, &str, Forged); 3] = [
            ("session", "session", session::forged),
            ("recoverable", "removed message", recoverable::forged),
            ("queue", "queued message", queue::forged),
        ];
        for (table, name, forged) in tables {
            self.each_step(table, Part::Guarded, faults, tell, |faults, first, last| {
                let ids = self.read_fresh_blocking(|tx| forged(tx, first, last))?;
                faults.extend(ids.into_iter().map(|id| Fault {
                    part: Part::Guarded,
                    place: format!("{name} {id}"),
                    what: "was changed past the server, so it is not used".to_owned(),
                    is_aside: false,
                    repair: None,
                }));
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The look at mailboxes and accounts alone.
    pub fn examine_counters_blocking(&self) -> StoreResult<Vec<Fault>> {
        let mut faults = Vec::new();
        self.examine_counters(&mut faults, &mut |_, _, _| {})?;
        Ok(faults)
    }

    fn examine_counters(&self, faults: &mut Vec<Fault>, tell: Tell<'_>) -> StoreResult<()> {
        tell(Part::Counters, 0, 0);
        let all = self.read_fresh_blocking(|tx| {
            let sql = "SELECT 0, id FROM mailbox UNION ALL SELECT 1, account FROM account_state";
            tx.all(sql, [], |row| {
                Ok((row.get::<_, bool>(0)?, row.get::<_, i64>(1)?))
            })
        });
        let all = found(all)?.unwrap_or_default();
        for (done, (is_account, id)) in (1..).zip(&all) {
            self.may_look()?;
            let (sql, repair) = match is_account {
                true => (WRONG_ACCOUNT, Repair::Account(AccountId(id.unsigned_abs()))),
                false => (WRONG_MAILBOX, Repair::Mailbox(MailboxId(*id))),
            };
            let wrong = self.read_fresh_blocking(|tx| tx.one(sql, [id], |row| row.get(0)));
            faults.extend(found(wrong)?.flatten().map(|place| Fault {
                part: Part::Counters,
                place,
                what: "counts something else than it holds".to_owned(),
                repair: Some(repair),
                is_aside: false,
            }));
            tell(Part::Counters, done, all.len() as u64);
        }
        Ok(())
    }

    /// Carries out a repair; it can be repeated.
    pub async fn repair(&self, repair: Repair, now: Timestamp) -> StoreResult<()> {
        if repair == Repair::Sums {
            return self.add_sums().await;
        }
        let twin = match &repair {
            Repair::Replace(_, twin) => {
                let mut body = self.body(twin.octets());
                body.write(&self.read_blob(*twin).await?)?;
                Some(body.finish())
            }
            _ => None,
        };
        self.write(move |tx| match &repair {
            Repair::Mailbox(id) => tx.run(RECOUNT_MAILBOX, [id.0]).map(drop),
            Repair::Account(id) => tx.run(RECOUNT_ACCOUNT, [id.0]).map(drop),
            Repair::Keep(id) => {
                let sql = "UPDATE blob SET dead_at = NULL WHERE id = ?1";
                tx.run(sql, [id.0]).map(drop)
            }
            Repair::Release(id) => email::release_blob(tx, *id, now),
            Repair::Replace(old, _) => {
                let body = twin.as_ref().ok_or(StoreError::NotFound("body"))?;
                let new = tx.put_blob(body)?;
                tx.run("UPDATE email SET blob = ?2 WHERE blob = ?1", (old.0, new.0))?;
                email::release_blob(tx, *old, now)
            }
            Repair::Copies(id) => {
                arrival::settle_all(tx)?;
                tx.run(COPY_AGAIN, [id.0]).map(drop)
            }
            // Done above, in steps.
            Repair::Sums => Ok(()),
            Repair::SetAside(account, email) => set_aside(tx, *account, *email, now),
        })
        .await
    }

    /// In steps, so that mail is taken meanwhile.
    async fn add_sums(&self) -> StoreResult<()> {
        let mut last = Some(0);
        while let Some(after) = last {
            last = self.write(move |tx| sum::add_missing(tx, after)).await?;
        }
        Ok(())
    }
}

/// What a read gave; `None` where pages of the database are damaged, which the look at the tables
/// tells.
fn found<T>(read: StoreResult<T>) -> StoreResult<Option<T>> {
    match read {
        Err(StoreError::Damaged(_)) => Ok(None),
        other => other.map(Some),
    }
}

/// What SQLite has to say against a table and its indexes.
fn integrity(tx: &ReadTx<'_>, table: &str) -> StoreResult<Vec<String>> {
    let sql = format!("PRAGMA integrity_check({table})");
    let mut words: Vec<String> = match tx.all(&sql, [], |row| row.get(0)) {
        Err(StoreError::Damaged(what)) => vec![what],
        other => other?,
    };
    words.retain(|word| word != "ok");
    words.truncate(WORDS_MAX);
    Ok(words)
}

fn body_rows(tx: &ReadTx<'_>, first: i64, last: i64) -> StoreResult<Vec<BodyRow>> {
    let sql = "SELECT b.id, b.sha256, b.octets, b.segment, b.start, b.dead_at IS NOT NULL,
                      EXISTS (SELECT 1 FROM email WHERE blob = b.id)
                        OR EXISTS (SELECT 1 FROM queue_message WHERE blob = b.id)
                 FROM blob b WHERE b.id >= ?1 AND b.id <= ?2 ORDER BY b.id";
    tx.all(sql, (first, last), |row| {
        Ok(BodyRow {
            id: BlobId(row.get(0)?),
            place: place_at(row, 1)?,
            dying: row.get(5)?,
            named: row.get(6)?,
        })
    })
}

/// Other bodies that were the same when they were stored.
fn twins(tx: &ReadTx<'_>, body: &BodyRow) -> StoreResult<Vec<BlobRef>> {
    let sql = "SELECT id, sha256, octets, segment, start FROM blob
                WHERE sha256 = ?1 AND octets = ?2 AND id <> ?3 AND dead_at IS NULL LIMIT 16";
    let place = &body.place;
    tx.all(sql, (place.sha256.0, place.octets, body.id.0), |row| {
        Ok(BlobRef {
            id: BlobId(row.get(0)?),
            place: place_at(row, 1)?,
        })
    })
}

/// Where a message is, in words.
struct Whereabouts {
    words: String,
    /// It is in the mailbox for damaged messages already.
    is_aside: bool,
}

fn place_of(tx: &ReadTx<'_>, email: EmailId) -> StoreResult<Whereabouts> {
    let sql = "SELECT m.account, m.name, me.uid FROM in_mailbox me
                 JOIN mailbox m ON m.id = me.mailbox WHERE me.email = ?1 LIMIT 1";
    let row = tx.one(sql, [email.0], |row| {
        Ok((
            row.get::<_, u64>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, u32>(2)?,
        ))
    })?;
    Ok(match row {
        Some((account, name, uid)) => Whereabouts {
            is_aside: name == DAMAGED_MAILBOX,
            words: format!("message UID {uid} in {name} of account a_{account}"),
        },
        None => Whereabouts {
            is_aside: false,
            words: format!("message {} in no mailbox", email.0),
        },
    })
}

/// Moves a message, wherever it is, to the mailbox for damaged ones.
fn set_aside(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    email: EmailId,
    now: Timestamp,
) -> StoreResult<()> {
    let name: MailboxName = DAMAGED_MAILBOX
        .parse()
        .map_err(|_| StoreError::NotFound("mailbox name"))?;
    account::ensure(tx, account)?;
    let aside = mailbox::open_or_create(tx, account, &name, None)?;
    let sql = "SELECT mailbox, uid FROM in_mailbox WHERE email = ?1";
    let places = tx.all(sql, [email.0], |row| {
        Ok((MailboxId(row.get(0)?), Uid(row.get(1)?)))
    })?;
    let sql = "SELECT 1 FROM recoverable WHERE email = ?1";
    let is_removed = tx.one(sql, [email.0], |_| Ok(()))?.is_some();
    if places.is_empty() && !is_removed {
        return message::put_back(tx, account, email, aside, now).map(drop);
    }
    for (from, uid) in places {
        if from != aside {
            message::move_(tx, account, from, &[uid], aside, now)?;
        }
    }
    Ok(())
}

const COPY_AGAIN: &str = "
UPDATE mailbox_email SET (octets, received_at) =
       (SELECT octets, received_at FROM email WHERE id = ?1)
 WHERE email = ?1";

/// The name of a mailbox whose counters are not what its rows say.
const WRONG_MAILBOX: &str = "
SELECT 'mailbox ' || m.name || ' of account a_' || m.account FROM mailbox m,
       (SELECT COUNT(*) AS messages, COALESCE(SUM((flags & 1) = 0), 0) AS unseen,
               COALESCE(SUM((flags & 8) <> 0), 0) AS deleted, COALESCE(SUM(octets), 0) AS octets,
               COALESCE(MAX(uid), 0) AS uid, COALESCE(MAX(modseq), 0) AS modseq
          FROM in_mailbox WHERE mailbox = ?1) f
 WHERE m.id = ?1 AND (m.messages <> f.messages OR m.unseen <> f.unseen OR m.deleted <> f.deleted
       OR m.octets <> f.octets OR m.uidnext <= f.uid OR m.modseq < f.modseq)";

const RECOUNT_MAILBOX: &str = "
UPDATE mailbox SET
       messages = (SELECT COUNT(*) FROM in_mailbox WHERE mailbox = ?1),
       unseen = (SELECT COUNT(*) FROM in_mailbox WHERE mailbox = ?1 AND (flags & 1) = 0),
       deleted = (SELECT COUNT(*) FROM in_mailbox WHERE mailbox = ?1 AND (flags & 8) <> 0),
       octets = (SELECT COALESCE(SUM(octets), 0) FROM in_mailbox WHERE mailbox = ?1),
       uidnext = (SELECT MAX(COALESCE(MAX(uid), 0) + 1, mailbox.uidnext) FROM in_mailbox
                   WHERE mailbox = ?1),
       modseq = (SELECT MAX(COALESCE(MAX(modseq), 0), mailbox.modseq) FROM in_mailbox
                  WHERE mailbox = ?1)
 WHERE id = ?1";

/// The name of an account whose counters are not what its mailboxes say.
const WRONG_ACCOUNT: &str = "
SELECT 'account a_' || a.account FROM account_state a,
       (SELECT COALESCE(SUM(messages), 0) AS messages, COALESCE(SUM(octets), 0) AS octets,
               COALESCE(MAX(modseq), 0) AS modseq FROM mailbox WHERE account = ?1) f,
       (SELECT COALESCE(SUM(octets), 0) AS octets FROM recoverable WHERE account = ?1) r
 WHERE a.account = ?1 AND (a.messages <> f.messages OR a.octets <> f.octets
       OR a.modseq < f.modseq OR a.recoverable_octets <> r.octets)";

const RECOUNT_ACCOUNT: &str = "
UPDATE account_state SET
       messages = (SELECT COALESCE(SUM(messages), 0) FROM mailbox WHERE account = ?1),
       octets = (SELECT COALESCE(SUM(octets), 0) FROM mailbox WHERE account = ?1),
       modseq = (SELECT MAX(COALESCE(MAX(modseq), 0), account_state.modseq) FROM mailbox
                  WHERE account = ?1),
       recoverable_octets = (SELECT COALESCE(SUM(octets), 0) FROM recoverable WHERE account = ?1)
 WHERE account = ?1";
