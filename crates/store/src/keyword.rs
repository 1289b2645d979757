//! The keywords of a mailbox: which bit of a flag set stands for which (RFC 9051 §2.3.2).

use types::limits::KEYWORDS_PER_MAILBOX_MAX;
use types::{FlagSet, Keyword, MailboxId};

use crate::change::Effect;
use crate::error::{StoreError, StoreResult};
use crate::tx::{ReadTx, WriteTx, checked};

/// The keywords of a mailbox; the place in the list is the index in the flag set.
pub fn list(tx: &ReadTx<'_>, mailbox: MailboxId) -> StoreResult<Vec<Keyword>> {
    let sql = "SELECT name FROM mailbox_keyword WHERE mailbox = ?1 ORDER BY idx";
    tx.all(sql, [mailbox.0], |row| checked(row, 0))
}

/// The flag set of these keywords; those that the mailbox does not know yet are added to it.
pub fn define(
    tx: &mut WriteTx<'_>,
    mailbox: MailboxId,
    keywords: &[Keyword],
) -> StoreResult<FlagSet> {
    if keywords.is_empty() {
        return Ok(FlagSet::default());
    }
    let mut known = list(tx, mailbox)?;
    let mut flags = FlagSet::default();
    let before = known.len();
    for keyword in keywords {
        let index = match known.iter().position(|name| name == keyword) {
            Some(index) => index,
            None => {
                add(tx, mailbox, known.len(), keyword)?;
                known.push(keyword.clone());
                known.len() - 1
            }
        };
        let bit = FlagSet::keyword(index).ok_or(too_many())?;
        flags = flags.union(bit);
    }
    if known.len() > before {
        tx.effect(mailbox, Effect::Keywords);
    }
    Ok(flags)
}

/// The same flags in the dictionary of another mailbox; keywords that do not fit there are dropped.
pub(crate) fn translate(
    tx: &mut WriteTx<'_>,
    flags: FlagSet,
    from: &[Keyword],
    to: MailboxId,
) -> StoreResult<FlagSet> {
    let mut result = flags;
    for index in flags.keyword_indexes() {
        result = result.without(FlagSet::keyword(index).unwrap_or_default());
    }
    for index in flags.keyword_indexes() {
        if let Some(keyword) = from.get(index) {
            match define(tx, to, std::slice::from_ref(keyword)) {
                Ok(bit) => result = result.union(bit),
                Err(StoreError::LimitReached(_)) => {}
                Err(err) => return Err(err),
            }
        }
    }
    Ok(result)
}

fn add(
    tx: &mut WriteTx<'_>,
    mailbox: MailboxId,
    index: usize,
    keyword: &Keyword,
) -> StoreResult<()> {
    if index >= KEYWORDS_PER_MAILBOX_MAX {
        return Err(too_many());
    }
    tx.run(
        "INSERT INTO mailbox_keyword (mailbox, idx, name) VALUES (?1, ?2, ?3)",
        (mailbox.0, index, keyword.as_str()),
    )?;
    Ok(())
}

fn too_many() -> StoreError {
    StoreError::LimitReached("keywords of a mailbox")
}
