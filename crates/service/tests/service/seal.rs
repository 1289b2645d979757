//! Activity and trace as provable logs: what is signed, and what becomes known when somebody
//! touches rows, tiles or keys past the server.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ledger::note::VerifierKey;
use ledger::tiles::{CHECKPOINT_FILE, TileNodes, TileReader};
use ledger::{Checkpoint, Entry, Tree};
use net::Clock;
use rusqlite::Connection;
use service::{
    AdmitError, AdmitOptions, Command, LogVerdict, Pin, Service, StartError, VerifyView,
};
use tempfile::TempDir;
use testkit::World;

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3_600);
const EDIT: &str = "security.oob_edit";
const TOLD: &str = "activity.checkpoint";
/// Rows enough for full tiles.
const MANY: u64 = 700;

/// The folders of a server that was stopped.
struct Stopped {
    dir: TempDir,
    clock: Clock,
    pin: Pin,
}

impl Stopped {
    async fn of(world: World) -> Self {
        let (clock, pin) = (world.clock.clone(), world.pin.clone());
        let dir = world.stop().await;
        Self { dir, clock, pin }
    }

    /// A server that has sealed many rows of one day, and more of the next.
    async fn with_many_rows() -> Self {
        let world = World::new(&["ann@example.org"]).await;
        world.sign_in("ann@example.org").await;
        let stopped = Self::of(world).await;
        stopped.leave_rows(MANY);
        stopped.clock.advance(DAY);
        let service = stopped.open().await;
        service.heartbeat().await;
        stopped.close(service).await;
        stopped
    }

    /// Opens it and finishes the start, as a server does once its doors are open.
    async fn open(&self) -> Service {
        let service = self.try_open().await.unwrap();
        service.check_newest_days().await;
        service
    }

    async fn try_open(&self) -> Result<Service, StartError> {
        World::open_at(self.dir.path(), &self.clock, &self.pin).await
    }

    async fn close(&self, service: Service) {
        service.close().await;
        drop(service);
    }

    fn logs(&self) -> PathBuf {
        self.dir.path().join("data/log")
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("keys/sealed-activity")
    }

    /// Day files, the oldest first.
    fn days(&self) -> Vec<PathBuf> {
        days(&self.logs())
    }

    /// Rows that a crash left unsealed behind the last one.
    fn leave_rows(&self, count: u64) {
        let day = self.days().pop().unwrap();
        let conn = Connection::open(day).unwrap();
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                   INSERT INTO record (seq, at, kind, source, detail)
                   SELECT last + i, at + i, 'sign_out', '192.0.2.9', CAST('{}' AS BLOB)
                     FROM n, (SELECT MAX(seq) AS last, MAX(at) AS at FROM record)";
        conn.execute(sql, [count]).unwrap();
        let state = fs::read_to_string(self.state()).unwrap();
        let crashed = state.replace("\"closed\":true", "\"closed\":false");
        fs::write(self.state(), crashed).unwrap();
    }

    fn entries(&self) -> Vec<Entry> {
        entries(&self.dir.path().join("data"))
    }

    /// Entries of a type, by what they say.
    fn told(&self, kind: &str) -> Vec<String> {
        told(&self.dir.path().join("data"), kind)
    }
}

fn days(logs: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(logs)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let is_day =
        |path: &PathBuf| name(path).starts_with("activity-") && name(path).ends_with(".db");
    let mut days: Vec<_> = files.filter(is_day).collect();
    days.sort();
    days
}

fn entries(data: &Path) -> Vec<Entry> {
    let db = Connection::open(data.join("mail.db")).unwrap();
    let mut statement = db
        .prepare("SELECT bytes FROM ledger_entry ORDER BY seq")
        .unwrap();
    let rows = statement.query_map([], |row| row.get::<_, Vec<u8>>(0));
    rows.unwrap()
        .map(|bytes| Entry::from_bytes(&bytes.unwrap()).unwrap())
        .collect()
}

