-- What is remembered of deleted records, so that a repeated delivery does not bring them back (deletions.py).

CREATE TABLE deleted (
    organization_id TEXT NOT NULL,
    record          TEXT NOT NULL,        -- hash of organization and id
    content         TEXT NOT NULL,        -- hash of the content; '' stands for any
    day             INTEGER NOT NULL,     -- days since 1970
    PRIMARY KEY (organization_id, record)
) STRICT, WITHOUT ROWID;
CREATE INDEX deleted_by_day ON deleted (day);

-- Records that began before this moment may have been pruned.
CREATE TABLE pruned (
    number    INTEGER PRIMARY KEY CHECK (number = 1),
    before_ms INTEGER NOT NULL
) STRICT;
