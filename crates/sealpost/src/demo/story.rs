//! The story of the demo: three people, the mail of a day, and a stranger who has the password of
//! one of them and makes two rules. It happened in 2017, with other names; `replay` plays it.

use std::net::Ipv4Addr;

use policy::{Role, RuleContent, RuleDirection};
use service::{Command, Expiry, NewRule, Password, RuleAt};
use sieve::form::{Compare, Condition, FormAction, FormRule, Place};
use types::{Address, Domain, LocalPart, ReversePath, Secret, Timestamp};

use super::sender::Sample;

/// Names before the `@`, names that people see, and roles of the people in the story.
pub(crate) const PEOPLE: [(&str, &str, Role); 3] = [
    (OWNER, "Ana Owner", Role::Owner),
    (ADMIN, "Ben Admin", Role::DomainAdmin),
    (ORDERS, "Orders", Role::MailboxOwner),
];
/// Who loses a message.
pub(crate) const OWNER: &str = "ana";
/// Whose password was stolen.
pub(crate) const ADMIN: &str = "ben";
/// Whose mail is copied.
const ORDERS: &str = "orders";

/// Where the stranger comes from; an address for examples, which nobody has.
pub(crate) const UNKNOWN_ADDRESS: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 77);
/// What the stranger tries first.
pub(crate) const WRONG_PASSWORDS: [&str; 3] = ["correct horse", "letmein2017", "benbenben"];
/// Where the stranger has the copies sent to.
pub(crate) const STRANGER: &str = "drop@webmail.test";
/// The other company.
const PARTNER: &str = "shop@partner.test";
/// Who looks after the names of domains.
const REGISTRAR: &str = "renewals@registrar.test";

/// What the second rule looks for.
const COPIED_WORDS: &str = "Checkout Notice";
/// What the first rule looks for: whoever copies mail about orders does not want the owner to hear
/// of the domain's renewal.
const DELETED_WORD: &str = "tucows";

/// The address `name@domain`.
pub(crate) fn address(name: &str, domain: &Domain) -> anyhow::Result<Address> {
    Ok(Address::new(LocalPart::parse(name)?, domain.clone())?)
}

/// Whether others in the story have an address in this domain, so that it cannot be the demo's.
pub(crate) fn is_elsewhere(domain: &Domain) -> bool {
    [STRANGER, PARTNER, REGISTRAR].iter().any(|other| {
        let other = other.split('@').next_back();
        other.is_some_and(|other| other == domain.as_str())
    })
}

/// A new account.
pub(crate) fn account(
    address: &Address,
    name: Option<&str>,
    role: Role,
    password: &Secret,
) -> Command {
    Command::AccountAdd {
        address: address.clone(),
        name: name.map(str::to_owned),
        role,
        quota_octets: None,
        password: Password(password.clone()),
    }
}

/// The two rules that the stranger makes, in their order, for all mail of the domain.
pub(crate) fn rules(domain: &Domain) -> anyhow::Result<[Command; 2]> {
    let rule = |name: &str, place, words: &str, action| Command::RuleAdd {
        at: RuleAt::Domain(domain.clone()),
        rule: NewRule {
            name: name.to_owned(),
            comment: String::new(),
            enabled: true,
            direction: RuleDirection::In,
            stop: false,
            expires: Expiry::Never,
            is_program_script: false,
            content: RuleContent::Form(FormRule {
                conditions: vec![Condition::Text {
                    place,
                    compare: Compare::Contains,
                    values: vec![words.to_owned()],
                }],
                all: true,
                actions: vec![action],
                stop: false,
            }),
        },
        before: None,
    };
    let to = STRANGER.parse()?;
    Ok([
        rule(
            "...",
            Place::SubjectOrBody,
            DELETED_WORD,
            FormAction::Delete {},
        ),
        rule(
            "invoices",
            Place::Subject,
            COPIED_WORDS,
            FormAction::CopyTo { to },
        ),
    ])
}

