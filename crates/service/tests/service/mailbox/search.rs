//! Search in texts.

use super::*;

#[tokio::test]
async fn search_looks_into_encoded_text() {
    let at = At::work().await;
    let messages: [&[u8]; 4] = [
        b"Subject: =?iso-8859-1?q?Stra=DFe?=\r\nContent-Type: text/plain; charset=utf-8\r\n\
          Content-Transfer-Encoding: base64\r\n\r\nR3LDvMOfZSBhdXMgS8O2bG4=\r\n",
        b"Subject: plain\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\
          Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=\r\n=DFe aus Wien\r\n",
        b"Subject: html\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
          Content-Type: text/html\r\n\r\n<p title=\"hidden\">Hel<b>lo</b></p>\r\n--b\r\n\
          Content-Type: application/octet-stream\r\n\r\nattached\r\n--b--\r\n",
        MESSAGE,
    ];
    for message in messages {
        at.append("INBOX", message).await.unwrap();
    }
    let emails: Vec<EmailId> = at
        .open("INBOX")
        .await
        .messages
        .iter()
        .map(|row| row.email)
        .collect();
    let header = |name: &str, text: &str| TextQuery::Header(name.to_owned(), text.to_owned());
    for (query, expected) in [
        (TextQuery::Body("GRÜSSE".to_owned()), &[][..]),
        (TextQuery::Body("grüße AUS".to_owned()), &[1, 2]),
        (TextQuery::Body("R3LDv".to_owned()), &[]),
        (TextQuery::Body("hello".to_owned()), &[3]),
        (TextQuery::Body("hidden".to_owned()), &[]),
        (TextQuery::Body("attached".to_owned()), &[]),
        (TextQuery::Text("hello".to_owned()), &[3, 4]),
        (TextQuery::Text("strasse".to_owned()), &[]),
        (TextQuery::Text("straße".to_owned()), &[1]),
        (TextQuery::Text(String::new()), &[1, 2, 3, 4]),
        (header("subject", "STRA"), &[1]),
        (header("Subject", ""), &[1, 2, 3, 4]),
        (header("From", "bob@"), &[4]),
        (header("Cc", ""), &[]),
    ] {
        let found = at
            .world
            .service
            .search_text(&at.ann, &emails, query.clone())
            .await
            .unwrap();
        let expected: Vec<EmailId> = expected
            .iter()
            .map(|number: &usize| emails[number - 1])
            .collect();
        assert_eq!(found, expected, "{query:?}");
    }
    let many: Vec<EmailId> = emails.iter().copied().cycle().take(101).collect();
    let query = TextQuery::Body("wien".to_owned());
    let found = at.world.service.search_text(&at.ann, &many, query).await;
    assert_eq!(found.unwrap().len(), 25);
}
