-- A roll-up holds its models' sums in one row, which is a fifth of the rows where there are five models; and
-- what commits change lies in a table of its own until it is folded into the roll-ups.

ALTER TABLE rollups RENAME TO rollups_by_model;

CREATE TABLE rollups (
    organization_id TEXT NOT NULL,
    dimension       TEXT NOT NULL,
    width           INTEGER NOT NULL,     -- minutes; 0 is all time
    start           INTEGER NOT NULL,     -- minutes since 1970
    key             TEXT NOT NULL,
    calls           INTEGER NOT NULL,     -- of all models
    sums            TEXT NOT NULL,        -- JSON: model -> the numbers of its tally (tallies.py)
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
    sums            TEXT NOT NULL
) STRICT;

INSERT INTO rollups (organization_id, dimension, width, start, key, calls, sums)
SELECT organization_id, dimension, width, start, key, sum(calls), json_group_object(model, json(
    '[' || calls || ',' || failed || ',' || metered || ',' || input_tokens || ',' || output_tokens || ',' ||
    cached_tokens || (
        SELECT coalesce(group_concat(',' || bucket.key || ',' || bucket.value, ''), '')
        FROM json_each(durations) AS bucket
    ) || ']'
))
FROM rollups_by_model GROUP BY organization_id, dimension, width, start, key;

DROP TABLE rollups_by_model;
-- Which gives the room back.
INSERT OR IGNORE INTO chores (name) SELECT 'cleanse' WHERE EXISTS (SELECT 1 FROM completions);
