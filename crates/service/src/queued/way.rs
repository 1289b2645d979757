//! Which way a message goes.

use types::{Address, Domain};

/// A way: its name, under which its mail is counted, tried and held back together, and its domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    /// Such as `example.net`.
    pub(crate) name: String,
    /// Whose servers take it.
    pub(crate) domain: Domain,
}

/// The way to a recipient: to the servers of its domain.
pub(crate) fn way(to: &Address) -> Way {
    Way {
        name: to.domain().as_str().to_owned(),
        domain: to.domain().clone(),
    }
}
