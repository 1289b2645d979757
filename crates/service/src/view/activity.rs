//! What people and programs did, as the activity log has it.

use serde::{Deserialize, Serialize};
use store::LogQuery;
use types::{Address, Timestamp};

use crate::Service;
use crate::actor::Actor;
use crate::error::{ServiceError, ServiceResult};

/// Rows that one question gives.
const ROWS_MAX: usize = 1_000;

/// Which records are looked for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ActivityQuery {
    /// Of this account; records of names that no account has are of none.
    pub account: Option<Address>,
    /// Of this kind, such as `sign_in.refused`.
    pub kind: Option<String>,
    /// Seconds since 1970 from which on.
    pub since_s: i64,
    /// At most so many rows; 1,000 at most.
    pub limit: usize,
}

/// One record.
#[derive(Clone, Debug, Serialize)]
pub struct ActivityRow {
    /// Its number.
    pub seq: u64,
    /// When, RFC 3339.
    pub at: String,
    /// What happened, such as `sign_in`.
    pub what: String,
    /// The account's address, or its id if it is gone.
    pub account: Option<String>,
    /// Where from.
    pub source: Option<String>,
    /// The session or connection.
    pub session: Option<String>,
    /// The rest of the record.
    pub detail: serde_json::Value,
}

impl Service {
    /// The records that fit, newest first.
    pub async fn activity_list(
        &self,
        actor: &Actor,
        query: ActivityQuery,
    ) -> ServiceResult<Vec<ActivityRow>> {
        self.may_read_server(actor)?;
        let config = self.config();
        let account = match &query.account {
            Some(address) => {
                let found = config.account_at(address);
                Some(found.ok_or(ServiceError::NotFound("account"))?.id)
            }
            None => None,
        };
        let since = Timestamp(0).plus_s(query.since_s);
        let limit = query.limit.min(ROWS_MAX);
        let mut wanted = LogQuery::between(since, Timestamp(i64::MAX), limit);
        wanted.account = account;
        wanted.kind = query.kind;
        let found = self.inner.store.activity().query(wanted).await?;
        let row = |record: store::LogRecord| {
            let row = record.row;
            let address = |id| config.account(id).map(|known| known.address.to_string());
            ActivityRow {
                seq: record.seq,
                at: row.at.to_rfc3339(),
                what: row.kind,
                account: row
                    .account
                    .map(|id| address(id).unwrap_or_else(|| id.to_string())),
                source: Some(row.source).filter(|source| !source.is_empty()),
                session: row.session.map(|session| session.to_string()),
                detail: serde_json::from_slice(&row.detail).unwrap_or_default(),
            }
        };
        Ok(found.into_iter().map(row).collect())
    }
}
