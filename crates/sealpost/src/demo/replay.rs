//! Plays the story on a server that runs: every record of it is made by the server's own doors and
//! gates, as it is for anybody, at the time at which it happens.
//!
//! Two things stand in for what is not there. The client from far away is on this machine: a proxy,
//! which the server believes only while that takes, tells its address. And since there are no web
//! pages yet, this program hands the two changes to the server itself, in the open session of the
//! account and with its rights, and says so as the program that was used.

use std::net::IpAddr;

use anyhow::{Context as _, ensure};
use ledger::Door;
use net::{Clock, TlsClient};
use policy::Service as Spoken;
use service::{Actor, AdmitOptions, Command, Outgoing, Principal, Service, TraceQuery};
use tokio::sync::watch;
use tokio::task::JoinSet;
use types::{Address, Domain, Network, RuleId};

use super::sender::{self, Sample};
use super::{bounce, intruder, story};
use crate::founding::Listening;

/// The name under which mail servers greet that have no part of their own.
const OTHER_SERVER: &str = "mx.partner.test";
/// The program of the changes, as it says itself.
const PROGRAM: &str = "the story of the demo, in the place of web pages";
/// Messages of a rule that are counted.
const COUNTED_MAX: usize = 100;

/// Where the story is played, and by whom.
pub(crate) struct Stage<'a> {
    pub(crate) service: &'a Service,
    pub(crate) listening: &'a Listening,
    pub(crate) domain: &'a Domain,
    /// The authority of the server's certificate.
    pub(crate) ca_pem: &'a str,
    /// The password that was stolen.
    pub(crate) password: &'a str,
    /// What left last.
    pub(crate) left: &'a watch::Receiver<Option<Outgoing>>,
}

/// What happened, for whoever is to be told.
#[derive(Debug)]
pub(crate) struct Told {
    /// From where somebody signed in.
    pub(crate) source: IpAddr,
    /// As whom.
    pub(crate) account: Address,
    /// Wrong passwords before the right one.
    pub(crate) failures: usize,
    /// The rule that deletes, and the one that copies.
    pub(crate) rules: [MadeRule; 2],
    /// Messages that the first deleted.
    pub(crate) deleted: usize,
    /// Who lost them.
    pub(crate) loser: Address,
    /// Messages that the second copied.
    pub(crate) copied: usize,
    /// To where.
    pub(crate) stranger: Address,
    /// The address that the report about one of the copies came back to.
    pub(crate) reported_to: Address,
    /// The entries that trusted the proxy, and no longer.
    pub(crate) proxy_entries: [u64; 2],
}

/// A rule with the entry that made it.
#[derive(Debug)]
pub(crate) struct MadeRule {
    pub(crate) id: RuleId,
    pub(crate) entry: u64,
}

