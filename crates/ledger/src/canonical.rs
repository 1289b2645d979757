//! RFC 8785 canonical JSON, narrowed to what an entry may hold (one spelling for each value).
//!
//! One check serves both directions: what is written passes it before it leaves, what is read
//! passes it before anything else looks at the bytes. It holds no memory and goes once through
//! the input, so that a million entries are checked in seconds. Beyond RFC 8785 it refuses keys
//! that are not plain ASCII (hence byte order is key order), numbers that are not integers of at
//! most 2^53−1, values above 2 KiB and nesting above 16.

/// Octets of one entry.
pub const ENTRY_MAX_OCTETS: usize = 61_440;
/// Nested objects and lists, the entry itself being the first.
pub const DEPTH_MAX: usize = 16;
/// Octets of one text between its quotes; what is longer is an object of its own.
pub const VALUE_MAX_OCTETS: usize = 2_048;
/// The largest integer that all readers of JSON agree on (RFC 7493 §2.2): 2^53−1.
pub const INTEGER_MAX: u64 = 9_007_199_254_740_991;
/// Digits of [`INTEGER_MAX`].
const INTEGER_MAX_DIGITS: usize = 16;

/// Why bytes are not the canonical form of an entry; `at` counts octets from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// More octets than [`ENTRY_MAX_OCTETS`].
    #[error("{octets} octets are more than the {ENTRY_MAX_OCTETS} of an entry")]
    TooLong {
        /// Octets of the input.
        octets: usize,
    },
    /// Not UTF-8.
    #[error("not UTF-8 at octet {at}")]
    NotUtf8 {
        /// Where.
        at: usize,
    },
    /// Not JSON, or JSON with needless spaces, escapes or bytes after its end.
    #[error("not canonical JSON at octet {at}")]
    Syntax {
        /// Where.
        at: usize,
    },
    /// Nested more deeply than [`DEPTH_MAX`].
    #[error("nested more than {DEPTH_MAX} deep at octet {at}")]
    TooDeep {
        /// Where.
        at: usize,
    },
    /// A key with octets other than printable ASCII without quote and backslash.
    #[error("the key at octet {at} is not plain ASCII")]
    KeyNotAscii {
        /// Where.
        at: usize,
    },
    /// The same key twice in one object.
    #[error("the key {key:?} stands twice in one object")]
    DuplicateKey {
        /// Which.
        key: String,
    },
    /// A key behind one that sorts after it.
    #[error("the key {key:?} is out of order")]
    KeyOrder {
        /// Which.
        key: String,
    },
    /// A number with a fraction or an exponent.
    #[error("the number at octet {at} is not an integer")]
    Float {
        /// Where.
        at: usize,
    },
    /// An integer beyond ±[`INTEGER_MAX`]; it must be written as a text.
    #[error("the integer at octet {at} is beyond 2^53-1 and must be a text")]
    IntegerTooLarge {
        /// Where.
        at: usize,
    },
    /// A text above [`VALUE_MAX_OCTETS`].
    #[error("the value at octet {at} has {octets} octets and must be an object of its own")]
    ValueTooLong {
        /// Where.
        at: usize,
        /// Octets between the quotes.
        octets: usize,
    },
}

