-- A roll-up holds what its models count in one row, which is a fifth of the rows where there are five models, and
-- one histogram; models are counted for themselves beside tags, call sites and sessions. What commits change lies
-- in a table of its own until it is folded into the roll-ups.

ALTER TABLE rollups RENAME TO rollups_by_model;

CREATE TABLE rollups (
    organization_id TEXT NOT NULL,
    dimension       TEXT NOT NULL,
    width           INTEGER NOT NULL,     -- minutes; 0 is all time
    start           INTEGER NOT NULL,     -- minutes since 1970
    key             TEXT NOT NULL,
    calls           INTEGER NOT NULL,
    counts          TEXT NOT NULL,        -- JSON: model -> calls, failed, metered, tokens (tallies.py)
    durations       TEXT NOT NULL,        -- JSON: histogram bucket, calls, bucket, calls, ...
    PRIMARY KEY (organization_id, dimension, width, start, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE rollup_deltas (
    number          INTEGER PRIMARY KEY,
    share           INTEGER NOT NULL,     -- told by the key; one share is folded at a time
    organization_id TEXT NOT NULL,
    dimension       TEXT NOT NULL,
    start           INTEGER NOT NULL,     -- the minute
    key             TEXT NOT NULL,
    calls           INTEGER NOT NULL,
    counts          TEXT NOT NULL,
    durations       TEXT NOT NULL
) STRICT;

INSERT INTO rollups (organization_id, dimension, width, start, key, calls, counts, durations)
SELECT organization_id, dimension, width, start, key, sum(calls),
    json_group_object(
        model, json_array(calls, failed, metered, input_tokens, output_tokens, cached_tokens)
    ),
    '[' || coalesce((
        SELECT group_concat(bucket || ',' || calls, ',') FROM (
            SELECT one.key AS bucket, sum(one.value) AS calls
            FROM rollups_by_model AS same, json_each(same.durations) AS one
            WHERE same.organization_id = slot.organization_id AND same.dimension = slot.dimension
                AND same.width = slot.width AND same.start = slot.start AND same.key = slot.key
            GROUP BY one.key
        )
    ), '') || ']'
FROM rollups_by_model AS slot GROUP BY organization_id, dimension, width, start, key;

INSERT INTO rollups (organization_id, dimension, width, start, key, calls, counts, durations)
SELECT organization_id, 'model', width, start, model, calls,
    json_object(model, json_array(calls, failed, metered, input_tokens, output_tokens, cached_tokens)),
    '[' || coalesce((
        SELECT group_concat(one.key || ',' || one.value, ',') FROM json_each(durations) AS one
    ), '') || ']'
FROM rollups_by_model WHERE dimension = 'none';

DROP TABLE rollups_by_model;
-- Which gives the room back.
INSERT OR IGNORE INTO chores (name) SELECT 'cleanse' WHERE EXISTS (SELECT 1 FROM completions);