impl Stage<'_> {
    /// Plays it from the beginning to the end.
    pub(crate) async fn play(&self) -> anyhow::Result<Told> {
        let now = Clock::real().now();
        self.bring(OTHER_SERVER, story::mail_before(self.domain, now)?)
            .await?;
        let account = story::address(story::ADMIN, self.domain)?;
        let trusted = self.trust_proxy(true).await?;
        let broken_in = self.break_in(&account).await;
        // Taken back also where what it was for failed.
        let ended = self.trust_proxy(false).await?;
        let rules = broken_in?;
        let now = Clock::real().now();
        self.bring(OTHER_SERVER, story::mail_after(self.domain, now)?)
            .await?;
        let reported_to = self.send_one_back().await?;
        Ok(Told {
            source: story::UNKNOWN_ADDRESS.into(),
            account,
            failures: story::WRONG_PASSWORDS.len(),
            deleted: self.count(rules[0].id, "discard").await?,
            loser: story::address(story::OWNER, self.domain)?,
            copied: self.count(rules[1].id, "sink").await?,
            stranger: story::STRANGER.parse()?,
            reported_to,
            rules,
            proxy_entries: [trusted, ended],
        })
    }

    /// Brings messages to the port for mail of other servers, all at once.
    async fn bring(&self, helo: &'static str, samples: Vec<Sample>) -> anyhow::Result<()> {
        let server = self.listening.reach(Spoken::Smtp);
        let mut sending = JoinSet::new();
        for sample in samples {
            sending.spawn_blocking(move || sender::send(server, helo, &sample));
        }
        while let Some(sent) = sending.join_next().await {
            sent??;
        }
        Ok(())
    }

    /// Makes the server believe the proxy of the story, or no longer; gives the entry.
    async fn trust_proxy(&self, trusted: bool) -> anyhow::Result<u64> {
        let change = Command::ProxyChange {
            network: Network::single(intruder::PROXY.into()),
            listener: Some(self.listening.reach(Spoken::Imaps)),
            trusted,
        };
        let reason = "a client of the story comes from far away";
        let actor = Actor::system(Door::Boot);
        self.admit(&actor, change, Some(reason)).await
    }

    /// Signs in as somebody else and makes the rules.
    async fn break_in(&self, account: &Address) -> anyhow::Result<[MadeRule; 2]> {
        let tls = TlsClient::trusting(self.ca_pem)?;
        let server = self.listening.reach(Spoken::Imaps);
        let mut client = intruder::connect(&tls, server, story::UNKNOWN_ADDRESS).await?;
        for wrong in story::WRONG_PASSWORDS {
            let is_in = client.sign_in(account, wrong).await?;
            ensure!(!is_in, "a wrong password opened {account}");
        }
        let is_in = client.sign_in(account, self.password).await?;
        ensure!(is_in, "the password of {account} was refused");
        let actor = Actor::session(&self.principal(account)?, Door::Web, PROGRAM);
        let [deletes, copies] = story::rules(self.domain)?;
        let rules = [
            self.make_rule(&actor, deletes).await?,
            self.make_rule(&actor, copies).await?,
        ];
        client.sign_out().await?;
        Ok(rules)
    }

    /// Who signed in from far away.
    fn principal(&self, account: &Address) -> anyhow::Result<Principal> {
        let sessions = (self.service).session_list(&Actor::system(Door::Boot), Some(account))?;
        let source = story::UNKNOWN_ADDRESS.to_string();
        let mut ids = sessions.iter().filter(|open| open.source == source);
        let id = ids
            .next()
            .context("nobody signed in from far away")?
            .id
            .parse()?;
        let principal = self.service.session_principal(id);
        principal.context("the session ended at once")
    }

    async fn make_rule(&self, actor: &Actor, rule: Command) -> anyhow::Result<MadeRule> {
        let entry = self.admit(actor, rule, None).await?;
        let config = self.service.config();
        let mut rules = config.rules().filter(|rule| rule.made_seq == entry);
        let id = rules.next().context("the rule was removed at once")?.id;
        Ok(MadeRule { id, entry })
    }

    /// Makes a change; gives its entry.
    async fn admit(
        &self,
        actor: &Actor,
        change: Command,
        reason: Option<&str>,
    ) -> anyhow::Result<u64> {
        let options = AdmitOptions {
            reason: reason.map(str::to_owned),
            ..AdmitOptions::default()
        };
        let admitted = self.service.admit(actor, vec![change], options).await?;
        admitted.seqs.first().copied().context("nothing changed")
    }

    /// Reports, as the server of the copy that left last, that it could not be delivered; gives
    /// where the report went.
    async fn send_one_back(&self) -> anyhow::Result<Address> {
        let left = self.left.borrow().clone();
        let left = left.context("no copy left")?;
        let report = bounce::full(&left, Clock::real().now());
        let report = report.context("nobody is to hear of the copy")?;
        let to = report.to.clone();
        self.bring(bounce::REPORTING_MTA, vec![report]).await?;
        Ok(to)
    }

    /// The messages to which a rule did this.
    async fn count(&self, rule: RuleId, action: &str) -> anyhow::Result<usize> {
        let query = TraceQuery {
            rule: Some(rule),
            limit: Some(COUNTED_MAX),
            ..TraceQuery::default()
        };
        let rows = self.service.trace(query).await?;
        Ok(rows.iter().filter(|row| row.action == action).count())
    }
}
