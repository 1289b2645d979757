//! Places where a test looks at, or stops, a change that is half made; nothing outside of tests.

/// Where a setup or a change can be cut off by a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Setup has made its folders.
    FoldersMade,
    /// Setup has made the keys.
    KeysMade,
    /// Setup has made the signer.
    SignerMade,
    /// Setup has made the database.
    StoreMade,
    /// What the entries will name is stored.
    ObjectsStored,
    /// The entries are signed and pending.
    Signed,
    /// Entries and checkpoint are stored.
    Committed,
    /// The second copy has them.
    TilesWritten,
    /// The signer knows that they are stored.
    Confirmed,
    /// They are in force.
    Published,
    /// Setup has nothing left to do but to say so.
    SetupDone,
}

/// Says that a step is done.
#[cfg(not(test))]
#[inline]
pub(crate) fn reached(_: Step) {}

#[cfg(test)]
pub(crate) use armed::{on, reached};

#[cfg(test)]
mod armed {
    use std::cell::RefCell;

    use super::Step;

    type Hook = Box<dyn FnMut(Step)>;

    thread_local! {
        static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
    }

    /// Calls `hook` at every step that is reached on this thread from now on.
    pub(crate) fn on(hook: impl FnMut(Step) + 'static) {
        HOOK.with_borrow_mut(|armed| *armed = Some(Box::new(hook)));
    }

    pub(crate) fn reached(step: Step) {
        // Taken out while it runs, so that a hook that panics is gone and does not run again.
        let hook = HOOK.with_borrow_mut(Option::take);
        if let Some(mut hook) = hook {
            hook(step);
            HOOK.with_borrow_mut(|armed| *armed = Some(hook));
        }
    }
}
