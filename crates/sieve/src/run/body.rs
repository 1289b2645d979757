//! What of a body is compared (RFC 5173 §5). What it is as a whole is made once for all scripts
//! that one [`super::Runner`] runs.

use std::borrow::Cow;
use std::rc::Rc;

use super::compare::Value;
use crate::limits::BODY_MAX_OCTETS;
use crate::message::{Message, Part};

/// Parts of a body that are looked at.
const PARTS_MAX: usize = 1_000;

/// Texts that are compared, shared between tests.
pub(super) type Values = Rc<Vec<Value<'static>>>;

/// The forms of a body that were asked for.
#[derive(Default)]
pub(super) struct Bodies {
    raw: Option<Values>,
    words: Option<Values>,
}

impl Bodies {
    /// The body as it came: one text (RFC 5173 §5.1).
    pub(super) fn raw(&mut self, message: &dyn Message) -> Values {
        let make = || {
            let body = message.raw_body();
            let most = body.len().min(BODY_MAX_OCTETS);
            let text = String::from_utf8_lossy(&body[..most]).into_owned();
            Rc::new(vec![Value::new(text)])
        };
        Rc::clone(self.raw.get_or_insert_with(make))
    }

    /// What a person reads, part by part (RFC 5173 §5.3).
    pub(super) fn words(&mut self, message: &dyn Message) -> Values {
        let make = || {
            let mut left = BODY_MAX_OCTETS;
            let read = |part| owned_up_to(&message.words(part), &mut left);
            let parts = 0..message.parts().len().min(PARTS_MAX);
            let texts = parts.map(read).filter(|text| !text.is_empty());
            let mut values: Vec<_> = texts.map(Value::new).collect();
            if values.is_empty() {
                values.push(Value::new(""));
            }
            Rc::new(values)
        };
        Rc::clone(self.words.get_or_insert_with(make))
    }
}

/// The parts of some media types, each a text of its own (RFC 5173 §5.2).
pub(super) fn content(message: &dyn Message, types: &[Cow<str>]) -> Vec<Value<'static>> {
    let mut left = BODY_MAX_OCTETS;
    let parts = message.parts().iter().enumerate().take(PARTS_MAX);
    let wanted = parts.filter(|(_, part)| types.iter().any(|wanted| is_of(part, wanted)));
    wanted
        .map(|(number, _)| Value::new(text_of(message, number, &mut left)))
        .collect()
}

/// Whether a part is of a media type, or of any subtype of one.
fn is_of(part: &Part, wanted: &str) -> bool {
    let is = part.content_type.as_str();
    match wanted.split_once('/') {
        None if wanted.is_empty() => true,
        None => is
            .split('/')
            .next()
            .is_some_and(|kind| kind.eq_ignore_ascii_case(wanted)),
        Some((kind, subtype)) => {
            !kind.is_empty() && !subtype.is_empty() && is.eq_ignore_ascii_case(wanted)
        }
    }
}

/// The text of a part; of an enclosed message its header.
fn text_of(message: &dyn Message, number: usize, left: &mut usize) -> String {
    let parts = message.parts();
    if parts[number].content_type != "message/rfc822" {
        return owned_up_to(&message.text(number), left);
    }
    let inner = parts.iter().find(|part| part.parent == Some(number));
    let lines = inner.iter().flat_map(|part| &part.fields);
    let header: String = lines
        .map(|field| format!("{}: {}\r\n", field.name, field.decoded))
        .collect();
    owned_up_to(&header, left)
}

/// As much of a text as may still be read.
fn owned_up_to(text: &str, left: &mut usize) -> String {
    let text = &text[..text.floor_char_boundary(*left)];
    *left -= text.len();
    text.to_owned()
}
