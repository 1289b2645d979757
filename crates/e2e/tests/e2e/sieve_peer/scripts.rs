//! What both sides are asked: tests, whole scripts, and a generator of tests.

use super::messages::{EMPTY, PLAIN};

/// Tests whose answer both sides share.
pub(crate) const TESTS: &[&str] = &[
    // RFC 5228
    "header :is \"subject\" \"alone\"",
    "header :is \"subject\" \"spaces   around\"",
    "header :contains \"subject\" \"\"",
    "header :contains \"x-empty\" \"\"",
    "header :is \"x-empty\" \"\"",
    "header :is \"X-Folded\" \"one two  three\"",
    "header :matches \"x-folded\" \"one*three\"",
    "header :matches \"subject\" \"[*] *\"",
    "header :matches \"subject\" \"*\\\\[fwd\\\\]*\"",
    "header :contains :comparator \"i;octet\" \"subject\" \"LOUD\"",
    "header :contains :comparator \"i;octet\" \"subject\" \"loud\"",
    "header :contains \"subject\" \"Ärger\"",
    "header :contains \"from\" \"Jürgen\"",
    "address :is \"from\" \"coyote@example.org\"",
    "address :domain \"from\" \"example.org\"",
    "address :localpart \"cc\" \"quoted local\"",
    "address :all \"to\" \"acme+list@example.net\"",
    "address :all \"to\" \"ann@example.org\"",
    "address :contains \"to\" \"friends\"",
    "address :is \"to\" \"roadrunner@example.com\"",
    "address :user \"to\" \"acme\"",
    "address :detail \"to\" \"list\"",
    "address :detail :contains \"from\" \"\"",
    "envelope \"from\" \"coyote+desert@example.org\"",
    "envelope :detail \"from\" \"desert\"",
    "envelope :domain \"to\" \"example.com\"",
    "exists [\"from\", \"to\", \"date\"]",
    "exists \"list-id\"",
    "not exists \"cc\"",
    "size :over 300",
    "size :under 1K",
    // RFC 5231
    "header :value \"lt\" :comparator \"i;ascii-numeric\" \"x-priority\" \"3\"",
    "header :value \"eq\" :comparator \"i;ascii-numeric\" \"x-spam-score\" \"7\"",
    "header :value \"eq\" :comparator \"i;ascii-numeric\" \"x-numbers\" \"12\"",
    "header :value \"gt\" :comparator \"i;ascii-numeric\" \"subject\" \"99999999\"",
    "header :count \"eq\" :comparator \"i;ascii-numeric\" \"subject\" \"2\"",
    "header :count \"ge\" :comparator \"i;ascii-numeric\" [\"received\", \"subject\"] \"3\"",
    "address :count \"eq\" :comparator \"i;ascii-numeric\" \"to\" \"3\"",
    "address :count \"ge\" :comparator \"i;ascii-numeric\" [\"to\", \"cc\"] \"2\"",
    // RFC 5260
    "date :originalzone \"date\" \"hour\" \"10\"",
    "date :zone \"+0000\" \"date\" \"time\" \"09:09:39\"",
    "date :zone \"-0330\" \"date\" \"date\" \"2026-11-23\"",
    "date :zone \"+0000\" \"date\" \"julian\" \"61367\"",
    "date :originalzone \"date\" \"weekday\" \"0\"",
    "date :originalzone \"date\" \"year\" \"1970\"",
    "date :originalzone \"date\" \"iso8601\" \"2032-02-29T23:59:59-05:00\"",
    "date :originalzone \"date\" \"zone\" \"-0500\"",
    "date :matches \"date\" \"day\" \"*\"",
    "header :index 2 \"subject\" \"second\"",
    "header :index 1 :last \"subject\" \"second\"",
    "header :index 2 :contains \"received\" \"a.test\"",
    // RFC 5173
    "body :raw :contains \"preamble\"",
    "body :raw :contains \"=C3=BC\"",
    "body :content \"text/plain\" :contains \"Grüße, and a long line\"",
    "body :content \"text\" :contains \"<b>\"",
    "body :content \"application/pdf\" :contains \"MAKE MONEY FAST\"",
    "body :content \"audio\" :contains \"\"",
    "body :text :contains \"anvil\"",
    "body :text :contains \"inner words\"",
    "body :text :matches \"*UPPER*123*\"",
    // draft-ietf-sieve-regex
    "header :regex \"subject\" \"^\\\\[[a-z-]+\\\\] \"",
    "header :regex \"subject\" \"^[^[:lower:]]+$\"",
    "header :regex :comparator \"i;octet\" \"subject\" \"^[^[:lower:]]+$\"",
    "header :regex \"list-id\" \"<(.*)@(.*)>$\"",
    "header :regex \"subject\" \"(version|fwd){1,2}\"",
    "address :regex \"from\" \"^coyote(\\\\+[a-z]+)?@\"",
    // RFC 5703
    "header :mime :type \"content-type\" \"multipart\"",
    "header :mime :anychild :contenttype \"content-type\" \"application/pdf\"",
    "header :mime :anychild :subtype \"content-type\" \"html\"",
    "header :mime :anychild :param \"filename\" \"content-disposition\" \"invoice.pdf\"",
    "header :mime :anychild :param \"name\" :contains \"content-type\" \"invoice\"",
    "header :mime :anychild \"subject\" \"inside\"",
    "exists :mime :anychild \"content-disposition\"",
    // RFC 5229
    "string :matches \"${unset}\" \"\"",
    "string :count \"eq\" :comparator \"i;ascii-numeric\" [\"a\", \"\"] \"1\"",
    // RFC 5435
    "valid_notify_method \"mailto:a@example.org\"",
    "valid_notify_method \"mailto:a@example.org?subject=x\"",
    "notify_method_capability \"mailto:a@example.org\" \"online\" \"maybe\"",
];

