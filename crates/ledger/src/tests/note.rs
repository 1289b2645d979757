//! Notes, verifier keys and checkpoints: one spelling, and nothing believed without a signature.

use types::Sha256;

use super::world::{LOG, key, key_of};
use crate::checkpoint::{Checkpoint, CheckpointError, EXTENSION_MAX_OCTETS};
use crate::note::{NOTE_MAX_OCTETS, Note, NoteError, VerifierKey};

#[test]
fn a_note_is_believed_only_with_the_signature_of_the_key() {
    let note = Note::sign("text\n".to_owned(), &key(1)).unwrap();
    assert_eq!(note.verify(key(1).verifier()), Ok(()));
    assert_eq!(note.verify(key(2).verifier()), Err(NoteError::NotSigned));
    let renamed = key_of("mail.example.org/other/config/1", 1);
    assert_eq!(note.verify(renamed.verifier()), Err(NoteError::NotSigned));

    let forged = note.to_string().replace("text", "next");
    let forged = Note::parse(forged.as_bytes()).unwrap();
    assert_eq!(
        forged.verify(key(1).verifier()),
        Err(NoteError::BadSignature)
    );
}

#[test]
fn lines_of_other_keys_are_kept() {
    let note = Note::sign("text\n".to_owned(), &key(1))
        .unwrap()
        .to_string();
    let other = Note::sign("text\n".to_owned(), &key_of("witness.example.net", 2)).unwrap();
    let line = other.to_string().lines().last().unwrap().to_owned();
    let both = format!("{note}{line}\n");
    let parsed = Note::parse(both.as_bytes()).unwrap();
    assert_eq!(parsed.to_string(), both);
    assert_eq!(parsed.verify(key(1).verifier()), Ok(()));
}

#[test]
fn what_is_no_note_is_refused() {
    let good = Note::sign("text\n".to_owned(), &key(1))
        .unwrap()
        .to_string();
    let line = good.lines().last().unwrap();
    let many = format!("text\n\n{}", format!("{line}\n").repeat(101));
    let long = format!("{}\n\n{line}\n", "x".repeat(NOTE_MAX_OCTETS));
    for (text, error) in [
        ("", NoteError::Shape),
        ("text\n", NoteError::Shape),
        ("text\n\n", NoteError::Shape),
        ("text\n\n\u{2014} name AAAAAAA=", NoteError::Shape),
        ("text\r\n\n\u{2014} name AAAAAAA=\n", NoteError::NotText),
        ("text\n\n- name AAAAAAA=\n", NoteError::SignatureLine),
        (
            "text\n\n\u{2014} na+me AAAAAAA=\n",
            NoteError::SignatureLine,
        ),
        ("text\n\n\u{2014}  AAAAAAA=\n", NoteError::SignatureLine),
        ("text\n\n\u{2014} name AAAAAAB=\n", NoteError::SignatureLine),
        ("text\n\n\u{2014} name AAAA\n", NoteError::SignatureLine),
        ("text\n\n\u{2014} name AAAAAA==\n", NoteError::SignatureLine),
        (
            "text\n\n\u{2014} name  AAAAAAA=\n",
            NoteError::SignatureLine,
        ),
        (many.as_str(), NoteError::TooManySignatures),
        (long.as_str(), NoteError::TooLong),
    ] {
        let shown = &text[..text.len().min(60)];
        assert_eq!(Note::parse(text.as_bytes()), Err(error), "{shown:?}");
    }
    assert_eq!(Note::parse(b"\xff\n\nx\n"), Err(NoteError::NotText));
    for (text, error) in [("text", NoteError::Shape), ("te\txt\n", NoteError::NotText)] {
        assert_eq!(Note::sign(text.to_owned(), &key(1)), Err(error));
    }
    let long = "x\n".repeat(NOTE_MAX_OCTETS / 2);
    assert_eq!(Note::sign(long, &key(1)), Err(NoteError::TooLong));
}

#[test]
fn a_verifier_key_has_one_spelling() {
    let text = key(1).verifier().to_string();
    assert_eq!(text.parse().as_ref(), Ok(key(1).verifier()));
    let (name, rest) = text.split_once('+').unwrap();
    let (id, encoded) = rest.split_once('+').unwrap();
    for bad in [
        String::new(),
        name.to_owned(),
        format!("{name}+{id}"),
        format!("{name}+00000000+{encoded}"),
        format!("{name}+{}+{encoded}", id.to_uppercase()),
        format!("{name}x+{id}+{encoded}"),
        format!("{name}+{id}+{}", encoded.replacen("AY", "BI", 1)),
        format!("{name}+{id}+AQ=="),
        format!("{name}+{id}+{encoded}+x"),
        format!("{name}+{id}+{encoded}\n"),
    ] {
        assert_eq!(
            bad.parse::<VerifierKey>(),
            Err(NoteError::VerifierKey),
            "{bad}"
        );
    }
}

#[test]
fn a_signing_key_does_not_print_its_seed() {
    let shown = format!("{:?}", key(0x41));
    assert_eq!(shown, format!("SigningKey({})", key(0x41).verifier()));
}

#[test]
fn a_checkpoint_survives_its_text() {
    let checkpoint = Checkpoint::new(LOG.parse().unwrap(), 7, Sha256([0; 32]));
    let text = format!("{LOG}\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
    assert_eq!(checkpoint.to_string(), text);
    assert_eq!(text.parse(), Ok(checkpoint.clone()));
    let extended = format!("{text}one\ntwo words\n");
    let parsed: Checkpoint = extended.parse().unwrap();
    assert_eq!(parsed.extensions(), ["one", "two words"]);
    assert_eq!(parsed.to_string(), extended);

    let signed = checkpoint.sign(&key(1)).unwrap().to_string();
    assert_eq!(
        Checkpoint::open(signed.as_bytes(), key(1).verifier()),
        Ok(checkpoint.clone())
    );
    let not_signed = CheckpointError::Note(NoteError::NotSigned);
    assert_eq!(
        Checkpoint::open(signed.as_bytes(), key(2).verifier()),
        Err(not_signed)
    );
    let other = key_of("mail.example.org/other/config/1", 1);
    let foreign = CheckpointError::Origin(LOG.parse().unwrap());
    assert_eq!(checkpoint.sign(&other), Err(foreign.clone()));
    assert_eq!(
        Checkpoint::open(signed.as_bytes(), other.verifier()),
        Err(foreign)
    );
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    let root = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let long = format!("o\n7\n{root}\n{}\n", "x".repeat(EXTENSION_MAX_OCTETS + 1));
    let many = format!("o\n7\n{root}\n{}", "x\n".repeat(17));
    for text in [
        String::new(),
        format!("o\n7\n{root}"),
        format!("o\n07\n{root}\n"),
        format!("o\n-7\n{root}\n"),
        format!("o\n18446744073709551616\n{root}\n"),
        format!("\n7\n{root}\n"),
        format!("o o\n7\n{root}\n"),
        "o\n7\nAAAA\n".to_owned(),
        format!("o\n7\n{}\n", &root[..43]),
        format!("o\n7\n{root}\n\n"),
        format!("o\n7\n{root}\n\nx\n"),
        long,
        many,
    ] {
        assert!(text.parse::<Checkpoint>().is_err(), "accepted {text:?}");
    }
}
