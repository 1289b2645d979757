//! Tests.

use std::borrow::Cow;

use super::compare::{self, Value};
use super::header::{self, Header};
use super::{Fault, Run, body, flag};
use crate::address_list::{self, Address};
use crate::ast::{
    AddressPart, BodyTransform, DatePart, Fields, Index, MatchKind, Matching, Mime, MimeOf, Test,
    TestKind, Text, Unique, Zone,
};
use crate::date::{self, Moment};
use crate::limits::{DUPLICATE_SECONDS, DUPLICATE_SECONDS_MAX};
use crate::outcome::Left;
use crate::{extension, mailto};

/// What `notify_method_capability` says of "online" for `mailto:` (RFC 5436 §2.2).
const MAILTO_ONLINE: &str = "maybe";

impl<'r> Run<'r> {
    /// Whether a test holds. No more tests are asked than needed (RFC 5229 §3.2).
    pub(super) fn test(&mut self, test: &'r Test) -> Result<bool, Fault> {
        self.deeper()?;
        self.frame_mut().at = test.at;
        self.meter.step()?;
        let held = match &test.kind {
            TestKind::Not(inner) => !self.test(inner)?,
            TestKind::AllOf(tests) => self.all_or_any(tests, true)?,
            TestKind::AnyOf(tests) => self.all_or_any(tests, false)?,
            kind => {
                let held = self.ask(kind)?;
                self.decide(held);
                held
            }
        };
        self.frame_mut().depth -= 1;
        Ok(held)
    }

    /// `allof` ends at the first that fails, `anyof` at the first that holds.
    fn all_or_any(&mut self, tests: &'r [Test], all: bool) -> Result<bool, Fault> {
        for test in tests {
            if self.test(test)? != all {
                return Ok(!all);
            }
        }
        Ok(all)
    }

    // long: one arm for each test
    fn ask(&mut self, kind: &'r TestKind) -> Result<bool, Fault> {
        match kind {
            TestKind::True => Ok(true),
            // Those that hold others are walked by `test`.
            TestKind::False | TestKind::Not(_) | TestKind::AllOf(_) | TestKind::AnyOf(_) => {
                Ok(false)
            }
            TestKind::Address {
                part,
                fields,
                matching,
                headers,
                keys,
            } => self.address(*part, fields, *matching, headers, keys),
            TestKind::Envelope {
                part,
                matching,
                parts,
                keys,
            } => self.envelope(*part, *matching, parts, keys),
            TestKind::Header {
                fields,
                matching,
                headers,
                keys,
            } => self.header(fields, *matching, headers, keys),
            TestKind::Exists { fields, headers } => self.exists(fields, headers),
            TestKind::Size { over: true, octets } => Ok(self.message.size() > *octets),
            TestKind::Size {
                over: false,
                octets,
            } => Ok(self.message.size() < *octets),
            TestKind::Body {
                transform,
                matching,
                keys,
            } => self.body(transform, *matching, keys),
            TestKind::HasFlag {
                variables,
                matching,
                flags,
            } => self.has_flag(variables, *matching, flags),
            TestKind::String {
                matching,
                source,
                keys,
            } => self.string(*matching, source, keys),
            TestKind::Date {
                index,
                zone,
                matching,
                header,
                part,
                keys,
            } => {
                let value = self.date(*index, *zone, header, *part)?;
                self.compare_one(*matching, value, keys)
            }
            TestKind::CurrentDate {
                zone,
                matching,
                part,
                keys,
            } => {
                let now = self.world.now();
                let value = date::part(self.in_zone(now, 0, *zone), *part);
                self.compare_one(*matching, value, keys)
            }
            TestKind::Environment {
                matching,
                name,
                keys,
            } => {
                let name = self.text(name)?.to_ascii_lowercase();
                let value = self.world.environment(&name);
                self.compare_one(*matching, value, keys)
            }
            TestKind::MailboxExists(names) => {
                let names = self.texts(names)?;
                self.meter.steps(names.len())?;
                Ok(names.iter().all(|name| self.world.mailbox_exists(name)))
            }
            TestKind::SpecialUseExists { mailbox, uses } => {
                self.special_use(mailbox.as_ref(), uses)
            }
            TestKind::SpamTest {
                percent,
                matching,
                value,
            } => {
                let found = self
                    .world
                    .spam_percent()
                    .map(|spam| spam_value(spam, *percent));
                self.verdict(*matching, found, value)
            }
            TestKind::VirusTest { matching, value } => {
                let found = self.world.virus_level().map(|level| level.clamp(1, 5));
                self.verdict(*matching, found, value)
            }
            TestKind::Ihave(names) => {
                let names = self.texts(names)?;
                let require = self.frame().require;
                Ok(names.iter().all(|name| extension::is_there(name, require)))
            }
            TestKind::ValidNotifyMethod(uris) => {
                let uris = self.texts(uris)?;
                Ok(uris.iter().all(|uri| mailto::is_valid(uri)))
            }
            TestKind::NotifyMethodCapability {
                matching,
                uri,
                capability,
                keys,
            } => {
                let uri = self.text(uri)?;
                let online = self.text(capability)?.eq_ignore_ascii_case("online");
                let value = (online && mailto::is_valid(&uri)).then(|| MAILTO_ONLINE.to_owned());
                self.compare_one(*matching, value, keys)
            }
            TestKind::Duplicate {
                handle,
                unique,
                seconds,
                last,
            } => self.duplicate(handle.as_ref(), unique, *seconds, *last),
        }
    }

