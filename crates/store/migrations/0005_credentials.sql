-- What happened to credentials; what they are stands in the ledger alone.

-- When each was last used. Written now and then: the activity log knows every sign-in.
CREATE TABLE credential_use (
    credential INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    door TEXT NOT NULL,
    source TEXT NOT NULL
) STRICT;

-- The newest time step of a second factor whose code was taken (RFC 6238 §5.2).
CREATE TABLE totp_step (
    credential INTEGER PRIMARY KEY,
    step INTEGER NOT NULL
) STRICT;

-- Recovery codes that were taken, by their place in the set.
CREATE TABLE recovery_code_use (
    credential INTEGER NOT NULL,
    place INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (credential, place)
) STRICT, WITHOUT ROWID;

-- With what the sender of a message signed in.
ALTER TABLE fate ADD COLUMN credential INTEGER;
