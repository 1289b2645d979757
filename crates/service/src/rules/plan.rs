//! What rules make of a message for everybody it reaches (RULES: server, domain, mailbox).
//!
//! The rules of the server and of the recipient's domain run once for each recipient of the
//! envelope, before aliases are followed; another domain here that is reached by an alias runs its
//! own once; the rules of a mailbox run once for each final account. What a level deletes, sends on
//! or rejects no lower level sees. An account gets one copy, and each wish of a rule is done once,
//! unless all recipients for whom it was wished are rejected in the end: then it is void.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::rc::Rc;

use policy::change::{RuleDirection, SenderList};
use policy::{Config, Expansion, RuleLevel};
use store::ReadTx;
use types::limits::EXPANSION_DEPTH_MAX;
use types::{AccountId, Address, DomainId, Timestamp};

use super::level::{self, Filing, Look, Place, Rule, RuleAt, Wish};
use super::world::{Arrived, RuleWorld};
use super::{edit, reply};
use crate::accept::Reached;
use crate::header;
use crate::mime::Filterable;

/// Messages that the rules of one level send on, of one that arrives.
const SENT_ON_MAX: usize = 32;
/// Messages that rules send on in all, of one that arrives.
const SENT_ON_ALL_MAX: usize = 1_000;
/// The field that tells from whom a message was sent on (RFC 9228): who finds itself there has had
/// the message before, on this server or behind others.
const DELIVERED_TO: &str = "Delivered-To";
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
    /// Recipients that lead only outside and get nothing, with the reason.
    pub(crate) stopped: Vec<Copy>,
    /// What the levels above the mailboxes made of it, for each recipient of the envelope.
    pub(crate) above: BTreeMap<Address, Above>,
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
    /// The rule that sends it there; `None` if its sender or an alias does.
    pub(crate) sent_by: Option<RuleAt>,
    /// Its header block, if rules changed it or sent it on.
    pub(crate) head: Option<Vec<u8>>,
}

/// What the levels above the mailboxes made of a message for one recipient of the envelope.
#[derive(Clone, Debug)]
pub(crate) struct Above {
    pub(crate) place: Place,
    pub(crate) looks: Vec<Look>,
    /// The first that it leads to.
    pub(crate) first: Option<Reached>,
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
    /// The recipient of the envelope that it was for, as addresses are compared.
    through: Address,
    place: Place,
    head: Option<Vec<u8>>,
    looks: Vec<Look>,
    /// Domains whose rules have seen it.
    domains: BTreeSet<DomainId>,
    /// How often it was sent on.
    hops: usize,
    /// The rule that sent it on last.
    sent_by: Option<RuleAt>,
}

/// Makes plans.
pub(crate) struct Planner<'a> {
    pub(crate) config: &'a Config,
    pub(crate) tx: &'a ReadTx<'a>,
    pub(crate) arrived: &'a Arrived,
    pub(crate) head: &'a [u8],
    pub(crate) body: &'a [u8],
    pub(crate) may_leave: &'a MayLeave<'a>,
    /// The message as it came, read once.
    message: Rc<Filterable<'a>>,
    /// The message as rules changed it last, with that header block.
    edited: Option<(Vec<u8>, Rc<Filterable<'a>>)>,
    plan: Plan,
    /// What is to be done once, with the recipients of the envelope for whom it is wished.
    granted: HashMap<(RuleAt, Wish), BTreeSet<Address>>,
    sent_on: VecDeque<SentOn>,
    sent_on_count: BTreeMap<RuleLevel, usize>,
}

/// A message that a rule sends on, with the wish.
struct SentOn {
    wish: (RuleAt, Wish),
    way: Way,
}

/// Whose rules look.
#[derive(Clone, Copy)]
struct Turn {
    level: RuleLevel,
    /// `None` above the mailbox level.
    account: Option<AccountId>,
}

