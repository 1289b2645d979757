//! What rules make of a message for everybody it reaches (RULES: server, domain, mailbox).
//!
//! The rules of the server and of the recipient's domain run once for each recipient of the
//! envelope, before aliases are followed; another domain here that is reached by an alias runs its
//! own once; the rules of a mailbox run once for each final account. What a level deletes, sends on
//! or rejects no lower level sees. An account gets one copy, and each wish of a rule is done once.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use policy::change::{RuleDirection, SenderList};
use policy::{Config, Expansion, RuleLevel};
use store::ReadTx;
use types::limits::EXPANSION_DEPTH_MAX;
use types::{AccountId, Address, DomainId, Timestamp};

use super::level::{self, Filing, Look, Place, Rule, RuleAt, Wish};
use super::reply;
use super::world::{Arrived, RuleWorld};
use crate::header;
use crate::mime::Filterable;

/// Messages that rules send on, of one that arrives.
const SENT_ON_MAX: usize = 32;
/// What a sender is told of whom the recipient wants nothing.
pub(crate) const BLOCKED_SENDER: &str = "the recipient does not take mail from this sender";

/// Whether rules of a level may send mail to an address outside now; else why not.
pub(crate) type MayLeave<'a> = dyn Fn(RuleLevel, &Address) -> Result<(), String> + 'a;

/// What becomes of a message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// For each account that it reaches.
    pub(crate) copies: BTreeMap<AccountId, Copy>,
    /// For each address outside that it goes to.
    pub(crate) outside: BTreeMap<Address, Leaving>,
    /// Recipients of the envelope that lead only outside and get nothing, with the reason.
    pub(crate) stopped: Vec<Copy>,
    /// What rules want beside that.
    pub(crate) errands: Vec<Errand>,
}

/// The copy of one account, or why it gets none.
#[derive(Clone, Debug)]
pub(crate) struct Copy {
    /// The recipient of the envelope through which it was reached.
    pub(crate) recipient: Address,
    pub(crate) place: Place,
    /// Its header block, if rules changed it.
    pub(crate) head: Option<Vec<u8>>,
    /// Every rule that looked at it.
    pub(crate) looks: Vec<Look>,
    /// Whether the rules of the mailbox had their turn.
    is_final: bool,
}

/// A copy that goes outside.
#[derive(Clone, Debug)]
pub(crate) struct Leaving {
    pub(crate) recipient: Address,
    pub(crate) looks: Vec<Look>,
}

/// Something that a rule wants done.
#[derive(Clone, Debug)]
pub(crate) struct Errand {
    pub(crate) rule: RuleAt,
    pub(crate) level: RuleLevel,
    /// The recipient that the rule saw.
    pub(crate) recipient: Address,
    pub(crate) wish: Wish,
}

/// A message on its way down the levels.
#[derive(Clone)]
struct Way {
    /// Where it goes now.
    recipient: Address,
    /// The recipient of the envelope that it was for.
    through: Address,
    place: Place,
    head: Option<Vec<u8>>,
    looks: Vec<Look>,
    /// Domains whose rules have seen it.
    domains: BTreeSet<DomainId>,
    /// How often it was sent on.
    hops: usize,
}

/// Makes plans.
pub(crate) struct Planner<'a> {
    pub(crate) config: &'a Config,
    pub(crate) tx: &'a ReadTx<'a>,
    pub(crate) arrived: &'a Arrived,
    pub(crate) head: &'a [u8],
    pub(crate) body: &'a [u8],
    pub(crate) may_leave: &'a MayLeave<'a>,
    plan: Plan,
    wished: HashSet<(RuleAt, Wish)>,
    sent_on: VecDeque<Way>,
    sent_on_count: usize,
}

impl<'a> Planner<'a> {
    pub(crate) fn new(
        config: &'a Config,
        tx: &'a ReadTx<'a>,
        arrived: &'a Arrived,
        (head, body): (&'a [u8], &'a [u8]),
        may_leave: &'a MayLeave<'a>,
    ) -> Self {
        Self {
            config,
            tx,
            arrived,
            head,
            body,
            may_leave,
            plan: Plan::default(),
            wished: HashSet::new(),
            sent_on: VecDeque::new(),
            sent_on_count: 0,
        }
    }

