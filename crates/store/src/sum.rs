//! Sums over message rows: an octet that changed on the disk is noticed before it is given out.
//!
//! A sum is the first 16 octets of the SHA-256 over a name and fields, each preceded by its length
//! (8 octets, big-endian). Numbers are 8 octets, big-endian; a null is an empty field.
//!
//! | Column | Name | Fields |
//! | --- | --- | --- |
//! | `list_sum` | `email.list` | account, octets, received_at, thread_id, envelope, bodystructure, preview |
//! | `text_sum` | `email.text` | account, octets, SHA-256 of the body, head |
//!
//! The sums are no secret and no proof against somebody who writes them too. Rows of earlier
//! releases have none.

use rusqlite::Row;
use rusqlite::types::ValueRef;
use types::{AccountId, EmailId};

use crate::error::{StoreError, StoreResult};
use crate::mac::Hasher;
use crate::tx::{ReadTx, WriteTx};

/// Rows that get their sums in one transaction.
const STEP_ROWS: usize = 64;
/// The columns of [`Listed`], in its order, of `email e`.
pub(crate) const LISTED: &str = "e.account, e.octets, e.received_at, e.thread_id, e.envelope, \
                                 e.bodystructure, e.preview";
/// How many columns these are.
pub(crate) const LISTED_COLUMNS: usize = 7;

/// A sum.
pub(crate) type Sum = [u8; 16];

/// What lists show of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listed<'a> {
    pub(crate) account: u64,
    pub(crate) octets: u64,
    pub(crate) received_at: i64,
    pub(crate) thread: Option<i64>,
    pub(crate) envelope: &'a [u8],
    pub(crate) bodystructure: &'a [u8],
    pub(crate) preview: &'a [u8],
}

impl<'a> Listed<'a> {
    /// Reads the columns [`LISTED`] from column `at` on.
    pub(crate) fn at(row: &'a Row<'_>, at: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            account: row.get(at)?,
            octets: row.get(at + 1)?,
            received_at: row.get(at + 2)?,
            thread: row.get(at + 3)?,
            envelope: row.get_ref(at + 4)?.as_blob()?,
            bodystructure: row.get_ref(at + 5)?.as_blob()?,
            preview: row.get_ref(at + 6)?.as_blob()?,
        })
    }

    /// Its sum.
    pub(crate) fn sum(&self) -> Sum {
        let thread = self.thread.map(i64::to_be_bytes);
        sum(
            "email.list",
            &[
                &self.account.to_be_bytes(),
                &self.octets.to_be_bytes(),
                &self.received_at.to_be_bytes(),
                thread.as_ref().map_or(&[], |thread| thread),
                self.envelope,
                self.bodystructure,
                self.preview,
            ],
        )
    }
}

/// The text of a message: its header block, and its body by name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    pub(crate) account: u64,
    pub(crate) octets: u64,
    pub(crate) body: &'a [u8],
    pub(crate) head: &'a [u8],
}

impl Text<'_> {
    /// Its sum.
    pub(crate) fn sum(&self) -> Sum {
        sum(
            "email.text",
            &[
                &self.account.to_be_bytes(),
                &self.octets.to_be_bytes(),
                self.body,
                self.head,
            ],
        )
    }
}

fn sum(name: &str, fields: &[&[u8]]) -> Sum {
    let mut hasher = Hasher::new();
    for field in std::iter::once(name.as_bytes()).chain(fields.iter().copied()) {
        hasher.update(&(field.len() as u64).to_be_bytes());
        hasher.update(field);
    }
    let mut sum = Sum::default();
    sum.copy_from_slice(&hasher.finish().0[..16]);
    sum
}

/// Whether the column holds this sum, or none.
pub(crate) fn fits(row: &Row<'_>, at: usize, sum: &Sum) -> rusqlite::Result<bool> {
    Ok(match row.get_ref(at)? {
        ValueRef::Null => true,
        ValueRef::Blob(kept) => kept == sum,
        _ => false,
    })
}

/// What was found, if its row is as it was.
pub(crate) fn sound<T>(email: EmailId, found: Option<(bool, T)>) -> StoreResult<Option<T>> {
    match found {
        Some((false, _)) => Err(StoreError::Damaged(format!(
            "the row of message {} is not what was stored",
            email.0
        ))),
        found => Ok(found.map(|(_, found)| found)),
    }
}

/// A message whose row is wrong, and how.
pub(crate) struct WrongRow {
    pub(crate) account: AccountId,
    pub(crate) email: EmailId,
    pub(crate) what: &'static str,
    /// Only the copies that mailboxes keep of its size and date differ.
    pub(crate) copies_alone: bool,
}

/// The rows of some messages, looked at.
#[derive(Default)]
pub(crate) struct Looked {
    pub(crate) wrong: Vec<WrongRow>,
    /// Rows that have no sums.
    pub(crate) without: u64,
}

