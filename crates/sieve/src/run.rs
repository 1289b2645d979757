//! Runs scripts on messages.
//!
//! A run reads the [`Message`] and asks the [`World`], changes neither, and ends in an [`Outcome`]
//! or a [`RunError`]. The same script on the same message in the same world ends the same. Any
//! [`Script`] can be run, also one that no check has seen: what has no meaning is an error, never a
//! panic, and every run ends within the [limits](crate::limits).

mod action;
mod body;
mod compare;
mod control;
mod edit;
mod fault;
mod flag;
mod header;
mod meter;
mod test;
#[cfg(test)]
mod tests;
mod text;
mod wildcard;

use std::borrow::Cow;
use std::collections::HashSet;
use std::rc::Rc;

use crate::ast::{Script, Text};
use crate::limits::{DECISIONS_MAX, NOTES_MAX, VARIABLE_MAX_OCTETS};
use crate::message::{Field, Message, World};
use crate::outcome::{Decision, Left, Note, Outcome};

pub use self::fault::{Fault, Limit, RunError};

use self::action::Actions;
use self::body::Bodies;
use self::compare::Patterns;
use self::control::Flow;
use self::header::Header;
use self::meter::Meter;
use self::text::{Frame, Globals};

/// Runs one script on a message.
///
/// # Errors
///
/// What ended the run early; nothing of what the script asked for is to be done then.
pub fn run(script: &Script, message: &dyn Message, world: &dyn World) -> Result<Outcome, RunError> {
    Runner::new(message, world).run(script)
}

/// Runs several scripts on one message, one after the other, each on its own but for the header:
/// a script sees what those before it changed there. The message is prepared once for all.
pub struct Runner<'m> {
    message: &'m dyn Message,
    world: &'m dyn World,
    header: Rc<Vec<Field>>,
    bodies: Bodies,
}

impl<'m> Runner<'m> {
    /// Prepares a message.
    pub fn new(message: &'m dyn Message, world: &'m dyn World) -> Self {
        let first = message.parts().first();
        let fields = first.map_or_else(Vec::new, |part| part.fields.clone());
        Self {
            message,
            world,
            header: Rc::new(fields),
            bodies: Bodies::default(),
        }
    }

    /// The header as the scripts so far left it.
    pub fn header(&self) -> &[Field] {
        &self.header
    }

    /// Runs one script. One that ends with an error leaves the header as it was.
    ///
    /// # Errors
    ///
    /// What ended the run early; nothing of what the script asked for is to be done then.
    pub fn run(&mut self, script: &Script) -> Result<Outcome, RunError> {
        let mut run = Run {
            message: self.message,
            world: self.world,
            header: Rc::clone(&self.header),
            bodies: &mut self.bodies,
            meter: Meter::new(),
            patterns: Patterns::default(),
            frames: vec![Frame::new(None, &script.require, 0)],
            globals: Globals::default(),
            flags: None,
            actions: Actions::default(),
            included: HashSet::new(),
            inclusions: 0,
            decisions: Vec::new(),
            notes: Vec::new(),
        };
        match run.script(&script.block) {
            Ok(stopped) => {
                let (header, outcome) = run.end(stopped);
                self.header = header;
                Ok(outcome)
            }
            Err(fault) => Err(run.error(fault)),
        }
    }
}

/// A run under way. What it borrows for `'r` are the scripts, the message and the world.
struct Run<'r> {
    message: &'r dyn Message,
    world: &'r dyn World,
    /// The header with the edits so far.
    header: Rc<Vec<Field>>,
    bodies: &'r mut Bodies,
    meter: Meter,
    patterns: Patterns,
    /// The script that was run, then those that include each other; the last is at work.
    frames: Vec<Frame<'r>>,
    globals: Globals,
    /// The internal variable of flags (RFC 5232 §3); `None` while no action has touched it.
    flags: Option<Vec<String>>,
    actions: Actions,
    /// Names of scripts that were included.
    included: HashSet<&'r str>,
    inclusions: usize,
    decisions: Vec<Decision>,
    notes: Vec<Note>,
}

impl<'r> Run<'r> {
    /// Runs the script itself; whether `stop` ended it.
    fn script(&mut self, block: &'r [crate::ast::Command]) -> Result<bool, Fault> {
        match self.block(block)? {
            Flow::Next => Ok(false),
            Flow::Stop | Flow::Return => Ok(true),
            Flow::Break(_) => Err(Fault::Unchecked(
                "`break` stands in no loop that it could end",
            )),
        }
    }

    fn end(self, stopped: bool) -> (Rc<Vec<Field>>, Outcome) {
        let (actions, implicit_keep) = self.actions.end();
        let outcome = Outcome {
            actions,
            implicit_keep,
            flags: self.flags,
            stopped,
            decisions: self.decisions,
            notes: self.notes,
        };
        (self.header, outcome)
    }

    fn error(&self, fault: Fault) -> RunError {
        let frame = self.frame();
        RunError {
            script: frame.script.map(str::to_owned),
            at: frame.at,
            fault,
        }
    }

    fn frame(&self) -> &Frame<'r> {
        self.frames
            .last()
            .expect("the first frame is there from the start and never taken away")
    }

    fn frame_mut(&mut self) -> &mut Frame<'r> {
        self.frames
            .last_mut()
            .expect("the first frame is there from the start and never taken away")
    }

    fn text<'t>(&self, text: &'t Text) -> Result<Cow<'t, str>, Fault> {
        self.frame().text(text, &self.globals, &self.meter)
    }

    fn texts<'t>(&self, texts: &'t [Text]) -> Result<Vec<Cow<'t, str>>, Fault> {
        texts.iter().map(|text| self.text(text)).collect()
    }

    fn optional_text(&self, text: Option<&Text>) -> Result<Option<String>, Fault> {
        text.map(|text| self.text(text).map(Cow::into_owned))
            .transpose()
    }

    /// A text that must be the same at every run.
    fn constant(text: &Text, refused: &'static str) -> Result<String, Fault> {
        text.constant().ok_or(Fault::Unchecked(refused))
    }

    /// The header of a part; that of the message with its edits.
    fn header_of(&self, part: usize) -> Header<'r> {
        match self.message.parts().get(part) {
            Some(of_part) if part > 0 => Header::Part(&of_part.fields),
            _ => Header::Message(Rc::clone(&self.header)),
        }
    }

    fn decide(&mut self, held: bool) {
        if self.decisions.len() < DECISIONS_MAX {
            let (script, at) = self.place();
            self.decisions.push(Decision { script, at, held });
        }
    }

    fn note(&mut self, left: Left) {
        let (script, at) = self.place();
        let note = Note { script, at, left };
        if self.notes.len() < NOTES_MAX && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn place(&self) -> (Option<String>, crate::ast::Pos) {
        let frame = self.frame();
        (frame.script.map(str::to_owned), frame.at)
    }

    /// Takes over what the wildcards of a match held.
    fn matched(&mut self, mut values: Vec<String>) {
        for value in &mut values {
            value.truncate(value.floor_char_boundary(VARIABLE_MAX_OCTETS));
        }
        self.frame_mut().matches = values;
    }
}
