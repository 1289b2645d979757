//! RFC 5233: parts of local parts.

use crate::{Place, table};

#[test]
fn section_4_user_and_detail() {
    let place = Place {
        envelope: vec![("to", "ken+sieve@example.org")],
        ..Place::default()
    };
    let mail = "From: ken+sieve@example.org\nTo: ken@example.org\nCc: ken+@example.org\nBcc: ken+a+b@x.test\n\n";
    table(
        mail,
        &place,
        &[
            ("envelope :user \"to\" \"ken\"", true),
            ("envelope :detail \"to\" \"sieve\"", true),
            ("envelope :localpart \"to\" \"ken+sieve\"", true),
            ("address :user :is \"from\" \"KEN\"", true),
            ("address :detail :is \"from\" \"sieve\"", true),
            ("address :user \"to\" \"ken\"", true),
            ("address :detail \"to\" \"\"", false),
            ("address :detail :contains \"to\" \"\"", false),
            ("address :detail \"cc\" \"\"", true),
            ("address :detail \"bcc\" \"a+b\"", true),
        ],
    );
}
