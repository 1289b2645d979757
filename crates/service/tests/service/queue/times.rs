//! Places that do not answer, clocks that are wrong, and waiting for the next attempt.

use std::time::Duration;

use super::{
    BOB, claim, deferred, delivered, fates, office, only_job, pass, rows, send, settle,
    unreachable, waiting,
};

#[tokio::test]
async fn a_place_that_is_down_is_asked_by_one_message_at_a_time() {
    let world = office().await;
    for _ in 0..3 {
        send(&world, &[BOB]).await;
    }
    let mut jobs = claim(&world).await;
    assert_eq!(jobs.len(), 2);
    // Both were under way when it went down: that counts once.
    for job in jobs.drain(..) {
        settle(&world, job, unreachable()).await;
    }
    let failures = "SELECT CAST(failures AS TEXT) FROM queue_way";
    assert_eq!(rows(&world, failures), ["1"]);
    send(&world, &[BOB]).await;
    assert_eq!(claim(&world).await.len(), 0, "it is left in peace");
    pass(&world, 7);
    let probe = only_job(&world).await;
    assert!(probe.is_probe);
    settle(&world, probe, unreachable()).await;
    assert_eq!(rows(&world, failures), ["2"]);
    pass(&world, 7);
    assert_eq!(claim(&world).await.len(), 0, "longer each time");
    pass(&world, 7);
    // Once it is back all go.
    settle(&world, only_job(&world).await, delivered()).await;
    let mut left = 3;
    while left > 0 {
        let jobs = claim(&world).await;
        assert!(!jobs.is_empty());
        for job in jobs {
            settle(&world, job, delivered()).await;
            left -= 1;
        }
        pass(&world, 60);
    }
    assert_eq!(waiting(&world), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_that_says_no_to_one_message_is_not_down() {
    let world = office().await;
    send(&world, &[BOB]).await;
    send(&world, &["dora@example.net"]).await;
    let mut jobs = claim(&world).await;
    settle(&world, jobs.remove(0), unreachable()).await;
    settle(&world, jobs.remove(0), deferred()).await;
    let failures = "SELECT CAST(failures AS TEXT) FROM queue_way";
    assert_eq!(rows(&world, failures), ["0"]);
}

#[tokio::test]
async fn a_clock_set_forward_hands_nothing_out_twice_and_gives_nothing_up() {
    let world = office().await;
    send(&world, &[BOB]).await;
    let job = only_job(&world).await;
    world.clock.set_by(40 * 86_400);
    assert_eq!(claim(&world).await.len(), 0, "it is still under way");
    settle(&world, job, deferred()).await;
    world.service.heartbeat().await;
    assert_eq!(waiting(&world), [BOB]);
    let last = fates(&world).pop();
    assert_eq!(
        last.as_deref(),
        Some("bob@example.net queue bob@example.net")
    );
}

#[tokio::test]
async fn a_clock_set_back_puts_nothing_off() {
    let world = office().await;
    world.service.heartbeat().await;
    world.clock.set_by(40 * 86_400);
    world.service.heartbeat().await;
    send(&world, &[BOB]).await;
    settle(&world, only_job(&world).await, unreachable()).await;
    world.clock.set_by(-40 * 86_400);
    assert_eq!(claim(&world).await.len(), 0);
    world.service.heartbeat().await;
    settle(&world, only_job(&world).await, delivered()).await;
    assert_eq!(waiting(&world), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn whoever_sends_is_woken_by_mail_and_by_time() {
    let world = office().await;
    let outbound = world.service.outbound();
    // Nothing waits: it hears of new mail, not before.
    let idle = tokio::time::timeout(Duration::from_secs(30), outbound.wait()).await;
    assert!(idle.is_err());
    send(&world, &[BOB]).await;
    let woken = tokio::time::timeout(Duration::from_secs(1), outbound.wait()).await;
    assert!(woken.is_ok());
    settle(&world, only_job(&world).await, deferred()).await;
    outbound.wait().await;
    let begun = tokio::time::Instant::now();
    outbound.wait().await;
    assert_eq!(begun.elapsed().as_secs(), 60, "it looks again now and then");
}
