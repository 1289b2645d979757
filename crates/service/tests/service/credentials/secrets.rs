//! That no secret is readable in any file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use policy::{MailScope, TokenScope};
use service::{Command, Password, Protocol};
use testkit::World;
use types::{Secret, Timestamp};

use crate::credentials::{
    ANN, FACTOR, FACTOR_OCTETS, ROOT, address, app_password, code, secret, world,
};

/// Every command by which a secret comes into being or comes in, with that secret.
async fn all_secrets(world: &World) -> Vec<Vec<u8>> {
    let certificate = certificate();
    let account = address("bob@example.org");
    let commands = vec![
        Command::AccountAdd {
            address: account.clone(),
            name: None,
            role: policy::Role::MailboxOwner,
            quota_octets: None,
            password: Password(secret("first lantern orchard 88")),
        },
        Command::AccountPassword {
            address: account,
            password: Password(secret("second lantern orchard 99")),
        },
        app_password(&MailScope::ALL, &[], &[]),
        Command::TokenAdd {
            account: address(ANN),
            name: "scraper".to_owned(),
            scopes: vec![TokenScope::Read],
            expires_days: None,
        },
        Command::TotpEnrol {
            account: address(ANN),
            secret: Password(secret(FACTOR)),
            code: Password(secret(&code(world.clock.now()))),
        },
        Command::RecoveryCodes {
            account: address(ANN),
        },
        Command::CertificateSet {
            chain_pem: certificate.0,
            key_pem: Password(secret(&certificate.1)),
        },
    ];
    let mut secrets = vec![
        b"first lantern orchard 88".to_vec(),
        b"second lantern orchard 99".to_vec(),
        FACTOR.as_bytes().to_vec(),
        FACTOR_OCTETS.to_vec(),
        // A line of the key, since its head is no secret.
        certificate
            .1
            .lines()
            .nth(1)
            .expect("a key has lines")
            .as_bytes()
            .to_vec(),
    ];
    for command in commands {
        let done = world.admit(command).await.expect("it fits");
        let made = done.made.into_iter().flat_map(|made| made.secrets);
        for made in made {
            let text = String::from_utf8(made.0.expose().to_vec()).expect("text");
            secrets.push(text.replace('-', "").into_bytes());
            secrets.push(text.into_bytes());
        }
    }
    secrets
}

/// A certificate with its key, both PEM.
fn certificate() -> (String, String) {
    let now = Timestamp(1_795_428_580_000_000);
    let ca = net::OwnCa::new("Test CA", now).expect("a CA can be made");
    let names = ["mx.example.org".parse().expect("a domain")];
    let issued = ca
        .issue(&names, &[], now)
        .expect("a certificate can be issued");
    let key = String::from_utf8(issued.key_pem.expose().to_vec()).expect("PEM");
    (issued.chain_pem, key)
}

/// The files below a folder, without the reserve, which is large and empty.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if !path.ends_with("reserve") {
            files.push(path);
        }
    }
    files
}

/// BAD-INPUTS 62: whatever is set or made, no entry, log or other file has it in readable form.
#[tokio::test]
async fn no_secret_is_readable_in_any_file() {
    let world = world().await;
    let secrets = all_secrets(&world).await;
    for wrong in &secrets {
        // Typed where it does not belong: as the password of another.
        let peer = world.peer(Protocol::Imap);
        let wrong = Secret::new(wrong.clone());
        let tried = world.service.sign_in(&peer, ROOT, &wrong).await;
        assert!(tried.is_err());
        world.clock.advance(Duration::from_secs(4_000));
    }
    let dir = world.stop().await;
    let mut looked_at = 0;
    for path in files(dir.path()) {
        let octets = std::fs::read(&path).expect("a file that can be read");
        looked_at += octets.len();
        let text = String::from_utf8_lossy(&octets);
        for secret in &secrets {
            let plain = String::from_utf8_lossy(secret).into_owned();
            let hex: String = secret.iter().map(|c| format!("{c:02x}")).collect();
            for form in [plain, STANDARD_NO_PAD.encode(secret), hex] {
                assert!(!text.contains(&form), "{} has {form}", path.display());
            }
        }
    }
    assert!(looked_at > 100_000, "{looked_at} octets");
}
