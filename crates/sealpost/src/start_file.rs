//! The start file `sealpost.toml`: what is needed to find the data, and the ledger to be trusted.
//!
//! All else is changed through the server and stands in the ledger. The file holds no secret.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;
use ledger::Origin;
use ledger::note::VerifierKey;
use net::{Clock, Random, Resolver};
use queue::WayOut;
use serde::Deserialize;
use service::{Outside, Paths, Pin, Start};
use types::Domain;

use crate::exit::{Exit, Failure};
use crate::run;

/// Octets of a start file that are read.
const START_FILE_MAX_OCTETS: u64 = 65_536;
/// The port of SMTP (RFC 5321 §4.5.4.2).
const SMTP_PORT: u16 = 25;
/// Where the control socket lies in the data folder.
const CONTROL_SOCKET: &str = "control.sock";

/// Where an installation lies and which ledger it must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StartFile {
    /// The name that the server says of itself.
    pub(crate) host_name: Domain,
    /// Mail, rows and the ledger.
    pub(crate) data_dir: PathBuf,
    /// Keys and the signer's state, outside the data folder.
    pub(crate) keys_dir: PathBuf,
    /// Where the command line reaches the server.
    pub(crate) control_socket: PathBuf,
    /// The ledger's name for life.
    pub(crate) origin: Origin,
    /// The key that its checkpoints must be signed with.
    pub(crate) vkey: VerifierKey,
    /// How other servers are reached.
    pub(crate) outbound: Outbound,
}

/// How other servers are reached: what depends on the network of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Outbound {
    /// Servers that are asked for DNS; those of the system if it is not there, and none at all if it
    /// is empty: mail for other servers waits then.
    pub(crate) dns_servers: Option<Vec<SocketAddr>>,
    /// The port of servers that DNS names; 25 if it is not there.
    pub(crate) port: Option<u16>,
    /// Whether DNS may lead to this machine and to private networks.
    pub(crate) local_targets: bool,
}

impl Outbound {
    /// Whom it asks for DNS.
    pub(crate) fn resolver(&self) -> Resolver {
        let resolver = match self.dns_servers.as_deref() {
            None => Resolver::live(&[]),
            Some([]) => Ok(Resolver::none()),
            Some(servers) => Resolver::live(servers),
        };
        resolver.unwrap_or_else(|err| {
            tracing::error!(error = %err, "mail for other servers waits until the next start: {err}");
            Resolver::none()
        })
    }

    /// The way to other servers.
    pub(crate) fn way_out(&self) -> anyhow::Result<WayOut> {
        let out = WayOut::new(self.resolver(), Random::system())?;
        Ok(out.within(self.port.unwrap_or(SMTP_PORT), self.local_targets))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    host_name: toml::Spanned<String>,
    data_dir: toml::Spanned<PathBuf>,
    keys_dir: Option<toml::Spanned<PathBuf>>,
    control_socket: Option<toml::Spanned<PathBuf>>,
    ledger: WrittenLedger,
    #[serde(default)]
    outbound: Outbound,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLedger {
    origin: toml::Spanned<String>,
    vkey: toml::Spanned<String>,
}

/// The keys folder of a data folder for which no other is named: beside it.
pub(crate) fn default_keys_dir(data_dir: &Path) -> PathBuf {
    let mut name = data_dir.as_os_str().to_owned();
    name.push("-keys");
    PathBuf::from(name)
}

/// The control socket of a data folder for which no other is named.
pub(crate) fn default_socket(data_dir: &Path) -> PathBuf {
    data_dir.join(CONTROL_SOCKET)
}

/// Whether `path` is whole and plain, so that text comparison tells where it lies.
pub(crate) fn is_plain_absolute(path: &Path) -> bool {
    path.is_absolute()
        && path
            .components()
            .all(|part| !matches!(part, Component::ParentDir))
}

impl StartFile {
    /// Reads and checks the file; an error names file, line and what to write.
    pub(crate) fn read(path: &Path) -> anyhow::Result<(Self, String)> {
        let text = read_bounded(path)?;
        let file = Self::parse(&path.display().to_string(), &text)?;
        Ok((file, text))
    }

    /// What a server of this file starts with.
    pub(crate) fn start(&self) -> Start {
        Start {
            paths: Paths {
                data: self.data_dir.clone(),
                keys: self.keys_dir.clone(),
            },
            clock: Clock::real(),
            random: Random::system(),
            outside: Outside::Queue,
            dns: self.outbound.resolver(),
            hash_threads: run::hash_threads(),
        }
    }

    /// The ledger that it must find.
    pub(crate) fn pin(&self) -> Pin {
        Pin {
            origin: self.origin.to_string(),
            vkey: self.vkey.to_string(),
        }
    }

    fn parse(name: &str, text: &str) -> Result<Self, Failure> {
        let written: Written = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            wrong(name, text, offset, error.message())
        })?;
        let host_name = written.host_name.get_ref().parse().map_err(|error| {
            let words = format!("host_name: {error}; write a name such as \"mail.example.org\"");
            wrong(name, text, written.host_name.span().start, &words)
        })?;
        let folder = |key: &str, path: &toml::Spanned<PathBuf>| {
            if is_plain_absolute(path.get_ref()) {
                return Ok(path.get_ref().clone());
            }
            let words = format!("{key}: write the whole path, from / on and without ..");
            Err(wrong(name, text, path.span().start, &words))
        };
        let data_dir = folder("data_dir", &written.data_dir)?;
        let keys_dir = match &written.keys_dir {
            Some(path) => folder("keys_dir", path)?,
            None => default_keys_dir(&data_dir),
        };
        if keys_dir.starts_with(&data_dir) {
            let at = written.keys_dir.map_or(0, |path| path.span().start);
            let words = "keys_dir: write a folder outside data_dir, so that no backup of the data \
                         carries its keys";
            return Err(wrong(name, text, at, words));
        }
        let control_socket = match &written.control_socket {
            Some(path) => folder("control_socket", path)?,
            None => default_socket(&data_dir),
        };
        let WrittenLedger { origin, vkey } = written.ledger;
        let said_at_setup = "write what `sealpost setup` printed and put here";
        let origin = origin.get_ref().parse().map_err(|error| {
            let words = format!("origin: {error}; {said_at_setup}");
            wrong(name, text, origin.span().start, &words)
        })?;
        let vkey = vkey.get_ref().parse().map_err(|error| {
            let words = format!("vkey: {error}; {said_at_setup}");
            wrong(name, text, vkey.span().start, &words)
        })?;
        Ok(Self {
            host_name,
            data_dir,
            keys_dir,
            control_socket,
            origin,
            vkey,
            outbound: written.outbound,
        })
    }

