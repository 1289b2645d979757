//! A client that only ever resynchronizes knows as much as one that reads everything (RFC 7162 §3.2).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use net::Random;

use super::client::{Answer, Client, World};
use super::tracking::number;

const STEPS: usize = 40;
/// Changes that others make while the client is away, at most.
const CHANGES_MAX: usize = 8;
const MESSAGE: &str = "a:b\r\n\r\nx\r\n";

/// What the client says while it stays. In most of them an expunge by others is withheld.
const WHILE_SELECTED: [&str; 7] = [
    "NOOP",
    "EXPUNGE",
    "FETCH 1:* (UID FLAGS MODSEQ)",
    "SEARCH MODSEQ 1",
    "STORE 1:* +FLAGS (\\Answered)",
    "STORE 1:* (UNCHANGEDSINCE 30) -FLAGS (\\Answered)",
    "UID FETCH 1:* (UID FLAGS MODSEQ)",
];

/// UIDs and flags.
type Messages = BTreeMap<u32, String>;

/// What the client has kept.
#[derive(Debug)]
struct Kept {
    validity: u64,
    modseq: u64,
    messages: Messages,
}

fn one_of<'a>(dice: &Random, choices: &[&'a str]) -> &'a str {
    choices[below(dice, choices.len())]
}

fn below(dice: &Random, end: usize) -> usize {
    let number = usize::try_from(dice.number() >> 33).unwrap();
    number % end.max(1)
}

/// Changes the mailbox in one of the ways in which clients do.
async fn change(dice: &Random, client: &mut Client) {
    let first = 1 + below(dice, 30);
    let uids = format!("{first}:{}", first + below(dice, 4));
    let flag = one_of(dice, &["\\Seen", "\\Flagged", "\\Deleted", "$kept"]);
    let how = one_of(dice, &["+FLAGS", "-FLAGS", "FLAGS.SILENT", "+FLAGS.SILENT"]);
    let command = match below(dice, 8) {
        0 | 1 => return client.append("INBOX", MESSAGE).await,
        2 | 3 => format!("UID STORE {uids} {how} ({flag})"),
        4 => "EXPUNGE".to_owned(),
        5 => format!("UID MOVE {uids} Archive"),
        6 => format!("UID COPY {uids} INBOX"),
        _ => format!("UID EXPUNGE {uids}"),
    };
    let answer = client.says(&command).await;
    let last = answer.lines.last().unwrap();
    assert!(
        last.starts_with("OK ") || last.starts_with("NO [EXPUNGEISSUED]"),
        "{answer:?}"
    );
}

