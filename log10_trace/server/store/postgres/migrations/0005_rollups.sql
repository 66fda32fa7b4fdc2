-- A roll-up holds what its models count and one histogram in one row, as text that the servers read (tallies.py);
-- models are counted for themselves beside tags, call sites and sessions. With a row for each model and each bucket
-- of durations the table had a row for nearly every call, many times over.

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
    counts          text NOT NULL,
    durations       text NOT NULL,
    PRIMARY KEY (organization_id, dimension, width, start, key)
) WITH (fillfactor = 80);

CREATE TABLE rollup_deltas (LIKE rollups)
    WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE rollup_deltas DROP COLUMN width;

WITH folded AS (
    SELECT organization_id, dimension, width, start, key, model, bucket, calls, failed, metered, input_tokens,
        output_tokens, cached_tokens
    FROM rollups_by_bucket
    UNION ALL
    SELECT organization_id, dimension, width, CASE width WHEN 0 THEN 0 ELSE start - mod(start, width) END, key,
        model, bucket, calls, failed, metered, input_tokens, output_tokens, cached_tokens
    FROM rollup_deltas_by_bucket, unnest(ARRAY[0, 1, 60, 1440]::smallint[]) AS width
), slots AS (
    SELECT * FROM folded
    UNION ALL
    SELECT organization_id, 'model', width, start, model, model, bucket, calls, failed, metered, input_tokens,
        output_tokens, cached_tokens
    FROM folded WHERE dimension = 'none'
), models AS (
    SELECT organization_id, dimension, width, start, key, model, sum(calls) AS calls,
        concat_ws(', ', sum(calls), sum(failed), sum(metered), sum(input_tokens), sum(output_tokens),
                  sum(cached_tokens)) AS counts
    FROM slots GROUP BY organization_id, dimension, width, start, key, model HAVING sum(calls) > 0
), buckets AS (
    SELECT organization_id, dimension, width, start, key, bucket, sum(calls) AS calls
    FROM slots GROUP BY organization_id, dimension, width, start, key, bucket
    HAVING bucket >= 0 AND sum(calls) > 0
), counts AS (
    SELECT organization_id, dimension, width, start, key, sum(calls) AS calls,
        '{' || string_agg(to_json(model)::text || ':[' || counts || ']', ',') || '}' AS counts
    FROM models GROUP BY organization_id, dimension, width, start, key
), durations AS (
    SELECT organization_id, dimension, width, start, key,
        '[' || string_agg(bucket || ', ' || calls, ', ') || ']' AS durations
    FROM buckets GROUP BY organization_id, dimension, width, start, key
)
INSERT INTO rollups (organization_id, dimension, width, start, key, calls, counts, durations)
SELECT organization_id, dimension, width, start, key, calls, counts, COALESCE(durations, '[]')
FROM counts LEFT JOIN durations USING (organization_id, dimension, width, start, key);

DROP TABLE rollups_by_bucket, rollup_deltas_by_bucket;
