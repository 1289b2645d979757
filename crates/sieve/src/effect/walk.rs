//! Follows all ways through a script.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::ast::{Block, Command, CommandKind, Piece, Script, Test, Text};
use crate::effect::kept::Ways;
use crate::effect::path::{Path, when};
use crate::effect::{Effect, EffectKind, Effects, Included, When, action};
use crate::limits::{INCLUDE_DEPTH_MAX, NODES_MAX};

/// Commands that are followed, each as often as it is met in loops and includes.
const COMMANDS_MAX: usize = 8 * NODES_MAX;

/// More commands are met than are followed.
struct TooMuch;

/// An effect that was met, with the way to it.
struct Found {
    kind: EffectKind,
    path: Path,
    /// Some run that does it ends with the message in no folder.
    gone: bool,
    /// Some run that does it ends with the message not where it would be.
    moved: bool,
}

/// A loop under way.
struct Loop<'a> {
    name: Option<&'a str>,
    /// How deep among the includes it stands: `break` ends no loop of another script.
    depth: usize,
    /// The ways that a `break` led out of it.
    left: Ways,
}

struct Walk<'a, 'i> {
    included: &'i Included<'a>,
    found: Vec<Found>,
    /// Where the effects of a command are in `found`, so that a loop does not find them twice.
    places: HashMap<*const Command, Vec<usize>>,
    commands_left: usize,
    /// Names of the included scripts that are at work.
    at_work: Vec<&'a str>,
    /// Names that some way has included.
    met: BTreeSet<&'a str>,
    loops: Vec<Loop<'a>>,
    /// The ways that a `return` led to the end of the included script, for each that is at work.
    returned: Vec<Ways>,
    /// The ways on which a run ended.
    ended: Ways,
}

/// What a script can do.
pub(super) fn effects<'a>(script: &'a Script, included: &Included<'a>) -> Effects {
    let mut walk = Walk {
        included,
        found: Vec::new(),
        places: HashMap::new(),
        commands_left: COMMANDS_MAX,
        at_work: Vec::new(),
        met: BTreeSet::new(),
        loops: Vec::new(),
        returned: Vec::new(),
        ended: Ways::default(),
    };
    match walk.block(&script.block, Ways::start(), &Path::default()) {
        Ok(ways) => {
            walk.ended.add(&ways);
            walk.effects()
        }
        Err(TooMuch) => everything(script, included),
    }
}

