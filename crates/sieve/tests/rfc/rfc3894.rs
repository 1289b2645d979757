//! RFC 3894: copies that leave the implicit keep.

use crate::{Place, done};

#[test]
fn section_3_copy() {
    for (script, expected) in [
        ("fileinto :copy \"A\";", "file A; keep"),
        (
            "redirect :copy \"a@example.org\";",
            "redirect a@example.org; keep",
        ),
        ("fileinto :copy \"A\"; discard;", "file A; discard"),
        ("fileinto \"A\"; fileinto :copy \"A\";", "file A"),
        (
            "redirect :copy \"a@example.org\"; redirect \"a@example.org\";",
            "redirect a@example.org",
        ),
        (
            "redirect :copy \"a@example.org\"; keep;",
            "redirect a@example.org; explicit keep",
        ),
    ] {
        assert_eq!(done(script, "", &Place::default()), expected, "{script}");
    }
}
