-- Messages that were just delivered. Those that come one after another go to different mailboxes, and
-- each would change a page of its own of mailbox_email; here they stand one behind the other, and
-- move there many at a time. created_modseq is modseq until then.
-- Once released this file never changes.
CREATE TABLE arrival (
    email INTEGER PRIMARY KEY,
    mailbox INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    saved_at INTEGER NOT NULL,
    octets INTEGER NOT NULL,
    received_at INTEGER NOT NULL
) STRICT;

-- What mailboxes hold.
CREATE VIEW in_mailbox AS
    SELECT mailbox, uid, email, flags, modseq, created_modseq, saved_at, octets, received_at
      FROM mailbox_email
    UNION ALL
    SELECT mailbox, uid, email, flags, modseq, modseq, saved_at, octets, received_at FROM arrival;