impl<'a> Walk<'a, '_> {
    /// The ways behind a block.
    fn block(&mut self, block: &'a Block, mut ways: Ways, path: &Path) -> Result<Ways, TooMuch> {
        let mut path = path.clone();
        for command in block {
            if ways.is_empty() {
                break;
            }
            self.commands_left = self.commands_left.checked_sub(1).ok_or(TooMuch)?;
            ways = match &command.kind {
                CommandKind::If { arms, otherwise } => {
                    self.branch(arms, otherwise.as_ref(), &ways, &mut path)?
                }
                CommandKind::ForEveryPart { name, block } => {
                    self.every_part(name.as_deref(), block, ways, &path)?
                }
                CommandKind::Include {
                    once,
                    optional,
                    name,
                    ..
                } => self.include(*once, *optional, name, ways, &path)?,
                CommandKind::Stop => {
                    let ways = self.act(command, &ways, &path);
                    self.ended.add(&ways);
                    Ways::default()
                }
                CommandKind::Return => {
                    self.give_back(command, &ways, &path);
                    Ways::default()
                }
                CommandKind::Break { name } => {
                    self.leave(name.as_deref(), &ways);
                    Ways::default()
                }
                // The run ends here, and the message is kept as if there were no script.
                CommandKind::Error { .. } => Ways::default(),
                _ => self.act(command, &ways, &path),
            };
        }
        Ok(ways)
    }

    /// The ways behind an action; what it does is found.
    fn act(&mut self, command: &'a Command, ways: &Ways, path: &Path) -> Ways {
        let kinds = action::kinds(&command.kind);
        let marks: Vec<_> = kinds
            .into_iter()
            .map(|kind| self.find(command, kind, path))
            .collect();
        ways.after(|kept| action::moved(&command.kind, kept), &marks)
    }

    /// The place of an effect in `found`.
    fn find(&mut self, command: &Command, kind: EffectKind, path: &Path) -> usize {
        let places = self.places.entry(std::ptr::from_ref(command)).or_default();
        let known = places.iter().find(|place| {
            let found = &self.found[**place];
            found.kind == kind && found.path == *path
        });
        if let Some(place) = known {
            return *place;
        }
        places.push(self.found.len());
        self.found.push(Found {
            kind,
            path: path.clone(),
            gone: false,
            moved: false,
        });
        self.found.len() - 1
    }

    /// `if`. Where an arm leads nowhere further, what stands behind is under the opposite condition,
    /// with which `path` is left.
    fn branch(
        &mut self,
        arms: &'a [(Test, Block)],
        otherwise: Option<&'a Block>,
        ways: &Ways,
        path: &mut Path,
    ) -> Result<Ways, TooMuch> {
        let mut behind = Ways::default();
        let mut rest = Some(path.clone());
        // The path of the only arm that leads further, as long as it is the only one.
        let mut through: Vec<Path> = Vec::new();
        let mut all_so_far_end = true;
        let mut after = path.clone();
        for (test, block) in arms {
            let Some(before) = rest else { break };
            if let Some(arm) = before.and(test, true, false) {
                let out = self.block(block, ways.clone(), &arm)?;
                all_so_far_end &= out.is_empty();
                if !out.is_empty() {
                    through.push(arm);
                }
                behind.add(&out);
            }
            rest = before.and(test, false, true);
            if let (true, Some(rest)) = (all_so_far_end, &rest) {
                after.clone_from(rest);
            }
        }
        if let Some(rest) = rest {
            let out = match otherwise {
                Some(block) => self.block(block, ways.clone(), &rest)?,
                None => ways.clone(),
            };
            if !out.is_empty() {
                through.push(rest);
            }
            behind.add(&out);
        }
        *path = match <[Path; 1]>::try_from(through) {
            Ok([only]) => only,
            Err(_) => after,
        };
        Ok(behind)
    }

    /// `foreverypart`: the block any number of times, until that brings nothing new.
    fn every_part(
        &mut self,
        name: Option<&'a str>,
        block: &'a Block,
        mut ways: Ways,
        path: &Path,
    ) -> Result<Ways, TooMuch> {
        self.loops.push(Loop {
            name,
            depth: self.at_work.len(),
            left: Ways::default(),
        });
        loop {
            let mut more = ways.clone();
            more.add(&self.block(block, ways.clone(), path)?);
            if more == ways {
                break;
            }
            ways = more;
        }
        if let Some(ended) = self.loops.pop() {
            ways.add(&ended.left);
        }
        Ok(ways)
    }

    /// `break`: out of the loop of that name, or of the innermost. Without such a loop the run ends
    /// with an error.
    fn leave(&mut self, name: Option<&str>, ways: &Ways) {
        let depth = self.at_work.len();
        let mut inner_first = self.loops.iter_mut().rev();
        let wanted =
            inner_first.find(|one| one.depth == depth && (name.is_none() || one.name == name));
        if let Some(wanted) = wanted {
            wanted.left.add(ways);
        }
    }

    /// `return`: to the end of the included script, or as `stop` (RFC 6609 §3.3).
    fn give_back(&mut self, command: &'a Command, ways: &Ways, path: &Path) {
        if let Some(returned) = self.returned.last_mut() {
            returned.add(ways);
        } else {
            let stops = self.find(command, EffectKind::Stops, path);
            self.ended.add(&ways.after(|kept| kept, &[stops]));
        }
    }

    /// `include`. What a run refuses ends it there, with the message kept.
    fn include(
        &mut self,
        once: bool,
        optional: bool,
        name: &'a Text,
        ways: Ways,
        path: &Path,
    ) -> Result<Ways, TooMuch> {
        let [Piece::Literal(name)] = name.0.as_slice() else {
            return Ok(Ways::default());
        };
        let name = name.as_str();
        if self.at_work.contains(&name) {
            return Ok(if once { ways } else { Ways::default() });
        }
        let Some(script) = (self.included)(name) else {
            return Ok(if optional { ways } else { Ways::default() });
        };
        if self.at_work.len() >= INCLUDE_DEPTH_MAX {
            return Ok(Ways::default());
        }
        let again = !self.met.insert(name);
        self.at_work.push(name);
        self.returned.push(Ways::default());
        let mut behind = self.block(&script.block, ways.clone(), path)?;
        self.at_work.pop();
        if let Some(returned) = self.returned.pop() {
            behind.add(&returned);
        }
        if once && again {
            behind.add(&ways);
        }
        Ok(behind)
    }

    fn effects(mut self) -> Effects {
        for (kept, marks) in self.ended.iter() {
            for (mark, found) in self.found.iter_mut().enumerate() {
                if marks.contains(mark) {
                    found.gone |= !kept.anywhere();
                    found.moved |= !kept.at_home();
                }
            }
        }
        let mut order: Vec<EffectKind> = Vec::new();
        let mut paths: HashMap<EffectKind, Vec<Path>> = HashMap::new();
        for found in self.found {
            let (gone, moved) = (found.gone, found.moved);
            let kind = match found.kind {
                EffectKind::Discards if !gone => continue,
                EffectKind::Redirects { address, .. } => EffectKind::Redirects {
                    address,
                    keeps_copy: !gone,
                },
                EffectKind::Files {
                    mailbox,
                    special_use,
                    ..
                } => EffectKind::Files {
                    mailbox,
                    special_use,
                    keeps_copy: !moved,
                },
                kind => kind,
            };
            if !paths.contains_key(&kind) {
                order.push(kind.clone());
            }
            paths.entry(kind).or_default().push(found.path);
        }
        let list = order.into_iter().map(|kind| {
            let when = when(paths.remove(&kind).unwrap_or_default());
            Effect { kind, when }
        });
        Effects {
            list: list.collect(),
            may_keep_nothing: self.ended.iter().any(|(kept, _)| !kept.anywhere()),
        }
    }
}

