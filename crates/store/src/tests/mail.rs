//! Mailboxes and the messages in them.

use types::limits::SUBSCRIPTIONS_PER_ACCOUNT_MAX;
use types::{FlagSet, Keyword, MailboxId, MailboxName, ModSeq, SpecialUse, Timestamp, Uid};

use super::world::{ANN, BOB, HEAD, NOON, World, body, by_client, new_email, numbers};
use crate::mailbox::Mailbox;
use crate::{
    Change, FlagsChange, ReadTx, Reason, Removal, StoreError, StoreResult, WriteTx, account, email,
    keyword, mailbox, message, recoverable, subscription,
};

fn status(world: &World, id: MailboxId) -> Mailbox {
    world
        .store
        .read_blocking(|tx| mailbox::status(tx, id))
        .unwrap()
}

fn names(tx: &ReadTx<'_>) -> StoreResult<Vec<String>> {
    let list = mailbox::list(tx, ANN)?;
    Ok(list
        .into_iter()
        .map(|found| found.name.to_string())
        .collect())
}

fn keywords(words: &[&str]) -> Vec<Keyword> {
    words.iter().map(|word| word.parse().unwrap()).collect()
}

#[test]
fn a_delivered_message_is_read_back_as_it_was() {
    let world = World::new();
    let inbox = world.inbox();
    let delivered = world.deliver(inbox, "the body");
    assert_eq!(delivered.uid, Uid(1));
    let world = world.reopen(|_| {});
    let id = delivered.email;
    let read = move |tx: &ReadTx<'_>| {
        let blob = email::body(tx, id)?;
        Ok((
            email::find(tx, id)?.unwrap(),
            email::readable(tx, id)?.unwrap().head,
            tx.read_blob(&blob)?,
            tx.read_blob_range(&blob, 4, 99)?,
        ))
    };
    let (found, head, whole, part) = world.store.read_blocking(read).unwrap();
    assert_eq!(
        (head.as_slice(), whole.as_slice()),
        (HEAD, &b"the body"[..])
    );
    assert_eq!(part, b"body");
    assert_eq!((found.account, found.received_at), (ANN, NOON));
    assert_eq!(found.octets, (HEAD.len() + 8) as u64);
    assert_eq!(found.envelope, b"(envelope)");
    assert_eq!(world.rows(inbox)[0].email, delivered.email);
    assert_eq!(world.deliver(inbox, "x").uid, Uid(2));
}

#[test]
fn counts_follow_every_change() {
    let world = World::new();
    let inbox = world.inbox();
    world.deliver_many(inbox, "12345", 4);
    let set = |uids: &[u32], change| {
        let uids = numbers(uids);
        world
            .store
            .write_blocking(move |tx| message::set_flags(tx, ANN, inbox, &uids, change))
            .unwrap()
    };
    let both = FlagSet::SEEN.union(FlagSet::DELETED);
    assert_eq!(set(&[2, 1, 9], FlagsChange::Add(both)).len(), 2);
    assert_eq!(set(&[1, 2], FlagsChange::Add(FlagSet::SEEN)), []);
    let replaced = set(&[2], FlagsChange::Replace(FlagSet::FLAGGED));
    assert_eq!(replaced, [(Uid(2), FlagSet::FLAGGED)]);
    set(&[1], FlagsChange::Remove(FlagSet::DELETED));
    let found = status(&world, inbox);
    assert_eq!((found.messages, found.unseen, found.deleted), (4, 3, 0));
    assert_eq!(world.expunge(inbox, &[4, 1, 7]), numbers(&[1, 4]));
    let found = status(&world, inbox);
    let each = (HEAD.len() + 5) as u64;
    assert_eq!(
        (found.messages, found.unseen, found.octets),
        (2, 2, 2 * each)
    );
    let usage = world
        .store
        .read_blocking(|tx| account::usage(tx, ANN))
        .unwrap();
    assert_eq!((usage.messages, usage.octets), (2, 2 * each));
    assert_eq!(usage.recoverable_octets, 2 * each);
}