/// Where ours differs: the message, the test, what ours says, and why.
pub(crate) const DIFFERENT: &[(&str, &str, bool, &str)] = &[
    (
        PLAIN,
        "header :value \"ge\" \"subject\" \"M\"",
        true,
        "i;ascii-casemap compares letters as large ones (RFC 4790 §9.2.1), the other side as small ones",
    ),
    (
        PLAIN,
        "date :index 2 :originalzone \"received\" \"hour\" \"11\"",
        true,
        "the other side does not heed :index for dates (RFC 5260 §6)",
    ),
    (
        PLAIN,
        "header :index 1 :count \"eq\" :comparator \"i;ascii-numeric\" \"x-priority\" \"1\"",
        true,
        "the place of :index is one field (RFC 5260 §6); the other side counts what is behind it",
    ),
    (
        EMPTY,
        "body :raw :contains \"\"",
        true,
        "behind the empty line lies an empty body (RFC 5173 §4); for the other side there is none",
    ),
];

/// Whole scripts whose actions both sides share.
pub(crate) const SCRIPTS: &[&str] = &[
    "",
    "keep;",
    "discard;",
    "stop; discard;",
    "fileinto \"A\"; fileinto \"A\"; keep; keep;",
    "fileinto :copy \"A\"; redirect :copy \"a@example.org\";",
    "redirect \"a@example.org\"; redirect \"b@example.org\"; redirect \"a@example.org\";",
    "if exists \"list-id\" { fileinto \"Lists\"; } elsif exists \"x-priority\" { keep; } else { discard; }",
    "reject \"no\";",
    "reject \"no\"; keep;",
    "fileinto \"A\"; reject \"no\";",
    "reject \"a\"; reject \"b\";",
    "discard; keep;",
    "setflag \"\\\\Seen\";",
    "setflag \"a b\"; addflag \"c\"; removeflag \"B\"; fileinto \"A\"; keep :flags \"\\\\Flagged\";",
    "addflag \"x\" \"one two\"; fileinto :flags \"${x}\" \"A\";",
    "if header :matches \"subject\" \"*[*]*\" { fileinto \"x-${2}-${1}\"; }",
    "if header :matches \"list-id\" \"*<*.*@*>\" { fileinto \"${2}.${3}.${4}\"; }",
    "if header :matches [\"from\", \"to\"] \"*<*@*\" { set :lower :upperfirst \"n\" \"${3}\"; fileinto \"${n}\"; }",
    "if address :matches \"from\" \"*@*\" { set :length \"n\" \"${2}\"; set :upper \"u\" \"${1}\"; fileinto \"${n}${u}\"; }",
    "if header :regex \"subject\" \"([a-z]+)-([a-z]+)\" { fileinto \"${2}-${1}\"; }",
    "set \"a\" \"x*y\"; set :quotewildcard \"a\" \"${a}\"; if string :matches \"x*y\" \"${a}\" { fileinto \"ok\"; }",
    "addheader \"X-New\" \"v\"; if header \"x-new\" \"v\" { fileinto \"new\"; }",
    "deleteheader \"subject\"; if exists \"subject\" { fileinto \"still\"; }",
    "deleteheader :index 1 \"subject\"; if header :is \"subject\" \"second\" { fileinto \"second\"; }",
    "deleteheader :contains \"subject\" \"out\"; if not exists \"subject\" { fileinto \"none\"; }",
    "addheader :last \"Subject\" \"end\"; if header :index 1 :last \"subject\" \"end\" { fileinto \"end\"; }",
    "foreverypart { if header :mime :subtype \"content-type\" \"pdf\" { fileinto \"pdf\"; break; } }",
    "set \"n\" \"\"; foreverypart { set \"n\" \"${n}x\"; } fileinto \"${n}\";",
    "set \"n\" \"\"; foreverypart { set \"n\" \"${n}.\"; foreverypart { set \"n\" \"${n}x\"; } } fileinto \"${n}\";",
    "vacation \"gone\"; vacation \"away\";",
    "notify :message \"m\" \"mailto:a@example.org\"; fileinto \"A\";",
];

