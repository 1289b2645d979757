//! What routes are found to do.

use super::Class;
use crate::change::{Change, RouteFor, RouteRemove, RouteSet, RouteTls};
use crate::sample::{Sample, digest};
use crate::sentence::{Viewer, sentence};

fn route(id: &str) -> RouteSet {
    RouteSet {
        id: id.parse().unwrap(),
        host: "relay.example.com".parse().unwrap(),
        port: 465,
        tls: RouteTls::Implicit,
        lmtp: false,
        user: Some("us".to_owned()),
        password: Some(digest(5)),
    }
}

#[test]
fn whoever_gets_all_mail_that_leaves_is_told() {
    let mut sample = Sample::new();
    let plain = RouteSet {
        tls: RouteTls::None,
        user: None,
        password: None,
        ..route("example.net")
    };
    for (change, found, words) in [
        (
            Change::RouteSet(route("*")),
            "R7",
            "Hands all mail for other servers to relay.example.com:465, which can read it, under TLS \
             with a checked certificate, and signs in there.",
        ),
        (
            Change::RouteSet(plain),
            "R7",
            "Hands all mail for example.net to relay.example.com:465, which can read it. Nobody is \
             kept from reading it on the way, or from taking it.",
        ),
        (
            Change::RouteRemove(RouteRemove { id: RouteFor::All }),
            "",
            "Hands all mail for other servers to the hosts that DNS names.",
        ),
    ] {
        let judgement = sample.make(change);
        let told: Vec<_> = (judgement.effects.iter())
            .map(|effect| sentence(effect, &sample.config, Viewer::Server))
            .collect();
        assert_eq!(told, [words]);
        assert_eq!(
            (judgement.class, judgement.detections.join(" ").as_str()),
            (Class::C2, found)
        );
    }
    assert!(sample.config.route(&RouteFor::All).is_none());
    assert_eq!(sample.config.routes().count(), 1);
}

// long: a table of changes.
#[test]
fn routes_that_could_not_work_are_refused() {
    let mut sample = Sample::new();
    sample.make(Change::RouteSet(route("*")));
    for (change, words) in [
        (route("*"), "nothing would change"),
        (route("example.org"), "stays here"),
        (
            RouteSet {
                port: 0,
                ..route("example.net")
            },
            "from 1 to 65535",
        ),
        (
            RouteSet {
                user: None,
                ..route("example.net")
            },
            "a user and a password",
        ),
        (
            RouteSet {
                password: None,
                ..route("example.net")
            },
            "a user and a password",
        ),
        (
            RouteSet {
                user: Some("a\nb".to_owned()),
                ..route("example.net")
            },
            "control characters",
        ),
        (
            RouteSet {
                tls: RouteTls::Opportunistic,
                ..route("example.net")
            },
            "since a password goes there",
        ),
        (
            RouteSet {
                host: sample.config.settings().host_name.as_str().parse().unwrap(),
                ..route("example.net")
            },
            "another host than this server",
        ),
    ] {
        let refusal = sample.refusal(Change::RouteSet(change)).to_string();
        assert!(refusal.contains(words), "{refusal}");
    }
    let gone = Change::RouteRemove(RouteRemove {
        id: "example.net".parse().unwrap(),
    });
    let refusal = sample.refusal(gone).to_string();
    assert!(
        refusal.contains("there is no route example.net"),
        "{refusal}"
    );
}
