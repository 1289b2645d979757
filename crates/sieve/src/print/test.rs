//! Tests as text.

use super::Printer;
use crate::ast::{AddressPart, BodyTransform, Fields, Mime, MimeOf, Test, TestKind, Unique, Zone};
use crate::keyword::Word;

impl Printer {
    // long: one arm for each test
    pub(super) fn test(&mut self, kind: &TestKind) {
        match kind {
            TestKind::True => self.out.push_str("true"),
            TestKind::False => self.out.push_str("false"),
            TestKind::Not(test) => {
                self.out.push_str("not ");
                self.test(&test.kind);
            }
            TestKind::AllOf(tests) => self.list("allof", tests),
            TestKind::AnyOf(tests) => self.list("anyof", tests),
            TestKind::Address {
                part,
                fields,
                matching,
                headers,
                keys,
            } => {
                self.out.push_str("address");
                self.part(*part);
                self.fields(fields);
                self.matching(*matching);
                self.texts(headers);
                self.texts(keys);
            }
            TestKind::Envelope {
                part,
                matching,
                parts,
                keys,
            } => {
                self.out.push_str("envelope");
                self.part(*part);
                self.matching(*matching);
                self.texts(parts);
                self.texts(keys);
            }
            TestKind::Header {
                fields,
                matching,
                headers,
                keys,
            } => {
                self.out.push_str("header");
                self.fields(fields);
                self.matching(*matching);
                self.texts(headers);
                self.texts(keys);
            }
            TestKind::Exists { fields, headers } => {
                self.out.push_str("exists");
                self.fields(fields);
                self.texts(headers);
            }
            TestKind::Size { over, octets } => {
                self.out.push_str("size");
                self.tag(if *over { "over" } else { "under" });
                self.number(*octets);
            }
            TestKind::Body {
                transform,
                matching,
                keys,
            } => {
                self.out.push_str("body");
                self.transform(transform);
                self.matching(*matching);
                self.texts(keys);
            }
            TestKind::HasFlag {
                variables,
                matching,
                flags,
            } => {
                self.out.push_str("hasflag");
                self.matching(*matching);
                if !variables.is_empty() {
                    self.names(variables);
                }
                self.texts(flags);
            }
            TestKind::String {
                matching,
                source,
                keys,
            } => {
                self.out.push_str("string");
                self.matching(*matching);
                self.texts(source);
                self.texts(keys);
            }
            TestKind::Date {
                index,
                zone,
                matching,
                header,
                part,
                keys,
            } => {
                self.out.push_str("date");
                self.index(*index);
                self.zone(*zone);
                self.matching(*matching);
                self.text(header);
                self.plain(part.word());
                self.texts(keys);
            }
            TestKind::CurrentDate {
                zone,
                matching,
                part,
                keys,
            } => {
                self.out.push_str("currentdate");
                self.zone(*zone);
                self.matching(*matching);
                self.plain(part.word());
                self.texts(keys);
            }
            TestKind::Environment {
                matching,
                name,
                keys,
            } => {
                self.out.push_str("environment");
                self.matching(*matching);
                self.text(name);
                self.texts(keys);
            }
            other => self.rarer_test(other),
        }
    }

    // long: one arm for each test
    fn rarer_test(&mut self, kind: &TestKind) {
        match kind {
            TestKind::MailboxExists(names) => {
                self.out.push_str("mailboxexists");
                self.texts(names);
            }
            TestKind::SpecialUseExists { mailbox, uses } => {
                self.out.push_str("specialuse_exists");
                if let Some(mailbox) = mailbox {
                    self.text(mailbox);
                }
                self.texts(uses);
            }
            TestKind::SpamTest {
                percent,
                matching,
                value,
            } => {
                self.out.push_str("spamtest");
                self.tag_if(*percent, "percent");
                self.matching(*matching);
                self.text(value);
            }
            TestKind::VirusTest { matching, value } => {
                self.out.push_str("virustest");
                self.matching(*matching);
                self.text(value);
            }
            TestKind::Ihave(names) => {
                self.out.push_str("ihave");
                self.texts(names);
            }
            TestKind::ValidNotifyMethod(uris) => {
                self.out.push_str("valid_notify_method");
                self.texts(uris);
            }
            TestKind::NotifyMethodCapability {
                matching,
                uri,
                capability,
                keys,
            } => {
                self.out.push_str("notify_method_capability");
                self.matching(*matching);
                self.text(uri);
                self.text(capability);
                self.texts(keys);
            }
            TestKind::Duplicate {
                handle,
                unique,
                seconds,
                last,
            } => {
                self.out.push_str("duplicate");
                self.tagged("handle", handle.as_ref());
                match unique {
                    Unique::MessageId => {}
                    Unique::Header(name) => self.tagged("header", Some(name)),
                    Unique::Id(id) => self.tagged("uniqueid", Some(id)),
                }
                if let Some(seconds) = seconds {
                    self.tag("seconds");
                    self.plain_number(*seconds);
                }
                self.tag_if(*last, "last");
            }
            // `test` writes all others.
            _ => {}
        }
    }

    /// Tests in parentheses, each on its line.
    fn list(&mut self, name: &str, tests: &[Test]) {
        self.out.push_str(name);
        self.out.push_str(" (");
        self.depth += 1;
        for (at, test) in tests.iter().enumerate() {
            self.out.push_str(if at == 0 { "\r\n" } else { ",\r\n" });
            self.indent();
            self.test(&test.kind);
        }
        self.depth -= 1;
        self.out.push_str("\r\n");
        self.indent();
        self.out.push(')');
    }

    fn part(&mut self, part: AddressPart) {
        if part != AddressPart::default() {
            self.tag(part.word());
        }
    }

    fn fields(&mut self, fields: &Fields) {
        self.index(fields.index);
        let Some(Mime { any_child, of }) = &fields.mime else {
            return;
        };
        self.tag("mime");
        self.tag_if(*any_child, "anychild");
        match of {
            MimeOf::Value => {}
            MimeOf::Type => self.tag("type"),
            MimeOf::Subtype => self.tag("subtype"),
            MimeOf::ContentType => self.tag("contenttype"),
            MimeOf::Param(names) => self.tagged_texts("param", Some(names)),
        }
    }

    fn transform(&mut self, transform: &BodyTransform) {
        match transform {
            BodyTransform::Text => {}
            BodyTransform::Raw => self.tag("raw"),
            BodyTransform::Content(types) => self.tagged_texts("content", Some(types)),
        }
    }

    fn zone(&mut self, zone: Zone) {
        match zone {
            Zone::Local => {}
            Zone::Original => self.tag("originalzone"),
            Zone::Offset(minutes) => {
                let sign = if minutes < 0 { '-' } else { '+' };
                let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
                self.tag("zone");
                self.plain(&format!("{sign}{hours:02}{minutes:02}"));
            }
        }
    }
}
