//! Scanners: what they say of a message before it is taken, and what follows from that.
//!
//! A virus is refused in the session. Spam is put into Junk or, where the scanner is sure, kept in
//! quarantine; rules see its weight, and mail of those who signed in is not weighed. What a scanner
//! does not answer for is taken or put off, as the configuration says, and the record tells it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use net::{Endpoint, ScanError, SpamEnvelope, SpamVerdict, VirusVerdict};
use policy::Config;
use policy::change::{IfSilent, ScannerAddress, ScannerKind, ScannerSet};
use serde::Serialize;

use crate::accept::{AcceptError, Envelope};
use crate::actor::Actor;
use crate::error::ServiceResult;
use crate::rules::{Filing, Folder, Place};
use crate::{Service, lock};

/// Octets of a message that scanners are shown; a longer one is taken unseen.
pub const SCAN_MAX_OCTETS: u64 = 26_214_400;
/// How long a scanner is waited for that is only asked how it is.
const ASK_TIMEOUT: Duration = Duration::from_secs(3);
/// Where scanners of Debian answer unless somebody changed it.
const USUAL: [(ScannerKind, &str); 2] = [
    (ScannerKind::Clamd, "unix:/run/clamav/clamd.ctl"),
    (ScannerKind::Rspamd, "127.0.0.1:11333"),
];

/// Why scanners do not answer that should, the newest reason of each.
pub(crate) type Silent = Mutex<BTreeMap<ScannerKind, String>>;

/// What is known of a message before it is taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    /// Whether somebody looked for viruses; a message with one is not taken.
    pub(crate) is_clean: bool,
    /// The weight as spam in hundredths of what is certain, if somebody weighed it.
    pub(crate) spam_percent: Option<u32>,
    /// What the record tells, in lines.
    pub(crate) told: Vec<String>,
    /// The fields that tell people and programs, with their line ends.
    pub(crate) fields: String,
    /// Where the message begins its way, if not in the inbox.
    pub(crate) place: Option<Place>,
}

/// A scanner as it is.
#[derive(Clone, Debug, Serialize)]
pub struct ScannerView {
    /// Which.
    pub scanner: ScannerKind,
    /// Where it answers.
    pub address: String,
    /// Whether mail is shown to it.
    pub used: bool,
    /// What becomes of mail that it does not answer for: `accept` or `defer`.
    pub if_silent: Option<IfSilent>,
    /// How long it is waited for, in seconds.
    pub timeout_s: Option<u32>,
    /// How it is, in words.
    pub state: String,
}

impl Service {
    /// What the scanners say of a message whose header block as delivered is `head`, beside what is
    /// known of it.
    pub(crate) async fn scan(
        &self,
        config: &Config,
        envelope: &Envelope,
        id: &str,
        (head, body): (&[u8], &[u8]),
        mut verdict: Verdict,
    ) -> Result<Verdict, AcceptError> {
        for scanner in config.scanners() {
            let kind = scanner.id;
            if kind == ScannerKind::Rspamd && envelope.client.principal.is_some() {
                continue;
            }
            if (head.len() + body.len()) as u64 > SCAN_MAX_OCTETS {
                let told = format!("{kind}: not shown, it is larger than {SCAN_MAX_OCTETS} octets");
                verdict.told.push(told);
                continue;
            }
            let (at, time) = (endpoint(&scanner.address), time(scanner));
            let asked = match kind {
                ScannerKind::Clamd => net::clamd_scan(&at, &[head, body], time)
                    .await
                    .map(|found| verdict.viruses(&found)),
                ScannerKind::Rspamd => {
                    let message = Bytes::from([head, body].concat());
                    let asked = self.spam_envelope(envelope, id);
                    net::rspamd_check(&at, &asked, message, time)
                        .await
                        .map(|found| verdict.spam(config, &found))
                }
            };
            self.heard(scanner, &asked);
            match (asked, scanner.if_silent) {
                (Ok(()), _) => {}
                (Err(_), IfSilent::Defer) => return Err(AcceptError::Unavailable),
                (Err(why), IfSilent::Accept) => {
                    verdict.told.push(format!("{kind}: did not look, {why}"));
                }
            }
        }
        Ok(verdict)
    }

    fn spam_envelope(&self, envelope: &Envelope, id: &str) -> SpamEnvelope {
        let recipients = envelope.recipients.iter();
        let from = envelope.reverse_path.address();
        SpamEnvelope {
            source: envelope.client.peer.source(),
            helo: envelope.client.helo.clone(),
            from: from.map(ToString::to_string).unwrap_or_default(),
            recipients: recipients.map(|to| to.address.to_string()).collect(),
            id: id.to_owned(),
            host: self.host_name(),
        }
    }

    /// Keeps why a scanner is silent, and says in the log when that changes.
    fn heard(&self, scanner: &ScannerSet, asked: &Result<(), ScanError>) {
        let kind = scanner.id;
        let mut silent = lock(&self.inner.silent_scanners);
        match asked {
            Ok(()) => {
                if silent.remove(&kind).is_some() {
                    tracing::info!("{kind} answers again");
                }
            }
            Err(why) => {
                let why = why.to_string();
                if silent.insert(kind, why.clone()).is_none() {
                    let address = &scanner.address;
                    tracing::warn!("{kind} at {address} does not answer: {why}");
                }
            }
        }
    }

