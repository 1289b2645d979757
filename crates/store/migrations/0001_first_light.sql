-- The first schema. Times are integer microseconds since 1970, octets are counts of bytes.
-- What is not declared nullable never is. Once released this file never changes.

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- Counters of an account; the row comes into being with its first mailbox.
CREATE TABLE account_state (
    account INTEGER PRIMARY KEY,
    modseq INTEGER NOT NULL,
    uidvalidity INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    octets INTEGER NOT NULL,
    recoverable_octets INTEGER NOT NULL
) STRICT;

CREATE TABLE mailbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL,
    name TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL,
    uidnext INTEGER NOT NULL,
    -- HIGHESTMODSEQ.
    modseq INTEGER NOT NULL,
    -- Expunges at or below this MODSEQ are no longer listed in tombstone.
    tombstone_floor INTEGER NOT NULL,
    special_use TEXT,
    subscribed INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    unseen INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    octets INTEGER NOT NULL,
    UNIQUE (account, name)
) STRICT;

CREATE TABLE mailbox_keyword (
    mailbox INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (mailbox, idx)
) STRICT, WITHOUT ROWID;

-- A MIME body in a pack. dead_at: since when nothing refers to it.
CREATE TABLE blob (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256 BLOB NOT NULL,
    octets INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    start INTEGER NOT NULL,
    dead_at INTEGER
) STRICT;
CREATE INDEX blob_by_place ON blob (segment, start);
CREATE INDEX blob_dead ON blob (dead_at) WHERE dead_at IS NOT NULL;

-- One account's message: its own header block over a body. octets is RFC822.SIZE.
-- thread_id is null for a message that is a thread of its own.
CREATE TABLE email (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL,
    blob INTEGER NOT NULL,
    octets INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    thread_id INTEGER,
    envelope BLOB NOT NULL,
    bodystructure BLOB NOT NULL,
    preview BLOB NOT NULL,
    head BLOB NOT NULL
) STRICT;
CREATE INDEX email_by_blob ON email (blob);

-- octets and received_at repeat the email's, so that a mailbox is listed without its header blocks.
CREATE TABLE mailbox_email (
    mailbox INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    email INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    created_modseq INTEGER NOT NULL,
    saved_at INTEGER NOT NULL,
    octets INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX mailbox_email_by_email ON mailbox_email (email);

-- UIDs that were expunged, as ranges.
CREATE TABLE tombstone (
    mailbox INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    first_uid INTEGER NOT NULL,
    last_uid INTEGER NOT NULL,
    PRIMARY KEY (mailbox, modseq, first_uid)
) STRICT, WITHOUT ROWID;

-- What was removed and can still be brought back.
CREATE TABLE recoverable (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL,
    email INTEGER NOT NULL,
    mailbox TEXT NOT NULL,
    octets INTEGER NOT NULL,
    reason TEXT NOT NULL,
    rule TEXT,
    removed_at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    mac BLOB NOT NULL
) STRICT;
CREATE INDEX recoverable_by_account ON recoverable (account, removed_at);
CREATE INDEX recoverable_by_email ON recoverable (email);
CREATE INDEX recoverable_by_until ON recoverable (until);

-- One row for each message and remote recipient.
CREATE TABLE queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message TEXT NOT NULL,
    account INTEGER,
    reverse_path TEXT NOT NULL,
    recipient TEXT NOT NULL,
    blob INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    lease_until INTEGER,
    last_reply TEXT,
    params BLOB NOT NULL,
    mac BLOB NOT NULL,
    head BLOB NOT NULL,
    UNIQUE (message, recipient)
) STRICT;
CREATE INDEX queue_by_due ON queue (due_at);
CREATE INDEX queue_by_blob ON queue (blob);

CREATE TABLE session (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL,
    door TEXT NOT NULL,
    source TEXT NOT NULL,
    credential INTEGER,
    -- Number of the sign-in's record in the activity log.
    sign_in INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    mac BLOB NOT NULL
) STRICT;
CREATE INDEX session_by_account ON session (account, started_at);

-- What became of one message for one recipient.
CREATE TABLE fate (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message TEXT NOT NULL,
    at INTEGER NOT NULL,
    config_size INTEGER NOT NULL,
    account INTEGER,
    recipient TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    rules BLOB NOT NULL,
    session INTEGER,
    size INTEGER NOT NULL,
    reverse_path TEXT NOT NULL,
    message_id TEXT NOT NULL
) STRICT;
CREATE INDEX fate_by_time ON fate (at);
CREATE INDEX fate_by_message ON fate (message);
CREATE INDEX fate_by_message_id ON fate (message_id);
CREATE INDEX fate_by_recipient ON fate (recipient, at);
CREATE INDEX fate_by_sender ON fate (reverse_path, at);
CREATE INDEX fate_by_account ON fate (account, at);

CREATE TABLE fate_rule (
    rule TEXT NOT NULL,
    fate INTEGER NOT NULL,
    PRIMARY KEY (rule, fate)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger_entry (
    log TEXT NOT NULL,
    seq INTEGER NOT NULL,
    leaf BLOB NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (log, seq)
) STRICT;

CREATE TABLE ledger_checkpoint (
    log TEXT NOT NULL,
    size INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (log, size)
) STRICT;

-- Values that entries name by their SHA-256.
CREATE TABLE ledger_object (
    sha256 BLOB PRIMARY KEY,
    secret INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;

-- Sealed openings of the commitments in entries.
CREATE TABLE ledger_sidecar (
    commitment BLOB PRIMARY KEY,
    subject TEXT NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
CREATE INDEX ledger_sidecar_by_subject ON ledger_sidecar (subject);
