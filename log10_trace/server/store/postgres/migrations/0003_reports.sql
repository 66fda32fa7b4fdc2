-- What is counted as records come in.

-- Roll-ups (tallies.py): what calls with something in common add up to. dimension says what key names, width is
-- the span in minutes (0: all time) that begins at minute start, bucket the step of the duration scale that the
-- calls ended in (-1: none yet). So every question is a sum, percentiles too.
CREATE TABLE rollups (
    organization_id text COLLATE "C" NOT NULL,
    dimension       text COLLATE "C" NOT NULL,
    width           smallint NOT NULL,
    start           bigint NOT NULL,
    key             text COLLATE "C" NOT NULL,
    model           text COLLATE "C" NOT NULL,
    bucket          smallint NOT NULL,
    calls           bigint NOT NULL,
    failed          bigint NOT NULL,
    metered         bigint NOT NULL,
    input_tokens    bigint NOT NULL,
    output_tokens   bigint NOT NULL,
    cached_tokens   bigint NOT NULL,
    PRIMARY KEY (organization_id, dimension, width, start, key, model, bucket)
) WITH (fillfactor = 80);
CREATE INDEX rollups_come_to_nothing ON rollups (organization_id) WHERE calls = 0;

-- What the servers add, minute by minute, each without waiting for the others; the leader folds it into rollups.
CREATE TABLE rollup_deltas (LIKE rollups)
    WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE rollup_deltas DROP COLUMN width;

CREATE TABLE sessions (
    organization_id text COLLATE "C" NOT NULL,
    id              text COLLATE "C" NOT NULL,
    first_ms        bigint NOT NULL,
    last_ms         bigint NOT NULL,
    PRIMARY KEY (organization_id, id)
) WITH (fillfactor = 80);
CREATE INDEX sessions_by_time ON sessions (organization_id, last_ms, id);

-- Sequence numbers that arrived from each process, as ranges with both ends. Servers append; the leader joins
-- ranges that touch.
CREATE TABLE arrivals (
    organization_id text COLLATE "C" NOT NULL,
    source          text COLLATE "C" NOT NULL,
    first           bigint NOT NULL,
    last            bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
CREATE INDEX arrivals_by_source ON arrivals (organization_id, source, first);