fn told(data: &Path, kind: &str) -> Vec<String> {
    let found = entries(data).into_iter().filter(|entry| entry.kind == kind);
    found
        .map(|entry| {
            let after = entry.after.unwrap();
            let place = after["where"].as_str().map(str::to_owned);
            place.unwrap_or_else(|| {
                let log = entry.object.unwrap().id;
                format!("{log} {}", after["size"].as_str().unwrap())
            })
        })
        .collect()
}

async fn verify(service: &Service) -> VerifyView {
    service.ledger_verify(&World::console()).await.unwrap()
}

async fn activity(service: &Service) -> LogVerdict {
    verify(service).await.logs.swap_remove(0)
}

/// The files of a log as somebody else reads them.
struct Files(PathBuf);

impl TileReader for Files {
    fn read(&self, path: &str, _octets_max: usize) -> std::io::Result<Option<Vec<u8>>> {
        Ok(fs::read(self.0.join(path)).ok())
    }
}

/// The checkpoint of the activity log, after its tiles were found to lead to it.
fn proven_checkpoint(logs: &Path, pin: &Pin) -> Checkpoint {
    let vkey: VerifierKey = pin.vkey.parse().unwrap();
    let files = Files(logs.join("activity"));
    let note = files.read(CHECKPOINT_FILE, 0).unwrap().unwrap();
    let parsed = ledger::Note::parse(&note).unwrap();
    let checkpoint: Checkpoint = parsed.text().parse().unwrap();
    let expected = vkey.name().as_str().replace("/config/", "/activity/");
    assert_eq!(checkpoint.origin.as_str(), expected);
    let nodes = TileNodes::new(&files, checkpoint.size);
    let tree = Tree::from_nodes(checkpoint.size, &nodes).unwrap();
    assert_eq!(tree.root(), checkpoint.root);
    checkpoint
}

/// What the beats on record say, in order.
fn beats(logs: &Path) -> Vec<serde_json::Value> {
    let mut beats = Vec::new();
    for day in days(logs) {
        let conn = Connection::open(day).unwrap();
        let sql = "SELECT detail FROM record WHERE kind = 'heartbeat' ORDER BY seq";
        let mut statement = conn.prepare(sql).unwrap();
        let details = statement.query_map([], |row| row.get::<_, Vec<u8>>(0));
        beats.extend(
            details.unwrap().map(|detail| {
                serde_json::from_slice::<serde_json::Value>(&detail.unwrap()).unwrap()
            }),
        );
    }
    beats
}

#[tokio::test]
async fn rows_are_sealed_through_days_and_restarts_and_beats_have_no_gaps() {
    let mut world = World::new(&["ann@example.org"]).await;
    for _ in 0..3 {
        world.sign_in("ann@example.org").await;
        world.service.heartbeat().await;
        world.clock.advance(DAY);
        world.service.heartbeat().await;
        world = world.reopen().await;
    }
    let view = verify(&world.service).await;
    assert!(view.good, "{view:?}");
    let logs = world.data().join("log");
    let numbers: Vec<_> = beats(&logs)
        .iter()
        .map(|beat| beat["number"].clone())
        .collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5]);
    let pin = world.pin.clone();
    world.service.heartbeat().await;
    let checkpoint = proven_checkpoint(&logs, &pin);
    let last = beats(&logs).pop().unwrap();
    assert_eq!(last["activity"]["size"], checkpoint.size);
    assert_eq!(last["activity"]["root"], checkpoint.root.to_string());
    assert_eq!(view.logs[0].rows, view.logs[0].size);
    assert_eq!((view.logs[1].log.as_str(), view.logs[1].size), ("trace", 0));
    assert_eq!(days(&logs).len(), 4);
    assert!(told(&world.data(), EDIT).is_empty());
}

#[tokio::test]
async fn rows_that_a_crash_leaves_unsigned_are_ours_also_in_the_first_run() {
    let world = World::new(&["ann@example.org"]).await;
    // Closed and opened with nothing new to sign, then ended without being closed.
    let world = world.reopen().await.reopen().await;
    world.sign_in("ann@example.org").await;
    let world = world.crash().await;
    let view = verify(&world.service).await;
    assert!(view.good, "{view:?}");
    assert!(told(&world.data(), EDIT).is_empty());
}