/// Makes tests out of few words, so that they hold now and then.
pub(crate) struct Generator {
    state: u64,
}

impl Generator {
    /// A generator that always makes the same tests for a number.
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next test.
    pub(crate) fn test(&mut self) -> String {
        self.nested(2)
    }

    /// SplitMix64.
    fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = (mixed ^ (mixed >> 31)) % bound as u64;
        usize::try_from(mixed).expect("it is below a bound that is a usize")
    }

    fn one<'w>(&mut self, words: &[&'w str]) -> &'w str {
        words[self.below(words.len())]
    }

    fn nested(&mut self, depth: usize) -> String {
        match self.below(if depth == 0 { 6 } else { 9 }) {
            0..=2 => {
                let (how, names) = (self.how(), self.names());
                // Of counts of a place there is a known difference.
                let of = match how.starts_with(":count") {
                    true => self.one(&["", ":mime :anychild "]),
                    false => self.one(&["", ":index 1 ", ":index 2 :last ", ":mime :anychild "]),
                };
                format!("header {of}{how} {names} {}", self.keys())
            }
            3 => {
                let part =
                    self.one(&["", ":all ", ":localpart ", ":domain ", ":user ", ":detail "]);
                let (how, names) = (
                    self.how(),
                    self.one(&["\"from\"", "\"to\"", "[\"to\", \"cc\"]"]),
                );
                format!("address {part}{how} {names} {}", self.keys())
            }
            4 => {
                let part = self.one(&["year", "month", "day", "hour", "minute", "weekday", "zone"]);
                let (how, key) = (
                    self.how(),
                    self.one(&["2026", "11", "23", "10", "09", "1", "0000"]),
                );
                format!("date :zone \"+0000\" {how} \"date\" \"{part}\" \"{key}\"")
            }
            5 => {
                let of = self.one(&[
                    ":raw",
                    ":content \"text\"",
                    ":content \"text/html\"",
                    ":text",
                ]);
                let how = self.one(&[":contains", ":matches", ":contains :comparator \"i;octet\""]);
                format!("body {of} {how} {}", self.keys())
            }
            6 => format!("not {}", self.nested(depth - 1)),
            7 => format!(
                "allof ({}, {})",
                self.nested(depth - 1),
                self.nested(depth - 1)
            ),
            _ => format!(
                "anyof ({}, {})",
                self.nested(depth - 1),
                self.nested(depth - 1)
            ),
        }
    }

    fn how(&mut self) -> String {
        let by = self.one(&["", " :comparator \"i;octet\""]);
        match self.below(6) {
            0 => format!(":is{by}"),
            1 => format!(":contains{by}"),
            2 => format!(":matches{by}"),
            3 => format!(":regex{by}"),
            4 => {
                let relation = self.one(&["gt", "ge", "lt", "le", "eq", "ne"]);
                // Of i;ascii-casemap there is a known difference.
                let by = self.one(&["i;octet", "i;ascii-numeric"]);
                format!(":value \"{relation}\" :comparator \"{by}\"")
            }
            _ => {
                let relation = self.one(&["gt", "ge", "lt", "le", "eq", "ne"]);
                format!(":count \"{relation}\" :comparator \"i;ascii-numeric\"")
            }
        }
    }

    fn names(&mut self) -> String {
        let names = [
            "subject",
            "From",
            "to",
            "x-priority",
            "X-Empty",
            "x-folded",
            "content-type",
        ];
        let (one, two) = (self.one(&names), self.one(&names));
        match self.below(2) {
            0 => format!("\"{one}\""),
            _ => format!("[\"{one}\", \"{two}\"]"),
        }
    }

    /// Keys that are texts, numbers, wildcards and regular expressions at once.
    fn keys(&mut self) -> String {
        let words = [
            "alone",
            "ALONE",
            "coyote",
            "example.org",
            "roadrunner@example.com",
            "2",
            "1",
            "0",
            "",
            "a",
            "second",
            "version 1.0",
            ".*",
            "s.*d",
            "[[:upper:]]+",
            "a.*e",
            "LOUD SUBJECT",
            "ann",
            "anvil",
            "hello",
            "one two  three",
            "(b|c)o",
            "e{1,2}",
            "multipart/mixed",
        ];
        let (one, two) = (self.one(&words), self.one(&words));
        match self.below(3) {
            0 => format!("[\"{one}\", \"{two}\"]"),
            _ => format!("\"{one}\""),
        }
    }
}
