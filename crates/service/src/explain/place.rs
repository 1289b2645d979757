//! An address: of mail, inside or outside, with what leads to it; or of the network, with who came
//! from there.

use std::net::IpAddr;

use policy::Config;
use store::fate::{self, FateKey};
use types::{Address, Timestamp};

use super::around::{DAY_S, Wanted};
use super::{Explanation, Step, at_least, first_lines, when};
use crate::Service;
use crate::actor::Actor;
use crate::error::ServiceResult;
use crate::shell::quoted;
use crate::view::{ExitView, words};

/// Days for which mail and sessions are counted.
const DAYS: i64 = 30;
/// Messages and sessions that are counted.
const COUNTED_MAX: usize = 1_000;

impl Service {
    // long: one screen, section by section
    pub(super) async fn explain_address(
        &self,
        actor: &Actor,
        address: &Address,
    ) -> ServiceResult<Explanation> {
        let (config, now) = (self.config(), self.clock().now());
        let shown = policy::shown::address(address);
        let inside = config.domain(address.domain()).is_some();
        let (to, from) = (address.folded().to_string(), address.to_string());
        let since = now.plus_s(-DAYS * DAY_S);
        let read = self.inner.store.read(move |tx| {
            let find = |key| fate::find(tx, key, since, Timestamp(i64::MAX), COUNTED_MAX);
            Ok((
                find(FateKey::Recipient(&to))?.len(),
                find(FateKey::Sender(&from))?.len(),
                find(FateKey::SentTo(&to))?.len(),
            ))
        });
        let (received, sent, left) = read.await?;
        let exits = self.exit_list(actor).await?;
        let exits: Vec<_> = exits.into_iter().filter(|exit| exit.to == shown).collect();
        let place = if inside {
            "inside"
        } else {
            "OUTSIDE your organisation"
        };
        let ways = exits.iter().map(|exit| {
            let entry = exit
                .entry
                .map(|seq| format!(", entry {seq}"))
                .unwrap_or_default();
            format!(
                "{} {} of {} sends there ({}{entry}).",
                exit.kind, exit.id, exit.whose, exit.state
            )
        });
        let what = match inside {
            true => vec![leads_to(&config, address)],
            false => vec!["Mail for it goes to a server of others.".to_owned()],
        };
        let entries: Vec<_> = exits.iter().filter_map(|exit| exit.entry).collect();
        let newest = match entries.iter().max() {
            Some(seq) => Some(self.read_entry(*seq).await?),
            None => None,
        };
        let center = newest.as_ref().map_or(now, |entry| entry.ts);
        let object = newest.and_then(|entry| entry.object);
        let wanted = Wanted {
            object: object.map(|object| (object.kind, object.id)),
            ..Wanted::default()
        };
        let around = self.entries_around(center, DAY_S).await?;
        let timeline = self.timeline(center, &around, &wanted, Vec::new()).await?;
        Ok(Explanation {
            subject: format!("address {shown}"),
            sentence: format!(
                "{shown} is {place}; ways from here that lead to it: {}.",
                exits.len()
            ),
            what: what
                .into_iter()
                .chain(first_lines(ways.collect()))
                .collect(),
            harm: vec![
                format!(
                    "In {DAYS} days: {} went out to it.",
                    at_least(left, COUNTED_MAX, "copy")
                ),
                format!(
                    "{} for it and {} from it came to this server.",
                    at_least(received, COUNTED_MAX, "copy"),
                    at_least(sent, COUNTED_MAX, "copy")
                ),
            ],
            who: first_lines(exits.iter().filter_map(|exit| exit.by.clone()).collect()),
            how: Vec::new(),
            timeline: timeline.moments,
            timeline_more: timeline.more,
            confidence: self.confidence(entries, center).await?,
            not_known: vec![match inside {
                true => "Who beside its owner reads it.".to_owned(),
                false => "Who reads what goes there.".to_owned(),
            }],
            steps: address_steps(&config, address, &exits),
            ..Explanation::default()
        })
    }