    fn address(
        &mut self,
        part: AddressPart,
        fields: &'r Fields,
        matching: Matching,
        headers: &'r [Text],
        keys: &'r [Text],
    ) -> Result<bool, Fault> {
        let names = self.texts(headers)?;
        let headers = self.headers(fields.mime.as_ref());
        let found = header::select(&headers, &names, fields.index, &self.meter)?;
        let part = counted_part(part, matching);
        let mut values = Vec::new();
        for field in found {
            self.meter.read(field.raw.len())?;
            let addresses = address_list::list(&field.raw);
            values.extend(
                addresses
                    .iter()
                    .filter_map(|one| one.part(part))
                    .map(Value::new),
            );
        }
        self.compare(matching, &values, keys)
    }

    /// The null path is an empty text, whatever part is asked for (RFC 5228 §5.4), and none where
    /// addresses are counted (RFC 5231 §4.2).
    fn envelope(
        &mut self,
        part: AddressPart,
        matching: Matching,
        parts: &'r [Text],
        keys: &'r [Text],
    ) -> Result<bool, Fault> {
        let counted = matches!(matching.kind, MatchKind::Count(_));
        let part = counted_part(part, matching);
        let mut values = Vec::new();
        for name in self.texts(parts)? {
            self.meter.step()?;
            let Some(path) = self.world.envelope(&name.to_ascii_lowercase()) else {
                continue;
            };
            match Address::of_path(&path) {
                Some(address) => values.extend(address.part(part).map(Value::new)),
                None if counted => {}
                None => values.push(Value::new("")),
            }
        }
        self.compare(matching, &values, keys)
    }

    fn header(
        &mut self,
        fields: &'r Fields,
        matching: Matching,
        headers: &'r [Text],
        keys: &'r [Text],
    ) -> Result<bool, Fault> {
        let names = self.texts(headers)?;
        let of = fields.mime.as_ref().map_or(&MimeOf::Value, |mime| &mime.of);
        let params = match of {
            MimeOf::Param(names) => self.texts(names)?,
            _ => Vec::new(),
        };
        let headers = self.headers(fields.mime.as_ref());
        let found = header::select(&headers, &names, fields.index, &self.meter)?;
        let mut values = Vec::new();
        for field in found {
            self.meter
                .read(params.len().saturating_mul(field.raw.len()))?;
            values.extend(
                header::values(field, of, &params)
                    .into_iter()
                    .map(Value::new),
            );
        }
        self.compare(matching, &values, keys)
    }