/// All that stands in a script and in what it includes, as if it were always done.
fn everything<'a>(script: &'a Script, included: &Included<'a>) -> Effects {
    let mut kinds = Vec::new();
    let mut seen = HashSet::new();
    let mut met = BTreeSet::new();
    let mut blocks = vec![&script.block];
    while let Some(block) = blocks.pop() {
        for command in block {
            match &command.kind {
                CommandKind::If { arms, otherwise } => {
                    blocks.extend(arms.iter().map(|(_, block)| block));
                    blocks.extend(otherwise);
                }
                CommandKind::ForEveryPart { block, .. } => blocks.push(block),
                CommandKind::Include { name, .. } => {
                    let name = name.constant().unwrap_or_default();
                    let script = included(&name);
                    if met.insert(name) {
                        blocks.extend(script.map(|script| &script.block));
                    }
                }
                CommandKind::Return => kinds.push(EffectKind::Stops),
                other => kinds.extend(action::kinds(other)),
            }
        }
    }
    for kind in &mut kinds {
        if let EffectKind::Redirects { keeps_copy, .. } | EffectKind::Files { keeps_copy, .. } =
            kind
        {
            *keeps_copy = false;
        }
    }
    kinds.retain(|kind| seen.insert(kind.clone()));
    let always = |kind| Effect {
        kind,
        when: When::Always,
    };
    let list = kinds.into_iter().map(always);
    Effects {
        list: list.collect(),
        may_keep_nothing: true,
    }
}