#[test]
fn a_copy_keeps_flags_date_and_the_meaning_of_keywords() {
    let world = World::new();
    let (inbox, other) = (world.inbox(), world.mailbox("Other"));
    let text = body(&world.store, "text");
    let copied = world
        .store
        .write_blocking(move |tx| {
            keyword::define(tx, other, &keywords(&["zero", "$Work"]))?;
            let blob = tx.put_blob(&text)?;
            let mut new = new_email(blob);
            new.flags = FlagSet::SEEN;
            new.keywords = keywords(&["$work", "new"]);
            new.saved_at = Timestamp(1);
            message::deliver(tx, ANN, inbox, &new)?;
            message::copy(tx, ANN, inbox, &numbers(&[1, 5]), other, NOON)
        })
        .unwrap();
    assert_eq!(copied, [(Uid(1), Uid(1))]);
    let (from, to) = (world.rows(inbox)[0], world.rows(other)[0]);
    assert_eq!((from.email, from.received_at), (to.email, to.received_at));
    assert!(to.flags.contains(FlagSet::SEEN));
    let known = world
        .store
        .read_blocking(|tx| keyword::list(tx, other))
        .unwrap();
    let words: Vec<&str> = to
        .flags
        .keyword_indexes()
        .map(|at| known[at].as_str())
        .collect();
    assert_eq!(words, ["$Work", "new"]);
    let places = world
        .store
        .read_blocking(|tx| message::places(tx, from.email))
        .unwrap();
    assert_eq!(places, [(inbox, Uid(1)), (other, Uid(1))]);
}

#[test]
fn a_move_takes_away_and_adds_in_one_change() {
    let world = World::new();
    let (inbox, other) = (world.inbox(), world.mailbox("Other"));
    world.deliver_many(inbox, "text", 3);
    let before = world
        .store
        .read_blocking(|tx| account::usage(tx, ANN))
        .unwrap();
    let (mut here, mut there) = (world.store.watch(inbox), world.store.watch(other));
    let moved = world
        .store
        .write_blocking(move |tx| message::move_(tx, ANN, inbox, &numbers(&[3, 1]), other, NOON))
        .unwrap();
    assert_eq!(moved, [(Uid(1), Uid(1)), (Uid(3), Uid(2))]);
    assert_eq!(world.rows(inbox).len(), 1);
    assert_eq!(world.rows(other).len(), 2);
    let after = world
        .store
        .read_blocking(|tx| account::usage(tx, ANN))
        .unwrap();
    assert_eq!(before, after);
    let (Ok(Some(Change::Expunged { uids, modseq })), Ok(Some(Change::Added { modseq: same, .. }))) =
        (here.try_recv(), there.try_recv())
    else {
        panic!("the sessions were not told");
    };
    assert_eq!((&*uids, modseq), (numbers(&[1, 3]).as_slice(), same));
}

#[test]
fn another_accounts_mailbox_is_none() {
    let world = World::new();
    let inbox = world.inbox();
    world.deliver(inbox, "text");
    let text = body(&world.store, "text");
    let refusals = world
        .store
        .write_blocking(move |tx| {
            mailbox::open_or_create(tx, BOB, &"INBOX".parse().unwrap(), None)?;
            let blob = tx.put_blob(&text)?;
            Ok([
                message::deliver(tx, BOB, inbox, &new_email(blob)).map(drop),
                message::copy(tx, BOB, inbox, &[Uid(1)], inbox, NOON).map(drop),
                message::move_(tx, BOB, inbox, &[Uid(1)], inbox, NOON).map(drop),
                message::expunge(tx, BOB, inbox, &[Uid(1)], &by_client()).map(drop),
                message::set_flags(tx, BOB, inbox, &[Uid(1)], FlagsChange::Add(FlagSet::SEEN))
                    .map(drop),
            ])
        })
        .unwrap();
    for refusal in refusals {
        assert!(
            matches!(refusal, Err(StoreError::NoSuchMailbox(_))),
            "{refusal:?}"
        );
    }
}

#[test]
fn expunged_mail_comes_back() {
    let world = World::new();
    let inbox = world.inbox();
    let delivered = world.deliver(inbox, "text");
    world.expunge(inbox, &[1]);
    let list = |tx: &ReadTx<'_>| recoverable::list(tx, ANN, None, 10);
    let page = world.store.read_blocking(list).unwrap();
    assert_eq!(page.rows.len(), 1);
    assert_eq!(page.rows[0].reason, Reason::Client);
    let id = page.rows[0].id;
    let stolen = world
        .store
        .write_blocking(move |tx| recoverable::restore(tx, BOB, id, inbox, NOON));
    assert!(matches!(stolen, Err(StoreError::NotFound(_))));
    let back = world
        .store
        .write_blocking(move |tx| recoverable::restore(tx, ANN, id, inbox, NOON))
        .unwrap();
    assert_eq!((back.email, back.uid), (delivered.email, Uid(2)));
    assert_eq!(world.store.read_blocking(list).unwrap().rows, []);
    let usage = world
        .store
        .read_blocking(|tx| account::usage(tx, ANN))
        .unwrap();
    assert_eq!((usage.messages, usage.recoverable_octets), (1, 0));
}

