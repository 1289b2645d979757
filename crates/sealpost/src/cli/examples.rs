//! Examples for `--help` and the man pages. Each is a command line that is understood.

/// Examples by the words of their command. A command without an example explains itself.
const EXAMPLES: &[(&str, &[&str])] = &[
    (
        "setup",
        &["sealpost setup you@example.org --host-name mail.example.org"],
    ),
    (
        "demo",
        &[
            "sealpost demo",
            "sealpost demo --data /tmp/demo --keep --accounts 3 --json",
        ],
    ),
    (
        "serve",
        &["sealpost serve --config /etc/sealpost/sealpost.toml"],
    ),
    ("status", &["sealpost status", "sealpost status --json"]),
    ("health", &["sealpost health"]),
    (
        "domain add",
        &["sealpost domain add example.net --reason 'second brand'"],
    ),
    ("domain list", &["sealpost domain list --json"]),
    (
        "domain catch-all set",
        &["sealpost domain catch-all set example.org you@example.org"],
    ),
    (
        "account add",
        &[
            "sealpost account add ann@example.org --name Ann --quota 10G --generate",
            "sealpost account add ann@example.org --password-file - --yes",
        ],
    ),
    (
        "account passwd",
        &["sealpost account passwd ann@example.org"],
    ),
    (
        "account role",
        &["sealpost account role ann@example.org domain_admin"],
    ),
    (
        "account quota",
        &["sealpost account quota ann@example.org none"],
    ),
    (
        "account send-as grant",
        &["sealpost account send-as grant ann@example.org info@example.org"],
    ),
    (
        "alias add",
        &["sealpost alias add info@example.org ann@example.org ben@example.org"],
    ),
    ("service on", &["sealpost service on pop3s"]),
    (
        "scanner set",
        &[
            "sealpost scanner set clamd unix:/run/clamav/clamd.ctl",
            "sealpost scanner set rspamd 127.0.0.1:11333 --if-silent accept",
        ],
    ),
    (
        "service listen add",
        &[
            "sealpost service listen add pop3s 0.0.0.0",
            "sealpost service listen add metrics 127.0.0.1 9464",
        ],
    ),
    (
        "certificate set",
        &["sealpost certificate set --chain fullchain.pem --key privkey.pem --yes"],
    ),
    (
        "config get",
        &["sealpost config get", "sealpost config get recipients_max"],
    ),
    (
        "config set",
        &["sealpost config set recipients_max 200 --dry-run"],
    ),
    ("config apply", &["sealpost config apply changes.jsonl"]),
    ("ledger list", &["sealpost ledger list --limit 10"]),
    ("ledger show", &["sealpost ledger show 17"]),
    (
        "ledger acknowledge",
        &["sealpost ledger acknowledge --reason 'a restore that went wrong, ticket 17'"],
    ),
    (
        "ledger verify",
        &[
            "sealpost ledger verify",
            "sealpost ledger verify --folder ledger --checkpoint checkpoint.txt",
        ],
    ),
    (
        "activity",
        &["sealpost activity --account ann@example.org --since 7d --kind sign_in"],
    ),
    (
        "rules test",
        &[
            "sealpost rules test r_1 --message sample.eml",
            "sealpost rules test --account ann@example.org --when 'subject contains offer' --then delete --id 6b04bbbf943a4f01a6d5fcc4",
        ],
    ),
    (
        "rules run",
        &["sealpost rules run r_1 --account ann@example.org --folder INBOX --dry-run"],
    ),
    (
        "recoverable list",
        &["sealpost recoverable list ann@example.org"],
    ),
    (
        "recoverable restore",
        &[
            "sealpost recoverable restore ann@example.org 17 18",
            "sealpost recoverable restore ann@example.org --since 2h",
            "sealpost recoverable restore --rule r_1",
        ],
    ),
    (
        "recoverable purge",
        &[
            "sealpost recoverable purge ann@example.org 17 --reason 'asked for by its owner' --dry-run",
        ],
    ),
    (
        "log level",
        &["sealpost log level", "sealpost log level smtp debug"],
    ),
    ("log tail", &["sealpost log tail --kind smtp --limit 20"]),
    ("alerts", &["sealpost alerts --since 7d"]),
    ("explain rule", &["sealpost explain rule r_1"]),
    (
        "explain message",
        &["sealpost explain message order-17@shop.example.net"],
    ),
    (
        "explain time",
        &["sealpost explain time 2026-11-23T02:10:00Z"],
    ),
    (
        "trace",
        &["sealpost trace --to ann@example.org --since 12h"],
    ),
    (
        "completion",
        &["sealpost completion bash > /usr/share/bash-completion/completions/sealpost"],
    ),
];

/// The definition with the examples in the help of its commands.
pub(super) fn add(program: clap::Command) -> clap::Command {
    EXAMPLES.iter().fold(program, |program, (words, lines)| {
        let words: Vec<&str> = words.split(' ').collect();
        at(program, &words, lines)
    })
}

fn at(command: clap::Command, words: &[&str], lines: &[&str]) -> clap::Command {
    let Some((first, rest)) = words.split_first() else {
        let after = command.get_after_help().map(ToString::to_string);
        let parts: Vec<String> = after.into_iter().chain([text(lines)]).collect();
        return command.after_help(parts.join("\n\n"));
    };
    command.mut_subcommand(first, |below| at(below, rest, lines))
}