    /// What somebody should look at soon: scanners that do not answer.
    pub(crate) fn scanner_warnings(&self) -> Vec<String> {
        let config = self.config();
        let silent = lock(&self.inner.silent_scanners);
        let used = silent
            .iter()
            .filter_map(|(kind, why)| Some((config.scanner(*kind)?, why)));
        used.map(|(scanner, why)| {
            let mail = match scanner.if_silent {
                IfSilent::Accept => "mail is taken unseen",
                IfSilent::Defer => "mail has to wait",
            };
            format!("{} does not answer, so {mail}: {why}", scanner.id)
        })
        .collect()
    }

    /// The scanners that are used, and those that answer here and are not; each is asked how it is.
    pub async fn scanner_list(&self, actor: &Actor) -> ServiceResult<Vec<ScannerView>> {
        self.may_read_server(actor)?;
        let config = self.config();
        let mut views = Vec::new();
        for (kind, usual) in USUAL {
            if let Some(set) = config.scanner(kind) {
                views.push(ScannerView {
                    scanner: kind,
                    address: set.address.to_string(),
                    used: true,
                    if_silent: Some(set.if_silent),
                    timeout_s: Some(set.timeout_s),
                    state: match ask(kind, &set.address).await {
                        Ok(words) => words,
                        Err(why) => format!("does not answer: {why}"),
                    },
                });
                continue;
            }
            let address: ScannerAddress = usual.parse().expect("the usual addresses are addresses");
            if let Ok(words) = ask(kind, &address).await {
                views.push(ScannerView {
                    scanner: kind,
                    address: usual.to_owned(),
                    used: false,
                    if_silent: None,
                    timeout_s: None,
                    state: format!("{words}, not used: `sealpost scanner set {kind} {usual}`"),
                });
            }
        }
        Ok(views)
    }
}

impl Verdict {
    fn viruses(&mut self, found: &VirusVerdict) {
        match found {
            VirusVerdict::Clean => {
                self.is_clean = true;
                self.told.push("clamd: nothing found".to_owned());
            }
            VirusVerdict::Found(name) => {
                self.told.push(format!("clamd: found {name}"));
                let reason = format!("the message contains a virus: {name}");
                self.put(Place::Rejected { by: None, reason });
            }
        }
    }

    fn spam(&mut self, config: &Config, found: &SpamVerdict) {
        let percent = found.percent();
        let settings = config.settings();
        let weight = format!("{:.1} of {:.1}", found.score, found.required);
        let symbols = found.symbols.join(", ");
        let told = format!("rspamd: {weight} ({symbols})");
        let is_junk = u64::from(percent) >= settings.spam_junk_percent;
        self.spam_percent = Some(percent);
        self.fields.push_str(&format!(
            "X-Spam-Status: {}, score={:.1} required={:.1}\r\n\ttests={}\r\n",
            if is_junk { "Yes" } else { "No" },
            found.score,
            found.required,
            found.symbols.join(",\r\n\t"),
        ));
        if u64::from(percent) >= settings.spam_quarantine_percent {
            let why = told.clone();
            self.put(Place::Held { why });
        } else if is_junk {
            self.put(Place::Kept(vec![junk()]));
        }
        self.told.push(told);
    }

    /// Puts the message there, unless it is somewhere worse.
    pub(crate) fn put(&mut self, place: Place) {
        let rank = |place: &Place| match place {
            Place::Kept(_) => 0,
            Place::Held { .. } => 1,
            Place::Gone { .. } | Place::Rejected { .. } => 2,
        };
        if self
            .place
            .as_ref()
            .is_none_or(|now| rank(now) < rank(&place))
        {
            self.place = Some(place);
        }
    }

    /// Whether nobody gets the message.
    pub(crate) fn refuses(&self) -> bool {
        matches!(self.place, Some(Place::Rejected { .. }))
    }

    /// Where the message begins its way.
    pub(crate) fn begins(&self) -> Place {
        let inbox = || Place::Kept(vec![Filing::inbox()]);
        self.place.clone().unwrap_or_else(inbox)
    }
}

/// The folder for spam, by its use, or else by its usual name.
pub(crate) fn junk() -> Filing {
    Filing {
        folder: Some(Folder {
            name: "Junk".to_owned(),
            special_use: Some("\\Junk".to_owned()),
            create: true,
        }),
        ..Filing::inbox()
    }
}

async fn ask(kind: ScannerKind, address: &ScannerAddress) -> Result<String, ScanError> {
    let at = endpoint(address);
    match kind {
        ScannerKind::Clamd => net::clamd_version(&at, ASK_TIMEOUT).await,
        ScannerKind::Rspamd => net::rspamd_version(&at, ASK_TIMEOUT).await,
    }
}

fn endpoint(address: &ScannerAddress) -> Endpoint {
    match address {
        ScannerAddress::Unix(path) => Endpoint::Unix(path.clone()),
        ScannerAddress::Tcp(address) => Endpoint::Tcp(*address),
    }
}

fn time(scanner: &ScannerSet) -> Duration {
    Duration::from_secs(scanner.timeout_s.into())
}
