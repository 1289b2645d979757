//! `addheader` and `deleteheader` (RFC 5293). The edits are actions of the outcome, and tests see
//! the header with them.

use std::borrow::Cow;
use std::rc::Rc;

use super::compare::{self, Value};
use super::header::{is_named, place};
use super::{Fault, Run};
use crate::ast::{Index, Matching, Text};
use crate::field;
use crate::message::Field;
use crate::outcome::{Action, Left};

impl<'r> Run<'r> {
    pub(super) fn add_header(
        &mut self,
        last: bool,
        name: &'r Text,
        value: &'r Text,
    ) -> Result<(), Fault> {
        let Some(name) = self.editable(name)? else {
            return Ok(());
        };
        let value = one_line(&self.text(value)?);
        let added = Field {
            name: name.to_string(),
            raw: value.clone(),
            decoded: value.clone(),
        };
        let fields = Rc::make_mut(&mut self.header);
        self.meter.steps(fields.len())?;
        let at = if last { fields.len() } else { 0 };
        fields.insert(at, added);
        let name = name.into_owned();
        self.actions.edit(Action::AddHeader { name, value, last })
    }

    pub(super) fn delete_header(
        &mut self,
        index: Option<Index>,
        matching: Matching,
        name: &'r Text,
        patterns: &'r [Text],
    ) -> Result<(), Fault> {
        let Some(name) = self.editable(name)? else {
            return Ok(());
        };
        let patterns = self.texts(patterns)?;
        let keys: Vec<Value> = patterns.into_iter().map(Value::new).collect();
        let header = Rc::clone(&self.header);
        let named = header
            .iter()
            .enumerate()
            .filter(|(_, field)| is_named(field, &name));
        let named: Vec<(usize, &Field)> = named.collect();
        self.meter.steps(header.len())?;
        let only = index.map(|index| place(index, named.len()));
        let mut doomed = Vec::new();
        for (number, (at, field)) in named.into_iter().enumerate() {
            if only.is_some_and(|only| only != Some(number)) {
                continue;
            }
            if keys.is_empty() || self.is_like(field, matching, &keys)? {
                // Those before it are gone by then.
                let index = number - doomed.len();
                let name = name.to_string();
                self.actions.edit(Action::DeleteHeader { name, index })?;
                doomed.push(at);
            }
        }
        if !doomed.is_empty() {
            let left = header
                .iter()
                .enumerate()
                .filter(|(at, _)| doomed.binary_search(at).is_err());
            self.header = Rc::new(left.map(|(_, field)| field.clone()).collect());
        }
        Ok(())
    }

    fn is_like(
        &mut self,
        field: &Field,
        matching: Matching,
        keys: &[Value],
    ) -> Result<bool, Fault> {
        let value = [Value::new(&*field.decoded)];
        let verdict = compare::compare(matching, &value, keys, &mut self.patterns, &self.meter)?;
        if let Some(reason) = verdict.bad_pattern {
            self.note(Left::Pattern(reason));
        }
        if let Some(values) = verdict.variables {
            self.matched(values);
        }
        Ok(verdict.held)
    }

    /// The name of a field that may be changed; `None`, with a note, for one that may not.
    fn editable(&mut self, name: &'r Text) -> Result<Option<Cow<'r, str>>, Fault> {
        let name = self.text(name)?;
        if !field::is_name(&name) {
            return Err(Fault::Unchecked(
                "the name of a header field has signs that none can have",
            ));
        }
        if field::is_protected(&name) {
            self.note(Left::Header(name.into_owned()));
            return Ok(None);
        }
        Ok(Some(name))
    }
}

/// A value that stays in its field, whatever the message put into it: a header has no second line
/// that a script did not ask for.
fn one_line(value: &str) -> String {
    value
        .replace(|c: char| c.is_ascii_control() && c != '\t', " ")
        .trim()
        .to_owned()
}
