//! What the detections of what rules do (R1 to R9), looked for at commit, mean for people.

/// The detections of what rules do that a change can match, each with what it says.
const DETECTIONS: [(&str, &str); 8] = [
    ("R1", "mail had never gone to this address outside before"),
    ("R2", "many things about it are risky at once"),
    ("R3", "it deletes every message"),
    ("R4", "its name says nothing, as intruders choose names"),
    (
        "R5",
        "mail is deleted and sent outside, by one hand or for the same mailboxes, within a day",
    ),
    (
        "R6",
        "it takes away mail with words that registrars, banks or warnings use",
    ),
    (
        "R7",
        "it deletes, refuses or diverts mail of a whole domain, or of everyone",
    ),
    ("R9", "one address outside gets mail in several ways"),
];

/// What a detection says, such as of `R1`; `None` for one that no change matches, or that is of
/// something else than what rules do.
pub fn detection_words(id: &str) -> Option<&'static str> {
    let mut known = DETECTIONS.iter();
    known
        .find(|(known, _)| *known == id)
        .map(|(_, words)| *words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_detection_of_what_rules_do_has_words() {
        let sources = [
            include_str!("access.rs"),
            include_str!("exit.rs"),
            include_str!("mail.rs"),
            include_str!("mod.rs"),
            include_str!("protection.rs"),
            include_str!("rule.rs"),
            include_str!("source.rs"),
        ];
        let mut found = 0;
        for part in sources.concat().split("detect(\"").skip(1) {
            let id = part.split('"').next().unwrap();
            if !id.starts_with('R') {
                continue;
            }
            assert!(detection_words(id).is_some(), "{id}");
            found += 1;
        }
        assert!(found >= DETECTIONS.len(), "only {found} were found");
        assert_eq!(detection_words("R8"), None);
    }
}
