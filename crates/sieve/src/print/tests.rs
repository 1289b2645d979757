//! What the printer writes is read as the same script.

use proptest::prelude::*;

use crate::ast::{CommandKind, Script, Text};
use crate::{parse, print, required, sample};

fn is_read_again(script: &Script) {
    let printed = print(script);
    match parse(&printed) {
        Ok(again) => assert_eq!(again.erased(), *script, "{printed}"),
        Err(problems) => panic!("{printed}\n{problems}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_script_is_read_again_as_it_was(script in sample::script()) {
        prop_assume!(print(&script).len() <= crate::limits::SCRIPT_MAX_OCTETS);
        is_read_again(&script);
    }

    #[test]
    fn every_text_is_read_again_as_it_was(text in any::<String>()) {
        let block = vec![CommandKind::Reject {
            reason: Text::from(text.as_str()),
            extended: false,
        }
        .into()];
        is_read_again(&Script { require: required(&block), block });
    }
}

#[test]
fn no_text_ends_the_string_it_stands_in() {
    for text in [
        "\"; discard; #",
        "\\\"; discard; #",
        "\\",
        "a\r\n.\r\n; discard; text:\r\n",
        "a\n.\n; discard;\n",
        "*/ discard; /*",
    ] {
        let block = vec![
            CommandKind::Reject {
                reason: Text::from(text),
                extended: false,
            }
            .into(),
        ];
        is_read_again(&Script {
            require: required(&block),
            block,
        });
    }
}

#[test]
fn a_script_reads_well() {
    let text = "require [\"fileinto\", \"vacation\"];\r\n\r\n\
        if anyof (\r\n    header :contains \"Subject\" \"tucows\",\r\n    not size :over 1M\r\n) {\r\n\
        \x20   fileinto \"Work\";\r\n} else {\r\n    vacation :days 7 text:\r\nI am away.\r\n\
        ..\r\n.\r\n    ;\r\n}\r\n";
    assert_eq!(print(&parse(text).unwrap()), text);
}

#[test]
fn what_is_used_and_not_required_is_required_in_print() {
    let block = vec![
        CommandKind::FileInto(crate::ast::FileInto {
            mailbox: Text::from("a"),
            copy: true,
            ..Default::default()
        })
        .into(),
    ];
    let script = Script {
        require: vec!["fileinto".into()],
        block,
    };
    let expected = "require [\"fileinto\", \"copy\"];\r\n\r\nfileinto :copy \"a\";\r\n";
    assert_eq!(print(&script), expected);
}
