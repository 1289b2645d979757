//! What goes to other servers is put into the queue in the transaction of the delivery.

use std::collections::BTreeMap;

use policy::RuleLevel;
use store::WriteTx;
use store::queue::{self, NewQueued, NewRecipient};
use types::{AccountId, Address, ReversePath, Timestamp};

use super::deliver::{Arrival, Mail};
use super::envelope::waives_tls;
use super::{AcceptError, outgoing};
use crate::header;
use crate::queued::{MessageParams, RecipientParams, Schedule, way};
use crate::rules::{Leaving, RuleAt};

/// What differs between copies of one message: who hears of a failure, the rule that made it, and
/// the header block.
type Form<'a> = (String, Option<&'a RuleAt>, Option<&'a [u8]>);

impl Arrival {
    /// Puts what goes outside into the queue, with this place in the line.
    pub(super) fn depart(
        &self,
        tx: &mut WriteTx<'_>,
        mail: &mut Mail<'_>,
        turn: Timestamp,
    ) -> Result<(), AcceptError> {
        let mut forms: BTreeMap<Form<'_>, Vec<(&Address, &Leaving)>> = BTreeMap::new();
        for (to, leaving) in &self.outside {
            let from = outgoing::reverse_path(&self.config, &self.reverse_path, leaving);
            let form = (
                from.to_string(),
                leaving.sent_by.as_ref(),
                leaving.head.as_deref(),
            );
            forms.entry(form).or_default().push((to, leaving));
        }
        for copies in forms.into_values() {
            let new = self.queued(tx, mail, &copies, turn)?;
            queue::insert(tx, &new)?;
        }
        Ok(())
    }

    /// One form of the message with all to whom it goes.
    fn queued(
        &self,
        tx: &mut WriteTx<'_>,
        mail: &mut Mail<'_>,
        copies: &[(&Address, &Leaving)],
        turn: Timestamp,
    ) -> Result<NewQueued, AcceptError> {
        let (_, leaving) = copies[0];
        let from = outgoing::reverse_path(&self.config, &self.reverse_path, leaving);
        let head = match &leaving.head {
            Some(head) => head.clone(),
            None => without_return_path(&self.head),
        };
        let rule = leaving.sent_by.as_ref().or(self.written_by.as_ref());
        let needs_utf8 = !from.address().is_none_or(Address::is_ascii)
            || (self.wishes.smtp_utf8 && !head.is_ascii());
        let params = MessageParams {
            smtp_utf8: needs_utf8,
            eight_bit: self.message.body.is_eight_bit(),
            require_tls: self.wishes.require_tls,
            tls_waived: !self.wishes.require_tls && waives_tls(&head),
            report_to: self.report_to(&from, leaving),
            rule: rule.map(ToString::to_string),
            config_size: self.config_size,
            session: self.came.session,
            credential: self.came.credential,
            own: self.came.account.is_some()
                || self.written_by.is_some()
                || (self.came.session.is_none() && leaving.sent_by.is_none()),
            message_id: self.message_id.clone(),
            ..MessageParams::default()
        };
        let schedule = Schedule::new(self.config.settings());
        Ok(NewQueued {
            message: self.id.clone(),
            account: self.came.account.or_else(|| self.owner_of(rule)),
            reverse_path: from,
            blob: mail.blob(tx)?,
            head,
            params: params.asking(&self.wishes.dsn).to_json(),
            created_at: self.at,
            expires_at: schedule.expiry(self.at),
            look_at: schedule.notice(self.at),
            recipients: (copies.iter())
                .map(|(to, leaving)| self.recipient(to, leaving, turn))
                .collect(),
        })
    }

    fn recipient(&self, to: &Address, leaving: &Leaving, turn: Timestamp) -> NewRecipient {
        // Who asked for reports asked nothing of what rules make of the message.
        let asked = match leaving.sent_by {
            None => self.dsn.get(&leaving.recipient.folded()),
            Some(_) => None,
        };
        NewRecipient {
            address: to.clone(),
            params: RecipientParams::new(&leaving.recipient, asked).to_json(),
            way: way(&self.config, to).name,
            due_at: turn,
            held: None,
        }
    }

    /// Who hears that it could not be delivered. The sender, if it signed in, or who can end the rule
    /// that made the copy. What a stranger says of itself may be forged, so nothing is written there;
    /// the postmaster of the address that led outside hears instead.
    fn report_to(&self, from: &ReversePath, leaving: &Leaving) -> Option<Address> {
        let from = from.address()?;
        let is_owner = self.reverse_path.address() != Some(from);
        match self.came.account.is_some() || is_owner {
            true => Some(from.clone()),
            false => outgoing::postmaster(leaving.recipient.domain()),
        }
    }

    /// The account whose rule it is.
    fn owner_of(&self, rule: Option<&RuleAt>) -> Option<AccountId> {
        match self.config.rule(rule?.id)?.level {
            RuleLevel::Account(id) => Some(id),
            RuleLevel::Server | RuleLevel::Domain(_) => None,
        }
    }
}

/// The header block without our own `Return-Path`, which only the last server adds (RFC 5321 §4.4).
fn without_return_path(head: &[u8]) -> Vec<u8> {
    let mut fields = header::fields(head).filter(|field| field.is("Return-Path"));
    match fields.next() {
        Some(field) => [&head[..field.range.start], &head[field.range.end..]].concat(),
        None => head.to_vec(),
    }
}