#[tokio::test]
async fn many_rows_make_full_tiles_and_leave_no_narrow_ones() {
    let stopped = Stopped::with_many_rows().await;
    let checkpoint = proven_checkpoint(&stopped.logs(), &stopped.pin);
    assert!(checkpoint.size > MANY);
    let tiles = stopped.logs().join("activity/tile/0");
    let mut names: Vec<_> = fs::read_dir(tiles)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["000", "001", "002.p"]);
    let service = stopped.open().await;
    assert!(verify(&service).await.good);
}

/// What somebody does to the activity log, and the row that is found by it.
type Touch = (&'static str, fn(&Stopped), &'static str, i64);

fn sql(day: &Path, sql: &str) {
    assert!(Connection::open(day).unwrap().execute(sql, []).unwrap() > 0);
}

const TOUCHES: &[Touch] = &[
    (
        "an edit",
        |at| {
            sql(
                &at.days()[0],
                "UPDATE record SET source = '198.51.100.1' WHERE seq = 300",
            );
        },
        "TAMPERED(300)",
        300,
    ),
    (
        "a later time",
        |at| {
            sql(
                &at.days()[0],
                "UPDATE record SET at = at + 86400000000 WHERE seq = 0",
            );
        },
        "TAMPERED(0)",
        0,
    ),
    (
        "a row less",
        |at| sql(&at.days()[0], "DELETE FROM record WHERE seq = 256"),
        "TAMPERED(256)",
        256,
    ),
    (
        "a day less",
        |at| fs::remove_file(&at.days()[0]).unwrap(),
        "TAMPERED(0)",
        0,
    ),
    (
        "the newest rows less",
        |at| sql(&at.days()[1], "DELETE FROM record WHERE seq > 0"),
        "TAMPERED(701)",
        701,
    ),
    (
        "a second row of a number",
        |at| {
            let insert = "INSERT INTO record (seq, at, kind, source, detail)
                          SELECT 42, at, 'sign_in', '', x'' FROM record LIMIT 1";
            sql(&at.days()[1], insert);
        },
        "TAMPERED(42)",
        42,
    ),
    (
        "a row before all",
        |at| sql(&at.days()[1], "UPDATE record SET seq = -3 WHERE seq = 701"),
        "TAMPERED(0)",
        -3,
    ),
    (
        "a row added to the end",
        |at| {
            let insert = "INSERT INTO record (seq, at, kind, source, detail)
                          SELECT MAX(seq) + 1, at, 'sign_in', '', x'' FROM record";
            sql(&at.days()[1], insert);
        },
        "TAMPERED(702)",
        702,
    ),
];

#[tokio::test]
async fn rows_touched_while_the_server_is_stopped_are_found_with_their_number() {
    let stopped = Stopped::with_many_rows().await;
    assert_eq!(proven_checkpoint(&stopped.logs(), &stopped.pin).size, 702);
    for (what, touch, verdict, row) in TOUCHES {
        let copy = copy_of(&stopped);
        touch(&copy);
        let service = copy.open().await;
        let found = activity(&service).await;
        assert_eq!(
            (found.verdict.as_str(), found.first_bad),
            (*verdict, Some(*row)),
            "{what}"
        );
        assert!(!verify(&service).await.good, "{what}");
        let edits = copy.told(EDIT);
        assert_eq!(edits[0], format!("activity row {row}"), "{what}");
        let recorded = edits.len();
        copy.close(service).await;
        let again = copy.open().await;
        assert!(!activity(&again).await.good, "{what}");
        let stray = *row < 0;
        assert_eq!(
            copy.told(EDIT).len() == recorded,
            !stray,
            "{what}: recorded once"
        );
    }
}