    /// Writes a new file; one that exists is never overwritten.
    pub(crate) fn create(&self, path: &Path) -> anyhow::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(path)
            .with_context(|| format!("cannot write the start file {}", path.display()))?;
        file.write_all(self.to_text()?.as_bytes())?;
        file.sync_all()?;
        if let Some(folder) = path.parent() {
            fs::File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    fn to_text(&self) -> anyhow::Result<String> {
        let path = |path: &Path| -> anyhow::Result<String> {
            let text = path
                .to_str()
                .with_context(|| format!("{}: the path must be UTF-8 text", path.display()))?;
            Ok(quoted(text))
        };
        let mut text = format!(
            "# Where this Sealpost finds its data. All settings stand in its ledger.\n\
             host_name = {}\ndata_dir = {}\nkeys_dir = {}\n",
            quoted(self.host_name.as_str()),
            path(&self.data_dir)?,
            path(&self.keys_dir)?,
        );
        if self.control_socket != default_socket(&self.data_dir) {
            text.push_str(&format!(
                "control_socket = {}\n",
                path(&self.control_socket)?
            ));
        }
        text.push_str(&format!(
            "\n# The ledger that this server obeys; another one, or none, is refused.\n\
             [ledger]\norigin = {}\nvkey = {}\n",
            quoted(self.origin.as_str()),
            quoted(&self.vkey.to_string()),
        ));
        Ok(text)
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn read_bounded(path: &Path) -> anyhow::Result<String> {
    let reading = || format!("cannot read the start file {}", path.display());
    let meta = fs::metadata(path);
    if let Err(error) = &meta
        && error.kind() == ErrorKind::NotFound
    {
        let words = format!(
            "there is no start file {}: make an installation with `sealpost setup`, or name its \
             file with --config",
            path.display()
        );
        return Err(Failure::new(Exit::NotFound, words).into());
    }
    let octets = meta.with_context(reading)?.len();
    if octets > START_FILE_MAX_OCTETS {
        let words = format!(
            "{} is too long to be a start file ({octets} octets)",
            path.display()
        );
        return Err(Failure::usage(words).into());
    }
    fs::read_to_string(path).with_context(reading)
}

fn wrong(name: &str, text: &str, offset: usize, words: &str) -> Failure {
    let before = text.get(..offset).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    Failure::usage(format!("{name}, line {line}: {words}"))
}

#[cfg(test)]
mod tests {
    use ledger::note::SigningKey;

    use super::*;

    fn sample() -> StartFile {
        let origin: Origin = "mail.example.org/4f1c90aa/config/1".parse().unwrap();
        let key = SigningKey::from_seed(origin.clone(), &[7; 32]).unwrap();
        StartFile {
            host_name: "mail.example.org".parse().unwrap(),
            data_dir: "/srv/mail \"1\"".into(),
            keys_dir: "/srv/keys".into(),
            control_socket: "/run/sealpost/ctl.sock".into(),
            origin,
            vkey: key.verifier().clone(),
            outbound: Outbound::default(),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut file = sample();
        let parsed = StartFile::parse("s.toml", &file.to_text().unwrap());
        assert_eq!(parsed, Ok(file.clone()));
        file.control_socket = default_socket(&file.data_dir);
        assert_eq!(
            StartFile::parse("s.toml", &file.to_text().unwrap()),
            Ok(file)
        );
    }

    #[test]
    fn what_is_left_out_lies_beside_the_data() {
        let head = "host_name = 'mail.example.org'\ndata_dir = '/srv/mail'\n";
        let file = StartFile::parse("s.toml", &format!("{head}{}", ledger())).unwrap();
        assert_eq!(file.keys_dir, Path::new("/srv/mail-keys"));
        assert_eq!(file.control_socket, Path::new("/srv/mail/control.sock"));
        assert_eq!(file.outbound, Outbound::default());
    }

    #[test]
    fn the_way_to_other_servers_can_be_said() {
        let head = "host_name = 'mail.example.org'\ndata_dir = '/srv/mail'\n";
        let read = |outbound: &str| {
            let text = format!("{head}{}[outbound]\n{outbound}", ledger());
            StartFile::parse("s.toml", &text).map(|file| file.outbound)
        };
        let said =
            "dns_servers = ['127.0.0.1:53', '[::1]:5353']\nport = 2525\nlocal_targets = true\n";
        let expected = Outbound {
            dns_servers: Some(vec![
                "127.0.0.1:53".parse().unwrap(),
                "[::1]:5353".parse().unwrap(),
            ]),
            port: Some(2_525),
            local_targets: true,
        };
        assert_eq!(read(said), Ok(expected));
        let none = read("dns_servers = []\n").unwrap();
        assert_eq!(none.dns_servers, Some(Vec::new()));
        for (outbound, words) in [
            (
                "dns_servers = ['127.0.0.1']\n",
                "s.toml, line 7: invalid socket address",
            ),
            (
                "port = 70000\n",
                "s.toml, line 7: invalid value: integer `70000`",
            ),
            ("dns = []\n", "s.toml, line 7: unknown field `dns`"),
        ] {
            let failure = read(outbound).unwrap_err().to_string();
            assert!(failure.starts_with(words), "{failure}");
        }
    }

    fn ledger() -> String {
        let StartFile { origin, vkey, .. } = sample();
        format!("[ledger]\norigin = '{origin}'\nvkey = '{vkey}'\n")
    }

    #[test]
    fn an_error_names_the_line_and_what_to_write() {
        let ledger = ledger();
        let cases = [
            (
                "host_name = 'mail.example.org'\n",
                "",
                "line 1: missing field `data_dir`",
            ),
            (
                "host_name = 'mail.example.org'\ndata_dir = '/d'\nport = 25\n",
                "",
                "line 3: unknown field `port`",
            ),
            (
                "host_name = 'a b'\ndata_dir = '/d'\n",
                "",
                "line 1: host_name: a domain name",
            ),
            (
                "host_name = 'a.test'\ndata_dir = 'd'\n",
                "",
                "line 2: data_dir: write the whole",
            ),
            (
                "host_name = 'a.test'\ndata_dir = '/d/../e'\n",
                "",
                "line 2: data_dir: write",
            ),
            (
                "host_name = 'a.test'\ndata_dir = '/d'\nkeys_dir = '/d/keys'\n",
                "",
                "line 3: keys_dir: write a folder outside data_dir",
            ),
            (
                "host_name = 'a.test'\ndata_dir = '/d'\n",
                "x = 1\n",
                "line 6: unknown field `x`",
            ),
            (
                "host_name = 'a.test'\ndata_dir = '/d'\n",
                "origin = 1\n",
                "line 6: duplicate key",
            ),
            ("host_name = \n", "", "line 1: "),
        ];
        for (head, tail, expected) in cases {
            let failure = StartFile::parse("s.toml", &format!("{head}{ledger}{tail}")).unwrap_err();
            let words = failure.to_string();
            assert!(words.starts_with(&format!("s.toml, {expected}")), "{words}");
        }
    }

    #[test]
    fn a_key_with_a_slip_of_the_pen_is_refused() {
        let text = sample()
            .to_text()
            .unwrap()
            .replace("vkey = \"mail", "vkey = \"nail");
        let failure = StartFile::parse("s.toml", &text).unwrap_err().to_string();
        assert!(failure.starts_with("s.toml, line 10: vkey: "), "{failure}");
    }

    #[test]
    fn a_start_file_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sealpost.toml");
        sample().create(&path).unwrap();
        assert_eq!(StartFile::read(&path).unwrap().0, sample());
        assert!(sample().create(&path).is_err());
    }
}
