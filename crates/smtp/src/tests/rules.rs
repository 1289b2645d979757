//! What a sender hears when rules say no.

use policy::{RuleContent, RuleDirection};
use service::{Command, Expiry, NewRule, RuleAt};

use super::client::{Client, inbox, world};

const REJECT: &str = "require \"reject\"; reject text:\r\nNo offers, please.\r\n\r\n\
    250 ok\r\n..\r\nWrite to me: \u{e9}\r\n.\r\n;";
const REASON: [&str; 4] = [
    "550-5.7.1 No offers, please.",
    "550-5.7.1 250 ok",
    "550-5.7.1 .",
    "550 5.7.1 Write to me: ?",
];
const MAIL: &str = "From: eve@example.net\r\n\r\nbuy\r\n.";

#[tokio::test]
async fn a_reason_of_several_lines_is_one_reply_of_clean_lines() {
    let world = world().await;
    let rule = NewRule {
        name: "no offers".to_owned(),
        comment: String::new(),
        enabled: true,
        direction: RuleDirection::In,
        stop: false,
        expires: Expiry::Never,
        is_program_script: false,
        content: RuleContent::Script(REJECT.to_owned()),
    };
    let at = RuleAt::Account("ann@example.org".parse().unwrap());
    let before = None;
    let add = Command::RuleAdd { at, rule, before };
    world.admit(add).await.unwrap();
    let mut client = Client::server(&world).await;
    let to = |recipient: &'static str| (recipient, "250 *");
    let (ann, alias) = (
        to("RCPT TO:<ann@example.org>"),
        to("RCPT TO:<bob@example.org>"),
    );
    let full = to("RCPT TO:<full@example.org>");
    let cases: [(&str, &[_], &[&[&str]]); 4] = [
        ("", &[ann], &[&REASON]),
        ("", &[ann, alias], &[&REASON]),
        ("", &[ann, full], &[&["250 2.0.0 queued as *"]]),
        (
            " PRDR",
            &[ann, full, alias],
            &[
                &["353 *"],
                &REASON,
                &["250 2.1.5 delivered"],
                &REASON,
                &["250 2.0.0 queued as *"],
            ],
        ),
    ];
    for (parameter, to, replies) in cases {
        let from = format!("MAIL FROM:<eve@example.net>{parameter}");
        client.dialogue(&[(&from, "250 *")]).await;
        client.dialogue(to).await;
        client.dialogue(&[("DATA", "354 *")]).await;
        client.send(format!("{MAIL}\r\n").as_bytes()).await;
        for lines in replies {
            let reply = client.reply().await;
            let fits = |(line, expected): (&String, &&str)| testkit::matches(line, expected);
            assert_eq!(reply.len(), lines.len(), "{reply:?}");
            assert!(reply.iter().zip(*lines).all(fits), "{reply:?}");
        }
    }
    client.dialogue(&[("QUIT", "221 *")]).await;
    assert_eq!(inbox(&world).await, Vec::<String>::new());
}
