//! A message as scripts see it, read from text: as much of MIME as the examples of the RFCs need.

use std::borrow::Cow;

use sieve::{Field, Message, Part};

/// A message in memory.
pub(crate) struct Mail {
    size: u64,
    parts: Vec<Part>,
    texts: Vec<String>,
    body: String,
}

impl Mail {
    /// Reads a message whose lines end in CRLF or LF.
    pub(crate) fn read(text: &str) -> Self {
        let text = text.replace("\r\n", "\n").replace('\n', "\r\n");
        let (_, body) = divided(&text);
        let mut mail = Self {
            size: text.len() as u64,
            parts: Vec::new(),
            texts: Vec::new(),
            body: body.to_owned(),
        };
        mail.add(&text, None);
        mail
    }

    fn add(&mut self, text: &str, parent: Option<usize>) {
        let (header, body) = divided(text);
        let fields = fields(header);
        let value = |name: &str| {
            let field = fields
                .iter()
                .find(|field| field.name.eq_ignore_ascii_case(name));
            field.map_or("", |field| field.raw.as_str())
        };
        let content = value("Content-Type").to_owned();
        let encoding = value("Content-Transfer-Encoding").to_ascii_lowercase();
        let content_type = content
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let content_type = match content_type.as_str() {
            "" => "text/plain".to_owned(),
            _ => content_type,
        };
        let number = self.parts.len();
        let container = content_type.starts_with("multipart/");
        let message = content_type == "message/rfc822";
        self.parts.push(Part {
            parent,
            content_type,
            fields,
        });
        let whole = !container && !message;
        self.texts.push(if whole {
            decoded(body, &encoding)
        } else {
            String::new()
        });
        if message {
            self.add(body, Some(number));
        }
        if container && let Some(boundary) = parameter(&content, "boundary") {
            for inner in inner_parts(body, &boundary) {
                self.add(&inner, Some(number));
            }
        }
    }
}

impl Message for Mail {
    fn size(&self) -> u64 {
        self.size
    }

    fn parts(&self) -> &[Part] {
        &self.parts
    }

    fn text(&self, part: usize) -> Cow<'_, str> {
        Cow::Borrowed(&self.texts[part])
    }

    fn words(&self, part: usize) -> Cow<'_, str> {
        let text = &self.texts[part];
        match self.parts[part].content_type.as_str() {
            "text/html" => Cow::Owned(without_tags(text)),
            kind if kind.starts_with("text/") => Cow::Borrowed(text),
            _ => Cow::Borrowed(""),
        }
    }

    fn raw_body(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.body.as_bytes())
    }
}

/// Header and body.
fn divided(text: &str) -> (&str, &str) {
    match text.strip_prefix("\r\n") {
        Some(body) => ("", body),
        None => text.split_once("\r\n\r\n").unwrap_or((text, "")),
    }
}

fn fields(header: &str) -> Vec<Field> {
    let mut lines: Vec<String> = Vec::new();
    for line in header.split("\r\n").filter(|line| !line.is_empty()) {
        match (line.starts_with([' ', '\t']), lines.last_mut()) {
            (true, Some(last)) => last.push_str(line),
            _ => lines.push(line.to_owned()),
        }
    }
    let divided = lines.iter().filter_map(|line| line.split_once(':'));
    divided
        .map(|(name, value)| Field {
            name: name.trim_end().to_owned(),
            raw: value.trim().to_owned(),
            decoded: words_decoded(value.trim()),
        })
        .collect()
}

/// Undoes encoded words in UTF-8 with the encoding Q (RFC 2047 §4.2).
fn words_decoded(value: &str) -> String {
    let mut text = String::new();
    let mut rest = value;
    while let Some((before, word)) = rest.split_once("=?utf-8?q?") {
        let (word, after) = word.split_once("?=").unwrap_or((word, ""));
        text.push_str(before);
        text.push_str(&quoted_printable(&word.replace('_', " ")));
        rest = after;
    }
    text + rest
}

fn parameter(value: &str, name: &str) -> Option<String> {
    let mut params = value.split(';').filter_map(|param| param.split_once('='));
    let (_, value) = params.find(|(known, _)| known.trim().eq_ignore_ascii_case(name))?;
    Some(value.trim().trim_matches('"').to_owned())
}

fn inner_parts(body: &str, boundary: &str) -> Vec<String> {
    let mut parts: Vec<Vec<&str>> = Vec::new();
    let line_of = format!("--{boundary}");
    let end = format!("--{boundary}--");
    for line in body.split("\r\n") {
        if line == end {
            break;
        }
        match parts.last_mut() {
            _ if line == line_of => parts.push(Vec::new()),
            Some(part) => part.push(line),
            None => {}
        }
    }
    parts.iter().map(|lines| lines.join("\r\n")).collect()
}

fn decoded(body: &str, encoding: &str) -> String {
    match encoding {
        "quoted-printable" => quoted_printable(&body.replace("=\r\n", "")),
        "base64" => base64(body),
        _ => body.to_owned(),
    }
}

fn quoted_printable(text: &str) -> String {
    let mut octets = Vec::new();
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        let hex = |octet: Option<u8>| octet.and_then(|octet| char::from(octet).to_digit(16));
        octets.push(match octet {
            b'=' => {
                let digits = hex(rest.next()).zip(hex(rest.next()));
                let octet = digits.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
                octet.expect("two hexadecimal digits behind each `=` of a test")
            }
            octet => octet,
        });
    }
    String::from_utf8(octets).expect("texts of tests are UTF-8")
}

fn base64(text: &str) -> String {
    const SIGNS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut octets) = (0_u32, 0, Vec::new());
    for sign in text.chars().filter_map(|sign| SIGNS.find(sign)) {
        bits = bits << 6 | u32::try_from(sign).expect("a place among 64 signs");
        count += 6;
        if count >= 8 {
            count -= 8;
            octets.push(u8::try_from(bits >> count & 0xff).expect("eight bits"));
        }
    }
    String::from_utf8(octets).expect("texts of tests are UTF-8")
}

fn without_tags(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            c if !inside => text.push(c),
            _ => {}
        }
    }
    text
}