#[test]
fn a_refused_copy_is_kept_outside_the_mailboxes() {
    let world = World::new();
    let text = body(&world.store, "text");
    let removal = Removal {
        reason: Reason::Refused,
        rule: Some("r_9@12".to_owned()),
        ..by_client()
    };
    world
        .store
        .write_blocking(move |tx| {
            let blob = tx.put_blob(&text)?;
            let inbox = "INBOX".parse().unwrap();
            recoverable::keep(tx, ANN, &inbox, &new_email(blob), &removal)
        })
        .unwrap();
    let (page, usage) = world
        .store
        .read_blocking(|tx| {
            let page = recoverable::list(tx, ANN, None, 10)?;
            Ok((page, account::usage(tx, ANN)?))
        })
        .unwrap();
    assert_eq!(page.rows[0].rule.as_deref(), Some("r_9@12"));
    assert_eq!(
        (usage.octets, usage.recoverable_octets),
        (0, page.rows[0].octets)
    );
}

#[test]
fn a_mailbox_made_again_has_another_uidvalidity() {
    let world = World::new();
    let first = world.mailbox("Work");
    let before = status(&world, first);
    world.deliver(first, "text");
    let mut watcher = world.store.watch(first);
    let index = world.store.index_blocking(first).unwrap();
    world
        .store
        .write_blocking(move |tx| mailbox::delete(tx, first, &by_client()))
        .unwrap();
    assert!(matches!(
        watcher.try_recv(),
        Ok(Some(Change::Expunged { .. }))
    ));
    assert_eq!(watcher.try_recv(), Ok(Some(Change::MailboxGone)));
    assert!(index.with(|state| state.gone && state.rows.is_empty()));
    assert!(matches!(
        world.store.index_blocking(first),
        Err(StoreError::NoSuchMailbox(_))
    ));
    let again = world.mailbox("Work");
    let after = status(&world, again);
    assert_ne!(again, first);
    assert!(after.uid_validity > before.uid_validity);
    let kept = world
        .store
        .read_blocking(|tx| recoverable::list(tx, ANN, None, 10))
        .unwrap();
    assert_eq!(kept.rows[0].mailbox.as_str(), "Work");
}

#[test]
fn renaming_takes_descendants_along_and_refuses_taken_names() {
    let world = World::new();
    let work = world.mailbox("Work");
    for name in ["Work/a", "Work/a/b", "Workshop", "Taken/a"] {
        world.mailbox(name);
    }
    let rename = |to: &str| {
        let to = to.parse().unwrap();
        world
            .store
            .write_blocking(move |tx| mailbox::rename(tx, work, &to, NOON))
    };
    for taken in ["Workshop", "Work", "Work/a/c", "Taken"] {
        let refusal = rename(taken);
        assert!(matches!(refusal, Err(StoreError::MailboxExists)), "{taken}");
    }
    rename("Old").unwrap();
    let listed = world.store.read_blocking(names).unwrap();
    assert_eq!(listed, ["Old", "Old/a", "Old/a/b", "Taken/a", "Workshop"]);
    assert_eq!(world.mailbox("Old"), work);
}

#[test]
fn renaming_inbox_moves_its_mail_and_leaves_it() {
    let world = World::new();
    let inbox = world.inbox();
    world.deliver(inbox, "text");
    world.mailbox("INBOX/sub");
    let kept = "Kept".parse().unwrap();
    world
        .store
        .write_blocking(move |tx| mailbox::rename(tx, inbox, &kept, NOON))
        .unwrap();
    assert_eq!(world.rows(inbox), []);
    assert_eq!(world.rows(world.mailbox("Kept")).len(), 1);
    let listed = world.store.read_blocking(names).unwrap();
    assert_eq!(listed, ["INBOX", "INBOX/sub", "Kept"]);
}

#[test]
fn mailboxes_have_uses() {
    let world = World::new();
    let name = "Sent".parse().unwrap();
    let sent = world
        .store
        .write_blocking(move |tx| mailbox::create(tx, ANN, &name, Some(SpecialUse::Sent)))
        .unwrap();
    let name = "Sent".parse().unwrap();
    let again = world
        .store
        .write_blocking(move |tx| mailbox::create(tx, ANN, &name, None));
    assert!(matches!(again, Err(StoreError::MailboxExists)));
    let found = world
        .store
        .read_blocking(|tx| mailbox::find_special(tx, ANN, SpecialUse::Sent))
        .unwrap();
    assert_eq!(found.map(|found| found.id), Some(sent));
}

