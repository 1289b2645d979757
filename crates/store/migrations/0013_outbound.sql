-- Mail on its way to other servers. No release before this one put anything into the table queue,
-- so it is made anew: a message with many recipients keeps its header block once, and what goes the
-- same way is found, counted and held back together.
-- Once released this file never changes.
DROP TABLE queue;

CREATE TABLE queue_message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The token that its fates have too.
    message TEXT NOT NULL,
    account INTEGER,
    reverse_path TEXT NOT NULL,
    blob INTEGER NOT NULL,
    octets INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    -- What the sender asked for the message and how it came, as JSON.
    params BLOB NOT NULL,
    mac BLOB NOT NULL,
    head BLOB NOT NULL
) STRICT;
CREATE INDEX queue_message_by_blob ON queue_message (blob);
CREATE INDEX queue_message_by_token ON queue_message (message);

-- One row for each recipient that it has not reached yet.
CREATE TABLE queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    -- What the sender asked for the recipient, as JSON.
    params BLOB NOT NULL,
    way TEXT NOT NULL,
    -- When it is tried next. While it is leased: when the lease is over.
    due_at INTEGER NOT NULL,
    -- When somebody looks whether its sender must hear that it takes long, or that it came to nothing.
    look_at INTEGER NOT NULL,
    -- Whether its sender was told that it takes long.
    told INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    -- Who is at it.
    lease TEXT,
    -- Why it is not tried at all.
    held TEXT,
    last_at INTEGER,
    last_reply TEXT,
    mac BLOB NOT NULL,
    UNIQUE (message, recipient)
) STRICT;
CREATE INDEX queue_by_way ON queue (way, due_at, message) WHERE held IS NULL;
CREATE INDEX queue_by_look ON queue (look_at) WHERE held IS NULL;
CREATE INDEX queue_leased ON queue (lease) WHERE lease IS NOT NULL;

-- Where mail waits for; gone once nothing waits and nothing is wrong.
CREATE TABLE queue_way (
    way TEXT PRIMARY KEY,
    -- When something of it may be tried; null while nothing waits.
    next_at INTEGER,
    -- Attempts that failed one after another for everything on this way, and until when it is left
    -- in peace because of it.
    failures INTEGER NOT NULL,
    quiet_until INTEGER NOT NULL,
    last_at INTEGER,
    last_reply TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX queue_way_working ON queue_way (next_at) WHERE failures = 0;
CREATE INDEX queue_way_failing ON queue_way (next_at) WHERE failures > 0;

-- Where a message went outside, by whom it was taken and in which words, as JSON.
ALTER TABLE fate ADD COLUMN outcome BLOB;
-- To whom mail went out, now that it really does.
DROP INDEX fate_by_target;
CREATE INDEX fate_by_target ON fate (target COLLATE NOCASE, at)
    WHERE action IN ('sink', 'queue');
