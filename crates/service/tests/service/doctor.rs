//! Who may begin an examination, and what ends it.

use policy::Role;
use service::{Actor, Command, ServiceError, Who};
use testkit::World;

const OWNER: &str = "ann@example.org";
const OTHER: &str = "bob@example.org";

/// The account, signed in, as one who asks.
async fn actor(world: &World, address: &str) -> Actor {
    Actor {
        who: Who::Account(Box::new(world.sign_in(address).await)),
        ..World::console()
    }
}

#[tokio::test]
async fn repairs_need_the_right_to_manage_the_server() {
    let world = World::new(&[OWNER, OTHER]).await;
    // Whether the role may look, and whether it may have repairs made.
    for (role, looks) in [
        (Role::DomainAdmin, false),
        (Role::MailboxOwner, false),
        (Role::Auditor, true),
    ] {
        let address = OTHER.parse().unwrap();
        let set = world.admit(Command::AccountRole { address, role }).await;
        set.unwrap();
        let other = actor(&world, OTHER).await;
        let refused = world.service.doctor_begin(&other, true);
        assert!(matches!(refused, Err(ServiceError::Refused(_))), "{role:?}");
        assert_eq!(world.service.doctor_look(&other).is_ok(), looks, "{role:?}");
        let now = world.service.doctor_look(&World::console()).unwrap();
        assert!(!now.running, "{role:?}");
    }
    let owner = actor(&world, OWNER).await;
    world.service.doctor_begin(&owner, true).unwrap();
}

#[tokio::test]
async fn a_server_that_closes_ends_an_examination() {
    let world = World::new(&[OWNER]).await;
    let console = World::console();
    world.service.doctor_begin(&console, true).unwrap();
    let again = world.service.doctor_begin(&console, false);
    assert!(matches!(again, Err(ServiceError::Refused(_))));
    let service = world.service.clone();
    let folder = world.stop().await;
    let now = service.doctor_look(&console).unwrap();
    assert!(!now.running, "{now:?}");
    drop(folder);
}
