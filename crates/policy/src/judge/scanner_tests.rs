//! Services that read all mail and decide about it.

use super::Class;
use super::tests::assert_told;
use crate::change::{Change, IfSilent, ScannerKind, ScannerRemove, ScannerSet};
use crate::sample::Sample;

#[test]
fn whoever_looks_at_mail_is_told_with_what_it_decides() {
    let mut sample = Sample::new();
    let set = |id, address: &str, if_silent| {
        Change::ScannerSet(ScannerSet {
            id,
            address: address.parse().unwrap(),
            if_silent,
            timeout_s: 20,
        })
    };
    let (clamd, rspamd) = (ScannerKind::Clamd, ScannerKind::Rspamd);
    for (change, found, words) in [
        (
            set(clamd, "unix:/run/clamd", IfSilent::Defer),
            "",
            "Shows all mail that comes in, whole, to clamd at unix:/run/clamd before it is taken. | \
             Refuses mail in which clamd finds a virus. Mail for which clamd does not answer has to \
             wait.",
        ),
        (
            set(rspamd, "192.0.2.1:11333", IfSilent::Accept),
            "",
            "Shows all mail that comes in, whole, to rspamd at 192.0.2.1:11333 before it is taken. | \
             Puts mail that rspamd takes for spam into Junk, or into quarantine where it is sure. \
             Mail for which rspamd does not answer is taken unseen.",
        ),
        (
            Change::ScannerRemove(ScannerRemove { id: clamd }),
            "P6",
            "Asks clamd no longer: nobody looks for viruses in mail that comes in.",
        ),
    ] {
        let judgement = sample.make(change);
        assert_told(&sample, &judgement, Class::C2, found, words);
    }
    for (change, words) in [
        (
            set(rspamd, "192.0.2.1:11333", IfSilent::Accept),
            "nothing would change",
        ),
        (
            Change::ScannerRemove(ScannerRemove { id: clamd }),
            "there is no scanner clamd",
        ),
    ] {
        let refusal = sample.refusal(change).to_string();
        assert!(refusal.contains(words), "{refusal}");
    }
}