fn text(lines: &[&str]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("  {line}")).collect();
    format!("EXAMPLES:\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::super::definition;
    use super::*;

    /// The words of an example as a shell would pass them, up to a redirection.
    fn words(line: &str) -> Vec<String> {
        let mut words = Vec::new();
        for (at, part) in line.split('\'').enumerate() {
            if at % 2 == 1 {
                words.push(part.to_owned());
                continue;
            }
            let plain = part
                .split_ascii_whitespace()
                .take_while(|word| *word != ">");
            words.extend(plain.map(str::to_owned));
        }
        words
    }

    #[test]
    fn every_example_is_understood_and_belongs_to_its_command() {
        for (command, lines) in EXAMPLES {
            for line in *lines {
                let understood = definition().try_get_matches_from(words(line));
                assert!(understood.is_ok(), "{line}: {:?}", understood.err());
                assert!(line.starts_with(&format!("sealpost {command}")), "{line}");
            }
        }
    }

    /// Files in which commands are named to people.
    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, found);
            } else if path
                .extension()
                .is_some_and(|end| end == "rs" || end == "md")
            {
                found.push(path);
            }
        }
    }

    /// What a text says of a command.
    struct Named<'a> {
        /// The words behind `sealpost`, up to the first that is no word of a command.
        words: Vec<&'a str>,
        /// The flags behind them, without their hyphens and values.
        flags: Vec<&'a str>,
        /// Whether it stands between backticks, and so is a command for certain.
        is_quoted: bool,
    }

    fn named(text: &str) -> impl Iterator<Item = Named<'_>> {
        let is_word = |word: &&str| {
            word.starts_with(|c: char| c.is_ascii_lowercase())
                && word.bytes().all(|c| c.is_ascii_lowercase() || c == b'-')
        };
        let flag = |word| str::strip_prefix(word, "--")?.split(['=', ']']).next();
        text.match_indices("sealpost ").map(move |(at, name)| {
            let said = &text[at + name.len()..];
            let end = said.find(['`', '"', '\n', ';', ',', '.', ':', ')']);
            let said = &said[..end.unwrap_or(said.len())];
            Named {
                words: said.split(' ').take_while(is_word).collect(),
                flags: said.split(' ').filter_map(flag).collect(),
                is_quoted: text[..at].ends_with('`'),
            }
        })
    }

    /// What is wrong with it, if anything is.
    fn fault(program: &clap::Command, named: &Named<'_>) -> Option<String> {
        let mut command = program;
        // Flags behind the bare name may belong to the program that starts it.
        if named.words.is_empty() {
            return None;
        }
        for (depth, word) in named.words.iter().enumerate() {
            match command.find_subcommand(word) {
                Some(below) => command = below,
                // A text that is no command at all goes on with other words.
                None if depth == 0 && !named.is_quoted => return None,
                None if command.get_positionals().next().is_some() => {}
                None if command.has_subcommands() => return Some((*word).to_owned()),
                None => break,
            }
        }
        let knows = |flag: &str| {
            let named = |arg: &clap::Arg| {
                let aliases = arg.get_all_aliases().unwrap_or_default();
                arg.get_long() == Some(flag) || aliases.contains(&flag)
            };
            flag == "help" || command.get_arguments().any(named)
        };
        let unknown = named.flags.iter().find(|flag| !knows(flag));
        unknown.map(|flag| format!("--{flag}"))
    }

    #[test]
    fn a_command_that_a_text_names_exists_with_its_flags() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut all = vec![root.join("README.md"), root.join("CHANGELOG.md")];
        files(&root.join("docs"), &mut all);
        for name in ["ledger", "policy", "net", "store", "service", "sealpost"] {
            files(&root.join("crates").join(name).join("src"), &mut all);
        }
        let definition = definition();
        let (mut commands, mut flags, mut wrong) = (0, 0, Vec::new());
        for path in all {
            // A text in the source may go on in the next line.
            let text = fs::read_to_string(&path).unwrap();
            let pieces: Vec<_> = text.split("\\\n").map(str::trim_start).collect();
            for named in named(&pieces.concat()) {
                let said = named.words.join(" ");
                let fault = fault(&definition, &named);
                wrong.extend(
                    fault.map(|word| format!("{}: sealpost {said}: {word}", path.display())),
                );
                commands += 1;
                flags += named.flags.len();
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(
            commands > 100 && flags > 20,
            "only {commands} commands with {flags} flags were found"
        );
    }

    #[test]
    fn a_wrong_word_or_flag_is_found() {
        let definition = definition();
        for (text, wrong) in [
            ("`PROGRAM doctor --fix`", None),
            ("`PROGRAM log tail --lines 3`", None),
            ("run PROGRAM account passwd ADDRESS", None),
            ("the PROGRAM server --that runs", None),
            ("`PROGRAM doctor --mend`", Some("--mend")),
            ("`PROGRAM account password`", Some("password")),
            ("`PROGRAM undo`", Some("undo")),
        ] {
            // Spelled out here, it would be found as a text of ours.
            let text = text.replace("PROGRAM", "sealpost");
            let found = named(&text).find_map(|named| fault(&definition, &named));
            assert_eq!(found.as_deref(), wrong, "{text}");
        }
    }
}