#[tokio::test]
async fn a_change_waits_until_the_newest_days_were_looked_at() {
    let stopped = Stopped::with_many_rows().await;
    sql(
        &stopped.days()[0],
        "UPDATE record SET source = 'x' WHERE seq = 300",
    );
    let service = stopped.try_open().await.unwrap();
    assert!(stopped.told(EDIT).is_empty(), "the start does not look");
    let grave = Command::SettingSet {
        key: "activity_retention_days".to_owned(),
        value: "90".to_owned(),
    };
    let console = World::console();
    let refused = service.admit(&console, vec![grave], AdmitOptions::default());
    assert!(matches!(refused.await, Err(AdmitError::Frozen(_))));
    assert_eq!(stopped.told(EDIT), ["activity row 300"]);
    service.check_newest_days().await;
    assert_eq!(stopped.told(EDIT).len(), 1, "looked at once");
}

fn copy_of(stopped: &Stopped) -> Stopped {
    let dir = tempfile::tempdir().unwrap();
    copy(stopped.dir.path(), dir.path());
    Stopped {
        dir,
        clock: stopped.clock.clone(),
        pin: stopped.pin.clone(),
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            fs::set_permissions(&target, entry.metadata().unwrap().permissions()).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

#[tokio::test]
async fn rows_touched_while_the_server_runs_are_found_by_verify() {
    let world = World::new(&["ann@example.org"]).await;
    world.sign_in("ann@example.org").await;
    world.service.heartbeat().await;
    world.service.heartbeat().await;
    let day = days(&world.data().join("log")).remove(0);
    sql(&day, "UPDATE record SET kind = 'sign_out' WHERE seq = 0");
    let found = activity(&world.service).await;
    assert_eq!((found.verdict.as_str(), found.bad), ("TAMPERED(0)", 1));
    assert_eq!(told(&world.data(), EDIT), ["activity row 0"]);
    // A number of ours, taken before we came to it: our row gets another one.
    let insert = "INSERT INTO record (seq, at, kind, source, detail)
                  SELECT MAX(seq) + 1, at, 'sign_in', '', x'' FROM record";
    sql(&day, insert);
    let dropped = world.service.clone();
    dropped.heartbeat().await;
    dropped.heartbeat().await;
    let edits = told(&world.data(), EDIT);
    assert_eq!(edits.len(), 2, "{edits:?}");
    assert_eq!(
        beats(&world.data().join("log")).len(),
        4,
        "no beat was lost"
    );
    assert_eq!(activity(&world.service).await.bad, 2);
}

#[tokio::test]
async fn lost_tiles_are_made_again_only_from_what_was_signed() {
    let stopped = Stopped::with_many_rows().await;
    // A checkpoint that is not there is what a crash leaves too.
    let cases: [(&str, &[&str]); 4] = [
        (
            "activity/tile",
            &["log/activity/tile/0/002.p/190", "log/activity/tile/0/000"],
        ),
        ("activity/tile/0/001", &["log/activity/tile/0/001"]),
        ("activity/tile/1", &["log/activity/tile/1/000.p/2"]),
        ("activity/checkpoint", &[]),
    ];
    for (lost, recorded) in cases {
        let copy = copy_of(&stopped);
        let path = copy.logs().join(lost);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
        let service = copy.open().await;
        assert!(activity(&service).await.good, "{lost}");
        assert_eq!(copy.told(EDIT), recorded, "{lost}");
        service.heartbeat().await;
        copy.close(service).await;
        proven_checkpoint(&copy.logs(), &copy.pin);
    }
    let copy = copy_of(&stopped);
    let wrong = copy.logs().join("activity/tile/0/000");
    fs::write(&wrong, vec![9; 256 * 32]).unwrap();
    assert!(activity(&copy.open().await).await.good);
    assert_ne!(fs::read(&wrong).unwrap(), vec![9; 256 * 32]);

    // Where a row is changed as well, nothing vouches for its tile any more.
    let copy = copy_of(&stopped);
    fs::remove_file(copy.logs().join("activity/tile/0/000")).unwrap();
    sql(
        &copy.days()[0],
        "UPDATE record SET source = 'x' WHERE seq = 7",
    );
    let found = activity(&copy.open().await).await;
    assert_eq!((found.verdict.as_str(), found.bad), ("TAMPERED(0)", 256));
    assert!(!copy.logs().join("activity/tile/0/000").exists());
}

#[tokio::test]
async fn a_crash_between_tiles_signature_and_checkpoint_leaves_nothing_wrong() {
    let before = Stopped::with_many_rows().await;
    let after = copy_of(&before);
    after.leave_rows(900);
    let service = after.open().await;
    after.close(service).await;
    let size = proven_checkpoint(&after.logs(), &after.pin).size;
    assert!(size > 1_600);
    let checkpoint = "activity/checkpoint";
    // The signer knows, the checkpoint file does not.
    let signed = copy_of(&after);
    fs::copy(
        before.logs().join(checkpoint),
        signed.logs().join(checkpoint),
    )
    .unwrap();
    // Neither knows; the tiles, the rows and the ledger are there.
    let written = copy_of(&after);
    fs::copy(
        before.logs().join(checkpoint),
        written.logs().join(checkpoint),
    )
    .unwrap();
    fs::copy(before.state(), written.state()).unwrap();
    for crashed in [signed, written] {
        let edits = crashed.told(EDIT);
        let service = crashed.open().await;
        let found = activity(&service).await;
        assert!(found.good, "{found:?}");
        crashed.close(service).await;
        assert!(proven_checkpoint(&crashed.logs(), &crashed.pin).size >= size);
        assert_eq!(crashed.told(EDIT), edits);
    }
}

#[tokio::test]
async fn a_log_cut_back_to_an_older_state_is_noticed_and_goes_on_behind_what_was_signed() {
    let before = Stopped::with_many_rows().await;
    let now = copy_of(&before);
    now.leave_rows(900);
    let service = now.open().await;
    now.close(service).await;
    let size = proven_checkpoint(&now.logs(), &now.pin).size;
    fs::remove_dir_all(now.logs()).unwrap();
    fs::create_dir(now.logs()).unwrap();
    copy(&before.logs(), &now.logs());
    let service = now.open().await;
    // The tile that row 702 stands in is older too, so nothing vouches for its other rows.
    assert_eq!(now.told(EDIT).last().unwrap(), "activity row 512");
    service.heartbeat().await;
    let found = activity(&service).await;
    assert_eq!(found.first_bad, Some(512));
    assert!(found.size >= size, "{found:?}");
    let newest = Connection::open(now.days().pop().unwrap()).unwrap();
    let last: u64 = newest
        .query_row("SELECT MAX(seq) FROM record", [], |row| row.get(0))
        .unwrap();
    assert!(last >= size, "no number is given twice");
}

#[tokio::test]
async fn a_day_that_cannot_be_read_any_more_is_found() {
    let stopped = Stopped::with_many_rows().await;
    stopped.clock.advance(DAY);
    let service = stopped.open().await;
    service.heartbeat().await;
    fs::write(&stopped.days()[0], [7; 9_000]).unwrap();
    let found = activity(&service).await;
    assert_eq!((found.verdict.as_str(), found.bad), ("TAMPERED(0)", 701));
    assert_eq!(stopped.told(EDIT), ["activity row 0"]);
    stopped.clock.advance(401 * DAY);
    service.heartbeat().await;
    assert_eq!(stopped.days().len(), 4, "a day that cannot be read stays");
}

#[tokio::test]
async fn a_log_that_lost_its_newest_days_is_called_rolled_back() {
    let stopped = Stopped::with_many_rows().await;
    let service = stopped.open().await;
    let day = stopped.days().pop().unwrap();
    sql(&day, "DELETE FROM record");
    let found = activity(&service).await;
    assert_eq!(found.verdict, "ROLLED-BACK(701, 1)");
}

#[tokio::test]
async fn an_older_keys_folder_takes_up_only_what_its_key_signed() {
    let before = Stopped::with_many_rows().await;
    let now = copy_of(&before);
    now.leave_rows(900);
    let service = now.open().await;
    now.close(service).await;
    let size = proven_checkpoint(&now.logs(), &now.pin).size;
    let older = |forget: bool| {
        let copy = copy_of(&now);
        if forget {
            fs::remove_file(copy.state()).unwrap();
        } else {
            fs::copy(before.state(), copy.state()).unwrap();
        }
        copy
    };
    for forget in [true, false] {
        let copy = older(forget);
        let service = copy.open().await;
        let found = activity(&service).await;
        assert!(found.good && found.size >= size, "{found:?}");
    }
    for forget in [true, false] {
        let copy = older(forget);
        sql(
            &copy.days()[1],
            "UPDATE record SET source = 'x' WHERE seq = 900",
        );
        fs::remove_dir_all(copy.logs().join("activity")).unwrap();
        let service = copy.open().await;
        service.heartbeat().await;
        assert_eq!(copy.told(EDIT)[0], format!("activity row {size}"));
        let found = activity(&service).await;
        assert_eq!((found.verdict.as_str(), found.good), ("FORKED", false));
        assert!(found.size < size, "another history must not be signed");
    }
}

#[tokio::test]
async fn days_go_when_their_time_is_over_and_can_still_be_proved() {
    let stopped = Stopped::with_many_rows().await;
    stopped.clock.advance(401 * DAY);
    let service = stopped.open().await;
    service.heartbeat().await;
    assert_eq!(stopped.days().len(), 1, "today's");
    let found = activity(&service).await;
    assert!(
        found.good && found.rows < 10 && found.size > MANY,
        "{found:?}"
    );
    assert!(stopped.logs().join("activity/tile/0/000").exists());
    stopped.close(service).await;
    let service = stopped.open().await;
    assert!(verify(&service).await.good);
    assert!(stopped.told(EDIT).is_empty());
    proven_checkpoint(&stopped.logs(), &stopped.pin);
}

#[tokio::test]
async fn a_shorter_retention_is_recorded_and_takes_no_entry_away() {
    let stopped = Stopped::with_many_rows().await;
    stopped.clock.advance(91 * DAY);
    let service = stopped.open().await;
    let before = stopped.entries();
    let shorten = |value: &str| Command::SettingSet {
        key: "activity_retention_days".to_owned(),
        value: value.to_owned(),
    };
    let console = World::console();
    let admit = |value| service.admit(&console, vec![shorten(value)], AdmitOptions::default());
    let refused = admit("1").await;
    assert!(
        matches!(refused, Err(AdmitError::Invalid(_))),
        "{refused:?}"
    );
    let admitted = admit("90").await.unwrap();
    assert!(
        admitted.effects[0].starts_with("Keeps records for a shorter time"),
        "{:?}",
        admitted.effects
    );
    service.heartbeat().await;
    assert_eq!(stopped.days().len(), 1, "the other days' time is over");
    let after = stopped.entries();
    assert_eq!(after[..before.len()], before, "entries are kept for ever");
    assert_eq!(after[before.len()].kind, "setting.set");
    assert!(verify(&service).await.good);
    stopped.close(service).await;
}

#[tokio::test]
async fn a_changed_row_does_not_go_unnoticed_with_its_day() {
    let stopped = Stopped::with_many_rows().await;
    stopped.clock.advance(401 * DAY);
    let service = stopped.open().await;
    sql(
        &stopped.days()[0],
        "UPDATE record SET source = 'x' WHERE seq = 7",
    );
    service.heartbeat().await;
    assert_eq!(stopped.days().len(), 1, "today's");
    assert_eq!(stopped.told(EDIT), ["activity row 7"]);
    assert_eq!(activity(&service).await.verdict, "TAMPERED(7)");
}

#[tokio::test]
async fn a_day_whose_rows_are_not_sealed_stays() {
    let stopped = Stopped::with_many_rows().await;
    stopped.leave_rows(3);
    let tiles = stopped.logs().join("activity/tile");
    let aside = stopped.logs().join("aside");
    fs::rename(&tiles, &aside).unwrap();
    fs::write(&tiles, b"in the way").unwrap();
    stopped.clock.advance(401 * DAY);
    let service = stopped.open().await;
    service.heartbeat().await;
    assert_eq!(
        stopped.days().len(),
        2,
        "the first is sealed, the second is not"
    );
    fs::remove_file(&tiles).unwrap();
    fs::rename(&aside, &tiles).unwrap();
    service.heartbeat().await;
    assert_eq!(stopped.days().len(), 1);
    let found = activity(&service).await;
    assert!(found.good, "{found:?}");
}

#[tokio::test]
async fn the_ledger_is_told_once_an_hour_and_at_the_end() {
    let world = World::new(&["ann@example.org"]).await;
    let size = world.service.config().size();
    for _ in 0..3 {
        world.service.heartbeat().await;
        world.clock.advance(HOUR / 2);
    }
    assert_eq!(
        world.service.config().size(),
        size + 1,
        "activity; trace is empty"
    );
    world.service.heartbeat().await;
    assert_eq!(told(&world.data(), TOLD), ["activity 2"]);
    let before = entries(&world.data()).pop().unwrap();
    let stopped = Stopped::of(world).await;
    assert_eq!(stopped.told(TOLD), ["activity 2", "activity 4"]);
    let last = stopped.entries().pop().unwrap();
    assert_eq!(last.risk.class, before.risk.class);
    let note = last.after.unwrap()["note"].as_str().unwrap().to_owned();
    let file = fs::read_to_string(stopped.logs().join("activity/checkpoint")).unwrap();
    assert_eq!(note, file, "the note in the ledger is the signed one");
    let service = stopped.open().await;
    assert_eq!(stopped.told(TOLD).len(), 2, "nothing new was signed");
    stopped.close(service).await;
    assert_eq!(stopped.told(TOLD).len(), 2);
}

#[tokio::test]
async fn signed_rows_of_a_day_that_was_set_aside_are_told_as_missing() {
    let stopped = Stopped::with_many_rows().await;
    let newest = stopped.days().pop().unwrap();
    fs::write(&newest, [0x5a; 8_192]).unwrap();
    let service = stopped.open().await;
    service.heartbeat().await;
    let missing = stopped.told(EDIT);
    assert_eq!(missing.len(), 1, "{missing:?}");
    assert!(missing[0].starts_with("activity row 70"), "{missing:?}");
    let health = service.health();
    let (day, aside) = (newest.file_stem().unwrap().to_string_lossy(), "damaged-1");
    let told = |words: &String| words.contains(&format!("{day}.{aside}"));
    assert!(health.warnings.iter().any(told), "{:?}", health.warnings);
    assert!(health.good, "{:?}", health.hindrances);
    service.heartbeat().await;
    assert_eq!(stopped.told(EDIT), missing, "once");
    stopped.close(service).await;
}

#[tokio::test]
async fn a_day_that_was_set_aside_is_told_once_also_while_rows_cannot_be_read() {
    let stopped = Stopped::with_many_rows().await;
    let days = stopped.days();
    fs::write(&days[1], [0x5a; 8_192]).unwrap();
    let service = stopped.try_open().await.unwrap();
    fs::rename(&days[0], days[0].with_extension("away")).unwrap();
    fs::create_dir(&days[0]).unwrap();
    for _ in 0..3 {
        service.heartbeat().await;
    }
    assert_eq!(stopped.told(EDIT), [""; 0], "the rows were not read");
    fs::remove_dir(&days[0]).unwrap();
    fs::rename(days[0].with_extension("away"), &days[0]).unwrap();
    service.heartbeat().await;
    assert_eq!(stopped.told(EDIT).len(), 1, "they are read later");
    stopped.close(service).await;
    let log = Connection::open(&days[1]).unwrap();
    let sql = "SELECT COUNT(*) FROM record
                WHERE kind = 'alarm' AND CAST(detail AS TEXT) LIKE '%was damaged%'";
    let alarms: i64 = log.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(alarms, 1);
}
