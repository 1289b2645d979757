-- The names that an account subscribed to. A name stays when its mailbox is deleted, until it is
-- unsubscribed (RFC 9051 §6.3.5).
CREATE TABLE subscription (
    account INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;
INSERT INTO subscription SELECT account, name FROM mailbox WHERE subscribed;
ALTER TABLE mailbox DROP COLUMN subscribed;
