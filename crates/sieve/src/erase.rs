//! Scripts without places, so that they can be compared whatever text they came from.

use crate::ast::{Block, Command, CommandKind, Pos, Script, Test, TestKind};

impl Script {
    /// The same script as if it had never been text: every place is [`Pos::default`].
    #[must_use]
    pub fn erased(&self) -> Self {
        let mut script = self.clone();
        erase_block(&mut script.block);
        script
    }
}

fn erase_block(block: &mut Block) {
    for Command { at, kind } in block {
        *at = Pos::default();
        match kind {
            CommandKind::If { arms, otherwise } => {
                for (test, block) in arms {
                    erase_test(test);
                    erase_block(block);
                }
                if let Some(block) = otherwise {
                    erase_block(block);
                }
            }
            CommandKind::ForEveryPart { block, .. } => erase_block(block),
            _ => {}
        }
    }
}

fn erase_test(test: &mut Test) {
    test.at = Pos::default();
    match &mut test.kind {
        TestKind::Not(test) => erase_test(test),
        TestKind::AllOf(tests) | TestKind::AnyOf(tests) => tests.iter_mut().for_each(erase_test),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_erased_at_every_depth() {
        let at = |line| Pos { line, column: 1 };
        let test = |line, kind| Test { at: at(line), kind };
        let command = |line, kind| Command { at: at(line), kind };
        let script = |places: bool| {
            let line = |line| if places { line } else { 0 };
            let inner = test(
                line(3),
                TestKind::Not(Box::new(test(line(4), TestKind::True))),
            );
            let looped = CommandKind::ForEveryPart {
                name: None,
                block: vec![command(line(6), CommandKind::Stop)],
            };
            Script {
                require: Vec::new(),
                block: vec![command(
                    line(1),
                    CommandKind::If {
                        arms: vec![(
                            test(line(2), TestKind::AllOf(vec![inner])),
                            vec![command(line(5), looped)],
                        )],
                        otherwise: Some(vec![command(line(7), CommandKind::Keep { flags: None })]),
                    },
                )],
            }
        };
        let mut plain = script(false);
        erase_block(&mut plain.block);
        assert_eq!(script(true).erased(), plain);
        assert_ne!(script(true), plain);
    }
}