    /// The plan for a message to these recipients, each of which can be resolved.
    pub(crate) fn plan<'r>(mut self, recipients: impl Iterator<Item = &'r Address>) -> Plan {
        let mut seen = BTreeSet::new();
        for recipient in recipients.filter(|recipient| seen.insert(recipient.folded())) {
            let mut way = Way::to(recipient);
            self.out_of(&mut way);
            self.descend(way, &[RuleLevel::Server]);
        }
        while let Some(way) = self.sent_on.pop_front() {
            self.descend(way, &[]);
        }
        self.plan
    }

    /// The rules for mail that leaves: of the server and of the sender's domain.
    fn out_of(&mut self, way: &mut Way) {
        let Some(sender) = &self.arrived.signed_in else {
            return;
        };
        let domain = self.config.domain(sender.domain()).map(|domain| domain.id);
        let levels = [Some(RuleLevel::Server), domain.map(RuleLevel::Domain)];
        for level in levels.into_iter().flatten() {
            self.run(way, level, RuleDirection::Out, None);
        }
    }

    /// Lets the levels above look, follows aliases, then lets the accounts look.
    fn descend(&mut self, mut way: Way, above: &[RuleLevel]) {
        let domain = self
            .config
            .domain(way.recipient.domain())
            .map(|domain| domain.id);
        let levels = above.iter().copied().chain(domain.map(RuleLevel::Domain));
        for level in levels {
            self.run(&mut way, level, RuleDirection::In, None);
        }
        way.domains.extend(domain);
        let expansion = match domain {
            Some(_) => self.config.expand(&way.recipient).unwrap_or_default(),
            None => Expansion {
                outside: [way.recipient.clone()].into(),
                ..Expansion::default()
            },
        };
        for account in &expansion.accounts {
            self.reach(&way, *account);
        }
        let kept = matches!(way.place, Place::Kept(_));
        if !kept && expansion.accounts.is_empty() {
            self.plan.stopped.push(way.end(false));
            return;
        }
        for target in expansion.outside.into_iter().filter(|_| kept) {
            let leaving = Leaving {
                recipient: way.through.clone(),
                looks: way.looks.clone(),
            };
            self.plan.outside.entry(target).or_insert(leaving);
        }
    }

    /// One account that the message comes to.
    fn reach(&mut self, way: &Way, id: AccountId) {
        let known = self.plan.copies.get(&id).cloned();
        let settled = |copy: &Copy| copy.is_final || !matches!(way.place, Place::Kept(_));
        if known.as_ref().is_some_and(settled) {
            return;
        }
        let mut way = way.clone();
        self.refuse_blocked(&mut way, id);
        let domain = self.config.account(id).map(|account| account.domain);
        if let Some(domain) = domain.filter(|domain| !way.domains.contains(domain)) {
            self.run(&mut way, RuleLevel::Domain(domain), RuleDirection::In, None);
        }
        let is_final = matches!(way.place, Place::Kept(_));
        if is_final {
            self.run(
                &mut way,
                RuleLevel::Account(id),
                RuleDirection::In,
                Some(id),
            );
        }
        if let Some(known) = known {
            way.looks.splice(0..0, known.looks.clone());
        }
        self.plan.copies.insert(id, way.end(is_final));
    }

    /// Rejects what comes from a sender of whom the account wants nothing.
    fn refuse_blocked(&self, way: &mut Way, id: AccountId) {
        if !matches!(way.place, Place::Kept(_)) {
            return;
        }
        let from = header::fields(self.head).find(|field| field.is("From"));
        let from = from.map(|field| String::from_utf8_lossy(field.value).into_owned());
        let shown = from.iter().flat_map(|from| sieve::addresses(from));
        let senders = std::iter::once(self.arrived.from.clone()).chain(shown);
        let blocked =
            |sender: Address| self.config.sender_standing(id, &sender) == Some(SenderList::Blocked);
        if senders.filter_map(|text| text.parse().ok()).any(blocked) {
            way.place = Place::Rejected {
                by: None,
                reason: BLOCKED_SENDER.to_owned(),
            };
        }
    }

    /// Lets one level look, if the message is still to be kept.
    fn run(
        &mut self,
        way: &mut Way,
        level: RuleLevel,
        direction: RuleDirection,
        account: Option<AccountId>,
    ) {
        let Place::Kept(start) = way.place.clone() else {
            return;
        };
        let config = self.config;
        let rules = in_force(config, level, direction, self.arrived.at);
        if rules.is_empty() {
            return;
        }
        let head = way.head.as_deref().unwrap_or(self.head);
        let octets = [head, self.body].concat();
        let message = Filterable::new(&octets);
        let world = RuleWorld {
            tx: self.tx,
            config,
            arrived: self.arrived,
            level,
            to: &way.recipient,
            account,
            message: &message,
        };
        let mut ruled = level::run(&rules, head, self.body, start.clone(), &world);
        let mut failed = Vec::new();
        for (rule, wish) in std::mem::take(&mut ruled.wishes) {
            if let Wish::Reply(reply) = &wish
                && let Err(why) = reply::answers(&world, reply)
            {
                ruled.note(&rule, format!("no answer, since {why}"));
                continue;
            }
            if let Err(why) = self.grant(way, level, account, &rule, wish, ruled.head.as_deref()) {
                failed.push((rule, why));
            }
        }
        way.place = ruled.place.clone();
        for (rule, why) in failed {
            ruled.note(&rule, format!("kept, since {why}"));
            if way.place.is_sent_on() {
                way.place = Place::Kept(start.clone());
            }
        }
        way.head = ruled.head.or_else(|| way.head.take());
        way.looks.extend(ruled.looks);
    }

    /// Notes what a rule wants, once; says why a message cannot be sent on.
    fn grant(
        &mut self,
        way: &Way,
        level: RuleLevel,
        account: Option<AccountId>,
        rule: &RuleAt,
        wish: Wish,
        head: Option<&[u8]>,
    ) -> Result<(), String> {
        if !self.wished.insert((rule.clone(), wish.clone())) {
            return Ok(());
        }
        if let Wish::Redirect { to } = &wish {
            let target: Address = to.parse().map_err(|_| format!("{to} is no address"))?;
            return self.send_on(way, (level, account), rule, &target, head);
        }
        self.plan.errands.push(Errand {
            rule: rule.clone(),
            level,
            recipient: way.recipient.clone(),
            wish,
        });
        Ok(())
    }

    fn send_on(
        &mut self,
        way: &Way,
        (level, account): (RuleLevel, Option<AccountId>),
        rule: &RuleAt,
        target: &Address,
        head: Option<&[u8]>,
    ) -> Result<(), String> {
        if way.hops >= EXPANSION_DEPTH_MAX || self.sent_on_count >= SENT_ON_MAX {
            return Err("rules send it on too often".to_owned());
        }
        let sent_on = |copy: &Copy| copy.place.is_sent_on();
        if self.config.domain(target.domain()).is_some() {
            let reached = self.config.expand(target).map_err(|err| err.to_string())?;
            let comes_back = |id: &AccountId| {
                Some(*id) == account || self.plan.copies.get(id).is_some_and(sent_on)
            };
            if !reached.accounts.is_empty() && reached.accounts.iter().all(comes_back) {
                return Err("it would go in a circle".to_owned());
            }
        } else {
            (self.may_leave)(level, target)?;
        }
        self.sent_on_count += 1;
        let mut next = way.clone();
        next.recipient = target.clone();
        next.place = Place::Kept(vec![Filing::inbox()]);
        next.hops += 1;
        next.looks = vec![Look {
            rule: rule.clone(),
            did: vec![format!("redirect {target}")],
            decided: None,
            failed: None,
        }];
        next.head = head.map(<[u8]>::to_vec).or(next.head);
        self.sent_on.push_back(next);
        Ok(())
    }
}

/// The rules of a level that run now, in their order.
fn in_force(
    config: &Config,
    level: RuleLevel,
    direction: RuleDirection,
    now: Timestamp,
) -> Vec<Rule<'_>> {
    let rules = config.active_rules(level, direction);
    let rules = rules.filter(|rule| rule.expires.is_none_or(|end| now < end));
    let ready = rules.filter_map(|rule| {
        Some(Rule {
            id: rule.id,
            seq: rule.revision,
            stop: rule.stop,
            script: rule.script.as_deref()?,
        })
    });
    ready.collect()
}

impl Way {
    fn to(recipient: &Address) -> Self {
        Self {
            recipient: recipient.clone(),
            through: recipient.clone(),
            place: Place::Kept(vec![Filing::inbox()]),
            head: None,
            looks: Vec::new(),
            domains: BTreeSet::new(),
            hops: 0,
        }
    }

    fn end(self, is_final: bool) -> Copy {
        Copy {
            recipient: self.through,
            place: self.place,
            head: self.head,
            looks: self.looks,
            is_final,
        }
    }
}
