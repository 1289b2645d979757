//! POP3 replies of one line (RFC 1939 §3) with response codes (RFC 2449 §8).

use std::fmt;

/// Octets of a reply line with its CRLF (RFC 2449 §4).
const LINE_MAX_OCTETS: usize = 512;

/// A machine-readable reason in front of the text of `-ERR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseCode {
    /// The credentials are wrong (RFC 3206 §4).
    Auth,
    /// Another session holds the maildrop (RFC 2449 §8.1.2).
    InUse,
    /// It may work later (RFC 3206 §4).
    SysTemp,
    /// It will not work until a person does something (RFC 3206 §4).
    SysPerm,
}

/// `+OK`, `-ERR`, or the `+` of a challenge, with text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Success.
    Ok(String),
    /// Refusal.
    Err(Option<ResponseCode>, String),
    /// A SASL challenge as base64 (RFC 5034 §4).
    Challenge(String),
}

impl Reply {
    /// A success.
    pub fn ok(text: impl Into<String>) -> Self {
        Self::Ok(text.into())
    }

    /// A refusal without a response code.
    pub fn err(text: impl Into<String>) -> Self {
        Self::Err(None, text.into())
    }

    /// The octets to send: whatever the text holds, one line of ASCII.
    pub fn to_bytes(&self) -> Vec<u8> {
        let line = match self {
            Self::Ok(text) => format!("+OK {text}"),
            Self::Err(None, text) => format!("-ERR {text}"),
            Self::Err(Some(code), text) => format!("-ERR [{code}] {text}"),
            Self::Challenge(challenge) => format!("+ {challenge}"),
        };
        let printable = |c: char| if matches!(c, ' '..='~') { c } else { '?' };
        let mut line: String = line.chars().map(printable).collect();
        line.truncate(LINE_MAX_OCTETS - 2);
        line.push_str("\r\n");
        line.into_bytes()
    }
}

impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auth => "AUTH",
            Self::InUse => "IN-USE",
            Self::SysTemp => "SYS/TEMP",
            Self::SysPerm => "SYS/PERM",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_one_line() {
        for (reply, bytes) in [
            (Reply::ok("2 320"), &b"+OK 2 320\r\n"[..]),
            (Reply::err("no\r\n+OK"), b"-ERR no??+OK\r\n"),
            (
                Reply::Err(Some(ResponseCode::InUse), "in use".to_owned()),
                b"-ERR [IN-USE] in use\r\n",
            ),
            (Reply::Challenge(String::new()), b"+ \r\n"),
        ] {
            assert_eq!(reply.to_bytes(), bytes);
        }
        let long = Reply::ok("a".repeat(LINE_MAX_OCTETS));
        assert_eq!(long.to_bytes().len(), LINE_MAX_OCTETS);
    }
}
