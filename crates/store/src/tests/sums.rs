//! Rows of messages that changed on the disk are noticed, refused and set aside; the others are read.

use types::{EmailId, MailboxId};

use super::examine::{examine, filled, repair};
use super::world::{HEAD, NOON, World};
use crate::{DAMAGED_MAILBOX, Part, Repair, StoreError, StoreResult, WriteTx, arrival, email};

/// Whether lists and text of a message can be read; what is refused is refused as damage.
fn readable(world: &World, id: EmailId) -> (bool, bool) {
    fn is_there<T>(read: StoreResult<Option<T>>) -> bool {
        match read {
            Ok(found) => found.is_some(),
            Err(StoreError::Damaged(_)) => false,
            Err(err) => panic!("{err}"),
        }
    }
    let read = |tx: &crate::ReadTx<'_>| {
        let (found, text) = (email::find(tx, id), email::readable(tx, id));
        Ok((is_there(found), is_there(text)))
    };
    world.store.read_blocking(read).unwrap()
}

fn all_readable(world: &World, mailbox: MailboxId) -> Vec<(bool, bool)> {
    let rows = world.rows(mailbox);
    rows.iter().map(|row| readable(world, row.email)).collect()
}

#[test]
fn a_changed_octet_of_any_column_is_noticed_before_it_is_given_out() {
    let (lists, text, both) = ((false, true), (true, false), (false, false));
    for (change, left) in [
        ("head = CAST('Subject: tesu' || x'0d0a0d0a' AS BLOB)", text),
        ("head = x'00'", text),
        ("envelope = CAST('(envelopd)' AS BLOB)", lists),
        ("bodystructure = CAST('(bodystructurd)' AS BLOB)", lists),
        ("preview = CAST('hellp' AS BLOB)", lists),
        ("thread_id = 4", lists),
        ("thread_id = NULL", lists),
        ("received_at = received_at + 1", lists),
        ("octets = octets + 1", both),
        ("octets = -octets", both),
        ("account = 8", both),
        ("blob = 1", text),
        ("list_sum = zeroblob(16)", lists),
        ("text_sum = zeroblob(15)", text),
    ] {
        let (world, inbox) = filled();
        let sql = format!("UPDATE email SET {change} WHERE id = 2");
        world.intruder().execute_batch(&sql).unwrap();
        let whole = (true, true);
        assert_eq!(
            all_readable(&world, inbox),
            [whole, left, whole],
            "{change}"
        );
        let faults = examine(&world);
        let fault = faults.iter().find(|fault| fault.part == Part::Messages);
        let fault = fault.unwrap_or_else(|| panic!("{change}: {faults:?}"));
        assert_eq!(
            fault.place, "message UID 2 in INBOX of account a_7",
            "{change}"
        );
        assert!(
            matches!(fault.repair, Some(Repair::SetAside(..))),
            "{change}"
        );
        if change == "account = 8" {
            continue;
        }
        repair(&world, &faults);
        assert_eq!(all_readable(&world, inbox), [whole, whole], "{change}");
        let aside = world.mailbox(DAMAGED_MAILBOX);
        assert_eq!(all_readable(&world, aside), [left], "{change}");
    }
}

#[test]
fn rows_of_earlier_releases_are_read_counted_and_given_sums() {
    let (world, inbox) = filled();
    let older = |dir: &std::path::Path| {
        let conn = rusqlite::Connection::open(dir.join("mail.db")).unwrap();
        conn.execute_batch("UPDATE email SET list_sum = NULL, text_sum = NULL")
            .unwrap();
    };
    let world = world.reopen(older);
    assert_eq!(all_readable(&world, inbox), [(true, true); 3]);
    world.deliver(inbox, "of this release");
    let faults = examine(&world);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].place, "3 messages of an earlier release");
    repair(&world, &faults);
    assert_eq!(examine(&world), []);
    assert_eq!(all_readable(&world, inbox), [(true, true); 4]);
    let sql = "UPDATE email SET head = CAST('Subject: tesu' || x'0d0a0d0a' AS BLOB), preview = x''";
    world.intruder().execute_batch(sql).unwrap();
    assert_eq!(all_readable(&world, inbox), [(false, false); 4]);
}

#[test]
fn a_sum_that_tells_of_damage_is_not_written_over() {
    let (world, inbox) = filled();
    let sql = "UPDATE email SET list_sum = NULL, head = x'00', octets = 9 WHERE id = 2";
    world.intruder().execute_batch(sql).unwrap();
    repair(&world, &examine(&world));
    let aside = world.mailbox(DAMAGED_MAILBOX);
    assert_eq!(all_readable(&world, aside), [(true, false)]);
    assert_eq!(all_readable(&world, inbox).len(), 2);
}

#[test]
fn sizes_and_dates_that_mailboxes_keep_are_compared_and_copied_again() {
    for change in [
        "arrival SET octets = 5",
        "arrival SET received_at = 5",
        "mailbox_email SET octets = 5",
        "mailbox_email SET received_at = 5",
    ] {
        let (world, inbox) = filled();
        if change.starts_with("mailbox_email") {
            let settle = |tx: &mut WriteTx<'_>| arrival::settle_all(tx);
            world.store.write_blocking(settle).unwrap();
        }
        let sql = format!("UPDATE {change} WHERE uid = 2");
        world.intruder().execute_batch(&sql).unwrap();
        let faults = examine(&world);
        assert!(
            matches!(faults[0].repair, Some(Repair::Copies(EmailId(2)))),
            "{faults:?}"
        );
        repair(&world, &faults);
        assert_eq!(examine(&world), [], "{change}");
        let world = world.reopen(|_| {});
        let row = world.rows(inbox)[1];
        let octets = (HEAD.len() + "another".len()) as u64;
        assert_eq!((row.octets, row.received_at), (octets, NOON), "{change}");
    }
}