fn leading_number(text: &str) -> u64 {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

fn ranges(set: &str) -> Vec<RangeInclusive<u32>> {
    let range = |text: &str| {
        let (first, last) = text.split_once(':').unwrap_or((text, text));
        first.parse().unwrap()..=last.parse().unwrap()
    };
    set.split(',').map(range).collect()
}

impl Kept {
    /// The parameter of SELECT, in one of the ways in which clients write it.
    fn parameter(&self, dice: &Random) -> String {
        let known: Vec<String> = self.messages.keys().map(u32::to_string).collect();
        let last = self.messages.keys().last().copied().unwrap_or(1);
        let mut parameter = format!("{} {}", self.validity, self.modseq);
        match below(dice, 4) {
            // Without the UIDs the server tells of all, new messages among them.
            0 => return parameter,
            1 => parameter += &format!(" 1:{last}"),
            2 if !known.is_empty() => parameter += &format!(" {}", known.join(",")),
            _ => {}
        }
        if !known.is_empty() {
            let place = below(dice, known.len());
            parameter += &format!(" ({} {})", place + 1, known[place]);
        }
        parameter
    }

    /// Takes the mod-sequence that the answer names, or else the highest of what it tells, as
    /// clients do (RFC 7162 §3.2).
    fn come_back_with(&mut self, answer: &Answer) {
        let lines = answer.lines.join("\n");
        if let Some((_, named)) = lines.rsplit_once("[HIGHESTMODSEQ ") {
            self.modseq = leading_number(named);
            return;
        }
        let told = lines.split("MODSEQ (").skip(1);
        let found = lines.split("(MODSEQ ").skip(1);
        let highest = told.chain(found).map(leading_number).max();
        self.modseq = self.modseq.max(highest.unwrap_or(0));
    }

    /// Takes in what is told.
    fn follow(&mut self, answer: &Answer) {
        for line in &answer.lines {
            if let Some(gone) = line.strip_prefix("* VANISHED ") {
                let gone = gone.trim_start_matches("(EARLIER) ");
                for range in ranges(gone) {
                    self.messages.retain(|uid, _| !range.contains(uid));
                }
            }
            if let Some((_, rest)) = line.split_once(" FETCH (UID ") {
                let (uid, rest) = rest.split_once(' ').unwrap();
                if let Some(flags) = rest.strip_prefix("FLAGS (") {
                    let (flags, _) = flags.split_once(')').unwrap();
                    self.messages.insert(uid.parse().unwrap(), flags.to_owned());
                }
            }
        }
    }
}

async fn everything(client: &mut Client) -> Messages {
    let mut kept = Kept {
        validity: 0,
        modseq: 0,
        messages: Messages::new(),
    };
    kept.follow(&client.says("UID FETCH 1:* (UID FLAGS)").await);
    kept.messages
}

/// Comes back with what is kept, and knows all in the end.
async fn resynchronize(world: &World, dice: &Random, kept: &mut Kept, others: &mut [Client]) {
    let mut client = world.client().await;
    client.says("ENABLE QRESYNC").await.ends("OK *");
    let answer = client
        .says(&format!(
            "SELECT INBOX (QRESYNC ({}))",
            kept.parameter(dice)
        ))
        .await;
    answer.ends("OK *");
    let modseq = number(&answer, "HIGHESTMODSEQ");
    assert!(modseq >= kept.modseq);
    let last = kept.messages.keys().last().copied().unwrap_or(0);
    kept.follow(&answer);
    // New messages are the client's to ask for: it knows up to where it knows all.
    kept.follow(
        &client
            .says(&format!("UID FETCH {}:* (UID FLAGS)", last + 1))
            .await,
    );
    kept.modseq = modseq;
    let mut examiner = world.client().await;
    examiner.says("EXAMINE INBOX").await.ends("OK *");
    assert_eq!(kept.messages, everything(&mut examiner).await);
    // It stays for a while: what it hears then it need not hear again.
    for _ in 0..below(dice, 6) {
        let other = below(dice, others.len());
        change(dice, &mut others[other]).await;
        let command = one_of(dice, &WHILE_SELECTED);
        let last = kept.messages.keys().last().copied().unwrap_or(0);
        let answer = client.says(command).await;
        kept.follow(&answer);
        kept.come_back_with(&answer);
        if answer.lines.iter().any(|line| line.ends_with(" EXISTS")) {
            let new = format!("UID FETCH {}:* (UID FLAGS MODSEQ)", last + 1);
            let answer = client.says(&new).await;
            kept.follow(&answer);
            kept.come_back_with(&answer);
        }
    }
}

async fn resynchronizes(seed: u64) {
    let world = World::new().await;
    let dice = Random::seeded(seed);
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(world.reader().await);
    }
    let answer = world.client().await.says("EXAMINE INBOX").await;
    let mut kept = Kept {
        validity: number(&answer, "UIDVALIDITY"),
        modseq: number(&answer, "HIGHESTMODSEQ"),
        messages: Messages::new(),
    };
    let mut seen_most = 0;
    for _ in 0..STEPS {
        for _ in 0..below(&dice, CHANGES_MAX) {
            let other = below(&dice, others.len());
            change(&dice, &mut others[other]).await;
        }
        resynchronize(&world, &dice, &mut kept, &mut others).await;
        seen_most = seen_most.max(kept.messages.len());
    }
    assert!(seen_most > 3, "seed {seed} did little");
}

#[tokio::test]
async fn a_client_that_only_resynchronizes_knows_everything() {
    for seed in [1, 2, 3] {
        resynchronizes(seed).await;
    }
}