/// Checks that `bytes` are one canonical JSON value within the limits of an entry.
pub(crate) fn check(bytes: &[u8]) -> Result<(), CanonicalError> {
    if bytes.len() > ENTRY_MAX_OCTETS {
        let octets = bytes.len();
        return Err(CanonicalError::TooLong { octets });
    }
    if let Err(err) = std::str::from_utf8(bytes) {
        let at = err.valid_up_to();
        return Err(CanonicalError::NotUtf8 { at });
    }
    let mut scan = Scan { bytes, at: 0 };
    scan.value(DEPTH_MAX)?;
    if scan.at < bytes.len() {
        return Err(scan.syntax());
    }
    Ok(())
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    /// One value that may open `depth_left` further levels.
    fn value(&mut self, depth_left: usize) -> Result<(), CanonicalError> {
        match self.peek() {
            Some(b'{' | b'[') if depth_left == 0 => Err(CanonicalError::TooDeep { at: self.at }),
            Some(b'{') => self.object(depth_left - 1),
            Some(b'[') => self.list(depth_left - 1),
            Some(b'"') => self.text().map(drop),
            Some(b'-' | b'0'..=b'9') => self.integer(),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            _ => Err(self.syntax()),
        }
    }

    fn object(&mut self, depth_left: usize) -> Result<(), CanonicalError> {
        self.at += 1;
        if self.skip(b'}') {
            return Ok(());
        }
        let mut previous: Option<&[u8]> = None;
        loop {
            let key = self.key(previous)?;
            previous = Some(key);
            self.expect(b':')?;
            self.value(depth_left)?;
            if self.skip(b'}') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    fn list(&mut self, depth_left: usize) -> Result<(), CanonicalError> {
        self.at += 1;
        if self.skip(b']') {
            return Ok(());
        }
        loop {
            self.value(depth_left)?;
            if self.skip(b']') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    /// A key that sorts after `previous`. ASCII sorts alike by octets and by UTF-16 units.
    fn key(&mut self, previous: Option<&[u8]>) -> Result<&'a [u8], CanonicalError> {
        let at = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.syntax());
        }
        let key = self.text()?;
        if !key.iter().all(|c| matches!(c, 0x20..=0x7e) && *c != b'\\') {
            return Err(CanonicalError::KeyNotAscii { at });
        }
        let name = || String::from_utf8_lossy(key).into_owned();
        match previous.map(|previous| previous.cmp(key)) {
            Some(std::cmp::Ordering::Equal) => Err(CanonicalError::DuplicateKey { key: name() }),
            Some(std::cmp::Ordering::Greater) => Err(CanonicalError::KeyOrder { key: name() }),
            _ => Ok(key),
        }
    }

    /// A text; gives the octets between its quotes. The caller has seen the opening quote.
    fn text(&mut self) -> Result<&'a [u8], CanonicalError> {
        let start = self.at + 1;
        self.at = start;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(0x20..) => self.at += 1,
                _ => return Err(self.syntax()),
            }
        }
        let text = &self.bytes[start..self.at];
        self.at += 1;
        if text.len() > VALUE_MAX_OCTETS {
            let (at, octets) = (start - 1, text.len());
            return Err(CanonicalError::ValueTooLong { at, octets });
        }
        Ok(text)
    }

    /// The one escape that RFC 8785 §3.2.2.2 allows for a character, and only where needed.
    fn escape(&mut self) -> Result<(), CanonicalError> {
        let rest = &self.bytes[self.at + 1..];
        let octets = match rest {
            [b'"' | b'\\' | b'b' | b't' | b'n' | b'f' | b'r', ..] => 2,
            [b'u', b'0', b'0', high @ b'0'..=b'1', low, ..] => {
                let digit = match low {
                    b'0'..=b'9' => low - b'0',
                    b'a'..=b'f' => low - b'a' + 10,
                    _ => return Err(self.syntax()),
                };
                let has_short_form = matches!((high - b'0') << 4 | digit, 8 | 9 | 10 | 12 | 13);
                if has_short_form {
                    return Err(self.syntax());
                }
                6
            }
            _ => return Err(self.syntax()),
        };
        self.at += octets;
        Ok(())
    }

    fn integer(&mut self) -> Result<(), CanonicalError> {
        let at = self.at;
        let negative = self.skip(b'-');
        let start = self.at;
        let mut number: u64 = 0;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            self.at += 1;
            if self.at - start > INTEGER_MAX_DIGITS {
                return Err(CanonicalError::IntegerTooLarge { at });
            }
            number = number * 10 + u64::from(digit - b'0');
        }
        let digits = &self.bytes[start..self.at];
        if matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            return Err(CanonicalError::Float { at });
        }
        let one_spelling = match digits {
            [] => false,
            [b'0'] => !negative,
            [first, ..] => *first != b'0',
        };
        if !one_spelling {
            return Err(CanonicalError::Syntax { at });
        }
        if number > INTEGER_MAX {
            return Err(CanonicalError::IntegerTooLarge { at });
        }
        Ok(())
    }

    fn word(&mut self, word: &[u8]) -> Result<(), CanonicalError> {
        if !self.bytes[self.at..].starts_with(word) {
            return Err(self.syntax());
        }
        self.at += word.len();
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip(&mut self, octet: u8) -> bool {
        let found = self.peek() == Some(octet);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, octet: u8) -> Result<(), CanonicalError> {
        if self.skip(octet) {
            Ok(())
        } else {
            Err(self.syntax())
        }
    }

    fn syntax(&self) -> CanonicalError {
        CanonicalError::Syntax { at: self.at }
    }
}