/// Messages whose rows do not fit together or are not what was stored.
pub(crate) fn look(tx: &ReadTx<'_>, first: i64, last: i64) -> StoreResult<Looked> {
    let sql = format!(
        "SELECT {LISTED}, e.id, e.list_sum, e.text_sum, e.head, b.sha256, b.octets,
                EXISTS (SELECT 1 FROM in_mailbox WHERE email = e.id)
                  OR EXISTS (SELECT 1 FROM recoverable WHERE email = e.id),
                EXISTS (SELECT 1 FROM in_mailbox m WHERE m.email = e.id
                           AND (m.octets <> e.octets OR m.received_at <> e.received_at))
           FROM email e LEFT JOIN blob b ON b.id = e.blob
          WHERE e.id >= ?1 AND e.id <= ?2 ORDER BY e.id"
    );
    let mut looked = Looked::default();
    let rows = tx.all(&sql, (first, last), |row| {
        // A value that no column of ours can hold is damage of this row, not of the look.
        let what = fault(row).unwrap_or(Some("its row holds what cannot be"));
        let account: i64 = row.get(0)?;
        Ok((
            account.unsigned_abs(),
            row.get(LISTED_COLUMNS)?,
            what,
            lacks(row)?,
        ))
    })?;
    for (account, email, what, lacks) in rows {
        looked.without += u64::from(lacks);
        looked.wrong.extend(what.map(|what| WrongRow {
            account: AccountId(account),
            email: EmailId(email),
            what,
            copies_alone: what == OTHER_COPIES,
        }));
    }
    Ok(looked)
}

const OTHER_COPIES: &str = "a mailbox keeps another size or date for it";

/// Whether a row of [`look`] has no sums, although it has all that they are made of.
fn lacks(row: &Row<'_>) -> rusqlite::Result<bool> {
    let is_null = |at| {
        row.get_ref(LISTED_COLUMNS + at)
            .map(|value| value == ValueRef::Null)
    };
    Ok((is_null(1)? || is_null(2)?) && !is_null(4)?)
}

/// What is wrong with a row of [`look`].
fn fault(row: &Row<'_>) -> rusqlite::Result<Option<&'static str>> {
    let at = LISTED_COLUMNS;
    let body: Option<Vec<u8>> = row.get(at + 4)?;
    let Some(body) = body else {
        return Ok(Some("the row of its body is missing"));
    };
    let listed = Listed::at(row, 0)?;
    let text = Text {
        account: listed.account,
        octets: listed.octets,
        body: &body,
        head: row.get_ref(at + 3)?.as_blob()?,
    };
    let body_octets: u64 = row.get(at + 5)?;
    let (is_named, copies_differ): (bool, bool) = (row.get(at + 6)?, row.get(at + 7)?);
    Ok(match () {
        () if listed.octets != body_octets.saturating_add(text.head.len() as u64) => {
            Some("header block and body are not as long as the message")
        }
        () if !fits(row, at + 1, &listed.sum())? || !fits(row, at + 2, &text.sum())? => {
            Some("its row is not what was stored")
        }
        () if !is_named => Some("it is in no mailbox"),
        () if copies_differ => Some(OTHER_COPIES),
        () => None,
    })
}

/// Gives sums to the next rows after this id that have none; the last of them, if there were any.
pub(crate) fn add_missing(tx: &mut WriteTx<'_>, after: i64) -> StoreResult<Option<i64>> {
    let sql = format!(
        "SELECT {LISTED}, e.id, e.head, b.sha256 FROM email e JOIN blob b ON b.id = e.blob
          WHERE e.id > ?1 AND (e.list_sum IS NULL OR e.text_sum IS NULL)
          ORDER BY e.id LIMIT {STEP_ROWS}"
    );
    let rows = tx.all(&sql, [after], |row| {
        let listed = Listed::at(row, 0)?;
        let text = Text {
            account: listed.account,
            octets: listed.octets,
            head: row.get_ref(LISTED_COLUMNS + 1)?.as_blob()?,
            body: row.get_ref(LISTED_COLUMNS + 2)?.as_blob()?,
        };
        let id: i64 = row.get(LISTED_COLUMNS)?;
        Ok((id, listed.sum(), text.sum()))
    })?;
    for row in &rows {
        // A sum that is there stays: it may be the one that tells of damage.
        let sql = "UPDATE email SET list_sum = COALESCE(list_sum, ?2),
                          text_sum = COALESCE(text_sum, ?3) WHERE id = ?1";
        tx.run(sql, *row)?;
    }
    Ok(rows.last().map(|(id, ..)| *id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_have_the_form_that_was_released() {
        let listed = Listed {
            account: 7,
            octets: 25,
            received_at: 1,
            thread: None,
            envelope: b"(envelope)",
            bodystructure: b"(bodystructure)",
            preview: b"hello",
        };
        let text = Text {
            account: 7,
            octets: 25,
            body: &[1; 32],
            head: b"Subject: test\r\n\r\n",
        };
        let hex = |sum: Sum| u128::from_be_bytes(sum);
        assert_eq!(hex(listed.sum()), LIST_SUM);
        assert_eq!(hex(text.sum()), TEXT_SUM);
        let threaded = Listed {
            thread: Some(0),
            ..listed
        };
        assert_ne!(threaded.sum(), listed.sum());
    }

    const LIST_SUM: u128 = 0xb717_63d6_6a89_1246_4272_abec_c443_fc88;
    const TEXT_SUM: u128 = 0x8f8c_f594_4765_cddb_361a_74cc_fcde_fc36;
}
