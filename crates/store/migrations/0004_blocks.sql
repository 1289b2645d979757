-- Sources that the server refuses for a while, of its own accord. Kept after the block is over, so
-- that the next one of the same source is longer.
CREATE TABLE block (
    source TEXT PRIMARY KEY,
    -- What is refused: sign_ins or connections.
    what TEXT NOT NULL,
    -- The rule that made it.
    rule TEXT NOT NULL,
    -- How many blocks of this source there were in a row, this one included.
    times INTEGER NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX block_by_end ON block (until);
