//! Tagged arguments that several tests and actions share.

use super::arguments::{Arguments, Tag};
use crate::ast::{
    Comparator, Fields, FileInto, Index, MatchKind, Matching, Mime, MimeOf, Pos, Relation, Zone,
};
use crate::keyword::Word;
use crate::problem::{Problem, shown};

/// A choice among tags that exclude each other.
pub(super) fn choose<T>(chosen: &mut Option<T>, value: T, tag: Tag<'_>) -> Result<(), Problem> {
    if chosen.is_some() {
        let words = format!("`:{}` excludes another tag that stands here", tag.name);
        return Err(Problem::new(tag.at, words));
    }
    *chosen = Some(value);
    Ok(())
}

/// `:comparator` and the match type (RFC 5228 §2.7).
#[derive(Default)]
pub(super) struct MatchTags {
    kind: Option<MatchKind>,
    comparator: Option<Comparator>,
}

impl MatchTags {
    /// Takes a tag with its value; `false`: it is another one.
    pub(super) fn take(&mut self, tag: Tag<'_>, rest: &mut Arguments<'_>) -> Result<bool, Problem> {
        let kind = match tag.name {
            "is" => MatchKind::Is,
            "contains" => MatchKind::Contains,
            "matches" => MatchKind::Matches,
            "regex" => MatchKind::Regex,
            "value" => MatchKind::Value(relation(rest)?),
            "count" => MatchKind::Count(relation(rest)?),
            "comparator" => {
                self.comparator = Some(comparator(rest)?);
                return Ok(true);
            }
            _ => return Ok(false),
        };
        choose(&mut self.kind, kind, tag)?;
        Ok(true)
    }

    pub(super) fn matching(self) -> Matching {
        Matching {
            comparator: self.comparator.unwrap_or_default(),
            kind: self.kind.unwrap_or_default(),
        }
    }
}

fn relation(rest: &mut Arguments<'_>) -> Result<Relation, Problem> {
    let (name, at) = rest.constant("a relation, such as \"gt\"")?;
    Relation::read(&name.to_ascii_lowercase()).ok_or_else(|| {
        let (name, known) = (shown(&name), Relation::list());
        Problem::new(at, format!("\"{name}\" is no relation; they are {known}"))
    })
}

fn comparator(rest: &mut Arguments<'_>) -> Result<Comparator, Problem> {
    let (name, at) = rest.constant("the name of a comparator")?;
    Comparator::read(&name).ok_or_else(|| {
        let (name, known) = (shown(&name), Comparator::list());
        Problem::new(
            at,
            format!("there is no comparator \"{name}\"; there are {known}"),
        )
    })
}

/// `:index` and `:last` (RFC 5260 §6, RFC 5293 §5).
#[derive(Default)]
pub(super) struct IndexTags {
    number: Option<u32>,
    last: Option<Pos>,
}

impl IndexTags {
    /// Takes a tag with its value; `false`: it is another one.
    pub(super) fn take(&mut self, tag: Tag<'_>, rest: &mut Arguments<'_>) -> Result<bool, Problem> {
        match tag.name {
            "index" => {
                let (number, at) = rest.number("a number behind `:index`")?;
                match u32::try_from(number) {
                    Ok(number) if number > 0 => self.number = Some(number),
                    _ => {
                        let words = "`:index` counts from 1, up to 4294967295";
                        return Err(Problem::new(at, words));
                    }
                }
            }
            "last" => self.last = Some(tag.at),
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(super) fn index(self) -> Result<Option<Index>, Problem> {
        match (self.number, self.last) {
            (None, Some(at)) => Err(Problem::new(at, "`:last` needs `:index` beside it")),
            (number, last) => Ok(number.map(|number| Index {
                number,
                last: last.is_some(),
            })),
        }
    }
}

/// [`IndexTags`], `:mime` and its options (RFC 5703 §4).
#[derive(Default)]
pub(super) struct FieldTags {
    index: IndexTags,
    mime: bool,
    any_child: Option<Pos>,
    of: Option<MimeOf>,
    of_at: Pos,
}

impl FieldTags {
    /// Takes a tag with its value; `false`: it is another one.
    pub(super) fn take(&mut self, tag: Tag<'_>, rest: &mut Arguments<'_>) -> Result<bool, Problem> {
        match tag.name {
            "mime" => self.mime = true,
            "anychild" => self.any_child = Some(tag.at),
            _ => return self.index.take(tag, rest),
        }
        Ok(true)
    }

    /// Takes what of a field is compared; `false`: it is another tag.
    pub(super) fn take_of(
        &mut self,
        tag: Tag<'_>,
        rest: &mut Arguments<'_>,
    ) -> Result<bool, Problem> {
        let of = match tag.name {
            "type" => MimeOf::Type,
            "subtype" => MimeOf::Subtype,
            "contenttype" => MimeOf::ContentType,
            "param" => MimeOf::Param(rest.texts("names of parameters behind `:param`")?),
            _ => return Ok(false),
        };
        choose(&mut self.of, of, tag)?;
        self.of_at = tag.at;
        Ok(true)
    }

    pub(super) fn fields(self) -> Result<Fields, Problem> {
        let option_at = self.any_child.or(self.of.is_some().then_some(self.of_at));
        if let (false, Some(at)) = (self.mime, option_at) {
            return Err(Problem::new(at, "this needs `:mime` beside it"));
        }
        Ok(Fields {
            index: self.index.index()?,
            mime: self.mime.then(|| Mime {
                any_child: self.any_child.is_some(),
                of: self.of.unwrap_or_default(),
            }),
        })
    }
}

/// `:zone` and `:originalzone` (RFC 5260 §4).
pub(super) fn take_zone(
    zone: &mut Option<Zone>,
    tag: Tag<'_>,
    rest: &mut Arguments<'_>,
) -> Result<bool, Problem> {
    let value = match tag.name {
        "originalzone" => Zone::Original,
        "zone" => {
            let (written, at) = rest.constant("a time zone behind `:zone`, as \"+0100\"")?;
            let Some(minutes) = offset(&written) else {
                let words = format!("\"{}\" is no time zone such as \"+0100\"", shown(&written));
                return Err(Problem::new(at, words));
            };
            Zone::Offset(minutes)
        }
        _ => return Ok(false),
    };
    choose(zone, value, tag)?;
    Ok(true)
}

/// Minutes east of UTC of a zone as `+0100` (RFC 5322 §3.3).
fn offset(written: &str) -> Option<i32> {
    let (sign, digits) = match written.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: i32 = digits.parse().ok()?;
    let (hours, minutes) = (number / 100, number % 100);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// What extensions add to `fileinto`, and to a copy that is filed (RFC 8580 §3).
pub(super) fn take_filing(
    file: &mut FileInto,
    tag: Tag<'_>,
    rest: &mut Arguments<'_>,
) -> Result<bool, Problem> {
    match tag.name {
        "create" => file.create = true,
        "flags" => file.flags = Some(rest.texts("flags behind `:flags`")?),
        "specialuse" => {
            let what = "a special use behind `:specialuse`, as \"\\\\Junk\"";
            file.special_use = Some(rest.text(what)?);
        }
        _ => return Ok(false),
    }
    Ok(true)
}
