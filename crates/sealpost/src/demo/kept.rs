//! What a demo keeps beside its data, so that the same command can go on with them.
//!
//! It holds the passwords of the demo's people in the clear: a demo has no other secrets.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;

use anyhow::Context as _;
use policy::{Role, Service as Spoken};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::Command;
use types::{Address, Domain, Secret};

use super::folders::Folders;
use super::replay::Told;
use super::{story, telling};
use crate::founding::{CA_FILE, Listening};

/// The file in the data folder.
pub(crate) const KEPT_FILE: &str = "demo.json";
/// People that the text for people names one by one; the others are counted.
const NAMED_MAX: usize = 6;

/// A demo as it was made.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    /// The domain of all accounts.
    pub(crate) domain: Domain,
    /// Added to the registered port numbers.
    pub(crate) base_port: u16,
    /// Who may sign in.
    pub(crate) accounts: Vec<Person>,
    /// The ledger's name.
    pub(crate) origin: String,
    /// The key that verifies it.
    pub(crate) vkey: String,
}

/// Somebody with an account in the demo.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Person {
    address: Address,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    password: String,
    role: Role,
}

impl Person {
    /// A person with this password.
    pub(crate) fn new(address: Address, name: Option<&str>, role: Role, password: &Secret) -> Self {
        let password = String::from_utf8_lossy(password.expose()).into_owned();
        Self {
            address,
            name: name.map(str::to_owned),
            password,
            role,
        }
    }

    /// Its password, if this is the person of that address.
    pub(crate) fn password_of(&self, address: &Address) -> Option<&str> {
        (self.address == *address).then_some(self.password.as_str())
    }

    /// Makes the account.
    pub(crate) fn command(&self) -> Command {
        let password = Secret::new(self.password.clone().into_bytes());
        story::account(&self.address, self.name.as_deref(), self.role, &password)
    }
}

