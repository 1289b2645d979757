-- What rules remember. Working state: the rules themselves stand in the ledger.
-- Once released this file never changes.

-- Whom a rule has answered (kind 'reply', RFC 5230 §4.2) and which messages it has met (kind 'seen',
-- RFC 7352 §3), each until a moment.
CREATE TABLE rule_memory (
    -- Whose rules: 'server', or the id of a domain or an account.
    owner TEXT NOT NULL,
    kind TEXT NOT NULL,
    handle TEXT NOT NULL,
    mark TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (owner, kind, handle, mark)
) STRICT, WITHOUT ROWID;
CREATE INDEX rule_memory_by_end ON rule_memory (until);

-- How often a rule acted on each day, by its id; the day is counted from 1970-01-01 in UTC.
CREATE TABLE rule_day (
    rule TEXT NOT NULL,
    day INTEGER NOT NULL,
    matches INTEGER NOT NULL,
    -- The last of them.
    last INTEGER NOT NULL,
    PRIMARY KEY (rule, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX rule_day_by_day ON rule_day (day);