    // long: one screen, section by section
    pub(super) async fn explain_source(&self, source: IpAddr) -> ServiceResult<Explanation> {
        let (now, text) = (self.clock().now(), source.to_canonical().to_string());
        let since = now.plus_s(-DAYS * DAY_S);
        let wanted_source = text.clone();
        let read = self.inner.store.read(move |tx| {
            let span = (since, Timestamp(i64::MAX));
            store::session::from_source(tx, &wanted_source, span, COUNTED_MAX)
        });
        let sessions = read.await?;
        let failures = self.failures(None, Some(text.clone()), since).await?;
        let names = self.names(sessions.iter().map(|session| session.begin.account));
        let center = sessions
            .first()
            .map_or(now, |session| session.begin.started_at);
        let around = self.entries_around(center, DAY_S).await?;
        let made = around.iter().filter(|entry| {
            let session = entry.actor.session;
            session.is_some() && sessions.iter().any(|known| Some(known.id) == session)
        });
        let made: Vec<_> = made.collect();
        let changes = made.iter().map(|entry| {
            format!(
                "Entry {}, {} by {}",
                entry.seq,
                self.entry_words(entry),
                self.who(entry)
            )
        });
        let wanted = Wanted {
            source: Some(text.clone()),
            ..Wanted::default()
        };
        let timeline = self.timeline(center, &around, &wanted, Vec::new()).await?;
        let last = sessions.first().map(|session| {
            format!(
                "Last sign-in {}, session {}.",
                when(session.begin.started_at),
                session.id
            )
        });
        Ok(Explanation {
            subject: format!("source {text}"),
            sentence: format!(
                "From {text} came {} and {} that failed, in {DAYS} days.",
                at_least(sessions.len(), COUNTED_MAX, "sign-in"),
                at_least(failures, COUNTED_MAX, "sign-in")
            ),
            what: match names.is_empty() {
                true => vec!["No account signed in from there.".to_owned()],
                false => first_lines(names.clone()),
            },
            harm: match made.is_empty() {
                true => {
                    vec!["None found: its sessions changed nothing around the last one.".to_owned()]
                }
                false => first_lines(changes.collect()),
            },
            who: first_lines(names),
            how: last.into_iter().collect(),
            timeline: timeline.moments,
            timeline_more: timeline.more,
            confidence: self
                .confidence(made.iter().map(|entry| entry.seq), center)
                .await?,
            not_known: vec!["Who sits behind that address, and where.".to_owned()],
            steps: vec![
                Step::new("refuse it for a day", format!("sealpost block add {text}")),
                Step::new("what is refused now", "sealpost block list"),
            ],
            ..Explanation::default()
        })
    }
}

fn address_steps(config: &Config, address: &Address, exits: &[ExitView]) -> Vec<Step> {
    let ends = exits.iter().take(super::LINES_MAX);
    let mut steps: Vec<_> = ends
        .map(|exit| Step::new(format!("end this {}", exit.kind), exit.end.clone()))
        .collect();
    if let Some(account) = config.account_at(address) {
        let command = format!(
            "sealpost explain account {}",
            quoted(&account.address.to_string())
        );
        steps.push(Step::new("the account", command));
    }
    for (words, way) in [("mail to it", "--to"), ("mail from it", "--from")] {
        let command = format!("sealpost trace {way} {}", quoted(&address.to_string()));
        steps.push(Step::new(words, command));
    }
    steps
}

/// Who gets mail for an address of ours.
fn leads_to(config: &Config, address: &Address) -> String {
    match config.expand(address) {
        Ok(reached) => {
            let inside = reached
                .accounts
                .iter()
                .map(|id| words::account_name(config, *id));
            let outside = reached
                .outside
                .iter()
                .map(|address| format!("{} (OUTSIDE)", policy::shown::address(address)));
            let names: Vec<_> = inside.chain(outside).collect();
            format!("Mail for it goes to {}.", first_lines(names).join(", "))
        }
        Err(why) => match config.former_owner(address) {
            Some(id) => format!("No mail is taken for it; it was that of an account ({id})."),
            None => format!("No mail is taken for it: {why}."),
        },
    }
}