impl<'a> Planner<'a> {
    /// A planner for a message that consists of `head` and `body`.
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
            message: Rc::new(Filterable::new([head, body].concat())),
            edited: None,
            plan: Plan::default(),
            granted: HashMap::new(),
            sent_on: VecDeque::new(),
            sent_on_count: BTreeMap::new(),
        }
    }

    /// The plan for a message to these recipients, each of which can be resolved.
    pub(crate) fn plan<'r>(mut self, recipients: impl Iterator<Item = &'r Address>) -> Plan {
        for recipient in recipients {
            let mut way = Way::to(recipient);
            way.place = self.arrived.verdict.begins();
            if self.plan.above.contains_key(&way.through) {
                continue;
            }
            self.out_of(&mut way);
            self.descend(way, &[RuleLevel::Server]);
        }
        self.void_rejected();
        while let Some(sent_on) = self.sent_on.pop_front() {
            self.descend(sent_on.way, &[]);
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
            self.run(way, Turn::above(level), RuleDirection::Out);
        }
    }

    /// Lets the levels above look, follows aliases, then lets the accounts look.
    fn descend(&mut self, mut way: Way, above: &[RuleLevel]) {
        let config = self.config;
        let domain = config.domain(way.recipient.domain());
        let unseen = domain.filter(|domain| way.domains.insert(domain.id));
        let unseen = unseen.map(|domain| RuleLevel::Domain(domain.id));
        for level in above.iter().copied().chain(unseen) {
            self.run(&mut way, Turn::above(level), RuleDirection::In);
        }
        let expansion = match domain {
            Some(_) => config.expand(&way.recipient).unwrap_or_default(),
            None => Expansion {
                outside: [way.recipient.clone()].into(),
                ..Expansion::default()
            },
        };
        if way.hops == 0 {
            let above = Above::of(&way, &expansion);
            self.plan.above.insert(way.through.clone(), above);
        }
        let mut in_domains = BTreeMap::new();
        for account in &expansion.accounts {
            self.reach(&way, *account, &mut in_domains);
        }
        let kept = matches!(way.place, Place::Kept(_));
        if !kept && expansion.accounts.is_empty() {
            if let Place::Held { .. } = way.place {
                // No account here could keep it.
                way.reject(None, "it looks like spam".to_owned());
            }
            self.plan.stopped.push(way.end(false));
            return;
        }
        for target in expansion.outside.into_iter().filter(|_| kept) {
            let leaving = Leaving {
                recipient: way.through.clone(),
                looks: way.looks.clone(),
                sent_by: way.sent_by.clone(),
                head: (way.head.as_ref()).map(|head| edit::removed(head, "Return-Path", 0)),
            };
            self.plan.outside.entry(target).or_insert(leaving);
        }
    }

    /// One account that the message comes to. `in_domains` are the ways behind the rules of domains
    /// that only an alias leads to.
    fn reach(&mut self, way: &Way, id: AccountId, in_domains: &mut BTreeMap<DomainId, Way>) {
        let known = self.plan.copies.get(&id);
        let settled = |copy: &Copy| copy.is_final || !matches!(way.place, Place::Kept(_));
        if known.is_some_and(settled) {
            return;
        }
        let domain = self.config.account(id).map(|account| account.domain);
        let mut way = match domain.filter(|domain| !way.domains.contains(domain)) {
            None => way.clone(),
            Some(domain) => match in_domains.get(&domain) {
                Some(known) => known.clone(),
                None => {
                    let mut way = way.clone();
                    let turn = Turn::above(RuleLevel::Domain(domain));
                    self.run(&mut way, turn, RuleDirection::In);
                    way.domains.insert(domain);
                    in_domains.insert(domain, way.clone());
                    way
                }
            },
        };
        self.refuse_blocked(&mut way, id);
        let is_final = matches!(way.place, Place::Kept(_));
        if is_final {
            let turn = Turn {
                level: RuleLevel::Account(id),
                account: Some(id),
            };
            self.run(&mut way, turn, RuleDirection::In);
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
            way.reject(None, BLOCKED_SENDER.to_owned());
        }
    }

    /// Lets one level look, if the message is still to be kept.
    fn run(&mut self, way: &mut Way, turn: Turn, direction: RuleDirection) {
        let Place::Kept(start) = way.place.clone() else {
            return;
        };
        let config = self.config;
        let rules = in_force(config, turn.level, direction, self.arrived.at);
        if rules.is_empty() {
            return;
        }
        let message = self.message_of(way);
        let recipient = way.recipient.clone();
        let world = RuleWorld {
            tx: self.tx,
            config,
            arrived: self.arrived,
            level: turn.level,
            to: &recipient,
            account: turn.account,
            message: &message,
        };
        let head = way.head.as_deref().unwrap_or(self.head);
        let mut ruled = level::run(&rules, (head, &message), start.clone(), &world);
        if let Place::Rejected { by, reason } = ruled.place {
            way.looks.extend(ruled.looks);
            way.reject(by, reason);
            return;
        }
        way.head = ruled.head.take().or_else(|| way.head.take());
        let mut failed = Vec::new();
        for (rule, wish) in std::mem::take(&mut ruled.wishes) {
            if let Wish::Reply(reply) = &wish
                && let Err(why) = reply::answers(&world, reply)
            {
                ruled.note(&rule, format!("no answer, since {why}"));
                continue;
            }
            if let Err(why) = self.grant(way, turn, (&rule, wish)) {
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
        way.looks.extend(ruled.looks);
    }

    /// The message with the header block that it has on this way.
    fn message_of(&mut self, way: &Way) -> Rc<Filterable<'a>> {
        let Some(head) = &way.head else {
            return Rc::clone(&self.message);
        };
        match &self.edited {
            Some((known, message)) if known == head => Rc::clone(message),
            _ => {
                let octets = [head.as_slice(), self.body].concat();
                let message = Rc::new(Filterable::new(octets));
                self.edited = Some((head.clone(), Rc::clone(&message)));
                message
            }
        }
    }

    /// Notes what a rule wants, once; says why a message cannot be sent on.
    fn grant(
        &mut self,
        way: &Way,
        turn: Turn,
        (rule, wish): (&RuleAt, Wish),
    ) -> Result<(), String> {
        let wish = (rule.clone(), wish);
        if let Some(wishers) = self.granted.get_mut(&wish) {
            wishers.insert(way.through.clone());
            return Ok(());
        }
        let mut comes_back = Ok(());
        if let Wish::Redirect { to } = &wish.1 {
            let target: Address = to.parse().map_err(|_| format!("{to} is no address"))?;
            comes_back = self.send_on(way, turn, &wish, &target)?;
        } else {
            self.plan.errands.push(Errand {
                rule: rule.clone(),
                level: turn.level,
                recipient: way.recipient.clone(),
                wish: wish.1.clone(),
            });
        }
        self.granted.insert(wish, [way.through.clone()].into());
        comes_back
    }

    /// Sends a message on; says why that cannot be done, or else whether it comes back here as well
    /// and is to be kept for that.
    fn send_on(
        &mut self,
        way: &Way,
        turn: Turn,
        wish: &(RuleAt, Wish),
        target: &Address,
    ) -> Result<Result<(), String>, String> {
        let count = self.sent_on_count.get(&turn.level).copied().unwrap_or(0);
        let all: usize = self.sent_on_count.values().sum();
        if way.hops >= EXPANSION_DEPTH_MAX || count >= SENT_ON_MAX || all >= SENT_ON_ALL_MAX {
            return Err("rules send it on too often".to_owned());
        }
        let head = way.head.as_deref().unwrap_or(self.head);
        let from = self.sent_on_from(way, turn);
        let was_here = header::fields(head).any(|field| {
            let value = header::unfolded(field.value);
            field.is(DELIVERED_TO) && value.eq_ignore_ascii_case(from.to_string().as_bytes())
        });
        if was_here {
            return Err("it was sent on from here before and came back".to_owned());
        }
        let comes_back = self.check_target(turn, target)?;
        self.sent_on_count.insert(turn.level, count + 1);
        let mut next = way.clone();
        next.recipient = target.clone();
        next.place = Place::Kept(vec![Filing::inbox()]);
        next.hops += 1;
        next.sent_by = Some(wish.0.clone());
        next.looks = vec![Look {
            rule: wish.0.clone(),
            did: vec![format!("redirect {target}")],
            decided: None,
            failed: None,
        }];
        next.head = Some(edit::added(head, DELIVERED_TO, &from.to_string(), false));
        self.sent_on.push_back(SentOn {
            wish: wish.clone(),
            way: next,
        });
        Ok(comes_back)
    }

    /// Whether rules of a level may send to an address now; else why not. Inside: whether it leads
    /// back here as well.
    fn check_target(&self, turn: Turn, target: &Address) -> Result<Result<(), String>, String> {
        if self.config.domain(target.domain()).is_none() {
            (self.may_leave)(turn.level, target)?;
            return Ok(Ok(()));
        }
        let reached = self.config.expand(target).map_err(|err| err.to_string())?;
        for outside in &reached.outside {
            (self.may_leave)(turn.level, outside)?;
        }
        let sent_on = |copy: &Copy| copy.place.is_sent_on();
        let comes_back = |id: &&AccountId| {
            Some(**id) == turn.account || self.plan.copies.get(id).is_some_and(sent_on)
        };
        let back = reached.accounts.iter().filter(comes_back).count();
        if back == 0 {
            return Ok(Ok(()));
        }
        if back == reached.accounts.len() && reached.outside.is_empty() {
            return Err("it would go in a circle".to_owned());
        }
        Ok(Err(format!("{target} leads here as well")))
    }

    /// Who sends a message on: the account, or the recipient whom the level looks after.
    fn sent_on_from(&self, way: &Way, turn: Turn) -> Address {
        let account = turn.account.and_then(|id| self.config.account(id));
        let owner = account.map(|account| account.address.clone());
        let outgoing = || {
            let is_outside = self.config.domain(way.recipient.domain()).is_none();
            self.arrived.signed_in.clone().filter(|_| is_outside)
        };
        let from = owner.or_else(outgoing);
        from.unwrap_or_else(|| way.recipient.clone()).folded()
    }

    /// Gives up what rules wanted only for recipients that are rejected in the end.
    fn void_rejected(&mut self) {
        let (config, plan) = (self.config, &self.plan);
        let refuses = |id: &AccountId| {
            let copy = plan.copies.get(id);
            copy.is_some_and(|copy| matches!(copy.place, Place::Rejected { .. }))
        };
        let rejected = plan
            .above
            .iter()
            .filter(|(recipient, above)| match above.place {
                Place::Rejected { .. } => true,
                Place::Gone { .. } | Place::Held { .. } => false,
                Place::Kept(_) => config.expand(recipient).is_ok_and(|reached| {
                    reached.outside.is_empty() && reached.accounts.iter().all(refuses)
                }),
            });
        let rejected: BTreeSet<_> = rejected.map(|(recipient, _)| recipient.clone()).collect();
        if rejected.is_empty() {
            return;
        }
        let granted = &self.granted;
        let stays = |wish: &(RuleAt, Wish)| {
            let wishers = granted.get(wish);
            wishers.is_none_or(|wishers| !wishers.is_subset(&rejected))
        };
        self.sent_on.retain(|sent_on| stays(&sent_on.wish));
        let errands = &mut self.plan.errands;
        errands.retain(|errand| stays(&(errand.rule.clone(), errand.wish.clone())));
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

impl Turn {
    /// The turn of a level above the mailboxes.
    fn above(level: RuleLevel) -> Self {
        Self {
            level,
            account: None,
        }
    }
}

impl Above {
    fn of(way: &Way, expansion: &Expansion) -> Self {
        let account = expansion.accounts.first().copied().map(Reached::Account);
        let outside = || expansion.outside.first().cloned().map(Reached::Outside);
        Self {
            place: way.place.clone(),
            looks: way.looks.clone(),
            first: account.or_else(outside),
        }
    }
}

impl Way {
    fn to(recipient: &Address) -> Self {
        Self {
            recipient: recipient.clone(),
            through: recipient.folded(),
            place: Place::Kept(vec![Filing::inbox()]),
            head: None,
            looks: Vec::new(),
            domains: BTreeSet::new(),
            hops: 0,
            sent_by: None,
        }
    }

    /// Rejects it; what rules wanted before is void.
    fn reject(&mut self, by: Option<RuleAt>, reason: String) {
        let others = self.looks.iter_mut().filter(|look| look.acted());
        for look in others.filter(|look| Some(&look.rule) != by.as_ref()) {
            look.did.push("void, since it was rejected".to_owned());
        }
        self.place = Place::Rejected { by, reason };
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
