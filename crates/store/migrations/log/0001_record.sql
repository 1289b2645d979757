-- One day of a log. Once released this file never changes.

CREATE TABLE record (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    account INTEGER,
    session INTEGER,
    source TEXT NOT NULL,
    message TEXT,
    detail BLOB NOT NULL
) STRICT;
CREATE INDEX record_by_time ON record (at);
CREATE INDEX record_by_kind ON record (kind, at);
CREATE INDEX record_by_account ON record (account, at) WHERE account IS NOT NULL;
CREATE INDEX record_by_session ON record (session, at) WHERE session IS NOT NULL;
CREATE INDEX record_by_message ON record (message, at) WHERE message IS NOT NULL;
