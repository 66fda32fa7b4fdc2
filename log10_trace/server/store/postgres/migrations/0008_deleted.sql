-- What is remembered of deleted records, so that a repeated delivery does not bring them back (deletions.py).

CREATE TABLE deleted (
    organization_id text COLLATE "C" NOT NULL,
    record          text COLLATE "C" NOT NULL, -- hash of organization and id
    content         text COLLATE "C" NOT NULL, -- hash of the content; '' stands for any
    day             int NOT NULL,              -- days since 1970
    PRIMARY KEY (organization_id, record)
);
CREATE INDEX deleted_by_day ON deleted (day);

-- Records that began before this moment may have been pruned.
CREATE TABLE pruned (
    number    int PRIMARY KEY CHECK (number = 1),
    before_ms bigint NOT NULL
);
