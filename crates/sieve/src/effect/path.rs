//! The conditions on the way to a command, and their words.

use std::collections::HashSet;
use std::rc::Rc;

use crate::ast::{Test, TestKind};
use crate::effect::When;
use crate::effect::truth::{Truth, truth};
use crate::words;

/// Conditions of a path that are told apart; further ones are counted.
const ATOMS_MAX: usize = 256;
/// Paths that are compared each with each; more are compared with their neighbours only.
const COMPARED_MAX: usize = 32;

/// A condition.
#[derive(Debug, PartialEq, Eq)]
struct Atom {
    words: String,
    /// The words of the opposite.
    opposite: String,
    /// Whether it follows from where a command stands, as behind another that stops; told last.
    aside: bool,
    /// Whether it depends on the message.
    depends: bool,
}

/// Conditions that all hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Path {
    atoms: Vec<Rc<Atom>>,
    more: usize,
    depends: bool,
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        let same = |(one, two): (&Rc<Atom>, &Rc<Atom>)| same(one, two);
        self.more == other.more
            && self.atoms.len() == other.atoms.len()
            && self.atoms.iter().zip(&other.atoms).all(same)
    }
}

fn same(one: &Rc<Atom>, two: &Rc<Atom>) -> bool {
    Rc::ptr_eq(one, two) || one.words == two.words
}

impl Path {
    /// The path where the test also holds (or, with `holds` false, does not); `None` where that never
    /// is. `aside` as in [`Atom`].
    pub(super) fn and(&self, test: &Test, holds: bool, aside: bool) -> Option<Self> {
        if truth(test, holds) == Truth::Certain(false) {
            return None;
        }
        let mut path = self.clone();
        path.add(test, holds, aside);
        Some(path)
    }

    /// Adds a test; one that is several conditions, each for itself.
    fn add(&mut self, test: &Test, holds: bool, aside: bool) {
        match &test.kind {
            TestKind::Not(test) => return self.add(test, !holds, aside),
            TestKind::AllOf(tests) if holds => {
                return tests.iter().for_each(|test| self.add(test, true, aside));
            }
            TestKind::AnyOf(tests) if !holds && !words::is_one(test) => {
                return tests.iter().for_each(|test| self.add(test, false, aside));
            }
            _ => {}
        }
        let depends = match truth(test, holds) {
            Truth::Certain(true) | Truth::Practically(true) => return,
            Truth::Unforeseen => false,
            Truth::Depends | Truth::Certain(false) | Truth::Practically(false) => true,
        };
        self.depends |= depends;
        let words = words::part(test, holds);
        if self.atoms.iter().any(|atom| atom.words == words) {
            return;
        }
        if self.atoms.len() == ATOMS_MAX {
            self.more += 1;
            return;
        }
        self.atoms.push(Rc::new(Atom {
            words,
            opposite: words::part(test, !holds),
            aside,
            depends,
        }));
    }

    fn is_always(&self) -> bool {
        self.atoms.is_empty() && self.more == 0
    }

    /// Whether all conditions of this path are conditions of the other.
    fn is_part_of(&self, other: &Self) -> bool {
        if self.more > 0 || self.atoms.len() > other.atoms.len() {
            return false;
        }
        let there: HashSet<_> = other.atoms.iter().map(|atom| &atom.words).collect();
        self.atoms.iter().all(|atom| there.contains(&atom.words))
    }

    /// The one path that is both: where one holds whenever the other does, or where they differ in
    /// one condition that holds in one and not in the other.
    fn joined(&self, other: &Self) -> Option<Self> {
        if self.is_part_of(other) {
            return Some(self.clone());
        }
        if other.is_part_of(self) {
            return Some(other.clone());
        }
        if self.more + other.more > 0 || self.atoms.len() != other.atoms.len() {
            return None;
        }
        let mut different = (0..self.atoms.len()).filter(|at| {
            let (one, two) = (&self.atoms[*at], &other.atoms[*at]);
            !same(one, two)
        });
        let (at, None) = (different.next()?, different.next()) else {
            return None;
        };
        if self.atoms[at].words != other.atoms[at].opposite {
            return None;
        }
        let mut both = self.clone();
        both.atoms.remove(at);
        both.depends = both.atoms.iter().any(|atom| atom.depends);
        Some(both)
    }

    fn words(&self) -> (String, bool) {
        let told = |aside| self.atoms.iter().filter(move |atom| atom.aside == aside);
        let parts = told(false).chain(told(true));
        let parts: Vec<_> = parts.map(|atom| atom.words.clone()).collect();
        let several = parts.len() + self.more > 1;
        (words::join(&parts, "and", self.more), several)
    }
}

/// When something happens that happens on each of these paths.
pub(super) fn when(paths: Vec<Path>) -> When {
    let paths = simplified(paths);
    if paths.iter().any(Path::is_always) {
        return When::Always;
    }
    let words = match paths.as_slice() {
        [path] => path.words().0,
        paths => {
            let parts = paths.iter().map(|path| match path.words() {
                (words, true) => format!("({words})"),
                (words, false) => words,
            });
            words::join(&parts.collect::<Vec<_>>(), "or", 0)
        }
    };
    if paths.iter().any(|path| !path.depends) {
        When::Unforeseen(words)
    } else {
        When::If(words)
    }
}

/// Fewer paths that are the same together.
fn simplified(paths: Vec<Path>) -> Vec<Path> {
    let mut simple: Vec<Path> = Vec::new();
    for mut path in paths {
        while let Some(joined) = simple.last().and_then(|last| last.joined(&path)) {
            simple.pop();
            path = joined;
        }
        simple.push(path);
    }
    while simple.len() <= COMPARED_MAX {
        let Some((one, two, joined)) = pair(&simple) else {
            break;
        };
        simple.remove(two);
        simple[one] = joined;
    }
    simple
}

/// Two paths that can be one.
fn pair(paths: &[Path]) -> Option<(usize, usize, Path)> {
    for (one, path) in paths.iter().enumerate() {
        for (two, other) in paths.iter().enumerate().skip(one + 1) {
            if let Some(joined) = path.joined(other) {
                return Some((one, two, joined));
            }
        }
    }
    None
}
