//! Which way a message goes.

use policy::Config;
use policy::change::RouteSet;
use types::{Address, Domain};

/// A way: its name, under which its mail is counted, tried and held back together, and where it
/// leads.
#[derive(Clone, Debug)]
pub(crate) struct Way<'a> {
    /// Such as `example.net`, or `relay.example.com:587` for a route.
    pub(crate) name: String,
    /// Where it leads.
    pub(crate) to: Lead<'a>,
}

/// Where a way leads.
#[derive(Clone, Debug)]
pub(crate) enum Lead<'a> {
    /// To the servers of a domain.
    Domain(&'a Domain),
    /// To the host of a route.
    Route(&'a RouteSet),
}

/// The way to a recipient as the configuration has it now.
pub(crate) fn way<'a>(config: &'a Config, to: &'a Address) -> Way<'a> {
    match config.route_to(to.domain()) {
        Some(route) => Way {
            name: route.place(),
            to: Lead::Route(route),
        },
        None => Way {
            name: to.domain().as_str().to_owned(),
            to: Lead::Domain(to.domain()),
        },
    }
}
