//! App passwords, second factors, sessions and tokens: what each opens, and what ends it.

mod app_password;
mod factor;
mod scram;
mod secrets;
mod session;
mod token;

use std::net::SocketAddr;

use aws_lc_rs::hmac;
use policy::MailScope;
use rusqlite::Connection;
use service::{AdmitError, Admitted, Command, Password, Peer, Principal, Protocol, SignInError};
use testkit::World;
use types::{Address, CredentialId, Network, Secret, Timestamp};

const ROOT: &str = "root@example.org";
const ANN: &str = "ann@example.org";
/// The secret of the examples of RFC 6238, in Base32.
const FACTOR: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const FACTOR_OCTETS: &[u8] = b"12345678901234567890";

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

async fn world() -> World {
    World::new(&[ROOT, ANN]).await
}

fn app_password(scopes: &[MailScope], networks: &[&str], send_as: &[&str]) -> Command {
    let network = |text: &&str| -> Network { text.parse().expect("a network") };
    Command::AppPasswordAdd {
        account: address(ANN),
        name: "phone".to_owned(),
        scopes: scopes.to_vec(),
        networks: networks.iter().map(network).collect(),
        send_as: send_as.iter().map(|text| address(text)).collect(),
    }
}

/// Carries a command out that makes secrets; gives their credential and the first of them.
async fn make(world: &World, command: Command) -> (CredentialId, Secret) {
    let done = world.admit(command).await.expect("it fits");
    let made = done.made.first().expect("it makes a secret");
    (made.id, made.secrets[0].0.clone())
}

async fn try_in(
    world: &World,
    protocol: Protocol,
    source: [u8; 4],
    password: &Secret,
) -> Result<Principal, SignInError> {
    let peer = Peer {
        address: SocketAddr::from((source, 40_000)),
        ..world.peer(protocol)
    };
    world.service.sign_in(&peer, ANN, password).await
}

/// The code of [`FACTOR`] at a time.
fn code(at: Timestamp) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, FACTOR_OCTETS);
    let step = u64::try_from(at.seconds() / 30).expect("after 1970");
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let four = tag.as_ref()[at..at + 4].try_into().expect("four octets");
    format!(
        "{:06}",
        (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000
    )
}

async fn enrol(world: &World) -> Result<Admitted, AdmitError> {
    let command = Command::TotpEnrol {
        account: address(ANN),
        secret: Password(secret(FACTOR)),
        code: Password(secret(&code(world.clock.now()))),
    };
    world.admit(command).await
}

/// The rows of one kind in the activity log: their details.
async fn activity(world: &World, kind: &str) -> Vec<serde_json::Value> {
    // A sign-in is answered only when it, and all before it, is in the file.
    world.sign_in(ROOT).await;
    let path = world.data().join("log/activity-2026-11-23.db");
    let db = Connection::open(path).expect("the day has a file");
    let sql = "SELECT detail FROM record WHERE kind = ?1 ORDER BY seq";
    let mut query = db.prepare(sql).expect("sound SQL");
    let rows = query.query_map([kind], |row| row.get::<_, Vec<u8>>(0));
    let rows = rows.expect("sound SQL");
    rows.map(|row| serde_json::from_slice(&row.expect("a row")).expect("JSON"))
        .collect()
}