    fn exists(&self, fields: &'r Fields, headers: &'r [Text]) -> Result<bool, Fault> {
        let names = self.texts(headers)?;
        let headers = self.headers(fields.mime.as_ref());
        for name in &names {
            let one = std::slice::from_ref(name);
            if header::select(&headers, one, fields.index, &self.meter)?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The headers that a test looks at (RFC 5703 §4): that of the message, that of the part which
    /// the loop is at, or those of everything in it.
    fn headers(&self, mime: Option<&Mime>) -> Vec<Header<'r>> {
        let frame = self.frame();
        match mime {
            None => vec![self.header_of(frame.root)],
            Some(Mime {
                any_child: false, ..
            }) => vec![self.header_of(frame.part())],
            Some(Mime {
                any_child: true, ..
            }) => {
                let top = frame.part();
                let parts = top..self.message.parts().len().max(top + 1);
                let inside = parts.take_while(|part| self.lies_in(*part, top));
                inside.map(|part| self.header_of(part)).collect()
            }
        }
    }

    /// Bodies set no match variables (RFC 5173 §6).
    fn body(
        &mut self,
        transform: &'r BodyTransform,
        matching: Matching,
        keys: &'r [Text],
    ) -> Result<bool, Fault> {
        let whole;
        let parts;
        let values = match transform {
            BodyTransform::Raw => {
                whole = self.bodies.raw(self.message);
                &whole[..]
            }
            BodyTransform::Text => {
                whole = self.bodies.words(self.message);
                &whole[..]
            }
            BodyTransform::Content(types) => {
                let types = self.texts(types)?;
                parts = body::content(self.message, &types);
                &parts[..]
            }
        };
        let before = std::mem::take(&mut self.frame_mut().matches);
        let held = self.compare(matching, values, keys);
        self.frame_mut().matches = before;
        held
    }

    fn has_flag(
        &mut self,
        variables: &'r [String],
        matching: Matching,
        flags: &'r [Text],
    ) -> Result<bool, Fault> {
        let mut found = Vec::new();
        if variables.is_empty() {
            found.extend(self.flags.clone().unwrap_or_default());
        }
        for name in variables {
            found.extend(flag::list([self.frame().value(name, &self.globals)])?);
        }
        let values: Vec<Value> = found.into_iter().map(Value::new).collect();
        let keys = self.texts(flags)?;
        let split = keys
            .iter()
            .flat_map(|key| key.split(' '))
            .filter(|key| !key.is_empty());
        let keys: Vec<Value> = split.map(Value::new).collect();
        self.compare_values(matching, &values, &keys)
    }

    /// Empty texts do not count (RFC 5229 §5).
    fn string(
        &mut self,
        matching: Matching,
        source: &'r [Text],
        keys: &'r [Text],
    ) -> Result<bool, Fault> {
        let counted = matches!(matching.kind, MatchKind::Count(_));
        let texts = self.texts(source)?.into_iter();
        let values: Vec<Value> = texts
            .filter(|text| !counted || !text.is_empty())
            .map(Value::new)
            .collect();
        self.compare(matching, &values, keys)
    }

    /// One part of the date of a field: of the first of its name where no index says otherwise.
    fn date(
        &self,
        index: Option<Index>,
        zone: Zone,
        header: &'r Text,
        part: DatePart,
    ) -> Result<Option<String>, Fault> {
        let name = self.text(header)?;
        let headers = self.headers(None);
        let index = index.unwrap_or(Index {
            number: 1,
            last: false,
        });
        let found = header::select(&headers, &[name], Some(index), &self.meter)?;
        let moment = found.first().and_then(|field| date::read(&field.raw));
        Ok(moment.and_then(|Moment { seconds, offset }| {
            date::part(self.in_zone(seconds, offset, zone), part)
        }))
    }

    fn in_zone(&self, seconds: i64, original: i32, zone: Zone) -> Moment {
        let offset = match zone {
            Zone::Local => self.world.local_offset(seconds),
            Zone::Original => original,
            Zone::Offset(minutes) => minutes,
        };
        Moment { seconds, offset }
    }

    /// Whether folders with these uses are there, or whether one folder has all of them
    /// (RFC 8579 §3).
    fn special_use(&self, mailbox: Option<&'r Text>, uses: &'r [Text]) -> Result<bool, Fault> {
        let mailbox = self.optional_text(mailbox)?;
        let uses = self.texts(uses)?;
        self.meter.steps(uses.len())?;
        Ok(uses.iter().all(|attribute| {
            let folder = self.world.special_use(attribute);
            folder.is_some_and(|folder| mailbox.as_ref().is_none_or(|wanted| folder == *wanted))
        }))
    }

    /// What a scanner said: 0 if none did, which counts as nothing (RFC 5235 §2).
    fn verdict(
        &mut self,
        matching: Matching,
        found: Option<u8>,
        key: &'r Text,
    ) -> Result<bool, Fault> {
        let counted = matches!(matching.kind, MatchKind::Count(_));
        let value = match (found, counted) {
            (None, true) => None,
            (found, _) => Some(found.unwrap_or(0).to_string()),
        };
        self.compare_one(matching, value, std::slice::from_ref(key))
    }

    /// Whether the message was met before; marks are set when the run has ended well
    /// (RFC 7352 §3).
    fn duplicate(
        &mut self,
        handle: Option<&'r Text>,
        unique: &'r Unique,
        seconds: Option<u64>,
        last: bool,
    ) -> Result<bool, Fault> {
        let handle = self.optional_text(handle)?.unwrap_or_default();
        let id = match unique {
            Unique::MessageId => self.first_value("Message-ID")?,
            Unique::Header(name) => self.first_value(&self.text(name)?)?,
            Unique::Id(id) => Some(self.text(id)?.into_owned()),
        };
        let seconds = seconds
            .unwrap_or(DUPLICATE_SECONDS)
            .min(DUPLICATE_SECONDS_MAX);
        let Some(id) = id.filter(|_| seconds > 0) else {
            return Ok(false);
        };
        let met = self.world.is_duplicate(&handle, &id, seconds);
        if !met || last {
            self.actions.mark(handle, id, seconds)?;
        }
        Ok(met)
    }

    fn first_value(&self, name: &str) -> Result<Option<String>, Fault> {
        let headers = self.headers(None);
        let found = header::select(&headers, &[Cow::Borrowed(name)], None, &self.meter)?;
        Ok(found.first().map(|field| field.decoded.trim().to_owned()))
    }

    fn compare_one(
        &mut self,
        matching: Matching,
        value: Option<String>,
        keys: &'r [Text],
    ) -> Result<bool, Fault> {
        let values: Vec<Value> = value.map(Value::new).into_iter().collect();
        self.compare(matching, &values, keys)
    }

    fn compare(
        &mut self,
        matching: Matching,
        values: &[Value],
        keys: &'r [Text],
    ) -> Result<bool, Fault> {
        let keys: Vec<Value> = self.texts(keys)?.into_iter().map(Value::new).collect();
        self.compare_values(matching, values, &keys)
    }

    /// Compares, and takes over what the match leaves behind.
    pub(super) fn compare_values(
        &mut self,
        matching: Matching,
        values: &[Value],
        keys: &[Value],
    ) -> Result<bool, Fault> {
        let verdict = compare::compare(matching, values, keys, &mut self.patterns, &self.meter)?;
        if let Some(reason) = verdict.bad_pattern {
            self.note(Left::Pattern(reason));
        }
        if let Some(variables) = verdict.variables {
            self.matched(variables);
        }
        Ok(verdict.held)
    }
}

/// The part of an address that is looked at: where addresses are counted, each counts, whether it
/// has the part or not (RFC 5231 §4.2).
fn counted_part(part: AddressPart, matching: Matching) -> AddressPart {
    match matching.kind {
        MatchKind::Count(_) => AddressPart::All,
        _ => part,
    }
}

/// 0 to 100 as it is, or as 1 to 10 (RFC 5235 §2).
fn spam_value(percent: u8, as_percent: bool) -> u8 {
    let percent = percent.min(100);
    match (as_percent, percent) {
        (true, percent) => percent,
        (false, 0) => 1,
        (false, 100) => 10,
        // 99 steps of suspicion, told as 2 to 9.
        (false, percent) => 2 + (percent - 1) / 13,
    }
}
