-- What the sender asked of this message and recipient, as JSON; null where it asked nothing.
ALTER TABLE fate ADD COLUMN params BLOB;
