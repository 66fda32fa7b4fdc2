-- The first schema. A migration that was ever released is never changed; the next one has the next number.

CREATE TABLE completions (
    position        INTEGER PRIMARY KEY,  -- milliseconds the call began << 8, plus a number to tell apart
    organization_id TEXT NOT NULL,
    id              TEXT NOT NULL,
    status          TEXT NOT NULL,
    kind            TEXT,
    model           TEXT,
    session_id      TEXT,
    failure_kind    TEXT,
    file            TEXT,                 -- of the innermost frame
    function        TEXT,
    duration        REAL,                 -- seconds
    tokens          INTEGER,              -- input and output together
    input_tokens    INTEGER,
    output_tokens   INTEGER
) STRICT;
CREATE UNIQUE INDEX completions_by_id ON completions (organization_id, id);
-- Covers every filter that has no index of its own, so that the worst of them reads some 50 bytes a row.
CREATE INDEX completions_by_time
    ON completions (organization_id, position, status, kind, function, duration, tokens);
CREATE INDEX completions_by_session ON completions (organization_id, session_id) WHERE session_id IS NOT NULL;
CREATE INDEX completions_by_model ON completions (organization_id, model) WHERE model IS NOT NULL;
CREATE INDEX completions_by_failure ON completions (organization_id, failure_kind)
    WHERE failure_kind IS NOT NULL;
CREATE INDEX completions_by_file ON completions (organization_id, file) WHERE file IS NOT NULL;

CREATE TABLE tags (
    organization_id TEXT NOT NULL,
    tag             TEXT NOT NULL,
    position        INTEGER NOT NULL,
    PRIMARY KEY (organization_id, tag, position)
) STRICT, WITHOUT ROWID;

-- What lists show comes first in the row, so that they never read the pages that a long body fills.
CREATE TABLE bodies (
    position         INTEGER PRIMARY KEY,
    head             TEXT NOT NULL,       -- the small fields, as received
    preview_request  TEXT NOT NULL,
    preview_response TEXT NOT NULL,
    skipped          INTEGER NOT NULL,    -- messages that an earlier call's index entry holds
    stack            INTEGER,
    body             BLOB NOT NULL        -- all other fields, as received, compressed
) STRICT;

CREATE TABLE stacks (
    number          INTEGER PRIMARY KEY,
    organization_id TEXT NOT NULL,
    digest          BLOB NOT NULL,
    uses            INTEGER NOT NULL,     -- bodies that name it; at 0 it goes
    body            BLOB NOT NULL,
    UNIQUE (organization_id, digest)
) STRICT;

-- One word for the organization stands beside the words of the record, so that the index itself keeps
-- organizations apart.
CREATE VIRTUAL TABLE search USING fts5 (
    organization, words, content = '', tokenize = 'unicode61 remove_diacritics 2'
);
-- Bytes gathered before a segment is written, and segments gathered before they are merged: with more of both
-- the index costs half as much to keep, and as little to search.
INSERT INTO search (search, rank) VALUES ('hashsize', 8388608);
INSERT INTO search (search, rank) VALUES ('automerge', 8);
INSERT INTO search (search, rank) VALUES ('crisismerge', 32);

CREATE TABLE rollups (
    organization_id TEXT NOT NULL,
    dimension       TEXT NOT NULL,
    width           INTEGER NOT NULL,     -- minutes; 0 is all time
    start           INTEGER NOT NULL,     -- minutes since 1970
    key             TEXT NOT NULL,
    model           TEXT NOT NULL,
    calls           INTEGER NOT NULL,
    failed          INTEGER NOT NULL,
    metered         INTEGER NOT NULL,
    input_tokens    INTEGER NOT NULL,
    output_tokens   INTEGER NOT NULL,
    cached_tokens   INTEGER NOT NULL,
    durations       TEXT NOT NULL,        -- JSON: histogram bucket -> calls
    PRIMARY KEY (organization_id, dimension, width, start, key, model)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    organization_id TEXT NOT NULL,
    id              TEXT NOT NULL,
    first_ms        INTEGER NOT NULL,
    last_ms         INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_last ON sessions (organization_id, last_ms, id);

-- Sequence numbers that arrived, as ranges with both ends; pruning records takes nothing from them.
CREATE TABLE sequences (
    organization_id TEXT NOT NULL,
    source          TEXT NOT NULL,
    first           INTEGER NOT NULL,
    last            INTEGER NOT NULL,
    PRIMARY KEY (organization_id, source, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE feedback_tasks (
    organization_id TEXT NOT NULL,
    id              TEXT NOT NULL,
    name            TEXT NOT NULL,
    instruction     TEXT NOT NULL,
    json_schema     TEXT NOT NULL,
    tags_selector   TEXT NOT NULL,        -- JSON list
    created_at_ms   INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE feedback (
    organization_id TEXT NOT NULL,
    id              TEXT NOT NULL,
    task_id         TEXT NOT NULL,
    json_values     TEXT NOT NULL,
    comment         TEXT,
    created_at_ms   INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE INDEX feedback_by_time ON feedback (organization_id, created_at_ms, id);
CREATE INDEX feedback_by_task ON feedback (organization_id, task_id, created_at_ms, id);

CREATE TABLE feedback_completions (
    organization_id TEXT NOT NULL,
    completion_id   TEXT NOT NULL,
    task_id         TEXT NOT NULL,
    feedback_id     TEXT NOT NULL,
    ordinal         INTEGER NOT NULL,
    PRIMARY KEY (organization_id, completion_id, task_id, feedback_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX feedback_completions_by_feedback
    ON feedback_completions (organization_id, feedback_id, ordinal, completion_id);

CREATE TABLE keys (
    organization_id TEXT NOT NULL,
    id              TEXT NOT NULL UNIQUE,
    name            TEXT NOT NULL,
    scopes          TEXT NOT NULL,        -- JSON list
    secret_hash     BLOB NOT NULL,
    created_at_ms   INTEGER NOT NULL,
    expires_at_ms   INTEGER,
    revoked_at_ms   INTEGER,
    last_used_at_ms INTEGER,
    PRIMARY KEY (organization_id, id)
) STRICT;

-- Work that goes on after a restart: 'cleanse' takes deleted words out of the text index.
CREATE TABLE chores (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