impl Kept {
    /// What an earlier run kept, if there was one.
    pub(crate) fn read(folders: &Folders) -> anyhow::Result<Option<Self>> {
        let path = folders.data().join(KEPT_FILE);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.with_context(|| format!("cannot read {}", path.display()))?,
        };
        let kept = serde_json::from_slice(&text)
            .with_context(|| format!("{} is damaged: remove the demo's folder", path.display()))?;
        Ok(Some(kept))
    }

    /// Keeps it for the next run.
    pub(crate) fn write(&self, folders: &Folders) -> anyhow::Result<()> {
        let path = folders.data().join(KEPT_FILE);
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        file.write_all(&serde_json::to_vec(self)?)?;
        Ok(file.sync_all()?)
    }

    /// The ready line: a contract for tools. A port of 0 is a door that is not built yet.
    pub(crate) fn ready(&self, listening: &Listening, folders: &Folders) -> Value {
        let person = |person: &Person| {
            json!({
                "address": person.address,
                "password": person.password,
                "role": person.role,
            })
        };
        json!({
            "ready": true,
            "domain": self.domain,
            "ports": {
                "smtp": listening.port(Spoken::Smtp),
                "submission": listening.port(Spoken::Submission),
                "submissions": listening.port(Spoken::Submissions),
                "imap": listening.port(Spoken::Imap),
                "imaps": listening.port(Spoken::Imaps),
                "pop3": listening.port(Spoken::Pop3),
                "pop3s": listening.port(Spoken::Pop3s),
                "managesieve": listening.port(Spoken::Managesieve),
                "http": 0,
            },
            "ca": folders.data().join(CA_FILE),
            "accounts": self.accounts.iter().map(person).collect::<Vec<_>>(),
            "ledger": {"origin": self.origin, "vkey": self.vkey},
            "pid": std::process::id(),
        })
    }

    /// The same for people, with the story if it was played, and commands to try.
    pub(crate) fn tell(
        &self,
        out: &mut dyn Write,
        listening: &Listening,
        folders: &Folders,
        told: Option<&Told>,
    ) -> io::Result<()> {
        let data = folders.data().display();
        writeln!(out, "Sealpost runs on this machine only. Ctrl-C ends it.\n")?;
        writeln!(out, "{:<28}{:<26}ROLE", "ADDRESS", "PASSWORD")?;
        for person in self.accounts.iter().take(NAMED_MAX) {
            let Person {
                address,
                password,
                role,
                ..
            } = person;
            writeln!(
                out,
                "{:<28}{password:<26}{}",
                address.to_string(),
                role.label()
            )?;
        }
        if let Some(more @ 1..) = self.accounts.len().checked_sub(NAMED_MAX) {
            writeln!(out, "and {more} more like the last")?;
        }
        writeln!(out)?;
        for service in Spoken::for_mail() {
            let tls = if service.is_implicit_tls() {
                "TLS"
            } else {
                "STARTTLS"
            };
            writeln!(
                out,
                "{:<14}localhost:{:<7}{tls}",
                service.as_str(),
                listening.port(service)
            )?;
        }
        writeln!(
            out,
            "\nCertificate authority for clients to trust: {data}/{CA_FILE}"
        )?;
        writeln!(out, "Ledger: {}\n", self.vkey)?;
        match told {
            Some(told) => told.tell(out, folders.data()),
            None => self.suggest(out, listening, folders),
        }
    }

    fn suggest(
        &self,
        out: &mut dyn Write,
        listening: &Listening,
        folders: &Folders,
    ) -> io::Result<()> {
        let Some(first) = self.accounts.first() else {
            return Ok(());
        };
        let imaps = listening.port(Spoken::Imaps);
        telling::shell_function(out, folders.data())?;
        writeln!(out, "Then try:")?;
        writeln!(
            out,
            "  curl --cacert {}/{CA_FILE} --user {} 'imaps://localhost:{imaps}/INBOX;MAILINDEX=1'",
            folders.data().display(),
            first.address
        )?;
        writeln!(out, "  sealpost trace --to {}", first.address)?;
        writeln!(out, "  sealpost ledger list")
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn sample() -> Kept {
        let password = Secret::new(b"lamp river quilt".to_vec());
        let ann = Person::new(
            "ana@demo.test".parse().unwrap(),
            Some("Ana"),
            Role::Owner,
            &password,
        );
        Kept {
            domain: "demo.test".parse().unwrap(),
            base_port: 10_000,
            accounts: vec![ann],
            origin: "o".to_owned(),
            vkey: "v".to_owned(),
        }
    }

    fn listening() -> Listening {
        Listening {
            addresses: vec![Ipv4Addr::LOCALHOST.into()],
            base_port: 10_000,
            services: Spoken::for_mail().collect(),
        }
    }

    #[test]
    fn what_is_kept_is_read_back_and_never_overwritten() {
        let parent = tempfile::tempdir().unwrap();
        let data = parent.path().join("d");
        let folders = Folders::choose(Some(&data), true).unwrap();
        assert!(Kept::read(&folders).unwrap().is_none());
        fs::create_dir(&data).unwrap();
        sample().write(&folders).unwrap();
        let again = Kept::read(&folders).unwrap().unwrap();
        assert_eq!(
            again.ready(&listening(), &folders),
            sample().ready(&listening(), &folders)
        );
        assert!(sample().write(&folders).is_err());
        fs::write(data.join(KEPT_FILE), "{").unwrap();
        assert!(Kept::read(&folders).is_err());
    }

    #[test]
    fn the_ready_line_keeps_its_contract() {
        let folders = Folders::choose(Some("/nonexistent/d".as_ref()), true).unwrap();
        let ready = sample().ready(&listening(), &folders);
        assert_eq!(ready["ready"], true);
        assert_eq!(ready["ports"]["submissions"], 10_465);
        assert_eq!(ready["ports"]["http"], 0);
        assert_eq!(ready["ca"], "/nonexistent/d/ca.pem");
        assert_eq!(ready["accounts"][0]["role"], "owner");
        assert_eq!(ready["accounts"][0]["password"], "lamp river quilt");
        assert_eq!(ready["ledger"], json!({"origin": "o", "vkey": "v"}));
        assert_eq!(ready["pid"], std::process::id());
    }

    #[test]
    fn the_text_for_people_names_ports_passwords_and_commands() {
        let folders = Folders::choose(Some("/nonexistent/d".as_ref()), true).unwrap();
        let mut out = Vec::new();
        sample()
            .tell(&mut out, &listening(), &folders, None)
            .unwrap();
        let text = String::from_utf8(out).unwrap();
        for part in [
            "ana@demo.test",
            "lamp river quilt",
            "10993",
            "10025",
            "\n    command ",
            "--data /nonexistent/d\n",
            "\n  curl --cacert",
            "\n  sealpost trace --to ana@demo.test\n",
            "\n  sealpost ledger list\n",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }
}