/// Mail of an ordinary day, before the rules.
pub(crate) fn mail_before(domain: &Domain, now: Timestamp) -> anyhow::Result<Vec<Sample>> {
    let written = |number, to, subject: &str, body| {
        sample(number, (PARTNER, to), subject, body, (domain, now))
    };
    Ok(vec![
        written(
            0,
            OWNER,
            "Welcome to Sealpost",
            "This message came in by SMTP, like any other.\n\
             `sealpost trace --to` says what happened to it.\n",
        )?,
        written(
            1,
            ORDERS,
            &format!("{COPIED_WORDS} 4411"),
            "A customer paid for order 4411.\n",
        )?,
        written(
            2,
            "ben+invoices",
            "Invoice for November",
            "The address had a detail behind the plus.\n",
        )?,
    ])
}

/// Mail that the rules see: one message for each to take, and one that neither touches.
pub(crate) fn mail_after(domain: &Domain, now: Timestamp) -> anyhow::Result<Vec<Sample>> {
    let at = (domain, now);
    Ok(vec![
        sample(
            3,
            (REGISTRAR, OWNER),
            &format!("Renew {domain} before it expires"),
            "Your domain is registered through tucows and expires in 14 days.\n\
             Renew it, or mail to it will go to whoever takes it next.\n",
            at,
        )?,
        sample(
            4,
            (PARTNER, ORDERS),
            &format!("{COPIED_WORDS} 4412"),
            "A customer paid for order 4412.\n",
            at,
        )?,
        sample(
            5,
            (PARTNER, OWNER),
            "Lunch on Friday?",
            "At the usual place.\n",
            at,
        )?,
        sample(
            6,
            (PARTNER, ORDERS),
            &format!("{COPIED_WORDS} 4413"),
            "A customer paid for order 4413.\n",
            at,
        )?,
    ])
}

/// One message from somebody outside to somebody here.
fn sample(
    number: usize,
    (from, to): (&str, &str),
    subject: &str,
    body: &str,
    (domain, now): (&Domain, Timestamp),
) -> anyhow::Result<Sample> {
    let (from, to): (Address, Address) = (from.parse()?, address(to, domain)?);
    let text = format!(
        "From: <{from}>\nTo: <{to}>\nSubject: {subject}\nDate: {date}\n\
         Message-ID: <{number}.{stamp}@{sender}>\nMIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\n\n{body}",
        date = now.to_rfc5322(),
        stamp = now.0,
        sender = from.domain(),
    );
    Ok(Sample {
        from: ReversePath::Address(from),
        to,
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain() -> Domain {
        "demo.test".parse().unwrap()
    }

    #[test]
    fn every_sample_goes_to_somebody_of_the_story() {
        let known = PEOPLE.map(|(name, _, _)| name);
        let before = mail_before(&domain(), Timestamp(0)).unwrap();
        let after = mail_after(&domain(), Timestamp(0)).unwrap();
        for sample in before.iter().chain(&after) {
            let plain = sample.to.local().split_detail('+').map(|(user, _)| user);
            let local = plain.unwrap_or_else(|| sample.to.local().clone());
            assert!(known.contains(&local.to_string().as_str()), "{local}");
            assert!(sample.text.contains(&format!("To: <{}>", sample.to)));
        }
    }

    #[test]
    fn no_mail_before_the_rules_asks_for_the_domain_to_be_renewed() {
        let has_word = |samples: Vec<Sample>| {
            let mut texts = samples.iter().map(|sample| &sample.text);
            texts.any(|text| text.contains(DELETED_WORD))
        };
        assert!(!has_word(mail_before(&domain(), Timestamp(0)).unwrap()));
        assert!(has_word(mail_after(&domain(), Timestamp(0)).unwrap()));
    }

    #[test]
    fn the_demo_lives_where_nobody_else_of_the_story_does() {
        for (name, is_taken) in [
            ("webmail.test", true),
            ("partner.test", true),
            ("registrar.test", true),
            ("demo.test", false),
            ("mail.partner.test", false),
        ] {
            assert_eq!(is_elsewhere(&name.parse().unwrap()), is_taken, "{name}");
        }
    }
}
