//! The report of another server that a message could not be delivered (RFC 3464), as the server of
//! the stranger's address writes it.

use service::Outgoing;
use types::{Address, Timestamp};

use super::sender::Sample;

/// Who writes the report.
pub(crate) const REPORTING_MTA: &str = "mx.webmail.test";

/// The report that the mailbox is full, for whoever the message's return path names; `None` if it
/// has none, since nobody is told about a report (RFC 5321 §4.5.5).
pub(crate) fn full(message: &Outgoing, now: Timestamp) -> Option<Sample> {
    let back = message.from.address()?;
    Some(Sample {
        from: types::ReversePath::Null,
        to: back.clone(),
        text: text(message, back, now),
    })
}

fn text(message: &Outgoing, back: &Address, now: Timestamp) -> String {
    let (to, date) = (&message.to, now.to_rfc5322());
    let boundary = format!("report-{}", now.0);
    let head = String::from_utf8_lossy(&message.head).replace("\r\n", "\n");
    format!(
        "From: Mail delivery <MAILER-DAEMON@{REPORTING_MTA}>\nTo: <{back}>\n\
         Subject: Undelivered mail returned to sender\nDate: {date}\n\
         Message-ID: <{stamp}@{REPORTING_MTA}>\nAuto-Submitted: auto-replied\n\
         MIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status;\n\
         \tboundary=\"{boundary}\"\n\n\
         --{boundary}\nContent-Type: text/plain; charset=utf-8\n\n\
         Your message could not be delivered:\n\n  <{to}>: the mailbox is full\n\n\
         --{boundary}\nContent-Type: message/delivery-status\n\n\
         Reporting-MTA: dns; {REPORTING_MTA}\nArrival-Date: {date}\n\n\
         Final-Recipient: rfc822; {to}\nAction: failed\nStatus: 5.2.2\n\
         Diagnostic-Code: smtp; 552 5.2.2 mailbox full\n\n\
         --{boundary}\nContent-Type: text/rfc822-headers\n\n{head}\n\
         --{boundary}--\n",
        stamp = now.0,
        head = head.trim_end(),
    )
}

#[cfg(test)]
mod tests {
    use types::ReversePath;

    use super::*;

    fn outgoing(from: ReversePath) -> Outgoing {
        Outgoing {
            from,
            to: "drop@webmail.test".parse().unwrap(),
            rule: Some("r_2@17".to_owned()),
            head: b"Subject: Notice\r\nFrom: a@far.test\r\n\r\n".to_vec(),
            octets: 40,
        }
    }

    #[test]
    fn the_report_goes_back_with_the_null_path_and_all_three_parts() {
        let back: Address = "postmaster+r_2@demo.test".parse().unwrap();
        let message = outgoing(ReversePath::Address(back.clone()));
        let report = full(&message, Timestamp(7)).unwrap();
        assert_eq!((report.from, report.to), (ReversePath::Null, back));
        for part in [
            "To: <postmaster+r_2@demo.test>\n",
            "Content-Type: multipart/report; report-type=delivery-status;\n",
            "\nFinal-Recipient: rfc822; drop@webmail.test\nAction: failed\nStatus: 5.2.2\n",
            "Content-Type: text/rfc822-headers\n\nSubject: Notice\nFrom: a@far.test\n--report-7--\n",
        ] {
            assert!(report.text.contains(part), "{part:?} in {}", report.text);
        }
    }

    #[test]
    fn nobody_is_told_about_a_report() {
        assert!(full(&outgoing(ReversePath::Null), Timestamp(7)).is_none());
    }
}
