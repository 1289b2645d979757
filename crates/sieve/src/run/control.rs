//! Commands: blocks, conditions, loops and included scripts; actions go to their own modules.

use super::text::{Frame, modified};
use super::{Fault, Limit, Run, flag};
use crate::ast::{Command, CommandKind, FlagChange, Location, Modifier, Piece, Test, Text};
use crate::limits::{INCLUDE_DEPTH_MAX, INCLUDES_MAX, NESTING_MAX};

/// A block and the tests in it count separately here, where the check counts them as one.
const DEPTH_MAX: usize = 2 * NESTING_MAX + 2;

/// What comes after a command.
pub(super) enum Flow<'s> {
    Next,
    Stop,
    Return,
    /// The end of the loop of this name; `None`: of the innermost.
    Break(Option<&'s str>),
}

impl<'r> Run<'r> {
    pub(super) fn block(&mut self, block: &'r [Command]) -> Result<Flow<'r>, Fault> {
        self.deeper()?;
        for command in block {
            let flow = self.command(command)?;
            if !matches!(flow, Flow::Next) {
                self.frame_mut().depth -= 1;
                return Ok(flow);
            }
        }
        self.frame_mut().depth -= 1;
        Ok(Flow::Next)
    }

    /// Enters a block or a test; whoever calls leaves it again.
    pub(super) fn deeper(&mut self) -> Result<(), Fault> {
        let frame = self.frame_mut();
        if frame.depth == DEPTH_MAX {
            return Err(Fault::Limit(Limit::Nesting));
        }
        frame.depth += 1;
        Ok(())
    }

    fn command(&mut self, command: &'r Command) -> Result<Flow<'r>, Fault> {
        self.frame_mut().at = command.at;
        self.meter.step()?;
        match &command.kind {
            CommandKind::If { arms, otherwise } => return self.branch(arms, otherwise.as_deref()),
            CommandKind::Stop => return Ok(Flow::Stop),
            CommandKind::Return => return Ok(Flow::Return),
            CommandKind::Break { name } => return Ok(Flow::Break(name.as_deref())),
            CommandKind::ForEveryPart { name, block } => {
                return self.every_part(name.as_deref(), block);
            }
            CommandKind::Include {
                location,
                once,
                optional,
                name,
            } => {
                return self.include(*location, *once, *optional, name);
            }
            CommandKind::Keep { flags } => self.keep(flags.as_deref())?,
            CommandKind::Discard => self.actions.discard()?,
            CommandKind::FileInto(into) => self.file_into(into)?,
            CommandKind::Redirect { address, copy } => self.redirect(address, *copy)?,
            CommandKind::Reject { reason, extended } => self.reject(reason, *extended)?,
            CommandKind::Flag {
                change,
                variable,
                flags,
            } => {
                self.change_flags(*change, variable.as_deref(), flags)?;
            }
            CommandKind::Set {
                modifiers,
                name,
                value,
            } => self.set(modifiers, name, value)?,
            CommandKind::AddHeader { last, name, value } => self.add_header(*last, name, value)?,
            CommandKind::DeleteHeader {
                index,
                matching,
                name,
                patterns,
            } => {
                self.delete_header(*index, *matching, name, patterns)?;
            }
            CommandKind::Vacation(vacation) => self.vacation(vacation)?,
            CommandKind::Notify(notify) => self.notify(notify)?,
            CommandKind::Global(names) => {
                for name in names {
                    self.frame_mut().share(name);
                }
            }
            CommandKind::Error { message } => {
                return Err(Fault::Script(self.text(message)?.into_owned()));
            }
        }
        Ok(Flow::Next)
    }

    fn branch(
        &mut self,
        arms: &'r [(Test, Vec<Command>)],
        otherwise: Option<&'r [Command]>,
    ) -> Result<Flow<'r>, Fault> {
        for (test, block) in arms {
            if self.test(test)? {
                return self.block(block);
            }
        }
        otherwise.map_or(Ok(Flow::Next), |block| self.block(block))
    }

    /// `foreverypart`: all parts of the message, the message itself first; within another loop, the
    /// parts inside of the part that this is at (RFC 5703 §3).
    fn every_part(&mut self, name: Option<&str>, block: &'r [Command]) -> Result<Flow<'r>, Fault> {
        let frame = self.frame();
        let (top, inner) = (frame.part(), !frame.loops.is_empty());
        let first = if inner { top + 1 } else { top };
        for part in first..self.message.parts().len() {
            self.meter.step()?;
            if !self.lies_in(part, top) {
                break;
            }
            self.frame_mut().loops.push(part);
            let flow = self.block(block)?;
            self.frame_mut().loops.pop();
            match flow {
                Flow::Next => {}
                Flow::Break(wanted) if wanted.is_none() || wanted == name => break,
                flow => return Ok(flow),
            }
        }
        Ok(Flow::Next)
    }

    /// Whether a part is another or lies in it; parts stand depth first.
    pub(super) fn lies_in(&self, part: usize, outer: usize) -> bool {
        let parts = self.message.parts();
        let mut at = part;
        while at > outer {
            match parts.get(at).and_then(|part| part.parent) {
                Some(parent) if parent < at => at = parent,
                _ => return false,
            }
        }
        at == outer
    }

    fn include(
        &mut self,
        location: Location,
        once: bool,
        optional: bool,
        name: &'r Text,
    ) -> Result<Flow<'r>, Fault> {
        if location == Location::Global {
            return Err(Fault::Unchecked("only own scripts can be included"));
        }
        let [Piece::Literal(name)] = name.0.as_slice() else {
            return Err(Fault::Unchecked(
                "the name of an included script is empty or computed",
            ));
        };
        let name = name.as_str();
        let running = self.frames.iter().any(|frame| frame.script == Some(name));
        if once && (running || self.included.contains(name)) {
            return Ok(Flow::Next);
        }
        if running {
            return Err(Fault::Recursion(name.to_owned()));
        }
        let Some(script) = self.world.script(name) else {
            return match optional {
                true => Ok(Flow::Next),
                false => Err(Fault::NoScript(name.to_owned())),
            };
        };
        if self.frames.len() > INCLUDE_DEPTH_MAX {
            return Err(Fault::Limit(Limit::IncludeDepth));
        }
        if self.inclusions == INCLUDES_MAX {
            return Err(Fault::Limit(Limit::Includes));
        }
        self.inclusions += 1;
        self.included.insert(name);
        let root = self.frame().part();
        self.frames
            .push(Frame::new(Some(name), &script.require, root));
        let flow = self.block(&script.block)?;
        self.frames.pop();
        match flow {
            Flow::Next | Flow::Return => Ok(Flow::Next),
            Flow::Stop => Ok(Flow::Stop),
            Flow::Break(_) => Err(Fault::Unchecked("an included script ends a loop around it")),
        }
    }

    fn set(&mut self, modifiers: &[Modifier], name: &str, value: &'r Text) -> Result<(), Fault> {
        let mut value = self.text(value)?.into_owned();
        for modifier in modifiers {
            self.meter.read(value.len())?;
            value = modified(&value, *modifier);
        }
        let Self {
            frames, globals, ..
        } = self;
        match frames.last_mut() {
            Some(frame) => frame.set(name, &value, globals),
            None => Ok(()),
        }
    }

    fn change_flags(
        &mut self,
        change: FlagChange,
        variable: Option<&str>,
        flags: &'r [Text],
    ) -> Result<(), Fault> {
        let texts = self.texts(flags)?;
        let flags = flag::list(texts.iter().map(AsRef::as_ref))?;
        let Some(name) = variable else {
            let now = self.flags.take().unwrap_or_default();
            self.flags = Some(flag::change(now, change, flags)?);
            return Ok(());
        };
        let Self {
            frames, globals, ..
        } = self;
        let Some(frame) = frames.last_mut() else {
            return Ok(());
        };
        let now = flag::list([frame.value(name, globals)])?;
        let changed = flag::change(now, change, flags)?;
        frame.set(name, &changed.join(" "), globals)
    }
}
