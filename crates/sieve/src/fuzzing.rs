//! Bodies of the fuzz targets. Of the parser: nothing panics, and what is accepted is printed so that
//! it is accepted again, unchanged. Of the interpreter: see [`run_twice`].

mod run;

pub use run::run_twice;

use crate::limits::{PROBLEMS_MAX, SCRIPT_MAX_OCTETS};
use crate::{parse, print};

/// Reads a script, prints it and reads it again.
pub fn parse_round_trip(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let script = match parse(text) {
        Ok(script) => script.erased(),
        Err(problems) => {
            assert!((1..=PROBLEMS_MAX).contains(&problems.list().len()));
            return;
        }
    };
    let printed = print(&script);
    if printed.len() > SCRIPT_MAX_OCTETS {
        return;
    }
    match parse(&printed) {
        Ok(again) => {
            assert_eq!(again.erased(), script, "{printed}");
            assert_eq!(print(&again), printed);
        }
        Err(problems) => panic!("{printed}\n{problems}"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::parse_round_trip;
    use crate::walk::{self, Node};
    use crate::{parse, print};

    /// Scripts in the manner of people and of programs, with how many commands and tests they have.
    const CORPUS: [(&str, usize, usize); 8] = [
        ("away_mime", 5, 8),
        ("by_hand", 19, 13),
        ("groupware", 14, 10),
        ("programmer", 34, 17),
        ("server_wide", 17, 11),
        ("ten_years", 324, 231),
        ("verbose_tool", 14, 14),
        ("webmail_filters", 15, 11),
    ];

    fn corpus(name: &str) -> String {
        fs::read_to_string(format!("tests/corpus/{name}.sieve")).unwrap()
    }

    /// How many commands and tests a script has.
    fn counted(script: &crate::Script) -> (usize, usize) {
        let mut counted = (0, 0);
        walk::block(&script.block, &mut |node| match node {
            Node::Command(_) => counted.0 += 1,
            Node::Test(_) => counted.1 += 1,
            Node::Text(_) => {}
        });
        counted
    }

    #[test]
    fn seeds_pass() {
        let mut seeds = 0;
        for file in fs::read_dir("fuzz-seeds/sieve_parse").unwrap() {
            parse_round_trip(&fs::read(file.unwrap().path()).unwrap());
            seeds += 1;
        }
        assert!(seeds > 0, "a replay of nothing proves nothing");
    }

    #[test]
    fn scripts_of_people_keep_their_meaning_in_print() {
        assert_eq!(fs::read_dir("tests/corpus").unwrap().count(), CORPUS.len());
        for (name, commands, tests) in CORPUS {
            let text = corpus(name);
            let script = parse(&text).unwrap_or_else(|problems| panic!("{name}: {problems}"));
            assert_eq!(counted(&script), (commands, tests), "{name}");
            let other_lines = text.replace('\n', "\r\n");
            assert_eq!(
                parse(&other_lines).as_ref(),
                Ok(&script),
                "{name} with CRLF"
            );
            let again = parse(&print(&script)).unwrap();
            assert_eq!(again.erased(), script.erased(), "{name}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn scripts_with_one_place_changed_do_no_harm(
            which in any::<Index>(),
            at in any::<Index>(),
            removed in 0..40_usize,
            put in "(\\PC|[\"\\\\{}();:\r\n.#/*$]){0,6}",
        ) {
            let text = corpus(CORPUS[which.index(CORPUS.len())].0);
            let mut chars: Vec<char> = text.chars().collect();
            let at = at.index(chars.len());
            let end = (at + removed).min(chars.len());
            chars.splice(at..end, put.chars());
            parse_round_trip(chars.into_iter().collect::<String>().as_bytes());
        }
    }
}
