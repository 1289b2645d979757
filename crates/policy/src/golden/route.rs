//! What came with routes.

use super::{Change, Effect, digest};
use crate::change::{RouteFor, RouteRemove, RouteSet, RouteTls};

pub(super) fn changes() -> Vec<Change> {
    let id = || RouteFor::Domain("example.net".parse().unwrap());
    vec![
        Change::RouteSet(RouteSet {
            id: RouteFor::All,
            host: "relay.example.com".parse().unwrap(),
            port: 465,
            tls: RouteTls::Implicit,
            lmtp: false,
            user: Some("us@example.org".to_owned()),
            password: Some(digest(5)),
        }),
        Change::RouteSet(RouteSet {
            id: id(),
            host: "192.0.2.1".parse().unwrap(),
            port: 24,
            tls: RouteTls::None,
            lmtp: true,
            user: None,
            password: None,
        }),
        Change::RouteRemove(RouteRemove { id: id() }),
    ]
}

pub(super) fn effects() -> Vec<Effect> {
    vec![
        Effect::RoutesMail {
            mail: RouteFor::All,
            to: Some("relay.example.com:465".to_owned()),
            checked: true,
            signs_in: true,
        },
        Effect::RoutesMail {
            mail: RouteFor::Domain("example.net".parse().unwrap()),
            to: None,
            checked: false,
            signs_in: false,
        },
    ]
}
