-- Sums over the columns of a message, which never change: an octet that changed on the disk is
-- noticed before it is given out. The first 16 octets of SHA-256; sum.rs says over what. Null in
-- rows of earlier releases.
ALTER TABLE email ADD COLUMN list_sum BLOB;
ALTER TABLE email ADD COLUMN text_sum BLOB;