#[test]
fn subscriptions_stay_when_mailboxes_go_and_follow_new_names() {
    let world = World::new();
    let subscribed = || {
        let list = world.store.read_blocking(|tx| subscription::list(tx, ANN));
        let names = list.unwrap().into_iter();
        names.map(|name| name.to_string()).collect::<Vec<_>>()
    };
    let (kept, _) = (world.mailbox("Kept"), world.mailbox("Kept/Below"));
    assert_eq!(subscribed(), ["Kept", "Kept/Below"]);
    world
        .store
        .write_blocking(move |tx| mailbox::rename(tx, kept, &"New".parse().unwrap(), NOON))
        .unwrap();
    assert_eq!(subscribed(), ["New", "New/Below"]);
    world
        .store
        .write_blocking(move |tx| mailbox::delete(tx, kept, &by_client()))
        .unwrap();
    assert_eq!(subscribed(), ["New", "New/Below"]);
    let of_bob = world.store.read_blocking(|tx| subscription::list(tx, BOB));
    assert_eq!(of_bob.unwrap(), []);
    let remove = || {
        let remove = |tx: &mut WriteTx<'_>| subscription::remove(tx, ANN, &"New".parse().unwrap());
        world.store.write_blocking(remove).unwrap()
    };
    assert_eq!([remove(), remove()], [true, false]);
    assert_eq!(subscribed(), ["New/Below"]);
}

#[test]
fn names_beyond_the_limit_are_not_subscribed_but_mailboxes_are_made() {
    let world = World::new();
    let name = |n: usize| format!("gone {n}").parse::<MailboxName>().unwrap();
    let fill = move |tx: &mut WriteTx<'_>| {
        let sql = "INSERT INTO subscription (account, name)
                   WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
                   SELECT ?1, 'gone ' || i FROM n";
        tx.run(sql, (ANN.0, SUBSCRIPTIONS_PER_ACCOUNT_MAX))
    };
    world.store.write_blocking(fill).unwrap();
    let add = |n: usize| {
        let add = move |tx: &mut WriteTx<'_>| subscription::add(tx, ANN, &name(n));
        world.store.write_blocking(add)
    };
    add(1).unwrap();
    assert!(matches!(add(0), Err(StoreError::LimitReached(_))));
    world.deliver(world.mailbox("made by mail"), "text");
}

#[test]
fn a_mailbox_learns_keywords_up_to_its_limit() {
    let world = World::new();
    let inbox = world.inbox();
    let define = |word: String| {
        let words = keywords(&[&word]);
        world
            .store
            .write_blocking(move |tx| keyword::define(tx, inbox, &words))
    };
    let mut watcher = world.store.watch(inbox);
    let first = define("k0".to_owned()).unwrap();
    assert_eq!(watcher.try_recv(), Ok(Some(Change::Keywords)));
    assert_eq!(define("K0".to_owned()).unwrap(), first);
    assert_eq!(watcher.try_recv(), Ok(None));
    for number in 1..types::limits::KEYWORDS_PER_MAILBOX_MAX {
        define(format!("k{number}")).unwrap();
    }
    let refusal = define("one-more".to_owned());
    assert!(matches!(refusal, Err(StoreError::LimitReached(_))));
}

#[test]
fn expunged_ranges_are_told_since_a_modseq_or_not_at_all() {
    let world = World::new();
    let inbox = world.inbox();
    world.deliver_many(inbox, "text", 6);
    let before = status(&world, inbox).modseq;
    world.expunge(inbox, &[1, 2, 5]);
    let between = status(&world, inbox).modseq;
    world.expunge(inbox, &[3]);
    let since = |modseq: ModSeq| {
        world
            .store
            .read_blocking(|tx| message::vanished_since(tx, inbox, modseq))
            .unwrap()
    };
    let range = |first, last| (Uid(first), Uid(last));
    assert_eq!(
        since(before),
        Some(vec![range(1, 2), range(5, 5), range(3, 3)])
    );
    assert_eq!(since(between), Some(vec![range(3, 3)]));
    world
        .store
        .write_blocking(|tx| message::prune_tombstones(tx, 1))
        .unwrap();
    assert_eq!(since(before), None);
    assert_eq!(since(between), Some(vec![range(3, 3)]));
}
