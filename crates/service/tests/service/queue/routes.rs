//! Mail that goes to hosts of the configuration, and that changes its way while it waits.

use std::time::Duration;

use policy::change::{RouteFor, RouteTls};
use service::{Command, Destination, Password, QueueWanted, RouteFound};
use testkit::World;
use types::Secret;

use super::{BOB, address, claim, delivered, office, only_job, pass, send, settle, unreachable};

fn route(mail: &str, host: &str) -> Command {
    Command::RouteSet {
        mail: mail.parse().expect("a domain or all"),
        host: host.parse().expect("a host"),
        port: 2_525,
        tls: RouteTls::Opportunistic,
        lmtp: false,
        sign_in: None,
    }
}

fn relay(password: &[u8]) -> Command {
    Command::RouteSet {
        mail: RouteFor::All,
        host: "relay.example.com".parse().expect("a host"),
        port: 587,
        tls: RouteTls::StartTls,
        lmtp: false,
        sign_in: Some(("us".to_owned(), Password(Secret::new(password.to_vec())))),
    }
}

async fn set(world: &World, command: Command) {
    world.admit(command).await.expect("it is sound");
}

/// The way of the only job, and the host to which it goes, if one is named.
async fn way(world: &World) -> (String, Option<String>) {
    let job = only_job(world).await;
    let host = match &job.destination {
        Destination::Host(host) => Some(host.name.clone()),
        Destination::Domain(_) => None,
    };
    let way = job.way.clone();
    settle(world, job, delivered()).await;
    (way, host)
}

#[tokio::test]
async fn mail_for_a_domain_goes_by_its_route_and_all_other_by_the_relay() {
    let world = office().await;
    set(&world, route("example.net", "192.0.2.7")).await;
    send(&world, &[BOB]).await;
    let expected = ("192.0.2.7:2525".to_owned(), Some("192.0.2.7".to_owned()));
    assert_eq!(way(&world).await, expected);
    send(&world, &["eve@far.test"]).await;
    assert_eq!(way(&world).await, ("far.test".to_owned(), None));
    set(&world, relay(b"secret of ours")).await;
    // Of one message one job, since both go the same way.
    send(&world, &["eve@far.test", "x@other.test"]).await;
    let job = only_job(&world).await;
    let Destination::Host(host) = &job.destination else {
        panic!("{job:?}");
    };
    assert_eq!((host.name.as_str(), host.port), ("relay.example.com", 587));
    let sign_in = host.sign_in.as_ref().expect("a name and a password");
    assert_eq!(sign_in.user, "us");
    assert_eq!(sign_in.password.expose(), b"secret of ours");
    assert_eq!(job.recipients.len(), 2);
    settle(&world, job, delivered()).await;
}

#[tokio::test]
async fn what_waits_takes_a_route_that_comes_and_leaves_one_that_goes() {
    let world = office().await;
    send(&world, &[BOB, "x@far.test"]).await;
    for job in claim(&world).await {
        settle(&world, job, unreachable()).await;
    }
    set(&world, route("*", "192.0.2.7")).await;
    pass(&world, 7);
    assert_eq!(claim(&world).await.len(), 0, "it has moved");
    let outbound = world.service.outbound();
    let woken = tokio::time::timeout(Duration::from_secs(5), outbound.wait());
    woken.await.expect("whoever sends hears of it at once");
    let job = only_job(&world).await;
    let found = (job.way.as_str(), job.recipients.len());
    assert_eq!(found, ("192.0.2.7:2525", 2));
    for (destination, rows) in [
        ("192.0.2.7:2525", 2),
        ("far.test", 1),
        ("test", 0),
        ("%", 0),
    ] {
        let wanted = QueueWanted {
            destination: Some(destination.to_owned()),
            ..QueueWanted::default()
        };
        let listed = world.service.queue_list(&World::console(), wanted).await;
        assert_eq!(
            listed.expect("the console may").len(),
            rows,
            "{destination}"
        );
    }
    settle(&world, job, unreachable()).await;
    set(
        &world,
        Command::RouteRemove {
            mail: RouteFor::All,
        },
    )
    .await;
    pass(&world, 60);
    let mut ways: Vec<_> = claim(&world)
        .await
        .iter()
        .map(|job| job.way.clone())
        .collect();
    ways.extend(claim(&world).await.iter().map(|job| job.way.clone()));
    ways.sort();
    assert_eq!(ways, ["example.net", "far.test"]);
}

#[tokio::test]
async fn one_sees_where_mail_would_go() {
    let world = office().await;
    set(&world, route("example.net", "192.0.2.7")).await;
    let console = World::console();
    let test = |to: &str| {
        world
            .service
            .route_test(&console, &address(to))
            .expect("the console may")
    };
    assert_eq!(test("carol@example.org"), RouteFound::Here);
    assert_eq!(test("x@far.test"), RouteFound::Dns("far.test".to_owned()));
    let RouteFound::Route(found) = test(BOB) else {
        panic!("there is a route");
    };
    assert_eq!(
        (found.mail.as_str(), found.to.as_str()),
        ("example.net", "192.0.2.7:2525")
    );
    let listed = world.service.route_list(&console).expect("the console may");
    assert_eq!(listed, [found]);
    let exits = world
        .service
        .exit_list(&console)
        .await
        .expect("the console may");
    let exit = exits
        .iter()
        .find(|exit| exit.kind == "route")
        .expect("it is a way out");
    assert_eq!(exit.end, "sealpost route rm example.net");
}
