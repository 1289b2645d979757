//! The folders that a script files into.

use crate::ast::{CommandKind, FileInto, Script};
use crate::walk::{self, Node};

/// The names of folders that a script files a message or a copy of an answer into, as far as they
/// are known before it runs.
pub fn folders(script: &Script) -> Vec<String> {
    let mut found = Vec::new();
    let mut add = |file: &FileInto| found.extend(file.mailbox.constant());
    walk::block(&script.block, &mut |node| {
        let Node::Command(command) = node else {
            return;
        };
        match &command.kind {
            CommandKind::FileInto(file) => add(file),
            CommandKind::Vacation(vacation) => vacation.fcc.iter().for_each(&mut add),
            CommandKind::Notify(notify) => notify.fcc.iter().for_each(&mut add),
            _ => {}
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_folders_are_found_wherever_they_stand() {
        let text = "require [\"fileinto\", \"variables\", \"vacation\", \"fcc\", \"copy\"];
            if not header \"Subject\" \"x\" { fileinto :copy \"A/B\"; }
            elsif false { vacation :fcc \"Sent\" \"away\"; }
            else { set \"f\" \"C\"; fileinto \"${f}\"; }";
        let script = crate::parse(text).unwrap();
        assert_eq!(folders(&script), ["A/B", "Sent"]);
    }
}
