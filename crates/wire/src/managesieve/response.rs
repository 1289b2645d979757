//! ManageSieve responses (RFC 5804 §1.2, §1.3).

use super::limits::QUOTED_MAX_OCTETS;
use super::string::string;

/// How a response begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Done.
    Ok,
    /// Not done.
    No,
    /// The connection ends.
    Bye,
}

/// What a response is about, for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// A script of that name is active.
    Active,
    /// A script of that name exists.
    AlreadyExists,
    /// Sign in under TLS.
    EncryptNeeded,
    /// There is no script of that name.
    Nonexistent,
    /// There are as many scripts as there may be.
    QuotaMaxScripts,
    /// The script is larger than one may be.
    QuotaMaxSize,
    /// What the mechanism says last, as base64.
    Sasl(String),
    /// What the client gave NOOP to say again.
    Tag(String),
    /// It may work later.
    TryLater,
    /// Done, and the text says what to know about it.
    Warnings,
}

/// The last line of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// How it begins.
    pub word: Word,
    /// What it is about.
    pub code: Option<Code>,
    /// For people; may have several lines.
    pub text: String,
}

/// One line of what the server can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    /// Its name.
    pub name: &'static str,
    /// What it says, if anything.
    pub value: Option<String>,
}

impl Response {
    /// A success.
    pub fn ok(text: impl Into<String>) -> Self {
        Self::new(Word::Ok, None, text)
    }

    /// A refusal.
    pub fn no(code: Option<Code>, text: impl Into<String>) -> Self {
        Self::new(Word::No, code, text)
    }

    /// The last word of the server.
    pub fn bye(code: Option<Code>, text: impl Into<String>) -> Self {
        Self::new(Word::Bye, code, text)
    }

    /// A response.
    pub fn new(word: Word, code: Option<Code>, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { word, code, text }
    }

    /// How it begins, with its code but without what the code says.
    pub fn words(&self) -> String {
        let word = self.word.as_str();
        match self.code.as_ref().map(Code::name) {
            Some(code) => format!("{word} ({code})"),
            None => word.to_owned(),
        }
    }

    /// The octets to send. A success is one line with a quoted string, since programs read the text
    /// of a refusal only.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut line = self.word.as_str().as_bytes().to_vec();
        if let Some(code) = &self.code {
            line.extend_from_slice(b" (");
            line.extend_from_slice(code.name().as_bytes());
            if let Code::Sasl(data) | Code::Tag(data) = code {
                line.push(b' ');
                line.extend_from_slice(&string(data, false));
            }
            line.push(b')');
        }
        line.push(b' ');
        match self.word {
            Word::Ok => line.extend_from_slice(&string(&one_line(&self.text), false)),
            Word::No | Word::Bye => line.extend_from_slice(&string(&crlf(&self.text), false)),
        }
        line.extend_from_slice(b"\r\n");
        line
    }
}

/// The text with spaces for line ends, cut to what a quoted string holds.
fn one_line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    line.truncate(line.floor_char_boundary(QUOTED_MAX_OCTETS));
    line
}

/// The text with CRLF for its line ends.
fn crlf(text: &str) -> String {
    text.lines().collect::<Vec<_>>().join("\r\n")
}

impl Word {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::No => "NO",
            Self::Bye => "BYE",
        }
    }
}

impl Code {
    fn name(&self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::AlreadyExists => "ALREADYEXISTS",
            Self::EncryptNeeded => "ENCRYPT-NEEDED",
            Self::Nonexistent => "NONEXISTENT",
            Self::QuotaMaxScripts => "QUOTA/MAXSCRIPTS",
            Self::QuotaMaxSize => "QUOTA/MAXSIZE",
            Self::Sasl(_) => "SASL",
            Self::Tag(_) => "TAG",
            Self::TryLater => "TRYLATER",
            Self::Warnings => "WARNINGS",
        }
    }
}

/// The lines of a capability response (RFC 5804 §1.7).
pub fn capabilities(all: &[Capability]) -> Vec<u8> {
    let mut lines = Vec::new();
    for Capability { name, value } in all {
        lines.extend_from_slice(&string(name, false));
        if let Some(value) = value {
            lines.push(b' ');
            lines.extend_from_slice(&string(value, false));
        }
        lines.extend_from_slice(b"\r\n");
    }
    lines
}

/// A line of LISTSCRIPTS (RFC 5804 §2.7).
pub fn script_line(name: &str, active: bool) -> Vec<u8> {
    let mut line = string(name, false);
    if active {
        line.extend_from_slice(b" ACTIVE");
    }
    line.extend_from_slice(b"\r\n");
    line
}

/// The text of a script as GETSCRIPT gives it: always a literal, as it is (RFC 5804 §2.9).
pub fn script_content(script: &str) -> Vec<u8> {
    format!("{{{}}}\r\n{script}\r\n", script.len()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_printed_so_that_nothing_in_them_begins_another() {
        let sasl = Code::Sasl("dj0=".to_owned());
        let tag = Code::Tag("a\"\r\nOK".to_owned());
        for (response, octets) in [
            (Response::ok("done"), "OK \"done\"\r\n"),
            (Response::ok("a\r\nNO \"b\""), "OK \"a  NO \\\"b\\\"\"\r\n"),
            (
                Response::no(Some(Code::QuotaMaxSize), "too large"),
                "NO (QUOTA/MAXSIZE) \"too large\"\r\n",
            ),
            (
                Response::no(None, "line 1\nline 2"),
                "NO {14}\r\nline 1\r\nline 2\r\n",
            ),
            (
                Response::new(Word::Ok, Some(sasl), "hello"),
                "OK (SASL \"dj0=\") \"hello\"\r\n",
            ),
            (
                Response::new(Word::Ok, Some(tag), "done"),
                "OK (TAG {6}\r\na\"\r\nOK) \"done\"\r\n",
            ),
            (
                Response::bye(Some(Code::TryLater), "later"),
                "BYE (TRYLATER) \"later\"\r\n",
            ),
        ] {
            assert_eq!(response.to_bytes(), octets.as_bytes());
        }
        let long = Response::ok("é".repeat(QUOTED_MAX_OCTETS)).to_bytes();
        assert_eq!(long.len(), "OK \"\"\r\n".len() + QUOTED_MAX_OCTETS);
    }

    #[test]
    fn lists_and_scripts_are_printed() {
        let all = [
            Capability {
                name: "SASL",
                value: Some(String::new()),
            },
            Capability {
                name: "STARTTLS",
                value: None,
            },
        ];
        assert_eq!(capabilities(&all), b"\"SASL\" \"\"\r\n\"STARTTLS\"\r\n");
        assert_eq!(script_line("a \"b\"", true), b"\"a \\\"b\\\"\" ACTIVE\r\n");
        assert_eq!(script_line("c", false), b"\"c\"\r\n");
        assert_eq!(script_content("keep;\n"), b"{6}\r\nkeep;\n\r\n");
    }
}
