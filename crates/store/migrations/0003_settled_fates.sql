-- The indexes of fates are filled later, many fates at a time: a fate is in them once it is settled.
-- The largest id of a settled fate stands in meta; those behind it are looked through.
-- Once released this file never changes.

DROP INDEX fate_by_time;
DROP INDEX fate_by_message;
DROP INDEX fate_by_message_id;
DROP INDEX fate_by_recipient;
DROP INDEX fate_by_sender;
DROP INDEX fate_by_account;

ALTER TABLE fate ADD COLUMN settled INTEGER NOT NULL DEFAULT 1;

CREATE INDEX fate_by_time ON fate (at) WHERE settled = 1;
CREATE INDEX fate_by_message ON fate (message) WHERE settled = 1;
CREATE INDEX fate_by_message_id ON fate (message_id) WHERE settled = 1;
CREATE INDEX fate_by_recipient ON fate (recipient, at) WHERE settled = 1;
CREATE INDEX fate_by_sender ON fate (reverse_path, at) WHERE settled = 1;
CREATE INDEX fate_by_account ON fate (account, at) WHERE settled = 1;

INSERT INTO meta (key, value)
    SELECT 'fates_settled', CAST(COALESCE(MAX(id), 0) AS TEXT) FROM fate;
