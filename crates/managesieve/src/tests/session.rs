//! Signing in, order, limits and the end of sessions.

use testkit::{Link, PASSWORD, ScramClient};

use super::client::{BOB, BOB_SIGNS_IN, Client, world};

#[tokio::test]
async fn the_greeting_tells_what_can_be_done_now() {
    let world = world().await;
    for (link, sasl, starttls) in [
        (Link::Clear, "\"SASL\" \"\"", true),
        (
            Link::Secured,
            "\"SASL\" \"SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN\"",
            false,
        ),
    ] {
        let (mut client, greeting) = Client::greeted(&world, link).await;
        assert_eq!(greeting[0], "\"IMPLEMENTATION\" \"Sealpost\"");
        assert_eq!(greeting[1], sasl);
        assert!(greeting[2].starts_with("\"SIEVE\" \"") && greeting[2].contains(" fileinto "));
        let fixed = [
            "\"NOTIFY\" \"mailto\"",
            "\"MAXREDIRECTS\" \"4\"",
            "\"VERSION\" \"1.0\"",
        ];
        assert_eq!(greeting[3..6], fixed);
        assert_eq!(greeting.contains(&"\"STARTTLS\"".to_owned()), starttls);
        assert_eq!(client.asked("CAPABILITY").await, greeting);
    }
    let mut client = Client::signed_in(&world).await;
    let known = client.asked("CAPABILITY").await;
    assert!(known.contains(&"\"OWNER\" \"bob@example.org\"".to_owned()));
    assert!(known.contains(&"\"SASL\" \"\"".to_owned()));
}

#[tokio::test]
async fn commands_out_of_order_are_refused() {
    let mut client = Client::connect(&world().await, Link::Secured).await;
    let lines: &[(&str, &str)] = &[
        ("LISTSCRIPTS", "NO \"LISTSCRIPTS is not allowed before *"),
        ("PUTSCRIPT \"a\" \"keep;\"", "NO *"),
        ("SETACTIVE \"\"", "NO *"),
        ("STARTTLS", "NO \"STARTTLS is not allowed under TLS\""),
        ("AUTHENTICATE \"LOGIN\"", "NO *"),
        ("AUTHENTICATE \"CRAM-MD5\"", "NO *"),
        ("NOOP \"a\\\"b\"", "OK (TAG \"a\\\"b\") *"),
        (BOB_SIGNS_IN, "OK *"),
        (BOB_SIGNS_IN, "NO *"),
        ("UNAUTHENTICATE", "NO *"),
        ("LISTSCRIPTS", "OK *"),
        ("LOGOUT", "OK *"),
    ];
    client.dialogue(lines).await;
    client.hears_the_end().await;
}

#[tokio::test]
async fn no_password_is_taken_in_the_clear() {
    let mut client = Client::connect(&world().await, Link::Clear).await;
    let lines: &[(&str, &str)] = &[
        (BOB_SIGNS_IN, "NO (ENCRYPT-NEEDED) *"),
        ("LISTSCRIPTS", "NO *"),
    ];
    client.dialogue(lines).await;
}

#[tokio::test]
async fn plaintext_behind_starttls_closes_the_connection() {
    let world = world().await;
    let mut client = Client::connect(&world, Link::Clear).await;
    client.send(b"STARTTLS\r\nNOOP\r\n").await;
    client.hears_the_end().await;
    let mut client = Client::connect(&world, Link::Clear).await;
    client.dialogue(&[("STARTTLS", "OK *")]).await;
}

#[tokio::test]
async fn plain_signs_in_with_and_without_an_initial_response() {
    let world = world().await;
    let response = BOB_SIGNS_IN.rsplit(' ').next().unwrap();
    let literal = format!("{{56+}}\r\n{}", response.trim_matches('"'));
    for answer in [response, &literal] {
        let mut client = Client::connect(&world, Link::Secured).await;
        client.send(b"AUTHENTICATE \"PLAIN\"\r\n").await;
        assert_eq!(client.line().await.unwrap(), "\"\"");
        client
            .dialogue(&[(answer, "OK *"), ("LISTSCRIPTS", "OK *")])
            .await;
    }
}

