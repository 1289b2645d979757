//! The story of the demo: three people, their sample mail, and an address that also delivers to a
//! stranger.

use policy::Role;
use service::{Command, Password};
use types::{Address, Domain, LocalPart, Secret, Timestamp};

use super::sender::Sample;

/// Names before the `@`, names that people see, and roles of the people in the story.
pub(crate) const PEOPLE: [(&str, &str, Role); 3] = [
    ("ana", "Ana Owner", Role::Owner),
    ("ben", "Ben Admin", Role::DomainAdmin),
    ("orders", "Orders", Role::MailboxOwner),
];

/// The stranger, outside; nothing ever leaves the demo.
const STRANGER: &str = "drop@webmail.test";
/// The other company.
const PARTNER: &str = "shop@partner.test";

/// The address `name@domain`.
pub(crate) fn address(name: &str, domain: &Domain) -> anyhow::Result<Address> {
    Ok(Address::new(LocalPart::parse(name)?, domain.clone())?)
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

/// The change that the story is about: mail to sales also goes to somebody outside.
pub(crate) fn incident(domain: &Domain) -> anyhow::Result<Command> {
    let targets = vec![address("orders", domain)?, STRANGER.parse()?];
    Ok(Command::AliasAdd {
        address: address("sales", domain)?,
        targets,
    })
}

/// What was written between the partner and the people here.
pub(crate) fn samples(domain: &Domain, now: Timestamp) -> anyhow::Result<Vec<Sample>> {
    let mail = [
        (
            "ana",
            "Welcome to Sealpost",
            "This message came in by SMTP, like any other.\n\
          `sealpost trace --to` says what happened to it.\n",
        ),
        (
            "orders",
            "Checkout Notice 4411",
            "A customer paid for order 4411.\n",
        ),
        (
            "ben+invoices",
            "Invoice for November",
            "The address had a detail behind the plus.\n",
        ),
        (
            "sales",
            "Checkout Notice 4412",
            "A customer paid for order 4412.\n\
          Who else reads this? `sealpost alias show` knows.\n",
        ),
    ];
    let from: Address = PARTNER.parse()?;
    let sample = |(number, (name, subject, body)): (usize, (&str, &str, &str))| {
        let to = address(name, domain)?;
        let date = now.to_rfc5322();
        let text = format!(
            "From: Partner Shop <{from}>\nTo: <{to}>\nSubject: {subject}\nDate: {date}\n\
             Message-ID: <{number}.{}@partner.test>\nMIME-Version: 1.0\n\
             Content-Type: text/plain; charset=utf-8\n\n{body}",
            now.0
        );
        Ok(Sample {
            from: from.clone(),
            to,
            text,
        })
    };
    mail.into_iter().enumerate().map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_goes_to_somebody_of_the_story() {
        let domain: Domain = "demo.test".parse().unwrap();
        let samples = samples(&domain, Timestamp(0)).unwrap();
        let Command::AliasAdd {
            address: alias,
            targets,
        } = incident(&domain).unwrap()
        else {
            panic!("the incident is an alias");
        };
        assert!(targets.iter().any(|target| target.domain() != &domain));
        let mut known: Vec<Address> = PEOPLE
            .iter()
            .map(|(name, _, _)| address(name, &domain).unwrap())
            .collect();
        known.push(alias);
        for sample in samples {
            let plain = sample.to.local().split_detail('+').map(|(user, _)| user);
            let local = plain.unwrap_or_else(|| sample.to.local().clone());
            let to = Address::new(local, domain.clone()).unwrap();
            assert!(known.contains(&to), "{to}");
            assert!(sample.text.contains(&format!("To: <{}>", sample.to)));
        }
    }
}
