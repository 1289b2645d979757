//! Body of the fuzz target for MIME.

use super::{Kind, Mime, SectionKind, decoded_header, envelope, sent_day};
use wire::imap::Form;

/// Every part lies inside its parent, and all that is offered for a message works.
pub fn every_section(message: &[u8]) {
    let mime = Mime::parse(message);
    mime.root.walk(&mut |part| {
        assert!(part.header.end == part.body.start && part.body.end <= message.len());
        let children = match &part.kind {
            Kind::Leaf => &[],
            Kind::Multipart(parts) => parts.as_slice(),
            Kind::Message(inner) => std::slice::from_ref(&**inner),
        };
        for child in children {
            assert!(part.body.start <= child.header.start && child.body.end <= part.body.end);
        }
    });
    let whole = mime.section(&[], SectionKind::Whole);
    assert_eq!(whole, Some(0..message.len()));
    let head = mime.section(&[], SectionKind::Header).unwrap_or_default();
    let head = message.get(head).unwrap_or_default();
    envelope(head).to_bytes();
    sent_day(head);
    decoded_header(head);
    mime.body_structure(message).to_bytes(Form::BodyStructure);
    mime.preview(message);
    mime.text_contains(message, "no such text");
}

#[cfg(test)]
mod tests {
    #[test]
    fn kept_inputs_still_pass() {
        testkit::seeds::replay("fuzz-seeds/mime", super::every_section);
    }
}
