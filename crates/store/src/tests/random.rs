//! Whatever happens, the list in memory, the counters and the rows say the same.

use proptest::collection::vec;
use proptest::prelude::*;
use types::{FlagSet, MailboxId, Uid};

use super::world::{ANN, NOON, World, by_client};
use crate::index::IndexState;
use crate::{Change, ChangeReceiver, FlagsChange, StoreError, account, mailbox, message};

/// Operations of one run.
const STEPS_MAX: usize = 30;

#[derive(Clone, Debug)]
enum Step {
    Deliver(usize),
    Copy(usize, Vec<u32>, usize),
    Move(usize, Vec<u32>, usize),
    Expunge(usize, Vec<u32>),
    Flags(usize, Vec<u32>, u64),
    /// An expunge that is refused at the end of its transaction.
    Undone(usize, Vec<u32>),
}

fn step() -> impl Strategy<Value = Step> {
    let uids = || vec(1_u32..20, 0..6);
    prop_oneof![
        (0..2_usize).prop_map(Step::Deliver),
        (0..2_usize, uids(), 0..2_usize).prop_map(|(a, uids, b)| Step::Copy(a, uids, b)),
        (0..2_usize, uids(), 0..2_usize).prop_map(|(a, uids, b)| Step::Move(a, uids, b)),
        (0..2_usize, uids()).prop_map(|(a, uids)| Step::Expunge(a, uids)),
        (0..2_usize, uids(), 0..32_u64).prop_map(|(a, uids, flags)| Step::Flags(a, uids, flags)),
        (0..2_usize, uids()).prop_map(|(a, uids)| Step::Undone(a, uids)),
    ]
}

fn numbers(uids: &[u32]) -> Vec<Uid> {
    uids.iter().copied().map(Uid).collect()
}

fn carry_out(world: &World, boxes: [MailboxId; 2], step: Step) {
    let store = &world.store;
    match step {
        Step::Deliver(to) => drop(world.deliver(boxes[to], "text")),
        Step::Copy(from, uids, to) => drop(store.write_blocking(move |tx| {
            message::copy(tx, ANN, boxes[from], &numbers(&uids), boxes[to], NOON)
        })),
        Step::Move(from, uids, to) => drop(store.write_blocking(move |tx| {
            message::move_(tx, ANN, boxes[from], &numbers(&uids), boxes[to], NOON)
        })),
        Step::Expunge(from, uids) => drop(world.expunge(boxes[from], &uids)),
        Step::Flags(of, uids, flags) => drop(store.write_blocking(move |tx| {
            let change = FlagsChange::Replace(FlagSet(flags));
            message::set_flags(tx, ANN, boxes[of], &numbers(&uids), change)
        })),
        Step::Undone(from, uids) => {
            let refused: Result<(), StoreError> = store.write_blocking(move |tx| {
                message::expunge(tx, ANN, boxes[from], &numbers(&uids), &by_client())?;
                Err(StoreError::NoSpace)
            });
            assert!(refused.is_err());
        }
    }
}

/// What a session knows that only listens: the UIDs.
fn listen(watcher: &mut ChangeReceiver, known: &mut Vec<Uid>) {
    while let Ok(Some(change)) = watcher.try_recv() {
        match change {
            Change::Added { uids, .. } => known.extend(uids.iter()),
            Change::Expunged { uids, .. } => known.retain(|uid| !uids.contains(uid)),
            Change::Flags { .. } | Change::Keywords | Change::MailboxGone => {}
        }
    }
}

fn fresh(world: &World, mailbox: MailboxId) -> IndexState {
    world
        .store
        .read_fresh_blocking(|tx| message::index_state(tx, mailbox))
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn index_counters_and_rows_agree(steps in vec(step(), 1..STEPS_MAX)) {
        let world = World::new();
        let boxes = [world.inbox(), world.mailbox("Other")];
        let indexes = boxes.map(|id| world.store.index_blocking(id).unwrap());
        let mut watchers = boxes.map(|id| world.store.watch(id));
        let mut known = [Vec::new(), Vec::new()];
        for step in steps {
            carry_out(&world, boxes, step);
        }
        let mut octets = 0;
        let mut messages = 0;
        for (at, id) in boxes.into_iter().enumerate() {
            let state = fresh(&world, id);
            prop_assert_eq!(indexes[at].with(Clone::clone), state.clone());
            listen(&mut watchers[at], &mut known[at]);
            let uids: Vec<Uid> = state.rows.iter().map(|row| row.uid).collect();
            prop_assert_eq!(&known[at], &uids);
            let found = world.store.read_blocking(|tx| mailbox::status(tx, id)).unwrap();
            let unseen = state.rows.iter().filter(|row| !row.flags.contains(FlagSet::SEEN));
            let deleted = state.rows.iter().filter(|row| row.flags.contains(FlagSet::DELETED));
            prop_assert_eq!(found.messages, state.rows.len() as u64);
            prop_assert_eq!(found.unseen, unseen.count() as u64);
            prop_assert_eq!(found.deleted, deleted.count() as u64);
            prop_assert_eq!(found.octets, state.rows.iter().map(|row| row.octets).sum::<u64>());
            octets += found.octets;
            messages += found.messages;
        }
        let usage = world.store.read_blocking(|tx| account::usage(tx, ANN)).unwrap();
        prop_assert_eq!((usage.messages, usage.octets), (messages, octets));
    }
}
