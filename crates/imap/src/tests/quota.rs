//! QUOTA and what happens at its bound (RFC 9208).

use service::Command;

use super::client::{ANN, World};

async fn set_quota(world: &World, quota_octets: Option<u64>) {
    let address = ANN.parse().unwrap();
    let command = Command::AccountQuota {
        address,
        quota_octets,
    };
    world.0.admit(command).await.unwrap();
}

#[tokio::test]
async fn a_quota_is_told_in_whole_kibioctets() {
    let world = World::new().await;
    set_quota(&world, Some(10_000)).await;
    let mut client = world.client().await;
    client.append("INBOX", "a:b\r\n\r\n123").await;
    client
        .says("GETQUOTA \"\"")
        .await
        .is(&["* QUOTA \"\" (STORAGE 1 9)", "OK done"]);
    client.says("GETQUOTAROOT inbox").await.is(&[
        "* QUOTAROOT INBOX \"\"",
        "* QUOTA \"\" (STORAGE 1 9)",
        "OK done",
    ]);
    client
        .dialogue(&[
            ("GETQUOTA other", "NO [NONEXISTENT] *"),
            ("GETQUOTAROOT nowhere", "NO [NONEXISTENT] *"),
            ("SETQUOTA \"\" (STORAGE 512)", "NO [NOPERM] *"),
            ("SETQUOTA \"\" ()", "NO [NOPERM] *"),
        ])
        .await;
    set_quota(&world, None).await;
    client
        .says("GETQUOTA \"\"")
        .await
        .is(&["NO [NONEXISTENT] *"]);
    let answer = client.says("GETQUOTAROOT INBOX").await;
    answer.is(&["* QUOTAROOT INBOX", "OK done"]);
}

#[tokio::test]
async fn what_has_no_room_is_refused_before_it_comes() {
    let world = World::new().await;
    set_quota(&world, Some(20)).await;
    let mut client = world.reader().await;
    client.append("INBOX", "a:b\r\n\r\n12345").await;
    client
        .dialogue(&[
            ("APPEND INBOX {9}", "NO [OVERQUOTA] the mailbox is full"),
            ("APPEND INBOX {5+}\r\na:b\r\n {4}", "NO [OVERQUOTA] *"),
            ("COPY 1 Trash", "NO [OVERQUOTA] *"),
            ("APPEND INBOX {8+}\r\na:b\r\n\r\n1", "OK *"),
        ])
        .await;
    let answer = client.says("STATUS INBOX (MESSAGES SIZE)").await;
    answer.is(&["* STATUS INBOX (MESSAGES 2 SIZE 20)", "OK done"]);
}
