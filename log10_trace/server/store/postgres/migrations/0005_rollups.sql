-- A roll-up holds its models' sums and its whole histogram in one row, as text that the servers read (tallies.py).
-- With a row for each model and each bucket of durations the table had a row for nearly every call, many times over.

ALTER TABLE rollups RENAME TO rollups_by_bucket;
ALTER INDEX rollups_pkey RENAME TO rollups_by_bucket_pkey;
ALTER TABLE rollup_deltas RENAME TO rollup_deltas_by_bucket;

CREATE TABLE rollups (
    organization_id text COLLATE "C" NOT NULL,
    dimension       text COLLATE "C" NOT NULL,
    width           smallint NOT NULL,
    start           bigint NOT NULL,
    key             text COLLATE "C" NOT NULL,
    calls           bigint NOT NULL,
    sums            text NOT NULL,
    PRIMARY KEY (organization_id, dimension, width, start, key)
) WITH (fillfactor = 80);

CREATE TABLE rollup_deltas (LIKE rollups)
    WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE rollup_deltas DROP COLUMN width;

WITH by_bucket AS (
    SELECT organization_id, dimension, width, start, key, model, bucket, calls, failed, metered, input_tokens,
        output_tokens, cached_tokens
    FROM rollups_by_bucket
    UNION ALL
    SELECT organization_id, dimension, width, CASE width WHEN 0 THEN 0 ELSE start - mod(start, width) END, key,
        model, bucket, calls, failed, metered, input_tokens, output_tokens, cached_tokens
    FROM rollup_deltas_by_bucket, unnest(ARRAY[0, 1, 60, 1440]::smallint[]) AS width
), buckets AS (
    SELECT organization_id, dimension, width, start, key, model, bucket, sum(calls) AS calls, sum(failed) AS failed,
        sum(metered) AS metered, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
        sum(cached_tokens) AS cached_tokens
    FROM by_bucket GROUP BY organization_id, dimension, width, start, key, model, bucket
), models AS (
    SELECT organization_id, dimension, width, start, key, model, sum(calls) AS calls,
        concat_ws(',', sum(calls), sum(failed), sum(metered), sum(input_tokens), sum(output_tokens),
                  sum(cached_tokens), string_agg(bucket || ',' || calls, ',') FILTER (WHERE bucket >= 0)) AS numbers
    FROM buckets WHERE calls <> 0 GROUP BY organization_id, dimension, width, start, key, model
)
INSERT INTO rollups (organization_id, dimension, width, start, key, calls, sums)
SELECT organization_id, dimension, width, start, key, sum(calls),
    '{' || string_agg(to_json(model)::text || ':[' || numbers || ']', ',') || '}'
FROM models GROUP BY organization_id, dimension, width, start, key;

DROP TABLE rollups_by_bucket, rollup_deltas_by_bucket;