#[tokio::test]
async fn few_sign_ins_are_tried() {
    let mut client = Client::connect(&world().await, Link::Secured).await;
    client.send(b"AUTHENTICATE \"PLAIN\"\r\n").await;
    assert_eq!(client.line().await.unwrap(), "\"\"");
    // \0bob\0wrong
    let wrong = "AUTHENTICATE \"PLAIN\" \"AGJvYgB3cm9uZw==\"";
    let lines: &[(&str, &str)] = &[("\"*\"", "NO *"), (wrong, "NO *"), (wrong, "BYE *")];
    client.dialogue(lines).await;
    client.hears_the_end().await;
}

#[tokio::test]
async fn scram_signs_in_and_the_server_proves_itself_with_the_success() {
    let world = world().await;
    let mut client = Client::connect(&world, Link::Secured).await;
    let mut scram = ScramClient::new("p=tls-exporter,,", &[7; 32], BOB, PASSWORD);
    let begin = format!(
        "AUTHENTICATE \"SCRAM-SHA-256-PLUS\" \"{}\"\r\n",
        scram.first()
    );
    client.send(begin.as_bytes()).await;
    let challenge = client.line().await.unwrap();
    let last = scram.last(challenge.trim_matches('"'));
    let heard = client.asked(&format!("\"{last}\"")).await;
    let proof = heard[0].strip_prefix("OK (SASL \"").unwrap();
    assert!(scram.is_proof(proof.split('"').next().unwrap()));
    client.dialogue(&[("LISTSCRIPTS", "OK *")]).await;

    let mut client = Client::connect(&world, Link::Secured).await;
    let mut scram = ScramClient::new("n,,", b"", BOB, "wrong horse wrong horse");
    let begin = format!("AUTHENTICATE \"SCRAM-SHA-256\" \"{}\"\r\n", scram.first());
    client.send(begin.as_bytes()).await;
    let challenge = client.line().await.unwrap();
    let last = format!("\"{}\"", scram.last(challenge.trim_matches('"')));
    client
        .dialogue(&[(&last, "NO *"), ("LISTSCRIPTS", "NO *")])
        .await;
}

#[tokio::test]
async fn bad_and_idle_commands_end_the_session() {
    let world = world().await;
    let mut client = Client::connect(&world, Link::Secured).await;
    for _ in 1..10 {
        client.dialogue(&[("FOO", "NO *")]).await;
    }
    client.dialogue(&[("FOO", "BYE *")]).await;
    client.hears_the_end().await;
    let mut client = Client::connect(&world, Link::Secured).await;
    for _ in 0..50 {
        client.dialogue(&[("NOOP", "OK *")]).await;
    }
    client.dialogue(&[("NOOP", "BYE *")]).await;
    client.hears_the_end().await;
}

#[tokio::test]
async fn a_stranger_cannot_send_much() {
    let world = world().await;
    let long = "a".repeat(5_000);
    for said in [
        "NOOP {999999999+}",
        "AUTHENTICATE \"PLAIN\" {2049+}",
        "PUTSCRIPT {1+}\r\na {18446744073709551616+}",
        "NOOP {5}",
        &long,
    ] {
        let mut client = Client::connect(&world, Link::Secured).await;
        client.dialogue(&[(said, "BYE *")]).await;
        client.hears_the_end().await;
    }
    let mut client = Client::connect(&world, Link::Secured).await;
    client.send(b"NOOP\n").await;
    assert!(client.response().await[0].starts_with("BYE "));
    client.hears_the_end().await;
}

#[tokio::test]
async fn silence_and_a_server_that_stops_end_with_a_word() {
    let world = world().await;
    let mut user = Client::signed_in(&world).await;
    user.stop_server();
    assert!(user.response().await[0].starts_with("BYE "));
    user.hears_the_end().await;
    let mut user = Client::signed_in(&world).await;
    let mut stranger = Client::connect(&world, Link::Secured).await;
    tokio::time::pause();
    assert_eq!(stranger.response().await, ["BYE \"time is over\""]);
    assert_eq!(user.response().await, ["BYE \"time is over\""]);
}
